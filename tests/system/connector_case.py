"""``freebusy connector`` as a person has it: a home, a set-up, a gateway that answers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from freebusy import cli
from tests.system.cli_case import Done
from tests.wire.connector_gateway import event

if TYPE_CHECKING:
    from pathlib import Path

SETUP = """\
# for {login}
[server]
url = {url}
[account]
login = {login}
password = {password}
password_store = file
{more}
"""
EVENTS = ("one", "two", "three")


class Person:
    """One person's home and commands, run inside this process."""

    def __init__(
        self,
        folder: Path,
        url: str,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        *,
        login: str = "hans",
        password: str = "wort",
    ) -> None:
        self.home = folder / f"home-{login}"
        self.file = folder / f"setup-{login}.ini"
        self.url, self.login, self.password = url, login, password
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setenv("TZ", "Europe/Berlin")
        for name in ("LC_ALL", "LC_MESSAGES", "FREEBUSY_CONNECTOR_HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("LANG", "de_DE.UTF-8")

    def write_setup(self, more: str = "") -> Path:
        """Write a setup.ini with the password in it."""
        text = SETUP.format(login=self.login, password=self.password, url=self.url, more=more)
        self.file.touch(0o600)
        self.file.write_text(text, encoding="utf-8")
        return self.file

    def set_up(self, more: str = "") -> None:
        """Set the home up from such a file."""
        done = self("setup", self.write_setup(more), "--unattended")
        assert 0 == done.code, done.err

    def __call__(self, *arguments: str | Path) -> Done:
        """Run a command to its end; return what it answered."""
        told = ["freebusy", "connector", *map(str, arguments), "--home", str(self.home)]
        self._capsys.readouterr()
        with self._monkeypatch.context() as patched:
            patched.setattr(sys, "argv", told)
            with pytest.raises(SystemExit) as ended:
                cli.main()
        out, err = self._capsys.readouterr()
        assert self.password not in out + err
        code = ended.value.code
        return Done(code if isinstance(code, int) else 1, out, err)

    # -- the local calendars

    def directory(self, folder: str = "Calendar") -> Path:
        return self.home / "calendars" / folder

    def write(self, *uids: str, folder: str = "Calendar", summary: str = "Meeting") -> None:
        """Write events as another program would."""
        for uid in uids:
            path = self.directory(folder) / f"{uid}.ics"
            path.write_text(event(uid, summary), encoding="utf-8")

    def names(self, folder: str = "Calendar") -> set[str]:
        """Return the files of a folder."""
        return {path.name for path in self.directory(folder).glob("*.ics")}


def rows(text: str) -> list[list[str]]:
    """Return a table's cells, which two blanks divide."""
    return [
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()
    ]
