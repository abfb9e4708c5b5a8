"""NAMEs: what a person is called in ``/pub/calendar/NAME.vfb``, and who is meant by one.

A NAME is in NFC, casefolded, made of letters, digits and ``. _ - + @``, at most
200 bytes of UTF-8, and has no leading dot (so that temporary files, which have
one, can never be asked for).  No I/O: the roster and the paths come from outside.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAX_NAME_BYTES = 200
SERVED_EXTENSIONS = (".vfb", ".ifb")
"""A NAME also works with no extension at all."""
REFUSED_EXTENSIONS = (".xfb", ".pfb")
"""Extended (with texts) and partial (per folder) lists, which are never served: clients that
probe for them (KOrganizer, Kolab) must get a clean "not found" and go on to the next form."""

# The SCOoffice forms may hold a domain between prefix and NAME; Kolab's may not
# (/freebusy/trigger/... is a command there).
_PREFIXES = (("/pub/calendar/", True), ("/calendar/", True), ("/freebusy/", False))

_MAX_PATH = 4 * MAX_NAME_BYTES
_PLAIN = re.compile(r"[a-z0-9_+\-][a-z0-9._+\-]*(?:@[a-z0-9_+\-][a-z0-9._+\-]*)?")
_PUNCTUATION = frozenset("._-+@")
# A mark is part of the letter before it: it is how casefolding leaves a Turkish dotted I
# and how many scripts write their vowels.
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd"})
_MANGLED_KEY = re.compile(r"[a-z]*=(?:3d)?")


@dataclass(frozen=True, slots=True)
class RequestedName:
    """What a path asks for: a local part, alias or canonical NAME, and a domain if it says one."""

    local: str
    domain: str | None = None

    def __str__(self) -> str:
        return self.local if self.domain is None else f"{self.local}@{self.domain}"


class Named(Protocol):
    """A person as far as NAMEs go."""

    @property
    def name(self) -> str | None:
        """The NAME that the configuration gives; None: it follows from the address."""

    @property
    def addresses(self) -> Sequence[str]:
        """Full addresses, the main one first."""

    @property
    def aliases(self) -> Sequence[str]:
        """Further NAMEs or addresses that are accepted and never listed."""


def normalise_name(text: str) -> str | None:
    """Return ``text`` as a NAME, or None where it cannot be one."""
    if _PLAIN.fullmatch(text):
        return text if len(text) <= MAX_NAME_BYTES else None
    if not text or len(text) > MAX_NAME_BYTES:
        return None
    folded = _fold(text)
    return folded if _well_formed(folded) else None


def _fold(text: str) -> str:
    """Fold case and compose, again until nothing moves (Unicode §3.13: folding can undo NFC)."""
    for _ in range(3):
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
        if folded == text:
            break
        text = folded
    return text


def _well_formed(name: str) -> bool:
    local, at, domain = name.partition("@")
    return (
        all(_allowed(character) for character in name)
        and _starts_well(local)
        and (not at or (_starts_well(domain) and "@" not in domain))
        and len(name.encode()) <= MAX_NAME_BYTES
    )


def _allowed(character: str) -> bool:
    return character in _PUNCTUATION or unicodedata.category(character) in _LETTERS


def _starts_well(part: str) -> bool:
    return bool(part) and part[0] != "." and not unicodedata.category(part[0]).startswith("M")


def is_publishable(name: str) -> bool:
    """Whether a NAME can be a canonical one: not one that looks like an extension of another."""
    return not name.endswith(SERVED_EXTENSIONS + REFUSED_EXTENSIONS)


def split_address(address: str) -> tuple[str, str] | None:
    """Return the normalised local part and domain of an address, or None where it is none."""
    name = normalise_name(address)
    if name is None:
        return None
    local, _, domain = name.partition("@")
    return (local, domain) if domain else None


def requested_name(path: str) -> RequestedName | None:
    """Return what a decoded absolute path asks for, or None where it is no served form.

    The forms are ``/pub/calendar/NAME.vfb``, ``/calendar/NAME.vfb``, each also with
    ``/DOMAIN/NAME``, with ``.ifb`` or no extension, and ``/freebusy/NAME.ifb``.
    """
    if len(path) > _MAX_PATH:
        return None
    for prefix, with_domain in _PREFIXES:
        if path.startswith(prefix):
            domain, slash, last = path[len(prefix) :].rpartition("/")
            if slash and not (with_domain and domain):
                return None
            return _requested(last, domain if slash else None)
    return None


def _requested(segment: str, domain: str | None) -> RequestedName | None:
    name = normalise_name(_undo_quoted_printable(segment) if "=" in segment else segment)
    if name is None or name.endswith(REFUSED_EXTENSIONS):
        return None
    if name.endswith(SERVED_EXTENSIONS):
        name = name[:-4]
    local, _, own_domain = name.partition("@")
    if domain is not None:
        below = normalise_name(domain)
        if below is None or "@" in below or own_domain not in {"", below}:
            return None
        own_domain = below
    return RequestedName(local, own_domain or None) if _starts_well(local) else None


def _undo_quoted_printable(segment: str) -> str:
    """Undo what quoted-printable mail left in a URL that was pasted from it.

    Templates such as ``.../name=%NAME%@%SERVER%`` arrive with ``=3D`` for the equals sign
    and ``=40`` for the at sign.  No NAME holds an equals sign, so nothing else is lost.
    """
    text = segment.casefold().replace("=40", "@")
    return _MANGLED_KEY.sub("", text, count=1)


@dataclass(frozen=True, slots=True)
class NameIndex:
    """Who is meant by a NAME, an address or an alias; built by :func:`index_names`."""

    canonical: tuple[str, ...]
    """The canonical NAME of each person, in the order given."""
    addresses: Mapping[str, str] = field(repr=False)
    """Full address -> canonical NAME."""
    plain: Mapping[str, str] = field(repr=False)
    """Canonical NAME, alias or unambiguous local part -> canonical NAME."""
    given: Mapping[str, str] = field(repr=False)
    """NAME or alias that the configuration gives outright -> canonical NAME."""
    domains: Mapping[str, frozenset[str]] = field(repr=False)
    """Canonical NAME -> the domains of that person's addresses."""
    ambiguous: Mapping[str, tuple[str, ...]]
    """Local parts that name nobody -> the canonical NAMEs that share each."""
    collisions: tuple[str, ...]
    """What two people claim at once, one sentence each; empty in a sound configuration."""

    def canonical_name(self, wanted: RequestedName) -> str | None:
        """Return the canonical NAME that is meant, or None where it is nobody's."""
        if wanted.domain is None:
            return self.plain.get(wanted.local)
        name = self.addresses.get(f"{wanted.local}@{wanted.domain}")
        if name is None:
            # A name that is no address, together with the domain of its owner.
            name = self.given.get(wanted.local)
            if name is None or wanted.domain not in self.domains[name]:
                return None
        return name


def index_names(
    persons: Iterable[Named], *, default_domain: str | None = None, full_addresses: bool = False
) -> NameIndex:
    """Work out who is meant by what.

    ``full_addresses`` makes the address the canonical NAME instead of the local part.
    A local part that two people share names nobody, unless one of them has it in
    ``default_domain``; what the configuration names outright wins over a local part.
    """
    people = list(persons)
    holders = _holders_of_local_parts(people)
    winners = {local: _decide(local, who, people, default_domain) for local, who in holders.items()}
    named = {person.name for person in people if person.name is not None}
    canonical = [
        _canonical(at, person, {} if full_addresses else winners, named)
        for at, person in enumerate(people)
    ]
    claims = _claims(people, canonical)
    given = {key: name for key, name in claims.plain.items() if key != name or key in named}
    ambiguous = _add_local_parts(claims.plain, holders, winners, canonical)
    return NameIndex(
        canonical=tuple(canonical),
        addresses=claims.addresses,
        plain=claims.plain,
        given=given,
        domains=_domains(people, canonical),
        ambiguous=ambiguous,
        collisions=tuple(claims.collisions),
    )


@dataclass(slots=True)
class _Claims:
    """Who claimed what outright, and what was claimed twice."""

    plain: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    collisions: list[str] = field(default_factory=list)

    def claim(self, what: str, key: str, name: str) -> None:
        table = self.addresses if "@" in key else self.plain
        holder = table.setdefault(key, name)
        if holder != name:
            self.collisions.append(f"{what} {key!r} of {name!r} already belongs to {holder!r}")


def _claims(people: Sequence[Named], canonical: Sequence[str]) -> _Claims:
    claims = _Claims()
    for name, times in Counter(canonical).items():
        claims.claim("the name", name, name)
        if times > 1:
            claims.collisions.append(f"the name {name!r} is given to {times} people")
    for name, person in zip(canonical, people, strict=True):
        for address in person.addresses:
            claims.claim("the address", address, name)
        for alias in person.aliases:
            claims.claim("the alias", alias, name)
    return claims


def _holders_of_local_parts(people: Sequence[Named]) -> dict[str, list[int]]:
    holders: dict[str, list[int]] = {}
    for at, person in enumerate(people):
        for local in dict.fromkeys(a.partition("@")[0] for a in person.addresses):
            holders.setdefault(local, []).append(at)
    return holders


def _decide(
    local: str, who: Sequence[int], people: Sequence[Named], default_domain: str | None
) -> int | None:
    """Return the one person whom a local part names, or None."""
    if len(who) == 1:
        return who[0]
    default = f"{local}@{default_domain}"
    decided = [at for at in who if default in people[at].addresses]
    return decided[0] if len(decided) == 1 else None


def _canonical(at: int, person: Named, winners: Mapping[str, int | None], named: set[str]) -> str:
    if person.name is not None:
        return person.name
    local = person.addresses[0].partition("@")[0]
    # A NAME that another person was given outright leaves this one the full address.
    return local if winners.get(local) == at and local not in named else person.addresses[0]


def _add_local_parts(
    plain: dict[str, str],
    holders: Mapping[str, Sequence[int]],
    winners: Mapping[str, int | None],
    canonical: Sequence[str],
) -> dict[str, tuple[str, ...]]:
    """Add the local parts that name one person; return those that name nobody."""
    ambiguous = {}
    for local, winner in winners.items():
        if winner is not None:
            plain.setdefault(local, canonical[winner])
        elif local not in plain:
            ambiguous[local] = tuple(canonical[at] for at in holders[local])
    return ambiguous


def _domains(people: Sequence[Named], canonical: Sequence[str]) -> dict[str, frozenset[str]]:
    return {
        name: frozenset(address.partition("@")[2] for address in person.addresses)
        for name, person in zip(canonical, people, strict=True)
    }


_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Scripts and emoji are written with them."""


def can_name_folder(text: str) -> bool:
    """Whether a text is printable, but for Unicode spaces and joiners, which names have."""
    return all(
        each.isprintable() or each in _JOINERS or unicodedata.category(each) == "Zs"
        for each in text
    )
