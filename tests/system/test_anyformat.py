"""The library of messages that the tests of whole sites put into folders says what it means."""

from __future__ import annotations

import pytest

from calendar_sync.formats.message import calendar_texts
from tests.oracles import ours
from tests.system import agenda, anyformat
from tests.system.anyformat import EVENTS, OTHERS, When


@pytest.mark.parametrize("make", [*EVENTS, *OTHERS[:4]])
def test_each_message_means_its_times(make: anyformat.Maker) -> None:
    """What is read of a message is what it was made to say."""
    item = make(When("a@example.com", 3, 9))
    start, end = agenda.at(-30, 0), agenda.at(200, 0)
    texts = calendar_texts(item.body)
    read = ours.folder(texts, zone="Europe/Berlin", addresses=[], start=start, end=end)
    found = [period.span for period in read.periods]
    assert anyformat.merged(list(item.spans)) == found
