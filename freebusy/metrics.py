"""What a running process counts, in Prometheus's text format.

Other rooms call plain methods and know nothing of Prometheus.  Labels come from short
lists that are written here, and from the names of sources and other servers: no person,
no address, no path is ever one, because whoever may read the metrics need not know who has
an account.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from freebusy import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from freebusy.ports import TransferProtocol

LoginOutcome = Literal["accepted", "refused", "slowed", "unavailable"]
"""``slowed``: turned away unchecked; ``unavailable``: the mail server could not be asked."""
PublicationOutcome = Literal[
    "stored", "temporary", "waiting", "dropped", "not_free_busy", "not_allowed", "too_large",
    "missing", "precondition", "failed",
]  # fmt: skip
"""``temporary``: until it is renamed; ``waiting``: until a calendar is read; ``missing``:
nothing to rename or remove; ``failed``: the disk or the store."""
RefreshOutcome = Literal["written", "unchanged", "unknown", "withdrawn", "failed"]
SyncOutcome = Literal["done", "failed"]
JobOutcome = Literal["done", "failed"]
LookupOutcome = Literal["known", "unknown", "failed"]
TransferOutcome = Literal["completed", "aborted"]

_PREFIX = "freebusy_"
_TRANSFERS = ("RETR", "STOR", "LIST", "NLST", "MLSD")
_PROTOCOLS: tuple[TransferProtocol, ...] = ("http", "https", "ftp", "ftps")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")


class Metrics:
    """Counts of one process; every method is safe from any thread and never blocks for long."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds, for the ages of sources; only differences count."""
        self._clock = clock
        self._succeeded: dict[str, float] = {}
        # A gauge with each counter's birth would double the page, and nobody asks for it.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # theirs has no annotations
        self._registry = CollectorRegistry()
        Info("freebusy_build", "The running release.", registry=self._registry).info(
            {"version": __version__}
        )
        ProcessCollector(registry=self._registry)
        self._count_visitors()
        self._count_work()

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(_PREFIX + name, text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(_PREFIX + name, text, labels, registry=self._registry)

    def _count_visitors(self) -> None:
        self._logins = self._counter("logins", "Logins tried.", "protocol", "outcome")
        self._delays = self._counter("login_delays", "Logins that had to wait for earlier ones.")
        self._waits = self._counter("login_delay_seconds", "Seconds that logins had to wait.")
        self._publications = self._counter(
            "publications", "Uploads, renames and removals.", "protocol", "outcome"
        )
        names = self._counter(
            "names_refused", "Requests for names that are not there, or not for the visitor.",
            "protocol",
        )  # fmt: skip
        # Looked up once: what a refusal costs is not to be told from what a file costs.
        self._name_refused = {protocol: names.labels(protocol).inc for protocol in _PROTOCOLS}
        self._scans = self._counter("scans_slowed", "Refusals held back from who asks for many.")
        responses = self._counter("http_responses", "Answers by class of status.", "status")
        self._responses = [responses.labels(name) for name in _CLASSES]
        self._connector = self._counter(
            "connector_requests", "Requests to the connectors' interface.",
            "endpoint", "method", "status",
        )  # fmt: skip
        self._sessions = self._counter("ftp_sessions", "FTP sessions begun.")
        self._open_sessions = self._gauge("ftp_sessions_open", "FTP sessions that are open.")
        self._transfers = self._counter(
            "ftp_transfers", "FTP transfers of files and listings.", "command", "outcome"
        )

    def _count_work(self) -> None:
        self._refreshes = self._counter("refreshes", "Files made or looked at.", "outcome")
        self._syncs = self._counter("syncs", "Readings of calendars.", "source", "outcome")
        self._jobs = self._counter("jobs", "Readings that connectors asked for.", "outcome")
        self._lookups = self._counter(
            "lookups_elsewhere", "People asked for on other servers.", "server", "outcome"
        )
        self._ages = self._gauge(
            "source_age_seconds",
            "Seconds since a source last delivered, or since it is followed without success.",
            "source",
        )
        self._files = self._gauge("files", "Published files.")

    # -- visitors

    def login(self, protocol: TransferProtocol, outcome: LoginOutcome) -> None:
        """Count a login that was tried."""
        self._logins.labels(protocol, outcome).inc()

    def login_delayed(self, seconds: float) -> None:
        """Count a login that waits because of earlier failures."""
        if seconds > 0:
            self._delays.inc()
            self._waits.inc(seconds)

    def publication(self, protocol: TransferProtocol, outcome: PublicationOutcome) -> None:
        """Count an upload, a rename or a removal."""
        self._publications.labels(protocol, outcome).inc()

    def name_refused(self, protocol: TransferProtocol) -> None:
        """Count a request for a name that is unknown, hidden or malformed."""
        self._name_refused[protocol]()

    def scan_slowed(self) -> None:
        """Count a refusal that is held back, because its visitor asked for many names."""
        self._scans.inc()

    def response(self, status: int) -> None:
        """Count an HTTP answer by the class of its status."""
        self._responses[min(max(status // 100, 1), 5) - 1].inc()

    def connector_request(self, endpoint: str, method: str, status: int) -> None:
        """Count a request of a connector; ``endpoint`` is a path's template, never a path."""
        known = method if method in _METHODS else "other"
        self._connector.labels(endpoint, known, str(status)).inc()

    def session_opened(self) -> None:
        """Count an FTP session that begins."""
        self._sessions.inc()
        self._open_sessions.inc()

    def session_closed(self) -> None:
        """Note that an FTP session has ended."""
        self._open_sessions.dec()

    def transfer(self, command: str, outcome: TransferOutcome) -> None:
        """Count an FTP transfer by its command (RFC 959 §4.1.3): RETR, STOR, LIST ..."""
        known = command if command in _TRANSFERS else "other"
        self._transfers.labels(known, outcome).inc()

    # -- work

    def refresh(self, outcome: RefreshOutcome) -> None:
        """Count the making of a person's file."""
        self._refreshes.labels(outcome).inc()

    def follow(self, sources: Iterable[str]) -> None:
        """Begin to tell the ages of these sources, and no longer those of others."""
        kept = set(sources)
        for name in set(self._succeeded) - kept:
            del self._succeeded[name]
            self._ages.remove(name)
        for name in sorted(kept - set(self._succeeded)):
            self._succeeded[name] = self._clock()
            self._ages.labels(name).set_function(partial(self._age, name))

    def _age(self, source: str) -> float:
        return self._clock() - self._succeeded.get(source, self._clock())

    def sync(self, source: str, outcome: SyncOutcome) -> None:
        """Count the reading of one calendar of a source."""
        self._syncs.labels(source, outcome).inc()
        if outcome == "done" and source in self._succeeded:
            self._succeeded[source] = self._clock()

    def job(self, outcome: JobOutcome) -> None:
        """Count a reading that a connector asked for and that has ended."""
        self._jobs.labels(outcome).inc()

    def lookup(self, server: str, outcome: LookupOutcome) -> None:
        """Count a person who was asked for on another server, as the operator calls it."""
        self._lookups.labels(server, outcome).inc()

    def count_files(self, count: Callable[[], int]) -> None:
        """Ask ``count`` for the number of published files whenever metrics are read."""
        self._files.set_function(count)

    # -- the page

    def render(self) -> bytes:
        """Return the metrics in Prometheus's text format, version 0.0.4."""
        return generate_latest(self._registry)
