"""The rights that are worked out from GETACL are those that the server itself gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from calendar_sync.imap.acl import parse_acl
from calendar_sync.imap.rights import Combination, Identity, rights_of
from tests.servers.mailserver import checked, quoted

if TYPE_CHECKING:
    from tests.servers.cyrus import Cyrus
    from tests.servers.dovecot import Dovecot
    from tests.servers.fixtures import MakeDovecot
    from tests.servers.mailserver import MailServer

DECIDING = set("lra")
"""The rights on which it rests whether a folder counts."""
EVERYBODYS: list[dict[str, str]] = [
    {},
    {"ME": "lr"},
    {"anyone": "lr"},
    {"anyone": "lr", "ME": "l"},
    {"anyone": "lr", "ME": "l", "-ME": "r"},
    {"anyone": "lr", "-ME": "r"},
    {"-anyone": "a", "ME": "lra"},
    {"ME": "lrswitea"},
]
DOVECOTS = [
    *EVERYBODYS,
    {"$team": "lra", "ME": "l"},
    {"$team": "lra"},
    {"$board": "lra"},
    {"$team": "lr", "$staff": "l"},
    {"$team": "l", "$staff": "r", "anyone": "l"},
    {"authenticated": "lrs", "anyone": "l"},
    {"!$team": "l", "ME": "lra"},
    {"-$team": "a", "ME": "lra"},
    {"anyone": "l", "-$team": "l", "$staff": "lr"},
    {"$team": "lr", "-ME": "r", "ME": "lra"},
]
CYRUSES = [*EVERYBODYS, {"anonymous": "lr"}, {"owner": "lra"}, {"authenticated": "lra"}]


def said(server: MailServer, user: str, folder: str) -> set[str]:
    """Return what the server says of a user's rights; none where it does not show the folder."""
    with server.session(user) as client:
        status, lines = client.myrights(quoted(folder))
    return set() if status != "OK" else DECIDING & set(lines[0].decode().rpartition(" ")[2])


def computed(
    server: MailServer, reader: str, folder: str, who: Identity, how: Combination
) -> set[str]:
    """Return the same as worked out from the list, which another login may see."""
    with server.session(reader) as client:
        (line,) = checked(client.getacl(quoted(folder)))
    read = parse_acl([b"* ACL " + line + b"\r\n"])
    assert read is not None
    return DECIDING & rights_of(read[1], who, how)


@pytest.mark.cyrus
def test_on_cyrus(cyrus: Cyrus) -> None:
    """Cyrus adds up all entries that mean a person."""
    for number, acl in enumerate(CYRUSES):
        me = cyrus.new_user()
        folder = cyrus.create_shared(
            f"rights{me}{number}", {name.replace("ME", me): given for name, given in acl.items()}
        )
        who = Identity(frozenset({me}))
        counted = computed(cyrus, "cyrus", folder, who, Combination.UNION)
        assert (acl, said(cyrus, me, folder)) == (acl, counted)


@pytest.mark.dovecot
def test_on_dovecot(make_dovecot: MakeDovecot) -> None:
    """Dovecot takes the most specific entry, and what any entry takes away."""
    dovecot: Dovecot = make_dovecot(groups="team,staff")
    for number, acl in enumerate(DOVECOTS):
        me = f"me{number}"
        who = Identity(frozenset({me}), frozenset({"team", "staff"}))
        mine = {name.replace("ME", me): given for name, given in acl.items()}
        # a reader whom no entry below takes the right to see the list
        folder = dovecot.create_shared(f"rights{number}", {**mine, "reader": "lra", "!$never": "l"})
        if set(mine) & {"-anyone", "-$team", "!$team"}:
            continue
        counted = computed(dovecot, "reader", folder, who, Combination.MOST_SPECIFIC)
        assert (acl, said(dovecot, me, folder)) == (acl, counted)
