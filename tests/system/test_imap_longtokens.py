"""Tokens that would not fit into a URL, on real mail servers."""

from __future__ import annotations

import random
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from calendar_sync.imap import items
from calendar_sync.imap.longtokens import LongTokens
from tests.contract.items_contract import put
from tests.system.items_case import ItemsCase, write

if TYPE_CHECKING:
    import pytest

    from freebusy.ports import FolderChanges
    from tests.servers.mailserver import MailServer

MANY = 300
LONGEST = 200


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


def _page(case: ItemsCase, before: FolderChanges | None) -> FolderChanges:
    token = None if before is None else before.token
    return case.items.changes(case.who, case.path, token, limit=30)
