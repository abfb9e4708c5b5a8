"""Asking a mail server whether a password is right: yes, no, and neither."""

from __future__ import annotations

import subprocess
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from calendar_sync.imap import ImapSettings
from calendar_sync.imap.connection import opened
from calendar_sync.imap.login import ImapLoginCheck, _converse, _login_command
from freebusy.config import load
from freebusy.errors import (
    LoginRefusedError,
    LoginUnavailableError,
    SourceRefusedError,
    SourceUnavailableError,
)
from freebusy.ports import Account, Scope
from freebusy.serving import Serving
from tests.servers.cyrus import Cyrus, _saslpasswd
from tests.servers.mailserver import PASSWORD
from tests.servers.process import HOST, free_ports
from tests.system.imap_case import settings
from tests.system.imap_script import scripted

if TYPE_CHECKING:
    from pathlib import Path

    from calendar_sync.imap.settings import Security
    from freebusy.errors import SourceError
    from tests.servers.mailserver import MailServer

HARD = 'p "\\ {5} %*+ ü日本'
"""Everything that a quoted string, a literal or a template could stumble over."""
PLAIN = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nTAG OK done\r\n"


# -- real servers


@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
def test_right_and_wrong(mail_server: MailServer, security: Security) -> None:
    """The right password is right and others are wrong, encrypted or not."""
    port = mail_server.tls_port if security == "tls" else mail_server.port
    used = replace(
        settings(mail_server),
        security=security,
        port=port,
        ca_file=str(mail_server.certificate.cert),
    )
    user, check = mail_server.new_user(), ImapLoginCheck(used)
    tries = [PASSWORD, "wrong", PASSWORD.upper(), HARD, PASSWORD + " ", PASSWORD]
    assert [True, False, False, False, False, True] == [check.check(user, each) for each in tries]


def test_by_login(mail_server: MailServer) -> None:
    """LOGIN, for servers without AUTHENTICATE PLAIN, takes quoted strings and literals."""
    user = mail_server.new_user().encode()
    tries = [PASSWORD, "wrong", 'a"b\\c', HARD]
    assert [b"OK", b"NO", b"NO", b"NO"] == [
        _by_login(mail_server, user, each.encode()) for each in tries
    ]


def _by_login(server: MailServer, user: bytes, password: bytes) -> bytes:
    with opened(settings(server), None) as client:
        command, *literals = _login_command(user, password)
        answer = _converse(client, command, literals, time.monotonic() + 10)
        client.shutdown()
    return answer[:2]


@pytest.mark.cyrus
def test_a_password_beyond_ascii_is_right(cyrus: Cyrus) -> None:
    """A password with umlauts, quotes and spaces opens its account, by either command."""
    user = cyrus.new_user()
    command = [str(_saslpasswd()), "-p", "-c", "-f", str(cyrus.directory / "sasldb2")]
    subprocess.run(
        [*command, "-u", "localhost", user], input=HARD.encode(), check=True, capture_output=True
    )
    check = ImapLoginCheck(settings(cyrus))
    found = check.check(user, HARD), check.check(user, PASSWORD)
    assert (True, False) == found
    assert b"OK" == _by_login(cyrus, user.encode(), HARD.encode())


@pytest.mark.cyrus
def test_a_user_that_is_not_there(cyrus: Cyrus) -> None:
    """Who has no account at the server is refused as with a wrong password."""
    assert not ImapLoginCheck(settings(cyrus)).check("nobody-at-all", PASSWORD)


@pytest.mark.cyrus
@pytest.mark.usefixtures("cyrus")  # skips where there is none
def test_a_server_that_cannot_ask_its_own_directory() -> None:
    """Cyrus without its saslauthd refuses everybody, and that is no wrong password."""
    server = Cyrus()
    with closing(server):
        conf = server.directory / "imapd.conf"
        saslauthd = "saslauthd\nsasl_saslauthd_path: /nonexistent/mux"
        conf.write_text(
            conf.read_text().replace("auxprop\nsasl_auxprop", saslauthd + "\nsasl_auxprop")
        )
        server.start()
        error = _error(ImapLoginCheck(settings(server)), "hans", PASSWORD)
    assert (SourceUnavailableError, True) == (type(error), "cannot check" in str(error))


def test_an_outage_is_no_refusal(mail_server: MailServer) -> None:
    """A server that is down makes no password wrong; once it is up, the check goes on."""
    user, check = mail_server.new_user(), ImapLoginCheck(settings(mail_server))
    with mail_server.outage():
        assert isinstance(_error(check, user, PASSWORD), SourceUnavailableError)
    assert check.check(user, PASSWORD)


def test_a_certificate_that_nobody_vouches_for(mail_server: MailServer) -> None:
    """No password is sent where the certificate is not trusted: the operator's to repair."""
    used = replace(settings(mail_server), security="tls", port=mail_server.tls_port)
    assert SourceRefusedError is type(_error(ImapLoginCheck(used), "hans", PASSWORD))


def _error(check: ImapLoginCheck, login: str, password: str) -> SourceError:
    """Return the error of a check, which holds neither password nor login."""
    with pytest.raises((SourceUnavailableError, SourceRefusedError)) as caught:
        check.check(login, password)
    assert password not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


# -- answers that real servers give when they are not well


def scripted_settings(port: int) -> ImapSettings:
    return ImapSettings(HOST, "", security="plain", port=port, timeout=2)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("OK welcome", True),
        ("OK [CAPABILITY IMAP4rev1] welcome", True),
        ("NO", False),
        ("NO [AUTHENTICATIONFAILED] Authentication failed.", False),
        ("NO [AUTHORIZATIONFAILED] not for you", False),
        ("NO [EXPIRED] change it", False),
        ("NO [ALERT] Invalid credentials (Failure)", False),
        ("NO Login failed: authentication failure", False),
        ("NO Login failed: user not found", False),
        ("NO Login failed: generic failure", None),
        ("NO Login failed: remote authentication server unavailable", None),
        ("NO [UNAVAILABLE] Temporary authentication failure.", None),
        ("NO Temporary authentication failure.", None),
        ("NO [INUSE] later", None),
        ("NO [SERVERBUG] oops", None),
        ("NO [LIMIT] too many connections", None),
        ("NO [CONTACTADMIN] call", None),
        ("NO [PRIVACYREQUIRED] TLS first", None),
        ("BAD what?", None),
        ("BAD User is authenticated but not connected.", None),
        ("PERHAPS", None),
    ],
)
@pytest.mark.parametrize("method", ["LOGIN", "AUTHENTICATE"])
def test_answers(method: str, answer: str, expected: bool | None) -> None:
    """Only a clear refusal is a "no", and only OK is a "yes"."""
    tagged = f"TAG {answer}\r\n".encode()
    script = {b"LOGIN": tagged}
    if method == "AUTHENTICATE":
        script = {b"CAPABILITY": PLAIN, b"AUTHENTICATE PLAIN": tagged}
    with scripted(script) as server:
        check = ImapLoginCheck(scripted_settings(server.port))
        if expected is None:
            _error(check, "hans", "PW-MARK")
        else:
            assert expected == check.check("hans", "PW-MARK")
        assert "LOGOUT" in [line.decode() for line in server.heard] or expected is None


@pytest.mark.parametrize(
    ("answer", "greeting"),
    [
        (b"* BYE too many connections\r\n", b"* OK ready\r\n"),
        (b"* CAPABILITY IMAP4rev1\r\n* BYE\r\n", b"* OK ready\r\n"),
        (b"", b"* OK ready\r\n"),
        (b"garbage\r\n", b"* OK ready\r\n"),
        (b"OTHER OK welcome\r\n", b"* OK ready\r\n"),
        (b"+ go on\r\n", b"* OK ready\r\n"),
        (b"* OK still here\r\n" * 200, b"* OK ready\r\n"),
        (b"TAG OK welcome\r\n", b"* BYE full\r\n"),
        (b"TAG BAD already logged in\r\n", b"* PREAUTH welcome\r\n"),
        (b"TAG OK welcome\r\n", b"220 ftp.example.com\r\n"),
    ],
)
def test_no_clear_answer(answer: bytes, greeting: bytes) -> None:
    """A server that says goodbye, nothing, or nonsense makes no password wrong, nor right."""
    with scripted({b"LOGIN": answer}, greeting=greeting) as server:
        used = replace(scripted_settings(server.port), timeout=0.3)
        assert isinstance(_error(ImapLoginCheck(used), "hans", "PW-MARK"), SourceUnavailableError)


def test_time_is_up_for_the_whole_check() -> None:
    """A server that talks on and on is left when the time for one check is over."""
    slow = b"* OK [ALERT] wait\r\n"
    with scripted({b"LOGIN": slow, b"CAPABILITY": PLAIN, b"AUTHENTICATE": slow}) as server:
        used = replace(scripted_settings(server.port), timeout=0.5)
        started = time.monotonic()
        _error(ImapLoginCheck(used), "hans", "PW-MARK")
        assert time.monotonic() - started < 5


def test_nobody_listens() -> None:
    """A refused connection is a passing fault."""
    (port,) = free_ports(1)
    error = _error(ImapLoginCheck(scripted_settings(port)), "hans", "PW-MARK")
    assert isinstance(error, SourceUnavailableError)


def test_a_server_that_takes_no_login_unencrypted() -> None:
    """LOGINDISABLED is the operator's to repair: the password is not sent."""
    capability = b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\nTAG OK done\r\n"
    with scripted({b"CAPABILITY": capability}) as server:
        error = _error(ImapLoginCheck(scripted_settings(server.port)), "hans", "PW-MARK")
        assert SourceRefusedError is type(error)
        assert b"PW-MARK" not in b"".join(server.heard)


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("", "a"),
        ("hans", ""),
        ("hans", "a\0b"),
        ("hans", "a\r\nA1 LOGOUT"),
        ("hans\0eva", "a"),
        ("hans\r\n", "a"),
        ("hans", "\udcff"),
        ("\udcff", "a"),
    ],
)
def test_what_cannot_be_a_password_is_not_asked(login: str, password: str) -> None:
    """What would end a command or a field is refused without a connection."""
    (port,) = free_ports(1)
    assert not ImapLoginCheck(scripted_settings(port)).check(login, password)


@pytest.mark.parametrize(
    ("name", "password", "expected"),
    [
        ("hans", "a b", [b'LOGIN "hans" "a b"']),
        ('h"', "a\\", [b'LOGIN "h\\"" "a\\\\"']),
        ("hans", "ü", [b"LOGIN {4}", b"hans {2}", "ü".encode()]),
        ("jürgen", "a", [b"LOGIN {7}", "jürgen {1}".encode(), b"a"]),
        ("hans", "\x01", [b"LOGIN {4}", b"hans {1}", b"\x01"]),
    ],
)
def test_login_as_it_is_written(name: str, password: str, expected: list[bytes]) -> None:
    """Plain text goes quoted, everything else as literals."""
    assert expected == _login_command(name.encode(), password.encode())


# -- put together as the servers have it


def test_logins_of_a_site(mail_server: MailServer, tmp_path: Path) -> None:
    """By the configuration alone a person logs in by name and address, and a service does not."""
    user, service = mail_server.new_user(), "cyrus" if mail_server.kind == "cyrus" else "gateway"
    with closing(_site(tmp_path, mail_server, [user, service], service)) as serving:
        logins = serving.logins("http")
        account = Account(user, user, Scope.MAIL)
        for name in (user, user.upper(), f"{user}@example.com", f"{user}%40example.com"):
            assert account == logins.log_in(name, PASSWORD, "192.0.2.1")
        assert account == logins.recall(user, PASSWORD, "192.0.2.1")
        wrong = ((user, "wrong"), (service, PASSWORD), (f"{user}*{service}", "x"))
        for number, (name, password) in enumerate(wrong):
            with pytest.raises(LoginRefusedError):
                logins.log_in(name, password, f"198.51.100.{number}")
        with mail_server.outage():
            assert account == logins.recall(user, PASSWORD, "192.0.2.1")
            with pytest.raises(LoginUnavailableError):
                logins.log_in(user, PASSWORD, "203.0.113.1")


def _site(folder: Path, server: MailServer, people: list[str], service: str) -> Serving:
    (folder / "password").write_text("of the service", encoding="utf-8")
    path = folder / "freebusy.toml"
    persons = ", ".join(f'"{name}@example.com"' for name in people)
    path.write_text(
        f"persons = [{persons}]\n"
        f'[site]\ntimezone = "UTC"\n[login]\nusername = "{{local}}"\n'
        f'[sources.mail]\ntype = "imap"\nhost = "{server.host}"\nport = {server.port}\n'
        f'security = "plain"\nusername = "{service}"\npassword_file = "password"\n'
        f'folders = ["user/{{local}}/Calendar"]\n',
        encoding="utf-8",
    )
    return Serving(load(path, {}))
