"""Free/busy: published on a person's behalf, and looked up for many at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from freebusy.connector import bodies
from freebusy.errors import NotAllowedError
from freebusy.period import FreeBusyType, TimeRange, from_seconds, to_seconds
from freebusy.ports import Scope, Upload, Visitor
from freebusy.temporary import temporary_target
from freebusy.vfreebusy import encode, free_busy
from freebusy.web.connector.call import Reply
from freebusy.web.connector.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from freebusy.connector.fields import BusyType
    from freebusy.period import Period
    from freebusy.ports import PersonTimes, Publications
    from freebusy.web.connector.call import Call
    from freebusy.web.connector.queries import LookUpQuery, PersonQuery

NOBODY = "nobody@invalid"
"""The organizer of what comes as JSON: whose file it is the name in the path says."""
UID = "connector"
MAX_NAME = 254
_TIMES_FIELDS = set(bodies.Times.model_fields)
"""One set for all periods: tens of thousands would keep the garbage collector busy."""
NOT_FOR_YOU = "You may publish for yourself, and for people whose delegate you are."


# -- publishing


def publish(call: Call, brought: bodies.FreeBusyUpload | bytes) -> Reply:
    """Answer PUT /freebusy/{name}: it is served when this returns, or waits for a reading."""
    name = _name(call)
    body = brought if isinstance(brought, bytes) else _encoded(brought, call.now)
    upload = Upload(body, call.protocol, call.client)
    try:
        made = _publications(call).publish(_file(name), upload, _publisher(call))
    except NotAllowedError:
        raise ProblemError(403, NOT_FOR_YOU) from None
    status = 202 if not made.served else 201 if made.created else 200
    return Reply(status, bodies.PublishedBody(name=made.name, served=made.served))


def unpublish(call: Call, _: None) -> Reply:
    """Answer DELETE /freebusy/{name}: what is computed from calendars stays."""
    name = _name(call)
    try:
        _publications(call).drop(_file(name), _publisher(call), protocol=call.protocol)
    except NotAllowedError:
        raise ProblemError(403, NOT_FOR_YOU) from None
    return Reply(204)


def _publications(call: Call) -> Publications:
    if call.publications is None:
        raise ProblemError(403, "This service takes no publications: ask its operator.")
    return call.publications


def _publisher(call: Call) -> Visitor:
    """Return who publishes; an app password of this scope does so as one for publishing."""
    account = call.account
    if account.scope is Scope.CONNECTOR:
        account = replace(account, scope=Scope.PUBLISH)
    return Visitor(call.address, account)


def _name(call: Call) -> str:
    name = call.arguments["name"]
    if not 0 < len(name) <= MAX_NAME or not name.isprintable() or {"/", "\\"} & set(name):
        raise ProblemError(404, "Nobody has that name.")
    return name


def _file(name: str) -> str:
    """Return where a person's file is; a temporary one, which nobody renames here, is no one's."""
    path = f"/pub/calendar/{name}.vfb"
    if temporary_target(path) is not None:
        raise ProblemError(404, "Nobody has that name: say it without .vfb.")
    return path


def _encoded(upload: bodies.FreeBusyUpload, now: datetime) -> bytes:
    # Files know whole seconds: busy time is rounded up, and what is known of is rounded down.
    window = _range(_rounded_up(upload.start), to_seconds(upload.end))
    spans = [
        (to_seconds(each.start), _rounded_up(each.end), FreeBusyType[each.type.replace("-", "_")])
        for each in upload.periods
    ]
    wrong = [f"periods[{at}]: end is not after start" for at, s in enumerate(spans) if s[0] >= s[1]]
    if wrong:
        raise ProblemError(422, "A period ends after it starts.", errors=wrong[:20])
    return encode(free_busy(organizer=NOBODY, uid=UID, stamp=now, window=window, spans=spans))


# -- looking up


async def look_up_one(call: Call, query: PersonQuery) -> Callable[[], Reply]:
    """Answer GET /freebusy/{name}."""
    found = await _look_up(call, [_name(call)], query.start, query.end)
    return lambda: Reply(200, _person(found[0], call.now))


async def look_up(call: Call, query: LookUpQuery) -> Callable[[], Reply]:
    """Answer GET /freebusy."""
    return _people(await _look_up(call, query.names, query.start, query.end), call.now)


async def look_up_many(call: Call, wanted: bodies.Query) -> Callable[[], Reply]:
    """Answer POST /freebusy."""
    return _people(await _look_up(call, wanted.names, wanted.start, wanted.end), call.now)


async def _look_up(
    call: Call, names: Sequence[str], start: datetime | None, end: datetime | None
) -> Sequence[PersonTimes]:
    most = call.connector.limits.max_names
    if len(names) > most:
        raise ProblemError(422, f"Ask for at most {most} names at a time.", errors=["names: many"])
    if (start is None) != (end is None):
        raise ProblemError(422, "Give both start and end, or neither.", errors=["start, end"])
    within = None
    if start is not None and end is not None:
        within = _range(to_seconds(start), _rounded_up(end))
    return await call.connector.lookups.look_up(names, within, call.visitor)


def _people(found: Sequence[PersonTimes], now: datetime) -> Callable[[], Reply]:
    return lambda: Reply(200, bodies.People(people=[_person(each, now) for each in found]))


def _rounded_up(moment: datetime) -> int:
    return to_seconds(moment) + (moment.microsecond > 0)


def _range(start: int, end: int) -> TimeRange:
    if end <= start:
        raise ProblemError(422, "The time ends after it starts.", errors=["end: not after start"])
    try:
        return TimeRange(from_seconds(start), from_seconds(end))
    except OverflowError:
        raise ProblemError(422, "Use times of our age.", errors=["start, end: too far"]) from None


def _person(found: PersonTimes, now: datetime) -> bodies.Person:
    known = found.known
    age = None if found.as_of is None else max(0, int((now - found.as_of).total_seconds()))
    return bodies.Person(
        name=found.name,
        status=found.status,
        start=None if known is None else known.start,
        end=None if known is None else known.end,
        as_of=found.as_of,
        age=age,
        stale=found.is_stale,
        elsewhere=found.is_elsewhere,
        periods=[_times(period) for period in found.periods],
    )


def _times(period: Period) -> bodies.Times:
    """Return a period as it is told: our own, so it is not validated once more."""
    return bodies.Times.model_construct(
        _TIMES_FIELDS,
        start=period.start,
        end=period.end,
        type=cast("BusyType", period.type.fbtype),
    )
