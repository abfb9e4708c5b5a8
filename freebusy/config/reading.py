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
    wrong_shared_user,
    wrong_sources,
    wrong_tls,
)
from freebusy.config.file import parse
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
from freebusy.config.people import Defaults, Member, Person, delegates_of, member
from freebusy.config.problems import SECTIONS, problems_in, unknown_tables
from freebusy.config.sources import SOURCES, ImapSource, Source, login_source
from freebusy.config.system import system_zone
from freebusy.config.values import nearest
from freebusy.config.warnings import warnings_of
from freebusy.errors import ConfigurationError
from freebusy.names import NameIndex, index_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta
    from pathlib import Path

    from freebusy.config.publish import Publish
    from freebusy.config.tls import Tls

AnySection = TypeVar("AnySection", bound=Section)
EVERYBODY_HAS_SOME = "default.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that the operator decided, checked and complete."""

    path: Path
    site: Site
    window: Window
    http: Http
    ftp: Ftp
    tls: Tls
    access: Access
    login: Login
    publish: Publish
    schedule: Schedule
    limits: Limits
    log: Log
    sources: Mapping[str, Source]
    persons: tuple[Person, ...]
    """As configured: what a Roster is made of."""
    members: Mapping[str, Member]
    """Canonical NAME -> the person with everything decided."""
    timezone: str
    """The site's zone: for fixed times, and for owners who have none of their own."""
    warnings: tuple[str, ...] = ()
    """What works but is probably not meant, one sentence each."""

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
    return replace(config, warnings=tuple(warnings_of(config, index)))


@dataclass(slots=True)
class _Draft:
    """A configuration while it is read; problems gather here."""

    tables: dict[str, Any]
    context: dict[str, Any]
    problems: list[str] = field(default_factory=list)
    sections: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    persons: list[Person] = field(default_factory=list)

    @property
    def site(self) -> Site:
        site: Site = self.sections["site"]
        return site

    def read(self) -> None:
        """Read every table; what is wrong in them is noted."""
        self.problems += unknown_tables(self.tables)
        for name, model in SECTIONS.items():
            section = self._table(model, name, self.tables.get(name, {}))
            if section is not None:
                self.sections[name] = section
        self.sources = dict(self._read_sources(self.tables.get("sources", {})))
        self.context["default_domain"] = self._default_domain()
        self.persons = list(self._read_persons(self.tables.get("persons", [])))

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
        self.problems += wrong_names(index)
        self.problems += wrong_sources(named, self.sources, self._source_names())
        servers = {name: self.sections.get(name) for name in ("http", "ftp")}
        self.problems += wrong_ports(servers)
        self.problems += wrong_tls(servers, self.sections.get("tls"))
        self.problems += wrong_login(self.sections.get("login"), self.sources, self._source_names())
        self.problems += wrong_shared_user(self.sections.get("publish"), index)
        if self._knows_everybody():
            self.problems += wrong_delegates(named, index)

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
            persons=tuple(self.persons),
            members=members,
            timezone=defaults.timezone,
            **self.sections,
        )

    def _default_domain(self) -> str | None:
        """Where [site] is wrong, an address without a domain is not its owner's fault."""
        return self.site.default_domain if "site" in self.sections else EVERYBODY_HAS_SOME

    def _knows_everybody(self) -> bool:
        """Whether nobody is missing whom another may have named."""
        tables = self.tables.get("persons", [])
        complete = isinstance(tables, list) and len(self.persons) == len(tables)
        return complete and "site" in self.sections

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

    def _read_persons(self, tables: object) -> Iterable[Person]:
        if not isinstance(tables, list):
            self.problems.append('persons: expected a list such as ["hans@example.com"]')
            return
        for number, table in enumerate(tables, 1):
            person = self._table(Person, f"persons[{number}]", table)
            if person is not None:
                yield person
