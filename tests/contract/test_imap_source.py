"""Folders on a real Dovecot and a real Cyrus keep the contract of calendar sources."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from calendar_sync.imap import ImapSettings, ImapSource
from calendar_sync.pages import Limits
from freebusy.ports import Owner
from tests.contract.source_contract import CalendarSourceContract
from tests.contract.sync_contract import SyncContract
from tests.servers.mailserver import PASSWORD, checked, quoted

if TYPE_CHECKING:
    import imaplib
    from collections.abc import Iterator

    from freebusy.ports import CalendarSource
    from tests.servers.mailserver import MailServer

LIMITS = Limits(page_items=100, page_bytes=100_000, max_item=20_000, head_bytes=4_000)
HEADER = (
    b"From: a@example.org\r\nDate: Mon, 05 Jan 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/calendar; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
)


class MailPlace:
    """Three people with a calendar folder each, read by each person's own login."""

    max_item = LIMITS.max_item
    page_items = LIMITS.page_items
    page_bytes = LIMITS.page_bytes

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self.folder = server.folder("Calendar")
        names = [server.new_user() for _ in range(3)]
        self.owners = tuple(Owner(name, f"{name}@example.com") for name in names)
        self.clients: dict[str, imaplib.IMAP4] = {}
        for owner in self.owners:
            self.make(owner)

    def client(self, owner: Owner) -> imaplib.IMAP4:
        if owner.name not in self.clients:
            self.clients[owner.name] = self.server.login(owner.name)
        return self.clients[owner.name]

    def make(self, owner: Owner) -> None:
        checked(self.client(owner).create(quoted(self.folder)))

    @property
    def settings(self) -> ImapSettings:
        return ImapSettings(
            self.server.host,
            "{name}",
            PASSWORD,
            (self.folder,),
            security="plain",
            port=self.server.port,
            limits=LIMITS,
            whole_bytes=8_000,
        )

    def make_source(self) -> CalendarSource:
        return ImapSource(self.settings)

    def add(self, ics: bytes, *, owner: Owner | None = None) -> str:
        client = self.client(owner or self.owners[0])
        said = checked(client.append(quoted(self.folder), "", "", HEADER + ics))
        return said[0].split(b"]")[0].split()[-1].decode()

    def change(self, key: str, ics: bytes) -> str:
        new = self.add(ics)
        self.delete(key)
        return new

    def delete(self, key: str) -> None:
        client = self.client(self.owners[0])
        checked(client.select(quoted(self.folder)))
        checked(client.uid("STORE", key, "+FLAGS.SILENT", r"(\Deleted)"))
        checked(client.expunge())
        checked(client.unselect())

    def empty(self) -> None:
        self.delete("1:*")

    def remove_calendar(self) -> None:
        checked(self.client(self.owners[0]).delete(quoted(self.folder)))

    def replace_calendar(self) -> None:
        self.remove_calendar()
        self.make(self.owners[0])

    def unplug(self) -> None:
        self.close()
        self.server.stop()

    def replug(self) -> None:
        self.server.start()

    def close(self) -> None:
        for client in self.clients.values():
            with contextlib.suppress(OSError, client.error):
                client.logout()
        self.clients.clear()

    def snapshot(self) -> object:
        client = self.client(self.owners[0])
        name = quoted(self.folder)
        status = client.status(name, "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT HIGHESTMODSEQ)")
        checked(client.select(name, readonly=True))
        messages = client.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ)")
        checked(client.unselect())
        return status, messages


class SharedPlace(MailPlace):
    """The same folders, read by one service login that has the rights ``lr`` on them."""

    def __init__(self, server: MailServer) -> None:
        self.reader = server.new_user()
        super().__init__(server)

    def make(self, owner: Owner) -> None:
        super().make(owner)
        checked(self.client(owner).setacl(quoted(self.folder), self.reader, "lr"))

    @property
    def settings(self) -> ImapSettings:
        return ImapSettings(
            self.server.host,
            self.reader,
            PASSWORD,
            (self.server.shared_folder("{name}", "Calendar"),),
            security="plain",
            port=self.server.port,
            limits=LIMITS,
            whole_bytes=8_000,
        )


class TestOwnLogin(CalendarSourceContract):
    many = 301
    quiet = 0.8  # Dovecot reports after 0.5 s

    @pytest.fixture
    def place(self, mail_server: MailServer) -> Iterator[MailPlace]:
        place = MailPlace(mail_server)
        yield place
        place.close()


class TestServiceLogin(SyncContract):
    many = 301

    @pytest.fixture
    def place(self, mail_server: MailServer) -> Iterator[MailPlace]:
        place = SharedPlace(mail_server)
        yield place
        place.close()
