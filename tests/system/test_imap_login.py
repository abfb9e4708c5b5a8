"""Logging in: what is encrypted, what is refused, and what the operator is told."""

from __future__ import annotations

import traceback
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from calendar_sync.imap import ImapSettings, ImapSource
from freebusy.errors import (
    SourceDownError,
    SourceError,
    SourceRefusedError,
    SourceUnavailableError,
)
from freebusy.ports import Owner
from tests.contract.place import event
from tests.servers.certificate import make_certificate
from tests.servers.dovecot import MASTER_USER
from tests.servers.process import HOST, free_ports
from tests.system.imap_case import HEADER, Case, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.dovecot import Dovecot
    from tests.servers.mailserver import MailServer


def trusting(server: MailServer, security: str) -> dict[str, Any]:
    """Return settings that speak TLS and trust the server's certificate."""
    port = server.tls_port if security == "tls" else server.port
    return {"security": security, "port": port, "ca_file": str(server.certificate.cert)}


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_encrypted(mail_server: MailServer, security: str) -> None:
    """Calendars are read, and watched, over implicit TLS and STARTTLS."""
    case = Case(mail_server, **trusting(mail_server, security))
    case.append(HEADER + event("a", padding=5000))
    assert ["a Meeting"] == case.sync()
    case.append(HEADER + event("b"))
    assert ["a Meeting", "b Meeting"] == case.sync()
    case.source.close()


def attempt(used: ImapSettings, owner: Owner) -> SourceError:
    """Try to log in and return the error."""
    with closing(ImapSource(used)) as source, pytest.raises(SourceError) as caught:
        source.calendars(owner)
    shown = "".join(traceback.format_exception(caught.value))
    assert "PW-MARK" not in shown
    assert "secret" not in shown
    assert caught.value.__cause__ is None
    return caught.value


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_an_unknown_certificate_is_refused(mail_server: MailServer, security: str) -> None:
    """A certificate that nobody vouches for gets no password, and ca_file is named."""
    used = settings(mail_server, **{**trusting(mail_server, security), "ca_file": None})
    error = attempt(used, Owner("a", "a@example.com"))
    assert (SourceRefusedError, True) == (type(error), "ca_file" in str(error))


def test_another_certificate_is_refused(mail_server: MailServer, tmp_path: Path) -> None:
    """A ca_file that is not of this server does not help."""
    other = make_certificate(tmp_path)
    used = settings(mail_server, **{**trusting(mail_server, "tls"), "ca_file": str(other.cert)})
    assert isinstance(attempt(used, Owner("a", "a@example.com")), SourceRefusedError)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_an_unusable_ca_file_is_refused(
    mail_server: MailServer, tmp_path: Path, content: str | None
) -> None:
    """A ca_file that is not there, or holds none, is the operator's to repair."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    used = settings(mail_server, **{**trusting(mail_server, "tls"), "ca_file": str(path)})
    error = attempt(used, Owner("a", "a@example.com"))
    assert (SourceRefusedError, False) == (type(error), str(path) in str(error))


def test_tls_to_a_plain_port_is_refused(mail_server: MailServer) -> None:
    """TLS where the server speaks none names the settings to look at."""
    used = settings(mail_server, **{**trusting(mail_server, "tls"), "port": mail_server.port})
    error = attempt(used, Owner("a", "a@example.com"))
    assert (SourceRefusedError, True) == (type(error), "starttls" in str(error))


def test_a_wrong_password_is_refused(mail_server: MailServer) -> None:
    """A wrong password is the operator's to repair, and no message holds it."""
    user = mail_server.new_user()
    error = attempt(settings(mail_server, password="PW-MARK"), Owner(user, "a@example.com"))
    assert (SourceRefusedError, True) == (type(error), "check username" in str(error))


def test_a_password_may_hold_anything(mail_server: MailServer) -> None:
    """A password with quotes, spaces and letters beyond ASCII is sent as it is, and refused."""
    user = mail_server.new_user()
    used = settings(mail_server, password='PW-MARK "\\ \u00fc\u65e5 {5}')
    assert isinstance(attempt(used, Owner(user, "a@example.com")), SourceRefusedError)


@pytest.mark.dovecot
def test_a_master_login_reads_as_the_person(dovecot: Dovecot) -> None:
    """With a master user nobody's own password is needed."""
    case = Case(dovecot, username=f"{{name}}*{MASTER_USER}")
    case.append(HEADER + event("a"))
    assert ["a Meeting"] == case.sync()
    case.source.close()


def test_an_owner_has_a_password_of_his_own(mail_server: MailServer) -> None:
    """Without a password for all, the owner's is used."""
    case = Case(mail_server, password=None)
    case.owner = Owner(case.user, "a@example.com", password="secret")
    case.append(HEADER + event("a"))
    assert ["a Meeting"] == case.sync()
    case.source.close()


def test_nobody_listens() -> None:
    """A server that is down is a passing fault."""
    (port,) = free_ports(1)
    error = attempt(plain(port), Owner("a", "a@example.com"))
    assert (SourceDownError, True) == (type(error), "running" in str(error))


def test_a_name_that_does_not_exist() -> None:
    """A host name that cannot be resolved is said to be one."""
    error = attempt(replace(plain(1), host="no-such-host.invalid"), Owner("a", "a@example.com"))
    assert (SourceDownError, True) == (type(error), "host" in str(error))


def plain(port: int, **changes: Any) -> ImapSettings:
    """Return settings for whatever listens on a port of this machine."""
    return ImapSettings(
        HOST, "{name}", "PW-MARK", ("Calendar",), security="plain", port=port, timeout=1, **changes
    )


def test_a_dead_connection_in_the_pool_is_replaced(mail_server: MailServer) -> None:
    """After the server was restarted, the next run works at once."""
    case = Case(mail_server)
    case.append(HEADER + event("a"))
    case.sync()
    with mail_server.outage(), pytest.raises(SourceUnavailableError):
        case.source.calendars(case.owner)
    case.sync()
    with mail_server.outage():
        pass
    case.append(HEADER + event("b"))
    assert ["a Meeting", "b Meeting"] == case.sync()
    case.source.close()


def test_an_outage_during_a_run(mail_server: MailServer) -> None:
    """A server that goes away between pages is a passing fault, and the next run delivers all."""
    case = Case(mail_server)
    case.append(*[HEADER + event(f"e{n}", padding=60_000) for n in range(200)])
    pages = case.source.sync(case.calendar, None)
    next(pages)
    with mail_server.outage(), pytest.raises(SourceUnavailableError):
        list(pages)
    assert 200 == len(case.sync())
    case.source.close()


def test_people_take_turns_where_there_are_few_connections(mail_server: MailServer) -> None:
    """More people with logins of their own than connections: the oldest one is given up."""
    cases = [Case(mail_server) for _ in range(4)]
    with closing(ImapSource(settings(mail_server, max_connections=2))) as source:
        for case in cases * 2:
            assert [case.folder] == [calendar.name for calendar in source.calendars(case.owner)]
    for case in cases:
        case.source.close()


def test_one_connection_serves_many_folders(mail_server: MailServer) -> None:
    """A source with one connection is slow, not stuck."""
    case = Case(mail_server, max_connections=1)
    case.append(HEADER + event("a"))
    for _ in range(3):
        assert ["a Meeting"] == case.sync()
    pages = case.source.sync(case.calendar, None)
    assert 1 == len(list(pages))
    case.source.close()
