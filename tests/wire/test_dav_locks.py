"""LOCK, UNLOCK, the If header and what locks keep off (RFC 4918 §6, §7, §9.10, §9.11, §10.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from freebusy.ports import Visitor
from freebusy.web.dav.locks import Holder, LockTable, Wish
from freebusy.web.dav.refused import RefusedError
from tests.system.dav_server import MemoryTree, dav_server, visitor_named
from tests.wire.dav_client import Client, D, lock_info, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.dav_server import DavServer

FILE = "/calendar/hans.vfb"
OTHER = "/calendar/anna.vfb"
NEW = "/calendar/new.vfb"
NOBODYS = "opaquelocktoken:00000000-0000-4000-8000-000000000000"


HANS = Holder.of(visitor_named("hans"))
FREEBUSY = Holder.of(visitor_named("freebusy"))


def wish(path: str, holder: Holder, address: str) -> Wish:
    return Wish(path=path, root=path, holder=holder, address=address, seconds=60)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tree() -> MemoryTree:
    tree = MemoryTree()
    tree.make("/calendar")
    tree.store(FILE, b"hans")
    tree.store(OTHER, b"anna")
    return tree


@pytest.fixture
def server(tree: MemoryTree, clock: Clock) -> Iterator[DavServer]:
    with dav_server(tree, clock) as running:
        yield running


@pytest.fixture
def hans(server: DavServer) -> Client:
    return Client(server, "hans")


@pytest.fixture
def anna(server: DavServer) -> Client:
    return Client(server, "anna")


@pytest.fixture
def shared(server: DavServer) -> Client:
    return Client(server, "freebusy")


def test_a_lock_keeps_everybody_off_who_has_no_token(hans: Client, anna: Client) -> None:
    """Without the token the lock's holder is kept off as well: the token says which client."""
    token = hans.lock(FILE).token
    for client in (hans, anna):
        for method in ("PUT", "DELETE"):
            assert (423, "lock-token-submitted") == _refused(client, method)
        assert 423 == client.status("MOVE", FILE, Destination=NEW)
        assert 423 == client.status("MOVE", OTHER, Destination=FILE)
        assert 423 == client.lock(FILE).status
    assert 204 == hans.status("PUT", FILE, "new", If=f"(<{token}>)")
    assert 204 == hans.status("UNLOCK", FILE, Lock_Token=f"<{token}>")
    assert 204 == anna.status("PUT", FILE, "anna's")


def _refused(client: Client, method: str) -> tuple[int, str]:
    reply = client.ask(method, FILE, "new" if method == "PUT" else "")
    return reply.status, reply.condition


def test_a_stolen_token_opens_nothing(hans: Client, anna: Client) -> None:
    """A lock belongs to the account that took it, whoever learns its token."""
    token = hans.lock(FILE).token
    assert 412 == anna.status("PUT", FILE, "x", If=f"(<{token}>)")
    assert 423 == anna.status("PUT", FILE, "x", If=f"(<{token}>) (Not <DAV:no-lock>)")
    assert 409 == anna.status("UNLOCK", FILE, Lock_Token=f"<{token}>")
    assert 412 == anna.status("LOCK", FILE, If=f"(<{token}>)")
    assert 204 == hans.status("PUT", FILE, "x", If=f"(<{token}>)")


def test_another_name_of_a_file_has_its_locks(hans: Client, anna: Client) -> None:
    """A lock holds under every path that names the file."""
    token = hans.lock("/calendar/alias/hans.vfb").token
    assert 423 == anna.status("PUT", FILE, "x")
    assert 204 == hans.status("UNLOCK", FILE, Lock_Token=f"<{token}>")


def test_the_shared_account_keeps_no_person_off(hans: Client, anna: Client, shared: Client) -> None:
    """What is locked with the password that everybody knows holds against the same account only."""
    token = shared.lock(FILE).token
    assert 423 == shared.status("PUT", FILE, "x")
    assert 204 == anna.status("PUT", FILE, "x")
    assert 204 == shared.status("PUT", FILE, "x", If=f"(<{token}>)")
    assert 200 == hans.lock(FILE).status
    assert 412 == shared.status("PUT", FILE, "x", If=f"(<{token}>)"), "the person's lock ends it"
    assert 423 == shared.status("PUT", FILE, "x")


def test_shared_locks_stand_beside_each_other(hans: Client, anna: Client) -> None:
    """Each holder writes with the own token; nobody gets an exclusive lock beside them."""
    tokens = [client.lock(FILE, shared=True).token for client in (hans, anna)]
    assert 423 == hans.lock(FILE).status
    assert 423 == hans.status("PUT", FILE, "x")
    for client, token in zip((hans, anna), tokens, strict=True):
        assert 204 == client.status("PUT", FILE, "x", If=f"(<{token}>)")


@pytest.mark.parametrize(
    ("wish", "granted"),
    [
        ({}, 600),
        ({"Timeout": "Second-120"}, 120),
        ({"Timeout": "Second-3600"}, 600),
        ({"Timeout": "Second-0"}, 1),
        ({"Timeout": "Infinite, Second-60"}, 600),
        ({"Timeout": "Extend, Second-60"}, 60),
        ({"Timeout": "Second--1"}, 600),
        ({"Timeout": "Second-99999999999999999999"}, 600),
        ({"Timeout": "tomorrow"}, 600),
    ],
)
def test_a_lock_lasts_no_longer_than_is_good(
    hans: Client, wish: dict[str, str], granted: int
) -> None:
    """The first wish that is understood counts, up to ten minutes."""
    assert granted == seconds(hans.ask("LOCK", FILE, lock_info(), **wish))


def test_a_lock_ends_by_itself(hans: Client, anna: Client, clock: Clock) -> None:
    """A client that vanished keeps nobody off for longer than it was granted."""
    hans.lock(FILE, Timeout="Second-60")
    clock.now += 59
    assert 423 == anna.status("PUT", FILE, "x")
    clock.now += 1
    assert 204 == anna.status("PUT", FILE, "x")
    assert 200 == anna.lock(FILE).status


def test_a_lock_is_renewed(hans: Client, anna: Client, clock: Clock) -> None:
    """LOCK without a body and with the token begins the time anew."""
    token = hans.lock(FILE, Timeout="Second-60").token
    clock.now += 59
    renewed = hans.ask("LOCK", FILE, If=f"(<{token}>)", Timeout="Second-60")
    assert (200, 60) == (renewed.status, seconds(renewed))
    assert "Lock-Token" not in renewed.headers
    clock.now += 59
    assert 423 == anna.status("PUT", FILE, "x")
    for field in ({}, {"If": f"(<{NOBODYS}>)"}, {"If": f"(Not <{NOBODYS}>)"}):
        assert 412 == hans.status("LOCK", FILE, **field)


def test_a_name_without_a_file_can_be_locked(
    tree: MemoryTree, hans: Client, anna: Client, server: DavServer
) -> None:
    """LOCK is 201, makes no file, shows it to its holder alone, and keeps others off."""
    reply = hans.lock(NEW)
    assert 201 == reply.status
    assert NEW not in tree.paths
    assert [NEW] == hans.find(NEW, "D:resourcetype").hrefs
    assert [] == anna.find(NEW, "D:resourcetype").hrefs
    assert 404 == Client(server, "reader").find(NEW).status
    assert 404 == hans.status("GET", NEW)
    assert 423 == anna.status("PUT", NEW, "x")
    assert 201 == hans.status("PUT", NEW, "x", If=f"(<{reply.token}>)")
    assert 204 == hans.status("UNLOCK", NEW, Lock_Token=f"<{reply.token}>")
    assert NEW in tree.paths


def test_a_locked_name_that_is_let_go_was_never_there(hans: Client) -> None:
    """UNLOCK without a PUT leaves nothing."""
    token = hans.lock(NEW).token
    assert 204 == hans.status("UNLOCK", NEW, Lock_Token=f"<{token}>")
    assert [] == hans.find(NEW, "D:resourcetype").hrefs


@pytest.mark.parametrize(
    ("user", "path", "status"),
    [("reader", FILE, 403), ("reader", NEW, 403), (None, FILE, 401), (None, NEW, 401)],
)
@pytest.mark.parametrize("method", ["LOCK", "UNLOCK"])
def test_locks_are_for_who_may_write(
    server: DavServer, method: str, user: str | None, path: str, status: int
) -> None:
    """The refusal is the same for a file and for none."""
    body = lock_info() if method == "LOCK" else ""
    assert status == Client(server, user).status(method, path, body, Lock_Token=f"<{NOBODYS}>")


def test_lockdiscovery_tells_the_token_to_its_holder_alone(hans: Client, anna: Client) -> None:
    """Others who may write learn that there is a lock, of what kind, and for how long."""
    reply = hans.ask("LOCK", FILE, lock_info(owner="<D:owner><D:href>a&amp;b</D:href></D:owner>"))
    active = f"{D}prop/{D}lockdiscovery/{D}activelock"
    inside = f"{D}response/{D}propstat/{active}"
    for mine in (
        reply.xml.find(f"{D}lockdiscovery/{D}activelock"),
        hans.find(FILE, "D:lockdiscovery").xml.find(inside),
    ):
        assert mine is not None
        assert reply.token == mine.findtext(f"{D}locktoken/{D}href")
        assert "a&b" == mine.findtext(f"{D}owner/{D}href")
    other = anna.find(FILE, "D:lockdiscovery").xml.find(inside)
    assert other is not None
    assert ["locktype", "lockscope", "depth", "timeout", "lockroot"] == [
        each.tag.removeprefix(D) for each in other
    ]
    assert FILE == other.findtext(f"{D}lockroot/{D}href")


@pytest.mark.parametrize(
    ("owner", "kept"),
    [
        ("", None),
        ("<D:owner>Hans &lt;b&gt;</D:owner>", "Hans <b>"),
        ("<D:owner><a><b>deep</b>er</a></D:owner>", "deeper"),
        ("<D:owner>" + "x" * 1000 + "</D:owner>", "x" * 256),
        ("<D:owner/>", None),
    ],
)
def test_what_is_kept_of_an_owner_is_short_text(hans: Client, owner: str, kept: str | None) -> None:
    """Of DAV:owner only text is kept, up to 256 characters, and escaped again."""
    reply = hans.ask("LOCK", FILE, lock_info(owner=owner))
    assert kept == reply.xml.findtext(f"{D}lockdiscovery/{D}activelock/{D}owner")


BAD_LOCKS = {
    "Depth 1": (lock_info(), {"Depth": "1"}),
    "Depth 2": (lock_info(), {"Depth": "2"}),
    "another root": ('<propfind xmlns="DAV:"><allprop/></propfind>', {}),
    "no scope": (
        '<lockinfo xmlns="DAV:"><locktype><write/></locktype></lockinfo>',
        {},
    ),
    "no type": (
        '<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope></lockinfo>',
        {},
    ),
    "two scopes": (lock_info().replace("<D:exclusive/>", "<D:exclusive/><D:shared/>"), {}),
    "another type": (lock_info().replace("<D:write/>", "<D:read/>"), {}),
    "a broken If": (lock_info(), {"If": "(<"}),
}


@pytest.mark.parametrize("case", BAD_LOCKS)
def test_a_malformed_lock_is_400(hans: Client, anna: Client, case: str) -> None:
    """Nothing is locked by what is not understood."""
    body, fields = BAD_LOCKS[case]
    assert 400 == hans.status("LOCK", FILE, body, **fields)
    assert 200 == anna.lock(FILE).status


@pytest.mark.parametrize(
    ("field", "status"),
    [({}, 400), ({"Lock_Token": "x"}, 400), ({"Lock_Token": f"<{NOBODYS}>"}, 409)],
)
def test_unlock_names_a_lock_that_is_there(
    hans: Client, field: dict[str, str], status: int
) -> None:
    """Without a token 400, with one that is of no lock here 409."""
    token = hans.lock(OTHER).token
    assert status == hans.status("UNLOCK", FILE, **field)
    assert 409 == hans.status("UNLOCK", FILE, Lock_Token=f"<{token}>")


def test_a_deep_lock_covers_what_a_collection_holds(hans: Client, anna: Client) -> None:
    """Depth infinity, the default, locks members that are and that come; Depth 0 only which."""
    token = hans.lock("/calendar/").token
    assert 423 == anna.status("PUT", FILE, "x")
    assert 423 == anna.status("PUT", NEW, "x")
    assert [] == hans.find(NEW, "D:resourcetype").hrefs
    assert 423 == anna.lock(FILE).status
    assert 204 == hans.status("PUT", FILE, "x", If=f"(<{token}>)")
    assert 204 == hans.status("UNLOCK", FILE, Lock_Token=f"<{token}>")
    token = hans.lock("/calendar/", Depth="0").token
    assert 204 == anna.status("PUT", FILE, "x")
    assert 423 == anna.status("PUT", NEW, "x")
    assert 423 == anna.status("DELETE", FILE)
    tagged = f"<http://127.0.0.1:{anna.server.port}/calendar/> (<{token}>)"
    assert 201 == hans.status("PUT", NEW, "x", If=tagged)


def test_a_collection_cannot_be_locked_around_a_lock(hans: Client, anna: Client) -> None:
    """A deep lock conflicts with locks below, and so does the collection's removal."""
    hans.lock(FILE)
    reply = anna.lock("/calendar/")
    assert (423, "no-conflicting-lock") == (reply.status, reply.condition)
    assert FILE.encode() in reply.body
    assert 423 == anna.status("DELETE", "/calendar/")
    assert 200 == anna.lock("/calendar/", Depth="0").status


def test_locks_end_with_what_they_lock(hans: Client, anna: Client) -> None:
    """After DELETE or MOVE the old name is free; a lock does not go along."""
    token = hans.lock(FILE).token
    assert 204 == hans.status("DELETE", FILE, If=f"(<{token}>)")
    assert 201 == anna.status("PUT", FILE, "x")
    token = hans.lock(FILE).token
    assert 201 == hans.status("MOVE", FILE, Destination=NEW, If=f"(<{token}>)")
    assert 201 == anna.status("PUT", FILE, "x")
    assert 204 == anna.status("PUT", NEW, "x")


IF_HEADERS = [
    ("(<{token}>)", 204),
    ("(<{token}> [{etag}])", 204),
    ('(<{token}> ["other"])', 412),
    ('(["other"]) (<{token}>)', 204),
    ("(Not <DAV:no-lock> <{token}>)", 204),
    ("(<{token}>) (Not <DAV:no-lock>)", 204),
    ("(Not <{token}>)", 412),
    ("(<DAV:no-lock>)", 412),
    ("(Not <DAV:no-lock>)", 423),
    ("([{etag}])", 423),
    ("<{url}> (<{token}>)", 204),
    ("<{path}> (<{token}>)", 204),
    ("<{url}> (<{token}> [{etag}]) <http://elsewhere.example/x> (<urn:x:y>)", 204),
    ("<http://elsewhere.example{path}> (<{token}>)", 412),
    ("<http://elsewhere.example{path}> (Not <{token}>)", 204),
    ("<{other}> (<{token}>)", 412),
    ("(<{token}>", 400),
    ("<{token}>", 400),
    ("()", 400),
    ("(Not)", 400),
    ("(Not Not <{token}>)", 400),
    ("(<{token}>) <{path}> (<{token}>)", 400),
    ("<{path}>", 400),
    ("<{path}> <{path}> (<{token}>)", 400),
    ("(({token}))", 400),
    ("nothing", 400),
    ("", 400),
]
"""The header of a PUT onto a locked file, and what comes of it."""


@pytest.mark.parametrize(("field", "status"), IF_HEADERS)
def test_the_if_header(hans: Client, field: str, status: int) -> None:
    """One list must hold, else 412; the lock's token must be among those it names, else 423."""
    token = hans.lock(FILE).token
    (properties,) = hans.find(FILE, "D:getetag").properties()
    url = f"http://127.0.0.1:{hans.server.port}{FILE}"
    text = field.format(
        token=token, etag=properties[f"{D}getetag"], url=url, path=FILE, other=OTHER
    )
    assert status == hans.status("PUT", FILE, "new", If=text)


def test_an_if_header_guards_what_is_not_locked(hans: Client) -> None:
    """An entity tag or a token that is no more stops a write without any lock."""
    assert 412 == hans.status("PUT", FILE, "new", If=f"(<{NOBODYS}>)")
    assert 412 == hans.status("DELETE", FILE, If='(["other"])')
    assert 412 == hans.status("MOVE", FILE, Destination=NEW, If='(["other"])')
    assert 204 == hans.status("PUT", FILE, "new", If=f"(Not <{NOBODYS}>)")


def test_an_account_holds_a_bounded_number_of_locks(hans: Client, anna: Client) -> None:
    """The sixty-fifth is 507; others still get theirs, and one that is let go makes room."""
    replies = [hans.lock(f"/calendar/{number}.vfb") for number in range(65)]
    assert [201] * 64 + [507] == [reply.status for reply in replies]
    assert 201 == anna.lock("/calendar/64.vfb").status
    assert 204 == hans.status("UNLOCK", "/calendar/0.vfb", Lock_Token=f"<{replies[0].token}>")
    assert 200 == hans.lock(FILE).status


NETWORK = Holder.of(Visitor("192.0.2.1"))
"""An address of a trusted network, without an account."""


@pytest.mark.parametrize(
    ("holder", "other", "stops"),
    [
        (HANS, HANS, True),
        (HANS, FREEBUSY, True),
        (HANS, NETWORK, True),
        (FREEBUSY, HANS, False),
        (FREEBUSY, FREEBUSY, True),
        (FREEBUSY, NETWORK, True),
        (NETWORK, HANS, False),
        (NETWORK, FREEBUSY, True),
        (NETWORK, Holder.of(Visitor("192.0.2.2")), True),
    ],
)
def test_whose_lock_stops_whom(clock: Clock, holder: Holder, other: Holder, stops: bool) -> None:
    """A person's lock stops everybody; any other one does not stop a person."""
    lock = LockTable(clock).grant(wish("/x", holder, "192.0.2.1"))
    assert stops == lock.hinders(other, ())
    assert (stops and other != holder) == lock.hinders(other, {lock.token})


def test_there_is_a_bounded_number_of_locks_in_all(clock: Clock) -> None:
    """A full table has room again when a lock's time is over."""
    table = LockTable(clock, max_locks=2)
    for number in range(2):
        assert table.has_room()
        table.grant(wish(f"/{number}", HANS, "192.0.2.1"))
    assert not table.has_room()
    clock.now += 60
    assert table.has_room()
    assert 0 == len(table)


def test_the_shared_account_may_hold_locks_from_many_addresses(clock: Clock) -> None:
    """A site may publish everything with one account: its locks are counted by address."""
    table = LockTable(clock, max_per_holder=1)
    for holder, room in ((FREEBUSY, True), (HANS, False)):
        table.grant(wish(f"/{holder.key}", holder, "192.0.2.1"))
        assert not table.has_room_for(wish("/x", holder, "192.0.2.1"))
        assert room == table.has_room_for(wish("/x", holder, "192.0.2.2"))


def test_a_full_table_is_503_with_a_time_to_come_back() -> None:
    """RFC 9110 §15.6.4."""
    response = RefusedError(503, "Too many locks at the moment").response()
    assert (503, "60") == (response.status, response.headers["Retry-After"])
