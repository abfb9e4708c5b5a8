"""``freebusy sync --once``: everything is read once, and the operator sees how far it is."""

from __future__ import annotations

import os
import pty
import re
from typing import TYPE_CHECKING

import pytest

from freebusy import onerun
from freebusy.config import load
from freebusy.onerun import Count
from tests.servers.mailserver import PASSWORD
from tests.system.cli_case import Site, freebusy, until
from tests.system.imap_case import HEADER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.mailserver import MailServer


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_one_run_makes_every_file(site: Site) -> None:
    """It ends by itself, with what it did in one line and exit code 0."""
    done = site("sync", "--once")
    assert (0, "") == (done.code, done.out)
    assert re.fullmatch(r"2 persons, 2 folders, 2 messages in \d+ s \(\d+/s\)\n", done.err)
    assert {"anna.vfb", "bernd.vfb"} <= {path.name for path in site.published.iterdir()}
    assert "2 persons, 2 folders, 0 messages" in site("sync", "--once").err


def test_what_cannot_be_read_is_said(site: Site) -> None:
    """Whoever has no calendar makes the exit code 1; everybody else has a file."""
    site.persons.insert(0, "nobody@example.com")
    site.write()
    done = site("sync", "--once")
    assert 1 == done.code
    assert done.err.startswith("nobody: ")
    assert "3 persons, 2 folders, 2 messages" in done.err
    assert done.err.endswith("; 1 failed\n")
    assert (site.published / "anna.vfb").exists()


def test_who_has_no_source_counts_too(site: Site) -> None:
    """A site where people only publish is done at once."""
    site.config.write_text('persons = ["a@example.com"]\n', "utf-8")
    assert "1 person, 0 folders, 0 messages" in site("sync", "--once").err


def test_beside_a_service(site: Site) -> None:
    """Both may work on the same people."""
    with site.service("run") as service:
        until(lambda: site.get("anna") is not None, "a file")
        assert 0 == site("sync", "--once").code
        site.add_event("anna", "2", "20260701T080000Z")
        until(lambda: "20260701T080000Z" in (site.get("anna") or ""), "the new event")
        service.stop()


def test_a_terminal_shows_a_bar(site: Site) -> None:
    """It shows persons, folders and messages, and leaves the summary."""
    ours, theirs = pty.openpty()
    with site.service("sync", "--once", terminal=theirs) as service:
        os.close(theirs)
        said = _read_all(ours)
        assert 0 == service.process.wait(20)
    assert "2 persons, 2 folders, 2 messages" in said


def _read_all(descriptor: int) -> str:
    parts: list[bytes] = []
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:  # the other end is closed
            chunk = b""
        if not chunk:
            os.close(descriptor)
            return b"".join(parts).decode()
        parts.append(chunk)


def test_lines_say_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no terminal, a line comes now and then."""
    monkeypatch.setattr(onerun, "LINE_EVERY", 0.0)
    site = Site(tmp_path)
    config = load(site.config, {})
    assert onerun.sync_once(config, lambda: config)
    lines = capsys.readouterr().err.splitlines()
    assert all(
        re.match(r"[012]/2 persons, \d folders?, \d messages?, ", line) for line in lines[:-1]
    )


def test_counts_in_words() -> None:
    """The rate, and how long the rest takes if it is as the first was."""
    count = Count(50, 200, folders=120, messages=25_000, seconds=30.0)
    assert "120 folders, 25,000 messages, 833/s, about 90 s left" == str(count)
    assert "0 folders, 0 messages, 0/s" == str(Count(0, 200))
    assert "200 persons, 120 folders, 25,000 messages in 30 s (833/s)" == count.summary()


@pytest.mark.timeout(60)
def test_a_mail_server_is_read_with_its_users(mail_server: MailServer, tmp_path: Path) -> None:
    """From a mail server and an empty roster to everybody's file in one command."""
    service = mail_server.new_user()
    people = [mail_server.new_user() for _ in range(3)]
    calendar = mail_server.folder("Calendar")
    for user in people:
        mail_server.create_folder(user, calendar)
        mail_server.grant(user, calendar, service, "lr")
        mail_server.append(user, calendar, HEADER + EVENT)
    (tmp_path / "password").write_text(PASSWORD, "utf-8")
    path = tmp_path / "freebusy.toml"
    path.write_text(
        '[site]\ntimezone = "Europe/Berlin"\n[window]\nmonths = 36\n'
        f'[sources.mail]\ntype = "imap"\nhost = "{mail_server.host}"\nport = {mail_server.port}\n'
        f'security = "plain"\nusername = "{service}"\npassword_file = "password"\n'
        f'folders = "{mail_server.shared_folder("{local}", "Calendar")}"\n'
        '[roster]\nsource = "mail"\naddress = "{local}@example.com"\n',
        "utf-8",
    )
    done = freebusy("sync", "--once", "--config", path)
    assert 0 == done.code
    assert done.err.startswith("3 persons, 3 folders, 3 messages")
    published = tmp_path / "state" / "public" / "pub" / "calendar"
    assert {f"{user}.vfb" for user in people} == {path.name for path in published.iterdir()}


EVENT = (
    b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20280115T100000Z\r\n"
    b"DTEND:20280115T110000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
