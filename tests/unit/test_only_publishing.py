"""People who only publish, beside others whose calendars are read."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from freebusy import gateway
from freebusy.config import load
from freebusy.doctor import findings
from freebusy.period import to_seconds
from freebusy.refreshing import refresh_by_hand
from freebusy.standing import standing
from tests.system.agenda import event

if TYPE_CHECKING:
    from pathlib import Path

    from freebusy.config import Config

BESIDE = '"eva@example.com", '
HANS = '{ address = "hans@example.com", source = [] }'
SITE = """
[site]
state = "state"
timezone = "UTC"
[limits]
workers = 1
[http]
enabled = false
[ftp]
enabled = false
"""
SOURCE = '[sources.files]\ntype = "vdir"\nroot = "calendars"\n'


def configured(folder: Path, people: str, source: str = SOURCE) -> Config:
    for name in ("eva", "hans"):
        calendar = folder / "calendars" / name
        calendar.mkdir(parents=True, exist_ok=True)
        (calendar / "1.ics").write_bytes(event("1", 3, 8))
    path = folder / "freebusy.toml"
    path.write_text(f"persons = [{people}]\n{SITE}{source}", "utf-8")
    return load(path, {})


def calendars(config: Config) -> dict[str, int]:
    """Return how many calendars status shows of each person."""
    found = standing(config, list(config.members), gateway.now())
    return {person.name: len(person.calendars) for person in found.persons}


def test_nobody_asks_for_their_calendars(tmp_path: Path) -> None:
    """They are not read, and neither status nor doctor misses anything."""
    config = configured(tmp_path, BESIDE + HANS)
    assert 0 == refresh_by_hand(config, [])
    assert {"eva": 1, "hans": 0} == calendars(config)
    said = {finding.level for finding in findings(config) if finding.subject != "config"}
    assert "FAIL" not in said
    assert not [found for found in findings(config) if "hans" in found.text and found.level != "ok"]


@pytest.mark.parametrize(
    ("people", "source", "kept"),
    [(HANS, SOURCE, 0), ('"hans@example.com"', "", 1), ('"hans@example.com"', SOURCE, 1)],
)
def test_what_was_read_before_is_forgotten(
    tmp_path: Path, people: str, source: str, kept: int
) -> None:
    """Only where the configuration says so, not where it just has no source any more."""
    before = configured(tmp_path, BESIDE + '"hans@example.com"')
    assert 0 == refresh_by_hand(before, [])
    config = configured(tmp_path, BESIDE + people, source)
    with closing(gateway.engine(config)) as engine:
        engine.publisher.refresh(engine.persons["hans"])
        spans = engine.store.spans("hans", 0, to_seconds(gateway.now()) * 2)
    assert {"eva": 1, "hans": kept} == calendars(config)
    assert kept == len(list(spans))
    assert bool(kept) == (gateway.tree(config).read("hans") is not None)
