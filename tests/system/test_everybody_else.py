"""What others do, share or break: nobody is busier, freer or later served for it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest

from tests.servers.fixtures import KINDS
from tests.system.anyformat import When, cancelled, invitation, simple, transparent
from tests.system.everybody import (
    FULL,
    SERVICE,
    World,
    differing,
    service_source,
    settle,
)
from tests.system.gateway_process import gateway_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.mailserver import MailServer
    from tests.system.everybody import Folder
    from tests.system.gateway_process import GatewayProcess

PROMPT = 5.0
"""Seconds in which a change shows, on a slow and busy machine, where nothing delays it."""


@dataclass
class Office:
    """Persons with a calendar each, and what serves them."""

    world: World
    gateway: GatewayProcess
    party: Folder
    """The first person's, open to all others, with nothing said of whom it is for."""
    project: Folder
    """The first person's, for all others who may read it."""
    team: Folder
    """Nobody's, for all who may read it."""


@pytest.fixture(scope="module", params=KINDS)
def office(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """Serve an office, and at the end look at all folders once more: nothing comes late."""
    world = World(cast("MailServer", request.getfixturevalue(request.param)), 1)
    for _ in range(12):
        world.calendar(world.person(), "Calendar", world.event(), world.event())
    host, *guests = world.people
    shared = dict.fromkeys(guests, FULL)
    party = world.calendar(host, "Party", acl=shared)
    project = world.calendar(host, "Project", relevance="readers", acl=shared)
    team = world.team("readers", shared | {host: FULL})
    world.append(world.own(world.people[-1])[0], simple(When("marked-by-the-test", 1, 1)))
    directory = tmp_path_factory.mktemp("office")
    persons = [f"{name}@example.com" for name in world.people]
    with gateway_process(directory, persons, service_source(world, directory)) as gateway:
        settle(gateway, world)
        yield Office(world, gateway, party, project, team)
        assert 0 == gateway.command("refresh", "--all").returncode
        assert [] == differing(gateway, {name: world.expected(name) for name in world.people})


def test_a_secretary_is_not_busy_all_day(office: Office) -> None:
    """All rights on five calendars make nobody busy, whatever is put into them, and by whom."""
    world = office.world
    secretary, *bosses = world.people[2:8]
    alone = world.expected(secretary)
    for boss in bosses:
        own = world.own(boss)[0]
        world.grant(own, secretary, FULL)
        world.append(own, *(simple(When(f"{boss}{hour}", 1, hour)) for hour in range(8, 18)))
    settle(office.gateway, world)
    assert alone == office.gateway.busy(secretary)


def test_nobody_is_made_busy_by_what_others_share(office: Office) -> None:
    """Folders and events that somebody shares with others do not count for them."""
    world = office.world
    before = {name: world.expected(name) for name in world.people[1:]}
    events = [simple(When(f"all-day-{day}", day, 9)) for day in range(5)]
    for number, name in enumerate(before):
        address = f"{name}@example.com"
        invited = When(f"invited-{number}", number, 12), {address: "ACCEPTED"}
        organized = When(f"of-{number}", number, 15), f"ORGANIZER:mailto:{address}"
        events += [invitation(*invited), simple(*organized)]
    world.append(office.party, *events)
    settle(office.gateway, world)
    assert before == {name: office.gateway.busy(name) for name in before}


def test_nobody_is_made_free_by_what_others_share(office: Office) -> None:
    """A copy that frees an event, in whatever folder of others, leaves the event as it is."""
    world, owner = office.world, office.world.people[1]
    kept = When("the-meeting", 3, 9)
    world.append(world.own(owner)[0], simple(kept))
    busy = world.expected(owner)
    refused = invitation(kept, {f"{owner}@example.com": "DECLINED"})
    for folder in (office.party, office.project, office.team):
        world.append(folder, cancelled(kept), transparent(kept), refused)
    settle(office.gateway, world)
    assert busy == office.gateway.busy(owner)


# -- broken mailboxes


def close(world: World, folder: Folder) -> None:
    """Take the right to read away from the service login, and leave it the right to see."""
    world.server.grant(folder.user, folder.name, world.service, "l")


@contextmanager
def damage(world: World, mark: str) -> Iterator[None]:
    """Have a folder that its server lists and cannot open; one of its messages has a mark."""
    found = [path for path in world.server.directory.rglob("*.*") if path.is_file()]
    (message,) = (path for path in found if mark.encode() in path.read_bytes())
    if world.server.kind == "cyrus":
        files = [message.with_name("cyrus.index")]
    else:
        patterns = "cur", "new", "dovecot.*", "dovecot-uid*"
        files = [path for each in patterns for path in message.parent.parent.glob(each)]
    before = [path.stat().st_mode for path in files]
    for path in files:
        path.chmod(0)
    try:
        yield
    finally:
        for path, mode in zip(files, before, strict=True):
            path.chmod(mode)


def test_broken_mailboxes_delay_nobody(office: Office) -> None:
    """Whose rights are gone or whose folder is damaged is served as before; others at once."""
    world = office.world
    *healthy, closed, damaged = (world.own(name)[0] for name in world.people)
    with damage(world, "marked-by-the-test"):
        close(world, closed)
        for _ in range(2):  # the second time it is known what is broken
            for folder in healthy:
                world.append(folder, world.event())
            settle(office.gateway, world, PROMPT)
    world.server.grant(closed.user, closed.name, world.service, SERVICE)
    for folder in (closed, damaged):
        world.append(folder, world.event())
    settle(office.gateway, world)
