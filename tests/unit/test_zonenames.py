"""Zone names as real writers spell them, each with the writer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.vtimezone import Observance, zone_key
from freebusy.zonenames import (
    accept_display_name,
    accept_vendor_prefix,
    is_fixed,
    known_zone,
    resolve,
)
from freebusy.zones import named_zone

YEAR = (1767225600, 1798761600)  # 2026


@pytest.mark.parametrize(
    ("tzid", "expected"),
    [
        ("/freeassociation.sourceforge.net/Tzfile/Europe/Berlin", "Europe/Berlin"),  # Evolution
        ("/freeassociation.sourceforge.net/Europe/Berlin", "Europe/Berlin"),
        ("/softwarestudio.org/Olson_20011030_5/America/New_York", "America/New_York"),  # libical
        ("/citadel.org/20210210_1/Europe/Berlin", "Europe/Berlin"),
        ("/mozilla.org/20070129_1/Europe/Berlin", "Europe/Berlin"),  # Thunderbird
        ("/mozilla.org/20050126_1/America/Indiana/Knox", "America/Indiana/Knox"),
        ("/kolab.org/Europe/Berlin", "Europe/Berlin"),
        ("/kolab.org/W. Europe Standard Time", "W. Europe Standard Time"),
        ("/kolab.org/europe/berlin", "europe/berlin"),
        ("/example.com/Nowhere", "Nowhere"),
        ("/", ""),
        ("Europe/Berlin", "Europe/Berlin"),
        ("Etc/GMT+5", "Etc/GMT+5"),
    ],
)
def test_libical_mozilla_and_kolab_write_a_prefix(tzid: str, expected: str) -> None:
    """What stands before the name goes; the longest tail that is a name counts."""
    assert expected == accept_vendor_prefix(tzid)


@pytest.mark.parametrize(
    ("tzid", "expected"),
    [
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Amsterdam"),
        ("(GMT+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Amsterdam"),
        ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("(UTC-06:00) Central Time (US & Canada)", "America/Chicago"),
        ("(UTC-08:00) Pacific Time (US & Canada)", "America/Los_Angeles"),
        ("(UTC) Coordinated Universal Time", "UTC"),
        ("(UTC) Dublin, Edinburgh, Lisbon, London", "Europe/Dublin"),
        ("(UTC+00:00) Dublin, Edinburgh, Lisbon, London", "Europe/Dublin"),
        ("(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", "Asia/Kolkata"),
        ("(UTC+08:00) Beijing, Chongqing, Hong Kong, Urumqi", "Asia/Shanghai"),
        ("(UTC-03:30) Newfoundland", "America/St_Johns"),
        ("(UTC+02:00) Berlin", "Europe/Berlin"),  # the summer offset, as some print it
        ("(utc+01:00) berlin", "Europe/Berlin"),
        ("(UTC+09:00) Berlin", None),  # another place than the one that we know
        ("(UTC+01:00) Nowhere", None),
        ("Berlin", None),
        ("", None),
    ],
)
def test_outlook_writes_display_names(tzid: str, expected: str | None) -> None:
    """The first place that is known and keeps the offset in front is the zone."""
    assert expected == accept_display_name(tzid)


@pytest.mark.parametrize(
    ("tzid", "expected"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),  # lower-case writers
        ("US/Eastern", "US/Eastern"),  # old names stay names
        ("W. Europe Standard Time", "Europe/Berlin"),  # Outlook, Exchange
        ("w. europe STANDARD time", "Europe/Berlin"),
        ("Eastern Standard Time", "America/New_York"),
        ("/kolab.org/W. Europe Standard Time", "Europe/Berlin"),
        ('"Europe/Berlin"', "Europe/Berlin"),  # quotes that are part of the value
        (" Europe/Berlin ", "Europe/Berlin"),
        ("UTC", "UTC"),
        ("Z", "UTC"),
        ("Etc/UTC", "UTC"),
        ("Coordinated Universal Time", "UTC"),
        ("Kamchatka Standard Time", "Asia/Kamchatka"),  # names that Windows has dropped
        ("Mexico Standard Time 2", "America/Chihuahua"),
        ("(UTC+01:00) Amsterdam, Berlin", "Europe/Amsterdam"),
        ("Customized Time Zone", None),
        ("GMT +0100 (Standard) / GMT +0200 (Daylight)", None),
        ("Mitteleuropäische Zeit", None),
        ("", None),
    ],
)
def test_a_name_is_known_or_not(tzid: str, expected: str | None) -> None:
    """IANA, Windows and display names in any case; everything else is for the VTIMEZONE."""
    assert expected == known_zone(tzid)


@pytest.mark.parametrize(
    ("tzid", "expected"),
    [
        *((name, True) for name in ("EST", "MST", "HST", "GMT", "UTC", "gmt", "Etc/GMT+5", "GMT0")),
        *((name, True) for name in ("Zulu", "Universal", "/mozilla.org/20070129_1/EST")),
        *((name, False) for name in ("EST5EDT", "Europe/Berlin", "Europe/London", "ESTonia", "")),
    ],
)
def test_names_of_one_offset(tzid: str, *, expected: bool) -> None:
    """Such a name says nothing of daylight saving, so its VTIMEZONE may know better."""
    assert expected is is_fixed(tzid)


SUMMER = Observance(-18000, -14400, 0, "FREQ=YEARLY;BYMONTH=3;BYDAY=2SU", ())
WINTER = Observance(-14400, -18000, 0, "FREQ=YEARLY;BYMONTH=11;BYDAY=1SU", ())
EASTERN = zone_key([SUMMER, WINTER])
FIVE = zone_key([WINTER._replace(offset_from=-18000, rule="")])


@pytest.mark.parametrize(
    ("tzid", "definitions", "expected"),
    [
        ("Europe/Berlin", {}, "Europe/Berlin"),
        ("Europe/Berlin", {"Europe/Berlin": EASTERN}, "Europe/Berlin"),  # the database wins
        ("EST", {"EST": EASTERN}, EASTERN),  # a fixed name with daylight saving: its own wins
        ("EST", {"EST": FIVE}, "EST"),
        ("EST", {}, "EST"),
        ("Customized Time Zone", {"Customized Time Zone": EASTERN}, EASTERN),
        ("Customized Time Zone", {}, None),
        ("Customized Time Zone", {"Another": EASTERN}, None),
        ("", {"": EASTERN}, ""),
    ],
)
def test_the_order_of_resolving(
    tzid: str, definitions: dict[str, str], expected: str | None
) -> None:
    """The database, then the message's own definition, then nobody: the owner's zone."""
    assert expected == resolve(tzid, definitions, YEAR)


@given(st.text(max_size=40))
def test_any_text_is_a_zone_or_none(tzid: str) -> None:
    """No TZID raises, and what is known can be opened."""
    known = known_zone(tzid)
    assert known is None or named_zone(known).to_utc(0) is not None
