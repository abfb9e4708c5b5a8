"""The published tree as visitors see it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from freebusy import accounts
from freebusy.accounts import PublishedFiles
from freebusy.ports import Account, Scope, Visitor
from freebusy.public import PublicDirectory
from freebusy.rights import PersonRights, Rights
from freebusy.roster import Roster
from freebusy.scanners import Scanners
from freebusy.tree import Tree
from freebusy.vfreebusy import decode
from tests.unit.test_rights import DEFAULTS, EVA, HANS, OTTO, Someone

if TYPE_CHECKING:
    from pathlib import Path

    from freebusy.ports import FreeBusyFiles, PublishedFile

LOCAL = Visitor("127.0.0.1")
FOREIGN = Visitor("203.0.113.9")
OWNER = Visitor("203.0.113.9", Account("eva", "eva", Scope.MAIL))

ANNA = Someone(("anna@example.com",))
NOW = 1_780_000_000.5


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Files of hans and eva, and one of somebody who is not in the roster."""
    public, restricted = (PublicDirectory(tmp_path / half) for half in ("public", "restricted"))
    for name in ("hans", "eva", "stranger"):
        public.replace(name, f"file of {name}".encode())
    return Tree(public, restricted, lambda name: not name)


def rules(*persons: Someone, **options: object) -> Rights:
    defaults = {"networks": DEFAULTS}
    return Rights(Roster(persons or [HANS, EVA, OTTO]), **(defaults | options))  # type: ignore[arg-type]  # options of many types


def bodies(files: FreeBusyFiles, visitor: Visitor, *paths: str) -> list[bytes | None]:
    found = (files.find(path, visitor) for path in paths)
    return [None if file is None else file.body for file in found]


# -- what is found


def test_every_form_finds_the_file(tree: Tree) -> None:
    """Paths in any served form give the canonical person's file, again and again."""
    files: FreeBusyFiles = PublishedFiles(tree, rules())
    paths = ("/pub/calendar/hans.vfb", "/calendar/CHEF.ifb", "/freebusy/hans@example.com.ifb")
    for visitor in (LOCAL, OWNER):
        assert [b"file of hans"] * 3 == bodies(files, visitor, *paths)
        assert [b"file of hans"] * 3 == bodies(files, visitor, *paths)


def test_whoever_is_not_in_the_roster_has_no_file(tree: Tree) -> None:
    """A file that lies in the tree without a person is neither found nor listed."""
    files = PublishedFiles(tree, rules(HANS, listing=True))
    assert [None] * 2 == bodies(files, LOCAL, "/calendar/stranger.vfb", "/calendar/eva.vfb")
    assert ["hans"] == [file.name for file in files.listing(LOCAL)]


def test_a_foreign_visitor_sees_nothing(tree: Tree) -> None:
    """Outside the networks nothing is found and nothing is listed."""
    files = PublishedFiles(tree, rules(HANS, listing=True, logins=True))
    assert [True, False] == [files.admits(LOCAL), files.admits(FOREIGN)]
    assert [False, True] == [files.needs_login(LOCAL), files.needs_login(FOREIGN)]
    assert [None] == bodies(files, FOREIGN, "/calendar/hans.vfb")
    assert () == files.listing(FOREIGN)


def test_names_are_listed_only_where_the_site_lists(tree: Tree) -> None:
    """The listing is sorted and canonical, and empty by default."""
    assert () == PublishedFiles(tree, rules()).listing(LOCAL)
    listed = PublishedFiles(tree, rules(listing=True)).listing(LOCAL)
    assert ["eva", "hans"] == [file.name for file in listed]


def test_a_hidden_file_is_found_by_whoever_may_read_it(tree: Tree) -> None:
    """What the owner has just read stays hidden from strangers, and is not listed to them."""
    persons = {"eva": PersonRights(read="accounts")}
    files = PublishedFiles(tree, rules(persons=persons, listing=True, site_read="anyone"))
    path = "/calendar/eva.vfb"
    for _ in range(2):
        assert [b"file of eva"] == bodies(files, OWNER, path)
        assert [None, None] == [*bodies(files, LOCAL, path), *bodies(files, FOREIGN, path)]
    assert ["hans"] == [file.name for file in files.listing(LOCAL)]
    assert ["eva", "hans"] == [file.name for file in files.listing(OWNER)]


def test_what_one_address_reads_another_does_not(tree: Tree) -> None:
    """Remembered paths of visitors inside answer nothing to those outside."""
    persons = {"hans": PersonRights(read="anyone")}
    files = PublishedFiles(tree, rules(persons=persons))
    paths = ("/calendar/hans.vfb", "/calendar/eva.vfb")
    for _ in range(2):
        assert [b"file of hans", b"file of eva"] == bodies(files, LOCAL, *paths)
        assert [b"file of hans", None] == bodies(files, FOREIGN, *paths)


def test_a_file_that_appears_is_found(tree: Tree) -> None:
    """That there was none is not remembered."""
    files = PublishedFiles(tree, rules())
    assert [None] == bodies(files, LOCAL, "/calendar/otto.vfb")
    tree.replace("otto", b"file of otto")
    assert [b"file of otto"] == bodies(files, LOCAL, "/calendar/otto.vfb")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../hans", "a\0b", "\udcff", "a\nb", " hans", "*", "%00", "hans.xfb"]
)
def test_what_is_no_name_finds_nothing(tree: Tree, name: str) -> None:
    """Malformed names are refused like unknown ones, whatever is in them."""
    files = PublishedFiles(tree, rules())
    for visitor in (LOCAL, FOREIGN, OWNER):
        assert [None] * 2 == bodies(files, visitor, f"/calendar/{name}.vfb", f"/calendar/{name}")


class WatchedTree(Tree):
    """A tree that notes what is looked for."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(tree.public, tree.restricted, lambda name: not name)
        self.looked_for: list[str] = []

    def read(self, name: str) -> PublishedFile | None:
        self.looked_for.append(name)
        return super().read(name)


@pytest.mark.parametrize("no_information", [False, True])
def test_all_that_is_refused_takes_the_same_steps(tree: Tree, *, no_information: bool) -> None:
    """Unknown, hidden and without a file: one look for a file each, the first time and later."""
    watched = WatchedTree(tree)
    persons = {"eva": PersonRights(read="accounts"), "otto": PersonRights(read="accounts")}
    files = PublishedFiles(
        watched, rules(HANS, EVA, OTTO, ANNA, persons=persons), no_information=no_information
    )
    files.find("/calendar/eva.vfb", OWNER)
    for name in ("nobody", "eva", "e.muster", "otto", "anna", "a b"):
        for _ in range(2):
            watched.looked_for.clear()
            files.find(f"/calendar/{name}.vfb", LOCAL)
            assert 1 == len(watched.looked_for)
            assert watched.looked_for[0] not in {"eva", "otto"}


# -- reload


def test_a_new_roster_counts_at_once(tree: Tree) -> None:
    """After a reload remembered paths follow the new roster and the new rights."""
    files = PublishedFiles(tree, rules(HANS))
    assert [b"file of hans"] == bodies(files, LOCAL, "/calendar/chef.vfb")
    files.reload(rules(Someone(("eva@example.com",), aliases=("chef",)), site_read="anyone"))
    assert [b"file of eva"] == bodies(files, FOREIGN, "/calendar/chef.vfb")
    assert [None] == bodies(files, FOREIGN, "/calendar/hans.vfb")


def test_narrower_rights_take_files_out_of_the_public_tree(tree: Tree) -> None:
    """At the start and after a reload files lie where their readers allow."""
    files = PublishedFiles(tree, rules())
    assert (["eva", "hans"], ["stranger"]) == (tree.public.names(), tree.restricted.names())
    files.reload(rules(persons={"eva": PersonRights(read="accounts")}))
    assert (["hans"], ["eva", "stranger"]) == (tree.public.names(), tree.restricted.names())
    files.reload(rules(site_read="accounts"))
    assert [] == tree.public.names()
    files.reload(rules(site_read="anyone"))
    assert [b"file of eva"] == bodies(files, FOREIGN, "/calendar/eva.vfb")
    assert ["eva", "hans"] == tree.public.names()


# -- memory


def test_remembered_paths_are_bounded(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many paths come, and however long, memory stays bounded and answers right."""
    monkeypatch.setattr(accounts, "MAX_REMEMBERED", 10)
    files = PublishedFiles(tree, rules())
    paths = [f"/calendar/nobody{n}.vfb" for n in range(100)]
    paths += ["/calendar/" + "x" * n for n in (47, 48, 190, 200, 201, 300, 5000)]
    paths += ["/calendar/" + "\U0001e900" * n for n in (47, 48, 50)]
    assert [None] * len(paths) == bodies(files, LOCAL, *paths)
    for n in range(20):
        files.find("/calendar/hans.vfb", Visitor(f"10.0.0.{n}"))
    assert len(files._view.known) <= 10
    assert len(files._view.inside) <= 10
    assert all(len(path) < 300 for path in files._view.inside)
    assert [b"file of hans"] == bodies(files, LOCAL, "/calendar/hans.vfb")


def test_readers_in_many_threads_agree(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look-ups from several threads, with a memory that overflows, all find the file."""
    monkeypatch.setattr(accounts, "MAX_REMEMBERED", 2)
    files = PublishedFiles(tree, rules(HANS))
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


# -- a file that claims nothing


def silent(tree: Tree, **options: object) -> PublishedFiles:
    """Return files that answer what is refused with a file that claims nothing."""
    persons = {"eva": PersonRights(read="accounts")}
    options = {"persons": persons, "site_read": "anyone"} | options
    return PublishedFiles(tree, rules(**options), no_information=True, now=lambda: NOW)


@pytest.mark.parametrize(
    "name",
    ["nobody", "eva", "e.muster", "otto", "stranger", ".hidden", "a b", "*", "x" * 900, "eva=00"],
)
@pytest.mark.parametrize("form", ["/pub/calendar/{}.vfb", "/calendar/{}.IFB", "/freebusy/{}.ifb"])
def test_whatever_is_refused_gets_one_file(tree: Tree, form: str, name: str) -> None:
    """Unknown, hidden, malformed names and those without a file: equal in all they show."""
    expected = accounts.no_information(int(NOW))
    assert [expected] * 2 == [silent(tree).find(form.format(name), v) for v in (LOCAL, FOREIGN)]


@pytest.mark.parametrize(
    "path",
    [
        "/calendar/nobody.xfb", "/calendar/eva.xfb", "/calendar/eva@example.com.XFB",
        "/freebusy/eva/Calendar.pfb", "/calendar/", "/pub/calendar/example.com", "/calendar/eva",
        "/eva.vfb", "/robots.txt", "/", "",
    ],
)  # fmt: skip
def test_what_can_be_no_file_stays_refused(tree: Tree, path: str) -> None:
    """Clients that probe extensions in turn get a clean refusal, and directories stay such."""
    assert silent(tree).find(path, LOCAL) is None


def test_whoever_may_read_finds_the_file_itself(tree: Tree) -> None:
    """The empty answer is for what is refused only."""
    files = silent(tree)
    assert [b"file of hans"] == bodies(files, LOCAL, "/calendar/hans.vfb")
    assert [b"file of eva"] == bodies(files, OWNER, "/calendar/eva.vfb")


def test_who_is_asked_for_a_login_gets_no_empty_file(tree: Tree) -> None:
    """Where the site itself admits nobody without an account, a refusal says so."""
    closed = silent(tree, site_read="accounts", logins=True)
    assert closed.find("/calendar/hans.vfb", LOCAL) is None
    outside = silent(tree, site_read="networks")
    assert outside.find("/calendar/hans.vfb", FOREIGN) is None
    assert outside.find("/calendar/nobody.vfb", LOCAL) is not None


def test_the_empty_file_claims_nothing() -> None:
    """It is a valid file of one second long ago, without a period and without a name."""
    file = accounts.no_information(int(NOW))
    known = decode(file.body, now=datetime.now(UTC))
    assert ("", (), "nobody@invalid") == (file.name, known.periods, known.organizer)
    assert 1 == known.window.seconds[1] - known.window.seconds[0]
    assert known.window.end.year == 1990
    assert int(NOW) == file.modified.timestamp()


# -- scanners


def test_only_whoever_is_refused_often_waits(tree: Tree) -> None:
    """Refusals count by address; what was found does not."""
    files = PublishedFiles(tree, rules(), scanners=Scanners(2, clock=lambda: 0.0))
    for _ in range(100):
        files.find("/calendar/hans.vfb", LOCAL)
    assert [0.0, 0.0, 0.25] == [files.hold_up(LOCAL) for _ in range(3)]
    files.reload(rules(), scan_free=60)
    assert [0.0, 0.0] == [files.hold_up(LOCAL), files.hold_up(FOREIGN)]
