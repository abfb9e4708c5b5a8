"""What directories have beyond the contract: layouts, names, links, large files."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from calendar_sync.pages import Limits
from calendar_sync.vdir import VdirSource
from freebusy.errors import (
    CalendarMissingError,
    ConfigurationError,
    SourceError,
    SourceRefusedError,
    SourceUnavailableError,
)
from freebusy.ports import ICALENDAR, MESSAGE, Calendar, Owner
from tests.contract.place import Replica, event

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
