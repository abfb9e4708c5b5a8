"""A person's calendars on a mail server: named, or found in a survey and judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from calendar_sync.imap import folders, survey
from calendar_sync.imap.namespaces import Namespaces, namespaces, translated
from calendar_sync.imap.relevance import Judgement, Seeker, Verdict, judged
from calendar_sync.imap.rights import Identity, normal
from calendar_sync.imap.settings import fill, login_of, names_of, service_login
from calendar_sync.imap.survey import OWN
from freebusy.errors import CalendarMissingError, SourceRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.pool import Pool
    from calendar_sync.imap.settings import ImapSettings, Login
    from calendar_sync.imap.survey import Folder, Survey
    from freebusy.ports import Owner


_CONFIGURED = {Verdict.NAMED, Verdict.INCLUDED, Verdict.ATTENDED}


@dataclass(frozen=True, slots=True)
class Found:
    """A folder that counts for a person."""

    folder: str
    """As the login that reads it names it."""
    verdict: Verdict
    listed: str
    """As the login that listed it names it."""
    is_own: bool = True
    """Whether it says something of the person's free time, and not only of busy time."""


class Discovery:
    """Finds the folders that count for a person; safe from any thread."""

    def __init__(self, settings: ImapSettings, pool: Pool) -> None:
        self._settings = settings
        self._pool = pool
        self._surveys = survey.Surveys(settings.survey_seconds)
        self._spaces: Namespaces | None = None

    def find(self, owner: Owner) -> list[Found]:
        """Return the folders that count.

        Raises CalendarMissingError where none of them is the person's own, or named for
        the person: what others share says nothing of somebody's free time.
        """
        login = login_of(self._settings, owner)
        named = self._named(owner, login)
        kept = [name for name in named if not self._is_excluded(owner, name)]
        found = [Found(name, Verdict.NAMED, name) for name in kept]
        used = self._settings
        if not named or used.attendees_only or used.include or owner.include:
            found += self._judged(owner, login, named)
        if not any(each.is_own for each in found):
            raise _nothing(owner, login)
        return found

    def judgements(self, owner: Owner) -> list[Judgement]:
        """Return every folder that might count for a person, and why it does or does not."""
        seen = self._survey(owner, login_of(self._settings, owner))
        return judged(seen, self._seeker(owner, seen))

    def overlooked(self, owner: Owner) -> list[Folder]:
        """Return the calendar folders that cannot count, among those that the person sees.

        Where one login lists for all, nobody knows which these are: then there are none.
        """
        seen = self._survey(owner, login_of(self._settings, owner))
        if seen.mine is None:
            return []
        names = {each.folder for each in judged(seen, self._seeker(owner, seen))}
        return [folder for folder in seen.folders if folder.name not in names]

    def doubt(self, owner: Owner) -> None:
        """List anew when folders are next asked for: one of them is gone."""
        listing = service_login(self._settings, owner)
        if listing is not None:
            self._surveys.doubt(listing)

    def renew(self, owner: Owner) -> None:
        """List anew when the owner's folders are next asked for."""
        listing = service_login(self._settings, owner)
        if listing is not None:
            self._surveys.renew(listing)

    def forget(self) -> None:
        """Forget what was seen."""
        self._surveys.forget()
        self._spaces = None

    def _is_excluded(self, owner: Owner, name: str) -> bool:
        patterns = [*(fill(each, owner) for each in self._settings.exclude), *owner.exclude]
        return any(survey.matcher(each)(name) for each in patterns)

    # -- named

    def _named(self, owner: Owner, login: Login) -> list[str]:
        """Return the folders that are named for the person, or else for all, as far as there."""
        if not (owner.folders or self._settings.folder):
            return []
        with self._pool.use(login, lambda c: folders.present(c, self._names(c, owner))) as (
            _,
            found,
        ):
            pass
        if not found:
            raise _nothing(owner, login)
        return found

    def _names(self, connection: Connection, owner: Owner) -> Iterable[str]:
        if owner.folders:
            return owner.folders
        separator = namespaces(connection).separator
        return [fill(each, owner, separator=separator) for each in self._settings.folder]

    # -- judged

    def _judged(self, owner: Owner, login: Login, named: Sequence[str]) -> list[Found]:
        seen = self._survey(owner, login)
        seeker = self._seeker(owner, seen)
        counting = [each for each in judged(seen, seeker) if each.verdict.counts]
        if named:  # then nothing is looked for but what is named as well
            counting = [each for each in counting if each.verdict in _CONFIGURED]
        names = self._own_names(login, seen, seeker, [each.folder for each in counting])
        return [
            Found(name, each.verdict, each.folder, each.is_own)
            for name, each in zip(names, counting, strict=True)
            if name not in named
        ]

    def _survey(self, owner: Owner, login: Login) -> Survey:
        listing = service_login(self._settings, owner)
        if listing is None:
            return self._take(login, personal=True)
        seen = self._surveys.of(listing, lambda: self._take(listing, personal=False))
        if not (seen.spaces.others or seen.spaces.shared):
            raise SourceRefusedError(
                "the mail server shows no folders of other users: name the folders, "
                "or use a template such as {address} as username"
            )
        return seen

    def _take(self, login: Login, *, personal: bool) -> Survey:
        with self._pool.use(login, lambda c: survey.take(c, personal=personal)) as (_, seen):
            return seen

    def _seeker(self, owner: Owner, seen: Survey) -> Seeker:
        separator = seen.spaces.separator
        used = self._settings
        site_include, exclude, attendees_only = (
            tuple(fill(each, owner, separator=separator) for each in patterns)
            for patterns in (used.include, used.exclude, used.attendees_only)
        )
        users: tuple[str, ...] = (OWN,)
        identity = Identity()
        if seen.mine is None:
            users = names_of(used, owner, separator=separator)
            logins = frozenset(map(normal, names_of(used, owner)))
            identity = Identity(logins, frozenset(map(normal, owner.groups)))
        exclude += owner.exclude
        return Seeker(users, identity, owner.include, site_include, exclude, attendees_only)

    def _own_names(
        self, login: Login, seen: Survey, seeker: Seeker, listed: Iterable[str]
    ) -> list[str]:
        """Return folders' names as the login that reads them knows them."""
        if not self._settings.list_as_service or seen.mine is not None:
            return list(listed)
        own = self._spaces
        if own is None:
            with self._pool.use(login, namespaces) as (_, own):
                self._spaces = own
        users = set(map(normal, seeker.users))
        return [translated(name, users, seen.spaces, own) for name in listed]


def _nothing(owner: Owner, login: Login) -> CalendarMissingError:
    return CalendarMissingError(
        f"{owner.name} has no calendar folder that the login {login.identity!r} can see"
    )
