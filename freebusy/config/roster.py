"""``[roster]``: people from a file of their own, or from the mail server's list of users."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator

from freebusy.config.model import DAY, HOUR, MINUTE, Section
from freebusy.config.rosterfile import Entry
from freebusy.config.sources import ImapSource
from freebusy.config.values import (
    Count,
    Duration,
    File,
    Template,
    Words,
    between,
    nearest,
    placeholders_in,
    unexpected,
)
from freebusy.names import normalise_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from freebusy.config.people import Person
    from freebusy.config.sources import Source

FORMATS = (".csv", ".toml")


class RosterOrigin(Section):
    """``[roster]``: where people come from, beside ``persons``."""

    file: File | None = None
    """CSV or TOML; read again when it changes."""
    source: Annotated[str, Field(min_length=1)] | None = None
    """The IMAP source whose server's users are people; None: none."""
    address: Template | None = None
    """Of ``{local}``, what the server calls a user; None: with ``site.default_domain``."""
    exclude: Words = ()
    """Users who are no people; ``*`` stands for any characters."""
    interval: Annotated[Duration, between(MINUTE, 7 * DAY)] = HOUR
    """Between two looks at the server's list."""
    max_loss: Annotated[Count, Field(le=100)] = 20
    """Percent of the users; a list that has lost more at once is not believed."""

    @field_validator("file")
    @classmethod
    def _is_of_a_format(cls, file: File | None) -> File | None:
        if file is not None and file.suffix.lower() not in FORMATS:
            raise unexpected("a file that ends in .csv or .toml")
        return file

    @field_validator("address")
    @classmethod
    def _is_of_the_user(cls, address: str | None) -> str | None:
        if address is not None and (
            set(placeholders_in(address)) != {"local"} or address.count("@") != 1
        ):
            raise unexpected('an address made of {local} alone, such as "{local}@example.com"')
        return address

    def address_of(self, user: str, default_domain: str | None) -> str:
        """Return the address of one whom the server calls ``user``."""
        if "@" in user:  # a server with several domains says it all
            return user
        template = self.address or f"{{local}}@{default_domain}"
        return template.replace("{local}", user)

    def counts(self, user: str) -> bool:
        """Whether one whom the server calls ``user`` is a person."""
        return not any(fnmatchcase(user.lower(), pattern.lower()) for pattern in self.exclude)


def wrong_origin(
    origin: RosterOrigin | None,
    sources: Mapping[str, Source],
    names: Sequence[str],
    default_domain: str | None,
) -> Iterator[str]:
    """Yield what is wrong with where people come from; ``names`` are of all sources."""
    if origin is None or origin.source is None:
        return
    wanted, source = origin.source, sources.get(origin.source)
    if wanted not in names:
        hint = nearest(wanted, names) or f"; there are: {', '.join(names) or 'none'}"
        yield f"roster.source: {wanted!r} is no source{hint}"
    elif source is not None and not isinstance(source, ImapSource):
        yield f'roster.source: sources.{wanted} is no mail server; name a source of type = "imap"'
    elif source is not None and ("{" in source.username or source.password is None):
        yield (
            f"roster.source: sources.{wanted} has no login of its own that could list the users; "
            "set username to a service login, and its password_file or password_env"
        )
    if origin.address is None and default_domain is None:
        yield 'roster.address: is missing; set "{local}@example.com", or site.default_domain'


def listed(
    origin: RosterOrigin, users: Iterable[str], default_domain: str | None
) -> Iterator[Entry]:
    """Yield the users of the mail server as persons whose calendars are there."""
    for user in users:
        if origin.counts(user):
            address = origin.address_of(user, default_domain)
            yield Entry(user, {"address": address, "source": origin.source})


def taken_by(persons: Iterable[Person]) -> set[str]:
    """Return every NAME, address and alias that these people were given outright."""
    taken: set[str] = set()
    for person in persons:
        taken.update(person.addresses, person.aliases, () if person.name is None else [person.name])
    return taken


def held_back(address: str, taken: set[str]) -> bool:
    """Whether a listed user would claim what the configuration gives to somebody."""
    name = normalise_name(address) or address
    return name in taken or name.partition("@")[0] in taken
