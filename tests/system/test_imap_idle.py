"""Changes on a real Dovecot and a real Cyrus are noticed, also after trouble."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from calendar_sync.imap import ImapSource
from freebusy.errors import SourceRefusedError
from freebusy.ports import Calendar, Owner
from tests.contract.place import event, watching
from tests.system.imap_case import HEADER, Case, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.place import Watching
    from tests.servers.mailserver import MailServer

QUIET = 0.8


@pytest.fixture
def case(mail_server: MailServer) -> Iterator[Case]:
    case = Case(mail_server)
    yield case
    case.source.close()


def settle(watch: Watching, case: Case, calendar: Calendar) -> int:
    """Wait until the watch works and all is quiet; return how many reports there were."""
    watch.settle(calendar, lambda: case.append(HEADER + event("settle")))
    return watch.quiet(QUIET)


def test_an_append_is_reported_within_a_second(case: Case) -> None:
    """IDLE reports a new message within a second."""
    calendar = case.calendar
    with watching(case.source, [calendar]) as watch:
        after = settle(watch, case, calendar)
        case.append(HEADER + event("a"))
        assert watch.wait(calendar, after=after, seconds=1.0)


def test_flags_are_reported(case: Case) -> None:
    """A message that is flagged \\Deleted is a change, and one that is expunged another."""
    calendar = case.calendar
    (uid,) = case.append(HEADER + event("a"))
    with watching(case.source, [calendar]) as watch:
        after = settle(watch, case, calendar)
        case.flag("+FLAGS", r"\Deleted", uid)
        assert watch.wait(calendar, after=after, seconds=5)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_over_tls(mail_server: MailServer, security: str) -> None:
    """IDLE works encrypted, too."""
    port = mail_server.tls_port if security == "tls" else mail_server.port
    case = Case(
        mail_server, security=security, port=port, ca_file=str(mail_server.certificate.cert)
    )
    calendar = case.calendar
    with watching(case.source, [calendar]) as watch:
        after = settle(watch, case, calendar)
        case.append(HEADER + event("a"))
        assert watch.wait(calendar, after=after, seconds=2)
    case.source.close()


def test_idle_is_said_again(mail_server: MailServer) -> None:
    """IDLE that ends and begins anew every 0.2 s misses nothing and reports nothing of itself."""
    case = Case(mail_server, idle_seconds=0.2)
    calendar = case.calendar
    with watching(case.source, [calendar]) as watch:
        after = settle(watch, case, calendar)
        for number in range(3):
            case.append(HEADER + event(f"e{number}"))
            assert watch.wait(calendar, after=after, seconds=5)
            after = watch.quiet(QUIET)
    case.source.close()


def test_what_happened_during_an_outage_is_reported(case: Case) -> None:
    """After a restart the watch goes on, and reports what changed before it was back."""
    calendar = case.calendar
    with watching(case.source, [calendar]) as watch:
        after = settle(watch, case, calendar)
        with case.server.outage():
            pass
        case.append(HEADER + event("a"))
        assert watch.wait(calendar, after=after)
        after = settle(watch, case, calendar)
        case.append(HEADER + event("b"))
        assert watch.wait(calendar, after=after, seconds=5)


def test_a_watch_that_starts_in_an_outage(case: Case) -> None:
    """A watch waits for a server that is not up yet, and then has the calendar looked at."""
    calendar = case.calendar
    case.source.close()
    case.server.stop()
    try:
        with watching(case.source, [calendar]) as watch:
            watch.thread.join(0.3)
            assert watch.thread.is_alive()
            case.server.start()
            assert watch.wait(calendar)
    finally:
        if case.server.is_stopped:
            case.server.start()


def test_stop_during_an_outage(case: Case) -> None:
    """A watch that cannot reach the server ends as quickly as any."""
    calendar = case.calendar
    with watching(case.source, [calendar]) as watch:
        settle(watch, case, calendar)
        with case.server.outage():
            watch.thread.join(0.3)
            assert watch.end() < 2.0


def test_a_folder_that_is_replaced_is_reported(mail_server: MailServer) -> None:
    """A folder that was deleted and made anew is noticed when IDLE is said again, at the latest."""
    case = Case(mail_server, idle_seconds=1.5)
    calendar = case.calendar
    with watching(case.source, [calendar]) as watch:
        after = settle(watch, case, calendar)
        case.server.delete_folder(case.user, case.folder)
        case.server.create_folder(case.user, case.folder)
        assert watch.wait(calendar, after=after)
    case.source.close()


def test_more_folders_than_connections(mail_server: MailServer) -> None:
    """Folders beyond max_watched are asked one after the other."""
    changes: dict[str, Any] = {"max_watched": 1, "poll_seconds": 0.2}
    cases = [Case(mail_server, **changes) for _ in range(3)]
    calendars = [case.calendar for case in cases]
    source = cases[0].source
    with watching(source, calendars) as watch:
        for case, calendar in zip(cases, calendars, strict=True):
            after = settle(watch, case, calendar)
            case.append(HEADER + event("a"))
            assert watch.wait(calendar, after=after, seconds=5)
    for case in cases:
        case.source.close()


def test_a_refused_login_ends_the_watch(mail_server: MailServer) -> None:
    """Where no login works at all, the watch says so instead of guessing on."""
    user = mail_server.new_user()
    owner = Owner(user, f"{user}@example.com")
    source = ImapSource(settings(mail_server, password="wrong"))
    calendar = Calendar(f"{user}/INBOX", owner, "INBOX")
    reported: list[Calendar | Owner] = []
    start = time.monotonic()
    with pytest.raises(SourceRefusedError):
        source.watch([calendar], reported.append, threading.Event())
    assert ([calendar], True) == (reported, time.monotonic() - start < 10)


def test_one_without_login_does_not_keep_the_others(case: Case) -> None:
    """A calendar that nobody can log in for is left out of the watch."""
    calendar = case.calendar
    stranger = Calendar("x/y", Owner("a*b", "a@example.com"), "y")
    with watching(case.source, [stranger, calendar]) as watch:
        watch.settle(calendar, lambda: case.append(HEADER + event("a")))
    with pytest.raises(SourceRefusedError):
        case.source.watch([stranger], print, threading.Event())


def test_an_error_in_the_callback_is_raised(case: Case) -> None:
    """What ``changed`` raises comes out of ``watch``."""

    def changed(_: Calendar | Owner) -> None:
        raise LookupError

    calendar = case.calendar
    caught: list[BaseException] = []

    def run() -> None:
        try:
            case.source.watch([calendar], changed, threading.Event())
        except LookupError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    end = time.monotonic() + 20
    while thread.is_alive() and time.monotonic() < end:
        case.append(HEADER + event("a"))
        thread.join(0.5)
    assert [LookupError] == [type(error) for error in caught]
