"""Multistatus, hrefs, templates and tokens of CalDAV, without a server."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calendar_sync.caldav import bodies
from calendar_sync.caldav.hrefs import canonical, last_part, member, member_path, path_of
from calendar_sync.caldav.multistatus import MAX_TEXT, Multistatus, Response
from calendar_sync.caldav.settings import (
    CaldavSettings,
    fill_segment,
    fill_url,
    login_of,
    place_of,
)
from calendar_sync.caldav.sync import Token, parse_token
from freebusy.errors import SourceError, SourceRefusedError, SourceUnavailableError
from freebusy.ports import Owner

HANS = Owner("hans", "hans@example.com", password="own")

ANSWER = """<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:" xmlns:X="urn:ietf:params:xml:ns:caldav">
  <D:response>
    <D:href> /c/a.ics </D:href>
    <D:propstat>
      <D:prop>
        <D:getetag>"1&amp;2"</D:getetag>
        <D:resourcetype><D:collection/><X:calendar/></D:resourcetype>
        <D:owner><D:href>/p/hans/</D:href></D:owner>
        <X:calendar-data>BEGIN:VCALENDAR&#13;
äöü<![CDATA[<x>&y;]]></X:calendar-data>
      </D:prop>
      <D:status>HTTP/1.1 200 OK</D:status>
    </D:propstat>
    <D:propstat>
      <D:prop><X:schedule-calendar-transp/></D:prop>
      <D:status>HTTP/1.1 404 Not Found</D:status>
    </D:propstat>
  </D:response>
  <D:response>
    <D:href>/c/b.ics</D:href>
    <D:status>HTTP/1.1 404 Not Found</D:status>
    <D:error><D:valid-sync-token/></D:error>
  </D:response>
  <D:sync-token>urn:t</D:sync-token>
</D:multistatus>""".encode()


def read(*pieces: bytes, max_data: int = 1000) -> tuple[list[Response], Multistatus]:
    multistatus = Multistatus(max_data)
    return list(multistatus.responses(pieces)), multistatus


def assert_read(responses: list[Response], multistatus: Multistatus) -> None:
    first, second = responses
    assert ("/c/a.ics", None, '"1&2"') == (first.href, first.status, first.text(bodies.ETAG))
    assert first.properties[bodies.RESOURCETYPE].has("urn:ietf:params:xml:ns:caldav calendar")
    assert "/p/hans/" == first.properties[bodies.OWNER].href
    assert "BEGIN:VCALENDAR\r\näöü<x>&y;" == first.properties[bodies.CALENDAR_DATA].text
    assert {bodies.TRANSPARENCY: 404} == first.refused
    assert ("/c/b.ics", 404) == (second.href, second.status)
    assert "urn:t" == multistatus.sync_token


def test_a_multistatus_is_read_whole_or_byte_by_byte() -> None:
    """Prefixes, character references and CDATA, however the network cuts it."""
    assert_read(*read(ANSWER))
    assert_read(*read(*(bytes([byte]) for byte in ANSWER)))


def test_long_texts_are_cut() -> None:
    """Calendar text at what was asked for, any other property at its bound."""
    (first, _), _ = read(ANSWER, max_data=5)
    assert ("BEGIN", True) == (
        first.properties[bodies.CALENDAR_DATA].text,
        first.properties[bodies.CALENDAR_DATA].cut,
    )
    long = ANSWER.replace(b'"1&amp;2"', b"x" * (MAX_TEXT + 1000))
    assert MAX_TEXT == len(read(long)[0][0].text(bodies.ETAG))


@example(b"A", 30)
@given(st.binary(max_size=300), st.integers(0, len(ANSWER)))
def test_any_bytes_are_an_answer_or_our_error(junk: bytes, at: int) -> None:
    """Nothing but SourceUnavailableError comes out of a broken answer."""
    for text in (junk, ANSWER[:at] + junk + ANSWER[at:]):
        try:
            read(text)
        except SourceUnavailableError:
            continue


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("/c/a.ics", "/c/a.ics"),
        ("a.ics", "/base/a.ics"),
        ("./a.ics", "/base/a.ics"),
        ("../x/", "/x/"),
        ("/c/../../../etc/", "/etc/"),
        ("https://DAV.example.com:8443/c/%7Eh/", "/c/~h/"),
        ("//dav.example.com/c/", "/c/"),
        ("/c//d/", "/c/d/"),
        ("/c/%e2%82%ac%2f%25", "/c/%E2%82%AC%2F%25"),
        ("/c/%FF", "/c/%FF"),
        ("/c/a b", "/c/a%20b"),
        ("/c/ü", "/c/%C3%BC"),
        ("", "/"),
    ],
)
def test_a_path_has_one_spelling(href: str, path: str) -> None:
    """Of an href only the path counts, with each octet in its one spelling."""
    if href:
        assert path == path_of(href, "dav.example.com", "/base/")
        assert path == path_of(path, "dav.example.com", "/base/")


@given(st.text(max_size=60))
def test_any_href_is_a_path_or_our_error(href: str) -> None:
    """And what came out once stays as it is."""
    try:
        path = path_of(href, "dav.example.com", "/base/")
    except SourceError:
        return
    assert path.startswith("/")
    assert path == canonical(path) == path_of(path, "dav.example.com", "/")


def test_members_are_named_below_their_collection() -> None:
    """What is elsewhere keeps its whole path, and both lead back."""
    for path in ("/c/a.ics", "/elsewhere/a.ics"):
        assert path == member_path(member(path, "/c/"), "/c/")
    assert ("a.ics", "a b") == (member("/c/a.ics", "/c/"), last_part("/c/a%20b/"))


@pytest.mark.parametrize("local", ["a/b", "..", ".", "", "a\\b", "a\nb"])
def test_nobody_leaves_the_template(local: str) -> None:
    """A value that means more than a name in a path is refused."""
    with pytest.raises(SourceRefusedError):
        fill_url("https://h/{local}/", Owner("x", f"{local}@example.com"))


def test_values_are_percent_encoded() -> None:
    """In a URL and as the last part of one."""
    owner = Owner("ü ?#%", "ü ?#%@example.com")
    assert "https://h/%C3%BC%20%3F%23%25@example.com/" == fill_url("https://h/{address}/", owner)
    assert "of-%C3%BC%20%3F%23%25" == fill_segment("of-{name}", owner)


def test_a_service_login_is_not_replaced_by_a_persons() -> None:
    """The person's own login counts where the template is personal, and only there."""
    owner = Owner("hans", "hans@example.com", login="h.meier", password="own")
    service = CaldavSettings("https://h/{local}/", "freebusy", "secret")
    personal = CaldavSettings("https://h/{local}/", "{address}")
    assert [("freebusy", "secret"), ("h.meier", "own")] == [
        (login.username, login.password)
        for login in (login_of(service, owner), login_of(personal, owner))
    ]
    with pytest.raises(SourceRefusedError, match="colon"):
        login_of(personal, Owner("hans", "h:x@example.com", password="own"))
    with pytest.raises(SourceRefusedError, match="no password"):
        login_of(personal, Owner("hans", "hans@example.com"))


@pytest.mark.parametrize(
    "url", ["ftp://h/", "https://", "https://u:p@h/", "https://h:x/", "h/path", "https://[/"]
)
def test_only_a_url_is_a_place(url: str) -> None:
    """And a password has no business in it."""
    with pytest.raises(SourceRefusedError):
        place_of(url)


def test_a_token_comes_back_as_it_was() -> None:
    """For its own calendar; for another it is none."""
    token = Token("c", "g", "urn:t", None, {"a.ics": "1"})
    assert token == parse_token(token.text(), "c")
    assert parse_token(token.text(), "d") is None


@given(st.text(max_size=40))
def test_any_text_is_a_token_or_none(text: str) -> None:
    """Nothing is raised."""
    assert parse_token(text, "c") is None
