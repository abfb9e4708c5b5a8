"""``freebusy explain``: why somebody is busy at a time, item by item.

The JSON is described in docs/commands.md; times in it are ISO 8601 in UTC.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from freebusy import gateway
from freebusy.errors import ConfigurationError
from freebusy.explaining import explain, word
from freebusy.period import from_seconds, to_seconds
from freebusy.standing import origin
from freebusy.values import from_naive
from freebusy.vtimezone import zone
from freebusy.wording import day, distance, full, safe, wall

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from freebusy.config import Config
    from freebusy.explaining import Cause, Explanation, PublishedCause, Refused, Unsure
    from freebusy.period import Span

JSON_VERSION = 1
"""Grows when a program that reads the JSON would have to change."""
_LONGEST_SPAN = timedelta(days=366)
_NOTES = {
    "zone-disagrees": "its time zone is defined otherwise than the zone database has it",
    "unknown-zone": "its time zone is unknown, and the owner's stands in for it",
    "cut-off": "it is too large, and was read in part only",
}
_OVERRULED = {
    "newest": 'does not count: something newer was said (combine = "newest")',
    "published": 'does not count: what was published does (combine = "published")',
    "computed": 'does not count: only calendars do (combine = "computed")',
}


def print_explanation(
    config: Config,
    name: str,
    *,
    at: str | None,
    since: str | None,
    until: str | None,
    as_json: bool,
) -> None:
    """Print why a person is busy; raises ConfigurationError for a time that is none."""
    (person,) = gateway.wanted(config, [name])
    place = config.members[person].timezone
    span = asked_span(at, since, until, zone_name=place, now=gateway.now())
    found = explain(config, person, span, gateway.now())
    if as_json:
        print(json.dumps(to_json(found), indent=2))
        return
    for line in _lines(found, place, gateway.now()):
        print(line)


# -- the time in question


def asked_span(
    at: str | None, since: str | None, until: str | None, *, zone_name: str, now: datetime
) -> tuple[int, int]:
    """Return what was asked for as UTC seconds; without anything, this very moment.

    Raises ConfigurationError.
    """
    if at is not None and (since or until):
        raise ConfigurationError(["give --at, or --from and --to"])
    if since is None:
        if until is not None:
            raise ConfigurationError(["--to needs --from"])
        return _stretch("now" if at is None else at, zone_name, now)
    start, end = _stretch(since, zone_name, now)
    if until is not None:
        last, day_after = _stretch(until, zone_name, now)
        end = day_after if day_after - last > 1 else last  # a day is meant as a whole
    elif end - start <= 1:
        local = wall(from_seconds(start), zone_name)
        end = _instant(datetime.combine(local.date() + timedelta(days=1), time()), zone_name)
    if not start < end <= start + _LONGEST_SPAN.total_seconds():
        raise ConfigurationError(["--to must come after --from, at most 366 days"])
    return start, end


def _stretch(text: str, zone_name: str, now: datetime) -> tuple[int, int]:
    """Return the day, or the second, that a text stands for."""
    if text == "now":
        start = to_seconds(now)
        return start, start + 1
    today = wall(now, zone_name).date()
    try:
        if len(text) == len("10:30"):
            moment = datetime.combine(today, time.fromisoformat(text))
        elif len(text) == len("2026-06-01"):
            first = datetime.fromisoformat(text)
            return tuple(_instant(d, zone_name) for d in (first, first + timedelta(days=1)))  # type: ignore[return-value]  # two
        else:
            moment = datetime.fromisoformat(text.replace(" ", "T", 1))
        start = _instant(moment, zone_name)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            [f'{safe(text)!r} is no time such as now, 10:30, 2026-06-01 or "2026-06-01 10:30"']
        ) from None
    return start, start + 1


def _instant(moment: datetime, zone_name: str) -> int:
    if moment.tzinfo is not None:
        return to_seconds(moment.astimezone(UTC))
    return zone(zone_name).to_utc(from_naive(moment))


# -- for people


def _lines(found: Explanation, place: str, now: datetime) -> Iterator[str]:
    yield f"{found.name}, {_times((found.start, found.end), place)} {place}"
    yield ""
    yield from _file(found, place, now)
    for cause in found.causes:
        yield ""
        yield from _spans(cause.spans, place)
        yield from map(_indented, _cause(cause))
    for published in found.published:
        yield ""
        yield from _spans(published.spans, place)
        yield from map(_indented, _published(published, now))
    if not found.is_explained:
        yield ""
        yield f"Nothing that is known now explains it; freebusy refresh {found.name} may change it."
    yield from _doubts(found, now)


def _times(span: tuple[int, int], place: str) -> str:
    first, last = (wall(from_seconds(moment), place) for moment in span)
    if span[1] - span[0] == 1:
        return f"{day(first)} {first:%Y %H:%M}"
    if first.date() == last.date():
        return f"{day(first)} {first:%Y %H:%M} to {last:%H:%M}"
    return f"{day(first)} {first:%Y %H:%M} to {day(last)} {last:%Y %H:%M}"


def _spans(spans: Iterable[Span], place: str) -> Iterator[str]:
    for start, end, state in spans:
        yield f"{word(state):<18}{_times((start, end), place)}"


def _indented(text: str) -> str:
    return f"  {text}"


def _file(found: Explanation, place: str, now: datetime) -> Iterator[str]:
    if found.file is None:
        yield f"There is no file; freebusy status {found.name} says why."
        return
    stale = "" if found.file.as_of is None else f", as of {full(found.file.as_of, now, place)}"
    yield f"The file says (written {distance(found.file.modified, now)}{stale}):"
    if found.file.spans:
        yield from map(_indented, _spans(found.file.spans, place))
    elif found.file.is_inside:
        yield "  free"
    else:
        yield "  nothing: the time is not in its window"


def _cause(cause: Cause) -> Iterator[str]:
    kind = "a series" if cause.is_series else "an event"
    yield safe(f"{kind} in {cause.source}/{cause.calendar}{_shared(cause)}", 300)
    yield safe(f"item {cause.hrefs[0] if cause.hrefs else '?'}, UID {cause.uid}", 300)
    if len(cause.hrefs) > 1:
        yield safe(f"also in items {', '.join(cause.hrefs[1:])}", 300)
    for note in cause.notes:
        yield _NOTES[note]
    if cause.refused is not None:
        yield safe(f"shown in part only: {cause.refused}", 300)
    if cause.overruled:
        yield _OVERRULED[cause.overruled]


def _shared(cause: Cause) -> str:
    if cause.attendees_only:
        return ", where those events count to which the person is invited"
    return "" if cause.is_own else ", which others share"


def _published(cause: PublishedCause, now: datetime) -> Iterator[str]:
    entry = cause.entry
    yield f"published {distance(from_seconds(entry.received), now)}, {origin(entry)}"
    whose = "the person's own" if entry.own else "shared: it only ever adds busy time"
    yield f"publication {entry.id}, {whose}"
    if cause.is_aged:
        yield "older than publish.publication_max_age: beside calendars it counts as tentative"
    if cause.overruled:
        yield _OVERRULED[cause.overruled]


def _doubts(found: Explanation, now: datetime) -> Iterator[str]:
    """Yield what could make it otherwise."""
    for refused in found.refused:
        yield ""
        yield _refused(refused)
    for unsure in found.unsure:
        yield ""
        yield _unsure(unsure, now)


def _refused(refused: Refused) -> str:
    href = refused.hrefs[0] if refused.hrefs else "?"
    where = f"{refused.source}/{refused.calendar}, item {href}, UID {refused.uid}"
    return safe(f"More could be there of {where}, shown once only: {refused.reason}", 600)


def _unsure(unsure: Unsure, now: datetime) -> str:
    last = unsure.last_success
    read = "never" if last is None else distance(from_seconds(last), now)
    return safe(f"{unsure.source}/{unsure.calendar} was last read {read}: {unsure.error}", 600)


# -- for programs


def to_json(found: Explanation) -> dict[str, Any]:
    """Return what ``--json`` prints; the keys are documented and kept."""
    file = found.file
    return {
        "version": JSON_VERSION,
        "name": found.name,
        "start": _iso(found.start),
        "end": _iso(found.end),
        "file": None
        if file is None
        else {
            "modified": _iso(to_seconds(file.modified)),
            "as_of": None if file.as_of is None else _iso(to_seconds(file.as_of)),
            "in_window": file.is_inside,
            "periods": _periods(file.spans),
        },
        "explained": found.is_explained,
        "causes": [_cause_json(cause) for cause in found.causes],
        "published": [_published_json(cause) for cause in found.published],
        "refused": [
            {
                "source": each.source,
                "calendar": each.calendar,
                "items": each.hrefs,
                "uid": each.uid,
                "reason": each.reason,
            }
            for each in found.refused
        ],
        "unsure": [
            {
                "source": each.source,
                "calendar": each.calendar,
                "error": each.error,
                "last_success": None if each.last_success is None else _iso(each.last_success),
            }
            for each in found.unsure
        ],
    }


def _cause_json(cause: Cause) -> dict[str, Any]:
    return {
        "source": cause.source,
        "calendar": cause.calendar,
        "items": cause.hrefs,
        "uid": cause.uid,
        "series": cause.is_series,
        "own": cause.is_own,
        "attendees_only": cause.attendees_only,
        "periods": _periods(cause.spans),
        "notes": cause.notes,
        "refused": cause.refused,
        "overruled": cause.overruled or None,
    }


def _published_json(cause: PublishedCause) -> dict[str, Any]:
    entry = cause.entry
    return {
        "id": entry.id,
        "own": entry.own,
        "received": _iso(entry.received),
        "account": entry.account,
        "address": entry.address,
        "protocol": entry.protocol,
        "client": entry.client,
        "aged": cause.is_aged,
        "periods": _periods(cause.spans),
        "overruled": cause.overruled or None,
    }


def _periods(spans: Iterable[Span]) -> list[dict[str, str]]:
    return [
        {"start": _iso(start), "end": _iso(end), "type": word(state)} for start, end, state in spans
    ]


def _iso(seconds: int) -> str:
    return f"{from_seconds(seconds):%Y-%m-%dT%H:%M:%SZ}"
