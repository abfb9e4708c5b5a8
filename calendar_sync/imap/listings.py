"""Which calendars each owner had when they were listed, and whose may be others by now.

Folders that come and go show in every sweep.  Folder types and access control lists do
not: for their sake everybody is listed anew now and then, which costs a survey for each
login and no command for each owner.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from calendar_sync.imap.settings import is_personal, names_of, sweep_login
from freebusy.errors import CalendarMissingError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from calendar_sync.imap.settings import ImapSettings, Login
    from freebusy.ports import Calendar, Owner

RARELY = 2
"""Everybody is listed anew when so many lifetimes of a survey have passed: that is one interval."""


class Listings:
    """The last listing of each owner; safe from any thread."""

    def __init__(
        self,
        settings: ImapSettings,
        calendars: Callable[[Owner], Sequence[Calendar]],
        forget: Callable[[], None],
    ) -> None:
        """``calendars`` lists them; after ``forget`` the next listing asks the server."""
        self._settings = settings
        self._calendars = calendars
        self._forget = forget
        self._lock = threading.Lock()
        self._listed: dict[Owner, frozenset[Calendar]] = {}
        self._full: dict[Login, float] = {}

    def note(self, owner: Owner, calendars: Iterable[Calendar]) -> None:
        """Note what a listing found."""
        with self._lock:
            self._listed[owner] = frozenset(calendars)

    def holds(self, owner: Owner, keys: Iterable[str]) -> bool:
        """Whether just these were there when the owner's calendars were listed last."""
        with self._lock:
            listed = self._listed.get(owner)
        return listed is not None and {calendar.key for calendar in listed} == set(keys)

    def changed(self, login: Login, news: frozenset[str] | None) -> list[Owner]:
        """Return whose calendars are others, now that folders are new or gone.

        Where nobody knows which (None), those for whom the login is all their own: who
        shares one was listed after the first sweep.
        """
        everybody = self._is_time_for_all(login)
        if not (everybody or news or news is None):
            return []
        with self._lock:
            before = dict(self._listed)
        owners = [owner for owner in before if self._has(owner, login)]
        if news is None:
            return owners if len(owners) == 1 else []
        concerned = [
            owner
            for owner in owners
            if self._concerns(owner, news) or (everybody and not self._is_named(owner))
        ]
        if concerned:
            self._forget()
        return [owner for owner in concerned if self._are_others(owner, before[owner])]

    def _is_time_for_all(self, login: Login) -> bool:
        now = time.monotonic()
        with self._lock:
            due = self._full.get(login)
            if due is not None and now < due:
                return False
            self._full[login] = now + RARELY * self._settings.survey_seconds
            return due is not None

    def _has(self, owner: Owner, login: Login) -> bool:
        try:
            return sweep_login(self._settings, owner) == login
        except SourceError:
            return False

    def _are_others(self, owner: Owner, before: frozenset[Calendar]) -> bool:
        try:
            return frozenset(self._calendars(owner)) != before
        except CalendarMissingError:
            return bool(before)
        except SourceError:
            return True

    def _is_named(self, owner: Owner) -> bool:
        """Whether nothing but names decides which folders count."""
        used = self._settings
        further = used.include or used.attendees_only or owner.include
        return bool(owner.folders or used.folder) and not further

    def _concerns(self, owner: Owner, news: frozenset[str]) -> bool:
        """Whether folders may be this owner's; told cheaply where each has names of their own."""
        if not news:
            return False
        personal = owner.login or is_personal(self._settings.username)
        if personal or not self._is_named(owner):
            return True
        return any(folder in owner.folders or self._mentions(owner, folder) for folder in news)

    def _mentions(self, owner: Owner, folder: str) -> bool:
        parts = {*folder.split("/"), *folder.split(".")}
        try:
            names = {
                name
                for separator in "/."
                for name in names_of(self._settings, owner, separator=separator)
            }
        except SourceError:
            return True
        return not parts.isdisjoint(names)
