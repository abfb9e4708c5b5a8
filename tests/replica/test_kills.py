"""A sync that ends between any two steps that last, one after the other."""

from __future__ import annotations

import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calendar_sync.replica import durable
from calendar_sync.replica.status import Status
from tests.replica.home_case import HomeCase, event
from tests.replica.kills import killed
from tests.replica.machine import MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

UIDS = "abcde"
STEPS = 40
"""There are more; fewer would mean that some are not counted any more."""


def test_killed_between_any_two_steps() -> None:
    """The next sync ends what was begun: files whole, nothing doubled, lost or left over.

    Three items come, one of them over a version of ours that loses, one goes, one is sent.
    """
    for step in count(1):
        with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as directory:
            case = prepared(Path(directory))
            with killed(step) as death:
                case.sync()
            assert_whole(case)
            case.sync()
            assert_settled(case)
        if not death.came:
            break
    assert step > STEPS


def prepared(path: Path) -> HomeCase:
    """Return a home with something to do in each way, in groups of two."""
    case = HomeCase(path, batch=2)
    for uid in UIDS[:3]:
        case.append(event(uid))
    case.sync()
    case.write("a.ics", event("a", "ours"))
    case.expunge("1", "2")
    case.append(event("a", "theirs", sequence=1))
    for uid in UIDS[3:]:
        case.append(event(uid))
    case.write("new.ics", event("new"))
    return case


def assert_whole(case: HomeCase) -> None:
    """See that no file is half of one, whatever moment it is looked at."""
    for text in [*case.local().values(), *case.kept().values()]:
        assert text.endswith("END:VCALENDAR\r\n")


def assert_settled(case: HomeCase) -> None:
    expected = {f"{uid}.ics": event(uid) for uid in ("c", "d", "e", "new")}
    expected["a.ics"] = event("a", "theirs", sequence=1)
    assert expected == case.local()
    assert sorted(expected.values()) == sorted(case.there().values())
    assert [event("a", "ours")] == list(case.kept().values())
    assert [] == [*case.path.rglob(f"*{durable.SUFFIX}")]


def test_what_lasts_comes_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contents are on the disk before they take their places, and that before it is noted.

    So nothing is lost with the power supply either, and the files of a group cost one flush
    of the directory and one of ``status.db``.
    """
    case = HomeCase(tmp_path, batch=2)
    for uid in UIDS[:3]:
        case.append(event(uid))
    done: list[str] = []

    def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            result = function(*arguments)
            done.append(name)
            return result

        return call

    for owner, name in ((durable, "_write"), (durable, "_rename"), (durable, "flush")):
        monkeypatch.setattr(owner, name, watched(name.strip("_"), getattr(owner, name)))
    monkeypatch.setattr(Status, "commit", watched("commit", Status.commit))
    case.sync()
    first, second = (["write"] * n + ["rename"] * n + ["flush", "commit"] for n in (2, 1))
    assert [*first, *second] == done[done.index("write") :]
