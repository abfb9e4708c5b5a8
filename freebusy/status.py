"""``freebusy status``: how things stand, for people as a table, for programs as JSON.

The JSON is described in docs/commands.md; times in it are ISO 8601 in UTC.
"""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from freebusy import gateway
from freebusy.connecting import describe
from freebusy.standing import standing
from freebusy.wording import brief, counted, day, distance, duration, full, some, wall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.config import Config
    from freebusy.standing import (
        CalendarStanding,
        FileStanding,
        PersonStanding,
        PublicationStanding,
        SourceStanding,
        Standing,
        Trouble,
    )

JSON_VERSION = 1
"""Grows when a program that reads the JSON would have to change."""
_SHOWN = 5
"""How many troubles of a calendar people see; the JSON has all of them."""
_REMARKS = 20
_OVERDUE = 60
"""Seconds that a run may be late before it is said."""

_NOTES = {
    "unknown-zone": "unknown time zones, for which the owner's zone stands in: {}",
    "zone-disagrees": "time zones defined otherwise than the zone database has them: {}",
    "passed-by": "tasks, notes and the like, which say nothing of busy time: {}",
    "no-calendar": "items without any calendar text: {}",
    "cut-off": "items too large to be read whole: {}",
}


def print_status(config: Config, names: list[str], *, as_json: bool, verbose: bool = False) -> None:
    """Print how things stand for everybody, or in detail for some; raises StoreError.

    ``verbose``: in detail for everybody, with every item that was skipped.
    """
    found = standing(config, gateway.wanted(config, names), gateway.now())
    if as_json:
        print(json.dumps(to_json(found), indent=2))
        return
    console = Console(highlight=False, emoji=False, markup=False)
    report = _Report(console, config, found, shown=None if verbose else _SHOWN)
    report.print(in_detail=bool(names) or verbose)


# -- for programs


def to_json(found: Standing) -> dict[str, Any]:
    """Return what ``--json`` prints; the keys are documented and kept."""
    tables: dict[str, Any] = _plain(asdict(found))
    for person, table in zip(found.persons, tables["persons"], strict=True):
        for calendar, entry in zip(person.calendars, table["calendars"], strict=True):
            del entry["troubles"]
            entry["skipped"] = [_plain(asdict(trouble)) for trouble in calendar.skipped]
            entry["refused"] = [
                {"uid": trouble.uid, "reason": trouble.reason} for trouble in calendar.refused
            ]
    return {"version": JSON_VERSION, **tables}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


# -- for people


class _Report:
    """Prints how things stand, in the site's zone, at most as wide as the terminal."""

    def __init__(
        self, console: Console, config: Config, found: Standing, *, shown: int | None
    ) -> None:
        """``shown``: so many troubles of a calendar; None for all."""
        self._console = console
        self._config = config
        self._found = found
        self._shown = shown

    def print(self, *, in_detail: bool) -> None:
        """Print it; ``in_detail`` is for a few people."""
        self._sources()
        if in_detail:
            for person in self._found.persons:
                self._detail(person)
            return
        if not self._found.ran:
            return  # everybody has nothing, for that one reason
        if self._found.persons:
            self._console.print(self._table())
        remarks = [r for person in self._found.persons for r in self._remarks(person)]
        remarks += [self._gone(left.name, left.since) for left in self._found.left]
        if remarks:
            self._console.print("\nTo look at:", style="bold")
            for remark in some(remarks, _REMARKS, "; freebusy status --json has all"):
                self._say(remark)

    def _say(self, text: str, indent: int = 2, hanging: int = 2) -> None:
        margin = " " * indent
        lines = textwrap.wrap(
            text,
            width=max(30, self._console.width - 1),
            initial_indent=margin,
            subsequent_indent=margin + " " * hanging,
            break_on_hyphens=False,
        )
        self._console.print(Text("\n".join(lines)), soft_wrap=True)

    def _line(self, title: str, text: str, indent: int = 2) -> None:
        self._say(f"{title:<10}{text}", indent, hanging=10)

    def _full(self, moment: datetime) -> str:
        return full(moment, self._found.now, self._config.timezone)

    def _brief(self, moment: datetime | None) -> str:
        if moment is None:
            return "never"
        seconds = (self._found.now - moment).total_seconds()
        return f"{brief(moment, self._found.now, self._config.timezone)} ({duration(seconds)})"

    # sources

    def _sources(self) -> None:
        local = wall(self._found.now, self._config.timezone)
        self._console.print(f"{day(local)} {local:%Y %H:%M} {self._config.timezone}", style="bold")
        if not self._found.ran:
            self._console.print(
                f"The service has never run on {self._config.site.state}.\n"
                "Start it with: freebusy run\n",
                soft_wrap=True,
            )
            return
        for source in self._found.sources:
            self._console.print(Text(f"{source.name} ({source.type}): {self._runs(source)}"))
        if self._shown is None:
            self._say(f"connector: {describe(self._config)}", indent=0)
        self._console.print()

    def _runs(self, source: SourceStanding) -> str:
        if source.last_run is None or source.next_run is None:
            return "not followed by a service yet"
        last = f"last run {self._moment(source.last_run)}"
        if (self._found.now - source.next_run).total_seconds() > _OVERDUE:
            late = distance(source.next_run, self._found.now)
            return f"{last}; the next was due {late}: does the service run?"
        return f"{last}, next {self._moment(source.next_run)}"

    def _moment(self, moment: datetime) -> str:
        now = self._found.now
        return f"{brief(moment, now, self._config.timezone)} ({distance(moment, now)})"

    # everybody

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for title in ("PERSON", "FILE", "CALENDAR"):
            table.add_column(title, overflow="fold")
        for title in ("ITEMS", "SKIPPED"):
            table.add_column(title, justify="right", no_wrap=True)
        for title in ("CHANGED", "READ"):
            table.add_column(title, no_wrap=True)
        for person in self._found.persons:
            rows = [self._row(calendar) for calendar in person.calendars] or [("-",) * 5]
            table.add_row(Text(person.name), _file_word(person), *rows[0])
            for row in rows[1:]:
                table.add_row("", "", *row)
        return table

    def _row(self, calendar: CalendarStanding) -> tuple[str | Text, ...]:
        read = self._brief(calendar.last_success)
        failing = calendar.error is not None
        return (
            Text(calendar.name if calendar.found else f"({calendar.source})"),
            str(calendar.items),
            str(len(calendar.troubles)) if calendar.troubles else "-",
            self._brief(calendar.last_change),
            Text(f"{read} !" if failing else read, style="red" if failing else ""),
        )

    def _remarks(self, person: PersonStanding) -> Iterator[str]:
        if person.no_file is not None:
            yield f"{person.name} has no file: {person.no_file}"
        elif person.file is not None and person.file.as_of is not None:
            yield f"{person.name}'s file is stale: as of {self._full(person.file.as_of)}"
        for publication in person.publications:
            when = distance(publication.received, self._found.now)
            if person.waits_for is not None:
                yield f"{person.name}: published {when}, waits for {person.waits_for} to be read"
            elif publication.aged:
                max_age = duration(self._config.publish.publication_max_age.total_seconds())
                yield f"{person.name}: published {when}, tentative after {max_age}"
        for calendar in person.calendars:
            where = f"{person.name}, {_title(calendar)}"
            if calendar.error is not None and (calendar.last_success or person.file):
                yield f"{where}: {self._failure(calendar)}"
            if calendar.troubles:
                command = f"freebusy status {person.name}"
                yield f"{where}: {_left_out(calendar)}; {command} lists them"

    def _failure(self, calendar: CalendarStanding) -> str:
        if calendar.doubted_since is not None:
            since = self._moment(calendar.doubted_since)
            return f"{calendar.error}; looked again since {since} before that counts"
        return f"{calendar.error}"

    def _gone(self, name: str, since: datetime | None) -> str:
        when = "" if since is None else f" since {self._full(since)}"
        days = duration(self._config.schedule.forget_after.total_seconds())
        return f"{name} is no longer in the roster{when}; what was read is deleted after {days}"

    # one person

    def _detail(self, person: PersonStanding) -> None:
        self._console.print(Text(person.name, style="bold"), Text(", ".join(person.addresses)))
        file = [f"none: {person.no_file}"] if person.file is None else self._file(person.file)
        for number, line in enumerate(file):
            self._line("" if number else "file", line)
        self._line("zone", person.timezone)
        self._line("sources", ", ".join(person.sources) or "none")
        for publication in person.publications:
            self._line("published", self._published(publication, person.waits_for))
        for calendar in person.calendars:
            self._calendar(calendar)
        self._console.print()

    def _published(self, publication: PublicationStanding, awaited: str | None) -> str:
        whose = "own" if publication.own else "shared"
        by = f" by {publication.account}" if publication.account else ""
        text = f"{self._full(publication.received)}{by}, {whose}"
        if publication.over:
            return f"{text}, over since {self._full(publication.ends)}"
        if awaited is not None:
            return f"{text}; waits for the first reading of {awaited}"
        aged = "; it counts as tentative because of its age" if publication.aged else ""
        return f"{text}, until {self._full(publication.ends)}{aged}"

    def _file(self, file: FileStanding) -> list[str]:
        written = f"written {self._full(file.modified)}"
        if file.start is None or file.end is None:
            return [written, "cannot be read; freebusy refresh writes it again"]
        first, last = (wall(m, self._config.timezone) for m in (file.start, file.end))
        lines = [
            written,
            f"covers {day(first)} {first:%Y %H:%M} to {day(last)} {last:%Y %H:%M}",
            f"has {counted(file.periods, 'busy period')}",
        ]
        if file.as_of is not None:
            lines.insert(1, f"stale: as of {self._full(file.as_of)}")
        return lines

    def _calendar(self, calendar: CalendarStanding) -> None:
        self._line("calendar", f"{_title(calendar)}: {counted(calendar.items, 'item')}")
        for title, moment in (
            ("changed", calendar.last_change),
            ("read", calendar.last_success),
            ("tried", calendar.last_attempt),
        ):
            self._line(title, "never" if moment is None else self._full(moment), 4)
        if calendar.error is not None:
            self._line("problem", self._failure(calendar), 4)
        for name, count in calendar.notes.items():
            self._line("note", _NOTES.get(name, name + ": {}").format(count), 4)
        shown = len(calendar.troubles) if self._shown is None else self._shown
        rest = "; status --verbose lists all"
        for line in some(map(_sentence, calendar.troubles), shown, rest):
            self._say(line, 4, hanging=10)


def _title(calendar: CalendarStanding) -> str:
    return f"{calendar.source}/{calendar.name}" if calendar.found else f"source {calendar.source}"


def _left_out(calendar: CalendarStanding) -> str:
    parts = []
    if calendar.skipped:
        parts.append(f"{len(calendar.skipped)} skipped")
    if calendar.refused:
        parts.append(f"{len(calendar.refused)} series shown once only")
    return " and ".join(parts)


def _sentence(trouble: Trouble) -> str:
    if not trouble.href:
        return f"once only {trouble.uid}: {trouble.reason}"
    uid = f" {trouble.uid}" if trouble.uid else ""
    return f"skipped   {trouble.href}{uid}: {trouble.reason}"


def _file_word(person: PersonStanding) -> Text:
    if person.file is None:
        return Text("none", style="yellow")
    if person.file.as_of is not None:
        return Text("stale", style="red")
    return Text(f"{person.file.periods} busy", style="green")
