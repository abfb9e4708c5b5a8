"""Independent readers find no fault with the objects that come out of the dialects."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest

from tests.oracles import generator
from tests.readers import libical
from tests.unit.dialect_case import DIALECTS, NOW, calendar, read, written
from tests.unit.test_dialects import WHOLE

if TYPE_CHECKING:
    from calendar_sync import dialects

pytestmark = pytest.mark.readers


@pytest.mark.skipif(libical.available() is not None, reason="libical is not installed")
@pytest.mark.parametrize("dialect", DIALECTS)
def test_libical_finds_no_fault(dialect: dialects.Dialect) -> None:
    """What was written in a dialect and is read again has no error for libical."""
    for text in [calendar(*WHOLE), *islice(generator.events(31, 40, NOW), 40)]:
        found = read(written(text, dialect).message).calendar
        with libical.parsed(found.encode()) as root:
            assert 0 == libical.library().icalcomponent_count_errors(root)
            assert list(libical.components(root, b"VEVENT"))
