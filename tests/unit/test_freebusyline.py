"""One FREEBUSY line: its periods, in whatever way they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.freebusyline import read_freebusy_line
from freebusy.period import FreeBusyType, Span
from freebusy.values import parse_moment

NINE = parse_moment("20260602T090000Z").local
TEN = NINE + 3600
FREE, TENTATIVE, BUSY, UNAVAILABLE = (int(kind) for kind in FreeBusyType)
PERIOD = "20260602T090000Z/20260602T100000Z"


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        ("", BUSY),  # RFC 5545 §3.2.9: the default
        (";FBTYPE=BUSY", BUSY),
        (";FBTYPE=BUSY-TENTATIVE", TENTATIVE),
        (";FBTYPE=BUSY-UNAVAILABLE", UNAVAILABLE),
        (";FBTYPE=TENTATIVE", TENTATIVE),
        (";FBTYPE=OOF", UNAVAILABLE),
        (";fbtype=oof", UNAVAILABLE),
        (';FBTYPE="BUSY-TENTATIVE"', TENTATIVE),
        (";FBTYPE= BUSY-TENTATIVE ", TENTATIVE),
        (";FBTYPE=", BUSY),
        (";FBTYPE=X-FREE", BUSY),  # unknown means busy
        (";FBTYPE=FREE-ISH", BUSY),
        (";VALUE=PERIOD;FBTYPE=TENTATIVE", TENTATIVE),
        (";X-SUMMARY=c2VjcmV0;FBTYPE=TENTATIVE;X-LOCATION=c2VjcmV0", TENTATIVE),  # Kolab, Horde
        (';X-SUMMARY="a:b;FBTYPE=FREE"', BUSY),
    ],
)
def test_types(parameters: str, kind: int) -> None:
    """What the client said of a period, or BUSY."""
    assert [(NINE, TEN, kind)] == read_freebusy_line(f"{parameters}:{PERIOD}")


def test_free_periods_only_where_they_are_asked_for() -> None:
    """FREE is no busy time, but says what a file knows about."""
    line = f";FBTYPE=FREE:{PERIOD}"
    assert [] == read_freebusy_line(line)
    assert [(NINE, TEN, FREE)] == read_freebusy_line(line, free=True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (PERIOD, [(NINE, TEN, BUSY)]),
        ("20260602T090000Z/PT1H", [(NINE, TEN, BUSY)]),
        ("20260602T090000Z/pt1h", [(NINE, TEN, BUSY)]),
        ("20260602T090000Z/+PT1H", [(NINE, TEN, BUSY)]),
        ("20260602T090000Z/P1DT1H", [(NINE, TEN + 86400, BUSY)]),
        ("20260602T090000/20260602T100000", [(NINE, TEN, BUSY)]),  # a Z forgotten: UTC all the same
        (f"{PERIOD},{PERIOD}", [(NINE, TEN, BUSY)] * 2),
        (f" {PERIOD} , {PERIOD} ", [(NINE, TEN, BUSY)] * 2),
        (f"{PERIOD},", [(NINE, TEN, BUSY)]),
        (f"nonsense,{PERIOD},20260602T090000Z/P2W4294967284D", [(NINE, TEN, BUSY)]),
        ("20260602T100000Z/20260602T090000Z", []),
        ("20260602T090000Z/20260602T090000Z", []),
        ("20260602T090000Z/PT0S", []),
        ("20260602T090000Z/-PT1H", []),
        ("20260602T090000Z", []),
        ("20260602T090000Z/", []),
        ("/PT1H", []),
        ("", []),
    ],
)
def test_periods(values: str, expected: list[Span]) -> None:
    """Ends and durations, lists, and what is malformed or empty left out."""
    assert expected == read_freebusy_line(f":{values}")


@pytest.mark.parametrize("rest", ["", ";FBTYPE=BUSY", ";", ';X="a:20260602T090000Z/PT1H'])
def test_a_line_without_a_value_has_no_periods(rest: str) -> None:
    """Nothing is raised: one line is not worth a file."""
    assert [] == read_freebusy_line(rest)


@given(st.text(alphabet='0123456789TZP/-+:;=,"HMSDW FBTYPEREOU', max_size=60))
def test_any_line_gives_true_periods_or_none(rest: str) -> None:
    """Whatever is written, each period has a length and a type."""
    for start, end, kind in read_freebusy_line(rest, free=True):
        assert start < end
        assert FreeBusyType(kind).fbtype
