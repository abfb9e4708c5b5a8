"""The published tree: whole files, honest validators, nothing but files that are ours."""

from __future__ import annotations

import hashlib
import os
import random
import stat
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from freebusy.errors import StoreError
from freebusy.public import PublicDirectory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECOND = 1_000_000_000
AN_HOUR = timedelta(hours=1)

WRITER = """
import hashlib, itertools, sys
from pathlib import Path
from freebusy.public import PublicDirectory
tree, size = PublicDirectory(Path(sys.argv[1])), int(sys.argv[3])
for count in itertools.count():
    text = (b"%s-%d " % (sys.argv[2].encode(), count)) * size
    tree.replace("hans", hashlib.sha256(text).hexdigest().encode() + b"\\n" + text)
    if count == 0:
        print("ready", flush=True)
"""


def sealed(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode() + b"\n" + text


def is_whole(body: bytes) -> bool:
    return body == sealed(body.partition(b"\n")[2])


def writer(root: Path, mark: str, size: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WRITER, str(root), mark, str(size)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()


def entries(tree: PublicDirectory) -> list[str]:
    return sorted(path.name for path in tree.directory.iterdir())


@pytest.fixture
def tree(tmp_path: Path) -> PublicDirectory:
    return PublicDirectory(tmp_path / "public")


def test_a_replaced_file_is_read_back_whole(tree: PublicDirectory) -> None:
    """What was put in comes out, with a strong entity tag and the time in whole UTC seconds."""
    before = datetime.now(UTC).replace(microsecond=0)
    tree.replace("hans", b"one\r\n")
    file = tree.read("hans")
    assert file is not None
    assert (file.name, file.body, file.as_of) == ("hans", b"one\r\n", None)
    assert file.etag.startswith('"')
    assert file.etag.endswith('"')
    assert before <= file.modified <= datetime.now(UTC)
    assert file.modified.microsecond == 0


def test_the_file_lies_where_other_servers_look_for_it(tmp_path: Path) -> None:
    """The tree is pub/calendar/NAME.vfb, readable for everybody whatever the umask."""
    before = os.umask(0o077)
    try:
        PublicDirectory(tmp_path / "state" / "public").replace("grün@x.example", b"1")
    finally:
        os.umask(before)
    path = tmp_path / "state" / "public" / "pub" / "calendar" / "grün@x.example.vfb"
    assert path.read_bytes() == b"1"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [stat.S_IMODE(p.stat().st_mode) for p in list(path.parents)[:3]] == [0o755] * 3


def test_nothing_is_there_before_the_first_file(tree: PublicDirectory) -> None:
    """An empty tree reads, lists, sweeps and removes nothing, without an error."""
    assert (
        tree.read("hans"),
        tree.names(),
        tree.sweep(AN_HOUR),
        tree.remove("hans"),
    ) == (None, [], 0, False)


def test_a_removed_file_is_gone(tree: PublicDirectory) -> None:
    """A removed file is read as absent, also by who held it in memory."""
    tree.replace("hans", b"1")
    assert tree.read("hans") is not None
    assert (tree.remove("hans"), tree.remove("hans")) == (True, False)
    assert tree.read("hans") is None


def test_an_unchanged_file_is_read_once(tree: PublicDirectory) -> None:
    """As long as its signature stays the very same object is returned."""
    tree.replace("hans", b"1")
    assert tree.read("hans") is tree.read("hans")


def test_a_change_by_another_process_is_seen(tree: PublicDirectory, tmp_path: Path) -> None:
    """A file replaced by anybody is read anew, also with the same length."""
    other = PublicDirectory(tmp_path / "public")
    for body in (b"1", b"2", b"2", b"3"):
        other.replace("hans", body)
        file = tree.read("hans")
        assert file is not None
        assert body == file.body


def test_the_entity_tag_follows_the_content(tree: PublicDirectory) -> None:
    """Same bytes, same tag; other bytes, another tag."""
    tags = []
    for body in (b"1", b"2", b"1"):
        tree.replace("hans", body)
        file = tree.read("hans")
        assert file is not None
        tags.append(file.etag)
    assert tags[0] == tags[2] != tags[1]


def test_two_changes_never_share_a_second(tmp_path: Path) -> None:
    """Whole seconds, all that Last-Modified and MDTM know, tell any two versions apart."""
    now = 1_780_000_000 * SECOND
    tree = PublicDirectory(tmp_path, clock=lambda: now + 123)
    seconds = []
    for body in (b"1", b"2", b"3"):
        tree.replace("hans", body)
        file = tree.read("hans")
        assert file is not None
        seconds.append(int(file.modified.timestamp()))
    assert seconds == [1_780_000_000, 1_780_000_001, 1_780_000_002]


def test_a_clock_that_was_far_ahead_is_not_followed(tmp_path: Path) -> None:
    """A file dated by a wrong clock does not date its successors."""
    clock = [1_900_000_000 * SECOND]
    tree = PublicDirectory(tmp_path, clock=lambda: clock[0])
    tree.replace("hans", b"1")
    clock[0] = 1_780_000_000 * SECOND
    tree.replace("hans", b"2")
    file = tree.read("hans")
    assert file is not None
    assert file.modified.timestamp() == 1_780_000_000


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"COMMENT:as of 20260601T000000Z\r\n", datetime(2026, 6, 1, tzinfo=UTC)),
        (b"COMMENT:as of 20260601T000000Z", datetime(2026, 6, 1, tzinfo=UTC)),
        (b"COMMENT:as of 20261341T000000Z\r\n", None),
        (b"COMMENT:as of yesterday\r\n", None),
        (b" COMMENT:as of 20260601T000000Z\r\n", None),
        (b"X-COMMENT:as of 20260601T000000Z\r\n", None),
    ],
)
def test_a_stale_file_says_its_age(
    tree: PublicDirectory, line: bytes, expected: datetime | None
) -> None:
    """The comment line of a stale file is what as_of comes from."""
    tree.replace("hans", b"BEGIN:VFREEBUSY\r\n" + line)
    file = tree.read("hans")
    assert file is not None
    assert expected == file.as_of


BAD_NAMES = [
    "",
    ".",
    "..",
    ".hans",
    "../hans",
    "a/b",
    "/hans",
    "a\0b",
    "a\nb",
    "\ud800",
    "x" * 201,
    "ü" * 101,
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_what_can_be_no_name_is_refused(tree: PublicDirectory, name: str) -> None:
    """No name leads out of the directory, to a hidden file or past a length limit."""
    for call in (tree.read, tree.remove, lambda n: tree.replace(n, b"1")):
        with pytest.raises(ValueError, match=r"not a name"):
            call(name)


def test_the_longest_name_fits(tree: PublicDirectory) -> None:
    """200 bytes of UTF-8 make a file that can be written, read and listed."""
    name = "ü" * 100
    tree.replace(name, b"1")
    assert [name] == tree.names()
    assert tree.read(name) is not None


def test_only_regular_files_are_served(tree: PublicDirectory, tmp_path: Path) -> None:
    """A symlink, a directory and a named pipe are absent, and never listed."""
    tree.replace("hans", b"1")
    (tmp_path / "secret").write_bytes(b"secret")
    (tree.directory / "link.vfb").symlink_to(tmp_path / "secret")
    (tree.directory / "inside.vfb").symlink_to("hans.vfb")
    (tree.directory / "folder.vfb").mkdir()
    os.mkfifo(tree.directory / "pipe.vfb")
    assert tree.names() == ["hans"]
    assert [tree.read(name) for name in ("link", "inside", "folder", "pipe")] == [None] * 4


def test_a_file_turned_into_a_symlink_is_gone(tree: PublicDirectory, tmp_path: Path) -> None:
    """What is in memory does not outlive the file it was read from."""
    tree.replace("hans", b"1")
    assert tree.read("hans") is not None
    (tree.directory / "hans.vfb").rename(tmp_path / "elsewhere.vfb")
    (tree.directory / "hans.vfb").symlink_to(tmp_path / "elsewhere.vfb")
    assert tree.read("hans") is None


def test_a_symlink_is_replaced_and_not_written_through(
    tree: PublicDirectory, tmp_path: Path
) -> None:
    """Replacing a planted symlink leaves what it points at alone."""
    tree.replace("other", b"1")
    (tmp_path / "secret").write_bytes(b"secret")
    (tree.directory / "hans.vfb").symlink_to(tmp_path / "secret")
    tree.replace("hans", b"2")
    assert (tmp_path / "secret").read_bytes() == b"secret"
    file = tree.read("hans")
    assert file is not None
    assert file.body == b"2"


def test_listing_shows_names_and_nothing_else(tree: PublicDirectory) -> None:
    """Temporaries, hidden files, other extensions and undecodable names are never listed."""
    for name in ("hans", "anna@x.example", "b.c"):
        tree.replace(name, b"1")
    for other in (b".vfb", b".x.vfb", b".0.tmp", b"notes.txt", b"hans.vfb~", b"\xff.vfb"):
        (tree.directory / os.fsdecode(other)).touch()
    assert tree.names() == ["anna@x.example", "b.c", "hans"]


def test_sweep_takes_old_temporaries_only(tree: PublicDirectory) -> None:
    """A temporary of a crash goes, one that may still be written stays, files stay."""
    tree.replace("hans", b"1")
    for name, age in ((".old.tmp", 7200), (".new.tmp", 60), (".other", 7200)):
        path = tree.directory / name
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    os.utime(tree.directory / "hans.vfb", (1, 1))
    assert tree.sweep(AN_HOUR) == 1
    assert entries(tree) == [".new.tmp", ".other", "hans.vfb"]


def test_a_failed_write_leaves_the_last_file(tree: PublicDirectory) -> None:
    """Where the file cannot be replaced the error is ours and nothing is left behind."""
    tree.replace("hans", b"1")
    (tree.directory / "anna.vfb").mkdir()
    with pytest.raises(StoreError, match="cannot be written") as caught:
        tree.replace("anna", b"2")
    assert str(tree.directory) not in str(caught.value)
    assert entries(tree) == ["anna.vfb", "hans.vfb"]


def test_memory_is_bounded(tmp_path: Path) -> None:
    """Neither many files nor large ones are all held, and every one is still read right."""
    tree = PublicDirectory(tmp_path, max_cached_bytes=1000, max_cached_files=5)
    for number in range(20):
        tree.replace(f"n{number}", b"%d" % number * 90)
    tree.replace("large", b"x" * 2000)
    for number in range(20):
        file = tree.read(f"n{number}")
        assert file is not None
        assert b"%d" % number * 90 == file.body
        assert tree.read("large") is not None
        assert len(tree._held) <= 5
        assert sum(len(held.file.body) for held in tree._held.values()) == tree._held_bytes <= 1000
    assert "large" not in tree._held


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    running = [writer(tmp_path, mark, size) for mark, size in (("a", 10), ("b", 9000))]
    yield running
    for process in running:
        end(process)


@pytest.mark.usefixtures("writers")
def test_every_reader_gets_a_whole_file_while_many_write(tmp_path: Path) -> None:
    """Threads and processes replace and read at once; nobody ever sees a part or nothing."""
    tree = PublicDirectory(tmp_path, max_cached_files=2)
    stop = threading.Event()
    broken: list[str] = []
    bodies: set[str] = set()

    def write() -> None:
        count = 0
        while not stop.is_set():
            count += 1
            tree.replace("hans", sealed(b"thread %d " % count * (count % 50)))

    def read() -> None:
        while not stop.is_set():
            file = tree.read("hans")
            if file is None or not is_whole(file.body):
                broken.append("absent" if file is None else "partial")
            elif file is not None:
                bodies.add(file.etag)

    threads = [threading.Thread(target=target) for target in (write, write, *[read] * 6)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 20
    while len(bodies) < 30 and not broken and time.monotonic() < deadline:
        stop.wait(0.05)
    stop.set()
    for thread in threads:
        thread.join(10)
    assert broken == []
    assert len(bodies) >= 30
    assert tree.names() == ["hans"]


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    """kill -9 at any moment: the file is whole, and the sweep leaves nothing else."""
    tree = PublicDirectory(tmp_path)
    tree.replace("hans", sealed(b"first"))
    for _ in range(8):
        process = writer(tmp_path, "w", 20_000)
        threading.Event().wait(random.random() * 0.03)  # a random point, not a synchronisation
        end(process)
        file = tree.read("hans")
        assert file is not None
        assert is_whole(file.body)
        assert tree.names() == ["hans"]
    later = PublicDirectory(tmp_path, clock=lambda: time.time_ns() + 7200 * SECOND)
    later.sweep(AN_HOUR)
    assert entries(tree) == ["hans.vfb"]
