"""A few seconds of coverage-guided fuzzing from the kept corpus, the same each time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from freebusy.busytime import CalendarOwner
from freebusy.ports import ICALENDAR, SourceItem
from freebusy.worker import ITEM_CPU, Expanding, read_batch
from tests.fuzz.fuzz_contentline import CORPUS, OWNER, WINDOW, body_of, kept, run

if TYPE_CHECKING:
    from pathlib import Path

INPUTS = 600
CORPUS_FILES = [pytest.param(path, id=path.stem) for path in sorted(CORPUS.iterdir())]


@pytest.mark.parametrize("seed", [1, 2])
def test_any_bytes_give_a_value_or_our_own_error(seed: int) -> None:
    """Mutated calendar text never raises anything but CalendarDataError, which is caught."""
    done, _ = run(seed, INPUTS, seconds=60)
    assert done == INPUTS


@pytest.mark.parametrize("path", CORPUS_FILES)
def test_every_kept_input_stays_within_its_budget(path: Path) -> None:
    """Reading, expanding and, after a stop, salvaging take at most their CPU budget each."""
    task = Expanding(CalendarOwner(OWNER.addresses, OWNER.zone), WINDOW, WINDOW)
    before = time.process_time()
    read_batch(body_of, [SourceItem("1", 1, ICALENDAR, path.read_bytes())], task)
    objects = path.read_bytes().upper().count(b"BEGIN:VEVENT") + 1
    assert time.process_time() - before < ITEM_CPU * (2 + objects) + 0.5


def test_the_corpus_is_small() -> None:
    """The kept inputs are few and short: each is there because it reaches a line of its own."""
    sizes = [len(data) for data in kept()]
    assert 50 <= len(sizes) <= 400
    assert max(sizes) <= 4096
