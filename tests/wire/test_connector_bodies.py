"""Bodies of requests: what is taken, what is refused, and that nothing of it is repeated."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from freebusy.connector.bodies import PREFIX
from freebusy.connector.parts import ConnectorLimits
from freebusy.web.connector.jsonbody import MAX_VALUES
from freebusy.web.connector.table import ENDPOINTS
from tests.wire.connector_gateway import HANS, JSON, connecting
from tests.wire.http_gateway import read_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wire.connector_gateway import Api

MAX_BODY = 200_000
SECRET = "GeheimesTreffen"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with connecting(ConnectorLimits(max_body=MAX_BODY), upload_timeout=1.0) as api:
        yield api


def nested(depth: int) -> bytes:
    return b'{"name":' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b'{"name":"N"}', 201, ""),
        (b' {"name" : "\\u00fcb\\ud83d\\ude00er"}\n', 201, ""),
        (b"", 400, "RFC 8259"),
        (b"{", 400, "RFC 8259"),
        (b'{"name":"N"}{}', 400, "RFC 8259"),
        (b"{'name':'N'}", 400, "RFC 8259"),
        (b'\xef\xbb\xbf{"name":"N"}', 400, "RFC 8259"),
        ('{"name":"N"}'.encode("utf-16"), 400, "RFC 8259"),
        (b'{"name":"\xff"}', 400, "RFC 8259"),
        (b'{"name":"\xed\xa0\x80"}', 400, "RFC 8259"),
        (b'{"name":"\\ud800"}', 400, "RFC 8259"),
        (b'{"name":"\\udc00\\ud800"}', 400, "RFC 8259"),
        (b'{"\\ud800":"N"}', 400, "RFC 8259"),
        (b'{"name":"a\nb"}', 400, "RFC 8259"),
        (b'{"name":NaN}', 400, "NaN"),
        (b'{"name":-Infinity}', 400, "NaN"),
        (b'{"name":"N","name":"M"}', 400, "twice"),
        (b'{"name":"N","\\u006eame":"M"}', 400, "twice"),
        (b'{"name":{"a":1,"a":2}}', 400, "twice"),
        (nested(150), 422, "name"),
        (nested(90_000), 400, "nested"),
        (b'{"name":' + b"9" * 10_000 + b"}", 400, "RFC 8259"),
        (b"[]", 422, "the body"),
        (b"null", 422, "the body"),
        (b'"N"', 422, "the body"),
        (b"{}", 422, "name: "),
        (b'{"name":1}', 422, "name: "),
        (b'{"name":""}', 422, "name: "),
        (b'{"name":"a\\u0000"}', 422, "name: "),
        (b'{"name":"a\\r\\nb"}', 422, "name: "),
        (b'{"name":"N","mode":"weekly"}', 422, "mode: "),
        (b'{"name":"N","more":1}', 422, "more: "),
        (b'{"name":"N","' + SECRET.encode() + b' ":1}', 422, "?: "),
        (b'{"name":"N","parent":"a/b"}', 422, "parent: "),
    ],
)
def test_json(api: Api, body: bytes, status: int, said: str) -> None:
    """What is no JSON is 400, what is other JSON than is wanted is 422 and named."""
    answer = api.send("POST", "/folders", body)
    assert status == answer.status
    if status == 201:
        api.ask("DELETE", f"/folders/{json.loads(answer.body)['id']}")
    assert said in answer.body.decode()
    assert SECRET not in answer.body.decode()


@pytest.mark.parametrize(
    ("media", "status"),
    [
        ("Content-Type: application/json", 422),
        ("Content-Type: Application/JSON; charset=UTF-8", 422),
        ('Content-Type: application/json; charset="utf-8"', 422),
        ("Content-Type: application/json; charset=latin-1", 415),
        ("Content-Type: application/x-www-form-urlencoded", 415),
        ("Content-Type: text/plain", 415),
        ("Content-Type: text/calendar", 415),
        ("Content-Type: application/json-patch+json", 415),
        ("Content-Type:", 415),
        ("X: y", 415),
    ],
)
def test_media_types(api: Api, media: str, status: int) -> None:
    """JSON in UTF-8 alone: what a form on a web page can send is refused."""
    assert status == api.send("POST", "/folders", b"{}", media=media).status


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("Content-Encoding: gzip",), 415),
        (("Content-Range: bytes 0-1/2",), 400),
        (("Expect: something",), 417),
    ],
)
def test_framing(api: Api, lines: tuple[str, ...], status: int) -> None:
    """Codings, parts and expectations are refused as problems, too."""
    answer = api.send("POST", "/folders", b"{}", *lines)
    assert (status, "application/problem+json") == (answer.status, answer.headers["content-type"])


def many(values: int) -> bytes:
    return b'{"names":[' + b",".join([b"0"] * values) + b"]}"


def test_a_large_body(api: Api) -> None:
    """One too large is 413, by its length or on the way, and the client comes to read it."""
    assert 413 == api.send("POST", "/folders", b" " * (MAX_BODY + 1)).status
    head = f"POST {PREFIX}/folders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    with api.running.connect() as client:
        client.sendall(f"{head}{HANS}\r\n{JSON}\r\n\r\n".encode())
        for _ in range(MAX_BODY // 8000 + 1):
            client.sendall(b"1f40\r\n" + b" " * 8000 + b"\r\n")
        client.sendall(b"0\r\n\r\n")
        assert 413 == read_answer(client).status


def test_very_many_values() -> None:
    """They are refused before they are made; the text of calendars counts for nothing."""
    with connecting() as api:
        assert 413 == api.send("POST", "/freebusy", many(MAX_VALUES + 1)).status
        text = json.dumps({"names": ["," * (MAX_VALUES + 1)]}).encode()
        assert 422 == api.send("POST", "/freebusy", text).status


def test_many_errors_are_not_all_told(api: Api) -> None:
    """The first twenty, and that there are more."""
    answer = api.send("POST", "/freebusy", {"names": [""] * 100})
    errors = json.loads(answer.body)["errors"]
    assert (21, "and more", True) == (len(errors), errors[-1], "names[0]: " in errors[0])


def test_a_body_that_breaks_off(api: Api) -> None:
    """Nothing is done of a request that is not whole, whether it ends or only waits."""
    before = api.ask("GET", "/folders")
    body = b'{"name":"Half"}'
    head = f"POST {PREFIX}/folders HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body) + 1}\r\n"
    request = f"{head}{HANS}\r\n{JSON}\r\n\r\n".encode() + body
    with api.running.connect() as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        assert 400 == read_answer(client).status
    with api.running.connect() as client:
        client.sendall(request)
        assert 408 == read_answer(client).status
    assert before == api.ask("GET", "/folders")


def test_who_is_refused_sends_no_body(api: Api) -> None:
    """A client that waits for a word gets its answer instead."""
    head = f"POST {PREFIX}/folders HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n{JSON}\r\n"
    for lines, status in (("", 401), (f"{HANS}\r\n", 100)):
        with api.running.connect() as client:
            client.sendall(f"{head}{lines}Expect: 100-continue\r\n\r\n".encode())
            assert f"HTTP/1.1 {status}".encode() == client.recv(12)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.just(SECRET) | st.sampled_from(["put", "delete", "select", "2026-03-01T00:00:00Z", "1"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.text(max_size=8)
        | st.sampled_from(["name", "names", "event", "changes", "uid", "action", "calendar",
                           "replaces", "start", "end", "periods", "rights", "role"]),
        inner, max_size=6,
    ),
    max_leaves=15,
)  # fmt: skip
WITH_BODY = [each for each in ENDPOINTS if each.body is not None]


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=lambda each: f"{each.method} {each.path}")
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=VALUES | st.binary(max_size=60))
@example(value={"changes": [{"action": "put", "uid": SECRET, "replaces": [SECRET]}]})
@example(value={"names": [{SECRET: SECRET}]})
def test_any_json(api: Api, endpoint: Any, value: object) -> None:
    """Whatever comes: no fault of the service, and of what was refused nothing is repeated."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    answer = api.send(endpoint.method, endpoint.example.path, text)
    documented = {each.status for each in endpoint.successes} | set(endpoint.refusals())
    assert answer.status in documented - {500}
    if answer.status >= 400:
        assert SECRET not in answer.body.decode()


SEGMENTS = st.sampled_from(
    ["folders", "Q2FsZW5kYXI", "changes", "acl", "sync", "freebusy", "ping", "settings", "..", ".",
     "%2e%2e", "%", "%zz", "%00", "%FF", "%C3%BC", "", "*", "openapi.json", "a" * 3000]
) | st.text(st.characters(codec="utf-8", exclude_characters=" #?\r\n\0"), max_size=6)  # fmt: skip


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from(["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "MOVE"]),
    segments=st.lists(SEGMENTS, min_size=1, max_size=5),
    query=st.text(st.characters(codec="utf-8", exclude_characters=" #\r\n\0"), max_size=8),
)
def test_any_path(api: Api, method: str, segments: list[str], query: str) -> None:
    """Whatever stands in the path and the query: an answer that says what to do, and no fault."""
    answer = api.send(method, f"/{'/'.join(segments)}?{query}")
    assert answer.status < 500
    if answer.status >= 400 and answer.body and "".join(segments).isprintable():
        told = json.loads(answer.body) if answer.body != b"Bad request\n" else {"status": 400}
        assert answer.status == told["status"]
