"""The machine over the mail server in memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import settings

from calendar_sync.memorymail import MemoryMail
from tests.replica.machine import FOLDERS, SyncMachine, World
from tests.replica.memory_remote import MemoryRemote

if TYPE_CHECKING:
    from calendar_sync.replica import Remote
    from freebusy.ports import FolderItem

USER = "hans"
EXAMPLES = int(os.environ.get("FREEBUSY_SYNC_EXAMPLES", "15"))


class MemoryWorld(World):
    """A mailbox in memory."""

    def __init__(self) -> None:
        self.mail = MemoryMail()
        self.mail.add_user(USER)
        self.who = MemoryRemote(self.mail, USER).who
        self.mail.create(self.who, FOLDERS[1])

    def remote(self) -> Remote:
        return MemoryRemote(self.mail, USER)

    def items(self, folder: str) -> list[str]:
        return [each.calendar for each in self.mail.items(self.who, folder)]

    def put(self, folder: str, text: str) -> None:
        new = self.mail.append(self.who, folder, text)
        old = [each.href for each in self._of(folder, new.uid) if each.href != new.href]
        self.mail.expunge(self.who, folder, *old)

    def remove(self, folder: str, uid: str) -> None:
        self.mail.expunge(self.who, folder, *(each.href for each in self._of(folder, uid)))

    def _of(self, folder: str, uid: str) -> list[FolderItem]:
        return [each for each in self.mail.items(self.who, folder) if each.uid == uid]

    def delete(self, folder: str) -> None:
        self.mail.delete(self.who, folder, even_if_filled=True)

    def create(self, folder: str, texts: list[str]) -> None:
        self.mail.create(self.who, folder)
        for text in texts:
            self.mail.append(self.who, folder, text)

    def breaks_off(self, remote: Remote, *, between: bool) -> None:
        assert isinstance(remote, MemoryRemote)
        remote.keeps_replaced = between

    def at_rest(self, texts: list[str]) -> None:
        """Nobody reads calendars here."""

    def close(self) -> None:
        pass


class MemoryMachine(SyncMachine):
    """In memory."""

    world_of = MemoryWorld


MemoryMachine.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=30)
TestMemoryMachine = MemoryMachine.TestCase
