"""What others do, share or break: nobody is busier, freer or later served for it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.system.anyformat import When, cancelled, invitation, simple, transparent
from tests.system.everybody import FULL, SERVICE, World, differing, service_source, settle
from tests.system.gateway_process import gateway_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.mailserver import MailServer
    from tests.system.everybody import Folder
    from tests.system.gateway_process import GatewayProcess

PROMPT = 5.0
"""Seconds in which a change shows, on a slow and busy machine, where nothing delays it."""


@contextmanager
def served(world: World, directory: Path) -> Iterator[GatewayProcess]:
    """Serve the world, and at the end look at all folders once more: nothing comes late."""
    persons = [f"{name}@example.com" for name in world.people]
    with gateway_process(directory, persons, service_source(world, directory)) as gateway:
        settle(gateway, world)
        yield gateway
        assert 0 == gateway.command("refresh", "--all").returncode
        assert [] == differing(gateway, {name: world.expected(name) for name in world.people})


@pytest.fixture
def world(mail_server: MailServer) -> World:
    """Give ten persons with a calendar each."""
    world = World(mail_server, 1)
    for _ in range(10):
        world.calendar(world.person(), "Calendar", world.event(), world.event())
    return world


def test_a_secretary_is_not_busy_all_day(world: World, tmp_path: Path) -> None:
    """All rights on five calendars make nobody busy, whatever is put into them, and by whom."""
    secretary, *bosses = world.people[:6]
    for boss in bosses:
        world.grant(world.own(boss)[0], secretary, FULL)
    alone = world.expected(secretary)
    with served(world, tmp_path) as gateway:
        for boss in bosses:
            own = world.own(boss)[0]
            world.append(own, *(simple(When(f"{boss}{hour}", 1, hour)) for hour in range(8, 18)))
        settle(gateway, world)
        assert alone == gateway.busy(secretary)


def test_nobody_is_made_busy_by_what_others_share(world: World, tmp_path: Path) -> None:
    """Folders and events that somebody shares with others do not count for them."""
    stranger, *victims = world.people
    before = {name: world.expected(name) for name in victims}
    acl = dict.fromkeys(victims, FULL)
    party = world.calendar(stranger, "Party", acl=acl)
    with served(world, tmp_path) as gateway:
        world.append(party, *(simple(When(f"all-day-{day}", day, 9)) for day in range(5)))
        for number, name in enumerate(victims):
            address = f"{name}@example.com"
            answers = {address: "ACCEPTED", f"{stranger}@example.com": "ACCEPTED"}
            world.append(party, invitation(When(f"invited-{number}", number, 12), answers))
            organizer = simple(When(f"of-{number}", number, 15), f"ORGANIZER:mailto:{address}")
            world.append(party, organizer)
        settle(gateway, world)
        assert before == {name: gateway.busy(name) for name in victims}


def test_nobody_is_made_free_by_what_others_share(world: World, tmp_path: Path) -> None:
    """A copy that frees an event, in whatever folder of others, leaves the event as it is."""
    stranger, member, owner = world.people[:3]
    party = world.calendar(stranger, "Party", relevance="readers", acl={owner: FULL})
    team = world.team("readers", {owner: "lra", member: FULL, stranger: FULL})
    kept = When("the-meeting", 3, 9)
    world.append(world.own(owner)[0], simple(kept))
    busy = world.expected(owner)
    with served(world, tmp_path) as gateway:
        refusal = invitation(kept, {f"{owner}@example.com": "DECLINED"})
        for folder in (party, team, world.own(stranger)[0]):
            world.append(folder, cancelled(kept), transparent(kept), refusal)
        settle(gateway, world)
        assert busy == gateway.busy(owner)


# -- broken mailboxes


def close(world: World, folder: Folder) -> None:
    """Take the right to read away from the service login, and leave it the right to see."""
    assert folder.owner
    world.server.grant(folder.owner, folder.name, world.service, "l")


@contextmanager
def damage(world: World, mark: str) -> Iterator[None]:
    """Have a folder that its server lists and cannot open; one of its messages has a mark."""
    files = [path for path in world.server.directory.rglob("*.*") if path.is_file()]
    (message,) = (path for path in files if mark.encode() in path.read_bytes())
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


def test_broken_mailboxes_delay_nobody(world: World, tmp_path: Path) -> None:
    """Whose rights are gone or whose folder is damaged is served as before; others at once."""
    closed, damaged, *healthy = (world.own(name)[0] for name in world.people)
    mark = f"mark-of-{damaged.owner}"
    world.append(damaged, simple(When(mark, 1, 1)))
    with served(world, tmp_path) as gateway:
        with damage(world, mark):
            close(world, closed)
            for folder in healthy:
                world.append(folder, world.event())
            settle(gateway, world, PROMPT)
            for folder in healthy:
                world.append(folder, world.event())
            settle(gateway, world, PROMPT)
        world.server.grant(str(closed.owner), closed.name, world.service, SERVICE)
        for folder in (closed, damaged):
            world.append(folder, world.event())
        settle(gateway, world)
