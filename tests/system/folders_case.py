"""Two people on a real mail server, without any calendar at first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from calendar_sync.imap import ImapSource
from calendar_sync.imap.accesscontrol import ImapAccessControl
from calendar_sync.imap.behalf import Behalf
from calendar_sync.imap.itemfolders import KnownFolders
from calendar_sync.imap.mailboxes import ImapFolders
from freebusy.ports import Owner
from tests.servers.mailserver import PASSWORD
from tests.system.imap_case import settings

if TYPE_CHECKING:
    from tests.servers.mailserver import MailServer

MESSAGE = b"Subject: one\r\n\r\nnothing\r\n"


class FoldersCase:
    """What a person's connector uses; a place of the contract."""

    def __init__(self, server: MailServer, **changes: Any) -> None:
        self.server = server
        self.who, self.other = self.owner(), self.owner()
        self.top = server.folder("")
        self.separator = server.shared_folder("x", "")[-1]
        self.behalf = Behalf(settings(server, password=None, **changes), None)
        self.source = ImapSource(settings(server, folder=()))
        self.folders = ImapFolders(self.behalf, self.source.counted)
        self.access = ImapAccessControl(self.behalf, KnownFolders(self.folders))

    def owner(self) -> Owner:
        """Return somebody new."""
        name = self.server.new_user()
        return Owner(name, f"{name}@example.com", password=PASSWORD)

    def close(self) -> None:
        self.behalf.close()
        self.source.close()

    def later(self) -> None:
        self.behalf.close()

    def seen_by_other(self, path: str) -> str:
        return self.server.shared_folder(self.who.name, path.removeprefix(self.top))

    def fill(self, who: Owner, path: str) -> None:
        self.server.append(who.name, path, MESSAGE)

    def add_shared(self, name: str, **acl: str) -> str:
        team = self.server.create_shared(self.server.new_user(), acl)
        path = f"{team}{self.separator}{name}"
        self.server.create_folder(next(user for user in acl if "k" in acl[user]), path)
        return path
