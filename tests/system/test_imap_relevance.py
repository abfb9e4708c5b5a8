"""Which folders count for a person, on a real Dovecot and a real Cyrus with one login for all."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from calendar_sync.imap import ImapSource
from calendar_sync.imap.relevance import Verdict
from freebusy.errors import SourceRefusedError
from freebusy.ports import Owner
from tests.contract.place import Replica, event
from tests.servers.cyrus import ADMIN, PROXY
from tests.servers.dovecot import MASTER_USER
from tests.system.imap_case import HEADER, settings

if TYPE_CHECKING:
    from tests.servers.cyrus import Cyrus
    from tests.servers.mailserver import MailServer


class Office:
    """A service login, and people with a calendar each that it may read."""

    def __init__(self, server: MailServer, **changes: Any) -> None:
        self.server = server
        self.service = server.new_user()
        usual = {"username": self.service, "folder": (), **changes}
        self.settings = settings(server, **usual)

    def person(self, **more: Any) -> Owner:
        user = self.server.new_user()
        self.server.create_folder(user, self.own, folder_type="event.default")
        self.server.grant(user, self.own, self.service, "lr")
        return Owner(user, f"{user}@example.com", **more)

    @property
    def own(self) -> str:
        return self.server.folder("Calendar")

    def seen(self, owner: Owner) -> str:
        """Return a person's calendar as the service login names it."""
        return self.server.shared_folder(owner.name, "Calendar")

    def shared(self, **acl: str) -> str:
        """Make a calendar that belongs to nobody."""
        lists = {self.service: "lrwa", **acl}
        folder = self.server.create_shared(f"Team{self.server.new_user()}", lists)
        self.annotate(folder, folder_type="event")
        return folder

    def annotate(self, folder: str, **entries: str) -> None:
        self.server.annotate_shared(self.service, folder, **entries)

    def found(self, owner: Owner) -> list[str]:
        with closing(ImapSource(self.settings)) as source:
            return [calendar.name for calendar in source.calendars(owner)]


@pytest.mark.parametrize(
    ("relevance", "rights", "expected"),
    [
        ("", "lra", True),
        ("", "lr", False),
        ("admins", "lra", True),
        ("admins", "lrswit", False),
        ("readers", "lr", True),
        ("readers", "l", False),
        ("nobody", "lra", False),
    ],
)
def test_shared_folders(
    mail_server: MailServer, relevance: str, rights: str, expected: bool
) -> None:
    """A folder of nobody counts for those whom incidences-for and the rights of the person say."""
    office = Office(mail_server)
    anna, bernd = office.person(), office.person()
    team = office.shared(**{anna.name: rights})
    if relevance:
        office.annotate(team, incidences_for=relevance)
    shared = [team] if expected else []
    assert sorted([office.seen(anna), *shared]) == sorted(office.found(anna))
    assert [office.seen(bernd)] == office.found(bernd)


def test_a_secretary_is_not_busy_all_day(mail_server: MailServer) -> None:
    """All rights on the calendars of others, and an event shared, make nobody busy."""
    office = Office(mail_server)
    secretary, *bosses = (office.person() for _ in range(4))
    for boss in bosses:
        mail_server.grant(boss.name, office.own, secretary.name, "lrswipkxtea")
    assert [office.seen(secretary)] == office.found(secretary)


@pytest.mark.parametrize(
    ("relevance", "rights", "expected"),
    [
        ("readers", "lr", True),
        ("admins", "lra", True),
        ("admins", "lr", False),
        ("nobody", "lra", False),
    ],
)
def test_folders_of_another_person(
    mail_server: MailServer, relevance: str, rights: str, expected: bool
) -> None:
    """What belongs to somebody else counts where incidences-for is set on it."""
    office = Office(mail_server)
    anna, bernd = office.person(), office.person()
    mail_server.grant(anna.name, office.own, office.service, "lra")
    mail_server.grant(anna.name, office.own, bernd.name, rights)
    mail_server.annotate(anna.name, office.own, incidences_for=relevance)
    of_anna = [office.seen(anna)] if expected else []
    assert sorted([office.seen(bernd), *of_anna]) == sorted(office.found(bernd))


def test_changes_show_at_once_without_a_kept_survey(mail_server: MailServer) -> None:
    """A right given, taken, or an annotation changed shows when folders are next listed."""
    office = Office(mail_server)
    anna = office.person()
    bernd = office.person()
    mail_server.grant(anna.name, office.own, office.service, "lra")
    mail_server.annotate(anna.name, office.own, incidences_for="readers")
    counts = []
    with closing(ImapSource(office.settings)) as source:
        for rights, relevance in (
            ("", "readers"),
            ("lr", "readers"),
            ("lr", "admins"),
            ("lra", "admins"),
        ):
            mail_server.grant(anna.name, office.own, bernd.name, rights)
            mail_server.annotate(anna.name, office.own, incidences_for=relevance)
            source.close()  # what a session of Dovecot remembers of rights it remembers for 30 s
            counts.append(len(source.calendars(bernd)) - 1)
    assert [0, 1, 0, 1] == counts


def test_a_list_that_may_not_be_seen(mail_server: MailServer) -> None:
    """Without the right a on a shared folder nobody can tell for whom it counts, so it does not."""
    office = Office(mail_server)
    anna = office.person()
    mail_server.annotate(anna.name, office.own, incidences_for="readers")
    bernd = office.person()
    mail_server.grant(anna.name, office.own, bernd.name, "lr")
    assert [office.seen(bernd)] == office.found(bernd)
    named = Owner(bernd.name, bernd.address, include=(office.seen(anna),))
    assert 2 == len(office.found(named))


def test_one_survey_serves_everybody(mail_server: MailServer) -> None:
    """While a survey is kept, a second person's calendars cost no further command."""
    office = Office(mail_server, survey_seconds=3600.0)
    people = [office.person() for _ in range(3)]
    with closing(ImapSource(office.settings)) as source:
        source.calendars(people[0])
        with mail_server.outage():
            found = [source.calendars(owner)[0].name for owner in people]
    assert [office.seen(owner) for owner in people] == found


def test_readable_for_is_reported(mail_server: MailServer) -> None:
    """Judgements tell which folders were looked at, and who may see their details."""
    office = Office(mail_server)
    anna = office.person()
    mail_server.annotate(anna.name, office.own, pxfb_readable_for="bernd@example.com")
    with closing(ImapSource(office.settings)) as source:
        (found,) = source.judgements(anna)
    assert (Verdict.OWN, "bernd@example.com") == (found.verdict, found.readable_for)


def test_calendars_of_groups(mail_server: MailServer) -> None:
    """A group's calendar is everybody's, and says so; its key is not that of the whole folder."""
    office = Office(mail_server)
    anna = office.person()
    team = office.shared(**{anna.name: "lra"})
    with closing(ImapSource(replace(office.settings, attendees_only=(team,)))) as source:
        calendars = {each.name: each for each in source.calendars(anna)}
        group = calendars[team]
        assert (False, True) == (group.is_own, group.attendees_only)
        assert (True, False) == (calendars[office.seen(anna)].is_own, False)
        assert [] == Replica().run(source, group).objects
    with closing(ImapSource(office.settings)) as source:
        (whole,) = [each for each in source.calendars(anna) if each.name == team]
    assert (False, False, True) == (whole.is_own, whole.attendees_only, whole.key != group.key)


def test_folders_in_and_out(mail_server: MailServer) -> None:
    """Patterns of the site and of a person add folders and leave folders out, also named ones."""
    office = Office(mail_server)
    anna = office.person()
    mail_server.create_folder(anna.name, mail_server.folder("Urlaub"))
    mail_server.grant(anna.name, mail_server.folder("Urlaub"), office.service, "lr")
    own, holidays = office.seen(anna), mail_server.shared_folder(anna.name, "Urlaub")
    template = mail_server.shared_folder("{name}", "Url*")
    cases: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
        ({}, {}, [own]),
        ({"include": (template,)}, {}, [own, holidays]),
        ({"include": (template,), "exclude": ("*Calendar",)}, {}, [holidays]),
        ({}, {"include": (holidays,)}, [own, holidays]),
        ({"include": (template,)}, {"exclude": (holidays,)}, [own]),
        ({"folder": (own, holidays)}, {"exclude": ("*Calendar",)}, [holidays]),
        ({"folder": (own,), "include": (template,)}, {}, [own, holidays]),
    ]
    for changes, more, expected in cases:
        used = replace(office.settings, **changes)
        with closing(ImapSource(used)) as source:
            found = source.calendars(replace(anna, **more))
        assert (changes, more, expected) == (changes, more, [each.name for each in found])
        assert all(each.is_own for each in found)


@pytest.mark.parametrize(
    "leaf", ["Calendar", "Kalender", "Calendrier", "Calendario", "Calend\u00e1rio", "Agenda"]
)
def test_usual_names_of_others(mail_server: MailServer, leaf: str) -> None:
    """Without types a service login finds each person's calendar by its name, in modified UTF-7."""
    office = Office(mail_server)
    user = mail_server.new_user()
    mail_server.create_folder(user, mail_server.folder(leaf))
    mail_server.grant(user, mail_server.folder(leaf), office.service, "lr")
    owner = Owner(user, f"{user}@example.com")
    assert [mail_server.shared_folder(user, leaf)] == office.found(owner)


# -- one login that acts for each person


def acting(server: MailServer) -> dict[str, Any]:
    """Return settings with which one login acts for each person."""
    login = PROXY if server.kind == "cyrus" else MASTER_USER
    return {"username": login, "authorization": "{name}"}


def test_one_login_acts_for_all(mail_server: MailServer) -> None:
    """With an authorization identity each person's folders are read as the person sees them."""
    office = Office(mail_server, **acting(mail_server))
    people = [office.person() for _ in range(2)]
    with closing(ImapSource(office.settings)) as source:
        for owner in people:
            mail_server.append(owner.name, office.own, HEADER + event(f"of-{owner.name}"))
            (calendar,) = source.calendars(owner)
            assert (office.own, owner.name) == (calendar.name, calendar.key.partition("/")[0])
            assert [f"of-{owner.name} Meeting"] == Replica().run(source, calendar).objects


def test_an_acting_login_sees_the_persons_own_rights(mail_server: MailServer) -> None:
    """Then the server itself says what the person may do with the folders of others."""
    office = Office(mail_server, **acting(mail_server))
    anna, bernd = office.person(), office.person()
    mail_server.grant(anna.name, office.own, bernd.name, "lr")
    assert [office.own] == office.found(bernd)
    mail_server.annotate(anna.name, office.own, incidences_for="readers")
    assert {office.own, office.seen(anna)} == set(office.found(bernd))


def test_who_may_not_act_for_others_is_told(mail_server: MailServer) -> None:
    """A login that may not act for others is refused with the setting to look at."""
    office = Office(mail_server, authorization="{name}")
    with pytest.raises(SourceRefusedError, match="act for others"):
        office.found(Owner("somebody", "somebody@example.com"))


@pytest.mark.cyrus
def test_an_administrator_lists_for_all(cyrus: Cyrus) -> None:
    """Cyrus's administrator lists everything at once; each person's connection reads."""
    office = Office(
        cyrus, username=ADMIN, authorization="{name}", list_as_service=True, survey_seconds=3600.0
    )
    anna, bernd = office.person(), office.person()
    team = office.shared(**{bernd.name: "lra"})
    cyrus.append(bernd.name, office.own, HEADER + event("own"))
    with closing(ImapSource(office.settings)) as source:
        assert [office.own] == [calendar.name for calendar in source.calendars(anna)]
        mine, shared = sorted(source.calendars(bernd), key=lambda calendar: calendar.name == team)
        assert (office.own, team) == (mine.name, shared.name)
        assert ["own Meeting"] == Replica().run(source, mine).objects
        assert [] == Replica().run(source, shared).objects
