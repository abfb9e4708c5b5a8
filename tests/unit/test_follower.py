"""A watch that goes on while the calendars in its source come and go."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from freebusy.follower import Follower
from freebusy.ports import Calendar, Owner
from freebusy.schedule import Backoff
from tests.processes import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HANS = Owner("hans", "hans@example.com")


class Source:
    """Notes what it is to watch, and until when."""

    def __init__(self) -> None:
        self.watched: list[list[str]] = []
        self.ended = 0

    def watch(
        self,
        calendars: Sequence[Calendar],
        changed: Callable[[Calendar | Owner], None],
        stop: threading.Event,
    ) -> None:
        self.watched.append([calendar.name for calendar in calendars])
        stop.wait(60)
        self.ended += 1


class Case:
    """A follower in a thread, and the calendars it finds."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.source = Source()
        self.follower = Follower("mail", self.source, self.calendars, print, lambda: None)
        self.thread = threading.Thread(target=self.follower.run)

    def calendars(self) -> list[Calendar]:
        return [Calendar(name, HANS, name) for name in self.names]

    def add(self, name: str) -> None:
        self.names.append(name)
        self.follower.anew()


@pytest.fixture
def case() -> Iterator[Case]:
    made = Case()
    made.thread.start()
    yield made
    made.follower.end()
    made.thread.join(20)
    assert not made.thread.is_alive()


def test_the_first_calendar_is_watched_at_once(case: Case) -> None:
    """Nobody waits for others to turn up."""
    case.add("a")
    until(lambda: case.source.watched == [["a"]], "it is watched", seconds=0.9)


def test_a_watch_goes_on_while_others_turn_up(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends once for all that came within a while, and the next one has them all."""
    monkeypatch.setattr("freebusy.follower.GATHERING", Backoff(first=0.5, cap=0.5))
    case.add("a")
    until(lambda: case.source.watched, "the first is watched")
    for name in "bcd":
        case.add(name)
    assert 0 == case.source.ended
    until(lambda: len(case.source.watched) == 2, "they are watched")
    assert (["a", "b", "c", "d"], 1) == (case.source.watched[-1], case.source.ended)


def test_the_end_does_not_wait(case: Case) -> None:
    """Neither for a watch nor for calendars that still gather."""
    case.add("a")
    until(lambda: case.source.watched, "the first is watched")
    case.add("b")
    case.follower.end()
    case.thread.join(5)
    assert not case.thread.is_alive()
