"""Temporary uploads on disk."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from freebusy.errors import StoreError, TooLargeError
from freebusy.uploads import TemporaryUpload, TemporaryUploads

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def uploads(tmp_path: Path) -> TemporaryUploads:
    return TemporaryUploads(tmp_path / "uploads", lifetime=600, max_bytes=100)


def age(directory: Path, seconds: float) -> None:
    """Make everything that lies there so much older."""
    for path in directory.rglob("*"):
        if path.is_file():
            moment = path.stat().st_mtime - seconds
            os.utime(path, (moment, moment))


def test_an_upload_is_its_accounts_alone(uploads: TemporaryUploads) -> None:
    """What one account sends no other finds, removes or replaces."""
    assert uploads.put("hans", "hans.vfb.part", b"his")
    assert uploads.put("freebusy", "hans.vfb.part", b"theirs")
    kept = uploads.get("hans", "hans.vfb.part")
    assert isinstance(kept, TemporaryUpload)
    assert b"his" == kept.body
    assert uploads.remove("freebusy", "hans.vfb.part")
    assert not uploads.remove("freebusy", "hans.vfb.part")
    assert uploads.get("hans", "hans.vfb.part") == kept


def test_a_second_one_takes_the_place_of_the_first(uploads: TemporaryUploads) -> None:
    """Sending the same name again replaces it, also where both do not fit together."""
    assert uploads.put("hans", "a", b"1" * 80)
    assert not uploads.put("hans", "a", b"2" * 80)
    kept = uploads.get("hans", "a")
    assert kept is not None
    assert b"2" * 80 == kept.body


def test_an_account_has_its_share_of_the_disk(uploads: TemporaryUploads) -> None:
    """Too much at a time is refused, and what is there stays; others are not concerned."""
    uploads.put("hans", "a", b"1" * 80)
    with pytest.raises(TooLargeError):
        uploads.put("hans", "b", b"2" * 80)
    assert uploads.get("hans", "b") is None
    assert uploads.get("hans", "a") is not None
    assert uploads.put("eva", "b", b"2" * 80)


def test_an_upload_lasts_minutes(uploads: TemporaryUploads, tmp_path: Path) -> None:
    """After its lifetime it is not found, makes room, and is swept away."""
    uploads.put("hans", "a", b"1" * 80)
    age(tmp_path, 601)
    assert uploads.get("hans", "a") is None
    assert uploads.put("hans", "b", b"2" * 80)
    age(tmp_path, 601)
    assert 1 == uploads.sweep()
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]


def test_nobody_else_on_the_machine_reads_them(uploads: TemporaryUploads, tmp_path: Path) -> None:
    """Directories and files are the gateway's own, and no client's text is part of a path."""
    uploads.put("../../etc", "../../passwd", b"x")
    places = list(tmp_path.rglob("*"))
    assert {0o700, 0o600} == {path.stat().st_mode & 0o777 for path in places}
    assert not [path for path in places if "passwd" in path.name or "etc" in path.name]


def test_a_disk_fault_is_the_operators(tmp_path: Path) -> None:
    """Where the directory cannot be made, the error says so without a path."""
    (tmp_path / "uploads").write_bytes(b"")
    with pytest.raises(StoreError, match="temporary upload cannot be written") as caught:
        TemporaryUploads(tmp_path / "uploads").put("hans", "a", b"x")
    assert str(tmp_path) not in str(caught.value)
