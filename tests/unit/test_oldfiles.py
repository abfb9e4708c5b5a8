"""Reading a folder of old free/busy files, whoever wrote it."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from freebusy import gateway
from freebusy.errors import FreeBusyError
from freebusy.importing import read_folder
from tests.unit.command_state import NOW, configured

if TYPE_CHECKING:
    from pathlib import Path

    from freebusy.oldfiles import OldFile

FILE = (
    b"BEGIN:VCALENDAR\r\nBEGIN:VFREEBUSY\r\nDTSTART:20260601T000000Z\r\nDTEND:20260701T000000Z\r\n"
    b"FREEBUSY:20260603T080000Z/PT1H\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"
)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "now", lambda: NOW)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "old"
    made.mkdir()
    return made


def put(path: Path, body: bytes = FILE, *, days_old: int = 1) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(body)
    changed = (NOW - timedelta(days=days_old)).timestamp()
    os.utime(path, (changed, changed))


def found(tmp_path: Path, extra: str = "") -> dict[str, OldFile]:
    files = read_folder(configured(tmp_path, extra), tmp_path / "old")
    return {file.file: file for file in files}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("hans.vfb", "hans"),
        ("HANS.IFB", "hans"),
        ("hans.xfb", "hans"),
        ("hans@example.com.vfb", "hans"),
        ("example.com/hans.vfb", "hans"),
        ("other.org/hans.vfb", None),
        ("otto.vfb", None),
        ("hans.vfb.vfb", "hans"),
        ("no name at all!.vfb", None),
    ],
)
def test_whose_a_file_is(tmp_path: Path, folder: Path, file: str, name: str | None) -> None:
    """The file's name is understood as an address of the gateway would be."""
    put(folder / file)
    (old,) = found(tmp_path).values()
    assert (file, name) == (old.file, old.name)
    assert (name is not None) == (old.read is not None)


def test_what_a_file_says_and_from_when(tmp_path: Path, folder: Path) -> None:
    """Content and time of change are the file's own; a change in the future is one of now."""
    put(folder / "hans.vfb", days_old=3)
    put(folder / "eva.vfb", days_old=-5)
    files = found(tmp_path)
    hans = files["hans.vfb"]
    assert (FILE, NOW - timedelta(days=3)) == (hans.body, hans.modified)
    assert hans.read is not None
    assert 1 == len(hans.read.periods)
    assert NOW == files["eva.vfb"].modified


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "the file is empty"),
        (b"<html><body>404</body></html>", "a web page is not a free/busy file"),
        (FILE[:-20], "END:VFREEBUSY is missing"),
        (FILE + b" " * 2000, "it is larger than 2,000 octets"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, folder: Path, body: bytes, problem: str) -> None:
    """A file that an upload could not be either has a reason, and no content."""
    put(folder / "hans.vfb", body)
    put(folder / "eva.vfb")
    files = found(tmp_path, "[publish]\nmax_upload = 2000\n")
    assert problem in (files["hans.vfb"].problem or "")
    assert (b"", None) == (files["hans.vfb"].body, files["hans.vfb"].read)
    assert files["eva.vfb"].read is not None


def test_links_and_directories_are_not_opened(tmp_path: Path, folder: Path) -> None:
    """Whoever could write the folder cannot make the gateway read another file."""
    put(tmp_path / "secret.vfb")
    (folder / "hans.vfb").symlink_to(tmp_path / "secret.vfb")
    (folder / "eva.vfb").mkdir()
    os.mkfifo(folder / "eva.ifb")
    (folder / "elsewhere").symlink_to(tmp_path)
    files = found(tmp_path)
    assert {"hans.vfb", "eva.ifb"} == set(files)
    assert {"it is a link, or no file"} == {file.problem for file in files.values()}


def test_the_newest_file_of_a_person_counts(tmp_path: Path, folder: Path) -> None:
    """Of several for one person the others say which one is newer."""
    put(folder / "hans.vfb", days_old=9)
    put(folder / "hans.ifb", days_old=2)
    put(folder / "hans@example.com.vfb", days_old=4)
    files = found(tmp_path)
    assert files["hans.ifb"].read is not None
    assert ["hans.ifb is newer", "hans.ifb is newer"] == [
        files[file].outdated for file in ("hans.vfb", "hans@example.com.vfb")
    ]


def test_a_file_whose_time_has_passed(tmp_path: Path, folder: Path) -> None:
    """What says nothing of the time to come never hides a file that does, however new it is."""
    passed = FILE.replace(b"202606", b"202506").replace(b"202607", b"202507")
    put(folder / "hans.vfb", days_old=9)
    put(folder / "hans.ifb", passed, days_old=2)
    files = found(tmp_path)
    assert files["hans.vfb"].read is not None
    assert "its time has passed" == files["hans.ifb"].outdated


def test_a_folder_that_cannot_be_meant(tmp_path: Path, folder: Path) -> None:
    """A folder that is not there, or holds nothing of the kind, is an error."""
    (folder / "readme.txt").write_text("nothing")
    (folder / ".hans.vfb").write_bytes(FILE)
    with pytest.raises(FreeBusyError, match=r"no \.vfb, \.ifb, \.xfb file is there"):
        found(tmp_path)
    with pytest.raises(FreeBusyError, match="No such file or directory"):
        read_folder(configured(tmp_path), tmp_path / "nowhere")
