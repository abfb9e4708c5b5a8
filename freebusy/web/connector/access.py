"""Who may do what in a folder: rights by letters (RFC 4314) or by a role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.connector import bodies
from freebusy.connector.roles import (
    ROLES,
    identifier,
    is_everyone,
    normalised,
    ordered,
    role_of,
    shown,
)
from freebusy.ports import AclEntry
from freebusy.web.connector.call import Reply
from freebusy.web.connector.problems import ProblemError

if TYPE_CHECKING:
    from freebusy.web.connector.call import Call
    from freebusy.web.connector.queries import RevokeQuery

LETTERS = frozenset("lrswipkxteacdn0123456789")
"""Letters of RFC 4314 and RFC 2086, and what RFC 4314 §2.2 leaves to servers (Cyrus: n, 0-9)."""
MAX_USER = 254


def read_acl(call: Call, _: None) -> Reply:
    """Answer GET /folders/{id}/acl."""
    who, path = call.whose(), call.path
    entries = [_entry(call, entry) for entry in call.connector.access.acl(who, path)]
    mine = call.connector.folders.folder(who, path).rights
    return Reply(200, bodies.Acl(entries=entries, mine=ordered(mine)))


def read_entry(call: Call, _: None) -> Reply:
    """Answer GET /folders/{id}/acl/{user}: who is not in the list has no rights by it."""
    user = _user(call)
    entries = call.connector.access.acl(call.whose(), call.path)
    found = next((entry for entry in entries if entry.user == user), AclEntry(user, frozenset()))
    return Reply(200, _entry(call, found))


def grant(call: Call, wanted: bodies.Grant) -> Reply:
    """Answer PUT /folders/{id}/acl/{user}."""
    user, rights = _user(call), _rights(wanted)
    entry = call.connector.access.grant(call.whose(), call.path, user, rights, force=wanted.force)
    return Reply(200, _entry(call, entry))


def revoke(call: Call, query: RevokeQuery) -> Reply:
    """Answer DELETE /folders/{id}/acl/{user}."""
    user = _user(call)
    entry = call.connector.access.revoke(call.whose(), call.path, user, force=query.force)
    return Reply(200, _entry(call, entry))


def _user(call: Call) -> str:
    user = call.arguments["user"]
    if not 0 < len(user) <= MAX_USER or not user.isprintable():
        raise ProblemError(422, "Name one user of the mail server.", errors=["user: is no name"])
    return identifier(user, is_user=lambda word: _is_somebody(call, word))


def _is_somebody(call: Call, word: str) -> bool:
    """Whether a word for everyone is somebody's name: of the roster, or in the folder's list."""
    if call.connector.is_user(word):
        return True
    entries = call.connector.access.acl(call.whose(), call.path)
    return any(entry.user.casefold() == word.casefold() for entry in entries)


def _rights(wanted: bodies.Grant) -> frozenset[str]:
    if (wanted.rights is None) == (wanted.role is None):
        raise ProblemError(422, "Give either rights or a role.", errors=["rights, role: one"])
    if wanted.role is not None:
        return ROLES[wanted.role]
    letters = wanted.rights or ""
    if not set(letters) <= LETTERS:
        raise ProblemError(
            422, "Use the letters lrswipkxtea (RFC 4314).", errors=["rights: unknown letters"]
        )
    return normalised(letters)


def _entry(call: Call, entry: AclEntry) -> bodies.Entry:
    return bodies.Entry(
        user=entry.user,
        shown=shown(entry.user, call.languages),
        is_everyone=is_everyone(entry.user),
        rights=ordered(entry.rights),
        role=role_of(entry.rights),
    )
