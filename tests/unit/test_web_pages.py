"""What the pages say about time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from freebusy.web.pages import spoken


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(seconds=-5), "0 seconds"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=59.9), "59 seconds"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=59), "59 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=47), "1 day"),
        (timedelta(days=3), "3 days"),
    ],
)
def test_ages(age: timedelta, expected: str) -> None:
    """An age is told in its largest whole unit."""
    assert spoken(age) == expected
