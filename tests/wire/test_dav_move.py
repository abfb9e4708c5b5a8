"""MOVE, MKCOL and COPY (RFC 4918 §9.3, §9.8, §9.9) and where a Destination is (§10.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from freebusy.web.dav.fields import destination
from freebusy.web.dav.refused import RefusedError
from tests.system.dav_server import MemoryTree, dav_server
from tests.wire.dav_client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

PART = "/calendar/hans.vfb.part"
FILE = "/calendar/hans.vfb"
NEW = "/calendar/new.vfb"


@pytest.fixture
def tree() -> MemoryTree:
    tree = MemoryTree()
    tree.make("/calendar")
    tree.store(PART, b"new")
    tree.store(FILE, b"old")
    return tree


@pytest.fixture
def hans(tree: MemoryTree) -> Iterator[Client]:
    with dav_server(tree) as server:
        yield Client(server)


@pytest.mark.parametrize(
    ("source", "target", "fields", "status"),
    [
        (PART, FILE, {}, 204),
        (PART, FILE, {"Overwrite": "T"}, 204),
        (PART, FILE, {"Overwrite": "F"}, 412),
        (PART, NEW, {"Overwrite": "F"}, 201),
        (PART, NEW, {"Overwrite": "perhaps"}, 400),
        (PART, NEW, {"Depth": "infinity"}, 201),
        (PART, NEW, {"Depth": "0"}, 400),
        (PART, "http://{host}/calendar/new.vfb", {}, 201),
        (PART, "http://hans:secret@{host}/calendar/new.vfb", {}, 201),
        (PART, "HTTP://{host}/calendar/new%2Evfb", {}, 201),
        (PART, "http://127.0.0.1:9/calendar/new.vfb", {}, 502),
        (PART, "http://elsewhere.example/calendar/new.vfb", {}, 502),
        (PART, "ftp://{host}/calendar/new.vfb", {}, 400),
        (PART, "//{host}/calendar/new.vfb", {}, 400),
        (PART, "calendar/new.vfb", {}, 400),
        (PART, "", {}, 400),
        (PART, "/calendar/%2e%2e/x", {}, 403),
        (PART, "/calendar/x%00.vfb", {}, 403),
        (PART, "/calendar/%ff.vfb", {}, 403),
        (FILE, FILE, {}, 403),
        (FILE, "/calendar/alias/hans.vfb", {}, 403),
        ("/calendar/none.vfb", NEW, {}, 404),
        (PART, "/none/new.vfb", {}, 409),
    ],
)
def test_move(
    tree: MemoryTree, hans: Client, source: str, target: str, fields: dict[str, str], status: int
) -> None:
    """Where to is this server's or nobody's; what is refused changes nothing."""
    before = tree.paths
    destination = target.format(host=f"127.0.0.1:{hans.server.port}")
    reply = hans.ask("MOVE", source, Destination=destination, **fields)
    assert status == reply.status
    assert b"secret" not in reply.body
    assert (status < 300) == (tree.paths != before)


def test_move_is_no_method_without_a_destination(hans: Client) -> None:
    """RFC 4918 §9.9: the Destination must be there."""
    assert 400 == hans.status("MOVE", PART)


@pytest.mark.parametrize(("user", "status"), [("reader", 403), (None, 401)])
@pytest.mark.parametrize("source", [PART, "/calendar/none.part"])
@pytest.mark.parametrize("target", [FILE, "/calendar/none.vfb"])
def test_move_is_for_who_may_write(
    hans: Client, user: str | None, status: int, source: str, target: str
) -> None:
    """The right is asked before anything is looked up."""
    client = Client(hans.server, user)
    assert status == client.status("MOVE", source, Destination=target)


@pytest.mark.parametrize(
    ("host", "url", "path"),
    [
        ("cal.example.com", "http://cal.example.com/x", "/x"),
        ("cal.example.com", "http://cal.example.com:80/x", "/x"),
        ("cal.example.com:80", "http://CAL.example.com/x", "/x"),
        ("cal.example.com", "https://cal.example.com/x", "/x"),
        ("cal.example.com", "https://cal.example.com:443/x?y=1", "/x"),
        ("cal.example.com:8080", "http://cal.example.com/x", None),
        ("[::1]:8008", "http://[::1]:8008/x", "/x"),
        ("[::1]:8008", "http://[::2]:8008/x", None),
        ("backend:8008", "https://calendar.example.org/x", "/x"),
        ("backend:8008", "https://calendar.example.org:8443/x", "/x"),
        ("backend:8008", "https://other.example.org/x", None),
        ("", "http://cal.example.com/x", None),
        ("a]b:c:d", "http://a]b:c:d/x", "/x"),
    ],
)
def test_a_destination_is_ours_by_its_host(host: str, url: str, path: str | None) -> None:
    """The host that was asked, ports filled in, or one that the site goes by behind a proxy."""
    headers = {"Host": host, "Destination": url}
    hosts = {"calendar.example.org"}
    if path is not None:
        assert path == destination(headers, hosts)
        return
    with pytest.raises(RefusedError) as refused:
        destination(headers, hosts)
    assert 502 == refused.value.status


def test_collections_and_copies_are_for_trees(tree: MemoryTree, hans: Client) -> None:
    """MKCOL makes a collection and takes no body; COPY copies with Depth 0 or infinity."""
    assert 415 == hans.status("MKCOL", "/calendar/sub", "<x/>")
    assert 201 == hans.status("MKCOL", "/calendar/sub")
    assert 405 == hans.status("MKCOL", "/calendar/sub")
    assert 400 == hans.status("COPY", FILE, Destination=NEW, Depth="1")
    assert 201 == hans.status("COPY", FILE, Destination=NEW)
    assert b"old" == tree.read(NEW)


def test_whoever_has_no_tree_has_no_copy() -> None:
    """A collection that names COPY and MKCOL and cannot do them refuses them."""

    class Flat(MemoryTree):
        copy = None  # type: ignore[assignment]  # so that it is no Tree
        make_collection = None  # type: ignore[assignment]

    tree = Flat()
    tree.store("/x", b"")
    with dav_server(tree) as server:
        hans = Client(server)
        assert 403 == hans.status("COPY", "/x", Destination="/y")
        assert 403 == hans.status("MKCOL", "/y")
