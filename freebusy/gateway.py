"""Composition: from a configuration to the parts that do the work.

The only place where edges are made and put into one another.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from freebusy.apppasswords import AppPasswords
from freebusy.busytime import CalendarOwner
from freebusy.combine import Combination
from freebusy.config import CaldavSource, VdirSource
from freebusy.config.values import nearest
from freebusy.connector.modes import StoredModes
from freebusy.errors import ConfigurationError, StoreError
from freebusy.expanding import Person, Rules
from freebusy.jobledger import JobLedger
from freebusy.locks import Locks
from freebusy.names import requested_name
from freebusy.ports import SyncMode
from freebusy.public import PublicDirectory
from freebusy.publications import Ledger
from freebusy.publisher import Publisher
from freebusy.rights import PersonRights, Rights
from freebusy.roster import Roster
from freebusy.store import Store
from freebusy.syncing import Feed, Syncer
from freebusy.tree import Tree
from freebusy.wording import safe
from freebusy.worker import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from calendar_sync.caldav.settings import CaldavSettings
    from calendar_sync.imap.settings import ImapSettings
    from calendar_sync.pages import Limits as PageLimits
    from freebusy.config import Config, ImapSource, Member, Source
    from freebusy.metrics import Metrics, RefreshOutcome
    from freebusy.ports import CalendarSource

log = logging.getLogger(__name__)

_LEFTOVER = timedelta(hours=1)
"""A temporary file of this age was left by a crash."""


def now() -> datetime:
    """Return the wall clock: the one place that reads it."""
    return datetime.now(UTC)


def prepare_state(state: Path) -> None:
    """Make the state directory's layout; raises StoreError where that fails.

    Others may walk through to the public tree (a web server of its own does); nothing
    else in it is theirs.
    """
    try:
        tree = state / "public"
        for directory in (state, tree, tree / "pub", tree / "pub" / "calendar"):
            if not directory.is_dir():
                directory.mkdir(parents=True, exist_ok=True)
                directory.chmod(0o755)  # also where the umask is 077, as in the systemd units
        (state / "locks").mkdir(mode=0o700, exist_ok=True)
        (state / "restricted").mkdir(mode=0o700, exist_ok=True)
        (state / "restricted").chmod(0o700)  # also where a backup brought it back otherwise
        database = state / "store.db"
        database.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the state directory {state} cannot be used ({error.strerror}):"
            " give the gateway's user the right to write there, or set site.state"
        ) from error


def roster(config: Config) -> Roster:
    """Return who is who."""
    return Roster(
        config.persons,
        default_domain=config.site.default_domain,
        full_addresses=config.site.full_addresses,
    )


def wanted(config: Config, names: Sequence[str]) -> list[str]:
    """Return the canonical NAMEs meant by what was typed; everybody's where it is nothing.

    Raises ConfigurationError for those that name nobody.
    """
    if not names:
        return list(config.members)
    who = roster(config)
    requests = {text: requested_name(f"/calendar/{text}") for text in names}
    found = {
        text: None if request is None else who.canonical(request)
        for text, request in requests.items()
    }
    unknown = [text for text, name in found.items() if name is None]
    if unknown:
        known = [*who.names, *(address for some in who.addresses.values() for address in some)]
        raise ConfigurationError(
            [f"{safe(text)!r} is nobody in the roster{nearest(text, known)}" for text in unknown]
        )
    return [name for name in dict.fromkeys(found.values()) if name is not None]


def rights(config: Config) -> Rights:
    """Return who may read and write what."""
    access, publish = config.access, config.publish
    return Rights(
        roster(config),
        site_read=access.read,
        networks=access.networks,
        persons={
            name: PersonRights(member.read, member.delegates)
            for name, member in config.members.items()
        },
        trusted_networks=publish.trusted_networks,
        publishing=publish.enabled,
        listing=access.listing,
        logins=True,  # an app password can be made at any time
    )


def tree(config: Config) -> Tree:
    """Return the published tree with the restricted one beside it."""
    public = PublicDirectory(config.site.state / "public")
    restricted = PublicDirectory(config.site.state / "restricted", private=True)
    return Tree(public, restricted, rights(config).is_restricted)


def person(name: str, member: Member, config: Config) -> Person:
    """Return one member of the roster as syncing and publishing need one."""
    owner = CalendarOwner(
        addresses=frozenset(address.lower() for address in member.addresses),
        zone=member.timezone,
        needs_action=config.site.needs_action_type,
        working_elsewhere=config.site.working_elsewhere_type,
    )
    combination = Combination(member.combine)
    return Person(name, member.addresses[0], owner, member.owner, member.sources, combination)


def persons(config: Config) -> dict[str, Person]:
    """Return everybody by canonical NAME."""
    return {name: person(name, member, config) for name, member in config.members.items()}


def rules(config: Config) -> Rules:
    """Return the site's rules."""
    return Rules(
        past_days=config.window.past_days,
        months=config.window.months,
        stale_after=config.schedule.stale_after.total_seconds(),
        confirm_after=tuple(step.total_seconds() for step in config.schedule.confirm_after),
        untouched_is_free=config.site.untouched_calendar == "free",
        plain=config.site.plain_profile,
        publication_max_age=config.publish.publication_max_age,
    )


def calendar_source(config: Config, source: Source) -> CalendarSource:
    """Return the calendar source that a table of the configuration describes."""
    from calendar_sync.pages import Limits as PageLimits

    limits = PageLimits(
        page_items=config.limits.page_items,
        page_bytes=config.limits.page_bytes,
        max_item=config.limits.max_item,
        head_bytes=config.limits.head,
    )
    if isinstance(source, VdirSource):
        from calendar_sync.vdir import VdirSource as Vdir

        return Vdir(source.root, source.path, limits=limits, force_polling=source.polling or None)
    if isinstance(source, CaldavSource):
        from calendar_sync.caldav.source import CaldavSource as Caldav

        return Caldav(caldav_settings(source, limits))
    from calendar_sync.imap.source import ImapSource as Imap

    # so that a survey outlives the readings of one tick, and not those of the next
    lifetime = (source.interval or config.schedule.interval).total_seconds() / 2
    return Imap(imap_settings(source, limits=limits, survey_seconds=lifetime))


def caldav_settings(source: CaldavSource, limits: PageLimits) -> CaldavSettings:
    """Return a CalDAV server's table as the room that asks it wants it."""
    from calendar_sync.caldav.settings import CaldavSettings

    return CaldavSettings(
        source.url,
        source.username,
        source.password,
        calendars=source.calendars,
        principal=source.principal,
        ca_file=None if source.ca_file is None else str(source.ca_file),
        allow_plain=source.allow_plain,
        timeout=source.timeout.total_seconds(),
        limits=limits,
        max_connections=source.max_connections,
        poll_seconds=source.poll.total_seconds(),
        sync_collection=source.sync_collection,
    )


def imap_settings(source: ImapSource, **changes: Any) -> ImapSettings:
    """Return a mail server's table as the room that asks it wants it, with some changes."""
    from calendar_sync.imap.settings import ImapSettings

    settings = ImapSettings(
        host=source.host,
        port=source.port,
        security=source.security,
        allow_plain=source.allow_plain,
        ca_file=None if source.ca_file is None else str(source.ca_file),
        username=source.username,
        password=source.password,
        folder=source.folders,
        authorization=source.authorization,
        list_as_service=source.list_as == "service",
        identity=source.identity,
        include=source.include,
        exclude=source.exclude,
        attendees_only=source.attendees_only,
        timeout=source.timeout.total_seconds(),
        whole_bytes=source.whole,
        max_connections=source.max_connections,
        max_watched=source.max_watched,
        idle_seconds=source.idle.total_seconds(),
        poll_seconds=source.poll.total_seconds(),
    )
    return replace(settings, **changes)


def publisher(
    config: Config,
    store: Store,
    files: Tree,
    ledger: Ledger,
    *,
    workers: Workers | None = None,
    counted: Callable[[RefreshOutcome], None] | None = None,
) -> Publisher:
    """Return what renders files; without ``workers`` it expands no calendars further."""
    return Publisher(
        store=store,
        public=files,
        workers=workers,
        locks=Locks(config.site.state / "locks"),
        rules=rules(config),
        now=now,
        ledger=ledger,
        counted=counted,
    )


def feeds(config: Config) -> dict[str, Feed]:
    """Return the configured sources by name."""
    return {
        name: Feed(name, calendar_source(config, source)) for name, source in config.sources.items()
    }


@dataclass(frozen=True, slots=True)
class Engine:
    """What reads calendars and renders files, over one state directory."""

    store: Store
    tree: Tree
    ledger: Ledger
    workers: Workers
    syncer: Syncer
    publisher: Publisher
    feeds: Mapping[str, Feed]
    persons: Mapping[str, Person]
    forget_after: timedelta

    def see_off(self) -> None:
        """Withdraw the files of people who left, and later forget what is known of them.

        They are out of the roster and nobody can ask for them; their file goes once the
        change has lasted as long as any other loss must.
        """
        moment = int(now().timestamp())
        waits = self.syncer.rules.confirm_after
        known = {state.person for state in self.store.calendars()} | self.ledger.names()
        for name in known | set(self.tree.names()):
            since = self.store.meta(f"left:{name}")
            if name in self.persons:
                if since:
                    self.store.remember(**{f"left:{name}": ""})
            elif not since:
                self.store.remember(**{f"left:{name}": str(moment)})
                log.warning("roster person=%s event=left", name)
            elif moment - int(since) >= (waits[-1] if waits else 0):
                self.publisher.withdraw(name)
                if moment - int(since) >= self.forget_after.total_seconds():
                    self._forget(name)

    def _forget(self, name: str) -> None:
        for state in self.store.calendars(name):
            self.store.forget(state.id)
        self.ledger.forget(name)
        AppPasswords(self.store, now).forget(name)
        JobLedger(self.store, now).forget(name)
        StoredModes(self.store, SyncMode.MANUAL).forget_all(name)

    def close(self) -> None:
        """Let go of sources, workers and the store."""
        for feed in self.feeds.values():
            feed.source.close()
        self.workers.close()
        self.store.close()


def _let_go(config: Config, store: Store) -> None:
    """Forget the calendars of people who by now only publish.

    Nobody would read them again, so that they would say for ever what they said last.
    Where there is no source at all the configuration may just be unfinished.
    """
    for state in store.calendars() if config.sources else ():
        member = config.members.get(state.person)
        if member is not None and not member.sources:
            store.forget(state.id)


def _workers(config: Config) -> Workers:
    from calendar_sync.formats import extract

    return Workers(
        extract,
        processes=config.limits.worker_count,
        item_cpu=config.limits.item_cpu.total_seconds(),
        memory=config.limits.worker_memory,
    )


def engine(config: Config, metrics: Metrics | None = None) -> Engine:
    """Put the engine together; raises StoreError where the state cannot be used.

    ``metrics`` is what counts its work, and tells the ages of its sources from now on.
    """
    prepare_state(config.site.state)
    files = tree(config)
    files.sweep(_LEFTOVER)
    files.settle()
    store = Store(config.site.state / "store.db")
    _let_go(config, store)
    ledger = Ledger(store, keep_bytes=config.publish.keep_received_bytes)
    workers = _workers(config)
    syncer = Syncer(
        store=store,
        workers=workers,
        locks=Locks(config.site.state / "locks"),
        rules=rules(config),
        now=now,
        counted=None if metrics is None else metrics.sync,
    )
    if metrics is not None:
        metrics.follow(config.sources)
    refreshed = None if metrics is None else metrics.refresh
    return Engine(
        store=store,
        tree=files,
        ledger=ledger,
        workers=workers,
        syncer=syncer,
        publisher=publisher(config, store, files, ledger, workers=workers, counted=refreshed),
        feeds=feeds(config),
        persons=persons(config),
        forget_after=config.schedule.forget_after,
    )
