"""What directories have beyond the contract: layouts, names, links, half-written files."""

from __future__ import annotations

import os
import shutil
import threading
import time
from typing import TYPE_CHECKING

import pytest

from calendar_sync.directory import Folder
from calendar_sync.pages import Limits
from calendar_sync.vdir import VdirSource
from freebusy.errors import (
    CalendarMissingError,
    ConfigurationError,
    SourceError,
    SourceRefusedError,
    SourceUnavailableError,
)
from freebusy.ports import ICALENDAR, MESSAGE, Calendar, Owner, SyncToken
from tests.contract.place import DEADLINE, Replica, Watching, event, watching

if TYPE_CHECKING:
    from pathlib import Path

HANS = Owner("hans", "hans.meier@example.com")
HOUR = 3600 * 10**9


def write(path: Path, text: bytes, *, age: int = 0) -> Path:
    """Write a file as if ``age`` seconds ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    moment = time.time() - age
    os.utime(path, (moment, moment))
    return path


def later() -> int:
    """A clock that is an hour ahead: files just written are long settled."""
    return time.time_ns() + HOUR


def keys(source: VdirSource, owner: Owner = HANS) -> list[str]:
    return [calendar.key for calendar in source.calendars(owner)]


def only(source: VdirSource) -> Calendar:
    (calendar,) = source.calendars(HANS)
    return calendar


def stream(*uids: str, summary: str = "Meeting") -> bytes:
    """Return one calendar with several events."""
    events = [event(uid, summary) for uid in uids]
    bodies = [each[each.index(b"BEGIN:VEVENT") : -len(b"END:VCALENDAR\r\n")] for each in events]
    return b"".join([b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", *bodies, b"END:VCALENDAR\r\n"])


# where calendars lie


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["hans/a.ics"], ["hans"]),
        (["hans/a.eml"], ["hans"]),
        (["hans/work/a.ics", "hans/home/a.ics"], ["hans/home", "hans/work"]),
        (["hans/a.ics", "hans/work/a.ics"], ["hans", "hans/work"]),
        (["hans/work/a.ics", "hans/people/a.vcf"], ["hans/work"]),
        (["hans/people/a.vcf"], ["hans"]),
        (["hans/work/color", "hans/.git/a.ics"], ["hans/work"]),
        (["hans/.Radicale.props"], ["hans"]),
        (["hans.ics"], ["hans.ics"]),
        (["hans.ics", "hans/a.ics"], ["hans", "hans.ics"]),
        (["hans.ics", "hans/work/a.ics"], ["hans/work", "hans.ics"]),
        (["hans/~a.ics", "hans/work/a.ics"], ["hans/work"]),
    ],
)
def test_calendars_are_found_in_every_layout(
    tmp_path: Path, files: list[str], expected: list[str]
) -> None:
    """A folder with items, its subfolders, and the file beside it are calendars."""
    for name in files:
        write(tmp_path / name, event("a"))
    assert expected == keys(VdirSource(tmp_path))


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("{name}", "hans"),
        ("{address}", "hans.meier@example.com"),
        ("{domain}/{local}", "example.com/hans.meier"),
        ("collection-root/{name}", "collection-root/hans"),
        ("{name}/calendars", "hans/calendars"),
        ("u-{name}", "u-hans"),
    ],
)
def test_the_template_says_where(tmp_path: Path, template: str, path: str) -> None:
    """The placeholders name, address, local and domain are filled in."""
    write(tmp_path / path / "a.ics", event("a"))
    assert [path] == keys(VdirSource(tmp_path, template))


def test_a_template_may_name_a_file(tmp_path: Path) -> None:
    """A template that ends in .ics names one file a person."""
    write(tmp_path / "all/hans.ics", stream("a", "b"))
    source = VdirSource(tmp_path, "all/{name}.ics")
    assert [("all/hans.ics", "hans")] == [(c.key, c.name) for c in source.calendars(HANS)]
    assert ["a Meeting", "b Meeting"] == Replica().run(source, only(source)).objects


@pytest.mark.parametrize(
    "template", ["", "/", "/{name}", "../{name}", "{name}/..", "a//b", "{user}", "{name", "{}", "."]
)
def test_a_bad_template_is_a_configuration_error(tmp_path: Path, template: str) -> None:
    """A template that leaves the root or names what is not known is refused at once."""
    with pytest.raises(ConfigurationError):
        VdirSource(tmp_path, template)


@pytest.mark.parametrize(
    "name", ["..", ".", ".hidden", "a/b", "../grete", "/etc", "", "x\x00y", "\udcff", "y" * 300]
)
def test_a_name_never_leads_elsewhere(tmp_path: Path, name: str) -> None:
    """An owner's name that is no plain folder name has no calendar."""
    write(tmp_path / "root/grete/a.ics", event("a"))
    write(tmp_path / "root/.hidden/a.ics", event("a"))
    write(tmp_path / "x/a.ics", event("a"))
    with pytest.raises(CalendarMissingError):
        VdirSource(tmp_path / "root").calendars(Owner(name, "x@example.com"))


def test_named_folders_are_taken_and_missed(tmp_path: Path) -> None:
    """Folders that the configuration names are calendars even when they are not there."""
    write(tmp_path / "hans/work/a.ics", event("a"))
    write(tmp_path / "hans/home/a.ics", event("a"))
    owner = Owner("hans", "hans@example.com", folders=("work", "gone", "../grete"))
    source = VdirSource(tmp_path)
    assert ["hans/work", "hans/gone"] == keys(source, owner)
    with pytest.raises(CalendarMissingError):
        list(source.sync(source.calendars(owner)[1], None))


def test_a_missing_root_is_an_outage(tmp_path: Path) -> None:
    """A root that is not there is unavailable and not a missing calendar; its path is named."""
    source = VdirSource(tmp_path / "none")
    with pytest.raises(SourceUnavailableError, match=r"none: No such file"):
        source.calendars(HANS)


# links and odd files


@pytest.mark.parametrize("kind", ["folder", "file", "single", "subfolder"])
def test_no_link_leads_out_of_the_root(tmp_path: Path, kind: str) -> None:
    """A symbolic link to a place outside the root is refused or passed over."""
    secret = write(tmp_path / "outside/secret.ics", event("secret"))
    root = tmp_path / "root"
    root.mkdir()
    if kind == "folder":
        (root / "hans").symlink_to(secret.parent)
    elif kind == "file":
        write(root / "hans/a.ics", event("a"))
        (root / "hans/b.ics").symlink_to(secret)
    elif kind == "single":
        (root / "hans.ics").symlink_to(secret)
    else:
        (root / "hans").mkdir()
        (root / "hans/work").symlink_to(secret.parent)
    source = VdirSource(root)
    if kind == "file":
        assert ["a Meeting"] == Replica().run(source, only(source)).objects
        return
    with pytest.raises(SourceRefusedError):
        source.calendars(HANS)
    for key in ("hans", "hans.ics", "hans/work"):
        if kind != "subfolder" or key != "hans":
            with pytest.raises(SourceError):
                list(source.sync(Calendar(key, HANS, key), None))


def test_a_link_inside_the_root_is_followed(tmp_path: Path) -> None:
    """Links between folders of one root work, and a changed target is seen."""
    target = write(tmp_path / "shared/a.ics", event("a", "Old"))
    (tmp_path / "hans").mkdir()
    (tmp_path / "hans/a.ics").symlink_to(target)
    (tmp_path / "hans/broken.ics").symlink_to(tmp_path / "nothing.ics")
    (tmp_path / "hans/loop.ics").symlink_to(tmp_path / "hans/loop.ics")
    source = VdirSource(tmp_path)
    replica = Replica().run(source, only(source))
    assert ["a Old"] == replica.objects
    write(target, event("a", "New"))
    assert ["a New"] == replica.run(source, only(source)).objects


def test_what_is_no_item_is_passed_over(tmp_path: Path) -> None:
    """Temporary and hidden files, folders, pipes and other endings are no items."""
    for name in (".a.ics", "~a.ics", "#a.ics#", ".#a.ics", "a.ics~", "a.ics.tmp", "a.txt", "ics"):
        write(tmp_path / "hans" / name, event("no"))
    (tmp_path / "hans/folder.ics").mkdir()
    os.mkfifo(tmp_path / "hans/pipe.ics")
    write(tmp_path / "hans/YES.ICS", event("yes"))
    source = VdirSource(tmp_path)
    calendar = next(each for each in source.calendars(HANS) if each.key == "hans")
    assert ["yes Meeting"] == Replica().run(source, calendar).objects


def test_messages_are_items(tmp_path: Path) -> None:
    """An .eml file is an item of its own media type."""
    write(tmp_path / "hans/a.eml", b"Subject: x\r\n\r\n" + event("m"))
    write(tmp_path / "hans/b.ics", event("c"))
    source = VdirSource(tmp_path)
    (page,) = source.sync(only(source), None)
    assert [("a.eml", MESSAGE), ("b.ics", ICALENDAR)] == [(i.href, i.media) for i in page.items]


def test_a_name_that_is_no_text_is_quoted(tmp_path: Path) -> None:
    """A file name in another encoding gives an href that can be stored, and is followed."""
    (tmp_path / "hans").mkdir()
    path = os.fsencode(tmp_path / "hans") + b"/gr\xfc\xdfe.ics"
    with open(path, "wb") as file:  # noqa: PTH123 - a name in bytes
        file.write(event("a"))
    source = VdirSource(tmp_path)
    replica = Replica().run(source, only(source))
    assert ["%gr%FC%DFe.ics"] == list(replica.items)
    os.unlink(path)  # noqa: PTH108 - as above
    assert ["%gr%FC%DFe.ics"] == replica.run(source, only(source)).gone


# one file with many objects


@pytest.mark.parametrize("name", ["hans.ics", "hans/all.ics"])
def test_one_changed_object_is_one_item(tmp_path: Path, name: str) -> None:
    """Of a file with many objects only what changed in it is delivered again."""
    path = write(tmp_path / name, stream("a", "b", "c"))
    source = VdirSource(tmp_path)
    replica = Replica().run(source, only(source))
    assert ["a Meeting", "b Meeting", "c Meeting"] == replica.objects
    write(path, stream("a", "b") + stream("d"))
    replica.run(source, only(source))
    assert (["d Meeting"], 1) == (replica.delivered, len(replica.gone))
    assert ["a Meeting", "b Meeting", "d Meeting"] == replica.objects


def test_a_file_may_turn_into_one_with_many_objects(tmp_path: Path) -> None:
    """Between one object and several the hrefs change and nothing is lost or kept."""
    path = write(tmp_path / "hans/a.ics", event("a"))
    source = VdirSource(tmp_path)
    replica = Replica().run(source, only(source))
    write(path, stream("a", "b"))
    assert ["a Meeting", "b Meeting"] == replica.run(source, only(source)).objects
    write(path, event("b"))
    assert (["b Meeting"], ["a.ics"]) == (
        replica.run(source, only(source)).objects,
        list(replica.items),
    )


def test_a_large_object_in_a_file_is_cut_off(tmp_path: Path) -> None:
    """The bound on items holds for objects, too; its neighbours are whole."""
    large = stream("a").replace(b"SUMMARY:", b"SUMMARY:" + b"x" * 5000)
    write(tmp_path / "hans.ics", large + stream("b"))
    source = VdirSource(tmp_path, limits=Limits(max_item=2000, head_bytes=500))
    (page,) = source.sync(only(source), None)
    assert [(True, 500), (False, len(stream("b")))] == [
        (item.truncated, len(item.body)) for item in page.items
    ]


@pytest.mark.parametrize("text", [b"", b"\r\n", stream("a", "b")[:-20], b"<html>", b"\x00" * 99])
def test_a_broken_off_single_file_proves_nothing(tmp_path: Path, text: bytes) -> None:
    """An empty or cut-off calendar file is an outage: the last times stay."""
    path = write(tmp_path / "hans.ics", stream("a", "b"))
    source = VdirSource(tmp_path, now=later)
    replica = Replica().run(source, only(source))
    write(path, text, age=86400)
    with pytest.raises(SourceUnavailableError):
        replica.run(source, only(source))
    write(path, stream("b"))
    assert ["b Meeting"] == replica.run(source, only(source)).objects


def test_a_huge_single_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A calendar file beyond the bound is the operator's to divide, and never half read."""
    monkeypatch.setattr("calendar_sync.files.MAX_STREAM", 300)
    write(tmp_path / "hans.ics", stream("a", "b", "c"))
    source = VdirSource(tmp_path)
    with pytest.raises(SourceRefusedError, match="one file per event"):
        list(source.sync(only(source), None))


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
        write(tmp_path / "hans/a.ics", event("a"))
        assert watch.wait(calendar, seconds=DEADLINE)


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
