"""The configuration file -> :class:`Config`, or every problem in it at once.

Each table is read on its own, so that what is wrong in one hides nothing in another.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from freebusy.config.checks import (
    wrong_delegates,
    wrong_login,
    wrong_names,
    wrong_ports,
    wrong_room,
    wrong_shared_user,
    wrong_sources,
    wrong_tls,
)
from freebusy.config.file import parse
from freebusy.config.lookup import LookupServer, without_servers, wrong_servers
from freebusy.config.model import (
    Access,
    Ftp,
    Http,
    Limits,
    Log,
    Login,
    Schedule,
    Section,
    Site,
    Window,
)
from freebusy.config.people import LISTS, Defaults, Member, Person, delegates_of, member
from freebusy.config.problems import SECTIONS, in_roster, problems_in, unknown_tables
from freebusy.config.roster import held_back, listed, taken_by, wrong_origin
from freebusy.config.rosterfile import Entry, entries
from freebusy.config.sources import SOURCES, ImapSource, Source, login_source
from freebusy.config.system import system_zone
from freebusy.config.values import nearest
from freebusy.config.warnings import warnings_of
from freebusy.errors import ConfigurationError, StoreError
from freebusy.names import NameIndex, index_names
from freebusy.userlist import FILE as USER_LIST
from freebusy.userlist import read as read_users

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta
    from pathlib import Path

    from freebusy.config.connector import ConnectorTable
    from freebusy.config.lookup import Lookup
    from freebusy.config.publish import Publish
    from freebusy.config.roster import RosterOrigin
    from freebusy.config.tls import Tls

AnySection = TypeVar("AnySection", bound=Section)
EVERYBODY_HAS_SOME = "default.invalid"
ROSTER_SOURCE = "roster.source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that the operator decided, checked and complete."""

    path: Path
    site: Site
    roster: RosterOrigin
    window: Window
    http: Http
    ftp: Ftp
    tls: Tls
    access: Access
    login: Login
    publish: Publish
    connector: ConnectorTable
    lookup: Lookup
    lookup_servers: Mapping[str, LookupServer]
    """Other servers by what the operator calls them."""
    schedule: Schedule
    limits: Limits
    log: Log
    sources: Mapping[str, Source]
    persons: tuple[Person, ...]
    """As configured: what a Roster is made of."""
    places: tuple[str, ...]
    """Where each of them stands: ``persons[3]``, ``people.csv:5``, ``roster.source``."""
    members: Mapping[str, Member]
    """Canonical NAME -> the person with everything decided."""
    timezone: str
    """The site's zone: for fixed times, and for owners who have none of their own."""
    warnings: tuple[str, ...] = ()
    """What works but is probably not meant, one sentence each."""

    @property
    def roster_files(self) -> tuple[Path, ...]:
        """Return the files beside the configuration that say who the people are."""
        file = () if self.roster.file is None else (self.roster.file,)
        return file if self.roster.source is None else (*file, self.user_list)

    @property
    def user_list(self) -> Path:
        """Return where the users of the mail server are kept as they were last listed."""
        return self.site.state / USER_LIST

    @property
    def login_source(self) -> ImapSource | None:
        """Return the source whose mail server checks passwords, or None where none does."""
        return login_source(self.login.mail, self.sources)

    def interval_of(self, source: str) -> timedelta:
        """Return the time between two readings of a source."""
        return self.sources[source].interval or self.schedule.interval


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read the configuration file; raises ConfigurationError with every problem there is."""
    return read_tables(parse(path, environ), path, environ)


def read_tables(tables: dict[str, Any], path: Path, environ: Mapping[str, str]) -> Config:
    """Read a configuration that was TOML; relative paths start at the folder of ``path``."""
    draft = _Draft(tables, {"folder": path.absolute().parent, "environ": environ})
    draft.read()
    index = draft.index()
    draft.check(index)
    if draft.problems:
        raise ConfigurationError(draft.problems)
    config = draft.config(path, index, draft.site.timezone or system_zone(environ))
    return replace(config, warnings=(*draft.warnings, *warnings_of(config, index)))


@dataclass(slots=True)
class _Draft:
    """A configuration while it is read; problems gather here."""

    tables: dict[str, Any]
    context: dict[str, Any]
    problems: list[str] = field(default_factory=list)
    sections: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    lookup_servers: dict[str, LookupServer] = field(default_factory=dict)
    persons: list[Person] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    is_complete: bool = True
    """Nobody is missing whom another may have named."""

    @property
    def site(self) -> Site:
        site: Site = self.sections["site"]
        return site

    def read(self) -> None:
        """Read every table; what is wrong in them is noted."""
        self.problems += unknown_tables(self.tables)
        for name, model in SECTIONS.items():
            section = self._table(model, name, without_servers(name, self.tables.get(name, {})))
            if section is not None:
                self.sections[name] = section
        self.sources = dict(self._read_sources(self.tables.get("sources", {})))
        self.lookup_servers = dict(self._read_lookup_servers())
        self.context["default_domain"] = self._default_domain()
        self._read_people()

    def index(self) -> NameIndex:
        """Return who is meant by what, among the persons that could be read."""
        return index_names(
            self.persons,
            default_domain=self.context["default_domain"],
            full_addresses="site" in self.sections and self.site.full_addresses,
        )

    def check(self, index: NameIndex) -> None:
        """Note what is wrong between tables that are right by themselves."""
        named = dict(zip(index.canonical, self.persons, strict=True))
        places = self._places_in_file(index)
        self.problems += wrong_names(index, places)
        self.problems += wrong_sources(named, self.sources, self._source_names(), places)
        self.problems += wrong_origin(
            self.sections.get("roster"),
            self.sources,
            self._source_names(),
            self.context["default_domain"],
        )
        servers = {name: self.sections.get(name) for name in ("http", "ftp")}
        self.problems += wrong_ports(servers)
        self.problems += wrong_room(servers, self.sections.get("publish"))
        self.problems += wrong_tls(servers, self.sections.get("tls"))
        self.problems += wrong_servers(self.lookup_servers)
        self.problems += wrong_login(self.sections.get("login"), self.sources, self._source_names())
        self.problems += wrong_shared_user(self.sections.get("publish"), index)
        if self.is_complete and "site" in self.sections:
            wrong = wrong_delegates(named, index, places)
            # Who is nobody may be found in the mail server's list yet.
            (self.warnings if self._lists_users() else self.problems).extend(wrong)

    def config(self, path: Path, index: NameIndex, timezone: str | None) -> Config:
        """Return the finished configuration."""
        defaults = Defaults(
            timezone=timezone or "UTC",
            sources=tuple(self.sources),
            read=self.sections["access"].read,
            combine=self.sections["publish"].combine,
        )
        members = {
            name: member(name, person, delegates_of(person, index), defaults)
            for name, person in zip(index.canonical, self.persons, strict=True)
        }
        return Config(
            path=path,
            sources=self.sources,
            lookup_servers=self.lookup_servers,
            persons=tuple(self.persons),
            places=tuple(self.places),
            members=members,
            timezone=defaults.timezone,
            **self.sections,
        )

    def _default_domain(self) -> str | None:
        """Where [site] is wrong, an address without a domain is not its owner's fault."""
        return self.site.default_domain if "site" in self.sections else EVERYBODY_HAS_SOME

    def _source_names(self) -> tuple[str, ...]:
        """Return the names of all sources, also of those that could not be read."""
        tables = self.tables.get("sources")
        return tuple(tables) if isinstance(tables, dict) else ()

    def _table(self, model: type[AnySection], where: str, table: object) -> AnySection | None:
        try:
            return model.model_validate(table, context=self.context)
        except ValidationError as error:
            self.problems += problems_in(error, where, model)
            return None

    def _read_sources(self, tables: object) -> Iterable[tuple[str, Source]]:
        if not isinstance(tables, dict):
            self.problems.append("sources: expected tables such as [sources.mail]")
            return
        for name, table in tables.items():
            source = self._read_source(f"sources.{name}", table)
            if source is not None:
                yield name, source

    def _read_source(self, where: str, table: object) -> Source | None:
        if not isinstance(table, dict):
            self.problems.append(f"{where}: expected a table such as [sources.mail]")
            return None
        kind = table.get("type")
        if isinstance(kind, str) and kind in SOURCES:
            return self._table(SOURCES[kind], where, table)
        known = " or ".join(f'"{known}"' for known in SOURCES)
        hint = nearest(kind, SOURCES) if isinstance(kind, str) else ""
        self.problems.append(f"{where}.type: expected {known}{hint}")
        return None

    def _read_lookup_servers(self) -> Iterable[tuple[str, LookupServer]]:
        lookup = self.tables.get("lookup")
        tables = lookup.get("servers", {}) if isinstance(lookup, dict) else {}
        if not isinstance(tables, dict):
            self.problems.append("lookup.servers: expected tables such as [lookup.servers.partner]")
            return
        for name, table in tables.items():
            server = self._table(LookupServer, f"lookup.servers.{name}", table)
            if server is not None:
                yield name, server

    # -- people

    def _read_people(self) -> None:
        """Read everybody; whom the configuration has itself, nobody else says anything of."""
        self._add_persons(self._own_entries(), in_file=False)
        if "roster" in self.sections:
            self._add_persons(self._file_entries(), in_file=True)
            if "site" in self.sections and not self.problems:
                self._add_users()

    def _own_entries(self) -> Iterable[Entry]:
        tables = self.tables.get("persons", [])
        if not isinstance(tables, list):
            self.problems.append('persons: expected a list such as ["hans@example.com"]')
            self.is_complete = False
            return
        for number, table in enumerate(tables, 1):
            yield Entry(f"persons[{number}]", table)

    def _file_entries(self) -> list[Entry]:
        file = self.sections["roster"].file
        if file is None:
            return []
        try:
            return entries(file, tuple(Person.model_fields), LISTS)
        except ConfigurationError as error:
            self.problems += error.problems
            self.is_complete = False
            return []

    def _add_persons(self, found: Iterable[Entry], *, in_file: bool) -> None:
        taken = {address for person in self.persons for address in person.addresses}
        for entry in found:
            known = len(self.problems)
            person = self._table(Person, entry.place, entry.table)
            if person is None:
                self.is_complete = False
                if in_file:
                    self.problems[known:] = [
                        in_roster(problem, entry.place) for problem in self.problems[known:]
                    ]
            elif taken.isdisjoint(person.addresses):
                self.persons.append(person)
                self.places.append(entry.place)

    def _add_users(self) -> None:
        """Add the users whom the mail server last listed.

        What is wrong with one of them is no reason to refuse the rest.
        """
        origin, domain = self.sections["roster"], self.context["default_domain"]
        if origin.source is None or (origin.address is None and domain is None):
            return
        try:
            users = read_users(self.site.state / USER_LIST, origin.source).users
        except StoreError as error:
            self.problems.append(f"roster.source: {error}")
            return
        taken = taken_by(self.persons) | self._accounts(origin.source)
        for entry in listed(origin, users, domain):
            if held_back(entry.table["address"], taken):
                continue
            try:
                person = Person.model_validate(entry.table, context=self.context)
            except ValidationError:
                self.warnings.append(f"roster.source: {entry.place!r} cannot be a NAME; left out")
                continue
            self.persons.append(person)
            self.places.append(ROSTER_SOURCE)

    def _lists_users(self) -> bool:
        return "roster" in self.sections and self.sections["roster"].source is not None

    def _accounts(self, source: str) -> set[str]:
        """Return the logins that the mail server may list and that are no people."""
        publish, mail = self.sections.get("publish"), self.sources.get(source)
        service = mail.username if isinstance(mail, ImapSource) else ""
        return {service.casefold(), "" if publish is None else publish.shared_user}

    def _places_in_file(self, index: NameIndex) -> dict[str, list[str]]:
        """Return the lines of the roster file by NAME; two people may claim one."""
        places: dict[str, list[str]] = {}
        for name, place in zip(index.canonical, self.places, strict=True):
            if not place.startswith("persons["):
                places.setdefault(name, []).append(place)
        return places
