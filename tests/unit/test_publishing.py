"""Publishing from a path and a visitor to the file that is served."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from freebusy.combine import Combination
from freebusy.errors import (
    NoPublicationError,
    NotAllowedError,
    NotFreeBusyError,
    PreconditionFailedError,
    TooLargeError,
)
from freebusy.period import FreeBusyType
from freebusy.ports import Account, Scope, Upload, Visitor
from freebusy.publications import Ledger
from freebusy.publisher import Publisher
from freebusy.publishing import Publishing, Terms
from freebusy.rights import PersonRights, Rights
from freebusy.roster import Roster
from freebusy.uploads import TemporaryUploads
from tests.unit.memory_gateway import NOON, MemoryGateway, event, memory_gateway, span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from freebusy.period import Span

PATH = "/pub/calendar/hans.vfb"
HANS = Visitor("192.0.2.1", Account("hans", "hans", Scope.MAIL))
EVA = Visitor("192.0.2.2", Account("eva", "eva", Scope.MAIL))
SHARED = Visitor("192.0.2.3", Account("freebusy", None, Scope.SHARED))
STRANGER = Visitor("192.0.2.4")


class Person:
    """A person of the roster, as the configuration has one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.addresses = (f"{name}@example.com",)
        self.aliases = (f"{name}.alias",)


class Place:
    """Publishing into the directory of a gateway in memory."""

    def __init__(self, gateway: MemoryGateway) -> None:
        self.gateway = gateway
        self.ledger = Ledger(gateway.store)
        self.uploads = TemporaryUploads(gateway.state / "uploads", max_bytes=4000)
        self.heard: list[tuple[str, str]] = []
        publisher = Publisher(
            store=gateway.store,
            public=gateway.public,
            workers=None,
            locks=gateway.publisher._locks,
            rules=gateway.rules,
            now=gateway.clock,
            ledger=self.ledger,
        )
        self.publishing = Publishing(
            self.terms(),
            publisher=publisher,
            uploads=self.uploads,
            now=gateway.clock,
            counted=lambda protocol, outcome: self.heard.append((protocol, outcome)),
        )

    def terms(self, combination: Combination = Combination.UNION) -> Terms:
        roster = Roster([Person("hans"), Person("eva"), Person("max")])
        rights = Rights(
            roster,
            site_read="anyone",
            persons={"max": PersonRights(delegates=("eva",))},
            publishing=True,
            logins=True,
        )
        hans = replace(self.gateway.person, combination=combination)
        others = {
            name: replace(hans, name=name, organizer=f"{name}@example.com")
            for name in ("eva", "max")
        }
        return Terms(rights, {"hans": hans, **others}, max_upload=3000, max_periods=20)

    def publish(
        self, body: bytes, path: str = PATH, visitor: Visitor = HANS
    ) -> tuple[str, bool, bool]:
        upload = Upload(body, "http", "a client")
        done = self.publishing.publish(path, upload, visitor)
        return done.name, done.created, done.served


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with memory_gateway(tmp_path) as gateway:
        yield Place(gateway)


def vfb(*hours: int, until: int = 20, since: int = -5, lines: str = "") -> bytes:
    """Return what Outlook publishes: an hour of today each, window in days."""
    periods = "".join(
        f"FREEBUSY:{NOON + timedelta(hours=h):%Y%m%dT%H%M%SZ}/PT1H\r\n" for h in hours
    )
    start, end = NOON + timedelta(days=since), NOON + timedelta(days=until)
    return (
        "BEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\nBEGIN:VFREEBUSY\r\nORGANIZER:somebody@else.example\r\n"
        f"DTSTART:{start:%Y%m%dT%H%M%SZ}\r\nDTEND:{end:%Y%m%dT%H%M%SZ}\r\n{periods}{lines}"
        "END:VFREEBUSY\r\nEND:VCALENDAR\r\n"
    ).encode()


def hour(first: int, last: int, kind: int = FreeBusyType.BUSY) -> Span:
    start = int(NOON.timestamp())
    return start + first * 3600, start + last * 3600, kind


# -- what becomes of an upload


def test_a_published_file_is_served_normalised(place: Place) -> None:
    """The served file says the times, the roster's organizer, and nothing that was sent beside."""
    details = "COMMENT:at the dentist\r\nFREEBUSY;X-SUMMARY=ZGVudGlzdA==:20260601T150000Z/PT1H\r\n"
    assert ("hans", True, True) == place.publish(vfb(0, 1, lines=details))
    body = place.gateway.body
    assert body is not None
    assert b"ORGANIZER:mailto:hans@example.com\r\n" in body
    assert not [word for word in (b"dentist", b"ZGVu", b"somebody") if word in body]
    assert [hour(0, 2), hour(3, 4)] == place.gateway.busy
    assert ("hans", False, True) == place.publish(vfb(5))
    assert [hour(5, 6)] == place.gateway.busy
    assert [("http", "stored")] * 2 == place.heard


def test_unchanged_content_changes_nothing_served(place: Place) -> None:
    """Outlook's next upload with the same times leaves the file and its validators alone."""
    place.publish(vfb(0))
    before = place.gateway.public.read("hans")
    place.gateway.clock.forward(minutes=15)
    place.publish(vfb(0, lines="DTSTAMP:20260601T121500Z\r\n"))
    assert before is place.gateway.public.read("hans")


def test_beside_calendars_busy_if_either_says_so(place: Place) -> None:
    """The window stays that of the calendars; removing the publication leaves what is computed."""
    calendar = place.gateway.calendar()
    place.gateway.memory.put(calendar, event("1", "20260602T090000Z"))
    place.gateway.run()
    computed = place.gateway.body
    place.publish(vfb(0, until=1000))
    assert [hour(0, 1), span(2, 9)] == place.gateway.busy
    place.gateway.memory.put(calendar, event("2", "20260603T090000Z"))
    place.gateway.run()
    assert [hour(0, 1), span(2, 9), span(3, 9)] == place.gateway.busy
    place.publishing.drop(PATH, HANS)
    assert [span(2, 9), span(3, 9)] == place.gateway.busy
    assert computed is not None
    assert computed.splitlines()[8:10] == (place.gateway.body or b"").splitlines()[8:10]


def test_an_aged_publication_is_tentative_beside_calendars(place: Place) -> None:
    """After thirty days without another upload its times are doubtful, and stay shown."""
    calendar = place.gateway.calendar()
    place.gateway.memory.put(calendar, event("1", "20260602T090000Z"))
    place.gateway.run()
    place.publish(vfb(24 * 50, until=100))
    place.gateway.clock.forward(days=31)
    place.gateway.run()
    assert [hour(1200, 1201, FreeBusyType.BUSY_TENTATIVE)] == place.gateway.busy
    place.publish(vfb(24 * 50, until=100))
    assert [hour(1200, 1201)] == place.gateway.busy


def test_while_a_calendar_was_never_read_the_upload_waits(place: Place) -> None:
    """It is kept, and served with the first reading: half of what is known may look free."""
    calendar = place.gateway.calendar()
    place.gateway.memory.put(calendar, event("1", "20260602T090000Z"))
    place.gateway.store.calendar("hans", "mail", calendar.key, calendar.name)
    assert ("hans", True, False) == place.publish(vfb(0))
    assert place.gateway.busy is None
    assert [("http", "waiting")] == place.heard
    place.gateway.run()
    assert [hour(0, 1), span(2, 9)] == place.gateway.busy


def test_where_there_is_no_calendar_nothing_waits(place: Place) -> None:
    """Once the source has answered that it has none, a waiting upload is served, and the next."""
    place.gateway.memory.offline = True
    place.gateway.run()
    assert ("hans", True, False) == place.publish(vfb(0)), "there may be a calendar"
    place.gateway.memory.offline = False
    place.gateway.run()
    assert [hour(0, 1)] == place.gateway.busy
    place.gateway.memory.offline = True
    place.gateway.run()
    place.publishing.drop(PATH, HANS)
    assert ("hans", True, True) == place.publish(vfb(2)), "it never had one"
    place.gateway.memory.offline = False
    place.gateway.memory.put(place.gateway.calendar(), event("1", "20260602T090000Z"))
    place.gateway.run()
    assert [hour(2, 3), span(2, 9)] == place.gateway.busy


def test_a_calendar_that_nobody_keeps_does_not_count(place: Place) -> None:
    """Mail servers make empty calendars: who publishes beside one has the publication's window."""
    place.gateway.calendar()
    place.gateway.run()
    assert ("hans", True, True) == place.publish(vfb(0, until=3))
    assert [hour(0, 1)] == place.gateway.busy
    place.gateway.run()
    assert [hour(0, 1)] == place.gateway.busy
    assert b"DTEND:20260604T120000Z" in (place.gateway.body or b"")


def test_published_alone_needs_no_calendar(place: Place) -> None:
    """By the rule "published" an upload counts at once, whatever the calendars do."""
    place.publishing.reload(place.terms(Combination.PUBLISHED))
    calendar = place.gateway.calendar()
    place.gateway.store.calendar("hans", "mail", calendar.key, calendar.name)
    assert ("hans", True, True) == place.publish(vfb(0))


def test_the_last_one_leaves_nothing(place: Place) -> None:
    """Removing the only publication of somebody without calendars removes the file."""
    place.publish(vfb(0))
    place.publishing.drop(PATH, HANS)
    assert place.gateway.body is None
    with pytest.raises(NoPublicationError):
        place.publishing.drop(PATH, HANS)


# -- who may


WRITERS = {
    "the owner": (HANS, PATH, True),
    "the owner by an alias": (HANS, "/calendar/hans.alias.vfb", True),
    "the owner by the address": (HANS, "/calendar/hans@example.com", True),
    "the owner by the domain": (HANS, "/pub/calendar/example.com/hans.vfb", True),
    "the shared account": (SHARED, PATH, True),
    "a delegate": (EVA, "/pub/calendar/max.vfb", True),
    "somebody else": (EVA, PATH, False),
    "the one who was delegated from": (
        Visitor("192.0.2.5", Account("max", "max", Scope.MAIL)), "/pub/calendar/eva.vfb", False,
    ),
    "nobody": (STRANGER, PATH, False),
    "the shared account for nobody in the roster": (SHARED, "/pub/calendar/nobody.vfb", False),
    "an extended list": (HANS, "/pub/calendar/hans.xfb", False),
    "a directory": (HANS, "/pub/calendar/", False),
    "outside": (HANS, "/etc/hans.vfb", False),
    "a read password": (
        Visitor("192.0.2.5", Account("hans/phone", "hans", Scope.READ)), PATH, False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRITERS)
def test_who_may_write_what(place: Place, case: str) -> None:
    """Whoever may not, and names of nobody, get one answer; nothing is kept."""
    visitor, path, allowed = WRITERS[case]
    assert allowed == place.publishing.may_write(path, visitor)
    if allowed:
        place.publish(vfb(0), path, visitor)
        return
    with pytest.raises(NotAllowedError) as refusal:
        place.publish(vfb(0), path, visitor)
    assert "nobody of that name is here, or this login may not write the file" == str(refusal.value)
    with pytest.raises(NotAllowedError):
        place.publishing.drop(path, visitor)
    assert set() == place.ledger.names()


def test_what_everybody_may_send_only_adds(place: Place) -> None:
    """The shared account makes nobody free: not by writing, not by removing."""
    place.publish(vfb(0))
    place.publish(vfb(5, until=200), visitor=SHARED)
    assert [hour(0, 1), hour(5, 6)] == place.gateway.busy
    place.publishing.drop(PATH, SHARED)
    assert [hour(0, 1)] == place.gateway.busy
    with pytest.raises(NoPublicationError):
        place.publishing.drop(PATH, SHARED)


def test_the_shared_account_as_in_2003(place: Place) -> None:
    """Where the operator says so it counts like the person."""
    place.publishing.reload(replace(place.terms(), shared_replaces=True))
    place.publish(vfb(0))
    place.publish(vfb(5), visitor=SHARED)
    assert [hour(5, 6)] == place.gateway.busy


# -- temporary names


def test_upload_and_rename(place: Place) -> None:
    """A temporary upload is served nowhere until it has the file's name."""
    upload = Upload(vfb(3), "ftp")
    done = place.publishing.publish(PATH + ".part", upload, HANS)
    assert ("hans.vfb.part", True, False) == (done.name, done.created, done.served)
    assert place.gateway.body is None
    kept = place.publishing.temporary(PATH + ".part", HANS)
    assert kept is not None
    assert vfb(3) == kept.body
    assert [("ftp", "temporary")] == place.heard
    assert place.publishing.temporary(PATH + ".part", SHARED) is None
    with pytest.raises(NoPublicationError):
        place.publishing.rename(PATH + ".part", PATH, Upload(b"", "ftp"), SHARED)
    done = place.publishing.rename(PATH + ".part", PATH, Upload(b"", "ftp"), HANS)
    assert ("hans", True, True) == (done.name, done.created, done.served)
    assert [hour(3, 4)] == place.gateway.busy
    assert place.publishing.temporary(PATH + ".part", HANS) is None


def test_a_rename_that_is_refused_loses_nothing(place: Place) -> None:
    """The temporary upload is still there, and the file as it was."""
    place.publishing.publish("/calendar/hans.part", Upload(vfb(3), "ftp"), HANS)
    with pytest.raises(NotAllowedError):
        place.publishing.rename(
            "/calendar/hans.part", "/calendar/eva.vfb", Upload(b"", "ftp"), HANS
        )
    with pytest.raises(PreconditionFailedError):
        place.publishing.rename(
            "/calendar/hans.part", PATH, Upload(b"", "ftp"), HANS, lambda file: file is not None
        )
    assert place.publishing.temporary("/calendar/hans.part", HANS) is not None
    assert place.gateway.body is None
    place.publishing.drop("/calendar/hans.part", HANS)
    with pytest.raises(NoPublicationError):
        place.publishing.drop("/calendar/hans.part", HANS)


def test_a_temporary_upload_is_read_like_any_other(place: Place) -> None:
    """What would be refused under its own name is refused under the temporary one."""
    with pytest.raises(NotFreeBusyError):
        place.publishing.publish(PATH + ".part", Upload(b"<html>", "ftp"), HANS)
    assert place.publishing.temporary(PATH + ".part", HANS) is None


# -- refusals


def test_limits(place: Place) -> None:
    """Too many octets and too many periods are refused with the limit."""
    with pytest.raises(TooLargeError, match="3000 octets"):
        place.publish(vfb(0) + b" " * 3000)
    with pytest.raises(NotFreeBusyError, match="more than 20 periods"):
        place.publish(vfb(*range(21)))
    assert place.gateway.body is None
    assert [("http", "too_large"), ("http", "not_free_busy")] == place.heard


def test_a_refused_upload_leaves_the_last_good_one(place: Place) -> None:
    """A broken-off upload changes nothing."""
    place.publish(vfb(0))
    before = place.gateway.body
    with pytest.raises(NotFreeBusyError, match="cut off"):
        place.publish(vfb(5)[:-40])
    assert before == place.gateway.body


def test_preconditions_are_weighed_under_the_lock(place: Place) -> None:
    """Against the served file: one that does not hold changes nothing."""
    upload = Upload(vfb(0), "http")
    with pytest.raises(PreconditionFailedError):
        place.publishing.publish(PATH, upload, HANS, lambda file: file is not None)
    place.publishing.publish(PATH, upload, HANS, lambda file: file is None)
    with pytest.raises(PreconditionFailedError):
        place.publishing.drop(PATH, HANS, lambda file: file is None)
    assert [hour(0, 1)] == place.gateway.busy


def test_the_log_says_who_and_why(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """One line an upload: whose file, which account, from where, what became of it."""
    with caplog.at_level(logging.INFO, "freebusy.publishing"):
        place.publish(vfb(0))
        with pytest.raises(NotFreeBusyError):
            place.publish(b"")
        with pytest.raises(NotAllowedError):
            place.publish(vfb(0), "/calendar/secret-name.vfb", STRANGER)
    size = len(vfb(0))
    start = "publish person=hans account=hans peer=192.0.2.1 protocol=http"
    nobody = "publish person=unknown account=anonymous peer=192.0.2.4 protocol=http"
    why = "nobody of that name is here, or this login may not write the file"
    assert [
        f"{start} bytes={size} outcome=stored",
        f'{start} bytes=0 outcome=not_free_busy reason="the file is empty"',
        f'{nobody} bytes={size} outcome=not_allowed reason="{why}"',
    ] == [record.message for record in caplog.records]
