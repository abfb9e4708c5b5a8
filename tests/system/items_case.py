"""One calendar folder on a real mail server, with items that a connector and others exchange."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from calendar_sync.imap.behalf import Behalf
from calendar_sync.imap.itemfolders import KnownFolders
from calendar_sync.imap.items import ImapItems
from calendar_sync.imap.mailboxes import ImapFolders
from freebusy.ports import Owner
from tests.contract.items_contract import FolderReplica
from tests.servers.mailserver import PASSWORD
from tests.system.imap_case import HEADER, settings

if TYPE_CHECKING:
    from freebusy.ports import ItemChange
    from tests.servers.mailserver import MailServer


class ItemsCase:
    """A person, a folder, and somebody else who may be given rights on it."""

    def __init__(self, server: MailServer, **changes: Any) -> None:
        self.server = server
        self.who, self.other = self.person(), self.person()
        self.user = self.who.name
        self.path = server.folder("Calendar")
        self.path_for_other = server.shared_folder(self.user, "Calendar")
        server.create_folder(self.user, self.path)
        self.settings = replace(settings(server, **changes), password=None)
        self.behalf = Behalf(self.settings, None)
        self.items = self.make_items()

    def make_items(self) -> ImapItems:
        """Return what a process that has just started knows: nothing."""
        folders = KnownFolders(ImapFolders(self.behalf))
        return ImapItems(self.behalf, zone_of=lambda name: "Europe/Berlin", folders=folders)

    def person(self) -> Owner:
        name = self.server.new_user()
        return Owner(name, f"{name}@example.com", password=PASSWORD)

    def append(self, calendar: str, flags: str = "") -> str:
        message = HEADER + calendar.encode()
        return str(self.server.append(self.user, self.path, message, flags))

    def expunge(self, *hrefs: str) -> None:
        """Remove just these messages."""
        with self.server.session(self.user, self.path) as client:
            client.uid("STORE", ",".join(hrefs), "+FLAGS.SILENT", r"(\Deleted)")
            client.uid("EXPUNGE", ",".join(hrefs))

    def flag(self, change: str, flag: str, *hrefs: str) -> None:
        self.server.store(self.user, self.path, [int(href) for href in hrefs], change, flag)

    def renew(self) -> None:
        """Give the messages new UIDs: the folder is made again."""
        held = self.items.changes(self.who, self.path, None, limit=1000).items
        self.server.delete_folder(self.user, self.path)
        self.server.create_folder(self.user, self.path)
        for item in held:
            self.append(item.calendar)

    def share(self, rights: str) -> None:
        self.server.grant(self.user, self.path, self.other.name, rights)
        self.behalf.close()  # Dovecot remembers rights as long as a session is open

    def close(self) -> None:
        self.behalf.close()


def write(case: ItemsCase, *changes: ItemChange) -> list[tuple[str, str | None]]:
    results = case.items.write(case.who, case.path, changes)
    return [(result.status, result.problem) for result in results]


def objects(case: ItemsCase) -> list[str]:
    """Return what a client that is new here finds."""
    return FolderReplica(case).pull()
