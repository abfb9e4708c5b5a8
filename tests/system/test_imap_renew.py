"""A listing that is kept for a while, and is made anew for whoever waits for it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from calendar_sync.imap import ImapSource
from freebusy.ports import ChangingSource
from tests.system.test_imap_relevance import Office

if TYPE_CHECKING:
    from tests.servers.mailserver import MailServer


def test_a_new_folder_shows_when_somebody_waits(mail_server: MailServer) -> None:
    """What a service login sees is kept; after ``renew`` the server is asked again."""
    office = Office(mail_server, survey_seconds=3600.0)
    anna = office.person()
    club, seen = mail_server.folder("Club"), mail_server.shared_folder(anna.name, "Club")
    with closing(ImapSource(office.settings)) as source:
        assert isinstance(source, ChangingSource)
        assert [office.seen(anna)] == [found.name for found in source.calendars(anna)]
        mail_server.create_folder(anna.name, club, folder_type="event")
        mail_server.grant(anna.name, club, office.service, "lr")
        assert [office.seen(anna)] == [found.name for found in source.calendars(anna)]
        source.renew(anna)
        assert {office.seen(anna), seen} == {found.name for found in source.calendars(anna)}
