"""OPTIONS, PROPFIND and PROPPATCH (RFC 4918 §9.1, §9.2, §10.1)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.system.dav_server import MemoryTree, dav_server
from tests.wire.dav_client import Client, D, propfind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wire.dav_client import Reply

W = "{urn:schemas-microsoft-com:}"
PUBLISHED = ("OPTIONS", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "MOVE")


@pytest.fixture
def tree() -> MemoryTree:
    tree = MemoryTree(methods=PUBLISHED)
    tree.make("/calendar")
    tree.store("/calendar/anna.vfb", b"anna")
    tree.store("/calendar/grün & blau.vfb", b"")
    tree.store("/calendar/hans.vfb", b"hans!")
    return tree


@pytest.fixture
def hans(tree: MemoryTree) -> Iterator[Client]:
    with dav_server(tree) as server:
        yield Client(server)


@pytest.fixture
def reader(hans: Client) -> Client:
    return Client(hans.server, "reader")


@pytest.mark.parametrize("path", ["/", "*", "/calendar/", "/calendar/hans.vfb", "/calendar/x.vfb"])
@pytest.mark.parametrize("user", ["hans", "reader", None])
def test_options_tells_what_is_spoken(hans: Client, path: str, user: str | None) -> None:
    """OPTIONS answers by the form of the path: the same for everybody, whatever is there."""
    reply = Client(hans.server, user).ask("OPTIONS", path)
    assert (200, b"") == (reply.status, reply.body)
    assert ("1, 2", "DAV", "0") == tuple(
        reply.headers[name] for name in ("DAV", "MS-Author-Via", "Content-Length")
    )
    allow = "OPTIONS, PROPFIND, PROPPATCH, LOCK, UNLOCK, MOVE, GET, HEAD, PUT, DELETE"
    assert allow == reply.headers["Allow"]


@pytest.mark.parametrize("method", ["MKCOL", "COPY"])
def test_what_a_tree_does_not_allow_is_405(hans: Client, method: str) -> None:
    """A collection that has no MKCOL and no COPY answers with what it has."""
    reply = hans.ask(method, "/calendar/hans.vfb", Destination="/calendar/x.vfb")
    assert 405 == reply.status
    assert "MOVE" in reply.headers["Allow"]
    assert method not in reply.headers["Allow"]


def test_a_file_has_the_live_properties(hans: Client) -> None:
    """allprop, and an empty body, name every property of RFC 4918 §15 that is known."""
    reply = hans.find("/calendar/hans.vfb")
    assert 207 == reply.status
    assert ["/calendar/hans.vfb"] == reply.hrefs
    (properties,) = reply.properties()
    assert f"{D}lockentry {D}lockentry" == properties.pop(f"{D}supportedlock")
    assert properties.pop(f"{D}getetag").startswith('"')
    assert {
        f"{D}creationdate": "2026-06-01T12:30:15Z",
        f"{D}displayname": "hans.vfb",
        f"{D}getcontentlength": "5",
        f"{D}getcontenttype": "text/calendar",
        f"{D}getlastmodified": "Mon, 01 Jun 2026 12:30:15 GMT",
        f"{D}lockdiscovery": "",
        f"{D}resourcetype": "",
    } == properties
    assert (
        reply.body
        == hans.ask(
            "PROPFIND",
            "/calendar/hans.vfb",
            '<propfind xmlns="DAV:"><allprop/></propfind>',
            Depth="0",
        ).body
    )


def test_propname_tells_names_alone(hans: Client) -> None:
    """propname lists what allprop would, without values."""
    body = '<propfind xmlns="DAV:"><propname/></propfind>'
    (names,) = hans.ask("PROPFIND", "/calendar/hans.vfb", body, Depth="0").properties()
    (properties,) = hans.find("/calendar/hans.vfb").properties()
    assert list(properties) == list(names)
    assert {""} == set(names.values())


def test_what_a_resource_has_not_is_404_of_its_own(hans: Client) -> None:
    """Properties that are asked for and not there are named with 404, in their namespaces."""
    body = (
        '<D:propfind xmlns:D="DAV:" xmlns:q="a&quot;&amp;&lt;b"><D:prop><D:getcontentlength/>'
        '<D:isroot/><q:thing/><plain xmlns=""/></D:prop></D:propfind>'
    )
    reply = hans.ask("PROPFIND", "/calendar/hans.vfb", body, Depth="0")
    assert [{f"{D}getcontentlength": "5"}] == reply.properties()
    assert [{f"{D}isroot": "", '{a"&<b}thing': "", "plain": ""}] == reply.properties(404)


@pytest.mark.parametrize(
    ("depth", "hrefs"),
    [
        ("0", ["/calendar/"]),
        ("1", ["/calendar/", "/calendar/anna.vfb", "gruen", "/calendar/hans.vfb"]),
        ("1,noroot", ["/calendar/anna.vfb", "gruen", "/calendar/hans.vfb"]),
    ],
)
@pytest.mark.parametrize("path", ["/calendar", "/calendar/"])
def test_depth_says_how_far(hans: Client, path: str, depth: str, hrefs: list[str]) -> None:
    """Depth 0 is the folder, 1 its files too; what stands in an href is a URL."""
    green = "/calendar/gr%C3%BCn%20&%20blau.vfb"
    reply = hans.find(path, "D:resourcetype", depth=depth)
    assert [green if href == "gruen" else href for href in hrefs] == reply.hrefs
    kinds = [f"{D}collection" if href.endswith("/") else "" for href in reply.hrefs]
    assert [{f"{D}resourcetype": kind} for kind in kinds] == reply.properties()


@pytest.mark.parametrize("depth", [None, "infinity"])
def test_all_depths_at_once_are_refused(hans: Client, depth: str | None) -> None:
    """Depth infinity, which is also meant where there is none, names its precondition."""
    fields = {} if depth is None else {"Depth": depth}
    reply = hans.ask("PROPFIND", "/calendar/", **fields)
    assert (403, "propfind-finite-depth") == (reply.status, reply.condition)


def test_a_free_name_is_an_empty_answer_to_who_may_write_it(hans: Client) -> None:
    """Before its first upload Office asks for the file, and takes nothing for a free name."""
    reply = hans.find("/calendar/new.vfb", "D:resourcetype")
    assert (207, []) == (reply.status, reply.hrefs)


def test_hidden_and_unknown_are_alike(tree: MemoryTree, reader: Client) -> None:
    """Who may not write hears one and the same refusal for what is not there and not shown."""
    tree.hidden.add("/calendar/anna.vfb")
    replies = [reader.find(path) for path in ("/calendar/anna.vfb", "/calendar/x.vfb", "/no/where")]
    assert {404} == {reply.status for reply in replies}
    assert 1 == len({_told(reply) for reply in replies})
    assert 207 == reader.find("/calendar/hans.vfb").status


def _told(reply: Reply) -> tuple[object, ...]:
    headers = {name: value for name, value in reply.headers.items() if name != "Date"}
    return reply.status, tuple(headers.items()), reply.body


def test_who_may_only_read_sees_no_locks(hans: Client, reader: Client) -> None:
    """That somebody is about to publish is nothing that readers are told."""
    assert 200 == hans.lock("/calendar/hans.vfb").status
    for each in reader.find(
        "/calendar/", "D:lockdiscovery", "D:supportedlock", depth="1"
    ).properties():
        assert {f"{D}lockdiscovery": "", f"{D}supportedlock": ""} == each


WINDOWS = """<D:propertyupdate xmlns:D="DAV:" xmlns:W="urn:schemas-microsoft-com:"><D:set><D:prop>
<W:Win32FileAttributes>00000020</W:Win32FileAttributes><W:Win32Secret>x</W:Win32Secret>
<W:Win32CreationTime>Mon, 01 Jun 2026 12:00:00 GMT &lt;&amp;</W:Win32CreationTime>
<D:displayname>the director</D:displayname><other xmlns="urn:x">y</other>
</D:prop></D:set></D:propertyupdate>"""


def test_proppatch_says_yes_and_keeps_what_windows_needs(hans: Client, reader: Client) -> None:
    """Everything is 200; what is there afterwards are Windows's four, for who may write."""
    path = "/calendar/hans.vfb"
    reply = hans.ask("PROPPATCH", path, WINDOWS)
    assert 207 == reply.status
    (names,) = reply.properties()
    windows = {f"{W}Win32{what}" for what in ("FileAttributes", "Secret", "CreationTime")}
    assert {*windows, "{urn:x}other", f"{D}displayname"} == names.keys()
    asked = ("W:Win32FileAttributes", "W:Win32Secret", "W:Win32CreationTime", "D:displayname")
    kept = hans.find("/calendar/alias/hans.vfb", *asked)
    assert [
        {
            f"{W}Win32FileAttributes": "00000020",
            f"{W}Win32CreationTime": "Mon, 01 Jun 2026 12:00:00 GMT <&",
            f"{D}displayname": "hans.vfb",
        }
    ] == kept.properties()
    assert [{f"{D}displayname": "hans.vfb"}] == reader.find(path, *asked).properties()


def test_what_windows_wrote_goes_with_the_file(hans: Client) -> None:
    """A MOVE takes the kept properties along, PROPPATCH and DELETE remove them."""
    path, other = "/calendar/hans.vfb", "/calendar/anna.vfb"
    name = f"{W}Win32FileAttributes"
    hans.ask("PROPPATCH", path, WINDOWS)
    assert 204 == hans.status("MOVE", path, Destination=other)
    assert [{name: "00000020"}] == hans.find(other, "W:Win32FileAttributes").properties()
    removal = (
        '<propertyupdate xmlns="DAV:"><remove><prop><a:Win32FileAttributes '
        'xmlns:a="urn:schemas-microsoft-com:"/></prop></remove></propertyupdate>'
    )
    hans.ask("PROPPATCH", other, removal)
    assert [{name: ""}] == hans.find(other, "W:Win32FileAttributes").properties(404)
    hans.ask("PROPPATCH", other, WINDOWS)
    assert 204 == hans.status("DELETE", other)
    assert 201 == hans.status("PUT", other, "new")
    assert [{name: ""}] == hans.find(other, "W:Win32FileAttributes").properties(404)


@pytest.mark.parametrize(
    ("user", "path", "status"),
    [
        ("hans", "/calendar/x.vfb", 404),
        ("reader", "/calendar/hans.vfb", 403),
        ("reader", "/calendar/x.vfb", 403),
        (None, "/calendar/hans.vfb", 401),
        (None, "/calendar/x.vfb", 401),
    ],
)
def test_proppatch_needs_a_file_and_the_right_to_write(
    hans: Client, user: str | None, path: str, status: int
) -> None:
    """The right comes before the look whether there is anything."""
    assert status == Client(hans.server, user).status("PROPPATCH", path, WINDOWS)


BAD_BODIES = {
    "not XML": "hello",
    "cut off": '<D:propfind xmlns:D="DAV:"><D:prop>',
    "another root": '<D:propertyupdate xmlns:D="DAV:"/>',
    "no namespace": "<propfind><allprop/></propfind>",
    "nothing asked": '<propfind xmlns="DAV:"/>',
    "two things asked": '<propfind xmlns="DAV:"><allprop/><propname/></propfind>',
    "a document type": '<!DOCTYPE propfind><propfind xmlns="DAV:"><allprop/></propfind>',
    "an entity": (
        '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        '<propfind xmlns="DAV:"><prop>&x;</prop></propfind>'
    ),
    "too deep": '<propfind xmlns="DAV:">' + "<a>" * 40 + "</a>" * 40 + "</propfind>",
    "too many": propfind(*(f"D:x{number}" for number in range(400))),
    "a long name": propfind("D:" + "x" * 400),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_bad_body_is_400(hans: Client, case: str) -> None:
    """What is malformed, hostile or larger than needed is refused, and quoted nowhere."""
    reply = hans.ask("PROPFIND", "/calendar/", BAD_BODIES[case], Depth="0")
    assert 400 == reply.status
    assert {b"XML", b"PROPFIND", b"document"} & set(reply.body.split()), reply.body


def test_a_large_body_is_413(hans: Client) -> None:
    """Beyond 64 KiB nothing is read on, whether its length was told or not."""
    body = '<propfind xmlns="DAV:"><!--' + "x" * 70_000 + "--><allprop/></propfind>"
    assert 413 == hans.status("PROPFIND", "/calendar/", body, Depth="0")


@pytest.mark.parametrize(
    ("chunks", "status"),
    [
        ([b"<propfind xmlns='DAV:'>", b"<allprop/></propfind>"], 207),
        ([b"<!--" + b"x" * 10_000] * 8, 413),
        ([], 207),
    ],
)
def test_a_chunked_body_is_read_within_the_same_bounds(
    hans: Client, chunks: list[bytes], status: int
) -> None:
    """A body whose length nobody told ends at its last chunk, or at the limit."""
    text = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])
    assert status == _raw(hans, b"Transfer-Encoding: chunked", text)


def test_a_broken_body_is_400(hans: Client) -> None:
    """What is no chunk is no body, and no fault of ours."""
    assert 400 == _raw(hans, b"Transfer-Encoding: chunked", b"hello\r\n")


def _raw(client: Client, field: bytes, body: bytes) -> int:
    head = b"PROPFIND /calendar/ HTTP/1.1\r\nHost: x\r\nDepth: 0\r\n" + field
    login = b"Authorization: Basic aGFuczp4"
    with socket.create_connection(("127.0.0.1", client.server.port), 10) as connection:
        connection.sendall(head + b"\r\n" + login + b"\r\n\r\n" + body)
        return int(connection.recv(100).split()[1])


def test_an_answer_has_a_bound(tree: MemoryTree, hans: Client) -> None:
    """A short question that would make many files answer at length is 507 with Depth 1."""
    for number in range(800):
        tree.store(f"/calendar/{number}.vfb", b"")
    many = "".join(f'<a{number} xmlns="{"n" * 240}"/>' for number in range(200))
    body = f'<propfind xmlns="DAV:"><prop>{many}</prop></propfind>'
    assert 207 == hans.status("PROPFIND", "/calendar/", body, Depth="0")
    assert 507 == hans.status("PROPFIND", "/calendar/", body, Depth="1")
