"""The traps that real systems fell into, and every decision on what counts as busy.

Each case lies in ``tests/data/traps`` in the form: given this calendar text, expect
these FREEBUSY lines.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.oracles import ours
from tests.oracles.cases import Case, read_cases

DATA = Path(__file__).parent.parent / "data" / "traps"
ALL = [(path.stem, case) for path in sorted(DATA.glob("*.txt")) for case in read_cases(path)]
CASES = [pytest.param(case, id=f"{stem}: {case.title}") for stem, case in ALL]
GRAMMATICAL = [pytest.param(case, id=f"{stem}: {case.title}") for stem, case in ALL if not case.raw]


def freebusy_lines(outcome: ours.Outcome) -> list[str]:
    """Return periods as FBTYPE:start/end."""
    return [
        f"{period.type.fbtype}:{period.start:%Y%m%dT%H%M%SZ}/{period.end:%Y%m%dT%H%M%SZ}"
        for period in outcome.periods
    ]


def outcome_of(case: Case) -> ours.Outcome:
    """Read and expand a case's messages."""
    return ours.folder(
        case.messages, addresses=case.owner, zone=case.zone, start=case.start, end=case.end
    )


@pytest.mark.parametrize("case", CASES)
def test_calendar_text_gives_these_freebusy_lines(case: Case) -> None:
    """Given this calendar text, exactly these FREEBUSY lines come out."""
    outcome = outcome_of(case)
    assert case.expected == freebusy_lines(outcome)
    assert case.skipped == len(outcome.skipped), outcome.skipped


@pytest.mark.parametrize("case", GRAMMATICAL)
def test_line_ends_and_folds_change_nothing(case: Case) -> None:
    """The same text with LF instead of CRLF, and folded at every 20 octets, gives the same."""
    messages = [refolded(message) for message in case.messages]
    assert case.expected == freebusy_lines(outcome_of(replace(case, messages=messages)))


def refolded(message: bytes) -> bytes:
    """Unfold, fold again after 20 octets wherever that falls, and end lines with LF."""
    lines = message.replace(b"\r\n ", b"").split(b"\r\n")
    cut = [[line[at : at + 20] for at in range(0, len(line), 20)] for line in lines]
    return b"\n".join(b"\n ".join(pieces) for pieces in cut)


def test_there_is_a_case_for_every_decision() -> None:
    """No file of cases was forgotten, and none is empty."""
    assert {path.stem for path in DATA.glob("*.txt")} == {
        "hostile",
        "series",
        "states",
        "systems",
        "times",
        "tolerance",
        "zones",
    }
    assert len(CASES) > 200


def test_more_than_ten_thousand_instances_are_no_error() -> None:
    """An hourly series has 10,080 instances in 420 days, and all are busy (Radicale says 400)."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    text = (
        "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260101T000000Z\r\nDURATION:PT30M\r\n"
        "RRULE:FREQ=HOURLY\r\nEND:VEVENT\r\n"
    )
    found = ours.busy(text, start=start, end=start + timedelta(days=420))
    assert len(found) == 10_080


@pytest.mark.parametrize("count", [1, 1000])
def test_one_bad_item_never_costs_the_rest(count: int) -> None:
    """Among unreadable events the readable one is found, and each of the others is counted."""
    bad = "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:nonsense\r\nEND:VEVENT\r\n" * count
    good = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260602T080000Z\r\nDURATION:PT1H\r\nEND:VEVENT\r\n"
    outcome = ours.folder(
        [bad + good + bad],
        start=datetime(2026, 6, 1, tzinfo=UTC),
        end=datetime(2026, 7, 1, tzinfo=UTC),
    )
    assert freebusy_lines(outcome) == ["BUSY:20260602T080000Z/20260602T090000Z"]
    assert len(outcome.skipped) == 2 * count


def test_reasons_quote_no_calendar_text() -> None:
    """Whatever is refused, its reason holds none of the event's own words."""
    marker = "XYZZYMARKER"
    text = "\r\n".join(
        f"BEGIN:VEVENT\r\nUID:{number}\r\nSUMMARY:{marker}\r\n{line}\r\nEND:VEVENT"
        for number, line in enumerate(
            [
                f"DTSTART:{marker}",
                f"DTSTART:20260602T080000Z\r\nDTEND:{marker}",
                f"DTSTART:20260602T080000Z\r\nDURATION:{marker}",
                f"DTSTART:20260602T080000Z\r\nRRULE:FREQ={marker}",
                f"DTSTART:20260602T080000Z\r\nRRULE:FREQ=DAILY;BYDAY={marker}",
                f"DTSTART:20260602T080000Z\r\nRRULE:FREQ=DAILY;UNTIL={marker}",
                f"DTSTART:20260602T080000Z\r\nRDATE:{marker}",
                f"DTSTART:20260602T080000Z\r\nRECURRENCE-ID:{marker}",
            ]
        )
    )
    outcome = ours.folder(
        [text], start=datetime(2026, 6, 1, tzinfo=UTC), end=datetime(2026, 7, 1, tzinfo=UTC)
    )
    assert len(outcome.skipped) == 8
    assert marker not in " ".join(outcome.skipped)


@pytest.mark.parametrize("name", ["RDATE", "EXDATE"])
def test_too_many_dates_cost_only_themselves(name: str) -> None:
    """Of an endless RDATE or EXDATE list the surplus is counted, and the event is still there."""
    dates = ",".join(["20260609T080000Z"] * 20_001)
    text = (
        f"BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260602T080000Z\r\nDURATION:PT1H\r\n{name}:{dates}\r\n"
    )
    outcome = ours.folder(
        [text], start=datetime(2026, 6, 1, tzinfo=UTC), end=datetime(2026, 6, 5, tzinfo=UTC)
    )
    assert freebusy_lines(outcome) == ["BUSY:20260602T080000Z/20260602T090000Z"]
    assert len(outcome.skipped) == 1
