"""Publishing without a login: from trusted networks alone, and only by who speaks for himself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.wire.http_gateway import (
    BODY,
    HANS,
    HANS_LOGIN,
    MemoryFiles,
    MemoryLogins,
    MemoryPublications,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wire.http_gateway import Running

PATH = "/pub/calendar/hans.vfb"
OTHER = BODY.replace(b"END:VFREEBUSY", b"COMMENT:other\r\nEND:VFREEBUSY")
PEER, STRANGER = "127.0.0.1", "192.0.2.66"
BOTH_FAMILIES = (("127.0.0.1", 0), ("::1", 0))


def put(running: Running, *lines: str, host: str = "fb.example", target: str = PATH) -> int:
    return running.put(target, *lines, body=OTHER, host=host).status


@pytest.fixture
def kept() -> MemoryPublications:
    kept = MemoryPublications(MemoryFiles(HANS))
    kept.trusted = {PEER, "192.0.2.1"}
    return kept


@pytest.fixture
def running(kept: MemoryPublications) -> Iterator[Running]:
    with serving(
        kept.files,
        BOTH_FAMILIES,
        logins=MemoryLogins(),
        publications=kept,
        hosts=("fb.example", "Other.Example."),
    ) as running:
        yield running


def test_a_trusted_client_that_is_refused_leaves_a_line(
    running: Running, kept: MemoryPublications, caplog: pytest.LogCaptureFixture
) -> None:
    """The client sees a 401 that tells nothing; the log says to the operator what is missing."""
    assert 401 == put(running, host="evil.example")
    assert 401 == put(running, "Via: 1.1 somebody")
    kept.trusted = set()
    assert 401 == put(running, host="evil.example")
    lines = [r.getMessage() for r in caplog.records if r.name == "freebusy.web.writing"]
    began = f'publish outcome=refused peer={PEER} reason="without a login'
    assert [True, True] == [line.startswith(began) for line in lines]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("fb.example", 204),
        ("FB.example:8080", 204),
        ("fb.example.", 204),
        ("other.example", 204),
        ("127.0.0.1", 204),
        ("127.0.0.1:80", 204),
        ("[::ffff:127.0.0.1]:80", 204),
        ("localhost", 204),
        ("localhost:8080", 204),
        ("evil.example", 401),
        ("fb.example.evil.example", 401),
        ("127.0.0.2", 401),
        ("192.0.2.1", 401),
        ("", 401),
        ("fb.example@evil.example", 401),
        ("evil.example:80:fb.example", 401),
        ("fb.example/", 401),
    ],
)
def test_the_host_must_be_ours(running: Running, host: str, expected: int) -> None:
    """A page that made a browser ask names its own host (DNS rebinding)."""
    assert expected == put(running, host=host)


@pytest.mark.parametrize(
    "lines",
    [
        ("X-Forwarded-For: 127.0.0.1",),
        ("Forwarded: for=127.0.0.1",),
        ("X-Real-IP: 127.0.0.1",),
        ("Via: 1.1 proxy",),
        ("X-Forwarded-Proto: https",),
        ("Origin: http://evil.example",),
        ("Origin: null",),
        ("Origin: http://fb.example", "Origin: http://evil.example"),
    ],
)
def test_who_is_spoken_for_is_not_trusted(running: Running, lines: tuple[str, ...]) -> None:
    """A proxy that nobody configured, or a page of another site, has no right of its own."""
    assert 401 == put(running, *lines)
    assert 204 == put(running, HANS_LOGIN) if not lines[0].startswith("X-For") else True


def test_a_page_of_ours_may(running: Running) -> None:
    """An Origin that is this server is the server's own page."""
    assert 204 == put(running, "Origin: http://fb.example:8080")


def test_two_hosts_are_none(running: Running) -> None:
    """Neither a second Host field nor another host in the target is passed over."""
    assert put(running, "Host: fb.example") in {400, 401}
    assert 401 == put(running, target=f"http://evil.example{PATH}")
    assert 401 == put(running, target=f"http://fb.example@evil.example{PATH}")
    assert 204 == put(running, target=f"http://fb.example{PATH}")


def test_a_login_needs_no_trust(running: Running) -> None:
    """Whatever the host: who has logged in is vouched for by the password."""
    assert 204 == put(running, HANS_LOGIN, host="evil.example")


def test_unknown_names_from_trusted_networks(running: Running) -> None:
    """Trust is for those in the roster; for others a login is asked for."""
    assert 401 == put(running, target="/pub/calendar/nobody.vfb")


def test_without_accounts_there_is_no_login_to_ask_for(kept: MemoryPublications) -> None:
    """403 where nobody can log in."""
    with serving(kept.files, publications=kept, hosts=("fb.example",)) as running:
        assert [204, 403] == [put(running, host=host) for host in ("fb.example", "evil.example")]


def test_loopback_is_not_trusted_by_itself() -> None:
    """Nobody is trusted whom the operator did not name."""
    files = MemoryFiles(HANS)
    with serving(files, publications=MemoryPublications(files)) as running:
        assert 403 == put(running, host="localhost")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("X-Forwarded-For: 192.0.2.1",), 204),
        (("X-Forwarded-For: 192.0.2.1", "Via: 1.1 nginx", "X-Forwarded-Proto: http"), 204),
        ((f"X-Forwarded-For: {STRANGER}",), 401),
        ((f"X-Forwarded-For: 192.0.2.1, {STRANGER}",), 401),
        ((f"X-Forwarded-For: {STRANGER}, 192.0.2.1",), 401),
        (("X-Forwarded-For: 192.0.2.1", f"X-Forwarded-For: {STRANGER}"), 401),
        ((f"X-Forwarded-For: {STRANGER}", "X-Forwarded-For: 192.0.2.1"), 401),
        (("X-Forwarded-For: unknown",), 401),
        ((), 401),
    ],
)
def test_through_a_trusted_proxy(
    kept: MemoryPublications, lines: tuple[str, ...], expected: int
) -> None:
    """It must name one client, and nobody may have stood before it; its own address is nobody's."""
    with serving(
        kept.files,
        logins=MemoryLogins(),
        publications=kept,
        hosts=("fb.example",),
        trusted_proxies=(PEER,),
    ) as running:
        assert expected == put(running, *lines)
        assert 401 == put(running, *lines, host="localhost")


def test_the_proxys_own_line_counts() -> None:
    """Of several lines the last is the proxy's: the first is what the client made up."""
    files = MemoryFiles(HANS)
    files.refused.add(STRANGER)
    lines = ("X-Forwarded-For: 192.0.2.1", f"X-Forwarded-For: {STRANGER}")
    with serving(files, trusted_proxies=(PEER,)) as running:
        assert 403 == running.get(PATH, *lines).status
        assert 200 == running.get(PATH, *reversed(lines)).status
