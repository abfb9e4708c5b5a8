"""Kolab's own library reads what the dialect Kolab 3 writes, and passes it on."""

from __future__ import annotations

import re
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_sync import dialects
from tests.oracles import generator
from tests.readers import kolabxml
from tests.unit.dialect_case import NOW, calendar, calendars, examples, read, written
from tests.unit.kolab3_cases import CASES
from tests.unit.test_dialects import WHOLE

pytestmark = [
    pytest.mark.readers,
    pytest.mark.skipif(kolabxml.available() is not None, reason=str(kolabxml.available())),
]

OF_THE_LIBRARY = {
    "no PARTSTAT is written as the one that it stands for": r";PARTSTAT=NEEDS-ACTION",
    "the first day of the week is read, and not written": r";WKST=\w\w",
    "of an alarm's people the addresses are kept": r"(?<=ATTENDEE)(;CN=[^:;]*)",
    "an alarm by mail has no files": r"\nATTACH:https://x/y(?=\nATTENDEE)",
}
"""What an object loses or gains when a Kolab client changes it, whoever wrote it."""


def _comparable(message: bytes) -> list[str]:
    text = dialects.normal(read(message).calendar)
    for pattern in OF_THE_LIBRARY.values():
        text = re.sub(pattern, "", text)
    return sorted(text.split("\n"))


def _same(messages: list[tuple[str, bytes]]) -> None:
    """Hold that the library finds no fault, and writes what it read."""
    for (_, message), outcome in zip(messages, kolabxml.read(messages), strict=True):
        assert outcome.severity < kolabxml.ERROR, outcome.said
        assert _comparable(message) == _comparable(outcome.message)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, tuple[bytes, kolabxml.Outcome]]:
    """Give what the library makes of each case, in one run of it."""
    messages = [
        (case.kind, written(calendar(*case.lines, kind=case.kind, start=case.start), "kolab3"))
        for case in CASES.values()
    ]
    asked = [(kind, made.message) for kind, made in messages]
    found = zip(CASES, asked, kolabxml.read(asked), strict=True)
    return {name: (message, outcome) for name, (_, message), outcome in found}


@pytest.mark.parametrize("name", CASES)
def test_cases(name: str, outcomes: dict[str, tuple[bytes, kolabxml.Outcome]]) -> None:
    """What Kolab has only in part is in a document without fault, and passed on."""
    message, outcome = outcomes[name]
    assert outcome.severity < kolabxml.ERROR, outcome.said
    assert _comparable(message) == _comparable(outcome.message)


def test_office_calendars() -> None:
    """Events as offices have them are read without fault, and passed on."""
    texts = [calendar(*WHOLE), *islice(generator.events(41, 80, NOW), 80)]
    _same([("VEVENT", written(text, "kolab3").message) for text in texts])


@examples(3)
@given(texts=st.lists(calendars(), min_size=12, max_size=12))
def test_any_event(texts: list[str]) -> None:
    """Any event is read without fault, and passed on."""
    _same([("VEVENT", written(text, "kolab3").message) for text in texts])


def test_faults_are_found() -> None:
    """The library refuses a document with an element that its schema does not have."""
    message = written(calendar(), "kolab3").message.replace(b"<sequence>", b"<x/><sequence>")
    assert kolabxml.read([("VEVENT", message)])[0].severity >= kolabxml.ERROR
