"""Whatever is done to fifty persons' folders, every file says what one made from nothing says.

On a real Dovecot and a real Cyrus, through one service login.  What is done is drawn
from a seed: ``FREEBUSY_TEST_SEED`` sets another, ``FREEBUSY_TEST_STEPS`` more steps.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

import pytest

from tests.servers.fixtures import KINDS
from tests.system.everybody import World, populate, service_source, settle
from tests.system.gateway_process import GatewayProcess, gateway_process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.fixtures import MakeDovecot
    from tests.servers.mailserver import MailServer
    from tests.system.everybody import Folder

SEED = int(os.environ.get("FREEBUSY_TEST_SEED", "4"))
STEPS = int(os.environ.get("FREEBUSY_TEST_STEPS", "90"))
BATCHES = 3


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest) -> MailServer:
    """Give each kind of server in turn; Dovecot one that soon notices changed rights."""
    if request.param == "cyrus":
        return cast("MailServer", request.getfixturevalue("cyrus"))
    make = cast("MakeDovecot", request.getfixturevalue("make_dovecot"))
    return make(acl_seconds=1)


@pytest.fixture
def world(server: MailServer) -> World:
    world = World(server, SEED)
    populate(world)
    return world


# -- what may happen


def used(world: World) -> Folder:
    """Return any folder that may hold something."""
    found = [folder for folder in world.folders if folder.owner not in world.untouched]
    return world.chance.choice(found)


def full(world: World) -> Folder:
    """Return any folder from which a message may go."""
    return world.chance.choice([folder for folder in world.folders if folder.removable()])


def further(world: World) -> Folder:
    """Return a folder that its owner has beside another one."""
    first = {id(world.own(name)[0]) for name in world.people}
    found = [folder for folder in world.folders if folder.owner and id(folder) not in first]
    return world.chance.choice(found)


def append(world: World) -> str:
    folder = used(world)
    items = [world.anything() for _ in range(world.chance.choice((1, 1, 3)))]
    world.append(folder, *items)
    return f"append {[item.uid for item in items]} to {folder}"


def flag(world: World) -> str:
    folder = full(world)
    uid = world.chance.choice(folder.removable())
    world.flag(folder, uid, deleted=True)
    return f"flag {uid} in {folder}"


def unflag(world: World) -> str | None:
    folders = [folder for folder in world.folders if folder.flagged]
    if not folders:
        return None
    folder = world.chance.choice(folders)
    uid = world.chance.choice(sorted(folder.flagged))
    world.flag(folder, uid, deleted=False)
    return f"unflag {uid} in {folder}"


def expunge(world: World) -> str:
    folder = used(world)
    world.expunge(folder)
    return f"expunge {folder}"


def delete(world: World) -> str:
    folder = full(world)
    uids = world.chance.sample(folder.removable(), 1)
    for uid in uids:
        world.flag(folder, uid, deleted=True)
    world.expunge(folder)
    return f"delete {uids} from {folder}"


def update(world: World) -> str | None:
    """Write an event anew, with its UID; the old one goes afterwards, or stays."""
    folder = full(world)
    uid = world.chance.choice(folder.removable())
    old = folder.items[uid]
    if any(len(item.spans) > 1 for item in folder.items.values() if item.uid == old.uid):
        return None  # what an override in the older message is worth is another matter
    new = world.again(old)
    world.append(folder, new)
    if old.is_outlooks or world.chance.random() < 0.7:  # whose UID has another form
        world.flag(folder, uid, deleted=True)
        world.expunge(folder)
    return f"update {uid} {new.uid} in {folder}"


def move(world: World) -> str | None:
    source = full(world)
    targets = [f for f in world.folders if source.owner and f.owner == source.owner]
    if len(targets) < 2:
        return None
    target = world.chance.choice([folder for folder in targets if folder is not source])
    uid = world.chance.choice(source.removable())
    world.move(source, uid, target)
    return f"move {uid} from {source} to {target}"


def copy(world: World) -> str:
    """Put a copy of somebody's event, cancelled, into a folder of another's or of nobody."""
    victim = world.chance.choice(world.people)
    item = world.chance.choice([item for f in world.own(victim) for item in f.live()] or [None])
    target = used(world)
    if item is None or target.owner == victim:
        return "copy nothing"
    world.append(target, world.cancelled(item))
    return f"copy {item.uid} to {target}"


def rename(world: World) -> str:
    folder = world.chance.choice([f for f in world.folders if f.owner and f.is_typed])
    before = str(folder)
    world.rename(folder, world.leaf())
    return f"rename {before} to {folder}"


def reset(world: World) -> str:
    folder = world.chance.choice([f for f in world.folders if f.owner and f.items])
    world.reset(folder, world.event())
    return f"reset {folder}"


def empty(world: World) -> str:
    folder = further(world)
    world.reset(folder)
    return f"reset {folder} to nothing"


def remove(world: World) -> str:
    folder = further(world)
    world.remove(folder)
    return f"remove {folder}"


def create(world: World) -> str:
    name = world.chance.choice(world.people[: -len(world.untouched)])
    folder = world.calendar(name, world.leaf(), world.event())
    return f"create {folder}"


def grant(world: World) -> str:
    folder = world.chance.choice([f for f in world.folders if f.acl or f.owner is None])
    name = world.chance.choice([name for name in world.people if name != folder.owner])
    rights = world.chance.choice(("", "l", "lr", "lra", "lrswipkxtea"))
    world.grant(folder, name, rights)
    return f"grant {name} {rights!r} on {folder}"


def relate(world: World) -> str:
    folder = world.chance.choice([f for f in world.folders if f.acl and f.owner])
    world.relate(folder, world.chance.choice(("readers", "admins", "nobody")))
    return f"relate {folder}"


WEIGHTS: dict[Callable[[World], str | None], int] = {
    append: 20,
    flag: 8,
    unflag: 5,
    expunge: 6,
    delete: 10,
    update: 10,
    move: 8,
    copy: 4,
    rename: 4,
    reset: 3,
    empty: 2,
    remove: 1,
    create: 2,
    grant: 6,
    relate: 4,
}


def do(world: World, steps: int) -> None:
    """Do what chance says."""
    for _ in range(steps):
        (step,) = world.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        world.done.append(step(world) or f"no {step.__name__}")


# -- and what must come of it


def as_served(gateway: GatewayProcess, world: World) -> dict[str, list[bytes]]:
    """Return everybody's file but for DTSTAMP, as it lies on disk.

    Those whose calendars have become empty have a file of free time, which those whose
    calendars never held anything have not: of them a new gateway knows less.
    """
    names = [name for name in world.people if any(f.live() for f in world.own(name))]
    files = {name: gateway.path(name).read_bytes().splitlines() for name in names}
    return {
        name: [line for line in lines if not line.startswith(b"DTSTAMP")]
        for name, lines in files.items()
    }


def made_anew(gateway: GatewayProcess, world: World, directory: Path) -> dict[str, list[bytes]]:
    """Return everybody's file as a gateway makes it that knows nothing."""
    directory.mkdir()
    another = GatewayProcess(directory, gateway.persons, gateway.more)
    done = another.command("sync", "--once")
    assert 0 == done.returncode, done.stderr
    return as_served(another, world)


@pytest.mark.timeout(300)
def test_any_sequence_of_changes(world: World, tmp_path: Path) -> None:
    """After any changes, an outage of the server and a crash of the gateway all files are right."""
    persons = [f"{name}@example.com" for name in world.people]
    with gateway_process(tmp_path, persons, service_source(world, tmp_path)) as gateway:
        settle(gateway, world)
        do(world, STEPS // BATCHES)
        world.done.append(create(world))  # with it, changed rights are looked for at once
        settle(gateway, world)
        do(world, STEPS // BATCHES // 2)
        with world.server.outage():
            world.done.append("outage")
        do(world, STEPS // BATCHES // 2)
        world.done.append(create(world))
        settle(gateway, world)
        do(world, STEPS // BATCHES // 2)
        gateway.kill()
        world.done.append("crash")
        do(world, STEPS // BATCHES // 2)
        gateway.start()
        settle(gateway, world)
        assert made_anew(gateway, world, tmp_path / "anew") == as_served(gateway, world)
