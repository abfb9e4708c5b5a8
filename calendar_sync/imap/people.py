"""Who has a mailbox: the users in the namespace of other users (RFC 2342 §4, LIST)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calendar_sync.imap import extensions
from calendar_sync.imap.namespaces import Namespaces, Space, namespaces
from calendar_sync.imap.pool import Pool
from calendar_sync.imap.settings import Login, is_personal
from freebusy.errors import SourceRefusedError

if TYPE_CHECKING:
    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.settings import ImapSettings


def users(settings: ImapSettings) -> frozenset[str]:
    """Return what the server calls everybody of whom the service login sees a folder.

    An administrator (Cyrus) sees everybody; any other login whoever shares something with
    it.  Raises SourceRefusedError and SourceUnavailableError.
    """
    if is_personal(settings.username) or not settings.password:
        raise SourceRefusedError("only a service login with its own password can list the users")
    pool = Pool(settings)
    try:
        with pool.use(Login(settings.username, settings.password), _listed) as (_, found):
            return found
    finally:
        pool.close()


def _listed(connection: Connection) -> frozenset[str]:
    spaces = namespaces(connection)
    if not spaces.others:
        raise SourceRefusedError("the mail server shows no folders of other users")
    return frozenset(user for space in spaces.others for user in _users(connection, spaces, space))


def _users(connection: Connection, spaces: Namespaces, space: Space) -> set[str]:
    """Return the users of one namespace.

    ``%`` asks for the uppermost folders only, also for those that cannot be opened: on
    Cyrus and Dovecot that is one line for each user, however many folders there are.
    """
    with extensions.understanding():
        answer = connection.client.list_folders("", space.pattern.removesuffix("*") + "%")
    found = {user for _, _, name in answer if (user := spaces.user_of(str(name)))}
    if space.separator == ".":  # Cyrus writes a dot in a user's name so
        return {user.replace("^", ".") for user in found}
    return found
