"""The roster, who may read, and the published tree as visitors see it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from freebusy import accounts
from freebusy.accounts import PublishedFiles, ReadAccess, Roster
from freebusy.names import RequestedName
from freebusy.ports import Visitor
from freebusy.public import PublicDirectory

if TYPE_CHECKING:
    from pathlib import Path

    from freebusy.ports import FreeBusyFiles

LOCAL = Visitor("127.0.0.1")
FOREIGN = Visitor("203.0.113.9")
DEFAULTS = tuple(accounts._KNOWN_NETWORKS)


@dataclass(frozen=True)
class Someone:
    addresses: tuple[str, ...]
    name: str | None = None
    aliases: tuple[str, ...] = ()


HANS = Someone(("hans@example.com",), aliases=("chef",))
EVA = Someone(("eva@example.com", "e.muster@example.com"))


@pytest.fixture
def tree(tmp_path: Path) -> PublicDirectory:
    directory = PublicDirectory(tmp_path)
    for name in ("hans", "eva", "stranger"):
        directory.replace(name, f"file of {name}".encode())
    return directory


def bodies(files: FreeBusyFiles, visitor: Visitor, *paths: str) -> list[bytes | None]:
    found = (files.find(path, visitor) for path in paths)
    return [None if file is None else file.body for file in found]


# -- roster


def test_a_roster_knows_names_addresses_and_aliases() -> None:
    """Every way to name a person gives the canonical NAME."""
    roster = Roster([HANS, EVA])
    assert ("hans", "eva") == roster.names
    assert {"hans": HANS.addresses, "eva": EVA.addresses} == roster.addresses
    assert "hans" == roster.canonical(RequestedName("chef", "example.com"))
    assert "eva" == roster.canonical(RequestedName("e.muster"))
    assert roster.canonical(RequestedName("nobody")) is None
    assert [True, False] == ["hans" in roster, "chef" in roster]


# -- who may read


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("10.1.2.3", True),
        ("172.31.255.255", True),
        ("172.32.0.1", False),
        ("192.168.0.1", True),
        ("169.254.1.1", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("::ffff:10.0.0.1", True),
        ("::ffff:203.0.113.9", False),
        ("203.0.113.9", False),
        ("2001:db8::1", False),
        ("0.0.0.0", False),
        ("", False),
        ("localhost", False),
        ("10.0.0.1, 203.0.113.9", False),
    ],
)
def test_only_the_named_networks_may_read(address: str, *, admitted: bool) -> None:
    """IPv4, IPv6, mapped and zoned addresses are matched; what is no address is refused."""
    access = ReadAccess(DEFAULTS)
    assert [admitted, admitted] == [access.admits(address), access.admits(address)]


def test_anyone_may_read_where_the_site_says_so() -> None:
    """No networks at all means no limit."""
    assert ReadAccess(None).admits("203.0.113.9")


@pytest.mark.parametrize(
    ("networks", "sentence"),
    [
        (None, "anyone who reaches the gateway may read"),
        (DEFAULTS, "loopback, private and link-local addresses may read"),
        ((ip_network("192.0.2.0/24"),), "192.0.2.0/24 addresses may read"),
        ((), "no addresses may read"),
    ],
)
def test_start_up_can_say_who_reads(
    networks: tuple[accounts.Network, ...] | None, sentence: str
) -> None:
    """The well-known networks are said by what they are, others as they are."""
    assert sentence == ReadAccess(networks).describe()


def test_remembered_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many addresses and paths come, memory stays bounded and answers right."""
    monkeypatch.setattr(accounts, "MAX_REMEMBERED", 10)
    access = ReadAccess(DEFAULTS)
    answers = [access.admits(f"10.0.0.{n}") for n in range(100)]
    assert [True] * 100 == answers
    assert len(access._known) <= 10


# -- the tree as visitors see it


def test_every_form_finds_the_file(tree: PublicDirectory) -> None:
    """Paths in any served form give the canonical person's file, again and again."""
    files: FreeBusyFiles = PublishedFiles(tree, Roster([HANS, EVA]), ReadAccess(DEFAULTS))
    paths = ("/pub/calendar/hans.vfb", "/calendar/CHEF.ifb", "/freebusy/hans@example.com.ifb")
    assert [b"file of hans"] * 3 == bodies(files, LOCAL, *paths)
    assert [b"file of hans"] * 3 == bodies(files, LOCAL, *paths)


def test_whoever_is_not_in_the_roster_has_no_file(tree: PublicDirectory) -> None:
    """A file that lies in the tree without a person is neither found nor listed."""
    files = PublishedFiles(tree, Roster([HANS]), ReadAccess(DEFAULTS), listing=True)
    assert [None] * 2 == bodies(files, LOCAL, "/calendar/stranger.vfb", "/calendar/eva.vfb")
    assert ["hans"] == [file.name for file in files.listing(LOCAL)]


def test_a_foreign_visitor_sees_nothing(tree: PublicDirectory) -> None:
    """Outside the networks nothing is found and nothing is listed."""
    files = PublishedFiles(tree, Roster([HANS]), ReadAccess(DEFAULTS), listing=True)
    assert [True, False] == [files.admits(LOCAL), files.admits(FOREIGN)]
    assert [None] == bodies(files, FOREIGN, "/calendar/hans.vfb")
    assert () == files.listing(FOREIGN)


def test_names_are_listed_only_where_the_site_lists(tree: PublicDirectory) -> None:
    """The listing is sorted and canonical, and empty by default."""
    roster, access = Roster([HANS, EVA]), ReadAccess(DEFAULTS)
    assert () == PublishedFiles(tree, roster, access).listing(LOCAL)
    listed = PublishedFiles(tree, roster, access, listing=True).listing(LOCAL)
    assert ["eva", "hans"] == [file.name for file in listed]


def test_a_new_roster_counts_at_once(tree: PublicDirectory) -> None:
    """After a reload remembered paths follow the new roster and the new rights."""
    files = PublishedFiles(tree, Roster([HANS]), ReadAccess(DEFAULTS))
    assert [b"file of hans"] == bodies(files, LOCAL, "/calendar/chef.vfb")
    files.reload(
        Roster([Someone(("eva@example.com",), aliases=("chef",))]), ReadAccess(None), listing=False
    )
    assert [b"file of eva"] == bodies(files, FOREIGN, "/calendar/chef.vfb")
    assert [None] == bodies(files, FOREIGN, "/calendar/hans.vfb")


def test_readers_in_many_threads_agree(
    tree: PublicDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look-ups from several threads, with a memory that overflows, all find the file."""
    monkeypatch.setattr(accounts, "MAX_REMEMBERED", 2)
    files = PublishedFiles(tree, Roster([HANS]), ReadAccess(DEFAULTS))
    found: list[bytes | None] = []

    def read() -> None:
        for n in range(200):
            case = "HANS" if n % 3 else "hans"
            found.extend(bodies(files, LOCAL, f"/calendar/{case}.vfb", "/calendar/chef"))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [b"file of hans"] * 1600 == found
