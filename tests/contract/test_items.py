"""Folders on real mail servers, and in memory, keep the contract of items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from calendar_sync.memorymail import CALENDAR, MemoryMail
from freebusy.ports import Owner
from tests.contract.items_contract import CalendarItemsContract
from tests.system.items_case import ItemsCase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.items_contract import ItemsPlace
    from tests.servers.mailserver import MailServer


class MemoryPlace:
    """A folder on a mail server in memory."""

    def __init__(self) -> None:
        self.items = MemoryMail()
        self.who, self.other = (Owner(n, f"{n}@example.com", password="secret") for n in "ab")
        for owner in (self.who, self.other):
            self.items.add_user(owner.name)
        self.path, self.path_for_other = CALENDAR, f"user/a/{CALENDAR}"

    def append(self, calendar: str) -> str:
        return self.items.append(self.who, self.path, calendar).href

    def expunge(self, *hrefs: str) -> None:
        self.items.expunge(self.who, self.path, *hrefs)

    def renew(self) -> None:
        self.items.renew(self.who, self.path)

    def share(self, rights: str) -> None:
        self.items.grant(self.who, self.path, self.other.name, frozenset(rights))


class TestMemory(CalendarItemsContract):
    @pytest.fixture
    def place(self) -> ItemsPlace:
        return MemoryPlace()


class TestServers(CalendarItemsContract):
    @pytest.fixture
    def place(self, mail_server: MailServer) -> Iterator[ItemsPlace]:
        case = ItemsCase(mail_server)
        yield case
        case.close()
