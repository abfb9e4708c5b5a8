"""The people of the configuration, and where each one's calendars are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from freebusy.config.secret import WithPassword
from freebusy.config.values import Address, Name, Names, Words, ZoneName, unexpected
from freebusy.ports import Owner

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    source: Words = ()
    """Names of sources; empty: the only one there is."""
    folders: Words = ()
    """Folders of this person; empty: the source's own rule."""
    login: Annotated[str, Field(min_length=1)] | None = None
    """The login at the source, where it is not what the source's template says."""

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


def member(name: str, person: Person, *, timezone: str, sources: Sequence[str]) -> Member:
    """Return a person as a member of the roster under its canonical NAME."""
    owner = Owner(
        name=name,
        address=person.addresses[0],
        login=person.login,
        password=person.password,
        folders=person.folders,
    )
    chosen = person.source or (tuple(sources) if len(sources) == 1 else ())
    return Member(owner, person.addresses, person.timezone or timezone, chosen)
