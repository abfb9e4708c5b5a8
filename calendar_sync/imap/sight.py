"""What a person's login sees of its calendar folders: all of them, with rights and states.

Rights and states of a hundred folders cost two round trips, and what there is another four
(:mod:`calendar_sync.imap.survey`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from calendar_sync.imap import extensions, survey
from calendar_sync.imap.acl import parse_my_rights, pipelined
from calendar_sync.imap.mailboxnames import separator_at
from calendar_sync.imap.namespaces import Kind
from calendar_sync.imap.rights import normal_rights
from calendar_sync.imap.status import items, parse_status
from freebusy.errors import NoFolderError
from freebusy.ports import CalendarFolder, FolderState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.extensions import Examined
    from calendar_sync.imap.namespaces import Namespaces
    from calendar_sync.imap.survey import Folder, Survey

NO_FOLDER = "there is no such calendar folder, or it is not visible"
ALL_RIGHTS = frozenset("lrswipkxtea")
"""What a login may do in its own folders on a server without access control lists."""

_KINDS: dict[Kind, Literal["own", "other", "shared"]] = {
    Kind.PERSONAL: "own",
    Kind.OTHERS: "other",
    Kind.SHARED: "shared",
}
_ORDER = ("own", "other", "shared")


@dataclass(frozen=True, slots=True)
class Look:
    """What one's own rights on a folder are, and its state as far as they allow."""

    rights: frozenset[str] = frozenset()
    state: FolderState | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """What a login sees."""

    survey: Survey
    names: frozenset[str]
    """All calendar folders."""


def seen(connection: Connection) -> Sight:
    """Ask for all folders of the login itself.

    Without METADATA a calendar is what is called as one, and what lies below such a folder.
    """
    view = survey.take(connection, personal=True)
    names = {folder.name for folder in view.folders}
    if not connection.can("METADATA"):
        starts = tuple(name + separator_at(view.spaces, name) for name in names)
        names |= {name for name in view.names if name.startswith(starts)}
    return Sight(view, frozenset(names))


def looks(connection: Connection, names: Iterable[str]) -> dict[str, Look]:
    """Return one's own rights on folders, and their states (MYRIGHTS, STATUS)."""
    wanted = sorted(names)
    commands = list(_commands(connection, wanted))
    rights: dict[str, frozenset[str]] = {}
    states: dict[str, FolderState] = {}
    for response in pipelined(connection.client, "STATUS", commands):
        if mine := parse_my_rights(response):
            rights[mine[0]] = normal_rights(mine[1])
        elif (found := parse_status(response)) and found[1] is not None:
            states[found[0]] = _state(found[1])
    default = frozenset[str]() if connection.can("ACL") else ALL_RIGHTS
    return {name: Look(rights.get(name, default), states.get(name)) for name in wanted}


def _commands(connection: Connection, names: Sequence[str]) -> Iterable[bytes]:
    asked = b" " + items(condstore=connection.condstore)
    for name in map(extensions.mailbox_name, names):
        if connection.can("ACL"):
            yield b"MYRIGHTS " + name
        yield b"STATUS " + name + asked


def _state(box: Examined) -> FolderState:
    return FolderState(box.uidvalidity, box.uidnext or 0, box.exists, box.highestmodseq)


# -- as others see them


def calendar_folders(
    view: Survey, found: dict[str, Look], counted: Collection[str]
) -> tuple[CalendarFolder, ...]:
    """Return the folders that were looked at, own ones first, sorted."""
    main = default_of(view)
    made = [_folder(view, name, look, main, counted) for name, look in found.items()]
    return tuple(sorted(made, key=lambda each: (_ORDER.index(each.kind), each.path)))


def _folder(
    view: Survey, path: str, look: Look, main: str | None, counted: Collection[str]
) -> CalendarFolder:
    place = view.spaces.place(path)
    return CalendarFolder(
        path=path,
        kind="shared" if place is None else _KINDS[place[0]],
        owner=owner_of(view.spaces, path),
        separator=separator_at(view.spaces, path),
        rights=look.rights,
        state=look.state,
        is_default=path == main,
        counts=path in counted,
    )


def owner_of(spaces: Namespaces, path: str) -> str | None:
    """Return the other user whose folder this is; Cyrus writes a dot in a user's name as ``^``."""
    user = spaces.user_of(path)
    return user if user is None or separator_at(spaces, path) != "." else user.replace("^", ".")


def own(view: Survey) -> list[Folder]:
    """Return the login's own calendars, sorted."""
    return sorted((f for f in view.folders if f.kind is Kind.PERSONAL), key=lambda f: f.name)


def default_of(view: Survey) -> str | None:
    """Return the main calendar: by its type, else by its name; None where there is none."""
    folders = own(view)
    by_type = (folder.name for folder in folders if folder.is_default)
    by_name = (folder.name for folder in folders if is_usual(view, folder.name))
    return next(by_type, next(by_name, None))


def is_usual(view: Survey, path: str) -> bool:
    """Whether a folder's name alone says that it is a calendar."""
    place = view.spaces.place(path)
    return place is not None and survey.is_usual(path, place)


def is_known(sight: Sight, path: str, *, typed: bool) -> bool:
    """Whether a folder would be found there as a calendar; ``typed``: the server keeps types."""
    if typed or is_usual(sight.survey, path):
        return True
    return any(
        path.startswith(name + separator_at(sight.survey.spaces, name)) for name in sight.names
    )


def required(sight: Sight, path: str) -> str:
    """Return the path of a calendar folder; raises NoFolderError for any other."""
    if path not in sight.names:
        raise NoFolderError(NO_FOLDER)
    return path
