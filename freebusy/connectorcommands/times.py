"""``freebusy connector publish`` and ``fetch``: one's own times, and those of others."""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from calendar_sync.connector.inifile import replace
from calendar_sync.connector.vfburl import MAX_FILE, VfbFile
from calendar_sync.replica.collection import ICS
from calendar_sync.replica.home import CALENDARS, STATUS
from calendar_sync.replica.mapping import Mapping
from calendar_sync.replica.status import Status
from freebusy.config.system import system_zone
from freebusy.connector.bodies import Person, Query, Times, dumped
from freebusy.connectorcommands.opening import JSON_VERSION, client_of, console, opened
from freebusy.errors import ConfigurationError, FreeBusyError, NotFreeBusyError
from freebusy.exits import say
from freebusy.filters import NOBODY, convert_to_text
from freebusy.names import normalise_name
from freebusy.period import FreeBusyType, TimeRange, from_seconds, to_seconds
from freebusy.vfreebusy import decode, encode, free_busy
from freebusy.window import local_day
from freebusy.wording import safe, wall

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from calendar_sync.connector.account import ConnectorAccount
    from calendar_sync.connector.client import ConnectorClient
    from freebusy.vfreebusy import FreeBusy

USUAL_DAYS = 7
SUFFIXES = (".vfb", ".ifb", ".xfb")
OLD = 3600
"""Seconds after which it is said how old an answer is."""
_NOT_KNOWN = {
    "unknown": "nobody of that name is known, or nothing is known of them",
    "not_allowed": "the gateway asks no server for people of that domain",
    "unreachable": "too much was asked for at once: ask again, or for fewer people",
}
_UNREACHABLE_ELSEWHERE = "the server that knows cannot be reached now: ask again later"


# -- publish


def publish(home: Path | None, name: str | None, file: Path | None) -> None:
    """Publish a file, or what the local calendars say, for a person."""
    account = opened(home)
    if file is None and name is not None and (name == "-" or name.endswith(SUFFIXES)):
        file, name = Path(name), None
    wanted = name or account.setup.freebusy.name or account.setup.account.login
    with client_of(account) as asking:
        body = _computed(account, asking) if file is None else _read(file)
        template = account.setup.freebusy.publish_url
        if template is not None:
            VfbFile(account, template, wanted).put(body)
            say(f"The times of {safe(wanted, 80)} are published.")
            return
        made = asking.publish(wanted, body)
    waits = "" if made.served else ", and served once the calendars have been read"
    say(f"The times of {safe(made.name, 80)} are published{waits}.")


def _read(file: Path) -> bytes:
    try:
        body = sys.stdin.buffer.read(MAX_FILE + 1) if str(file) == "-" else file.read_bytes()
        decode(body, now=datetime.now(UTC))
    except OSError as error:
        raise ConfigurationError([f"{file}: {error.strerror}"]) from None
    except NotFreeBusyError as error:
        raise FreeBusyError(f"{file}: {error.reason}") from None
    return body


def _computed(account: ConnectorAccount, asking: ConnectorClient) -> bytes:
    """Return the times that the local calendars make, of folders that count for free/busy."""
    counting = {each.id for each in asking.folders().folders if each.in_freebusy}
    directories = list(_directories(account.home, counting))
    if not directories:
        raise FreeBusyError(
            "no calendar that counts for free/busy is here yet: run freebusy connector sync"
        )
    paths = [path for path, known in directories if _holds(path, known)]
    if not paths:
        raise FreeBusyError(
            "the calendars here hold no event yet, and who publishes nothing must not look"
            " free: enter one first"
        )
    addresses = [each for each in _names(account) if "@" in each]
    body, troubles = convert_to_text(
        paths, start=None, end=None, zone=_zone(), addresses=addresses or [NOBODY]
    )
    for trouble in troubles:
        say(f"publish: {trouble}")
    return body


def _directories(home: Path, counting: set[str]) -> Iterable[tuple[Path, int]]:
    """Yield the local folders that count, and how many items each had at the last sync."""
    if not (home / STATUS).exists():
        return
    with closing(Status(home / STATUS)) as status:
        mapping = Mapping(status)
        for mapped in mapping.all():
            if mapped.id in counting:
                yield home / CALENDARS / mapped.directory, len(mapping.items(mapped))


def _holds(path: Path, known: int) -> bool:
    """Whether there is an item in a local folder.

    One that never had any is passed by; one that had some says that people are free only
    after a sync: FreeBusyError.
    """
    if any(path.glob("*" + ICS)):
        return True
    if known:
        raise FreeBusyError(
            f"{path.name}: the folder is suddenly empty here: run freebusy connector sync first"
        )
    return False


def _names(account: ConnectorAccount) -> list[str]:
    name = account.setup.freebusy.name
    return ([name] if name else []) + [account.setup.account.login]


def _zone() -> str:
    return system_zone(os.environ) or "UTC"


# -- fetch


@dataclass(frozen=True, slots=True)
class Asked:
    """What stretch of time is wanted."""

    start: datetime
    end: datetime
    zone: str
    now: datetime

    @property
    def days(self) -> int:
        """How many days have a part of it."""
        last = wall(self.end - timedelta(seconds=1), self.zone)
        return (last.date() - self.first.date()).days + 1

    @property
    def first(self) -> datetime:
        """The naive midnight of its first day."""
        return datetime.combine(wall(self.start, self.zone).date(), datetime.min.time())


def asked(since: str | None, until: str | None) -> Asked:
    """Return what stretch is meant; a week from today on where nothing is said."""
    from freebusy.explain import asked_span

    zone_name, now = _zone(), datetime.now(UTC)
    if since is None and until is None:
        from freebusy.vtimezone import zone

        first = local_day(now, zone(zone_name))
        since, until = f"{first:%Y-%m-%d}", f"{first + timedelta(days=USUAL_DAYS - 1):%Y-%m-%d}"
    start, end = asked_span(None, since, until, zone_name=zone_name, now=now)
    return Asked(from_seconds(start), from_seconds(end), zone_name, now)


def fetch(
    home: Path | None, names: Sequence[str], span: Asked, *, as_json: bool, write: Path | None
) -> bool:
    """Print, or write down, the times of people; return whether all of them are known."""
    account = opened(home)
    with client_of(account) as asking:
        query = Query(names=list(names), start=span.start, end=span.end)
        people = [_elsewhere(account, each, span) for each in asking.look_up(query).people]
    if write is not None:
        _write(people, write, span.now)
    elif as_json:
        said = {"version": JSON_VERSION, "people": [dumped(each) for each in people]}
        print(json.dumps(said, indent=2))
    else:
        _draw(people, span)
    unknown = [each for each in people if each.status != "known"]
    for each in unknown:
        say(f"{safe(each.name, 80)}: {_why(each)}")
    return not unknown


def _why(person: Person) -> str:
    """Return why somebody's times are not known, and what to do."""
    if person.status == "unreachable" and person.elsewhere:
        return _UNREACHABLE_ELSEWHERE
    return _NOT_KNOWN[person.status]


def _elsewhere(account: ConnectorAccount, person: Person, span: Asked) -> Person:
    """Look at the set-up's URL for whom the gateway does not know."""
    template = account.setup.freebusy.search_url
    if person.status != "unknown" or template is None:
        return person
    try:
        body = VfbFile(account, template, person.name).get()
        return person if body is None else _person(person.name, decode(body, now=span.now), span)
    except NotFreeBusyError as error:
        say(f"{safe(person.name, 80)}: what is at search_url cannot be used: {error.reason}")
    except FreeBusyError as error:
        say(f"{safe(person.name, 80)}: {error}")
    return person.model_copy(update={"status": "unreachable", "elsewhere": True})


def _person(name: str, read: FreeBusy, span: Asked) -> Person:
    known = TimeRange(max(read.window.start, span.start), min(read.window.end, span.end))
    cut = free_busy(
        organizer=read.organizer,
        uid=read.uid,
        stamp=read.stamp,
        window=known,
        spans=[period.span for period in read.periods],
    )
    times = [
        Times.model_validate({"start": each.start, "end": each.end, "type": each.type.fbtype})
        for each in cut.periods
    ]
    return Person(
        name=name, status="known", start=known.start, end=known.end, as_of=read.as_of,
        age=None, stale=read.as_of is not None, elsewhere=True, periods=times,
    )  # fmt: skip


def _free_busy(person: Person, now: datetime) -> FreeBusy | None:
    """Return what is known of a person; None where nothing is."""
    if person.status != "known" or person.start is None or person.end is None:
        return None
    spans = [
        (to_seconds(each.start), to_seconds(each.end), FreeBusyType[each.type.replace("-", "_")])
        for each in person.periods
    ]
    is_old = person.stale or person.age is None or person.age >= OLD
    return free_busy(
        organizer=person.name if "@" in person.name else NOBODY,
        uid="freebusy-connector",
        stamp=now,
        window=TimeRange(person.start.astimezone(UTC), person.end.astimezone(UTC)),
        spans=spans,
        as_of=person.as_of.astimezone(UTC) if person.as_of and is_old else None,
    )


def _draw(people: Sequence[Person], span: Asked) -> None:
    from freebusy.showing import Calendar

    calendar = Calendar(console(), span.zone, span.now)
    read = [(person, _free_busy(person, span.now)) for person in people]
    known = [(person, each) for person, each in read if each is not None]
    for number, (person, each) in enumerate(known, start=1):
        is_last = number == len(known)
        calendar.print(
            safe(person.name, 80), each, span.days,
            as_of=each.as_of, is_stale=person.stale,
            first=span.first, is_last=is_last,
        )  # fmt: skip


def _write(people: Sequence[Person], directory: Path, now: datetime) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for person in people:
        read, name = _free_busy(person, now), normalise_name(person.name)
        if read is not None and name is not None:
            replace(directory / f"{name}.vfb", encode(read), mode=0o644)
            say(f"{directory / name}.vfb is written.")
