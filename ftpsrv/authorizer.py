"""Who may log in, and what they may do.

pyftpdlib's contract: a class with these methods, which may raise
``AuthenticationFailed`` with the sentence that the client reads.
Permissions are pyftpdlib's letters: ``e`` enter, ``l`` list and ask about, ``r`` read;
``a d f m w M T`` write in one way or another.
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


class AnonymousAuthorizer:
    """Lets everybody read who is admitted at all, by any of the anonymous names."""

    def __init__(self, files: FreeBusyFiles, names: Collection[str]) -> None:
        self._files = files
        self._names = frozenset(name.casefold() for name in names)

    def authenticate(self, username: str, password: str, address: str) -> Visitor:  # noqa: ARG002  # anonymous FTP takes any password (RFC 1635)
        """Return who has logged in from an unmapped IP address.

        Raises AuthenticationFailed with a sentence for the client.
        """
        if username.casefold() not in self._names:
            raise AuthenticationFailed(LOGIN_REFUSED)
        visitor = Visitor(address)
        if not self._files.admits(visitor):
            raise AuthenticationFailed(NOT_ADMITTED)
        return visitor

    def get_perms(self, username: str) -> str:  # noqa: ARG002  # pyftpdlib's signature
        """Return the permissions of a user."""
        return READ

    def has_perm(self, username: str, perm: str, path: str | None = None) -> bool:  # noqa: ARG002  # pyftpdlib's signature
        """Tell whether a user has a permission."""
        return perm in self.get_perms(username)

    def get_home_dir(self, username: str) -> str:  # noqa: ARG002  # pyftpdlib's signature
        """Return the root of the virtual tree."""
        return "/"

    def get_msg_login(self, username: str) -> str:  # noqa: ARG002  # pyftpdlib's signature
        """Return the greeting after the login."""
        return "Login successful."

    def get_msg_quit(self, username: str) -> str:  # noqa: ARG002  # pyftpdlib's signature
        """Return the farewell."""
        return "Goodbye."

    def impersonate_user(self, username: str, password: str) -> None:
        """Do nothing: the tree is virtual, there is nobody to become."""

    def terminate_impersonation(self, username: str) -> None:
        """Do nothing, as above."""
