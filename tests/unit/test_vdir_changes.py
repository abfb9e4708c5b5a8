"""What directories have beyond the contract: half-written files, old times, watching."""

from __future__ import annotations

import os
import shutil
import threading
from typing import TYPE_CHECKING

from calendar_sync.directory import Folder
from calendar_sync.pages import Limits
from calendar_sync.vdir import VdirSource
from freebusy.errors import SourceUnavailableError
from freebusy.ports import Calendar, SyncToken
from tests.contract.place import DEADLINE, Replica, Watching, event, watching
from tests.unit.test_vdir import HANS, later, only, stream, write

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

# files that are being written


def test_a_known_file_that_is_being_written_keeps_its_items(tmp_path: Path) -> None:
    """A file that was just cut short stays as it was known, until it is whole again."""
    path = write(tmp_path / "hans/all.ics", stream("a", "b"), age=60)
    source = VdirSource(tmp_path)
    replica = Replica().run(source, only(source))
    write(path, stream("a", "b", "c")[:200])
    replica.run(source, only(source))
    assert ([], [], ["a Meeting", "b Meeting"]) == (
        replica.delivered,
        replica.gone,
        replica.objects,
    )
    write(path, stream("a", "b", "c"))
    assert ["c Meeting"] == replica.run(source, only(source)).delivered


def test_a_file_that_stays_broken_off_counts_as_it_is(tmp_path: Path) -> None:
    """A file that nobody finished is delivered for the reader to judge."""
    path = write(tmp_path / "hans/a.ics", event("a"), age=60)
    source = VdirSource(tmp_path)
    replica = Replica().run(source, only(source))
    write(path, event("a")[:-20], age=60)
    replica.run(source, only(source))
    assert [event("a")[:-20]] == [item.body for _, item in replica.items.values()]


def test_a_touched_file_is_not_delivered_again_soon(tmp_path: Path) -> None:
    """A file read within two seconds of its writing is read again and found the same."""
    path = write(tmp_path / "hans/a.ics", event("a"))
    source = VdirSource(tmp_path)
    replica = Replica().run(source, only(source))
    os.utime(path)
    assert [] == replica.run(source, only(source)).delivered


def test_a_settled_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that did not change since it was last read is not opened."""
    write(tmp_path / "hans/a.ics", event("a"))
    source = VdirSource(tmp_path, now=later)
    replica = Replica().run(source, only(source))
    monkeypatch.setattr(Folder, "read", None)
    assert [] == replica.run(source, only(source)).delivered


def test_a_change_with_an_old_time_is_seen(tmp_path: Path) -> None:
    """Content of the same size under the old modification time is a change (rsync -t, cp -p)."""
    path = write(tmp_path / "hans/a.ics", event("a", "Old"), age=1000)
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    source = VdirSource(tmp_path, now=later)
    replica = Replica().run(source, only(source))
    path.write_bytes(event("a", "New"))
    os.utime(path, ns=times)
    assert ["a New"] == replica.run(source, only(source)).objects


def test_a_file_that_may_not_be_read_is_an_item_without_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be opened is delivered empty, to be counted; what was known of it stays."""
    write(tmp_path / "hans/a.ics", event("a"))
    source = VdirSource(tmp_path)
    known = Replica().run(source, only(source))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Folder, "_open", refuse)  # root may read everything
    (page,) = source.sync(only(source), None)
    assert [(b"", "a.ics")] == [(item.body, item.href) for item in page.items]
    assert ["a Meeting"] == known.run(source, only(source)).objects


def test_a_file_that_never_stands_still_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that changes at every reading keeps its known state; a new one comes as it is."""
    path = write(tmp_path / "hans/a.ics", event("a", "S0"))
    source = VdirSource(tmp_path)
    replica = Replica().run(source, only(source))
    read_once = Folder._read_once

    def restless(self: Folder, name: str, limit: int) -> object:
        reading = read_once(self, name, limit)
        return reading and type(reading)(reading.stamp, reading.body, steady=False)

    write(path, event("a", "S1"))
    monkeypatch.setattr(Folder, "_read_once", restless)
    assert ["a S0"] == replica.run(source, only(source)).objects
    assert ["a S1"] == Replica().run(source, only(source)).objects
    monkeypatch.undo()
    assert ["a S1"] == replica.run(source, only(source)).objects


def test_memory_is_bounded_by_the_page(tmp_path: Path) -> None:
    """The first page comes before the second is read."""
    for number in range(20):
        write(tmp_path / f"hans/{number:02d}.ics", event(f"u{number:02d}"))
    source = VdirSource(tmp_path, limits=Limits(page_items=5))
    pages = source.sync(only(source), None)
    first = next(pages)
    for number in range(6, 20):
        (tmp_path / f"hans/{number:02d}.ics").unlink()
    rest = list(pages)
    assert ([5, 1], 20) == ([len(first.items), len(rest[0].items)], first.total)


def test_a_token_of_another_version_means_fresh(tmp_path: Path) -> None:
    """A token that a later version wrote is not understood, and that is no error."""
    write(tmp_path / "hans/a.ics", event("a"))
    source = VdirSource(tmp_path)
    token = Replica().run(source, only(source)).token or SyncToken("")
    (page,) = source.sync(only(source), SyncToken(token.replace('"v": 1', '"v": 2')))
    assert page.fresh


# watching


def test_a_folder_that_is_made_again_is_watched_again(tmp_path: Path) -> None:
    """After a calendar was removed and made again its changes are reported."""
    path = write(tmp_path / "hans/a.ics", event("a"))
    source = VdirSource(tmp_path)
    calendar = only(source)
    with watching(source, [calendar]) as watch:
        watch.settle(calendar, lambda: write(path, event("a")))
        shutil.rmtree(path.parent)
        watch.quiet(2.5)
        path.parent.mkdir()
        watch.settle(calendar, lambda: write(path, event("a")))
        after = watch.quiet(2.5)
        write(path, event("b"))
        assert watch.wait(calendar, after=after)


def test_a_folder_that_is_not_there_yet_is_watched(tmp_path: Path) -> None:
    """A calendar that appears while it is watched is reported."""
    calendar = Calendar("hans", HANS, "hans")
    with watching(VdirSource(tmp_path), [calendar]) as watch:
        watch.settle(calendar, lambda: write(tmp_path / "hans/a.ics", event("a")))


def test_a_watched_change_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a folder is watched, a run looks only at the files that changed in it."""
    path = write(tmp_path / "hans/a.ics", event("a", "Old"))
    write(tmp_path / "hans/b.ics", event("b"))
    source = VdirSource(tmp_path)
    calendar = only(source)
    with watching(source, [calendar]) as watch:
        watch.settle(calendar, lambda: write(path, event("a", "Old")))
        watch.quiet(1.5)  # the watch has answered once more: it works
        replica = Replica().run(source, calendar)
        monkeypatch.setattr(Folder, "signatures", None)
        for change, delivered, gone in (
            (lambda: write(path, event("a", "New")), ["a New"], []),
            (lambda: write(tmp_path / "hans/c.ics", event("c")), ["c Meeting"], []),
            ((tmp_path / "hans/b.ics").unlink, [], ["b.ics"]),
        ):
            after = watch.quiet()
            change()
            assert watch.wait(calendar, after=after)
            replica.run(source, calendar)
            assert (delivered, gone) == (replica.delivered, replica.gone)
        monkeypatch.undo()
        assert ["a New", "c Meeting"] == replica.objects
    assert ["a New", "c Meeting"] == Replica().run(source, calendar).objects


def test_a_watched_name_that_is_no_text_is_seen(tmp_path: Path) -> None:
    """A change of a file whose name is in another encoding is delivered."""
    settling = write(tmp_path / "hans/a.ics", event("a"))
    source = VdirSource(tmp_path)
    calendar = only(source)
    with watching(source, [calendar]) as watch:
        watch.settle(calendar, lambda: write(settling, event("a")))
        watch.quiet(1.5)
        replica = Replica().run(source, calendar)
        after = watch.quiet()
        with open(os.fsencode(tmp_path) + b"/hans/\xfc.ics", "wb") as file:  # noqa: PTH123 - a name in bytes
            file.write(event("b"))
        assert watch.wait(calendar, after=after)
        assert ["b Meeting"] == replica.run(source, calendar).delivered


def test_other_files_are_no_change(tmp_path: Path) -> None:
    """Files that are no items do not wake anybody."""
    path = write(tmp_path / "hans/a.ics", event("a"))
    source = VdirSource(tmp_path)
    calendar = only(source)
    with watching(source, [calendar]) as watch:
        watch.settle(calendar, lambda: write(path, event("a")))
        after = watch.quiet()
        write(tmp_path / "hans/.a.ics.tmp", b"x")
        write(tmp_path / "hans/notes.txt", b"x")
        assert after == watch.quiet()


def test_without_inotify_it_polls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no watch left to give, changes are found by polling."""
    import watchfiles

    path = write(tmp_path / "hans/a.ics", event("a"))
    watch, polled = watchfiles.watch, threading.Event()

    def exhausted(*paths: str, force_polling: bool | None, **options: object) -> object:
        if not force_polling:
            raise OSError(28, "OS file watch limit reached")
        polled.set()
        return watch(*paths, force_polling=True, **options)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(watchfiles, "watch", exhausted)
    source = VdirSource(tmp_path)
    calendar = only(source)
    with watching(source, [calendar]) as watching_:
        watching_.settle(calendar, lambda: write(path, event("a")))
    assert polled.is_set()


def test_where_nothing_can_be_watched_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where polling fails as well, watch ends with SourceUnavailableError."""
    import watchfiles

    def broken(*_: object, **__: object) -> object:
        raise OSError(28, "no")

    monkeypatch.setattr(watchfiles, "watch", broken)
    write(tmp_path / "hans/a.ics", event("a"))
    source = VdirSource(tmp_path)
    watch = Watching(source, source.calendars(HANS))
    watch.thread.start()
    watch.thread.join(DEADLINE)
    assert isinstance(watch.error, SourceUnavailableError)
