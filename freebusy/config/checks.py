"""What can be wrong, or hardly meant, between parts that are right by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.config.secret import WithPassword
from freebusy.config.sources import ImapSource
from freebusy.config.values import duration_text, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from freebusy.config.model import Ftp, Http
    from freebusy.config.people import Person
    from freebusy.config.reading import Config
    from freebusy.config.sources import Source
    from freebusy.names import NameIndex


def wrong_names(index: NameIndex) -> Iterator[str]:
    """Yield what two people claim at once."""
    for collision in index.collisions:
        yield f"persons: {collision}"


def wrong_sources(
    persons: Mapping[str, Person], sources: Mapping[str, Source], names: Sequence[str]
) -> Iterator[str]:
    """Yield what is wrong between people and sources; ``names`` are also those not readable."""
    for name, person in persons.items():
        for wanted in person.source:
            if wanted not in names:
                hint = nearest(wanted, names) or f"; there are: {', '.join(names) or 'none'}"
                yield f"persons: {name!r} has source {wanted!r}, which is none{hint}"
        if not person.source and len(names) > 1:
            yield f"persons: {name!r} needs a source, one of: {', '.join(names)}"
        yield from _missing_passwords(name, person, sources)


def _missing_passwords(name: str, person: Person, sources: Mapping[str, Source]) -> Iterator[str]:
    if person.password is not None:
        return
    for key in person.source or (tuple(sources) if len(sources) == 1 else ()):
        source = sources.get(key)
        if isinstance(source, ImapSource) and source.password is None:
            yield (
                f"persons: {name!r} has no password for sources.{key}; set password_file or "
                "password_env there for one login that reads all, or here for this person"
            )


def wrong_ports(http: Http | None, ftp: Ftp | None) -> Iterator[str]:
    """Yield the addresses on which both servers are to listen."""
    if http is None or ftp is None or not (http.enabled and ftp.enabled):
        return
    for endpoint in http.listen:
        if endpoint.port and endpoint in ftp.listen:
            yield f"ftp.listen: {endpoint} is where http listens; choose another port"


def warnings_of(config: Config, index: NameIndex) -> Iterator[str]:
    """Yield what works but is probably not meant."""
    for local, names in index.ambiguous.items():
        yield (
            f"persons: {local!r} names nobody, because {' and '.join(names)} share it; "
            "give one of them a name, or set site.default_domain"
        )
    yield from _people_warnings(config)
    yield from _file_warnings(config)
    if config.timezone in {"UTC", "Etc/UTC"} and config.site.timezone is None:
        yield "site.timezone: not set, and this machine runs on UTC; whole days count in UTC"
    if not (config.http.enabled or config.ftp.enabled):
        yield "http.enabled, ftp.enabled: both are false; files are written and not served"
    if config.access.read == "anyone" and "networks" in config.access.model_fields_set:
        yield 'access.networks: counts only while read = "networks"'
    for name in config.sources:
        if config.schedule.stale_after < config.interval_of(name):
            yield (
                f"schedule.stale_after: {duration_text(config.schedule.stale_after)} is shorter "
                f"than the interval of sources.{name}; its files would always look stale"
            )


def _people_warnings(config: Config) -> Iterator[str]:
    if not config.members:
        yield "persons: there are none; no file will be served"
    if config.members and not config.sources:
        yield "sources: there are none; no calendar will be read"
    used = {source for member in config.members.values() for source in member.sources}
    for name in config.sources:
        if name not in used and config.members:
            yield f"sources.{name}: no person has it"


def _file_warnings(config: Config) -> Iterator[str]:
    holders: dict[str, WithPassword] = {
        f"sources.{name}": source
        for name, source in config.sources.items()
        if isinstance(source, WithPassword)
    }
    holders |= {f"persons[{n}]": person for n, person in enumerate(config.persons, 1)}
    for where, holder in holders.items():
        if holder.is_exposed:
            yield f"{where}.password_file: every user of this machine may read it; chmod o= it"
