"""The people of the configuration, and where each one's calendars are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from freebusy.config.secret import WithPassword
from freebusy.config.values import (
    Address,
    Name,
    Names,
    Readers,
    Rule,
    Words,
    ZoneName,
    unexpected,
)
from freebusy.names import RequestedName
from freebusy.ports import Owner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freebusy.names import NameIndex


def _complete(value: object, info: ValidationInfo) -> object:
    """Add the default domain to an address that has none."""
    domain = (info.context or {}).get("default_domain")
    if not isinstance(value, str) or "@" in value:
        return value
    if domain is None:
        raise unexpected(
            "an address such as hans@example.com, or a site.default_domain that completes it"
        )
    return f"{value}@{domain}"


FullAddress = Annotated[Address, BeforeValidator(_complete)]


class Person(WithPassword):
    """One of ``persons``: an address, or a table with more than that."""

    name: Name | None = None
    """The canonical NAME; None: it follows from the address."""
    address: FullAddress | None = None
    """Short for ``addresses`` with one entry, or the main one before them."""
    addresses: tuple[FullAddress, ...] = ()
    """All of the person's addresses, the main one first."""
    aliases: Names = ()
    timezone: ZoneName | None = None
    source: Words | None = None
    """Names of sources; None: the only one there is; empty: the person only publishes."""
    folders: Words = ()
    """Folders of this person; empty: the source's own rule."""
    include: Words = ()
    """Patterns of further folders that count for this person."""
    exclude: Words = ()
    """Patterns of folders that do not count for this person."""
    groups: Words = ()
    """Groups by which the mail server's ACLs may mean this person."""
    login: Annotated[str, Field(min_length=1)] | None = None
    """The login at the mail server, where it is not what the template says."""
    read: Readers | None = None
    """Who may read this person's file; None: as ``[access]`` says."""
    combine: Rule | None = None
    """None: as ``[publish]`` says."""
    delegates: Names = ()
    """NAMEs, addresses or aliases of others who may write this person's file."""

    @model_validator(mode="before")
    @classmethod
    def _from_address(cls, table: Any) -> Any:
        """Take a bare text for a table with that address."""
        return {"address": table} if isinstance(table, str) else table

    @model_validator(mode="after")
    def _has_address(self) -> Person:
        main = (self.address,) if self.address is not None else ()
        joined = tuple(dict.fromkeys(main + self.addresses))
        if not joined:
            raise unexpected("an address")
        # The model is frozen for everybody else; here it is still being made.
        object.__setattr__(self, "addresses", joined)
        return self


LISTS = (
    "source",
    *(name for name, field in Person.model_fields.items() if isinstance(field.default, tuple)),
)
"""The keys that hold several values."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person of the roster with everything decided."""

    owner: Owner
    addresses: tuple[str, ...]
    """All of them, normalised, the main one first."""
    timezone: str
    """An IANA zone name."""
    sources: tuple[str, ...]
    """The names of the sources that hold this person's calendars."""
    read: Readers
    """Who may read this person's file."""
    combine: Rule
    """How what this person published and what was computed become one file."""
    delegates: tuple[str, ...] = ()
    """The canonical NAMEs of others who may write this person's file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What the site says, where a person's table is silent."""

    timezone: str
    sources: tuple[str, ...]
    """All there are; where it is one, everybody has it."""
    read: Readers
    combine: Rule


def sources_of(person: Person, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the sources that a person has, where ``names`` are all there are."""
    if person.source is not None:
        return person.source
    return tuple(names) if len(names) == 1 else ()


def member(name: str, person: Person, delegates: tuple[str, ...], site: Defaults) -> Member:
    """Return a person as a member of the roster under its canonical NAME."""
    owner = Owner(
        name=name,
        address=person.addresses[0],
        login=person.login,
        password=person.password,
        folders=person.folders,
        include=person.include,
        exclude=person.exclude,
        groups=person.groups,
    )
    return Member(
        owner,
        person.addresses,
        timezone=person.timezone or site.timezone,
        sources=sources_of(person, site.sources),
        read=person.read or site.read,
        combine=person.combine or site.combine,
        delegates=delegates,
    )


def meant_by(text: str, index: NameIndex) -> str | None:
    """Return the canonical NAME of whoever a NAME, an address or an alias means, or None."""
    local, _, domain = text.partition("@")
    return index.canonical_name(RequestedName(local, domain or None))


def delegates_of(person: Person, index: NameIndex) -> tuple[str, ...]:
    """Return the canonical NAMEs of a person's delegates, each once."""
    names = (meant_by(text, index) for text in person.delegates)
    return tuple(dict.fromkeys(name for name in names if name is not None))
