"""What a folder and one's rights on it are: all that is asked of one that did not change.

STATUS (RFC 3501 §6.3.10), MYRIGHTS and GETACL (RFC 4314 §3.3, §3.5) go out together, and so
do MYRIGHTS and SELECT (RFC 3501 §6.3.1, RFC 7162 §3.2.5), so that each costs one round trip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from calendar_sync.imap import extensions, status
from calendar_sync.imap.acl import parse_acl, parse_my_rights
from calendar_sync.imap.extensions import Examined
from calendar_sync.imap.itemtoken import fingerprint
from calendar_sync.imap.pipeline import Command, first_passing, together
from calendar_sync.imap.rights import normal_rights
from freebusy.errors import FolderError, NoFolderError, NotPermittedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.extensions import Response
    from calendar_sync.imap.resync import Since
    from calendar_sync.imap.uidset import UidSet

ORDER = "lrswipkxtea"
"""The rights of RFC 4314 §2.1, in its order."""
ALL_RIGHTS = frozenset(ORDER)
"""On a server without access control lists a login may do everything."""

NO_FOLDER = "there is no such folder, or it is not visible to this login"
NO_READING = "the rights on this folder do not include r (read): its owner has to grant it"


@dataclass(frozen=True, slots=True)
class Look:
    """A folder as its state and rights show it."""

    box: Examined | None
    """None where it may not be read."""
    rights: frozenset[str] | None
    """None where it is not there."""
    acl: str = ""
    """Stands for the access control list; empty where it is not to be seen."""

    @property
    def refusal(self) -> FolderError:
        """Return why it cannot be read, where it cannot."""
        if self.rights is None or "r" in self.rights:
            return NoFolderError(NO_FOLDER)
        return NotPermittedError(NO_READING)


@dataclass(frozen=True, slots=True)
class Selected:
    """A folder that is open for changes."""

    look: Look
    states: list[extensions.MessageState]
    """What changed since it was known."""
    vanished: UidSet


def checked(path: str) -> str:
    """Return a path that can be sent; raises NoFolderError for one with control characters."""
    if not path or any(
        sign < " " or sign == "\x7f" or "\ud800" <= sign < "\ue000" for sign in path
    ):
        raise NoFolderError(NO_FOLDER)
    return path


def letters(rights: Iterable[str]) -> str:
    """Return rights in the order of RFC 4314 §2.1, others after them."""
    found = set(rights)
    known = [right for right in ORDER if right in found]
    return "".join(known + sorted(found - ALL_RIGHTS))


def look(connection: Connection, path: str) -> Look:
    """Ask for state, rights and access control list in one round trip."""
    name = extensions.mailbox_name(path)
    items = status.items(condstore=connection.condstore)
    commands = [Command("STATUS", b"STATUS " + name + b" " + items)]
    if connection.can("ACL"):
        commands += [Command("MYRIGHTS", b"MYRIGHTS " + name), Command("GETACL", b"GETACL " + name)]
    done = together(connection.client, commands)
    if passing := first_passing(done.outcomes):
        raise passing
    states = filter(None, map(status.parse_status, done.untagged))
    box = next((state for _, state in states), None)
    return Look(box, _rights(connection, done.untagged, box), _acl(done.untagged))


def _rights(
    connection: Connection, untagged: list[Response], box: Examined | None
) -> frozenset[str] | None:
    if not connection.can("ACL"):
        return None if box is None else ALL_RIGHTS
    found = next(filter(None, map(parse_my_rights, untagged)), None)
    return None if found is None else normal_rights(found[1]) - {"c", "d"}


def _acl(untagged: list[Response]) -> str:
    found = next(filter(None, map(parse_acl, untagged)), None)
    if found is None:
        return ""
    return fingerprint(*(f"{user}\0{letters(rights)}" for user, rights in sorted(found[1])))


def select(connection: Connection, path: str, since: Since | None) -> Selected:
    """Open a folder for changes; with QRESYNC hear what changed ``since``."""
    connection.selected = False  # a refused SELECT leaves no folder open (RFC 3501 §6.3.1)
    name = extensions.mailbox_name(path)
    commands = [Command("MYRIGHTS", b"MYRIGHTS " + name)] if connection.can("ACL") else []
    commands.append(Command("SELECT", b"SELECT " + name + _parameter(connection, since)))
    done = together(connection.client, commands)
    if passing := first_passing(done.outcomes):
        raise passing
    lines = [response[0] for response in done.untagged] + [done.outcomes[-1].line]
    box = None
    if done.outcomes[-1].refusal is None:
        extensions.set_state(connection.client, "SELECTED")
        connection.selected = True
        box = extensions.parse_examine(lines)
        if not connection.condstore:
            box = Examined(box.uidvalidity, box.uidnext, box.exists, None)
    rights = _rights(connection, done.untagged, box)
    return Selected(Look(box, rights), *extensions.parse_states(lines))


def _parameter(connection: Connection, since: Since | None) -> bytes:
    if connection.qresync:
        return b"" if since is None else since.parameter()
    return b" (CONDSTORE)" if connection.condstore else b""


def leave(connection: Connection, path: str) -> None:
    """Make sure that giving the connection back expunges nothing.

    Without UNSELECT (RFC 3691) it is CLOSE, which expunges unless the folder is open read only.
    """
    if connection.selected and not connection.can("UNSELECT"):
        connection.examine(path)
