"""A listing that is kept for a while, and is made anew for whoever waits for it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from calendar_sync.imap import ImapSource
from freebusy.ports import ChangingSource
from tests.system.test_imap_relevance import Office

if TYPE_CHECKING:
    from tests.servers.cyrus import Cyrus


@pytest.mark.cyrus
def test_a_new_folder_shows_when_somebody_waits(cyrus: Cyrus) -> None:
    """What a service login sees is kept; after ``renew`` the server is asked again.

    Dovecot's sessions look for new rights twice a minute only (``acl = vfile:cache_secs``).
    """
    office = Office(cyrus, survey_seconds=3600.0)
    anna = office.person()
    club, seen = cyrus.folder("Club"), cyrus.shared_folder(anna.name, "Club")
    with closing(ImapSource(office.settings)) as source:
        assert isinstance(source, ChangingSource)
        assert [office.seen(anna)] == [found.name for found in source.calendars(anna)]
        cyrus.create_folder(anna.name, club, folder_type="event")
        cyrus.grant(anna.name, club, office.service, "lr")
        assert [office.seen(anna)] == [found.name for found in source.calendars(anna)]
        source.renew(anna)
        assert {office.seen(anna), seen} == {found.name for found in source.calendars(anna)}
