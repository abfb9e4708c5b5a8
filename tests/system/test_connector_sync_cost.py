"""What a sync costs where nothing changed: requests, commands, files read.

It is the same for any number of items; ``FREEBUSY_SYNC_ITEMS=5000`` shows it.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from calendar_sync.imap.behalf import Behalf
from calendar_sync.imap.itemfolders import KnownFolders
from calendar_sync.imap.items import ImapItems
from calendar_sync.imap.mailboxes import ImapFolders
from calendar_sync.replica import Home
from calendar_sync.replica import collection as vdir
from freebusy.ports import Owner
from tests.replica.home_case import event
from tests.replica.memory_remote import MemoryRemote
from tests.replica.unreliable import Unreliable
from tests.servers.mailserver import PASSWORD
from tests.system.agenda import message
from tests.system.imap_case import settings
from tests.system.imap_relay import Relay, relayed

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.servers.mailserver import MailServer

ITEMS = int(os.environ.get("FREEBUSY_SYNC_ITEMS", "500"))

LOOK = ("STATUS", "MYRIGHTS", "GETACL", "EXAMINE", "UNSELECT")
"""What a look into a folder is in which no item changed."""


class Mail:
    """The folders and items of a real server, as the API calls them."""

    def __init__(self, behalf: Behalf) -> None:
        folders = ImapFolders(behalf)
        self._parts = (
            folders,
            ImapItems(behalf, zone_of=lambda _: "UTC", folders=KnownFolders(folders)),
        )

    def __getattr__(self, name: str) -> Any:
        return next(getattr(part, name) for part in self._parts if hasattr(part, name))


def test_what_is_unchanged_costs_next_to_nothing(
    mail_server: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file is read, no message fetched, and no folder asked but for its state.

    Where the state is another one, one request and one look into the folder come on top.
    """
    user, folder = mail_server.new_user(), mail_server.folder("Calendar")
    mail_server.create_folder(user, folder, folder_type="event.default")
    mail_server.append_all(user, folder, [message(event(f"e{n}").encode()) for n in range(ITEMS)])
    with relayed(mail_server.port) as relay:
        behalf = Behalf(replace(settings(mail_server), password=None, port=relay.port), None)
        service = MemoryRemote(Mail(behalf), user)  # type: ignore[arg-type]  # has what is called
        service.who = Owner(user, f"{user}@example.com", password=PASSWORD)
        remote = Unreliable(service)
        home = Home(tmp_path / "home", remote)
        assert [] == home.sync().errors
        assert ITEMS == len(list((tmp_path / "home" / "calendars" / "Calendar").iterdir()))

        monkeypatch.setattr(vdir, "RACY", -1 << 62)  # as if all had been written long ago
        home.sync()
        monkeypatch.setattr("pathlib.Path.read_bytes", None)
        counted(relay, remote, home)
        assert {"folders": 1, "sync": 1} == remote.requests
        assert not {"FETCH", "UID FETCH", "EXAMINE", "SELECT"} & set(relay.commands)
        before = Counter(relay.commands)

        flag_and_back(mail_server, user, folder)
        counted(relay, remote, home)
        assert {"folders": 1, "sync": 1, "changes": 1} == remote.requests
        assert {*LOOK} == set(Counter(relay.commands) - before)
        behalf.close()


def counted(relay: Relay, remote: Unreliable, home: Home) -> None:
    """Sync, and count from nothing."""
    remote.requests.clear()
    relay.commands.clear()
    report = home.sync()
    assert ([], {}) == (report.errors, report.folders[0].steps)


def flag_and_back(server: MailServer, user: str, folder: str) -> None:
    """Change what is no change of an item: the folder's state is another one all the same."""
    for change in "+-":
        server.store(user, folder, [1], f"{change}FLAGS", r"\Flagged")
