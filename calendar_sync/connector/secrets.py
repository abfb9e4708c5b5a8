"""Where a connector keeps its password: the system's keyring, or a file of mode 600.

A password is kept for one server and one login, so that a changed URL sends it nowhere
else.  The keyring needs the extra ``freebusy-gateway[connector]`` and a real backend; its
library is imported only where the file does not hold the password.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Literal

from calendar_sync.connector.inifile import OTHERS, replace
from freebusy.errors import ConfigurationError, FreeBusyError

if TYPE_CHECKING:
    from pathlib import Path

    from keyring.backend import KeyringBackend

FILE = "password.json"
Store = Literal["auto", "keyring", "file"]


class Secrets:
    """The passwords of one home."""

    def __init__(self, home: Path, store: Store = "auto") -> None:
        self._path = home / FILE
        self._store = store

    def find(self, place: str, login: str) -> str | None:
        """Return the password for a login at a server; None where none is kept."""
        kept = self._in_file()
        if kept.get("server") == place and kept.get("login") == login:
            return str(kept["password"])
        if self._store == "file":
            return None
        return _from_keyring(place, login)

    def keep(self, place: str, login: str, password: str) -> str:
        """Keep a password, and forget where else it was; return where, for people.

        Raises FreeBusyError where the keyring is wanted and cannot be used.
        """
        if self._store != "file" and _into_keyring(place, login, password):
            self._path.unlink(missing_ok=True)
            return "the system's keyring"
        if self._store == "keyring":
            raise FreeBusyError(
                "no keyring can be used here: install freebusy-gateway[connector] and unlock"
                " the keyring, or set password_store = file"
            )
        kept = {"server": place, "login": login, "password": password}
        replace(self._path, json.dumps(kept).encode())
        if self._store != "file":
            _out_of_keyring(place, login)
        return f"{self._path} (mode 600)"

    def _in_file(self) -> dict[str, Any]:
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & OTHERS:
                    problem = "others can read the password in it: chmod 600 "
                    raise ConfigurationError([f"{self._path}: {problem}{self._path}"])
                kept = json.load(file)
        except FileNotFoundError:
            return {}
        except ValueError:
            raise ConfigurationError(
                [f"{self._path}: is damaged: remove it, and run freebusy connector setup"]
            ) from None
        return kept if isinstance(kept, dict) else {}


def _backend() -> KeyringBackend | None:
    """Return the system's keyring; None without the library or with a backend that keeps none."""
    try:
        import keyring
        from keyring.backends import fail, null
    except ImportError:
        return None
    backend = keyring.get_keyring()
    return None if isinstance(backend, fail.Keyring | null.Keyring) else backend


def _service(place: str) -> str:
    return f"freebusy connector {place}"


def _from_keyring(place: str, login: str) -> str | None:
    try:
        backend = _backend()
        return None if backend is None else backend.get_password(_service(place), login)
    except Exception:  # noqa: BLE001 - a backend may raise whatever its system gives it
        return None


def _into_keyring(place: str, login: str, password: str) -> bool:
    """Whether the keyring holds the password now: what cannot be read back was not kept."""
    try:
        backend = _backend()
        if backend is None:
            return False
        backend.set_password(_service(place), login, password)
        return backend.get_password(_service(place), login) == password
    except Exception:  # noqa: BLE001 - a backend may raise whatever its system gives it
        return False


def _out_of_keyring(place: str, login: str) -> None:
    try:
        backend = _backend()
        if backend is not None:
            backend.delete_password(_service(place), login)
    except Exception:  # noqa: BLE001, S110 - it was not there, or the keyring cannot be used
        pass
