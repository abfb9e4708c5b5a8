"""The button "ping server": each step on real servers, and which one fails."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from calendar_sync.imap import ImapSettings
from calendar_sync.imap.behalf import Behalf
from calendar_sync.imap.ping import ImapPing
from freebusy.errors import SourceRefusedError, UnreachableError
from freebusy.ports import Owner
from tests.servers.mailserver import PASSWORD
from tests.servers.process import free_ports
from tests.system.imap_case import settings
from tests.system.imap_script import scripted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.cyrus import Cyrus
    from tests.servers.dovecot import Dovecot
    from tests.servers.mailserver import MailServer


@contextmanager
def pinging(server: MailServer, **changes: Any) -> Iterator[ImapPing]:
    """Give a button for a server with other settings than usual."""
    used = settings(server, password=None, **changes)
    behalf = Behalf(used, None)
    try:
        yield ImapPing(behalf, used)
    finally:
        behalf.close()


def owner(server: MailServer, password: str | None = PASSWORD) -> Owner:
    name = server.new_user()
    return Owner(name, f"{name}@example.com", password=password)


def secured(server: MailServer, security: str) -> dict[str, Any]:
    """Return the settings for a kind of connection to a test server."""
    port = server.tls_port if security == "tls" else server.port
    return {"security": security, "port": port, "ca_file": str(server.certificate.cert)}


@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
def test_what_a_login_finds(mail_server: MailServer, security: str) -> None:
    """All steps succeed, each with its time, and the server is told of."""
    who = owner(mail_server)
    with pinging(mail_server, **secured(mail_server, security)) as button:
        found = button.ping(who)
        button.reach()
    steps = ["name", "connection", "tls", "login"]
    expected = [step for step in steps if step != "tls" or security != "plain"]
    assert expected == [step for step, spent in found.steps.items() if spent >= 0]
    assert (mail_server.host, security, who.name) == (found.host, found.security, found.login)
    assert (security != "plain") == (found.tls_version is not None)
    assert {"dovecot": "Dovecot", "cyrus": "Cyrus IMAPD"}[mail_server.kind] == found.software
    assert {"ACL", "METADATA", "NAMESPACE"} <= set(found.capabilities)
    assert found.latency > 0


def test_namespaces_are_told(dovecot: Dovecot, cyrus: Cyrus) -> None:
    """How folders of each kind begin is said as NAMESPACE says it."""
    found = {}
    for server in (dovecot, cyrus):
        with pinging(server) as button:
            spaces = button.ping(owner(server)).namespaces
            found[server.kind] = [(s.kind, s.prefix, s.separator) for s in spaces]
    assert {
        "dovecot": [("personal", "", "/"), ("others", "user/", "/"), ("shared", "Public/", "/")],
        "cyrus": [("personal", "INBOX.", "."), ("others", "user.", "."), ("shared", "", ".")],
    } == found


def failure(button: ImapPing, who: Owner) -> tuple[str, str]:
    """Return at which step it fails, and why."""
    with pytest.raises(UnreachableError) as failed:
        button.ping(who)
    return failed.value.step, str(failed.value)


@pytest.mark.parametrize(
    ("changes", "step", "says"),
    [
        ({"host": "no-such-host.invalid"}, "name", "cannot be resolved: check host"),
        ({"host": "a..b"}, "name", "cannot be resolved"),
        ({"host": "x" * 300}, "name", "cannot be resolved"),
        ({"port": "closed"}, "connection", "refuses connections"),
        ({"port": "tls", "timeout": 0.5}, "connection", "did not answer"),
        ({"security": "tls"}, "tls", "does not speak TLS there"),
        ({"security": "tls", "port": "tls"}, "tls", "name its authority in ca_file"),
        ({"security": "starttls"}, "tls", "name its authority in ca_file"),
        ({"security": "tls", "port": "tls", "ca_file": "/none"}, "tls", "ca_file cannot be read"),
    ],
    ids=lambda value: "-".join(map(str, value.values()))[:20] if isinstance(value, dict) else "",
)
def test_which_step_fails(dovecot: Dovecot, changes: dict[str, Any], step: str, says: str) -> None:
    """A failure names its step and says what to do; to reach the server fails the same way."""
    ports = {"closed": free_ports(1)[0], "tls": dovecot.tls_port}
    if isinstance(changes.get("port"), str):
        changes = changes | {"port": ports[changes["port"]]}
    who = Owner("hans", "hans@example.com", password=PASSWORD)
    with pinging(dovecot, **changes) as button:
        found = failure(button, who)
        with pytest.raises(UnreachableError) as failed:
            button.reach()
    assert (step, True) == (found[0], says in found[1])
    assert found == (failed.value.step, str(failed.value))


def test_a_wrong_password_fails_at_the_login(mail_server: MailServer) -> None:
    """A refused login is told from a server that is out of reach; nobody's password is told."""
    who = owner(mail_server, "wrong-word")
    with pinging(mail_server) as button:
        step, said = failure(button, who)
        button.reach()
    assert ("login", True, False) == (step, "LOGIN was refused" in said, "wrong-word" in said)


def test_nobody_acts_without_a_password(dovecot: Dovecot) -> None:
    """Where the service has no login that acts for others, it is said without asking."""
    with pinging(dovecot) as button, pytest.raises(SourceRefusedError):
        button.ping(owner(dovecot, None))


@pytest.mark.parametrize(
    ("answers", "greeting", "expected"),
    [
        ({}, b"* OK [CAPABILITY IMAP4rev1] Old Mail \x07ready\r\n", ("Old Mail ready", None)),
        ({}, b"* OK\r\n", (None, None)),
        (
            {
                b"CAPABILITY": b"* CAPABILITY IMAP4rev1 ID\r\nTAG OK done\r\n",
                b"ID": b'* ID ("name" "X\x1b[1m" "version" "%s")\r\nTAG OK done\r\n' % (b"1" * 900),
            },
            b"* OK hello\r\n",
            ("X[1m", "1" * 100),
        ),
        (
            {
                b"CAPABILITY": b"* CAPABILITY IMAP4rev1 ID\r\nTAG OK done\r\n",
                b"ID": b"* ID NIL\r\nTAG OK done\r\n",
            },
            b"* OK hello\r\n",
            ("hello", None),
        ),
    ],
    ids=["greeting", "nothing", "id", "nil"],
)
def test_what_servers_say_of_themselves(
    answers: dict[bytes, bytes], greeting: bytes, expected: tuple[str | None, str | None]
) -> None:
    """Nothing that a server says of itself is shown at length, or with control characters."""
    more = {b"NOOP": b"TAG OK done\r\n"} | answers
    with scripted(more, greeting=greeting) as script:
        used = settings_for(script.port)
        found = ImapPing(Behalf(used, None), used).ping(
            Owner("hans", "hans@example.com", password=PASSWORD)
        )
    assert expected == (found.software, found.version)


def settings_for(port: int) -> ImapSettings:
    """Return settings for a script on loopback."""
    return ImapSettings("127.0.0.1", "{name}", security="plain", port=port, timeout=5)


def test_nothing_stays_open(dovecot: Dovecot) -> None:
    """However it ends, no connection is left behind, and no thread."""
    before = threading.active_count()
    for changes in ({}, {"security": "starttls"}, {"security": "tls"}):
        with pinging(dovecot, **changes) as button:
            for who in (owner(dovecot), owner(dovecot, "wrong")):
                try:
                    button.ping(who)
                except UnreachableError:
                    continue
    assert before == threading.active_count()
