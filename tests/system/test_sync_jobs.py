"""Jobs on a running service: done means that the served file is already the new one."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from freebusy.connector.jobs import LOST, StoredJobs
from freebusy.errors import SourceUnavailableError
from freebusy.jobledger import JobLedger
from freebusy.ports import SyncEvent, SyncJob
from freebusy.roster import Roster
from freebusy.store import Store
from freebusy.triggering import Triggering
from tests.processes import until
from tests.servers.mailserver import PASSWORD
from tests.servers.process import HOST
from tests.system.agenda import event, message, span
from tests.system.gateway_process import GatewayProcess, gateway_process

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.servers.mailserver import MailServer

IMAP = """
[schedule]
interval = "7d"
[sources.mail]
type = "imap"
host = "{host}"
port = {port}
security = "plain"
username = "{{local}}"
password_file = "{password}"
timeout = "{timeout}"
watch = false
"""
SILENCE = 2.0
"""Seconds: these tests do not wait as long as people would."""


def configuration(directory: Path, port: int, timeout: str = "10s") -> str:
    """Return a source that nothing but jobs has read again."""
    password = directory / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    return IMAP.format(host=HOST, port=port, password=password, timeout=timeout)


@dataclass
class Asker:
    """Another process than the one that reads, as a web server is."""

    gateway: GatewayProcess
    name: str
    silence: float = 30.0
    stack: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        store = self.stack.enter_context(closing(Store(self.gateway.state / "store.db")))
        triggers = Triggering(self.gateway.state, Roster(()), {})
        self.jobs = StoredJobs(
            JobLedger(store, lambda: datetime.now(UTC)),
            tell=triggers.refresh,
            has_sources=lambda _name: True,
            has_file=lambda _name: True,
            now=lambda: datetime.now(UTC),
            keep=timedelta(hours=1),
            silence=self.silence,
        )

    def start(self) -> SyncJob:
        return self.jobs.start(self.name, SyncEvent.MANUAL, ["Calendar"])

    def job(self, job: SyncJob) -> SyncJob:
        found = self.jobs.job(self.name, job.id)
        assert found is not None
        return found

    def ended(self, job: SyncJob) -> SyncJob:
        until(lambda: self.job(job).finished is not None, f"it ends: {self.gateway.said[-2000:]}")
        return self.job(job)


@contextmanager
def asking(gateway: GatewayProcess, name: str, silence: float = 30.0) -> Iterator[Asker]:
    asker = Asker(gateway, name, silence)
    with asker.stack:
        yield asker


def test_done_means_served(mail_server: MailServer, tmp_path: Path) -> None:
    """A third client appends, a job is asked for: when it is done the change is served.

    Also in a folder that did not exist before, and when the message is gone again.
    """
    user, folder = mail_server.new_user(), mail_server.folder("Work")
    mail_server.create_folder(user, folder, folder_type="event.default")
    mail_server.append(user, folder, message(event("base", 1, 8)))
    more = configuration(tmp_path, mail_server.port)
    with gateway_process(tmp_path, [f"{user}@example.com"], more) as gateway:
        gateway.wait_for(user, [span(1, 8)])
        with asking(gateway, user) as asker:
            for number in range(3):
                uid = mail_server.append(user, folder, message(event(f"e{number}", 2, 9)))
                assert "done" == asker.ended(asker.start()).state
                assert [span(1, 8), span(2, 9)] == gateway.busy(user)
                mail_server.delete(user, folder, uid)
                assert "done" == asker.ended(asker.start()).state
                assert [span(1, 8)] == gateway.busy(user)
            further = mail_server.folder("Club")
            mail_server.create_folder(user, further, folder_type="event")
            mail_server.append(user, further, message(event("f", 3, 9)))
            assert "done" == asker.ended(asker.start()).state
            assert [span(1, 8), span(3, 9)] == gateway.busy(user)


@contextmanager
def parts(
    gateway: GatewayProcess, *commands: Sequence[str]
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run parts of the service as processes of their own."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            with (gateway.directory / "log").open("ab") as log:
                processes.append(
                    subprocess.Popen(
                        [
                            sys.executable,
                            "-m",
                            "freebusy",
                            *command,
                            "--config",
                            str(gateway.config),
                        ],
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
        yield processes
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_three_processes_and_one_that_dies(dovecot: MailServer, tmp_path: Path) -> None:
    """A job goes through the socket; who asks while nobody reads is told so at once.

    One that was under way when its process was killed is taken up by the next, or fails.
    """
    user = dovecot.new_user()
    dovecot.create_folder(user, "Calendar")
    dovecot.append(user, "Calendar", message(event("base", 1, 8)))
    more = configuration(tmp_path, dovecot.port)
    gateway = GatewayProcess(tmp_path, [f"{user}@example.com"], more)
    with parts(gateway, ["serve", "http"], ["serve", "ftp"]):
        until(lambda: gateway.get("/healthz")[0] == 200, "the server answers")
        with asking(gateway, user, SILENCE) as asker:
            with pytest.raises(SourceUnavailableError):
                asker.start()
            with parts(gateway, ["sync"]) as (sync,):
                gateway.wait_for(user, [span(1, 8)])
                dovecot.append(user, "Calendar", message(event("a", 2, 9)))
                assert "done" == asker.ended(asker.start()).state
                assert [span(1, 8), span(2, 9)] == gateway.busy(user)
                sync.send_signal(signal.SIGSTOP)
                dovecot.append(user, "Calendar", message(event("b", 3, 9)))
                taken_up = asker.start()
                os.killpg(sync.pid, signal.SIGKILL)
                sync.wait()
            with pytest.raises(SourceUnavailableError):
                asker.start()
            assert "waiting" == asker.jobs._ledger.job(taken_up.id).state  # type: ignore[union-attr]  # it is there
            with asking(gateway, user) as patient, parts(gateway, ["sync"]) as (sync,):
                assert "done" == patient.ended(taken_up).state
                assert [span(1, 8), span(2, 9), span(3, 9)] == gateway.busy(user)
                sync.send_signal(signal.SIGSTOP)
                lost = asker.start()
                ended = asker.ended(lost)
                assert ("failed", LOST) == (ended.state, ended.problem)


def test_a_restart_of_the_whole_service(dovecot: MailServer, tmp_path: Path) -> None:
    """Jobs can still be asked for, and one that was cut off is taken up."""
    user = dovecot.new_user()
    dovecot.create_folder(user, "Calendar")
    dovecot.append(user, "Calendar", message(event("base", 1, 8)))
    more = configuration(tmp_path, dovecot.port)
    with gateway_process(tmp_path, [f"{user}@example.com"], more) as gateway:
        gateway.wait_for(user, [span(1, 8)])
        with asking(gateway, user) as asker:
            before = asker.ended(asker.start())
            os.kill(gateway.pid, signal.SIGSTOP)
            dovecot.append(user, "Calendar", message(event("a", 2, 9)))
            cut_off = asker.start()
            gateway.kill()
            gateway.start()
            assert before == asker.job(before)
            assert "done" == asker.ended(cut_off).state
            assert [span(1, 8), span(2, 9)] == gateway.busy(user)


def test_a_mail_server_that_is_down(dovecot: MailServer, tmp_path: Path) -> None:
    """The job fails with a sentence, and the next one after its return is done."""
    user = dovecot.new_user()
    dovecot.create_folder(user, "Calendar")
    dovecot.append(user, "Calendar", message(event("base", 1, 8)))
    more = configuration(tmp_path, dovecot.port)
    with gateway_process(tmp_path, [f"{user}@example.com"], more) as gateway:
        gateway.wait_for(user, [span(1, 8)])
        with asking(gateway, user) as asker:
            with dovecot.outage():
                for _ in range(2):
                    ended = asker.ended(asker.start())
                    assert "failed" == ended.state
                    assert "'mail' cannot be asked" in (ended.problem or "")
                    assert HOST not in (ended.problem or "")
            dovecot.append(user, "Calendar", message(event("a", 2, 9)))
            assert "done" == asker.ended(asker.start()).state
            assert [span(1, 8), span(2, 9)] == gateway.busy(user)


def test_a_reload_in_the_middle(dovecot: MailServer, tmp_path: Path) -> None:
    """A job that waits for a reading that hangs when SIGHUP comes is done after it.

    The mail server that hangs takes connections and says nothing.
    """
    user = dovecot.new_user()
    dovecot.create_folder(user, "Calendar")
    dovecot.append(user, "Calendar", message(event("base", 1, 8)))
    more = configuration(tmp_path, dovecot.port)
    with (
        gateway_process(tmp_path, [f"{user}@example.com"], more) as gateway,
        asking(gateway, user) as asker,
        closing(socket.create_server((HOST, 0))) as silent,
    ):
        gateway.wait_for(user, [span(1, 8)])

        def reload(port: int) -> None:
            done = gateway.log.count("reload persons=")
            gateway.write_configuration(configuration(tmp_path, port, timeout="30s"))
            os.kill(gateway.pid, signal.SIGHUP)
            until(lambda: gateway.log.count("reload persons=") > done, "it has reloaded")

        reload(silent.getsockname()[1])
        job = asker.start()
        assert asker.job(job).finished is None
        dovecot.append(user, "Calendar", message(event("a", 2, 9)))
        reload(dovecot.port)
        silent.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:  # what hung comes to an end
                silent.accept()[0].close()
        assert "done" == asker.ended(job).state
        assert [span(1, 8), span(2, 9)] == gateway.busy(user)
