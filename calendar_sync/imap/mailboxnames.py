"""Names of calendar folders: which there can be, and where the server wants them.

Personal folders begin as NAMESPACE says (RFC 2342): on Cyrus below INBOX, whatever a
client would like.  Names are encoded in modified UTF-7 (RFC 3501 §5.1.3) elsewhere.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from imapclient import imap_utf7

from calendar_sync.imap.namespaces import INBOX, Kind
from freebusy.errors import BadFolderError, NoFolderError
from freebusy.names import can_name_folder

if TYPE_CHECKING:
    from calendar_sync.imap.namespaces import Namespaces
    from calendar_sync.imap.survey import Survey

MAX_OCTETS = 200
"""Of one part of a name, encoded: a file system takes 255, and Maildir needs some of them."""

_MEANT = frozenset("*%")
"""Wildcards of LIST (RFC 3501 §6.3.8)."""
_LEADING = ("#", "~")
"""What stands for another namespace (RFC 3501 §5.1.2.1), and for a home directory."""


def checked_name(name: str, separator: str) -> str:
    """Return one part of a path in NFC; raises BadFolderError with what is wrong."""
    leaf = unicodedata.normalize("NFC", name)
    problem = _problem(leaf, separator)
    if problem is not None:
        raise BadFolderError(f"a folder cannot have that name: {problem}")
    return leaf


def _problem(leaf: str, separator: str) -> str | None:
    if not leaf or leaf != leaf.strip():
        return "it is empty, or begins or ends with a space"
    if not can_name_folder(leaf):
        return "it holds a control character, a line end or an invisible mark"
    if separator in leaf:
        return f"{separator!r} separates a folder from the one above"
    if _MEANT & set(leaf) or leaf.startswith(_LEADING) or not leaf.strip("."):
        return "it holds * or %, begins with # or ~, or is nothing but dots"
    if leaf.upper() == INBOX:
        return "INBOX is where mail arrives"
    if len(imap_utf7.encode(leaf)) > MAX_OCTETS:
        return "it is too long"
    return None


def top(spaces: Namespaces) -> str:
    """Return how personal folders begin; raises BadFolderError where the login has none."""
    if not spaces.personal:
        raise BadFolderError("this login has no folders of its own on the mail server")
    return spaces.personal[0].prefix


def separator_at(spaces: Namespaces, path: str) -> str:
    """Return what separates the parts of a path."""
    place = spaces.place(path)
    return spaces.separator if place is None else place[1].separator


def child(seen: Survey, parent: str | None, name: str) -> str:
    """Return the path of a folder below ``parent``, or at the top of one's own.

    Raises NoFolderError for a parent that is not there, BadFolderError for the name.
    """
    if not parent:
        prefix = top(seen.spaces)
        return prefix + checked_name(name, separator_at(seen.spaces, prefix))
    if parent not in seen.names:
        raise NoFolderError("there is no such folder to put it into, or it is not visible")
    separator = separator_at(seen.spaces, parent)
    return f"{parent}{separator}{checked_name(name, separator)}"


def beside(seen: Survey, path: str, name: str) -> str:
    """Return the path of a folder with another name in the same place."""
    separator = separator_at(seen.spaces, path)
    above, between, _ = path.rpartition(separator)
    return f"{above}{between}{checked_name(name, separator)}"


def leaf_of(seen: Survey, path: str) -> str:
    """Return the last part of a path."""
    return path.rpartition(separator_at(seen.spaces, path))[2]


def below(seen: Survey, path: str) -> list[str]:
    """Return the folders below one."""
    start = path + separator_at(seen.spaces, path)
    return [name for name in seen.names if name.startswith(start)]


def territory(seen: Survey, path: str) -> tuple[Kind, str, str | None] | None:
    """Return whose folders lie where a path does: RENAME seldom leads from one to another."""
    place = seen.spaces.place(path)
    if place is None:
        return None
    return place[0], place[1].prefix, seen.spaces.user_of(path)
