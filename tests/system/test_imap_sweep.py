"""One look at all folders of a login, on a real Dovecot, a real Cyrus, and lesser servers."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from calendar_sync.imap import ImapSource
from freebusy.errors import SourceDownError, SourceUnavailableError
from freebusy.ports import Held, Owner
from tests.contract.place import Replica, event, watching
from tests.processes import until
from tests.servers.cyrus import ADMIN
from tests.servers.mailserver import checked, quoted
from tests.system.imap_case import HEADER, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.ports import Calendar
    from tests.servers.cyrus import Cyrus
    from tests.servers.fixtures import MakeDovecot
    from tests.servers.mailserver import MailServer


class Site:
    """Three people, a calendar each, and one login that reads them all."""

    def __init__(self, server: MailServer, **changes: Any) -> None:
        self.server = server
        self.reader = server.new_user()
        self.owners = [Owner(name, f"{name}@example.com") for name in self._people()]
        shared = server.shared_folder("{name}", "Calendar")
        self.source = ImapSource(
            settings(server, username=self.reader, folder=(shared,), **changes)
        )
        self.replicas = {owner.name: Replica() for owner in self.owners}
        self.calendars = {owner.name: self.source.calendars(owner)[0] for owner in self.owners}

    def _people(self) -> Iterator[str]:
        for _ in range(3):
            name = self.server.new_user()
            self.make_calendar(name)
            self.append(name, "first")
            yield name

    def make_calendar(self, name: str) -> None:
        folder = self.server.folder("Calendar")
        self.server.create_folder(name, folder)
        self.server.grant(name, folder, self.reader)

    def append(self, name: str, what: str) -> int:
        return self.server.append(name, self.server.folder("Calendar"), HEADER + event(what))

    def read(self, *names: str) -> None:
        for name in names or tuple(self.calendars):
            self.replicas[name].run(self.source, self.calendars[name])

    @property
    def unchanged(self) -> set[str]:
        """For whom one look proves that nothing happened."""
        known = {
            owner: [Held(self.calendars[owner.name].key, token)]
            for owner in self.owners
            if (token := self.replicas[owner.name].token) is not None
        }
        return {owner.name for owner in self.source.unchanged(known)}

    @property
    def names(self) -> list[str]:
        return [owner.name for owner in self.owners]


@pytest.fixture
def site(mail_server: MailServer) -> Iterator[Site]:
    site = Site(mail_server, poll_seconds=0.2)
    yield site
    site.source.close()


def test_all_share_one_look(site: Site) -> None:
    """Whoever is read by the same login is covered by one sweep."""
    assert [site.owners] == [list(group) for group in site.source.groups(site.owners)]


def test_a_first_look_proves_nothing(site: Site) -> None:
    """From the second on, all who are as they were read are proved to be."""
    site.read()
    assert [set(), set(site.names)] == [site.unchanged, site.unchanged]


@pytest.mark.parametrize("change", ["append", "flag", "expunge"])
def test_a_change_shows(site: Site, change: str) -> None:
    """New messages, ``\\Deleted`` and expunges each end the proof for that person alone."""
    first, *others = site.names
    uid = site.append(first, "more")
    site.read()
    assert set() == site.unchanged
    folder = site.server.folder("Calendar")
    if change == "append":
        site.append(first, "another")
    elif change == "flag":
        site.server.store(first, folder, [uid], "+FLAGS", r"\Deleted")
    else:
        site.server.delete(first, folder, uid)
    assert set(others) == site.unchanged
    site.read(first)
    assert set(site.names) == site.unchanged


@pytest.mark.parametrize("change", ["delete", "replace", "rename", "rights"])
def test_a_folder_that_is_not_what_it_was(site: Site, change: str) -> None:
    """Deleted, made anew, renamed, or no longer readable: its owner has to be looked at."""
    first, *others = site.names
    site.read()
    assert set() == site.unchanged
    folder = site.server.folder("Calendar")
    if change in {"delete", "replace"}:
        site.server.delete_folder(first, folder)
    if change == "replace":
        site.make_calendar(first)
    if change == "rename":
        with site.server.session(first) as client:
            checked(client.rename(quoted(folder), quoted(site.server.folder("Old"))))
    if change == "rights":
        site.server.grant(first, folder, site.reader, "")
        site.source.close()  # Dovecot remembers rights for 30 s in a session that is open
    assert set(others) == site.unchanged


def test_a_second_calendar_shows(mail_server: MailServer) -> None:
    """Where folders are discovered, a new one ends the proof for whom it belongs to."""
    site = Site(mail_server)
    kind = {"folder": (), "username": site.reader, "survey_seconds": 3600.0}
    site.source.close()
    site.source = ImapSource(settings(mail_server, **kind))
    with closing(site.source):
        site.calendars = {owner.name: site.source.calendars(owner)[0] for owner in site.owners}
        site.read()
        assert [set(), set(site.names)] == [site.unchanged, site.unchanged]
        first, *others = site.names
        team = mail_server.folder("Kalender")
        mail_server.create_folder(first, team)
        mail_server.grant(first, team, site.reader)
        site.source.close()  # Dovecot remembers rights for 30 s in a session that is open
        assert set(others) == site.unchanged


def test_a_watch_sweeps(mail_server: MailServer) -> None:
    """With no connection for IDLE at all, changes are reported, and so is a new list."""
    site = Site(mail_server, poll_seconds=0.1, max_watched=0)
    with closing(site.source):
        site.read()
        before = site.calendars[site.names[1]]
        with watching(site.source, list(site.calendars.values())) as watch:
            watch.settle(before, lambda: site.append(site.names[1], "settle"))
            after = watch.quiet(0.8)
            site.append(site.names[2], "a")
            assert watch.wait(site.calendars[site.names[2]], after=after, seconds=10)
            assert before not in watch.calls[after:]
            after = watch.quiet(0.8)
            mail_server.delete_folder(site.names[0], mail_server.folder("Calendar"))
            assert watch.wait(site.owners[0], after=after, seconds=10)  # type: ignore[arg-type]  # an owner


def test_a_watch_misses_nothing_from_the_last_reading_on(site: Site) -> None:
    """What changed between a reading and the watch is reported when the watch begins."""
    site.read()
    first = site.names[0]
    site.append(first, "in between")
    with watching(site.source, list(site.calendars.values())) as watch:
        assert watch.wait(site.calendars[first], seconds=10)
        watch.quiet(1.0)
        assert {site.calendars[first]} == {each for each in watch.calls if each not in site.owners}


def test_the_busiest_folders_have_the_connections(
    mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder where something happened is told of at once from then on."""
    monkeypatch.setattr("calendar_sync.imap.sweeping.CHOOSE_SECONDS", 0.3)
    site = Site(mail_server, poll_seconds=1.0, max_watched=1)
    with closing(site.source):
        site.read()
        calendars: list[Calendar] = list(site.calendars.values())
        with watching(site.source, calendars) as watch:
            watch.settle(calendars[2], lambda: site.append(site.names[2], "settle"))
            deadline = threading.Event()
            for number in range(20):  # until IDLE has moved there: then a push comes at once
                after = watch.quiet(1.0)
                site.append(site.names[2], f"e{number}")
                if watch.wait(calendars[2], after=after, seconds=0.7):
                    return
                deadline.wait(0.1)
            pytest.fail("the busiest folder is still swept only")


def test_an_outage_is_no_proof(site: Site) -> None:
    """Where nobody answers, nobody is as before; afterwards everybody is."""
    site.read()
    assert set() == site.unchanged
    with site.server.outage(), pytest.raises(SourceDownError):
        _ = site.unchanged
    assert set(site.names) == site.unchanged


@pytest.mark.dovecot
def test_a_server_that_allows_few_connections(make_dovecot: MakeDovecot) -> None:
    """Watching gives way to reading: with four connections for a login, both go on."""
    server = make_dovecot(max_connections=4)
    site = Site(server, poll_seconds=0.1, max_connections=2)
    with closing(site.source):
        site.read()
        calendars = list(site.calendars.values())
        with watching(site.source, calendars * 2) as watch, closing(site.source):
            held = [server.login(site.reader)]  # with three that watch, all there are
            watch.settle(calendars[0], lambda: site.append(site.names[0], "settle"))
            site.source.close()
            for number in range(3):
                site.append(site.names[1], f"e{number}")
                until(lambda: _reads(site), "there is a connection to read with")
            for client in held:
                client.logout()


def _reads(site: Site) -> bool:
    try:
        site.read()
    except SourceUnavailableError:
        return False
    return True


@pytest.mark.dovecot
@pytest.mark.parametrize(
    "capability",
    [
        "IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE MULTIAPPEND ACL IDLE UNSELECT ENABLE CONDSTORE",
        "IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE MULTIAPPEND ACL",
    ],
    ids=["status", "plain"],
)
def test_servers_without_list_status(make_dovecot: MakeDovecot, capability: str) -> None:
    """Each folder is asked by STATUS; without modification sequences nothing is proved."""
    site = Site(make_dovecot(capability=capability), poll_seconds=0.1, max_watched=0)
    with closing(site.source):
        site.read()
        provable = set(site.names) if "CONDSTORE" in capability else set()
        assert [set(), provable] == [site.unchanged, site.unchanged]
        calendars = list(site.calendars.values())
        with watching(site.source, calendars) as watch:
            watch.settle(calendars[0], lambda: site.append(site.names[0], "settle"))


@pytest.mark.cyrus
def test_an_administrator_sweeps_for_all(cyrus: Cyrus) -> None:
    """Who may not read messages sees that they changed; each person's own login reads them."""
    site = Site(cyrus)
    site.source.close()
    used = settings(
        cyrus,
        username=ADMIN,
        authorization="{name}",
        list_as_service=True,
        folder=(),
        survey_seconds=3600.0,
        poll_seconds=0.1,
        max_watched=0,
    )
    site.source = ImapSource(used)
    with closing(site.source):
        site.calendars = {owner.name: site.source.calendars(owner)[0] for owner in site.owners}
        site.read()
        assert [site.owners] == [list(group) for group in site.source.groups(site.owners)]
        assert [set(), set(site.names)] == [site.unchanged, site.unchanged]
        first, *others = site.names
        site.append(first, "more")
        assert set(others) == site.unchanged
        with watching(site.source, list(site.calendars.values())) as watch:
            assert watch.wait(site.calendars[first], seconds=10)
