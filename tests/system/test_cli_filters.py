"""``freebusy convert`` and ``freebusy parse`` as a user types them."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.system.cli_case import CLI, event, freebusy

if TYPE_CHECKING:
    from pathlib import Path

DAY = ("--start", "20260601T000000Z", "--end", "20260602T000000Z")
GOOD = (
    "BEGIN:VFREEBUSY\r\nORGANIZER:HANS@example.com\r\nDTSTART:20260601T000000Z\r\n"
    "DTEND:20260701T000000Z\r\nCOMMENT:MARKER\r\nFREEBUSY:20260602T080000Z/PT1H\r\n"
    "END:VFREEBUSY\r\n"
)
MAIL = (
    "From: a@example.com\nSubject: MARKER\nMIME-Version: 1.0\n"
    "Content-Type: text/calendar; charset=utf-8\n\n"
)


@pytest.fixture
def calendar(tmp_path: Path) -> Path:
    folder = tmp_path / "calendar"
    (folder / "sub").mkdir(parents=True)
    (folder / "1.ics").write_text(event("1", "20260601T080000Z"), encoding="utf-8")
    (folder / "2.eml").write_text(MAIL + event("2", "20260601T100000Z"), encoding="utf-8")
    (folder / "sub" / "3.ICS").write_text(event("3", "20260601T120000Z"), encoding="utf-8")
    (folder / "notes.txt").write_text("MARKER", encoding="utf-8")
    return folder


def periods(text: str) -> list[str]:
    return re.findall(r"^FREEBUSY.*:20260601T(\d\d)", text, re.MULTILINE)


def dates(text: str) -> tuple[str, str]:
    found = dict(re.findall(r"^(DTSTART|DTEND):(\S+)", text, re.MULTILINE))
    return found["DTSTART"], found["DTEND"]


# -- convert


def test_a_folder_a_file_and_standard_input(calendar: Path) -> None:
    """Folders with their subfolders, .ics and .eml files, and a pipe are all read."""
    for paths, expected in (
        ([calendar], ["08", "10", "12"]),
        ([calendar / "1.ics", calendar / "2.eml"], ["08", "10"]),
        ([calendar / "sub", calendar / "1.ics"], ["08", "12"]),
    ):
        done = freebusy("convert", *paths, *DAY)
        assert (0, expected, "") == (done.code, periods(done.out), done.err)
    for given in (event("4", "20260601T140000Z"), MAIL + event("4", "20260601T140000Z")):
        done = freebusy("convert", "-", *DAY, given=given.encode())
        assert (0, ["14"], "") == (done.code, periods(done.out), done.err)


def test_lines_end_as_the_standard_asks(calendar: Path) -> None:
    """The output is the octets of a file, CRLF and all, and its owner stands in it."""
    output = subprocess.run(
        [*CLI, "convert", calendar, *DAY, "--owner", "Hans@Example.com", "--owner", "h@x.example"],
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout
    assert output.startswith(b"BEGIN:VCALENDAR\r\n")
    assert output.endswith(b"END:VCALENDAR\r\n")
    assert output.count(b"\n") == output.count(b"\r\n")
    assert b"\r\nORGANIZER:mailto:hans@example.com\r\n" in output


@pytest.mark.parametrize(
    ("start", "end", "zone", "expected"),
    [
        ("20260601T000000Z", "20260602T000000Z", "UTC", ("20260601T000000Z", "20260602T000000Z")),
        ("20260601", "20260602", "Europe/Berlin", ("20260531T220000Z", "20260601T220000Z")),
        (
            "2026-06-01T10:00:00+02:00", "2026-06-01T12:00Z", "Asia/Tokyo",
            ("20260601T080000Z", "20260601T120000Z"),
        ),
        (
            "2026-06-01", "2026-06-01T12:00", "W. Europe Standard Time",
            ("20260531T220000Z", "20260601T100000Z"),
        ),
        (
            "20260601T120000", "20260601T130000", "america/new_york",
            ("20260601T160000Z", "20260601T170000Z"),
        ),
    ],
)  # fmt: skip
def test_times_and_zones(
    calendar: Path, start: str, end: str, zone: str, expected: tuple[str, str]
) -> None:
    """A time is a date, a local time, UTC or has an offset; a zone is IANA's or Windows's."""
    done = freebusy("convert", calendar, "--start", start, "--end", end, "--tz", zone)
    assert expected == dates(done.out)


def test_a_start_alone_looks_half_a_year_ahead(calendar: Path) -> None:
    """Without an end a window in the future still has a length."""
    done = freebusy("convert", calendar, "--start", "20890101")
    assert ("20890101T000000Z", "20890703T000000Z") == dates(done.out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--start nonsense", "--start: 'nonsense' is no time; write 20260601T000000Z or"),
        ("--end 20261301", "--end: '20261301' is no time"),
        ("--end 9999-12-31T23:59:59-12:00", "--end: '9999-12-31T23:59:59-12:00' is no time"),
        ("--start 9999-12-31", "--start must lie between 1990 and 2100"),
        ("--start 0001-01-01", "--start must lie between 1990 and 2100"),
        ("--start 20260602 --end 20260601", "--end must come after --start"),
        ("--end 99991231", "--end must come after --start, by at most 40 years"),
        ("--tz Nowhere", "--tz: 'Nowhere' is no time zone; write one like Europe/Berlin"),
        ("--owner nobody", "--owner: 'nobody' is no mail address"),
    ],
)
def test_arguments_that_are_wrong(calendar: Path, arguments: str, said: str) -> None:
    """A wrong argument ends with 2 and one line that names it, and nothing is printed."""
    done = freebusy("convert", calendar, *arguments.split())
    assert (2, "", 1) == (done.code, done.out, done.err.count("\n"))
    assert f"freebusy: {said}" in done.err


def test_paths_that_are_wrong(tmp_path: Path) -> None:
    """A missing file, and a folder that says nothing, are errors and no free person."""
    (tmp_path / "empty").mkdir()
    for path, said in (
        ("missing.ics", "no such file; give .ics files, .eml or folders"),
        ("empty", "no .ics or .eml file in this folder"),
    ):
        done = freebusy("convert", tmp_path / path)
        assert (1, "", f"freebusy: {tmp_path / path}: {said}\n") == (done.code, done.out, done.err)


def test_what_is_skipped_is_named_without_its_text(tmp_path: Path) -> None:
    """Bad items are named by file and UID, control characters escaped; the rest is printed."""
    path = tmp_path / "bad.ics"
    path.write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:evil\x1b[31m\nDTSTART:MARKER\nSUMMARY:MARKER\n"
        "END:VEVENT\nBEGIN:VEVENT\nUID:hostile\nDTSTART:20260601T080000Z\nDURATION:PT1H\n"
        "RRULE:FREQ=SECONDLY\nEND:VEVENT\nEND:VCALENDAR\n",
        encoding="utf-8",
    )
    done = freebusy("convert", path, *DAY)
    assert (0, ["08"]) == (done.code, periods(done.out))
    assert f"convert: {path}: evil\\x1b[31m: " in done.err
    assert "convert: hostile: only its first instance is shown: a rule with more than" in done.err


def test_what_is_no_calendar_is_refused(tmp_path: Path) -> None:
    """It ends with 1 and a line that names it, and prints nothing that says somebody is free."""
    path = tmp_path / "page.ics"
    path.write_text("<html>MARKER</html>", encoding="utf-8")
    done = freebusy("convert", path)
    assert (1, "") == (done.code, done.out)
    said = f"freebusy: {path}: there is no calendar; give .ics files, .eml or folders\n"
    assert said == done.err


def test_a_calendar_without_events_is_said(tmp_path: Path) -> None:
    """A calendar in which there is no event is a free person, and that is said."""
    path = tmp_path / "empty.ics"
    path.write_text("BEGIN:VCALENDAR\nEND:VCALENDAR\n", encoding="utf-8")
    done = freebusy("convert", path)
    assert (0, "convert: there is no event in what was given; all is free\n") == (
        done.code, done.err,
    )  # fmt: skip


def test_a_filter_imports_no_more_than_it_needs(calendar: Path) -> None:
    """Starting fast: neither the service's libraries nor those of the command line are loaded."""
    heavy = ("typer", "pydantic", "rich", "sqlalchemy", "aiohttp", "asyncio", "multiprocessing",
             "email", "imapclient", "icalendar")  # fmt: skip
    code = (
        "import sys; from freebusy.cli import main; sys.argv[1:] = sys.argv[2:]; main();"
        f"print(*(set({heavy}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "-", "convert", calendar / "1.ics"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "\n" == done.stderr


# -- parse


def test_a_good_file_is_normalised(tmp_path: Path) -> None:
    """A file as clients write it comes out sorted, typed and without its comments."""
    path = tmp_path / "good.vfb"
    path.write_text(GOOD, encoding="utf-8")
    done = freebusy("parse", path)
    assert (0, "") == (done.code, done.err)
    assert "ORGANIZER:mailto:hans@example.com" in done.out
    assert "FREEBUSY;FBTYPE=BUSY:20260602T080000Z/20260602T090000Z" in done.out
    again = freebusy("parse", "-", given=done.out.encode())
    unstamped = [re.sub("DTSTAMP.*", "", text) for text in (done.out, again.out)]
    assert unstamped[0] == unstamped[1]


def test_an_organizer_that_is_no_address(tmp_path: Path) -> None:
    """Whoever wrote no address into ORGANIZER gets a file that is nobody's."""
    done = freebusy("parse", "-", given=GOOD.replace("HANS@example.com", "Hans").encode())
    assert (0, "") == (done.code, done.err)
    assert "ORGANIZER:mailto:nobody@invalid.invalid" in done.out


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"", "the file is empty"),
        (b"<html><body>MARKER</body></html>", "a web page is not a free/busy file"),
        (b"\x00\x01\x02\xff", "binary data is not a free/busy file"),
        (event("1", "20260601T080000Z").encode(), "there is no VFREEBUSY in the file"),
        (GOOD.encode()[:90], "the file is cut off: END:VFREEBUSY is missing"),
    ],
)
def test_what_is_no_free_busy_file(tmp_path: Path, given: bytes, reason: str) -> None:
    """Anything else ends with 1 and one line with the reason, by path and by pipe."""
    path = tmp_path / "bad.vfb"
    path.write_bytes(given)
    for name in (str(path), "-"):
        done = freebusy("parse", name, given=given)
        assert (1, "", f"freebusy: {name}: {reason}\n") == (done.code, done.out, done.err)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file and a folder are named."""
    for path, reason in (
        (tmp_path / "no", "No such file or directory"),
        (tmp_path, "Is a directory"),
    ):
        done = freebusy("parse", path)
        assert (1, f"freebusy: {path}: {reason}\n") == (done.code, done.err)
