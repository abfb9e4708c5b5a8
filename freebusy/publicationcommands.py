"""``freebusy publications``, ``import`` and ``compare``: what clients have published.

The JSON is described in docs/commands.md; times in it are ISO 8601 in UTC.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

from freebusy import gateway
from freebusy.errors import FreeBusyError, NotFreeBusyError
from freebusy.exits import say
from freebusy.freer import Freer, freer
from freebusy.importing import Intake, foresee, read_folder
from freebusy.period import from_seconds, to_seconds
from freebusy.publications import Entry, Ledger
from freebusy.standing import awaited, open_store, origin
from freebusy.store import Store
from freebusy.vfreebusy import decode
from freebusy.wording import counted, day, distance, full, safe, wall

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from freebusy.config import Config
    from freebusy.importing import Outcome
    from freebusy.oldfiles import OldFile
    from freebusy.vfreebusy import FreeBusy

JSON_VERSION = 1
"""Grows when a program that reads the JSON would have to change."""
_WIDTH = 79


# -- publications


def print_publications(config: Config, name: str, *, as_json: bool) -> None:
    """Print what was published for a person, the newest first; raises StoreError."""
    (person,) = gateway.wanted(config, [name])
    entries, calendar = _history(config, person)
    if as_json:
        listed = [_entry_json(entry) for entry in entries]
        print(
            json.dumps({"version": JSON_VERSION, "name": person, "publications": listed}, indent=2)
        )
        return
    if not entries:
        print(f"Nothing was published for {person}, or nothing of it is kept.")
    for entry in entries:
        print("\n".join(_entry_lines(entry, calendar, gateway.now(), config.timezone)))


def print_body(config: Config, name: str, number: int) -> None:
    """Print one publication as it was received; raises FreeBusyError where there is none."""
    (person,) = gateway.wanted(config, [name])
    store = open_store(config)
    body = None
    if store is not None:
        ledger = Ledger(store)
        if any(entry.id == number for entry in ledger.history(person)):
            body = ledger.body(number)
        store.close()
    if body is None:
        raise FreeBusyError(
            f"{person} has no publication {number}; freebusy publications lists them"
        )
    if sys.stdout.isatty():  # a stranger's bytes: a terminal would obey some of them
        for line in body.decode("utf-8", "replace").splitlines():
            print(safe(line, len(line)))
    else:
        sys.stdout.buffer.write(body)


def _history(config: Config, name: str) -> tuple[Sequence[Entry], str | None]:
    """Return a person's entries, and the calendar that must be read before they count."""
    store = open_store(config)
    if store is None:
        return (), None
    with closing(store):
        entries = Ledger(store).history(name)
        return entries, awaited(config, store, name, store.calendars(name), entries)


def _entry_lines(entry: Entry, awaited: str | None, now: datetime, zone: str) -> Iterator[str]:
    whose = "own" if entry.own else "shared"
    state, more = _standing(entry, awaited, now, zone)
    yield f"{entry.id:<6}{full(from_seconds(entry.received), now, zone)}  {whose}, {state}"
    yield from _wrapped(origin(entry))
    start, end = (_date(moment, zone) for moment in (entry.window_start, entry.window_end))
    yield from _wrapped(
        f"{counted(entry.periods, 'period')}, {start} to {end}, {counted(entry.size, 'octet')}"
    )
    if entry.times > 1:
        yield from _wrapped(
            f"sent {entry.times:,} times, first {distance(from_seconds(entry.first), now)}"
        )
    if more:
        yield from _wrapped(more)


def _standing(entry: Entry, awaited: str | None, now: datetime, zone: str) -> tuple[str, str]:
    """Return how an entry stands, in words, and what more there is to say of that."""
    if not entry.in_force:
        return entry.ending or "ended", ""
    if entry.window_end <= to_seconds(now):
        return f"over since {_date(entry.window_end, zone)}", ""
    if awaited is not None:
        return "waits", f"waits for the first reading of {awaited}"
    return "in force", ""


def _date(seconds: int, zone: str) -> str:
    local = wall(from_seconds(seconds), zone)
    return f"{day(local)} {local.year}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        width=_WIDTH,
        initial_indent=" " * 6,
        subsequent_indent=" " * 8,
        break_on_hyphens=False,
    )


def _entry_json(entry: Entry) -> dict[str, Any]:
    table: dict[str, Any] = entry._asdict()
    for key in ("received", "first", "changed", "ended", "window_start", "window_end"):
        table[key] = _iso(table[key])
    del table["person"]
    return table


def _iso(seconds: int | None) -> str | None:
    return None if seconds is None else f"{from_seconds(seconds):%Y-%m-%dT%H:%M:%SZ}"


# -- import


def import_folder(config: Config, folder: Path, *, own: bool, dry_run: bool) -> bool:
    """Take a folder of old files over and say what became of each; False where any is refused.

    Raises FreeBusyError where the folder or the store cannot be used.
    """
    files = read_folder(config, folder)
    counts: Counter[str] = Counter()
    for file, outcome in _foreseen(config, files) if dry_run else _taken(config, files, own=own):
        counts[outcome] += 1
        print(f"{safe(file.file)}: {_sentence(file, outcome, dry_run=dry_run)}")
    told = ", ".join(f"{counts[outcome]} {word}" for outcome, word in _SUMS if counts[outcome])
    print(f"{counted(len(files), 'file')}: {told}{' (nothing was changed)' if dry_run else ''}.")
    return not counts["refused"]


def _foreseen(config: Config, files: Sequence[OldFile]) -> Iterator[tuple[OldFile, Outcome]]:
    store = open_store(config)
    ledger = None if store is None else Ledger(store)
    yield from ((file, foresee(ledger, file)) for file in files)
    if store is not None:
        store.close()


def _taken(
    config: Config, files: Sequence[OldFile], *, own: bool
) -> Iterator[tuple[OldFile, Outcome]]:
    gateway.prepare_state(config.site.state)
    store = Store(config.site.state / "store.db")
    try:
        intake = Intake(config, store, own=own)
        for file in files:
            yield file, intake.take(file)
    finally:
        store.close()


_SUMS = (
    ("taken", "taken"), ("waits", "waiting for a calendar"), ("known", "known"),
    ("outdated", "outdated"), ("refused", "refused"), ("nobody", "nobody's"),
)  # fmt: skip


def _sentence(file: OldFile, outcome: Outcome, *, dry_run: bool) -> str:
    if outcome == "refused":
        return f"refused, {safe(file.problem or 'it cannot be read')}"
    periods = 0 if file.read is None else len(file.read.periods)
    taken = f"{'would be taken' if dry_run else 'taken'} for {file.name}"
    return {
        "taken": f"{taken}, {counted(periods, 'period')}",
        "waits": f"{taken}; counts when the calendar has been read",
        "known": f"{file.name} has it already",
        "outdated": safe(file.outdated or f"a publication of {file.name} is newer"),
        "nobody": "nobody in the roster",
    }[outcome]


# -- compare

Comparison = tuple["OldFile", str | None, list[Freer]]
"""An old file, why it cannot be compared, and where the served file is freer."""


def compare_folder(config: Config, folder: Path, *, as_json: bool) -> bool:
    """Say whose served times are freer than in a folder of old files; False where any are.

    Only time to come counts, and only inside the served window: beyond it a file says
    nothing, which is not free.  Raises FreeBusyError where the folder cannot be used.
    """
    now = gateway.now()
    tree = gateway.tree(config)
    found: list[Comparison] = []
    for old in read_folder(config, folder):
        if old.read is None or old.name is None:
            found.append((old, _why_not(old), []))
            continue
        served = tree.read(old.name)
        note, times = _compared(old.read, None if served is None else served.body, now)
        found.append((old, note, times))
    if as_json:
        print(json.dumps(_compared_json(found), indent=2))
    else:
        _print_compared(found, config.timezone)
    return not any(times for _, _, times in found)


def _why_not(old: OldFile) -> str:
    if old.name is None:
        return "nobody in the roster"
    return old.outdated or old.problem or "it cannot be read"


def _compared(old: FreeBusy, body: bytes | None, now: datetime) -> tuple[str | None, list[Freer]]:
    """Return a note where there is nothing to compare, and where the served file is freer."""
    if body is None:
        return "no file is served", []
    try:
        served = decode(body, now=now)
    except NotFreeBusyError:
        return "the served file cannot be read", []
    start = max(to_seconds(now), to_seconds(served.window.start))
    end = to_seconds(served.window.end)
    if to_seconds(old.window.end) <= start:
        return "the old file's time has passed", []
    before, after = ([period.span for period in each.periods] for each in (old, served))
    return None, freer(before, after, start, end)


def _print_compared(found: Sequence[Comparison], zone: str) -> None:
    for old, note, times in found:
        if note is not None:
            say(f"{safe(old.file)}: {safe(note)}")
        for each in times:
            print(
                f"{old.name}: {_stretch(each, zone)}, was {each.was.fbtype}, is {each.now.fbtype}"
            )
    people = sum(bool(times) for _, _, times in found)
    compared = sum(note is None for _, note, _ in found)
    say(f"{counted(compared, 'file')} compared; freer than before: {people}.")


def _stretch(each: Freer, zone: str) -> str:
    start, end = (wall(from_seconds(moment), zone) for moment in (each.start, each.end))
    last = f"{end:%H:%M}" if end.date() == start.date() else f"{day(end)} {end:%Y %H:%M}"
    return f"{day(start)} {start:%Y %H:%M} to {last}"


def _compared_json(found: Sequence[Comparison]) -> dict[str, Any]:
    files = [
        {
            "file": old.file,
            "name": old.name,
            "note": note,
            "freer": [
                {
                    "start": _iso(each.start),
                    "end": _iso(each.end),
                    "was": each.was.fbtype,
                    "is": each.now.fbtype,
                }
                for each in times
            ],
        }
        for old, note, times in found
    ]
    return {"version": JSON_VERSION, "files": files}
