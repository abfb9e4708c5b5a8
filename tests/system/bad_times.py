"""Uploads with odd and broken times, and what is served after them."""

from __future__ import annotations

from freebusy.vfreebusy import MAX_PERIODS, MAX_USELESS
from tests.system.bad_uploads import (
    EIGHT_DAYS_ON,
    LATER_BUSY,
    MARKER,
    NINE,
    NINE_BUSY,
    WINDOW,
    refused,
    taken,
    text,
    with_periods,
)

NINE_FREEBUSY = f"FREEBUSY:{NINE}"
BACKWARDS = "the file's DTEND is not after its DTSTART"
UNKNOWN = "the file has neither DTSTART and DTEND nor any period"

TYPES = {
    "no type": taken(with_periods(NINE_FREEBUSY)),
    "free periods": taken(with_periods(NINE_FREEBUSY, f"FREEBUSY;FBTYPE=FREE:{EIGHT_DAYS_ON}")),
    "an unknown type": taken(with_periods(f"FREEBUSY;FBTYPE=X-{MARKER}:{NINE}")),
    "tentative": taken(with_periods(f"FREEBUSY;FBTYPE=TENTATIVE:{NINE}"), f"BUSY-TENTATIVE:{NINE}"),
    "out of office": taken(with_periods(f"FREEBUSY;fbtype=oof:{NINE}"), f"BUSY-UNAVAILABLE:{NINE}"),
    "two types": taken(with_periods(f"FREEBUSY;FBTYPE=FREE;FBTYPE=BUSY:{NINE}")),
    "types at one time": taken(
        with_periods(f"FREEBUSY;FBTYPE=BUSY-TENTATIVE:{NINE}", f"FREEBUSY;FBTYPE=BUSY:{NINE}")
    ),
}

PERIODS = {
    "a comma list": taken(with_periods(f"FREEBUSY:{NINE},{EIGHT_DAYS_ON}"), NINE_BUSY, LATER_BUSY),
    "wrong order": taken(
        with_periods(f"FREEBUSY:{EIGHT_DAYS_ON}", NINE_FREEBUSY), NINE_BUSY, LATER_BUSY
    ),
    "overlaps": taken(
        with_periods(NINE_FREEBUSY, "FREEBUSY:20260602T091500Z/PT15M", NINE_FREEBUSY)
    ),
    "neighbours": taken(
        with_periods("FREEBUSY:20260602T090000Z/PT30M,20260602T093000Z/PT30M"), NINE_BUSY
    ),
    "a duration": taken(with_periods("FREEBUSY:20260602T090000Z/PT1H")),
    "what Cyrus wrote": taken(
        with_periods("FREEBUSY:20260603T090000Z/P2W4294967284D", NINE_FREEBUSY)
    ),
    "a thousand years": taken(
        with_periods("FREEBUSY:20260603T090000Z/P52000W,20260603T090000Z/P9D9", NINE_FREEBUSY)
    ),
    "no length": taken(with_periods("FREEBUSY:20260603T090000Z/PT0S", NINE_FREEBUSY)),
    "a negative length": taken(with_periods("FREEBUSY:20260603T090000Z/-PT1H", NINE_FREEBUSY)),
    "an end before its start": taken(
        with_periods("FREEBUSY:20260603T090000Z/20260603T080000Z", NINE_FREEBUSY)
    ),
    "no slash": taken(with_periods("FREEBUSY:20260603T090000Z", "FREEBUSY:/,//,/", NINE_FREEBUSY)),
    "no such times": taken(
        with_periods("FREEBUSY:20260230T090000Z/PT1H,20260603T256199Z/PT1H", NINE_FREEBUSY)
    ),
    "other digits": taken(with_periods("FREEBUSY:٢٠٢٦٠٦٠٣T٠٩٠٠٠٠Z/PT1H", NINE_FREEBUSY)),
    "with dashes": taken(with_periods("FREEBUSY:2026-06-02T09:00:00Z/2026-06-02T10:00:00Z")),
    # In Berlin's time it would be two hours earlier, and nobody can tell: busy in both.
    "no Z": taken(
        with_periods("FREEBUSY:20260602T090000/20260602T100000"),
        "BUSY:20260602T070000Z/20260602T080000Z",
        "BUSY:20260602T090000Z/20260602T100000Z",
    ),
    "a zone": taken(
        with_periods("FREEBUSY;TZID=Nowhere/Geheim-4711:20260602T090000Z/20260602T100000Z")
    ),
    "dates": taken(
        with_periods("FREEBUSY;VALUE=DATE:20260602/20260604"),
        "BUSY:20260601T220000Z/20260604T000000Z",
    ),
    "outside the window": taken(
        with_periods("FREEBUSY:20260501T090000Z/P1D,20300101T090000Z/P1D", NINE_FREEBUSY)
    ),
    "over the edges": taken(
        with_periods("FREEBUSY:20260531T220000Z/PT4H,20260630T230000Z/P3D"),
        "BUSY:20260601T000000Z/20260601T020000Z",
        "BUSY:20260630T230000Z/20260701T000000Z",
    ),
    "all of it": taken(with_periods("FREEBUSY:16010101/99991231"), f"BUSY:{'/'.join(WINDOW)}"),
    "only broken periods": taken(with_periods(f"FREEBUSY:{MARKER}/{MARKER}", NINE_FREEBUSY)),
    "too many": refused(
        text("FREEBUSY:" + ",".join(["20260602/P1D"] * (MAX_PERIODS + 1))),
        f"the file has more than {MAX_PERIODS} periods",
    ),
    "too many to read": refused(
        text("FREEBUSY:" + ",".join([MARKER] * (MAX_USELESS + 1))),
        f"the file has more than {MAX_USELESS} periods that cannot be read",
    ),
    "too many windows": refused(
        text("DTEND:20260601\r\n" * (MAX_USELESS + 1)),
        f"the file has more than {MAX_USELESS} lines beside its periods",
    ),
}

WINDOWS = {
    "year 9999": taken(
        text(NINE_FREEBUSY, last="99991231T235959Z"), window=(WINDOW[0], "21000101T000000Z")
    ),
    "year 1601": taken(
        text(NINE_FREEBUSY, first="16010101T000000Z"), window=("19900101T000000Z", WINDOW[1])
    ),
    "year 0": taken(text(NINE_FREEBUSY, first="00000101T000000Z"), window=(NINE[:16], WINDOW[1])),
    "no DTSTART": taken(text(NINE_FREEBUSY, first=""), window=(NINE[:16], WINDOW[1])),
    "no DTEND": taken(text(NINE_FREEBUSY, last=""), window=(WINDOW[0], NINE[17:])),
    "no window": taken(
        text(f"FREEBUSY:{NINE}", f"FREEBUSY;FBTYPE=FREE:{EIGHT_DAYS_ON}", first="", last=""),
        window=(NINE[:16], EIGHT_DAYS_ON[17:]),
    ),
    "a broken window": taken(
        text(NINE_FREEBUSY, first=MARKER, last="2026"), window=(NINE[:16], NINE[17:])
    ),
    "dates as a window": taken(
        text(NINE_FREEBUSY, first="20260601", last="20260701"),
        window=("20260601T000000Z", "20260630T220000Z"),
    ),
    "backwards": refused(text(NINE_FREEBUSY, first=WINDOW[1], last=WINDOW[0]), BACKWARDS),
    "no length": refused(text(NINE_FREEBUSY, last=WINDOW[0]), BACKWARDS),
    "all of it in 1601": refused(
        text(NINE_FREEBUSY, first="16010101T000000Z", last="16020101T000000Z"), BACKWARDS
    ),
    "all of it in 9999": refused(
        text(NINE_FREEBUSY, first="99980101T000000Z", last="99991231T235959Z"), BACKWARDS
    ),
    "nothing known": refused(text(f"COMMENT:{MARKER}", first="", last=""), UNKNOWN),
    "nothing but broken periods": refused(text("FREEBUSY:x/y", first="", last=""), UNKNOWN),
}
