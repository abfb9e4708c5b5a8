"""Passwords: read from a file or the environment, never from the configuration itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, PrivateAttr, SecretStr, ValidationInfo, model_validator

from freebusy.config.model import Section
from freebusy.config.values import Folder, unexpected

if TYPE_CHECKING:
    from pathlib import Path

MAX_PASSWORD = 4096
OPEN_TO_OTHERS = 0o007


def text_of(path: Path, size: int, errors: str = "strict") -> str:
    """Return at most the first ``size`` characters of a file that holds a secret."""
    try:
        with path.open(encoding="utf-8", errors=errors) as file:
            return file.read(size)
    except OSError as error:
        where = "relative to the folder of this configuration"
        raise unexpected(f"a file that can be read, {where} ({error.strerror})") from None
    except UnicodeDecodeError:
        raise unexpected("a file with a password in UTF-8") from None


def is_open_to_others(path: Path) -> bool:
    """Whether every user of this machine may read a file, or change it."""
    return bool(path.stat().st_mode & OPEN_TO_OTHERS)


def _from_file(path: Path) -> str:
    password = text_of(path, MAX_PASSWORD + 1).rstrip("\r\n")
    if not password or len(password) > MAX_PASSWORD or "\n" in password or "\0" in password:
        raise unexpected("a file with one line, the password")
    return password


def _from_environment(variable: str, info: ValidationInfo) -> str:
    password: str | None = info.context["environ"].get(variable) if info.context else None
    if not password:
        raise unexpected("the name of an environment variable that is set")
    return password


def _readable(path: Path) -> Path:
    _from_file(path)
    return path


def _set(variable: str, info: ValidationInfo) -> str:
    _from_environment(variable, info)
    return variable


class WithPassword(Section):
    """A table that may hold a password, by file or by environment variable.

    No message holds the value of either key: the password itself is sometimes
    written there by mistake.
    """

    password_file: Annotated[Folder, AfterValidator(_readable)] | None = None
    """A file that holds the password alone; a line end after it is not part of it."""
    password_env: Annotated[str, AfterValidator(_set)] | None = None
    """The name of an environment variable."""
    _password: SecretStr | None = PrivateAttr(default=None)
    ways: ClassVar[tuple[str, ...]] = ("password_file", "password_env")
    """The keys by which a password can be given: one of them at most."""

    @property
    def password(self) -> str | None:
        """Return the password, or None where neither key is set."""
        return None if self._password is None else self._password.get_secret_value()

    @property
    def is_exposed(self) -> bool:
        """Whether every user of this machine may read the password file."""
        return self.password_file is not None and is_open_to_others(self.password_file)

    @model_validator(mode="after")
    def _keep_password(self, info: ValidationInfo) -> WithPassword:
        if sum(getattr(self, way) is not None for way in self.ways) > 1:
            *others, last = self.ways
            raise unexpected(f"one of {', '.join(others)} and {last}, not several")
        password = self.read_password(info)
        if password is not None:
            self._password = SecretStr(password)
        return self

    def read_password(self, info: ValidationInfo) -> str | None:
        """Return the password from where it was said to be, or None where nothing was said."""
        if self.password_file is not None:
            return _from_file(self.password_file)
        if self.password_env is not None:
            return _from_environment(self.password_env, info)
        return None
