"""The local folder: what is looked at, and what is never overwritten."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from calendar_sync.replica import ChangedMeanwhileError, durable
from calendar_sync.replica.collection import Collection, Draft, LocalFile, file_name
from calendar_sync.replica.objecttext import whole
from tests.replica.home_case import event

A = event("a").encode()
OTHER = event("a", "other").encode()


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    made = Collection(tmp_path / "folder")
    made.create()
    return made


def put(collection: Collection, body: bytes, old: LocalFile | None) -> LocalFile:
    """Write a.ics."""
    with durable.Drafts(collection.path) as drafts:
        draft = Draft.begin(drafts, body)
        drafts.settle()
        return collection.write(draft, "a.ics", "a", old)


@pytest.mark.parametrize(
    ("uid", "name"),
    [
        ("a", "a.ics"),
        ("A-b_c.d@e+f=g", "A-b_c.d@e+f=g.ics"),
        (".a", None),
        ("a/b", None),
        ("a b", None),
        ("ä", None),
        ("", None),
        ("x" * 200, "x" * 200 + ".ics"),
        ("x" * 201, None),
    ],
)
def test_file_names_are_safe(uid: str, name: str | None) -> None:
    """A UID that is no plain name is named by a digest of 32 hexadecimal digits."""
    found = file_name(uid)
    assert found == name or (name is None and len(found) == 36 and found.endswith(".ics"))


def test_a_missing_folder_has_no_files(tmp_path: Path) -> None:
    """It is for the caller to wonder at that."""
    assert {} == Collection(tmp_path / "none").scan({})


def test_only_what_may_have_changed_is_read(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was written long before it was read is known by what stat says of it."""
    (collection.path / "a.ics").write_bytes(A)
    fresh = collection.scan({})
    assert not fresh["a.ics"].settled
    monkeypatch.setattr("calendar_sync.replica.collection.RACY", -1 << 62)
    settled = collection.scan(fresh)
    assert settled["a.ics"].settled
    monkeypatch.setattr(Path, "read_bytes", None)
    assert settled == collection.scan(settled)


def test_a_change_of_the_same_size_and_time_is_seen(collection: Collection) -> None:
    """A file that was written a moment ago is read again, whatever stat says."""
    path = collection.path / "a.ics"
    path.write_bytes(A)
    before = collection.scan({})
    path.write_bytes(A.replace(b"a talk", b"b talk"))
    os.utime(path, ns=(0, 0))
    assert before["a.ics"].digest != collection.scan(before)["a.ics"].digest


@pytest.mark.parametrize("happened", ["written", "removed", "made"])
def test_what_changed_meanwhile_is_not_overwritten(collection: Collection, happened: str) -> None:
    """A file that is another than the one that was read stays, and nothing is left beside it."""
    path = collection.path / "a.ics"
    old = None
    if happened != "made":
        path.write_bytes(A)
        old = collection.scan({})["a.ics"]
    if happened == "removed":
        path.unlink()
    else:
        path.write_bytes(OTHER)
    with pytest.raises(ChangedMeanwhileError):
        put(collection, A, old)
    if old is not None:
        with pytest.raises(ChangedMeanwhileError):
            collection.remove(old)
    left = [] if happened == "removed" else [("a.ics", OTHER)]
    assert left == [(each.name, each.read_bytes()) for each in collection.path.iterdir()]


def test_leftovers_of_an_interruption_go(collection: Collection) -> None:
    """What was half written is removed; other programs' temporary files stay."""
    (collection.path / f"{durable.PREFIX}1{durable.SUFFIX}").write_bytes(b"x")
    (collection.path / ".khal.tmp").write_bytes(b"x")
    collection.create()
    assert [".khal.tmp"] == [each.name for each in collection.path.iterdir()]


def test_a_disk_that_is_full_leaves_the_old_file(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that cannot be flushed never takes its place."""
    (collection.path / "a.ics").write_bytes(A)
    old = collection.scan({})["a.ics"]

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        put(collection, OTHER, old)
    assert [A] == [each.read_bytes() for each in collection.path.iterdir()]


def test_the_newest_change_of_an_instance_counts() -> None:
    """What rules comes first; zones and instances are there once."""
    instance = "RECURRENCE-ID:20260309T090000Z"
    text = whole(
        [
            event("a", "series"),
            event("a", "newest", extra=instance),
            event("a", "older", extra=instance),
            event("a", "another", extra="RECURRENCE-ID:20260316T090000Z"),
        ]
    )
    summaries = [line for line in text.splitlines() if line.startswith("SUMMARY")]
    assert ["SUMMARY:series", "SUMMARY:newest", "SUMMARY:another"] == summaries
