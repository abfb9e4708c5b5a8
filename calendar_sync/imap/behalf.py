"""Connections on behalf of one person: with the person's own password, or by proxying."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from calendar_sync.imap.connection import Pool, translated
from calendar_sync.imap.settings import login_of
from freebusy.errors import SourceRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.settings import ImapSettings, Login
    from freebusy.ports import Owner

T = TypeVar("T")


class Behalf:
    """Lends connections that see and do what one person may; safe from any thread."""

    def __init__(self, personal: ImapSettings, proxying: ImapSettings | None) -> None:
        """``personal`` has no password of its own: each person's is in ``Owner.password``.

        ``proxying`` is for those without one: a service login that acts for others
        (``authorization``, or a master user's template); None where there is none.
        """
        self._personal = personal
        self._proxying = proxying
        self._pools = {id(used): Pool(used) for used in (personal, proxying) if used is not None}

    def settings(self, who: Owner) -> ImapSettings:
        """Return the settings that are used for a person; raises SourceRefusedError."""
        used = self._personal if who.password is not None else self._proxying
        if used is None:
            raise SourceRefusedError("no login is configured that may act for others")
        return used

    def login(self, who: Owner) -> Login:
        """Return the login that is used for a person; raises SourceRefusedError."""
        return login_of(self.settings(who), who)

    @contextmanager
    def use(self, who: Owner, opening: Callable[[Connection], T]) -> Iterator[tuple[Connection, T]]:
        """Lend a connection on which ``opening`` succeeded; errors are translated (SourceError)."""
        used = self.settings(who)
        with (
            translated(used),
            self._pools[id(used)].use(login_of(used, who), opening) as lent,
        ):
            yield lent

    def close(self) -> None:
        """Log out of idle connections."""
        for pool in self._pools.values():
            pool.close()
