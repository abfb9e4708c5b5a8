"""A connector's home and account: set up once, opened by every command.

The home holds ``connector.ini``, which is the set-up without its password, beside what
the sync keeps there.  Setting up goes in this order, so that an interruption at any point
loses no password and is mended by doing it again: the password is kept, then taken out of
the file that it came in, then the home gets its ``connector.ini``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from calendar_sync.connector.client import ConnectorClient
from calendar_sync.connector.inifile import blank_password, blanked, read_setup, replace
from calendar_sync.connector.secrets import Secrets
from freebusy.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from calendar_sync.connector.setup import Setup

INI = "connector.ini"


def default_home(environ: Mapping[str, str]) -> Path:
    """Return where a connector's home is unless it is told (XDG Base Directory)."""
    base = Path(environ.get("XDG_DATA_HOME", ""))
    if not base.is_absolute():
        base = Path.home() / ".local" / "share"
    return base / "freebusy-connector"


@dataclass(slots=True)
class ConnectorAccount:
    """A set-up, and the password that belongs to it."""

    home: Path
    setup: Setup
    password: str = field(repr=False)
    source: Path | None = None
    """The file that it was read from."""
    body: bytes = field(default=b"", repr=False)
    """What that file holds."""

    @property
    def is_settled(self) -> bool:
        """Whether the home has it already, and the password is where it is to be."""
        return self.source == self.home / INI and not self._in_file

    @property
    def _in_file(self) -> bool:
        return bool(self.setup.account.password.get_secret_value())

    def client(self, language: str = "") -> ConnectorClient:
        """Return a client of the gateway; ``language`` as it takes it."""
        server = self.setup.server
        return ConnectorClient(
            self.setup.url,
            self.setup.account.login,
            self.password,
            ca_file=server.ca_file,
            timeout=server.timeout,
            language=language,
        )

    def settle(self) -> str:
        """Keep the password, blank it in the file, and let the home have the set-up.

        Returns where the password is now, for people.  Raises FreeBusyError, OSError.
        """
        make_home(self.home)
        account = self.setup.account
        secrets = Secrets(self.home, account.password_store)
        where = secrets.keep(self.setup.place, account.login, self.password)
        if self._in_file and self.source is not None:
            self.body = blank_password(self.source, self.body)
        if self.source != self.home / INI:
            replace(self.home / INI, blanked(self.body))
        return where


def make_home(home: Path) -> None:
    """Make the home where it is missing, for its owner alone."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)


def read_account(path: Path, home: Path) -> ConnectorAccount:
    """Read a set-up, with the password in it or the one that is kept for it.

    Raises ConfigurationError, also where there is no password.
    """
    path = path.absolute()
    setup, body = read_setup(path)
    account = setup.account
    password = account.password.get_secret_value()
    if not password:
        kept = Secrets(home, account.password_store).find(setup.place, account.login)
        if kept is None:
            raise ConfigurationError([_no_password(path, setup)])
        password = kept
    return ConnectorAccount(home, setup, password, path, body)


def _no_password(path: Path, setup: Setup) -> str:
    return (
        f"{path}: no password is kept for {setup.account.login} at {setup.place}: "
        "run freebusy connector setup, or write it after password = in this file"
        " (chmod 600), from where it moves to the keyring"
    )


def open_account(home: Path) -> ConnectorAccount:
    """Open a home; a password that stands in its ``connector.ini`` moves out of it now.

    Raises ConfigurationError where nothing is set up there.
    """
    home = home.absolute()
    if not (home / INI).exists():
        raise ConfigurationError(
            [f"no connector is set up in {home}: run freebusy connector setup"]
        )
    return read_account(home / INI, home)
