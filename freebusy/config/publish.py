"""``[publish]``: what clients may write, and the password of the account that all share."""

from __future__ import annotations

import glob
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from freebusy.config.model import DAY, HOUR, MINUTE
from freebusy.config.secret import (
    MAX_PASSWORD,
    WithPassword,
    is_open_to_others,
    text_of,
)
from freebusy.config.values import (
    Count,
    Duration,
    Flag,
    Name,
    Networks,
    Rule,
    Size,
    beside,
    between,
    unexpected,
)
from freebusy.passwords import is_hash

HASH_PREFIX = "$scrypt$"
ANONYMOUS = ("anonymous", "ftp")
MAX_MSG_CONF = 1 << 16

# As a shell reads it, but for backslashes: with quotes or without, and a comment after it.
_FREEBUSYPWD = re.compile(
    r"""(?m)^[ \t]*(?:export[ \t]+)?FREEBUSYPWD[ \t]*=[ \t]*"""
    r"""(?:"([^"\n]*)"|'([^'\n]*)'|([^"'\s#][^\n]*?)?)[ \t]*(?:(?<=\s)\#[^\n]*)?$"""
)


def _hash(value: str) -> str:
    if not is_hash(value):
        raise unexpected(
            f"what `freebusy password hash` prints, one line that starts with {HASH_PREFIX}"
        )
    return value


def _newest(pattern: Path) -> Path:
    """Return the newest file that a path or a glob names."""
    try:
        files = [path for path in map(Path, glob.glob(str(pattern))) if path.is_file()]  # noqa: PTH207  # an absolute pattern
        return max(files, key=lambda path: path.stat().st_mtime_ns)
    except (OSError, ValueError):
        raise unexpected(
            "the path of a file that is there, or a pattern for it such as "
            '"/etc/opt/lsb*/msg/msg.conf", relative to the folder of this configuration'
        ) from None


def _from_msg_conf(path: Path) -> str:
    """Return the value of the last FREEBUSYPWD line, as a shell would keep it."""
    # Comments of its time may be in any encoding; the password has to be in UTF-8.
    lines = _FREEBUSYPWD.findall(text_of(path, MAX_MSG_CONF, errors="surrogateescape"))
    password = "".join(lines[-1]) if lines else ""
    if not password or len(password) > MAX_PASSWORD or not password.isprintable():
        raise unexpected("a file with a line FREEBUSYPWD=..., the password, in quotes or without")
    return password


def _found(pattern: Path) -> Path:
    path = _newest(pattern)
    _from_msg_conf(path)
    return path


MsgConf = Annotated[Path, AfterValidator(beside), AfterValidator(_found)]


class Publish(WithPassword):
    """``[publish]``: files that clients write."""

    ways: ClassVar[tuple[str, ...]] = (*WithPassword.ways, "password_hash", "msg_conf")

    enabled: Flag = True
    shared_user: Name = "freebusy"
    """The account that may write for everybody; without a password there is none."""
    password_hash: Annotated[str, AfterValidator(_hash)] | None = Field(default=None, repr=False)
    """Its password, as ``freebusy password hash`` prints it."""
    msg_conf: MsgConf | None = Field(default=None, repr=False)
    """The newest of the files with its password in a line ``FREEBUSYPWD=...``."""
    shared_account: Literal["adds", "replaces"] = "adds"
    """Whether what it writes adds busy time, or counts as the person's own."""
    trusted_networks: Networks = ()
    """From where anybody may write for everybody, as the shared account does."""
    combine: Rule = "union"
    publication_max_age: Annotated[Duration, between(HOUR, 3660 * DAY)] = 30 * DAY
    """Older than this and beside a calendar, a publication is tentative."""
    keep_received: Annotated[Duration, between(HOUR, 3660 * DAY)] = 30 * DAY
    """How long uploads are kept as they came."""
    max_upload: Annotated[Size, Field(ge=1 << 10, le=64 << 20)] = 1 << 20
    keep_received_bytes: Annotated[Size, Field(ge=1 << 10, le=1 << 40)] = 16 << 20
    """Of each NAME; older ones go first."""
    temporary_bytes: Annotated[Size, Field(ge=1 << 10, le=1 << 40)] = 8 << 20
    """Of each account, in files that wait for a rename."""
    upload_lifetime: Annotated[Duration, between(MINUTE, DAY)] = timedelta(minutes=10)
    """How long a file waits for its rename."""
    max_periods: Annotated[Count, Field(ge=1, le=1_000_000)] = 50_000
    """Of one upload."""

    @field_validator("shared_user")
    @classmethod
    def _is_no_guest(cls, user: str) -> str:
        if user in ANONYMOUS:
            raise unexpected("another name, because with this one FTP lets in whoever has no login")
        return user

    @property
    def has_shared_account(self) -> bool:
        """Whether there is a shared account: whether it has a password."""
        return any(getattr(self, way) is not None for way in self.ways)

    @property
    def is_msg_conf_exposed(self) -> bool:
        """Whether every user of this machine may read the password in ``msg_conf``."""
        return self.msg_conf is not None and is_open_to_others(self.msg_conf)

    def read_password(self, info: ValidationInfo) -> str | None:
        """Return the password; None also where only its hash is known."""
        if self.msg_conf is not None:
            return _from_msg_conf(self.msg_conf)
        return super().read_password(info)

    @field_validator("keep_received_bytes", "temporary_bytes")
    @classmethod
    def _holds_an_upload(cls, size: int, info: ValidationInfo) -> int:
        if size < info.data.get("max_upload", size):
            raise unexpected("at least as much as max_upload")
        return size
