"""Which calendars of a real CalDAV server are a person's, and how they are reached."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from calendar_sync.caldav import CaldavSettings, CaldavSource
from freebusy.errors import CalendarMissingError, SourceRefusedError
from freebusy.ports import Owner
from tests.servers.davclient import DavClient
from tests.servers.davserver import READER
from tests.servers.mailserver import PASSWORD, checked, quoted

if TYPE_CHECKING:
    from tests.servers.cyrusdav import CyrusDav
    from tests.servers.davserver import Radicale

    AnyServer = CyrusDav | Radicale


def person(server: AnyServer) -> tuple[Owner, DavClient]:
    """Make somebody with a home."""
    name = server.new_user()
    client = DavClient(name)
    client.make_collection(server.home(name))
    return Owner(name, f"{name}@example.com"), client


def names(url: str, owner: Owner, username: str = "{name}", **changes: Any) -> list[str]:
    """Return the names of the calendars that count."""
    settings = CaldavSettings(url, username, PASSWORD, timeout=10, **changes)
    with closing(CaldavSource(settings)) as source:
        return sorted(calendar.name for calendar in source.calendars(owner))


def test_only_calendars_for_events_count(radicale: Radicale) -> None:
    """Calendars for tasks are left out; the display name is the name."""
    owner, client = person(radicale)
    home = radicale.home(owner.name)
    client.make_calendar(f"{home}work/", name="Büro & <Co>")
    client.make_calendar(f"{home}tasks/", components=["VTODO"])
    client.make_calendar(f"{home}both/", name="both", components=["VTODO", "VEVENT"])
    assert ["Büro & <Co>", "both"] == names(home, owner)


@pytest.mark.parametrize("start", ["/", "/.well-known/caldav", "home", "calendar"])
def test_a_home_is_found_from_anywhere(radicale: Radicale, start: str) -> None:
    """Root, well-known URI, home and calendar all lead to the calendars of the login."""
    owner, client = person(radicale)
    client.make_calendar(f"{radicale.home(owner.name)}work/", name="work")
    places = {"home": f"/{owner.name}", "calendar": f"/{owner.name}/work"}
    assert ["work"] == names(radicale.url + places.get(start, start), owner)


def test_one_login_reads_every_home(radicale: Radicale) -> None:
    """A service login with a template of homes finds each person's own calendars."""
    people = [person(radicale) for _ in range(2)]
    for number, (owner, client) in enumerate(people):
        client.make_calendar(f"{radicale.home(owner.name)}{number}/", name=f"work{number}")
    found = [names(radicale.home("{local}"), owner, READER) for owner, _ in people]
    assert [["work0"], ["work1"]] == found


def test_a_person_without_calendars_does_not_get_those_of_the_login(radicale: Radicale) -> None:
    """The service login's own home is not taken where a person's is empty."""
    reader = DavClient(READER)
    reader.make_collection(radicale.home(READER))
    mine = f"{radicale.home(READER)}mine/"
    if not reader.exists(mine):
        reader.make_calendar(mine)
    owner, _ = person(radicale)
    with pytest.raises(CalendarMissingError):
        names(radicale.home("{local}"), owner, READER)


def test_a_wrong_password_is_refused(radicale: Radicale) -> None:
    """The message says what to look at, and nothing of the password."""
    owner, _ = person(radicale)
    settings = CaldavSettings(radicale.home("{name}"), "{name}", "wrong-one", timeout=10)
    with (
        closing(CaldavSource(settings)) as source,
        pytest.raises(SourceRefusedError, match="check username and password") as raised,
    ):
        source.calendars(owner)
    assert "wrong-one" not in str(raised.value)


@pytest.mark.cyrus
def test_cyrus_has_a_calendar_for_everybody(cyrus_dav: CyrusDav) -> None:
    """Inbox and outbox are no calendars; what is transparent does not count."""
    owner, client = person(cyrus_dav)
    home = cyrus_dav.home(owner.name)
    client.make_calendar(f"{home}trips/", transparent=True)
    client.make_calendar(f"{home}work/", name="Arbeit")
    assert ["Arbeit", "personal"] == names(cyrus_dav.home("{local}"), owner)
    client.set_property(
        f"{home}work/", "<C:schedule-calendar-transp><C:transparent/></C:schedule-calendar-transp>"
    )
    assert ["personal"] == names(cyrus_dav.home("{local}"), owner)


@pytest.mark.cyrus
def test_cyrus_leads_from_its_root_to_a_home(cyrus_dav: CyrusDav) -> None:
    """The well-known URI, the principal and its calendar-home-set are followed, over TLS."""
    owner, _ = person(cyrus_dav)
    root = f"https://localhost:{cyrus_dav.https_port}/"
    assert ["personal"] == names(root, owner, ca_file=str(cyrus_dav.certificate.cert))


@pytest.mark.cyrus
def test_an_unknown_certificate_is_refused(cyrus_dav: CyrusDav) -> None:
    """Without ca_file a self-signed certificate ends it before the password is sent."""
    owner, _ = person(cyrus_dav)
    with pytest.raises(SourceRefusedError, match="ca_file"):
        names(f"https://localhost:{cyrus_dav.https_port}/", owner)


def share(server: CyrusDav, owner: Owner, reader: str, leaf: str, *, subscribe: bool) -> None:
    with server.session(owner.name) as client:
        checked(client.setacl(quoted(f"INBOX.#calendars.{leaf}"), reader, "lr"))
    if subscribe:
        with server.session(reader) as client:
            checked(client.subscribe(quoted(f"user.{owner.name}.#calendars.{leaf}")))


@pytest.mark.cyrus
def test_cyrus_shows_a_named_calendar_to_the_service_login(cyrus_dav: CyrusDav) -> None:
    """With the rights lr alone a calendar can be named below its owner's home."""
    owner, client = person(cyrus_dav)
    other, _ = person(cyrus_dav)
    reader = cyrus_dav.new_user()
    client.snapshot(cyrus_dav.home(owner.name))
    share(cyrus_dav, owner, reader, "Default", subscribe=False)
    found = names(cyrus_dav.home("{local}"), owner, reader, calendars=("Default",))
    assert ["personal"] == found
    with pytest.raises((CalendarMissingError, SourceRefusedError)):
        names(cyrus_dav.home("{local}"), other, reader, calendars=("Default",))


@pytest.mark.cyrus
def test_a_calendar_that_somebody_shared_is_not_the_persons_own(cyrus_dav: CyrusDav) -> None:
    """In a person's home only the person's calendars count; in the one home, each owner's."""
    hans, hans_client = person(cyrus_dav)
    grete, grete_client = person(cyrus_dav)
    for owner, client in ((hans, hans_client), (grete, grete_client)):
        client.make_calendar(f"{cyrus_dav.home(owner.name)}of-{owner.name}/")
    share(cyrus_dav, hans, grete.name, f"of-{hans.name}", subscribe=True)
    assert [f"of-{grete.name}", "personal"] == names(cyrus_dav.home("{local}"), grete)
    home = cyrus_dav.home(grete.name)
    assert [f"of-{hans.name}"] == names(home, hans, grete.name)
    assert [f"of-{grete.name}", "personal"] == names(home, grete, grete.name)
