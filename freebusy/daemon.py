"""The long-running parts, and how they start, reread their configuration and stop."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import resource
import signal
import threading
import time
from typing import TYPE_CHECKING

from freebusy import gateway, triggering
from freebusy.config import urls
from freebusy.connecting import Connecting, left_for_later, why_off
from freebusy.errors import ConfigurationError, FreeBusyError, StoreError
from freebusy.listeners import ftp_server, http_server, http_settings, listening, taken
from freebusy.rosterwatch import RosterWatch, stamp
from freebusy.serving import Serving
from freebusy.syncpart import SyncPart
from freebusy.wording import safe

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection, Sequence

    from freebusy.config import Config, Tls
    from freebusy.rosterwatch import Stamp
    from freebusy.web.server import HttpServer
    from ftpsrv.server import FtpServer

log = logging.getLogger(__name__)

MANY_FILES = 65_536
"""Open files that are asked for: a connection each, and two or three for an FTP session."""
ALL_PARTS = frozenset({"http", "ftp", "sync"})
_GLANCE = 5.0
"""Seconds between two looks at the files of the certificate."""
_TIDY_EVERY = 600.0


def _raise_file_limit() -> None:
    """Take as many open files as the system allows: a shell's usual 1,024 are too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(MANY_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _signature(tls: Tls) -> Stamp:
    """Return what differs whenever the certificate's files may have changed."""
    return stamp(path for path in (tls.certificate, tls.key) if path is not None)


def _content(tls: Tls) -> bytes:
    """Return a digest of the certificate and its key; of what cannot be read: nothing."""
    paths = [path for path in (tls.certificate, tls.key) if path is not None]
    try:
        return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).digest()
    except OSError:
        return b""


class Daemon:
    """Runs some or all of the parts until it is told to stop."""

    def __init__(
        self, config: Config, parts: Collection[str], reread: Callable[[], Config]
    ) -> None:
        """``reread`` loads the configuration again; it may raise ConfigurationError."""
        self._config = config
        self._parts = frozenset(parts)
        self._reread = reread
        self._serving: Serving | None = None
        self._certificate: Stamp = ()
        self._shown = b""
        self._tidying: asyncio.Task[None] | None = None
        self._connecting: Connecting | None = None
        self._http: HttpServer | None = None
        self._ftp: FtpServer | None = None
        self._ftp_thread: threading.Thread | None = None
        self._sync: SyncPart | None = None
        self._stop = asyncio.Event()
        self._failure: str | None = None
        self._triggers: socket.socket | None = None
        self._reloading: asyncio.Future[None] | None = None
        self._roster = RosterWatch(config, self._begin_reload, lists="sync" in parts)

    async def run(self, ready: Callable[[Sequence[str]], None]) -> None:
        """Start, tell ``ready`` the URLs to try, and serve until a signal comes.

        Raises ConfigurationError where something cannot be started.
        """
        self._take_signals()
        _raise_file_limit()
        try:
            await self._start()
            ready(self._hints())
            await self._stop.wait()
        finally:
            await self._close()
        if self._failure:
            raise FreeBusyError(self._failure)

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._begin_reload)

    async def _start(self) -> None:
        for warning in self._config.warnings:
            log.warning("config %s", warning)
        if self._parts & {"http", "ftp"}:
            self._serving = Serving(self._config)
            if "sync" in self._parts:
                self._serving.triggers.here = self._look_at
            await self._start_servers(self._serving)
            log.info("access %s", gateway.rights(self._config).describe())
        if "sync" in self._parts:
            self._start_sync()
            self._listen_to_triggers()
        self._roster.start()
        self._tidying = asyncio.create_task(self._keep_tidy())

    async def _start_servers(self, serving: Serving) -> None:
        problems: list[str] = []
        for part, start in (("http", self._start_http), ("ftp", self._start_ftp)):
            if part in self._parts and getattr(self._config, part).enabled:
                try:
                    await start(serving)
                except ConfigurationError as error:
                    problems += error.problems
        if problems:
            raise ConfigurationError(problems)
        self._certificate = _signature(self._config.tls)
        self._shown = _content(self._config.tls)
        for line in listening(self._config, taken(self._http, self._ftp)):
            log.info("%s", line)

    async def _start_http(self, serving: Serving) -> None:
        if why_off(self._config) is None:
            self._connecting = Connecting(self._config, serving)
        connector = None if self._connecting is None else self._connecting.parts
        self._http = http_server(self._config, serving, self._health, connector)
        await self._http.start()

    async def _start_ftp(self, serving: Serving) -> None:
        self._ftp = ftp_server(self._config, serving)
        self._ftp.start()
        loop = asyncio.get_running_loop()
        self._ftp_thread = threading.Thread(
            target=self._serve_ftp, args=(self._ftp, loop), name="ftp", daemon=True
        )
        self._ftp_thread.start()

    def _serve_ftp(self, server: FtpServer, loop: asyncio.AbstractEventLoop) -> None:
        try:
            server.serve()
        except Exception:
            log.exception("ftp event=bug")
            self._failure = "the FTP server ended because of a bug; the log says where"
            loop.call_soon_threadsafe(self._stop.set)

    def _listen_to_triggers(self) -> None:
        """Take what other processes pass on; where no socket can be, they answer so."""
        try:
            self._triggers = triggering.listen(self._config.site.state)
        except OSError as error:
            log.warning("trigger event=no_socket error=%s", error.strerror)
            return
        asyncio.get_running_loop().add_reader(self._triggers, self._take_triggers)

    def _take_triggers(self) -> None:
        if self._triggers is not None:
            for name, job in triggering.received(self._triggers):
                self._look_at(name, job)

    def _look_at(self, name: str, job: str | None) -> None:
        """Look at a person's calendars at once.

        While a reload is under way all are due anyway, and jobs are taken up after it.
        """
        sync = self._sync
        if sync is not None:
            log.info("trigger person=%s", safe(name))
            sync.look_at(name, job)

    def _start_sync(self) -> None:
        metrics = None if self._serving is None else self._serving.metrics
        self._sync = SyncPart(self._config, metrics)
        self._sync.start()

    async def _health(self) -> tuple[bool, Sequence[str]]:
        """Say whether the tree can be read and the regeneration runs."""
        problems = []
        if self._sync is not None and not self._sync.alive:
            problems.append("regeneration has stopped")
        if not os.access(self._config.site.state / "public", os.R_OK | os.X_OK):
            problems.append("the published tree cannot be read")
        return not problems, problems

    def _hints(self) -> list[str]:
        hints = urls(self._config, **taken(self._http, self._ftp))
        return [f"{hint.client:<8} {hint.text}" for hint in hints]

    def _begin_reload(self) -> None:
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.ensure_future(self._reload())

    async def _reload(self) -> None:
        """Take a new configuration over; a broken one is named in the log and changes nothing."""
        self._roster.begin()
        try:
            config = self._reread()
        except ConfigurationError as error:
            log.warning(
                "reload refused problems=%d; everything goes on as it was", len(error.problems)
            )
            for problem in error.problems:
                log.warning("reload problem: %s", problem)
            return
        if config.http != self._config.http or config.ftp != self._config.ftp:
            log.warning("reload where to listen and its limits take effect at the next start")
        if self._http is not None:
            runs = self._connecting is not None
            for text in left_for_later(config, runs=runs):
                log.warning("reload %s", text)
        if config.tls.is_configured != self._config.tls.is_configured:
            log.warning("reload a first certificate takes effect at the next start")
        self._config = config
        self._roster.take(config)
        await asyncio.to_thread(self._go_on, config)
        if self._connecting is not None:
            await self._connecting.reload_lookups(config)
        if self._http is not None and self._serving is not None:
            self._http.reload(http_settings(config, self._serving))
        log.info("reload persons=%d sources=%d", len(config.members), len(config.sources))

    def _go_on(self, config: Config) -> None:
        """Go on under another configuration.

        What writes files stops first: under the old rules it could put one where more
        may read it than the new ones let.
        """
        if "sync" in self._parts:
            self._stop_sync()
        if self._serving is not None:
            try:
                self._serving.reload(config)
                if self._connecting is not None:
                    self._connecting.reload(config)
            except StoreError as error:
                log.error("reload error=%s", error)  # noqa: TRY400 - it is no bug
            self._take_certificate()
        if "sync" in self._parts:
            self._start_sync()

    # -- what has to be done now and then

    async def _keep_tidy(self) -> None:
        """Remove what has had its time, and take a renewed certificate, while all else goes on."""
        next_tidy = 0.0
        while True:
            try:
                if time.monotonic() >= next_tidy:
                    next_tidy = time.monotonic() + _TIDY_EVERY
                    await asyncio.to_thread(self._tidy)
                if self._sync is not None:
                    await asyncio.to_thread(self._sync.beat)
                if _signature(self._config.tls) != self._certificate:
                    self._take_certificate()
                self._roster.glance()
            except FreeBusyError as error:
                log.warning("tidy error=%s", error)
            except Exception:
                log.exception("tidy event=bug")
            await asyncio.sleep(_GLANCE)

    def _tidy(self) -> None:
        if self._serving is not None:
            self._serving.tidy()
        if self._connecting is not None:
            self._connecting.tidy()
        sync = self._sync
        if sync is not None:
            sync.tidy()

    def _take_certificate(self) -> None:
        """Show the certificate that is in the files now; a broken one changes nothing."""
        tls = self._config.tls
        self._certificate, content = _signature(tls), _content(tls)
        if tls.certificate is None or tls.key is None:
            return
        try:
            for server in (self._http, self._ftp):
                if server is not None:
                    server.reload_certificate(tls.certificate, tls.key)
        except ConfigurationError as error:
            log.warning("tls event=refused error=%s", "; ".join(error.problems))
        else:
            if content != self._shown:
                log.info("tls event=certificate_taken")
            self._shown = content

    def _stop_sync(self) -> None:
        sync, self._sync = self._sync, None
        if sync is not None:
            sync.stop()

    async def _close(self) -> None:
        self._roster.stop()
        if self._tidying is not None:
            self._tidying.cancel()
        if self._http is not None:
            await self._http.stop()
        if self._ftp is not None:
            self._ftp.stop()
        if self._ftp_thread is not None:
            self._ftp_thread.join(2)
        if self._connecting is not None:
            await self._connecting.close()
        self._stop_sync()
        if self._triggers is not None:
            asyncio.get_running_loop().remove_reader(self._triggers)
            self._triggers.close()
        if self._serving is not None:
            self._serving.close()
        log.info("stopped")
