"""A sync that ends between any two steps that last, one after the other."""

from __future__ import annotations

import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from calendar_sync.replica import durable
from calendar_sync.replica.status import Status
from tests.replica.home_case import HomeCase, event
from tests.replica.kills import killed
from tests.replica.machine import MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable

UIDS = "abcde"
STEPS = 40
"""There are more; fewer would mean that some are not counted any more."""


def test_killed_between_any_two_steps() -> None:
    """The next sync ends what was begun: files whole, nothing doubled, lost or left over.

    Three items come, one of them over a version of ours that loses, one goes, one is sent.
    """
    for step in count(1):
        with temporary() as directory:
            case = prepared(Path(directory))
            with killed(step) as death:
                case.sync()
            assert_whole(case)
            case.sync()
            assert_settled(case)
        if not death.came:
            break
    assert step > STEPS


def temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)


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


@pytest.mark.parametrize("what", ["removed", "changed"])
def test_what_came_and_was_not_noted_is_known(what: str) -> None:
    """After a kill, too, what came down and was removed or changed elsewhere is no version of ours.

    It would come back to the server else, or win against the change by a later LAST-MODIFIED.
    """
    came, later = event("a", "came", modified=9), event("a", "later", modified=1)
    for step in count(1):
        with temporary() as directory:
            case = HomeCase(Path(directory), batch=2)
            case.append(event("anchor"))
            case.sync()
            case.append(came)
            with killed(step) as death:
                case.sync()
            case.expunge("2")
            expected = {"anchor.ics": event("anchor")}
            if what == "changed":
                case.append(later)
                expected["a.ics"] = later
            case.sync()
            assert expected == case.local(), step
            assert sorted(expected.values()) == sorted(case.there().values())
            assert {} == case.kept()
        if not death.came:
            break


def test_a_folder_that_comes_back_after_it_was_set_aside() -> None:
    """A kill while a folder is set aside leaves nothing that looks as if it was emptied here."""
    for step in count(1):
        with temporary() as directory:
            case = HomeCase(Path(directory))
            case.append(event("anchor"))
            case.mail.create(case.who, "Work")
            case.append(event("w"), "Work")
            case.sync()
            case.mail.delete(case.who, "Work", even_if_filled=True)
            with killed(step) as death:
                case.sync()
            case.mail.create(case.who, "Work")
            case.append(event("w"), "Work")
            case.sync()
            path = case.path / "calendars" / "Work" / "w.ics"
            assert event("w").encode() == path.read_bytes()
            assert {"1": event("w")} == case.there("Work")
        if not death.came:
            break


def test_what_lasts_comes_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contents are on the disk and announced before they take their places, then that is noted.

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
    first, second = (["write"] * n + ["commit"] + ["rename"] * n + ["flush"] for n in (2, 1))
    assert [*first, *second, "commit"] == done[done.index("write") :]
