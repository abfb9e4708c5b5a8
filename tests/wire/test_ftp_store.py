"""Publishing over FTP: STOR and its replies, which tell the truth."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from freebusy.errors import TooLargeError
from tests.wire.ftp_accounts import MemoryLogins, MemoryPublications, some_publications
from tests.wire.ftp_dialogue import BODY, HOSTS, PATIENCE, Place, published, serving, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

NEW = BODY.replace(b"20260105", b"20260206")
HANS = "/pub/calendar/hans.vfb"


@pytest.fixture
def publications() -> MemoryPublications:
    return some_publications()


@pytest.fixture(params=HOSTS)
def place(request: pytest.FixtureRequest, publications: MemoryPublications) -> Iterator[Place]:
    with serving(
        publications.tree, request.param, logins=MemoryLogins(), publications=publications
    ) as place:
        yield place


def test_a_file_is_published_and_served(place: Place) -> None:
    """STOR onto the existing name replaces the file, and the same session reads it."""
    with place.login("hans", "secret") as client:
        assert client.uploads(f"STOR {HANS}", NEW) == "226 Stored."
        client.asks(f"SIZE {HANS}", f"213 {len(NEW)}")
        assert client.fetches(f"RETR {HANS}") == NEW
        client.asks("QUIT", "221")


@pytest.mark.parametrize(
    ("directory", "path"),
    [
        ("/", "/pub/calendar/hans.vfb"),
        ("/", "calendar/hans.vfb"),
        ("/pub", "calendar/hans.vfb"),
        ("/pub/calendar", "hans.vfb"),
        ("/calendar", "hans.ifb"),
        ("/calendar", "hans"),
        ("/calendar", "../pub/calendar/hans.vfb"),
        ("/pub/calendar", "example.com/hans.vfb"),
        ("/pub/calendar/example.com", "hans.vfb"),
    ],
)
@pytest.mark.parametrize("kind", ["A", "I"])
def test_paths(place: Place, directory: str, path: str, kind: str) -> None:
    """Absolute and relative paths by every prefix and extension mean the file, in both TYPEs."""
    with place.login("hans", "secret") as client:
        client.asks(f"TYPE {kind}", "200")
        client.asks(f"CWD {directory}", "250")
        assert client.uploads(f"STOR {path}", NEW) == "226 Stored."
    assert place.files.files["hans"].body == NEW


def test_upload_without_waiting_for_the_reply(place: Place) -> None:
    """A client may send its data before it has read that it may."""
    with place.login("hans", "secret") as client:
        with client.passive() as data:
            data.sendall(NEW)
            wait_until(lambda: has_early_data(place))
            client.asks(f"STOR {HANS}", "1")
        client.answers("226")
    assert place.files.files["hans"].body == NEW


def has_early_data(place: Place) -> bool:
    channels = [session.data_channel for session in place.server._session.sessions.copy()]
    return any(channel is not None and channel._early for channel in channels)


def test_upload_that_waits_for_a_calendar(place: Place, publications: MemoryPublications) -> None:
    """A file that is kept and not served yet is stored, and the reply says when it will be."""
    publications.served = False
    with place.login("hans", "secret") as client:
        reply = client.uploads(f"STOR {HANS}", NEW)
    assert reply == "226 Stored; served when the calendar has been read for the first time."


def test_too_large_for_the_publications(place: Place, publications: MemoryPublications) -> None:
    """What the publications themselves find too large gets 552 with their reason."""
    publications.error = TooLargeError("more periods than are accepted")
    with place.login("hans", "secret") as client:
        assert client.uploads(f"STOR {HANS}", NEW) == "552 More periods than are accepted."


def test_active_upload(place: Place) -> None:
    """With EPRT the server fetches the upload from the client's own port."""
    with place.login("hans", "secret") as client, client.listener() as listener:
        client.asks(f"STOR {HANS}", "150")
        data, _ = listener.accept()
        with data:
            data.sendall(NEW)
        client.answers("226")
    assert place.files.files["hans"].body == NEW


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", "550"),
        (BODY[:-30], "550"),
        (b"<html>", "550"),
        (b"\0" * 100_000, "550"),
        (BODY + b" " * (1 << 20), "552"),
        (b"x" * 10_000_000, "552"),
    ],
    ids=["nothing", "truncated", "HTML", "binary", "too large", "10 MB"],
)
def test_what_is_not_stored_is_said_so(place: Place, sent: bytes, code: str) -> None:
    """A refused upload gets its code and one line with the reason, and the last file stays."""
    with place.login("hans", "secret") as client:
        reply = client.uploads(f"STOR {HANS}", sent)
        assert reply.startswith(f"{code} ")
        assert "\n" not in reply
        assert client.fetches(f"RETR {HANS}") == BODY


def test_endless_upload_is_cut_off(publications: MemoryPublications) -> None:
    """Past the cap the upload is not even read any more, and the reply is still 552."""
    with (
        serving(
            publications.tree,
            logins=MemoryLogins(),
            publications=publications,
            max_discard=3_000_000,
        ) as place,
        place.login("hans", "secret") as client,
    ):
        with client.passive() as data:
            client.asks(f"STOR {HANS}", "1")
            with pytest.raises(OSError, match=r"reset|Broken pipe"):
                data.sendall(b"x" * 50_000_000)
        client.answers("552")
        assert client.fetches(f"RETR {HANS}") == BODY


def test_nobody_else_waits_for_a_publication(publications: MemoryPublications) -> None:
    """While one client's upload is being stored, others are served, and the reply comes last."""
    publications.gate = threading.Event()
    with (
        serving(publications.tree, logins=MemoryLogins(), publications=publications) as place,
        place.login("hans", "secret") as client,
        place.login() as other,
    ):
        with client.passive() as data:
            client.asks(f"STOR {HANS}", "1")
            data.sendall(NEW)
        wait_until(lambda: bool(publications.uploads))
        client.sends("NOOP")
        assert other.fetches(f"RETR {HANS}") == BODY
        client.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        client.socket.settimeout(PATIENCE)
        publications.gate.set()
        client.answers("226 Stored.")
        client.answers("200")
    assert publications.tree.files["hans"] == published("hans", NEW)
