"""Which folders count for a person, and why: the rules, applied to a survey.

A person's own folders count, whatever others may have written on them: only the
configuration leaves one out.  A folder that belongs to nobody counts as Kolab's
``incidences-for`` says: for those who may administer it (``admins``, also where it
is not set), for all who may read it (``readers``), or for nobody.  One that belongs
to somebody else counts only where that is set on it, for otherwise a secretary with
all rights on five calendars would be busy all day.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from calendar_sync.imap.namespaces import Kind
from calendar_sync.imap.rights import ADMINISTER, READ, Identity, normal, normal_rights, rights_of
from calendar_sync.imap.survey import OWN, Folder, matcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from calendar_sync.imap.survey import Survey

_NEEDED = {"": ADMINISTER, "admins": ADMINISTER, "readers": READ}
"""The right that makes a folder count, by ``incidences-for``."""


class Verdict(Enum):
    """Whether a folder counts for a person."""

    OWN = "own"
    NAMED = "named"
    """The configuration names it for this person."""
    INCLUDED = "included"
    """The configuration includes it for everybody."""
    SHARED = "shared"
    """By incidences-for and the person's rights."""
    ATTENDED = "attended"
    """Only events count to which the person is invited."""
    EXCLUDED = "excluded"
    """The configuration leaves it out."""
    NO_RIGHT = "no right"
    """The person has not the right that incidences-for asks for."""

    @property
    def counts(self) -> bool:
        """Whether anything in the folder counts."""
        return self not in {Verdict.EXCLUDED, Verdict.NO_RIGHT}


@dataclass(frozen=True, slots=True)
class Judgement:
    """One folder, judged for one person."""

    folder: str
    verdict: Verdict
    is_own: bool = False
    """Whether it says something of the person's free time, and not only of busy time."""
    relevance: str = ""
    """What incidences-for says; empty where it is not set."""
    readable_for: str = ""


@dataclass(frozen=True, slots=True)
class Seeker:
    """A person whose folders are sought in a survey."""

    users: tuple[str, ...] = (OWN,)
    """What the server may call the person as owner of folders; :data:`OWN` for the login itself."""
    identity: Identity = field(default_factory=Identity)
    include: tuple[str, ...] = ()
    """Patterns for this person."""
    site_include: tuple[str, ...] = ()
    """Patterns for everybody."""
    exclude: tuple[str, ...] = ()
    attendees_only: tuple[str, ...] = ()


def judged(survey: Survey, seeker: Seeker) -> list[Judgement]:
    """Return every folder that may count for a person, once, with what was decided."""
    user, own = _own(survey, seeker.users)
    found = {folder.name: _of_own(folder) for folder in own}
    for folder in _candidates(survey, seeker.identity):
        if folder.user not in {user, *map(normal, seeker.users)} or folder.kind is Kind.SHARED:
            found.setdefault(folder.name, _of_foreign(folder, _rights(survey, folder, seeker)))
    for patterns, verdict in (
        (seeker.site_include, Verdict.INCLUDED),
        (seeker.include, Verdict.NAMED),
        (seeker.attendees_only, Verdict.ATTENDED),
        (seeker.exclude, Verdict.EXCLUDED),
    ):
        for name in _matching(survey, found, patterns, verdict):
            before = found.get(name, Judgement(name, verdict))
            lies_own = verdict is Verdict.NAMED or _lies_own(survey, seeker.users, name)
            found[name] = replace(before, verdict=verdict, is_own=lies_own)
    return sorted(found.values(), key=lambda judgement: judgement.folder)


def _own(survey: Survey, users: Iterable[str]) -> tuple[str, list[Folder]]:
    """Return the person's own calendars: the typed ones, else those with a usual name."""
    for user in map(normal, users):
        folders = survey.by_user.get(user, ())
        if folders:
            return user, [f for f in folders if f.is_typed] or list(folders)
    return OWN, []


def _lies_own(survey: Survey, users: Iterable[str], name: str) -> bool:
    """Whether a folder lies where the person's own do."""
    place = survey.spaces.place(name)
    whose = survey.spaces.user_of(name)
    if place is None or place[0] is Kind.SHARED:
        return False
    return normal(whose or OWN) in set(map(normal, users))


def _of_own(folder: Folder) -> Judgement:
    return Judgement(
        folder.name,
        Verdict.OWN,
        is_own=True,
        relevance=folder.relevance,
        readable_for=folder.readable_for,
    )


def _of_foreign(folder: Folder, rights: frozenset[str]) -> Judgement:
    needed = _NEEDED.get(folder.relevance, ADMINISTER)
    verdict = Verdict.SHARED if needed in rights else Verdict.NO_RIGHT
    return Judgement(
        folder.name, verdict, relevance=folder.relevance, readable_for=folder.readable_for
    )


def _candidates(survey: Survey, identity: Identity) -> Iterator[Folder]:
    """Yield the folders of others and of nobody on which the person may have rights."""
    if survey.mine is not None:
        yield from survey.foreign
        return
    groups = (f"{sign}{g}" for g in identity.groups for sign in ("group:", "group=", "$", "!$"))
    for identifier in ("anyone", "authenticated", *identity.logins, *groups):
        yield from survey.by_identifier.get(identifier, ())


def _rights(survey: Survey, folder: Folder, seeker: Seeker) -> frozenset[str]:
    if survey.mine is not None:
        return normal_rights(survey.mine.get(folder.name, ""))
    return rights_of(survey.acls.get(folder.name, ()), seeker.identity, survey.combination)


def _matching(
    survey: Survey, found: Iterable[str], patterns: Sequence[str], verdict: Verdict
) -> list[str]:
    """Return the folders that patterns match; what is left out must have been found before."""
    if verdict is Verdict.EXCLUDED:
        return [name for name in found if any(matcher(each)(name) for each in patterns)]
    return [name for pattern in patterns for name in survey.matching(pattern)]
