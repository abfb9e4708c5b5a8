"""The demo calendars: valid, varied, and around today whenever today is."""

from __future__ import annotations

import importlib.util
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st

from freebusy.config import VdirSource, load

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parent.parent
BERLIN = ZoneInfo("Europe/Berlin")


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "demo_calendars", ROOT / "scripts/demo_calendars.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


demo: Any = _script()
TEMPLATES = sorted((ROOT / "conf/demo").glob("*/*.ics"))
PEOPLE = sorted({template.parent.name for template in TEMPLATES})
TODAY = date(2026, 11, 25)


def calendars(person: str, today: date) -> list[icalendar.Component]:
    texts = (
        demo.filled(path.read_text("utf-8"), today)
        for path in TEMPLATES
        if path.parent.name == person
    )
    return [icalendar.Calendar.from_ical(text) for text in texts]


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("{{today}}", "20261125"),
        ("{{today+3d}}", "20261128"),
        ("{{mon}}", "20261123"),
        ("{{sun-1w}}", "20261122"),
        ("{{fri-2d}}", "20261125"),
        ("{{mon+1w 09:15}}", "20261130T091500"),
        ("{{wed 09:15 Europe/Berlin}}", "20261125T081500Z"),
        ("{{thu 19:30 America/New_York}}", "20261127T003000Z"),
    ],
)
def test_a_place_is_a_day_near_today(place: str, text: str) -> None:
    """Days count from today or from the Monday of this week; a zone makes a time UTC."""
    assert f"DTSTART:{text}\r\n".encode() == demo.filled(f"DTSTART:{place}\n", TODAY)


@pytest.mark.parametrize("place", ["{{tomorrow}}", "{{mon 9:00}}", "{{mon+1y}}"])
def test_what_is_no_day_is_refused(place: str) -> None:
    """A typing error in a template does not end up in a calendar."""
    with pytest.raises(ValueError, match="not a day"):
        demo.filled(place, TODAY)


def test_everybody_in_the_configuration_has_calendars() -> None:
    """The bundled configuration serves exactly the people who have templates."""
    config = load(ROOT / "conf/freebusy.toml", {})
    assert PEOPLE == sorted(config.members)
    source = config.sources["demo"]
    assert isinstance(source, VdirSource)
    assert (ROOT / "state/demo").resolve() == source.root
    assert len(PEOPLE) >= 5


@pytest.mark.parametrize("person", PEOPLE)
@given(today=st.dates(date(2026, 1, 1), date(2036, 1, 1)))
@settings(max_examples=25)
def test_demo_calendars_are_valid_on_any_day(person: str, today: date) -> None:
    """The icalendar library reads them without an error, with UID, DTSTAMP, SUMMARY and zones."""
    for calendar in calendars(person, today):
        zones = {str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")}
        for event in calendar.walk("VEVENT"):
            assert [] == event.errors
            assert {"UID", "DTSTAMP", "SUMMARY", "DTSTART"} <= set(event)
            named = {
                value.params["TZID"]
                for value in event.values()
                if "TZID" in getattr(value, "params", {})
            }
            assert named <= zones


@pytest.mark.parametrize("person", PEOPLE)
def test_every_week_of_the_demo_has_events(person: str) -> None:
    """The demo never grows stale: the coming days hold events, whatever day it is started."""
    for ahead in range(0, 400, 37):
        today = TODAY + timedelta(days=ahead)
        start = datetime.combine(today, time(), BERLIN)
        events = [
            event
            for calendar in calendars(person, today)
            for event in recurring_ical_events.of(calendar).between(
                start, start + timedelta(days=8)
            )
        ]
        assert events


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    """A second start leaves the files alone; what no template makes any more goes."""
    assert len(TEMPLATES) == demo.refresh(tmp_path, TODAY)
    (tmp_path / "anna" / "left-over.ics").write_text("", "utf-8")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.ics")}
    assert 1 == demo.refresh(tmp_path, TODAY)
    after = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.ics")}
    assert after.items() < before.items()
    assert len(TEMPLATES) == len(after)
