#!/usr/bin/env python3
"""Fill the demo calendars of conf/demo with dates around today.

    scripts/demo_calendars.py STATE/demo

Each template becomes STATE/demo/NAME/FILE.ics; a file whose content stays the same
is left alone.  Between double braces a template holds a day, and then perhaps a
time of that day and a zone, which makes it a time in UTC:

    {{today+3d}}  {{mon-4w 09:15}}  {{thu+1w 19:30 America/New_York}}

``mon`` is the Monday of this week; ``+1w`` and ``-3d`` move it.  Only the standard
library is needed.
"""

from __future__ import annotations

import os
import re
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

TEMPLATES = Path(__file__).resolve().parent.parent / "conf" / "demo"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PLACE = re.compile(
    r"\{\{(today|mon|tue|wed|thu|fri|sat|sun)(?:([+-]\d+)([dw]))?"
    r"(?: (\d\d:\d\d)(?: ([\w/+-]+))?)?\}\}"
)


def day_of(found: re.Match[str], today: date) -> date:
    """Return the day that a place in a template stands for."""
    monday = today - timedelta(days=today.weekday())
    day = today if found[1] == "today" else monday + timedelta(days=DAYS.index(found[1]))
    distance = int(found[2] or 0)
    return day + (timedelta(weeks=distance) if found[3] == "w" else timedelta(days=distance))


def moment(found: re.Match[str], today: date) -> str:
    """Return what stands in its place: DATE, local DATE-TIME or UTC (RFC 5545 §3.3.4, §3.3.5)."""
    day = day_of(found, today)
    if found[4] is None:
        return f"{day:%Y%m%d}"
    local = datetime.combine(day, time.fromisoformat(found[4]))
    if found[5] is None:
        return f"{local:%Y%m%dT%H%M%S}"
    return f"{local.replace(tzinfo=ZoneInfo(found[5])).astimezone(UTC):%Y%m%dT%H%M%SZ}"


def filled(template: str, today: date) -> bytes:
    """Return a template as iCalendar text; ValueError for a place that cannot be filled."""
    text = PLACE.sub(lambda found: moment(found, today), template)
    if "{{" in text:
        raise ValueError(f"not a day: {text[text.index('{{') :][:40]!r}")
    return "\r\n".join([*text.splitlines(), ""]).encode()


def write(path: Path, content: bytes) -> bool:
    """Replace a file whole; False where it already holds that."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
    return True


def refresh(target: Path, today: date) -> int:
    """Write all demo calendars below ``target``; return how many files changed."""
    wanted = {
        target / template.relative_to(TEMPLATES): filled(template.read_text("utf-8"), today)
        for template in sorted(TEMPLATES.glob("*/*.ics"))
    }
    changed = sum(write(path, content) for path, content in wanted.items())
    for path in set(target.glob("*/*.ics")) - set(wanted):
        path.unlink()
        changed += 1
    return changed


def main() -> None:
    """Write the calendars below the directory that is given."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):  # the script and one argument
        sys.exit(__doc__)
    changed = refresh(Path(sys.argv[1]), datetime.now().astimezone().date())
    print(f"demo calendars: {changed or 'no'} file{'' if changed == 1 else 's'} changed")


if __name__ == "__main__":
    main()
