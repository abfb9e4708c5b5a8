"""The servers that the tests start do what the other tests build on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.dovecot import MASTER_USER
from tests.servers.mailserver import checked, quoted

if TYPE_CHECKING:
    from tests.servers.dovecot import Dovecot
    from tests.servers.mailserver import MailServer

MESSAGE = b"From: a@example.org\r\nSubject: x\r\n\r\nhello\r\n"


def test_append_store_delete(mail_server: MailServer) -> None:
    """A message can be appended, flagged and deleted, and its UID is known."""
    user = mail_server.new_user()
    folder = mail_server.folder("Kalender f\u00fcr & \u65e5\u672c")
    mail_server.create_folder(user, folder)
    assert [1, 2, 3] == mail_server.append_all(user, folder, [MESSAGE] * 3)
    mail_server.store(user, folder, [2], "+FLAGS", r"\Flagged")
    mail_server.delete(user, folder, 1)
    flags = mail_server.flags(user, folder)
    assert {2, 3} == set(flags)
    assert r"\Flagged" in flags[2]


def test_tls(mail_server: MailServer) -> None:
    """The TLS port answers with the certificate that the fixture made."""
    client = mail_server.tls_login(mail_server.new_user())
    assert "BYE" == client.logout()[0]


def test_shared_folder(mail_server: MailServer) -> None:
    """A folder can be given to another user, who sees it under its shared name."""
    user, reader = mail_server.new_user(), mail_server.new_user()
    folder = mail_server.folder("Calendar")
    mail_server.create_folder(user, folder, folder_type="event.default")
    mail_server.append(user, folder, MESSAGE)
    mail_server.grant(user, folder, reader)
    with mail_server.session(reader) as client:
        shared = mail_server.shared_folder(user, "Calendar")
        assert [b"1"] == checked(client.select(quoted(shared), readonly=True))


def test_outage(mail_server: MailServer) -> None:
    """A server that was stopped and started again still has its mail."""
    user = mail_server.new_user()
    folder = mail_server.folder("Calendar")
    mail_server.create_folder(user, folder)
    mail_server.append(user, folder, MESSAGE)
    with mail_server.outage():
        pass
    assert [1] == list(mail_server.flags(user, folder))


def test_dovecot_master_user(dovecot: Dovecot) -> None:
    """Dovecot's master user reads a person's folders as that person."""
    user = dovecot.new_user()
    dovecot.create_folder(user, "Calendar")
    with dovecot.session(f"{user}*{MASTER_USER}") as client:
        assert [b"0"] == checked(client.select("Calendar", readonly=True))
