"""The set-up as a file: who may read it, and how its password is blanked in place."""

from __future__ import annotations

import os
import re
import secrets
import stat
from codecs import BOM_UTF8
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from calendar_sync.connector.setup import MAX_FILE, Setup, parsed, read_ini
from freebusy.errors import ConfigurationError, FreeBusyError

if TYPE_CHECKING:
    from collections.abc import Callable

OTHERS = 0o077
_SECTION = re.compile(rb"\[(.+)\]")
_KEY = re.compile(rb"(\s*([A-Za-z_]+)[ \t]*[=:])")


def read_setup(path: Path) -> tuple[Setup, bytes]:
    """Return a set-up and the octets that it was read from.

    Raises ConfigurationError, with the file before each problem: also where others can read
    a password that stands in it.
    """
    body, status = _read(path)
    try:
        setup = parsed(body)
    except ConfigurationError as error:
        raise ConfigurationError([f"{path}: {problem}" for problem in error.problems]) from None
    if setup.account.password.get_secret_value() and status.st_mode & OTHERS:
        problem = (
            f"{path}: others can read the password in it: chmod 600 {path}"
            " (and choose another password if somebody may have)"
        )
        raise ConfigurationError([problem])
    return setup, body


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ConfigurationError([f"{path}: is no file"])
            return file.read(MAX_FILE + 1), status
    except OSError as error:
        raise ConfigurationError([f"{path}: {error.strerror}"]) from None


def blank_password(path: Path, body: bytes) -> bytes:
    """Take the password out of a file that held ``body``; return what it holds then.

    Everything else stays octet for octet, and so do mode and owner.  Raises FreeBusyError
    where that cannot be done: the file is then as it was.
    """
    new = blanked(body)
    try:
        replace(path, new, check=lambda: _unchanged(path, body))
    except OSError as error:
        raise FreeBusyError(
            f"{path}: the password is kept safely, but cannot be taken out of this file"
            f" ({error.strerror}): empty the line after password = by hand"
        ) from None
    return new


def _unchanged(path: Path, body: bytes) -> None:
    if _read(path)[0] != body:
        raise FreeBusyError(f"{path}: somebody else just changed it; run this again")


def blanked(body: bytes) -> bytes:
    """Return a set-up without the value of ``password`` in ``[account]``."""
    return with_value(body, "account", "password", "")


def with_value(body: bytes, section: str, key: str, value: str) -> bytes:
    """Return a set-up with another value of a key; all other octets stay.

    Raises FreeBusyError where the file is written so that this cannot be done safely.
    """
    lines = body.splitlines(keepends=True)
    place = _line_of(lines, section, key)
    if place is not None:
        number, start = place
        end = lines[number][len(lines[number].rstrip(b"\r\n")) :]
        lines[number] = start + (b" " + value.encode() if value else b"") + end
    elif (head := _line_of(lines, section, None)) is not None:
        lines.insert(head[0] + 1, f"{key} = {value}\n".encode())
    else:
        lines.append(f"\n[{section}]\n{key} = {value}\n".encode())
    new = b"".join(lines)
    _check(body, new, section, key, value)
    return new


def _line_of(lines: list[bytes], section: str, key: str | None) -> tuple[int, bytes] | None:
    """Return the line of a key, or of its section's head, and what of it stands before a value."""
    current = b""
    for number, line in enumerate(lines):
        found = _KEY.match(line)
        if head := _SECTION.match(line.strip().removeprefix(BOM_UTF8)):
            current, name = head[1], None
        elif found is not None:
            name = found[2].decode("ascii").casefold()
        else:
            continue
        if current == section.encode() and name == key:
            return number, line if found is None else found[1]
    return None


def _check(old: bytes, new: bytes, section: str, key: str, value: str) -> None:
    """See that nothing else reads otherwise now."""
    expected = read_ini(old)
    expected.setdefault(section, {})[key] = value
    if read_ini(new) != expected:
        raise FreeBusyError(f"the line {key} = is not written plainly: change it by hand")


def replace(
    path: Path, body: bytes, *, mode: int = 0o600, check: Callable[[], None] = lambda: None
) -> None:
    """Write a file whole or not at all; one that is there keeps its mode and owner.

    A symbolic link stays one.  ``check`` is called before the file takes its place, and may
    raise.
    """
    path = Path(os.path.realpath(path))
    with suppress(FileNotFoundError):
        status = path.stat()
        mode = stat.S_IMODE(status.st_mode)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        _write(temporary, body, mode, path)
        check()
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush(path.parent)


def _write(path: Path, body: bytes, mode: int, like: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        with suppress(FileNotFoundError, PermissionError):  # as before, where we may
            status = like.stat()
            if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
        os.fchmod(file.fileno(), mode)
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def _flush(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
