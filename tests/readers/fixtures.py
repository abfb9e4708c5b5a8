"""The readers as fixtures: functions from the bytes of a .vfb to what they found.

Each raises NotReadError for a text that its library does not take.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.readers import kcalendarcore, libical

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.readers import Reading

    Reader = Callable[[bytes], Reading]


def _skip_unless(reason: str | None) -> None:
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def libical_reader() -> Reader:
    """Give libical's reading of a .vfb."""
    _skip_unless(libical.available())
    return libical.read


@pytest.fixture(scope="session")
def kcal_reader() -> Reader:
    """Give KCalendarCore's reading of a .vfb; the first test to ask builds it."""
    _skip_unless(kcalendarcore.available())
    return partial(kcalendarcore.read, kcalendarcore.build())


@pytest.fixture(scope="session")
def kcal_calendars() -> Path:
    """Give the program that tells what KCalendarCore makes of iCalendar objects."""
    _skip_unless(kcalendarcore.available())
    return kcalendarcore.build()


@pytest.fixture(
    params=[
        pytest.param("libical_reader", id="libical"),
        pytest.param("kcal_reader", id="KCalendarCore"),
    ]
)
def reader(request: pytest.FixtureRequest) -> Reader:
    """Give each reader in turn."""
    chosen: Reader = request.getfixturevalue(request.param)
    return chosen
