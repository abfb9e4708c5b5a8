"""A configuration and a state written by hand, for the tests of commands that look at them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from freebusy import gateway
from freebusy.config import Config, load
from freebusy.pagewriting import Page
from freebusy.period import Span, TimeRange, to_seconds
from freebusy.store import Store
from freebusy.vfreebusy import encode, free_busy
from freebusy.worker import ItemReading, ObjectSpans

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOW = datetime(2026, 6, 1, 10, 30, tzinfo=UTC)
HOUR = 3600


def configured(folder: Path, extra: str = "") -> Config:
    """Return a configuration with hans and eva, and calendars below ``folder/calendars``."""
    (folder / "calendars").mkdir(exist_ok=True)
    path = folder / "freebusy.toml"
    path.write_text(
        'persons = ["hans@example.com", "eva@example.com"]\n'
        f'[site]\nstate = "state"\ntimezone = "Europe/Berlin"\n{extra}\n'
        '[sources.demo]\ntype = "vdir"\nroot = "calendars"\n',
        encoding="utf-8",
    )
    return load(path, {})


def opened(config: Config) -> Store:
    """Return the store of a new state directory."""
    gateway.prepare_state(config.site.state)
    return Store(config.site.state / "store.db")


def read_calendar(
    store: Store,
    person: str,
    *,
    items: Sequence[ItemReading] = (),
    objects: Sequence[ObjectSpans] = (),
    at: datetime = NOW,
    key: str | None = None,
) -> int:
    """Note a calendar as read at a time; return its id."""
    seconds = to_seconds(at)
    found = store.calendar(person, "demo", key or f"{person}/work", "work")
    state = {
        "last_attempt": seconds,
        "last_success": seconds,
        "last_change": seconds - HOUR,
        "ever_held": bool(items),
    }
    store.write(found.id, Page("1", 1, items, (), objects, (), state))
    return found.id


def item(
    href: str, skipped: Sequence[tuple[str, str]] = (), notes: Sequence[tuple[str, int]] = ()
) -> ItemReading:
    """Return what an item with one event would give."""
    return ItemReading(href, 1, (f"uid-{href}",), "", tuple(skipped), tuple(notes))


def publish(
    config: Config,
    name: str,
    spans: Sequence[Span],
    window: TimeRange,
    as_of: datetime | None = None,
) -> None:
    """Put a file into the published tree."""
    made = free_busy(
        organizer=f"{name}@example.com",
        uid=name,
        stamp=window.start,
        window=window,
        spans=spans,
        as_of=as_of,
    )
    gateway.tree(config).replace(name, encode(made))
