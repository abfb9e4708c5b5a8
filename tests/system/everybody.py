"""Fifty persons on a mail server: their folders, what is in them, and when that makes them busy.

What a file must say is worked out from what was done to the server, by rules that are
written down here once more: nothing of the product's own discovery is used.
"""

from __future__ import annotations

import itertools
import random
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.servers.mailserver import FOLDER_TYPE, PASSWORD, checked, quoted
from tests.system.anyformat import (
    EVENTS,
    OTHERS,
    Item,
    When,
    cancelled,
    invitation,
    merged,
    transparent,
)

if TYPE_CHECKING:
    import imaplib
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from freebusy.period import Span
    from tests.servers.mailserver import MailServer
    from tests.system.gateway_process import GatewayProcess

PEOPLE = 50
FULL = "lrswipkxtea"
SERVICE = "lra"
"""What the service login may: see, read, and see for whom a folder counts."""
USUAL_NAMES = ("Calendar", "Kalender", "Calendrier", "Calendario", "Agenda")
SETTLED = 75.0
"""Seconds in which everything shows: rights and annotations alone take four intervals."""
NEEDED = {"admins": "a", "readers": "r"}


@dataclass(eq=False)
class Folder:
    """A folder and what it should hold."""

    user: str
    """Through whose login it is changed."""
    name: str
    """As that login names it."""
    owner: str | None
    """None: it is nobody's."""
    is_typed: bool = True
    relevance: str = ""
    acl: dict[str, str] = field(default_factory=dict)
    """The rights of persons."""
    items: dict[int, Item] = field(default_factory=dict)
    """By IMAP UID."""
    flagged: set[int] = field(default_factory=set)
    """Those that are flagged ``\\Deleted``."""
    held: bool = False
    """Whether an event was ever in it."""
    is_seen: bool = False
    """Whether the gateway has read it as it is called now."""

    def __str__(self) -> str:
        return f"{self.name!r} of {self.owner}"

    def removable(self) -> list[int]:
        """Return messages that may go.

        One event stays where the gateway may not have seen any yet: whether the folder
        was ever used would be a matter of luck.
        """
        events = [uid for uid, item in self.items.items() if item.spans and uid not in self.flagged]
        kept = set() if self.is_seen else set(events[:1])
        return [uid for uid in self.items if uid not in kept]

    def live(self) -> list[Item]:
        """Return what counts: of two messages with one UID the newer one."""
        newest = {
            item.uid: item for uid, item in sorted(self.items.items()) if uid not in self.flagged
        }
        return list(newest.values())

    def counts_for(self, name: str) -> bool:
        """Whether somebody else than its owner is busy by it."""
        needed = NEEDED.get(self.relevance or ("" if self.owner else "admins"))
        return needed is not None and needed in self.acl.get(name, "")


class World:
    """Everybody, on one server; every change is made there and noted here."""

    def __init__(self, server: MailServer, seed: int) -> None:
        self.server = server
        self.chance = random.Random(seed)
        self.service = server.new_user()
        self.writer = server.new_user()
        self.people: list[str] = []
        self.untouched: list[str] = []
        """Persons who keep a paper diary, and an empty calendar."""
        self.folders: list[Folder] = []
        self.done: list[str] = []
        """What was done, for whoever has to find out why a test failed."""
        self._numbers = itertools.count(1)

    # -- the model

    def expected(self, name: str) -> list[Span] | None:
        """Return a person's busy times; None where nothing is known of them."""
        own = self.own(name)
        if not any(folder.held for folder in own):
            return None
        others = [f for f in self.folders if f.owner != name and f.counts_for(name)]
        items = [item for folder in (*own, *others) for item in folder.live()]
        address = f"{name}@example.com"
        return merged([span for item in items for span in item.spans_for(address)])

    def own(self, name: str) -> list[Folder]:
        """Return a person's calendars: those of the right type, else those with a usual name."""
        mine = [folder for folder in self.folders if folder.owner == name]
        return [folder for folder in mine if folder.is_typed] or mine

    # -- making it

    def when(self) -> When:
        """Return an event that never was."""
        day, hour = self.chance.randint(-4, 50), self.chance.randint(0, 19)
        return When(f"e{next(self._numbers)}@example.com", day, hour)

    def event(self) -> Item:
        return self.chance.choice(EVENTS)(self.when())

    def anything(self) -> Item:
        """Return an event, now and then an invitation or what is no event."""
        kind = self.chance.random()
        if kind < 0.2:
            return self.chance.choice(OTHERS)(self.when())
        if kind < 0.4:
            states = ("ACCEPTED", "DECLINED", "TENTATIVE", "NEEDS-ACTION")
            guests = self.chance.sample(self.people, 10)
            answers = {f"{name}@example.com": self.chance.choice(states) for name in guests}
            return invitation(self.when(), answers)
        return self.event()

    def again(self, old: Item) -> Item:
        """Return another event with the UID of one."""
        make = self.chance.choice((*EVENTS, transparent, cancelled))
        return make(replace(self.when(), uid=old.uid))

    def cancelled(self, old: Item) -> Item:
        """Return the news that an event is cancelled."""
        return cancelled(replace(self.when(), uid=old.uid))

    def leaf(self) -> str:
        """Return a name that no folder ever had."""
        return f"Büro & {next(self._numbers)}"

    def person(self) -> str:
        name = self.server.new_user()
        self.people.append(name)
        return name

    def calendar(
        self, owner: str, leaf: str = "Calendar", *items: Item, **settings: object
    ) -> Folder:
        """Make a folder of a person's that the service login may read."""
        folder = Folder(owner, self.server.folder(leaf), owner, **settings)  # type: ignore[arg-type]
        self.make(folder, items)
        self.folders.append(folder)
        return folder

    def make(self, folder: Folder, items: Iterable[Item] = ()) -> None:
        """Make a folder as it is described, and empty but for these messages."""
        folder.items, folder.flagged, folder.held, folder.is_seen = {}, set(), False, False
        with self.server.session(folder.user) as client:
            name = quoted(folder.name)
            checked(client.create(name))
            if folder.is_typed:
                checked(client.xatom("SETMETADATA", name, f'({FOLDER_TYPE} "event")'))
            if folder.relevance:
                _relevance(client, name, folder.relevance)
            for who, rights in {**folder.acl, self.service: SERVICE}.items():
                checked(client.setacl(name, who, rights))
        self.append(folder, *items)

    def team(self, relevance: str, acl: dict[str, str], *items: Item) -> Folder:
        """Make a calendar that is nobody's."""
        lists = {self.service: FULL, self.writer: FULL, **acl}
        leaf = f"Team{self.server.new_user()}"
        name = self.server.create_shared(leaf, lists)
        entries = {"folder_type": "event"} | ({"incidences_for": relevance} if relevance else {})
        self.server.annotate_shared(self.service, name, **entries)
        self.server.grant(self.writer, name, self.service, SERVICE)
        folder = Folder(self.writer, name, None, relevance=relevance, acl=acl)
        self.folders.append(folder)
        self.append(folder, *items)
        return folder

    # -- changing it

    def append(self, folder: Folder, *items: Item) -> None:
        if items:
            bodies = [item.body for item in items]
            uids = self.server.append_all(folder.user, folder.name, bodies)
            folder.items |= dict(zip(uids, items, strict=True))
            folder.held |= any(item.spans for item in items)

    def flag(self, folder: Folder, uid: int, *, deleted: bool) -> None:
        change = "+FLAGS" if deleted else "-FLAGS"
        self.server.store(folder.user, folder.name, [uid], change, r"\Deleted")
        (folder.flagged.add if deleted else folder.flagged.discard)(uid)

    def expunge(self, folder: Folder) -> None:
        with self.server.session(folder.user, folder.name) as client:
            checked(client.expunge())
        for uid in folder.flagged:
            del folder.items[uid]
        folder.flagged.clear()

    def move(self, source: Folder, uid: int, target: Folder) -> None:
        """Move a message to another folder of the same person (RFC 6851)."""
        with self.server.session(source.user, source.name) as client:
            checked(client.uid("MOVE", str(uid), quoted(target.name)))
            (said,) = client.response("COPYUID")[1]
        assert isinstance(said, bytes)
        item = source.items.pop(uid)
        target.items[int(said.split()[2])] = item
        target.held |= bool(item.spans)
        if uid in source.flagged:
            source.flagged.remove(uid)
            target.flagged.add(int(said.split()[2]))

    def rename(self, folder: Folder, leaf: str) -> None:
        """Rename a folder, and change a right: until then Dovecot does not list it for others."""
        name = self.server.folder(leaf)
        with self.server.session(folder.user) as client:
            checked(client.rename(quoted(folder.name), quoted(name)))
            for rights in ("l", SERVICE):
                checked(client.setacl(quoted(name), self.service, rights))
        folder.name, folder.is_seen = name, False

    def remove(self, folder: Folder) -> None:
        self.server.delete_folder(folder.user, folder.name)
        self.folders.remove(folder)

    def reset(self, folder: Folder, *items: Item) -> None:
        """Delete a folder and make it anew: its UIDVALIDITY is another one then."""
        self.server.delete_folder(folder.user, folder.name)
        self.make(folder, items)

    def grant(self, folder: Folder, name: str, rights: str) -> None:
        self.server.grant(folder.user, folder.name, name, rights)
        folder.acl[name] = rights

    def relate(self, folder: Folder, relevance: str) -> None:
        """Say anew for whom a person's folder counts."""
        self.server.annotate(folder.user, folder.name, incidences_for=relevance)
        folder.relevance = relevance


def _relevance(client: imaplib.IMAP4, name: str, value: str) -> None:
    entry = f'/shared/vendor/kolab/incidences-for "{value}"'
    checked(client.xatom("SETMETADATA", name, f"({entry})"))


# -- who there is


def populate(world: World) -> None:
    """Make fifty persons, with their folders, those they share and those that are nobody's."""
    for number in range(PEOPLE - 3):
        name = world.person()
        if number % 5 == 4:  # no annotations: the folder's name tells
            leaf = USUAL_NAMES[number // 5 % len(USUAL_NAMES)]
            world.calendar(name, leaf, world.event(), is_typed=False)
            continue
        world.calendar(name, "Calendar", world.event(), world.event())
        if number % 5 == 3:  # this one is called like a calendar, but others are marked as such
            world.calendar(name, "Kalender", world.event(), is_typed=False)
        if number % 5 in {1, 2}:
            world.calendar(name, ("Büro & Reisen", "Work")[number % 2], world.event())
    for _ in range(3):  # these keep a paper diary
        world.untouched.append(world.person())
        world.calendar(world.untouched[-1])
    share(world)


def share(world: World) -> None:
    """Make folders of nobody, and of some, that count for some."""
    people = world.people
    world.team("", dict.fromkeys(people[0:6], "lra") | dict.fromkeys(people[6:12], "lrswi"))
    world.team("readers", dict.fromkeys(people[10:22], "lr") | {people[22]: "l", people[-1]: "lr"})
    world.team("admins", dict.fromkeys(people[20:25], "lra") | dict.fromkeys(people[30:35], "lr"))
    world.team("nobody", dict.fromkeys(people[0:10], "lra"))
    for number, relevance in enumerate(("readers", "admins", "nobody", "")):
        readers = people[number * 7 + 5 : number * 7 + 12]
        acl = dict(zip(readers, itertools.cycle(("lr", "lra")), strict=False))
        world.calendar(people[number], "Projekt", world.event(), relevance=relevance, acl=acl)
    for folder in world.folders:
        if folder.owner is None:
            world.append(folder, world.event(), world.event())


SOURCE = """
[schedule]
interval = "10s"
confirm_after = ["200ms"]
[sources.mail]
type = "imap"
host = "{host}"
port = {port}
security = "plain"
username = "{service}"
password_file = "{password}"
max_watched = 40
poll = "1s"
"""


def service_source(world: World, directory: Path) -> str:
    """Return the configuration of the server as a source, with one login for all."""
    password = directory / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    at = {"host": world.server.host, "port": world.server.port, "password": password}
    return SOURCE.format(**at, service=world.service)


# -- what is served


def differing(gateway: GatewayProcess, expected: dict[str, list[Span] | None]) -> list[str]:
    """Return the persons whose served file is another one."""
    return [name for name, spans in expected.items() if gateway.busy(name) != spans]


def settle(gateway: GatewayProcess, world: World, seconds: float = SETTLED) -> float:
    """Wait until everybody's file is right; return how many seconds that took."""
    start = time.monotonic()
    expected = {name: world.expected(name) for name in world.people}
    while wrong := differing(gateway, expected):
        while wrong := differing(gateway, {name: expected[name] for name in wrong}):
            assert time.monotonic() - start < seconds, _report(gateway, world, wrong, expected)
            time.sleep(0.05)
    for folder in world.folders:
        folder.is_seen = True
    return time.monotonic() - start


def _report(
    gateway: GatewayProcess,
    world: World,
    wrong: Sequence[str],
    expected: dict[str, list[Span] | None],
) -> str:
    lines = [f"of {len(world.people)} files {len(wrong)} are wrong"]
    for name in wrong[:5]:
        found, should = gateway.busy(name), expected[name]
        if found is None or should is None:
            lines.append(f"{name}: {'no' if found is None else 'a'} file, which is wrong")
            continue
        missing, extra = set(should) - set(found), set(found) - set(should)
        lines.append(f"{name}: missing {sorted(missing)}, too much {sorted(extra)}")
        lines += [
            f"  {f.owner} {f.name} relevance={f.relevance} {[item.uid for item in f.live()]}"
            for f in world.folders
            if f.owner == name or f.counts_for(name)
        ]
    return "\n".join([*lines, *world.done[-60:], gateway.said[-4000:]])
