"""What other servers answered: how it is read, and how long it is remembered."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.accounts import no_information
from freebusy.connector import remembered
from freebusy.connector.answers import Answer, read_answer
from freebusy.connector.remembered import Outcome, Remembered
from freebusy.errors import ElsewhereError
from freebusy.period import TimeRange
from tests.wire.other_servers import BUSY, FILE, NOW, shown

if TYPE_CHECKING:
    from freebusy.connector.remembered import Key

WINDOW = TimeRange(NOW, NOW + timedelta(days=1))
MISS = Outcome(problem="timeout")


def kept(periods: int) -> Outcome:
    return Outcome(Answer(WINDOW, NOW, array("q", [0, 1, 2] * periods)))


def key(name: str) -> Key:
    return "partner", name, "partner.example"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_answers_and_misses_last_differently() -> None:
    """An answer is kept for minutes, that there is none for less."""
    clock = Clock()
    memory = Remembered(300, 60, 1 << 20, clock)
    memory.keep(key("hans"), kept(1))
    memory.keep(key("anna"), MISS)
    seen = []
    for clock.now in (59.9, 60.0, 299.9, 300.0):
        seen.append([memory.recall(key(name)) is not None for name in ("hans", "anna")])
    assert [[True, True], [True, False], [True, False], [False, False]] == seen


def test_without_a_lifetime_nothing_is_kept() -> None:
    """0 is not at all."""
    memory = Remembered(0, 0, 1 << 20, Clock())
    memory.keep(key("hans"), kept(1))
    memory.keep(key("anna"), MISS)
    assert [None, None] == [memory.recall(key(name)) for name in ("hans", "anna")]


def test_memory_is_bounded() -> None:
    """The least used goes first, and what is larger than all there is room for is not kept."""
    memory = Remembered(300, 300, 3 * kept(100).size, Clock())
    for name in "abc":
        memory.keep(key(name), kept(100))
    memory.recall(key("a"))
    memory.keep(key("d"), kept(100))
    memory.keep(key("e"), kept(1000))
    assert "acd" == "".join(name for name in "abcde" if memory.recall(key(name)))


def test_a_newer_answer_takes_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """One person's answers take room once, and their number is bounded."""
    monkeypatch.setattr(remembered, "MAX_ENTRIES", 3)
    memory = Remembered(300, 300, 1 << 20, Clock())
    for name in "aaaabcd":
        memory.keep(key(name), MISS)
    assert "bcd" == "".join(name for name in "abcd" if memory.recall(key(name)))


# -- reading


def told(*lines: str) -> bytes:
    inner = (
        *lines, "DTSTART:20260601T000000Z", "DTEND:20260701T000000Z",
        "FREEBUSY:20260602T080000Z/20260602T090000Z",
    )  # fmt: skip
    return "\r\n".join(("BEGIN:VFREEBUSY", *inner, "END:VFREEBUSY", "")).encode()


@pytest.mark.parametrize(
    "body",
    [
        FILE,
        FILE.replace(b"\r\n", b"\n"),
        b"\xef\xbb\xbf" + FILE,
        FILE.decode().encode("utf-16"),
        b"\xfe\xff" + FILE.decode().encode("utf-16-be"),
        FILE.replace(b"hans@", "häns@".encode("latin-1")),
    ],
)
def test_in_whatever_charset(body: bytes) -> None:
    """What our reader takes from clients it takes from other servers."""
    assert BUSY == shown(read_answer(body, NOW))


AGES = {
    ("DTSTAMP:20260601T100000Z",): NOW.replace(hour=10),
    ("DTSTAMP:20260601T113000Z", "COMMENT:as of 20260601T090000Z"): NOW.replace(hour=9),
    ("DTSTAMP:20270101T000000Z",): NOW,
    ("DTSTAMP:20261301T000000Z",): NOW,
    ("DTSTAMP:yesterday",): NOW,
    (): NOW,
}


@pytest.mark.parametrize("lines", list(AGES))
def test_how_old_an_answer_is(lines: tuple[str, ...]) -> None:
    """It is as old as it says, and never from the future."""
    answer = read_answer(told(*lines), NOW)
    assert answer is not None
    assert AGES[lines] == answer.as_of


NOBODY = {
    "a page": b"<!DOCTYPE html><title>404</title>",
    "nothing": b"",
    "white space": b" \r\n",
    "binary": bytes(range(256)),
    "another file": b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    "a gateway's no information": no_information(0).body,
}
GARBLED = {
    "cut off": FILE[:-30],
    "no window and no period": b"BEGIN:VFREEBUSY\r\nEND:VFREEBUSY\r\n",
    "the wrong way round": told().replace(b"2026070", b"2025070"),
}


@pytest.mark.parametrize("body", NOBODY.values(), ids=list(NOBODY))
def test_what_says_nothing_of_anybody(body: bytes) -> None:
    """A page, an empty body, a file of something else: nobody of that name."""
    assert read_answer(body, NOW) is None


@pytest.mark.parametrize("body", GARBLED.values(), ids=list(GARBLED))
def test_what_cannot_be_read(body: bytes) -> None:
    """A free/busy file that is broken is no answer, neither free nor nobody."""
    with pytest.raises(ElsewhereError, match="content"):
        read_answer(body, NOW)


@given(st.binary() | st.binary().map(lambda noise: FILE[:120] + noise + FILE[120:]))
def test_any_bytes(body: bytes) -> None:
    """Any bytes are an answer, nobody's, or ElsewhereError."""
    try:
        answer = read_answer(body, datetime(2026, 6, 1, tzinfo=UTC))
    except ElsewhereError:
        return
    assert answer is None or answer.window is not None


def test_times_without_a_zone() -> None:
    """They count in UTC, and where a zone is configured there as well: never free by mistake."""
    body = told("FREEBUSY:20260610T080000/20260610T090000")
    utc = ["2026-06-02 08:00 BUSY", "2026-06-10 08:00 BUSY"]
    berlin = [utc[0], "2026-06-10 06:00 BUSY", utc[1]]
    assert [utc, berlin] == [
        shown(read_answer(body, NOW)),
        shown(read_answer(body, NOW, zone="Europe/Berlin")),
    ]
