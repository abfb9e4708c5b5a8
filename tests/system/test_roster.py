"""Rosters that change: a file beside the configuration, and the users of real mail servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from calendar_sync.imap.people import users
from freebusy import mailroster
from freebusy.config import load
from freebusy.errors import SourceRefusedError
from tests.processes import until
from tests.servers.cyrus import ADMIN
from tests.servers.mailserver import PASSWORD
from tests.system.gateway_process import gateway_process
from tests.system.imap_case import HEADER, settings

if TYPE_CHECKING:
    from pathlib import Path

    from freebusy.config import Config
    from tests.servers.cyrus import Cyrus
    from tests.servers.dovecot import Dovecot
    from tests.servers.mailserver import MailServer

EVENT = (
    b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:{day}T100000Z\r\n"
    b"DTEND:{day}T110000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
MAIL = """
[sources.mail]
type = "imap"
host = "{host}"
port = {port}
security = "plain"
username = "{service}"
password_file = "password"
folders = ["{folder}"]
[roster]
source = "mail"
address = "{{local}}@example.com"
"""


class Shared:
    """A mail server on which people let a service login read their calendars."""

    def __init__(self, server: MailServer, folder: Path) -> None:
        self.server = server
        self.service = server.new_user()
        self.folder = folder
        (folder / "password").write_text(PASSWORD, "utf-8")
        (folder / "password").chmod(0o600)

    def add(self) -> str:
        user = self.server.new_user()
        calendar = self.server.folder("Calendar")
        self.server.create_folder(user, calendar)
        self.server.grant(user, calendar, self.service, "lr")
        return user

    @property
    def tables(self) -> str:
        server = self.server
        return MAIL.format(
            host=server.host,
            port=server.port,
            service=self.service,
            folder=server.shared_folder("{local}", "Calendar"),
        )

    def load(self) -> Config:
        path = self.folder / "freebusy.toml"
        path.write_text(f'[site]\ntimezone = "Europe/Berlin"\n{self.tables}', "utf-8")
        return load(path, {})


def test_a_service_login_lists_who_shares_with_it(mail_server: MailServer, tmp_path: Path) -> None:
    """Everybody of whom it sees a folder is a user, nobody else and not itself."""
    place = Shared(mail_server, tmp_path)
    assert frozenset() == users(settings(mail_server, username=place.service))
    some = {place.add(), place.add()}
    mail_server.new_user()
    assert some == users(settings(mail_server, username=place.service))


def test_an_administrator_lists_everybody(cyrus: Cyrus) -> None:
    """Cyrus's administrator sees each mailbox; a dot in a name comes back as one."""
    some = {cyrus.new_user(), cyrus.new_user()}
    cyrus.add_user(dotted := f"h.{min(some)}")
    assert {*some, dotted} <= users(settings(cyrus, username=ADMIN))


def test_no_personal_login_lists_users(dovecot: Dovecot) -> None:
    """A template logs in as each person, and knows nobody before."""
    with pytest.raises(SourceRefusedError, match="service login"):
        users(settings(dovecot))


def test_people_follow_the_mail_server(mail_server: MailServer, tmp_path: Path) -> None:
    """Who is new counts; what is suddenly lost, or cannot be asked, changes nothing."""
    place = Shared(mail_server, tmp_path)
    some = [place.add() for _ in range(5)]
    assert mailroster.refresh(place.load()).changed
    assert set(some) == set(place.load().members)
    assert not mailroster.refresh(place.load()).changed
    for user in some[:4]:
        mail_server.grant(user, mail_server.folder("Calendar"), place.service, "")
    assert "lacks 4 of 5 users" in mailroster.refresh(place.load()).problem
    assert set(some) == set(place.load().members)
    config = place.load()
    with mail_server.outage():
        assert mailroster.refresh(config).problem
    assert set(some) == set(place.load().members)
    mailroster.refresh(config, believe=True)
    assert {some[4]} == set(place.load().members)


def test_a_running_service_takes_new_users(dovecot: Dovecot, tmp_path: Path) -> None:
    """From the mail server's list to the file, also for who came after the start."""
    place = Shared(dovecot, tmp_path)
    user = place.add()
    day = "20300115"
    dovecot.append(user, dovecot.folder("Calendar"), HEADER + event(day))
    with gateway_process(tmp_path, [], place.tables + "[window]\nmonths = 36\n") as gateway:
        until(lambda: gateway.get(f"/pub/calendar/{user}.vfb")[0] == 200, "the first is served")
        another = place.add()
        dovecot.append(another, dovecot.folder("Calendar"), HEADER + event(day))
        done = gateway.command("roster")
        assert (0, f"new: 1 user\n  {another}\n") == (
            done.returncode,
            done.stdout.decode().partition(".\n")[2],
        )
        until(lambda: gateway.get(f"/pub/calendar/{another}.vfb")[0] == 200, "so is the second")


def test_a_running_service_takes_a_changed_file(tmp_path: Path) -> None:
    """A new person is served soon; a file with problems is named and changes nothing."""
    calendars = tmp_path / "calendars"
    for name in ("hans", "eva"):
        (calendars / name).mkdir(parents=True)
        (calendars / name / "1.ics").write_bytes(event("20300115"))
    people = tmp_path / "people.csv"
    people.write_text("address\nhans@example.com\n", "utf-8")
    more = (
        '[roster]\nfile = "people.csv"\n[window]\nmonths = 36\n'
        '[sources.files]\ntype = "vdir"\nroot = "calendars"\n'
    )
    with gateway_process(tmp_path, [], more) as gateway:
        until(lambda: gateway.get("/pub/calendar/hans.vfb")[0] == 200, "the first is served")
        people.write_text("address\nhans@example.com\neva@example.com\n", "utf-8")
        until(lambda: gateway.get("/pub/calendar/eva.vfb")[0] == 200, "so is the second")
        people.write_text("address,timezone\nhans@example.com,Mars\neva\n", "utf-8")
        until(lambda: "people.csv:2: timezone" in gateway.said, "the problem is named")
        assert "people.csv:3: address" in gateway.said
        assert [200, 200] == [gateway.get(f"/calendar/{n}.vfb")[0] for n in ("hans", "eva")]


def event(day: str) -> bytes:
    return EVENT.replace(b"{day}", day.encode())
