"""Folders on real mail servers, and in memory, keep the contract of folders and of rights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from calendar_sync.memorymail import SEPARATOR, MemoryMail
from freebusy.ports import Owner
from tests.contract.access_contract import AccessContract
from tests.contract.folders_contract import FoldersContract
from tests.system.folders_case import FoldersCase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.folders_contract import FoldersPlace
    from tests.servers.mailserver import MailServer

TEXT = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//test//EN
BEGIN:VEVENT
UID:{uid}
DTSTAMP:20260601T000000Z
DTSTART:20260601T100000Z
DTEND:20260601T110000Z
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


class MemoryPlace:
    """Two people on a mail server in memory."""

    separator = SEPARATOR
    top = "INBOX/"

    def __init__(self) -> None:
        self.mail = MemoryMail(prefix=self.top)
        self.who, self.other = (Owner(n, f"{n}@example.com", password="secret") for n in "ab")
        for owner in (self.who, self.other):
            self.mail.add_user(owner.name, calendar=False)
        self.folders = self.access = self.mail
        self._filled = 0

    def seen_by_other(self, path: str) -> str:
        return "user/a/" + path.removeprefix(self.top)

    def fill(self, who: Owner, path: str) -> None:
        self._filled += 1
        self.mail.append(who, path, TEXT.format(uid=self._filled))

    def later(self) -> None:
        """Nothing is remembered here."""

    def add_shared(self, name: str, **acl: str) -> str:
        return self.mail.add_shared(name, acl)


class InMemory:
    @pytest.fixture
    def place(self) -> FoldersPlace:
        return MemoryPlace()


class OnServers:
    @pytest.fixture
    def place(self, mail_server: MailServer) -> Iterator[FoldersPlace]:
        case = FoldersCase(mail_server)
        yield case
        case.close()


class TestFoldersInMemory(InMemory, FoldersContract):
    pass


class TestFoldersOnServers(OnServers, FoldersContract):
    pass


class TestAccessInMemory(InMemory, AccessContract):
    pass


class TestAccessOnServers(OnServers, AccessContract):
    pass
