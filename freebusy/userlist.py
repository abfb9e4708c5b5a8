"""The mail server's users as they were last listed: what the roster is made of without it.

A JSON file beside the store, replaced as a whole: ``{"version": 1, "source": "mail",
"users": {"hans": 0, "eva": 1767225600}}``.  The number says since when a user has been
missing (UTC seconds), 0 that he or she is there.  Pure but for :func:`read` and
:func:`write`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from freebusy.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

FILE = "roster.json"
"""In the state directory."""
VERSION = 1
MAX_FILE = 64 << 20
FEW = 3
"""So few may be missing at once however small the site is."""


@dataclass(frozen=True, slots=True)
class UserList:
    """The users of one mail server."""

    source: str
    """The name of the source that they were listed by."""
    users: Mapping[str, int] = field(default_factory=dict)
    """What the server calls each -> since when each has been missing; 0: there."""

    @property
    def missing(self) -> int:
        """Return how many of them were not listed the last time."""
        return sum(map(bool, self.users.values()))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a new LIST makes of the users that are known."""

    users: UserList
    """Those that count from now on."""
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """Those whose absence has been confirmed."""


def lost_too_many(known: UserList, found: Collection[str], percent: int) -> int:
    """Return how many users are suddenly missing, where that is more than may be believed."""
    there = [user for user, since in known.users.items() if not since]
    lost = sum(user not in found for user in there)
    return lost if lost > max(FEW, len(there) * percent / 100) else 0


def compare(known: UserList, found: Collection[str], now: int, confirm: float) -> Comparison:
    """Take a LIST over: who is missing counts for ``confirm`` seconds more, and is then gone."""
    kept, left = {}, []
    for user, since in known.users.items():
        if user in found:
            kept[user] = 0
        elif (since or not confirm) and now - (since or now) >= confirm:
            left.append(user)
        else:
            kept[user] = since or now
    joined = sorted(user for user in found if user not in known.users)
    users = UserList(known.source, kept | dict.fromkeys(joined, 0))
    return Comparison(users, tuple(joined), tuple(left))


def read(path: Path, source: str) -> UserList:
    """Return the users of a source as they were last listed; none where they never were.

    Raises StoreError where the file is there and says nothing.
    """
    try:
        with path.open("rb") as file:
            table = json.loads(file.read(MAX_FILE))
        if table["version"] != VERSION:
            raise StoreError(f"{path}: of another version of the gateway; remove it")
        users = {str(user): int(since) for user, since in table["users"].items()}
        return UserList(source, users if table["source"] == source else {})
    except FileNotFoundError:
        return UserList(source)
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StoreError(f"{path}: is damaged; remove it, the mail server has all of it") from None


def write(path: Path, users: UserList) -> None:
    """Replace the file by what is known now; raises StoreError."""
    table = {"version": VERSION, "source": users.source, "users": dict(users.users)}
    try:
        with NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=".roster-", delete=False
        ) as file:
            json.dump(table, file, ensure_ascii=False, indent=0)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from None
