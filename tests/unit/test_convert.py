"""Converting calendar files: which belong together, what counts, and what is said of the rest."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from calendar_sync.formats import extract
from freebusy.busytime import CalendarOwner
from freebusy.convert import STANDARD_INPUT, Conversion, UnreadablePathError, convert, folders
from freebusy.period import TimeRange, coalesce, from_seconds

if TYPE_CHECKING:
    from pathlib import Path

JUNE = TimeRange(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
HANS = CalendarOwner(frozenset({"hans@example.com"}), "Europe/Berlin")
MAIL = "From: a@example.com\nSubject: secret\nMIME-Version: 1.0\nContent-Type: text/calendar\n\n"


def event(uid: str, hour: int, *lines: str) -> str:
    start = f"DTSTART:20260602T{hour:02}0000Z"
    text = ["BEGIN:VEVENT", f"UID:{uid}", start, "DURATION:PT1H", "SUMMARY:secret", *lines]
    return "\n".join([*text, "END:VEVENT", ""])


def calendar(*events: str) -> str:
    return "BEGIN:VCALENDAR\nVERSION:2.0\n" + "".join(events) + "END:VCALENDAR\n"


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")


def converted(*paths: Path) -> Conversion:
    return convert(paths, extract, HANS, JUNE)


def hours(conversion: Conversion) -> list[int]:
    """Return the hours of 2 June that are busy."""
    return [
        hour
        for start, end, _ in coalesce(conversion.spans)
        for hour in range(from_seconds(start).hour, from_seconds(end).hour)
    ]


# -- which files belong together


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["."], [["a.ics", "b.eml"], ["sub/c.ICS"], ["sub/deep/d.ical"]]),
        (["sub"], [["sub/c.ICS"], ["sub/deep/d.ical"]]),
        (["a.ics"], [["a.ics"]]),
        (["notes.txt"], [["notes.txt"]]),  # a file that is named is read, whatever it is called
        (["a.ics", "b.eml"], [["a.ics", "b.eml"]]),
        (["sub", "a.ics"], [["a.ics"], ["sub/c.ICS"], ["sub/deep/d.ical"]]),
        (["a.ics", "sub/deep"], [["a.ics"], ["sub/deep/d.ical"]]),
    ],
)
def test_folders(tmp_path: Path, given: list[str], expected: list[list[str]]) -> None:
    """Each directory is one calendar folder; files given by name are one together."""
    names = ["a.ics", "b.eml", "notes.txt", "sub/c.ICS", "sub/deep/d.ical", "sub/e.bak"]
    put(tmp_path, dict.fromkeys(names, ""))
    found = folders([tmp_path / name for name in given])
    assert expected == [[str(path.relative_to(tmp_path)) for path in paths] for paths in found]


def test_a_directory_with_the_name_of_a_file_is_a_folder(tmp_path: Path) -> None:
    """Some servers keep a calendar as a directory NAME.ics."""
    put(tmp_path, {"work.ics/1.ics": calendar(event("1", 9))})
    assert [9] == hours(converted(tmp_path))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing.ics", "no such file"), ("empty", "no .ics or .eml file in this folder")],
)
def test_a_path_that_says_nothing_is_an_error(tmp_path: Path, name: str, reason: str) -> None:
    """Nobody is free all the time because of a misspelt path."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadablePathError, match=f"{name}: {reason}"):
        converted(tmp_path / name)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A link that leads nowhere hides an event, so it is said."""
    put(tmp_path, {"1.ics": calendar(event("1", 9))})
    (tmp_path / "2.ics").symlink_to(tmp_path / "gone")
    with pytest.raises(UnreadablePathError, match=r"2\.ics: No such file"):
        converted(tmp_path)


# -- what counts


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"1.ics": calendar(event("1", 9), event("2", 11))}, [9, 11]),
        ({"1.ics": calendar(event("1", 9)), "2.eml": MAIL + calendar(event("2", 11))}, [9, 11]),
        # one UID in two files of a folder: the later one is newer
        ({"1.ics": calendar(event("1", 9)), "2.ics": calendar(event("1", 11))}, [11]),
        # ... in two folders: two calendars, and both count
        ({"a/1.ics": calendar(event("1", 9)), "b/1.ics": calendar(event("1", 11))}, [9, 11]),
        # an override in a file of its own
        (
            {
                "1.ics": calendar(event("1", 9)),
                "2.ics": calendar(event("1", 14, "RECURRENCE-ID:20260602T090000Z")),
            },
            [14],
        ),
        # a stored VFREEBUSY
        (
            {"1.ics": "BEGIN:VFREEBUSY\nFREEBUSY:20260602T090000Z/PT1H\nEND:VFREEBUSY\n"},
            [9],
        ),
        # the owner declined
        (
            {
                "1.ics": calendar(
                    event("1", 9, "ATTENDEE;PARTSTAT=DECLINED:mailto:Hans@Example.com"),
                    event("2", 11, "ATTENDEE;PARTSTAT=DECLINED:mailto:eva@example.com"),
                )
            },
            [11],
        ),
    ],
)
def test_what_counts(tmp_path: Path, files: dict[str, str], expected: list[int]) -> None:
    """UIDs are resolved inside a folder, as in a mail folder."""
    put(tmp_path, files)
    conversion = converted(tmp_path)
    assert expected == hours(conversion)
    assert [] == conversion.troubles


@pytest.mark.parametrize(
    "given",
    [
        calendar(event("1", 9)).encode(),
        MAIL.encode() + calendar(event("1", 9)).encode(),
        calendar(event("1", 9)).lower().encode(),
        event("1", 9).encode(),
        b"\xef\xbb\xbf" + calendar(event("1", 9)).encode(),
    ],
)
def test_standard_input_tells_its_kind_by_itself(
    given: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe brings a calendar or a message."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    assert [9] == hours(converted(STANDARD_INPUT))


# -- what is said of the rest


@pytest.mark.parametrize(
    ("text", "expected", "trouble"),
    [
        (
            calendar(event("1", 9), event("2", 11).replace("DTSTART", "X-START")),
            [9],
            "{path}: 2: an event without DTSTART",
        ),
        (
            calendar(event("1", 9).replace("T090000Z", "T99")),
            [],
            "{path}: 1: a time that is not six digits",
        ),
        (
            calendar(event("1", 9, "RRULE:FREQ=SECONDLY")),
            [9],
            "1: only its first instance is shown: a rule with more than 1440 starts a day",
        ),
        (
            calendar(event("1", 9).replace("DTSTART:", "DTSTART;TZID=Nowhere:").replace("0Z", "0")),
            [7],
            "{path}: the time zone 'Nowhere' is not known; the owner's zone stands in",
        ),
        (calendar(), [], "there is no event in what was given; all is free"),
    ],
)
def test_troubles_are_said(tmp_path: Path, text: str, expected: list[int], trouble: str) -> None:
    """One sentence each, with the file and the UID, and nothing else of the event."""
    path = tmp_path / "1.ics"
    path.write_text(text, "utf-8")
    conversion = converted(path)
    assert expected == hours(conversion)
    assert [trouble.format(path=path)] == conversion.troubles
    assert "secret" not in repr(conversion)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("1.ics", "<html>log in first</html>"),
        ("1.ics", ""),
        ("1.html", "<html>log in first</html>"),
        ("1.eml", MAIL.replace("calendar", "plain") + "hello"),
    ],
)
def test_what_is_no_calendar_makes_nobody_free(tmp_path: Path, name: str, text: str) -> None:
    """A page of HTML under a calendar's name, or no text at all, is an error."""
    put(tmp_path, {name: text})
    with pytest.raises(UnreadablePathError, match="there is no calendar"):
        converted(tmp_path / name)


def test_what_is_no_calendar_among_others_is_named(tmp_path: Path) -> None:
    """The calendar beside it counts; mail that is no calendar is what mail folders hold."""
    put(tmp_path, {
        "1.ics": calendar(event("1", 9)),
        "2.ics": "<html>",
        "3.eml": MAIL.replace("calendar", "plain"),
    })  # fmt: skip
    conversion = converted(tmp_path)
    assert [9] == hours(conversion)
    assert [f"{tmp_path / '2.ics'}: there is no calendar in it"] == conversion.troubles


def test_one_bad_file_costs_only_itself(tmp_path: Path) -> None:
    """Binary junk, half a message and an endless series leave the good event as it is."""
    put(tmp_path, {
        "1.ics": calendar(event("good", 9)),
        "2.ics": calendar(event("endless", 11, "RRULE:FREQ=MINUTELY;INTERVAL=0")),
        "3.eml": "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/calendar\n",
    })  # fmt: skip
    (tmp_path / "4.ics").write_bytes(bytes(range(256)) * 100)
    conversion = converted(tmp_path)
    assert [9, 11] == hours(conversion)
    assert 2 == conversion.events
    assert 2 == len(conversion.troubles)
