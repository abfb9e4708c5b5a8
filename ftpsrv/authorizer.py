"""Who may log in without an account, and what a login is good for.

Permissions are pyftpdlib's letters: ``e`` enter, ``l`` list and ask about, ``r`` read.
Those for writing (``a d f m w M T``) nobody has: who may write what depends on the path,
and :class:`freebusy.ports.Publications` knows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyftpdlib.exceptions import AuthenticationFailed

from freebusy.ports import Visitor

if TYPE_CHECKING:
    from collections.abc import Collection

    from freebusy.ports import FreeBusyFiles

READ = "elr"
LOGIN_REFUSED = "Login incorrect."
NOT_ADMITTED = "Access denied."
NEEDS_ACCOUNT = "Log in with an account of your own."


class AnonymousAuthorizer:
    """Lets everybody read who is admitted at all, by any of the anonymous names."""

    def __init__(self, files: FreeBusyFiles, names: Collection[str]) -> None:
        self._files = files
        self._names = frozenset(name.casefold() for name in names)

    def is_anonymous(self, username: str) -> bool:
        """Tell whether a user name needs no password (RFC 1635)."""
        return username.casefold() in self._names

    def admit(self, address: str) -> Visitor:
        """Return who has logged in from an unmapped IP address.

        Raises AuthenticationFailed with a sentence for the client.
        """
        visitor = Visitor(address)
        if not self._files.admits(visitor):
            needs_login = self._files.needs_login(visitor)
            raise AuthenticationFailed(NEEDS_ACCOUNT if needs_login else NOT_ADMITTED)
        return visitor
