"""Composition of what the connector's interface calls, from a configuration.

It works on the mail server that checks people's passwords: with a person's own password,
or, for an app password, with the login that the source has for acting as others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from freebusy import gateway
from freebusy.connector.configured import lookups
from freebusy.connector.configured import reload as reload_lookups
from freebusy.connector.departures import ChangingFolders, Departures
from freebusy.connector.jobs import StoredJobs
from freebusy.connector.modes import StoredModes
from freebusy.connector.parts import Connector, ConnectorLimits
from freebusy.errors import NotAllowedError
from freebusy.jobledger import JobLedger
from freebusy.ports import Scope, SyncMode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calendar_sync.imap.behalf import Behalf
    from calendar_sync.imap.settings import ImapSettings
    from freebusy.config import Config, ImapSource, Member
    from freebusy.ports import (
        AccessControl,
        Account,
        CalendarFolders,
        CalendarItems,
        CalendarSource,
        MailServerCheck,
        Owner,
    )
    from freebusy.serving import Serving

SWITCHED_OFF = "Connectors are switched off here: ask the operator."
NOT_THIS_WAY = "This login is not for connectors: use your mail account, or an app password of\
 scope connector."
NO_PROXYING = "The service cannot act for you with an app password here: log in with your mail\
 account, or ask the operator to set up authorization for its mail server."
NOBODY = "There is no such person here any more."


def why_off(config: Config) -> str | None:
    """Say why there is no interface for connectors; None where there is one."""
    if not config.connector.enabled:
        return "connector.enabled is false"
    if config.login_source is None:
        return "nobody can log in with a mail account (see [login])"
    return None if config.http.enabled else "http.enabled is false"


def may_proxy(source: ImapSource) -> bool:
    """Whether a source has a login of its own that acts for others (RFC 4616 §2)."""
    return source.password is not None and source.is_personal


def describe(config: Config) -> str:
    """Return a line for people: whether there is an interface, and for which logins."""
    reason = why_off(config)
    if reason is not None:
        return f"off: {reason}"
    source = config.login_source
    if source is not None and may_proxy(source):
        return "on, with mail accounts and with app passwords of scope connector"
    return (
        "on, with mail accounts only: for app passwords the mail server's source needs "
        "authorization, or a master user in username"
    )


class _Mail(NamedTuple):
    """What works on the mail server, under one configuration."""

    behalf: Behalf
    counting: CalendarSource
    """Tells which folders count for free/busy."""
    check: MailServerCheck
    folders: CalendarFolders
    items: CalendarItems
    access: AccessControl

    def close(self) -> None:
        self.behalf.close()
        self.counting.close()


class Connecting:
    """The connector's interface of one process, while its configuration changes."""

    def __init__(self, config: Config, serving: Serving) -> None:
        """Raises NotAllowedError where :func:`why_off` has a reason."""
        if config.login_source is None:
            raise NotAllowedError(SWITCHED_OFF)
        self._config = config
        self._departures = Departures(
            serving.store, gateway.now, is_here=self._is_here, wait=self._confirmation
        )
        self._mail = self._made(config, config.login_source)
        self._metrics = serving.metrics
        self._modes = StoredModes(serving.store, _default_mode(config))
        self._lookups = lookups(config, serving.files("http"), gateway.now, serving.metrics.lookup)
        self._jobs = StoredJobs(
            JobLedger(serving.store, gateway.now),
            tell=serving.triggers.refresh,
            has_sources=self._has_sources,
            has_file=serving.has_file,
            now=gateway.now,
            keep=config.connector.keep_jobs,
            counted=serving.metrics.job,
        )
        self.parts = Connector(
            check=self._mail.check,
            folders=self._mail.folders,
            items=self._mail.items,
            access=self._mail.access,
            modes=self._modes,
            jobs=self._jobs,
            lookups=self._lookups,
            owner=self.owner,
            limits=_limits(config),
            is_user=self._is_user,
        )
        """What the interface calls; what is in it changes with the configuration."""

    def owner(self, account: Account, password: str) -> Owner:
        """Return on whose behalf an account works; raises NotAllowedError."""
        config = self._config
        if why_off(config) is not None or config.login_source is None:
            raise NotAllowedError(SWITCHED_OFF)
        if account.scope not in {Scope.MAIL, Scope.CONNECTOR} or account.person is None:
            raise NotAllowedError(NOT_THIS_WAY)
        member = config.members.get(account.person)
        if member is None:
            raise NotAllowedError(NOBODY)
        if account.scope is Scope.MAIL:
            return replace(member.owner, password=password)
        if not may_proxy(config.login_source):
            raise NotAllowedError(NO_PROXYING)
        return replace(member.owner, password=None)

    def reload(self, config: Config) -> None:
        """Go on under another configuration; blocks while connections are closed."""
        before, self._config = self._config, config
        self._modes.site = _default_mode(config)
        self._jobs.keep = config.connector.keep_jobs
        self.parts.limits = _limits(config)
        if config.login_source is None or _mail_of(config) == _mail_of(before):
            return
        old, self._mail = self._mail, self._made(config, config.login_source)
        self.parts.check, self.parts.folders = self._mail.check, self._mail.folders
        self.parts.items, self.parts.access = self._mail.items, self._mail.access
        old.close()

    async def reload_lookups(self, config: Config) -> None:
        """Go on with other servers to look people up."""
        await reload_lookups(self._lookups, config, gateway.now, self._metrics.lookup)

    def tidy(self) -> None:
        """Forget jobs that have had their time."""
        self._jobs.tidy()

    async def close(self) -> None:
        """Let go of connections."""
        await self._lookups.close()
        self._mail.close()

    def _is_user(self, name: str) -> bool:
        """Whether a mail server may know somebody of the roster by this name."""
        return any(name.casefold() in _names(member) for member in self._config.members.values())

    def _has_sources(self, name: str) -> bool:
        member = self._config.members.get(name)
        return member is not None and bool(member.sources)

    def _is_here(self, source: str) -> bool:
        return self._config.sources.get(source) is self._config.login_source

    def _confirmation(self) -> float:
        return self._config.schedule.confirm_after[-1].total_seconds()

    def _zone_of(self, name: str) -> str:
        member = self._config.members.get(name)
        return self._config.timezone if member is None else member.timezone

    def _made(self, config: Config, source: ImapSource) -> _Mail:
        from calendar_sync.imap import ImapSource as Imap
        from calendar_sync.imap.accesscontrol import ImapAccessControl
        from calendar_sync.imap.behalf import Behalf
        from calendar_sync.imap.itemfolders import KnownFolders
        from calendar_sync.imap.items import ImapItems
        from calendar_sync.imap.mailboxes import ImapFolders
        from calendar_sync.imap.ping import ImapPing

        idle = config.connector.idle.total_seconds()
        own = personal(config, source)
        behalf = Behalf(own, proxying(config, source), idle_seconds=idle)
        # as long as for who reads: what a service login sees are all folders of the site
        kept = (source.interval or config.schedule.interval).total_seconds() / 2
        counting = Imap(gateway.imap_settings(source, survey_seconds=kept))
        folders = ImapFolders(behalf, counting.counted)
        known = KnownFolders(folders)
        return _Mail(
            behalf,
            counting,
            check=ImapPing(behalf, own),
            folders=ChangingFolders(folders, self._departures, counting.renew),
            items=ImapItems(behalf, zone_of=self._zone_of, folders=known),
            access=ImapAccessControl(behalf, known),
        )


def personal(config: Config, source: ImapSource) -> ImapSettings:
    """Return how a person's own password is used: at the source's server, by ``[login]``."""
    return replace(
        _settings(config, source),
        username=config.login.username,
        password=None,
        authorization=None,
        list_as_service=False,
        identity=None,
    )


def proxying(config: Config, source: ImapSource) -> ImapSettings | None:
    """Return how the service acts for somebody; None where it cannot."""
    return _settings(config, source) if may_proxy(source) else None


def _settings(config: Config, source: ImapSource) -> ImapSettings:
    from calendar_sync.pages import Limits

    table, limits = config.connector, config.limits
    return gateway.imap_settings(
        source,
        limits=Limits(
            page_items=limits.page_items,
            page_bytes=limits.page_bytes,
            max_item=table.max_item,
            head_bytes=min(limits.head, table.max_item),
        ),
        max_connections=table.max_connections,
    )


def left_for_later(after: Config, *, runs: bool) -> Iterator[str]:
    """Yield what of a new configuration takes effect at the next start only.

    ``runs``: whether there is an interface already.
    """
    if not runs and why_off(after) is None:
        yield "the interface for connectors takes effect at the next start"


def _mail_of(config: Config) -> tuple[object, ...]:
    """Return all that the work on the mail server is made of."""
    return (
        config.login_source,
        config.login.username,
        config.connector,
        config.limits,
        config.schedule.interval,
    )


def _names(member: Member) -> set[str]:
    """Return all by which a mail server may know somebody, in lower case."""
    owner = member.owner
    locals_ = (address.partition("@")[0] for address in member.addresses)
    names = {owner.name, owner.login or owner.name, *member.addresses, *locals_}
    return {name.casefold() for name in names}


def _default_mode(config: Config) -> SyncMode:
    return SyncMode(config.connector.default_mode)


def _limits(config: Config) -> ConnectorLimits:
    table = config.connector
    return ConnectorLimits(
        max_body=table.max_body,
        max_changes=table.max_changes,
        max_names=config.lookup.max_names,
        max_requests=table.max_requests,
        patience=table.patience.total_seconds(),
    )
