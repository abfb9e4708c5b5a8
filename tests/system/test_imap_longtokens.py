"""Tokens that would not fit into a URL, on real mail servers."""

from __future__ import annotations

import random
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import pytest

from calendar_sync.imap import items
from calendar_sync.imap.longtokens import LongTokens
from calendar_sync.imap.mailboxes import ImapFolders
from calendar_sync.imap.uidset import UidSet
from freebusy.web.connector.call import folder_id
from tests.contract.items_contract import put, text
from tests.servers.mailserver import checked
from tests.system.items_case import ItemsCase, write
from tests.wire.connector_gateway import connecting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.ports import FolderChanges
    from tests.servers.fixtures import MakeDovecot
    from tests.servers.mailserver import MailServer
    from tests.wire.connector_gateway import Api

MANY = 300
LONGEST = 100


def test_a_folder_with_many_gaps(mail_server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that was long in use is told page by page; after a restart from the beginning."""
    monkeypatch.setattr(items, "LongTokens", partial(LongTokens, LONGEST))
    with closing(ItemsCase(mail_server)) as case:
        write(case, *(put(f"e{number}") for number in range(MANY)))
        pages = [case.items.changes(case.who, case.path, None, limit=MANY)]
        hrefs = [item.href for item in pages[0].items]
        gone = random.Random(1).sample(hrefs, MANY // 2)
        case.expunge(*gone)
        pages = [_page(case, None)]
        while pages[-1].more:
            pages.append(_page(case, pages[-1]))
        told = [item.href for page in pages for item in page.items]

        assert sorted(set(hrefs) - set(gone), key=int) == told
        assert max(len(page.token) for page in pages) <= LONGEST

        case.items = case.make_items()
        again = _page(case, pages[0])
        assert (True, told[0]) == (again.is_fresh and again.rights is not None, again.items[0].href)


@pytest.mark.dovecot
def test_thousands_of_messages_among_gaps(make_dovecot: MakeDovecot) -> None:
    """On a server that tells nothing of changes a token lists each message, and still fits into
    a request, page by page; a new process goes on with it."""
    with (
        closing(ItemsCase(make_dovecot(capability="IMAP4rev1"))) as case,
        connecting() as api,
    ):
        _fill(case)
        api.connector.items = case.items
        api.connector.folders = ImapFolders(case.behalf)
        api.connector.owner = lambda _account, _password: case.who
        told, token = _told(api, case.path, None)
        assert (5000, False) == (len(told), token.startswith("kept-"))
        case.expunge(told[7])
        href = case.append(text("new"))
        api.connector.items = case.make_items()
        assert [href] == _told(api, case.path, token)[0]


def _fill(case: ItemsCase) -> None:
    """Put 10,000 messages into the folder, and leave any half of them there."""
    for number in range(100):
        case.append(text(f"e{number}"))
    with case.server.session(case.user, case.path) as client:
        for _ in range(99):
            checked(client.uid("COPY", "1:100", f'"{case.path}"'))
        gone = UidSet.of(random.Random(1).sample(range(1, 10_001), 5000))
        for part in batched(gone):
            checked(client.uid("STORE", str(part), "+FLAGS.SILENT", r"(\Deleted)"))
        checked(client.expunge())


def batched(uids: UidSet) -> Iterator[UidSet]:
    numbers = list(uids)
    for at in range(0, len(numbers), 500):
        yield UidSet.of(numbers[at : at + 500])


def _told(api: Api, path: str, token: str | None) -> tuple[list[str], str]:
    """Return the hrefs that all pages tell, and the last token."""
    told: list[str] = []
    while True:
        since = "" if token is None else f"&since={token}"
        page = api.ask("GET", f"/folders/{folder_id(path)}/changes?limit=500{since}")
        told += [item["href"] for item in page["items"]]
        token = str(page["token"])
        if not page["more"]:
            return told, token


def _page(case: ItemsCase, before: FolderChanges | None) -> FolderChanges:
    token = None if before is None else before.token
    return case.items.changes(case.who, case.path, token, limit=30)
