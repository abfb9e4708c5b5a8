"""Folders whose names a person may well give, and one that nobody would."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from calendar_sync.imap.mailboxes import ImapFolders
from freebusy.connector.bodies import FolderChange, NewFolder
from freebusy.web.connector.call import folder_id, path_of
from tests.contract.items_contract import put
from tests.servers.mailserver import FOLDER_TYPE, checked
from tests.system.items_case import ItemsCase, write

if TYPE_CHECKING:
    from tests.servers.cyrus import Cyrus
    from tests.servers.mailserver import MailServer

NAMES = ["Congés\N{NO-BREAK SPACE}2026", "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}", "a&b", "日本語"]
HALF = "&2D0-"
"""Modified UTF-7 of one half of a surrogate pair."""


@pytest.mark.parametrize("name", NAMES)
def test_any_text_is_a_name(mail_server: MailServer, name: str) -> None:
    """A folder that other programs made is listed under an id that leads to it."""
    with closing(ItemsCase(mail_server)) as case:
        path = mail_server.folder(name)
        mail_server.create_folder(case.user, path, folder_type="event")
        folders = ImapFolders(case.behalf).folders(case.who)

        assert path in [path_of(folder_id(folder.path)) for folder in folders]


@pytest.mark.parametrize("name", NAMES)
def test_any_text_can_be_given(mail_server: MailServer, name: str) -> None:
    """A folder that a connector makes, or renames, has the name that it was given."""
    with closing(ItemsCase(mail_server)) as case:
        mailboxes = ImapFolders(case.behalf)
        made = mailboxes.create(case.who, NewFolder(name=name).name)
        assert made.path.endswith(name)
        assert made.path in [folder.path for folder in mailboxes.folders(case.who)]

        moved = mailboxes.move(case.who, made.path, name=FolderChange(name=f"b{name}").name)
        assert moved.path.endswith(f"b{name}")
        assert moved.path in [folder.path for folder in mailboxes.folders(case.who)]


@pytest.mark.parametrize("mark", ["\n", "\N{RIGHT-TO-LEFT OVERRIDE}", "\N{LINE SEPARATOR}"])
def test_a_name_that_misleads(mark: str) -> None:
    """What ends a line or turns it round is refused for what it is."""
    with pytest.raises(ValidationError, match="line ends and invisible marks"):
        NewFolder(name=f"a{mark}b")


def test_a_name_that_is_no_text(cyrus: Cyrus) -> None:
    """Who shares a folder with everyone that nobody can name stops nobody."""
    with closing(ItemsCase(cyrus)) as case:
        path = f'"{case.path}.{HALF}"'
        with cyrus.session(case.user) as client:
            checked(client.create(path))
            checked(client.xatom("SETMETADATA", path, f'({FOLDER_TYPE} "event")'))
            checked(client.setacl(path, "anyone", "lrs"))
        try:
            for who in (case.who, case.other):
                found = [folder.path for folder in ImapFolders(case.behalf).folders(who)]
                assert found == [path_of(folder_id(each)) for each in found]
            assert [("done", None)] == write(case, put("a"))
        finally:
            with cyrus.session(case.user) as client:
                checked(client.deleteacl(path, "anyone"))
