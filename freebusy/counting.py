"""What the servers ask for, counted by protocol on its way: the metrics of visitors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.errors import LoginRefusedError, LoginSlowedError, LoginUnavailableError

if TYPE_CHECKING:
    from freebusy.metrics import Metrics
    from freebusy.ports import Account, FreeBusyFiles, Logins, TransferProtocol, Visitor


class CountedFiles:
    """The published tree, its refusals counted: ports.FreeBusyFiles.

    All but refusals goes straight to the tree: reading is what everybody does.
    """

    def __init__(self, files: FreeBusyFiles, metrics: Metrics, protocol: TransferProtocol) -> None:
        self.admits = files.admits
        self.needs_login = files.needs_login
        self.find = files.find
        self.listing = files.listing
        self._hold_up = files.hold_up
        self._metrics = metrics
        self._protocol = protocol

    def hold_up(self, visitor: Visitor) -> float:
        """Return the seconds to wait before a refusal to this visitor goes out."""
        seconds = self._hold_up(visitor)
        self._metrics.name_refused(self._protocol)
        if seconds > 0:
            self._metrics.scan_slowed()
        return seconds


class CountedLogins:
    """Accounts and their passwords, what comes of each login counted: ports.Logins."""

    def __init__(self, logins: Logins, metrics: Metrics, protocol: TransferProtocol) -> None:
        self.recall = logins.recall
        self._logins = logins
        self._metrics = metrics
        self._protocol = protocol

    def delay(self, user: str, address: str) -> float:
        """Return the seconds to wait before :meth:`log_in`; raises LoginSlowedError."""
        try:
            seconds = self._logins.delay(user, address)
        except LoginSlowedError:
            self._metrics.login(self._protocol, "slowed")
            raise
        self._metrics.login_delayed(seconds)
        return seconds

    def log_in(self, user: str, password: str, address: str) -> Account:
        """Check a login; raises what :meth:`freebusy.ports.Logins.log_in` does."""
        try:
            account = self._logins.log_in(user, password, address)
        except LoginRefusedError:
            self._metrics.login(self._protocol, "refused")
            raise
        except LoginSlowedError:
            self._metrics.login(self._protocol, "slowed")
            raise
        except LoginUnavailableError:
            self._metrics.login(self._protocol, "unavailable")
            raise
        self._metrics.login(self._protocol, "accepted")
        return account
