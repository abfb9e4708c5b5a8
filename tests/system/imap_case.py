"""One person with one calendar folder on a real mail server, for the system tests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from calendar_sync.imap import ImapSettings, ImapSource
from freebusy.ports import Calendar, Owner
from tests.contract.place import Replica
from tests.servers.mailserver import PASSWORD

if TYPE_CHECKING:
    from tests.servers.mailserver import MailServer

HEADER = (
    b"From: a@example.org\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/calendar; charset=utf-8\r\n\r\n"
)


def settings(server: MailServer, **changes: Any) -> ImapSettings:
    """Return settings for a server: each person's own login, one folder."""
    usual = ImapSettings(
        server.host,
        "{name}",
        PASSWORD,
        (server.folder("Calendar"),),
        security="plain",
        port=server.port,
        timeout=10,
    )
    return replace(usual, **changes)


class Case:
    """A person, a folder, a source that reads it, and what was read."""

    def __init__(self, server: MailServer, **changes: Any) -> None:
        self.server = server
        self.user = server.new_user()
        self.owner = Owner(self.user, f"{self.user}@example.com")
        self.folder = server.folder("Calendar")
        server.create_folder(self.user, self.folder)
        self.source = ImapSource(settings(server, **changes))
        self.replica = Replica()

    @property
    def calendar(self) -> Calendar:
        return self.source.calendars(self.owner)[0]

    def append(self, *messages: bytes) -> list[int]:
        return self.server.append_all(self.user, self.folder, messages)

    def flag(self, change: str, flag: str, *uids: int) -> None:
        self.server.store(self.user, self.folder, uids, change, flag)

    def delete(self, *uids: int) -> None:
        self.server.delete(self.user, self.folder, *uids)

    def sync(self) -> list[str]:
        """Do one run and return all objects that are then there."""
        return self.replica.run(self.source, self.calendar).objects
