"""The public and the restricted tree together, also while the rule changes."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from freebusy.errors import StoreError
from freebusy.public import PublicDirectory
from freebusy.tree import Tree

if TYPE_CHECKING:
    from pathlib import Path


class Rule:
    """Whose files are restricted, as a test says."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)

    def __call__(self, name: str) -> bool:
        return name in self.names


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A tree in which eva's file is restricted."""
    return Tree(
        PublicDirectory(tmp_path / "public"),
        PublicDirectory(tmp_path / "restricted", private=True),
        Rule("eva"),
    )


def halves(tree: Tree) -> tuple[list[str], list[str]]:
    return tree.public.names(), tree.restricted.names()


def body(tree: Tree, name: str) -> bytes | None:
    file = tree.read(name)
    return None if file is None else file.body


def test_each_file_has_its_half(tree: Tree) -> None:
    """A restricted file is written and read like any other, but lies elsewhere."""
    for name in ("hans", "eva"):
        tree.replace(name, name.encode())
    assert (["hans"], ["eva"]) == halves(tree)
    assert [b"hans", b"eva", None] == [body(tree, name) for name in ("hans", "eva", "otto")]
    assert ["eva", "hans"] == tree.names()


def test_the_restricted_half_is_the_gateways_own(tree: Tree, tmp_path: Path) -> None:
    """Its directories are of mode 700, those of the public half are open."""
    for name in ("hans", "eva"):
        tree.replace(name, b"")
    modes = [
        oct((tmp_path / half / below).stat().st_mode & 0o777)
        for half in ("restricted", "public")
        for below in ("", "pub", "pub/calendar")
    ]
    assert ["0o700"] * 3 + ["0o755"] * 3 == modes


def test_a_removed_file_is_gone_from_both(tree: Tree) -> None:
    """Whatever half a file or a leftover of it is in, it is removed."""
    tree.replace("eva", b"eva")
    tree.public.replace("eva", b"leftover")
    assert [True, False] == [tree.remove("eva"), tree.remove("eva")]
    assert ([], []) == halves(tree)


def test_a_narrower_rule_takes_the_file_out_of_the_public_half(tree: Tree) -> None:
    """The same file, with its time and content, is in the restricted half at once."""
    tree.replace("hans", b"hans")
    before = tree.read("hans")
    assert 1 == tree.divide(Rule("hans", "eva"))
    assert ([], ["hans"]) == halves(tree)
    assert before == tree.read("hans")


def test_a_wider_rule_brings_the_file_back(tree: Tree) -> None:
    """A file that everybody may read again is in the public half, readable for others."""
    tree.replace("eva", b"eva")
    assert 1 == tree.divide(Rule())
    assert (["eva"], []) == halves(tree)
    assert "0o644" == oct((tree.public.directory / "eva.vfb").stat().st_mode & 0o777)


def test_settling_puts_right_what_a_crash_left(tree: Tree) -> None:
    """At the start files in the wrong half are moved; of two the newer one is kept."""
    tree.public.replace("eva", b"old")
    assert 1 == tree.settle()
    tree.public.replace("eva", b"new")
    newer = tree.public.directory / "eva.vfb"
    before = tree.restricted.read("eva")
    assert before is not None
    os.utime(newer, (before.modified.timestamp() + 5,) * 2)
    assert 1 == tree.settle("eva", "hans")
    assert b"new" == body(tree, "eva")
    assert ([], ["eva"]) == halves(tree)
    tree.public.replace("eva", b"oldest")
    os.utime(newer, (0, 0))
    assert [1, 0] == [tree.settle(), tree.settle()]
    assert b"new" == body(tree, "eva")
    assert ([], ["eva"]) == halves(tree)


def test_one_file_that_cannot_be_moved_holds_up_no_other(tree: Tree) -> None:
    """What went wrong is said after all the others are where they belong."""
    for name in ("anna", "berta", "hans"):
        tree.replace(name, name.encode())
    tree.replace("eva", b"eva")
    (tree.restricted.directory / "berta.vfb").mkdir()
    with pytest.raises(StoreError, match="cannot be moved"):
        tree.divide(Rule("anna", "berta", "hans"))
    assert (["berta", "eva"], ["anna", "hans"]) == halves(tree)


def test_a_new_file_clears_a_leftover_away(tree: Tree) -> None:
    """After a replacement no older copy stays where others would serve it."""
    tree.public.replace("eva", b"leftover")
    tree.replace("eva", b"eva")
    assert ([], ["eva"]) == halves(tree)


def test_sweep_takes_temporaries_of_both(tree: Tree) -> None:
    """What a crash left in either half is removed."""
    for name in ("hans", "eva"):
        tree.replace(name, b"")
    for half in (tree.public, tree.restricted):
        (half.directory / ".x.tmp").touch()
    assert [0, 2] == [tree.sweep(timedelta(hours=1)), tree.sweep(timedelta(hours=-1))]


def test_a_writer_that_is_overtaken_by_a_narrower_rule_goes_on_in_the_other_half(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was begun under the old rule never appears in the public half."""
    fill = PublicDirectory._fill

    def overtaken(self: PublicDirectory, handle: int, body: bytes, path: bytes) -> None:
        fill(self, handle, body, path)
        if self is tree.public:
            tree.divide(Rule("hans"))

    monkeypatch.setattr(PublicDirectory, "_fill", overtaken)
    tree.replace("hans", b"hans")
    assert ([], ["hans"]) == halves(tree)
    assert [] == [path.name for path in tree.public.directory.iterdir()]


def test_nobody_misses_a_file_while_the_rule_changes(tree: Tree) -> None:
    """Readers and writers in several threads always see a whole file, whatever is moved."""
    tree.replace("hans", b"0")
    seen: set[bytes | None] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(body(tree, "hans"))

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            tree.replace("hans", str(number).encode())

    threads = [threading.Thread(target=work) for work in (read, read, write)]
    for thread in threads:
        thread.start()
    public: set[bool] = set()
    for _ in range(60):
        tree.divide(Rule("hans"))
        public.add("hans" in tree.public.names())
        tree.divide(Rule())
    stop.set()
    for thread in threads:
        thread.join()
    assert {False} == public
    assert None not in seen
    assert (["hans"], []) == halves(tree)
