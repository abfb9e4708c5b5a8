"""What a watch saw since the last run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import calendar_sync.recent
from calendar_sync.recent import TRUST, Mark, Recent, Swept
from freebusy.ports import SyncToken

if TYPE_CHECKING:
    import pytest

ONE, TWO = SyncToken("1"), SyncToken("2")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def swept(token: SyncToken, files: int = 1) -> Swept:
    return Swept(token, "g", {f"{number}.ics": number for number in range(files)})


def begin(recent: Recent, token: SyncToken | None = ONE) -> Mark:
    mark = recent.begin("k", token)
    assert mark is not None
    return mark


def watched(clock: Clock | None = None) -> Recent:
    """Return a folder that is watched and was read once."""
    recent = Recent(clock or Clock())
    recent.watched(["k"])
    recent.end("k", begin(recent, None), swept(ONE))
    return recent


def test_a_folder_that_is_not_watched_has_no_mark() -> None:
    """Without a watch, every run looks at everything."""
    assert Recent().begin("k", ONE) is None


def test_the_first_run_looks_at_everything() -> None:
    """What was before the watch was ready is not known."""
    recent = Recent()
    recent.watched(["k"])
    recent.note("k", "a.ics")
    assert begin(recent).swept is None


def test_later_runs_look_at_what_changed() -> None:
    """Only the names that were seen since the last run are looked at, each once."""
    recent = watched()
    assert ([], swept(ONE)) == (begin(recent).names, begin(recent).swept)
    for name in ("a.ics", "b.ics", "a.ics"):
        recent.note("k", name)
    recent.note("other", "c.ics")
    mark = begin(recent)
    assert ["a.ics", "b.ics"] == sorted(mark.names)
    recent.end("k", mark, swept(TWO))
    assert [] == begin(recent, TWO).names


def test_what_changes_during_a_run_is_for_the_next() -> None:
    """A name that changes again while a run reads it is looked at again."""
    recent = watched()
    recent.note("k", "a.ics")
    mark = begin(recent)
    recent.note("k", "a.ics")
    recent.end("k", mark, swept(TWO))
    assert ["a.ics"] == begin(recent, TWO).names


def test_another_token_looks_at_everything() -> None:
    """A run from an older token (after a crash) is not served from memory."""
    assert begin(watched(), TWO).swept is None
    assert begin(watched(), None).swept is None


def test_it_is_trusted_for_a_while_only() -> None:
    """Some time after everything was looked at, that is done again."""
    clock = Clock()
    recent = watched(clock)
    clock.now += TRUST / 2
    recent.end("k", begin(recent), swept(TWO))
    clock.now += TRUST / 2 + 1
    assert begin(recent, TWO).swept is None


def test_nothing_is_known_after_a_gap() -> None:
    """Once events may have been missed, the next run looks at everything."""
    recent = watched()
    mark = begin(recent)
    recent.forget(["k"])
    assert recent.begin("k", ONE) is None
    recent.end("k", mark, swept(TWO))
    assert recent.begin("k", TWO) is None
    recent.watched(["k"])
    recent.end("k", mark, swept(TWO))
    assert begin(recent, TWO).swept is None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The states that were not used for longest are dropped."""
    monkeypatch.setattr(calendar_sync.recent, "MAX_FILES", 10)
    recent = Recent()
    recent.watched("abc")
    for key in "abc":
        mark = recent.begin(key, None)
        assert mark is not None
        recent.end(key, mark, swept(ONE, files=4))
    marks = {key: recent.begin(key, ONE) for key in "abc"}
    assert {"a": False, "b": True, "c": True} == {
        key: mark is not None and mark.swept is not None for key, mark in marks.items()
    }
