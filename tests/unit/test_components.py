"""Components: whatever order, case and completeness they come in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy import components
from freebusy.components import read_stream
from freebusy.contentline import unfold
from freebusy.errors import CalendarDataError
from freebusy.vtimezone import zone

HOUR = 3600


def found(text: str) -> list[tuple[str, dict[str, list[str]]]]:
    """Return name and properties of each component that is read further."""
    return [(each.name, each.properties) for each in read_stream(text.strip()).events]


def starts(text: str) -> list[str]:
    """Return the values of all DTSTARTs, in the order in which components end."""
    return [rest for _, properties in found(text) for rest in properties.get("DTSTART", [])]


ONE = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:1\nEND:VEVENT\nEND:VCALENDAR"
ALARM = "BEGIN:VALARM\nDTSTART:9\nEND:VALARM"
NESTED = f"BEGIN:VALARM\n{ALARM}\nDTSTART:9\nEND:VALARM"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # as it should be
        (ONE, [":1"]),
        # no VCALENDAR around it (Outlook's vEvent attachments, fragments)
        ("BEGIN:VEVENT\nDTSTART:1\nEND:VEVENT", [":1"]),
        # never closed: cut off, or a writer that forgets it
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:1", [":1"]),
        ("BEGIN:VEVENT\nDTSTART:1\nBEGIN:VEVENT\nDTSTART:2\nEND:VEVENT", [":1", ":2"]),
        ("BEGIN:VEVENT\nDTSTART:1\nBEGIN:VEVENT\nDTSTART:2\nBEGIN:VEVENT\nDTSTART:3", list("123")),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:1\nEND:VCALENDAR", [":1"]),
        # an END that closes nothing
        ("END:VEVENT\nBEGIN:VEVENT\nDTSTART:1\nEND:VALARM\nEND:VEVENT\nEND:VEVENT", [":1"]),
        ("END:VCALENDAR\nEND:VEVENT\nBEGIN:VEVENT\nDTSTART:1\nEND:VEVENT", [":1"]),
        # what comes after the end of an event is not its own
        ("BEGIN:VEVENT\nDTSTART:1\nEND:VEVENT\nDTSTART:2", [":1"]),
        ("DTSTART:0\nBEGIN:VEVENT\nDTSTART:1\nEND:VEVENT", [":1"]),
        # lower and mixed case
        ("begin:vcalendar\nbegin:vevent\ndtstart:1\nend:vevent\nend:vcalendar", [":1"]),
        ("Begin:vEvent\nDtStart;Value=Date:1\nEnd:vEvent", [";Value=Date:1"]),
        # spaces round the name
        ("BEGIN: VEVENT \nDTSTART:1\nEND:VEVENT ", [":1"]),
        # an alarm has a DURATION, a task a DTSTART: neither is the event's
        (
            "BEGIN:VEVENT\nDTSTART:1\nBEGIN:VALARM\nDTSTART:9\nEND:VALARM\nDTSTART:2\nEND:VEVENT",
            [":1", ":2"],
        ),
        ("BEGIN:VTODO\nDTSTART:9\nEND:VTODO\nBEGIN:VJOURNAL\nDTSTART:9\nEND:VJOURNAL", []),
        # an alarm that is never closed ends with its event
        (
            "BEGIN:VEVENT\nDTSTART:1\nBEGIN:VALARM\nEND:VEVENT\nBEGIN:VEVENT\nDTSTART:2\nEND:VEVENT",
            [":1", ":2"],
        ),
        # alarms in alarms, and components that nobody knows
        (f"BEGIN:VEVENT\n{NESTED}\nDTSTART:1\nBEGIN:X-A\nDTSTART:9\nEND:X-A\nEND:VEVENT", [":1"]),
        # two calendars in one text
        (f"{ONE}\n{ONE.replace('VEVENT', 'VFREEBUSY')}", [":1", ":1"]),
        ("", []),
    ],
)  # fmt: skip
def test_components_are_found(text: str, expected: list[str]) -> None:
    """Every event's own DTSTART is found, and nobody else's."""
    assert [rest if rest[0] in ":;" else f":{rest}" for rest in expected] == starts(text)


def test_only_what_matters_is_kept() -> None:
    """An event's text has no place to be kept in; a property that repeats keeps its lines."""
    text = (
        "BEGIN:VEVENT\nUID:1\nSUMMARY:secret\nDESCRIPTION:secret\nLOCATION:secret\nRDATE:1\n"
        "RDATE:2\nX-MICROSOFT-CDO-BUSYSTATUS:OOF\nATTACH:secret\nCATEGORIES:secret\nEND:VEVENT"
    )
    kept = {
        "UID": [":1"],
        "RDATE": [":1", ":2"],
        "X-MICROSOFT-CDO-BUSYSTATUS": [":OOF"],
    }
    assert [("VEVENT", kept)] == found(text)


def test_other_components_are_counted() -> None:
    """Tasks, notes, alarms and unknown ones are passed by, and that is said."""
    text = "BEGIN:VTODO\nEND:VTODO\nBEGIN:VEVENT\nBEGIN:VALARM\nEND:VALARM\nEND:VEVENT\nBEGIN:X\n"
    assert 3 == read_stream(text).passed_by


@pytest.mark.parametrize("unit", ["BEGIN:A\nEND:A\n", "BEGIN:A\n", "END:A\n", "BEGIN:VEVENT\n"])
def test_the_number_of_components_is_bounded(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many are refused while they are counted."""
    monkeypatch.setattr(components, "MAX_COMPONENTS", 100)
    read_stream(unit * 100)
    with pytest.raises(CalendarDataError, match="more than 100 components"):
        read_stream(unit * 201)


# -- time zones of the text


def vtimezone(offset: str, tzid: str = "Customized Time Zone") -> str:
    return (
        f"BEGIN:VTIMEZONE\nTZID:{tzid}\nBEGIN:STANDARD\nDTSTART:16010101T000000\n"
        f"TZOFFSETFROM:{offset}\nTZOFFSETTO:{offset}\nEND:STANDARD\nEND:VTIMEZONE\n"
    )


def offsets(text: str) -> dict[str, int]:
    """Return the offset in hours of each zone that a text defines."""
    return {
        name: zone(key).to_local(0) // HOUR for name, key in read_stream(text).definitions.items()
    }


def test_one_messages_zone_is_not_anothers() -> None:
    """Two people's "Customized Time Zone" stay apart, in whatever order and however often."""
    mine, yours = vtimezone("+0100"), vtimezone("-0500")
    for _ in range(3):
        assert {"Customized Time Zone": 1} == offsets(mine)
        assert {"Customized Time Zone": -5} == offsets(yours)
        assert {} == offsets("BEGIN:VEVENT\nDTSTART;TZID=Customized Time Zone:1\nEND:VEVENT")


def test_a_remembered_definition_is_nobodys_to_change() -> None:
    """What one text does with its definitions does not reach the next one."""
    first = read_stream(vtimezone("+0100"))
    first.definitions.clear()
    first.definitions["x"] = "y"
    assert {"Customized Time Zone": 1} == offsets(vtimezone("+0100"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (vtimezone("+0100"), {"Customized Time Zone": 1}),
        (vtimezone("+0100").lower(), {"customized time zone": 1}),
        (vtimezone("+0100").replace("END:VTIMEZONE\n", ""), {"Customized Time Zone": 1}),
        (vtimezone("+0100").replace("END:STANDARD\n", ""), {"Customized Time Zone": 1}),
        (vtimezone("+0100").replace("TZID:", 'TZID;X="a:b":'), {"Customized Time Zone": 1}),
        (vtimezone("+0100", '"quoted"'), {"quoted": 1}),
        (vtimezone("+0100", "a") + vtimezone("-0500", "b"), {"a": 1, "b": -5}),
        (vtimezone("+0100", "a") + vtimezone("-0500", "a"), {"a": -5}),
        (vtimezone("+0100").replace("TZID:", "X-TZID:"), {}),
        (vtimezone("nonsense"), {}),
        (vtimezone("+0100").replace("16010101", "nonsense"), {}),
        ("BEGIN:VTIMEZONE\nTZID:x\nEND:VTIMEZONE\n", {}),
        ("BEGIN:STANDARD\nTZOFFSETTO:+0100\nEND:STANDARD\n", {}),
        (vtimezone("+0100") + "X-LONG:" + "x" * 10_000, {"Customized Time Zone": 1}),
    ],
)  # fmt: skip
def test_definitions_are_read(text: str, expected: dict[str, int]) -> None:
    """Also broken ones, of which nothing is left where nothing can be understood."""
    assert expected == offsets(text)


def test_a_long_definition_is_read_too() -> None:
    """A definition with a hundred observances is not remembered, but read."""
    part = "BEGIN:STANDARD\nDTSTART:{0}0101T000000\nTZOFFSETTO:+0100\nEND:STANDARD\n"
    parts = "".join(part.format(1900 + year) for year in range(150))
    text = f"BEGIN:VTIMEZONE\nTZID:x\n{parts}END:VTIMEZONE\n"
    assert len(text) > components._MAX_BLOCK
    assert {"x": 1} == offsets(text)


EVENT = "BEGIN:VEVENT\nDTSTART:1\nEND:VEVENT\n"
OPEN = vtimezone("+0100", "a").replace("END:VTIMEZONE\n", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OPEN + EVENT, {"a": 1}),
        (OPEN + EVENT + "END:VTIMEZONE\n", {"a": 1}),
        (OPEN + EVENT + vtimezone("-0500", "b"), {"a": 1, "b": -5}),
        (OPEN + EVENT.lower() + vtimezone("-0500", "b"), {"a": 1, "b": -5}),
        (OPEN + vtimezone("-0500", "b") + EVENT, {"a": 1, "b": -5}),
        ("BEGIN:VTIMEZONE\n" + EVENT + vtimezone("-0500", "b"), {"b": -5}),
    ],
)
def test_a_definition_left_open_swallows_no_event(text: str, expected: dict[str, int]) -> None:
    """Events between it and the end of the next definition are read, every time."""
    for _ in range(2):
        assert [":1"] == starts(text)
        assert expected == offsets(text)


WORDS = ["BEGIN:", "END:", "VEVENT", "VTIMEZONE", "VALARM", "VFREEBUSY", "STANDARD", "\n", "TZID:x"]
PIECES = st.sampled_from([*WORDS, "DTSTART:1", ":", ";", "TZOFFSETTO:+0100", "VCALENDAR", " "])


@given(st.lists(PIECES, max_size=60).map("".join))
def test_any_text_is_sorted(text: str) -> None:
    """No order of lines raises, and nothing but events comes out as one."""
    names = [name for name, _ in found(unfold(text.encode()))]
    assert {"VEVENT", "VFREEBUSY"} >= set(names)
    assert len(names) <= text.count("BEGIN")


@given(st.lists(st.sampled_from(["VEVENT", "VFREEBUSY", "VTODO"]), max_size=8))
def test_no_event_is_lost(kinds: list[str]) -> None:
    """Well-formed components all come out, in their order."""
    text = "".join(f"BEGIN:{kind}\nUID:{n}\nEND:{kind}\n" for n, kind in enumerate(kinds))
    expected = [(kind, [f":{n}"]) for n, kind in enumerate(kinds) if kind != "VTODO"]
    assert expected == [(name, properties["UID"]) for name, properties in found(text)]
