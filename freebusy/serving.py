"""Composition of what both servers need: files, logins, publications.

One of these per process that serves; the part that syncs has a store of its own.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from freebusy import gateway
from freebusy.accounts import PublishedFiles
from freebusy.apppasswords import AppPasswords
from freebusy.config import VdirSource
from freebusy.counting import CountedFiles, CountedLogins
from freebusy.errors import SourceRefusedError
from freebusy.logins import AccountLogins, LoginRules
from freebusy.metrics import Metrics
from freebusy.publications import Ledger
from freebusy.publishing import Publishing, Terms
from freebusy.scanners import Scanners
from freebusy.store import Store
from freebusy.throttle import Throttle, ThrottleRules
from freebusy.triggering import Triggering
from freebusy.uploads import TemporaryUploads

if TYPE_CHECKING:
    from collections.abc import Callable

    from freebusy.config import Config
    from freebusy.ports import FreeBusyFiles, LoginCheck, Logins, TransferProtocol

log = logging.getLogger(__name__)


class Serving:
    """What the servers of one process share, over one state directory.

    Raises StoreError where the state cannot be used.
    """

    def __init__(self, config: Config) -> None:
        state = config.site.state
        gateway.prepare_state(state)
        self.metrics = Metrics()
        rights = gateway.rights(config)
        self._tree = gateway.tree(config)
        self._scanners = Scanners(config.access.scan_free)
        self._files = PublishedFiles(
            self._tree,
            rights,
            no_information=config.access.unknown == "no-information",
            scanners=self._scanners,
        )
        self.store = Store(state / "store.db")
        self._ledger = Ledger(self.store, keep_bytes=config.publish.keep_received_bytes)
        self._uploads = TemporaryUploads(state / "uploads")
        self._publisher = gateway.publisher(
            config, self.store, self._tree, self._ledger, counted=self.metrics.refresh
        )
        self.publications = Publishing(
            _terms(config),
            publisher=self._publisher,
            uploads=self._uploads,
            now=gateway.now,
            counted=self.metrics.publication,
        )
        self._app_passwords = AppPasswords(self.store, gateway.now)
        self._throttle = Throttle(self.store, _throttle_rules(config), gateway.now)
        self._logins = AccountLogins(_login_rules(config), self._app_passwords, self._throttle)
        self.triggers = Triggering(state, rights.roster, _delegates(config))
        self.metrics.count_files(lambda: len(self._tree.names()))
        self._settle(config)

    def reload(self, config: Config) -> None:
        """Go on under another configuration; blocks while files change places."""
        rights = gateway.rights(config)
        self.triggers.reload(rights.roster, _delegates(config))
        self._files.reload(
            rights,
            no_information=config.access.unknown == "no-information",
            scan_free=config.access.scan_free,
        )
        self._publisher.rules = gateway.rules(config)
        self.publications.reload(_terms(config))
        self._throttle.reload(_throttle_rules(config))
        self._logins.reload(_login_rules(config))
        self._settle(config)

    def _settle(self, config: Config) -> None:
        publish = config.publish
        self._ledger.keep_bytes = publish.keep_received_bytes
        self._uploads.max_bytes = publish.temporary_bytes
        self._uploads.lifetime = publish.upload_lifetime.total_seconds()
        self._keep_received = publish.keep_received

    def files(self, protocol: TransferProtocol) -> FreeBusyFiles:
        """Return the published tree for one of the servers."""
        return CountedFiles(self._files, self.metrics, protocol)

    def has_file(self, name: str) -> bool:
        """Whether a person has a published file."""
        return self._tree.read(name) is not None

    def logins(self, protocol: TransferProtocol) -> Logins:
        """Return the accounts for one of the servers."""
        return CountedLogins(self._logins, self.metrics, protocol)

    def tidy(self) -> None:
        """Remove what has had its time: temporary uploads, old entries of the ledger."""
        self._uploads.sweep()
        self._ledger.purge(gateway.now() - self._keep_received)

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()


def _delegates(config: Config) -> dict[str, tuple[str, ...]]:
    return {name: member.delegates for name, member in config.members.items()}


def _terms(config: Config) -> Terms:
    publish = config.publish
    return Terms(
        gateway.rights(config),
        gateway.persons(config),
        max_upload=publish.max_upload,
        max_periods=publish.max_periods,
        shared_replaces=publish.shared_account == "replaces",
    )


def _throttle_rules(config: Config) -> ThrottleRules:
    login = config.login
    return ThrottleRules(
        first_delay=login.first_delay.total_seconds(),
        max_delay=login.max_delay.total_seconds(),
        forget=login.forget.total_seconds(),
        site_failures=login.site_failures,
    )


def _login_rules(config: Config) -> LoginRules:
    publish = config.publish
    return LoginRules(
        person_of=gateway.roster(config).person_of,
        login_of=_login_of(config),
        check=_login_check(config),
        service_logins=_service_logins(config),
        shared_user=publish.shared_user,
        shared_password=publish.password,
        shared_hash=publish.password_hash,
        cache=config.login.cache.total_seconds(),
        max_checks=config.login.max_checks,
    )


def _login_of(config: Config) -> Callable[[str], str | None]:
    """Return what gives a NAME's login at the mail server, from the configuration alone."""
    from calendar_sync.imap.settings import fill

    def login_of(name: str) -> str | None:
        member = config.members.get(name)
        if member is None:
            return None
        try:
            return member.owner.login or fill(config.login.username, member.owner)
        except SourceRefusedError as error:
            log.warning("login person=%s error=%s", name, error)
            return None

    return login_of


def _service_logins(config: Config) -> set[str]:
    """Return the logins by which sources read everybody's calendars; of ``*master`` the master."""
    names = {s.username for s in config.sources.values() if not isinstance(s, VdirSource)}
    return names | {name.rpartition("*")[2] for name in names}


def _login_check(config: Config) -> LoginCheck | None:
    source = config.login_source
    if source is None:
        return None
    from calendar_sync.imap.login import ImapLoginCheck

    return ImapLoginCheck(
        gateway.imap_settings(source, timeout=config.login.timeout.total_seconds())
    )
