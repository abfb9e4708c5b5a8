"""Directories and single files keep the contract of calendar sources."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from calendar_sync.pages import Limits
from calendar_sync.vdir import VdirSource
from freebusy.ports import Owner
from tests.contract.source_contract import CalendarSourceContract
from tests.contract.watch_contract import WatchContract

if TYPE_CHECKING:
    from pathlib import Path

    from freebusy.ports import CalendarSource

LIMITS = Limits(page_items=100, page_bytes=100_000, max_item=20_000, head_bytes=4_000)


class FolderPlace:
    """A directory of folders, one .ics file an object, written as vdirsyncer does it."""

    owners = tuple(Owner(name, f"{name}@example.com") for name in ("hans", "grete", "otto"))
    max_item = LIMITS.max_item
    page_items = LIMITS.page_items
    page_bytes = LIMITS.page_bytes

    def __init__(self, directory: Path) -> None:
        self.root = directory / "calendars"
        self.away = directory / "away"
        self.count = 0
        for owner in self.owners:
            self.make(owner)

    @property
    def path(self) -> Path:
        return self.root / self.owners[0].name

    def make(self, owner: Owner) -> None:
        (self.root / owner.name).mkdir(parents=True)

    def make_source(self) -> CalendarSource:
        return VdirSource(self.root, limits=LIMITS)

    def write(self, path: Path, text: bytes) -> None:
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_bytes(text)
        temporary.replace(path)

    def add(self, ics: bytes, *, owner: Owner | None = None) -> str:
        self.count += 1
        key = f"{self.count:05d}.ics"
        self.write(self.root / (owner or self.owners[0]).name / key, ics)
        return key

    def change(self, key: str, ics: bytes) -> str:
        self.write(self.path / key, ics)
        return key

    def delete(self, key: str) -> None:
        (self.path / key).unlink()

    def empty(self) -> None:
        for path in self.path.iterdir():
            path.unlink()

    def remove_calendar(self) -> None:
        shutil.rmtree(self.path)

    def replace_calendar(self) -> None:
        self.remove_calendar()
        self.make(self.owners[0])

    def unplug(self) -> None:
        self.root.rename(self.away)

    def replug(self) -> None:
        self.away.rename(self.root)

    def snapshot(self) -> object:
        return [
            (str(path), path.read_bytes() if path.is_file() else b"", path.stat().st_ctime_ns)
            for path in sorted(self.root.rglob("*"))
        ]


class InPlace(FolderPlace):
    """The same, written by a program that opens the file itself and writes into it."""

    def write(self, path: Path, text: bytes) -> None:
        path.write_bytes(text)


class FilePlace(FolderPlace):
    """A directory with one file a calendar, all objects in it, written anew at each change."""

    def __init__(self, directory: Path) -> None:
        self.held: dict[Path, dict[str, bytes]] = {}
        super().__init__(directory)

    @property
    def path(self) -> Path:
        return self.root / f"{self.owners[0].name}.ics"

    def make(self, owner: Owner) -> None:
        self.root.mkdir(exist_ok=True)
        self.held[self.root / f"{owner.name}.ics"] = {}
        self.save(self.root / f"{owner.name}.ics")

    def save(self, path: Path) -> None:
        events = [ics[ics.index(b"BEGIN:VEVENT") : -15] for ics in self.held[path].values()]
        head = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//contract//EN\r\n"
        self.write(path, b"".join([head, *events, b"END:VCALENDAR\r\n"]))

    def add(self, ics: bytes, *, owner: Owner | None = None) -> str:
        self.count += 1
        path = self.root / f"{(owner or self.owners[0]).name}.ics"
        self.held[path][str(self.count)] = ics
        self.save(path)
        return str(self.count)

    def change(self, key: str, ics: bytes) -> str:
        self.held[self.path][key] = ics
        self.save(self.path)
        return key

    def delete(self, key: str) -> None:
        del self.held[self.path][key]
        self.save(self.path)

    def empty(self) -> None:
        self.held[self.path].clear()
        self.save(self.path)

    def remove_calendar(self) -> None:
        self.path.unlink()

    def replace_calendar(self) -> None:
        # the generation is that of the directory: only a new one of those is a new calendar
        shutil.rmtree(self.root)
        for owner in self.owners:
            self.make(owner)


class TestFolders(CalendarSourceContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> FolderPlace:
        return FolderPlace(tmp_path)


class TestFilesWrittenInPlace(CalendarSourceContract):
    many = 201

    @pytest.fixture
    def place(self, tmp_path: Path) -> InPlace:
        return InPlace(tmp_path)


class TestSingleFiles(CalendarSourceContract):
    many = 201

    @pytest.fixture
    def place(self, tmp_path: Path) -> FilePlace:
        return FilePlace(tmp_path)


class TestPolledFolders(WatchContract):
    quiet = 2.5

    @pytest.fixture
    def place(self, tmp_path: Path) -> FolderPlace:
        return FolderPlace(tmp_path)

    @pytest.fixture
    def source(self, place: FolderPlace) -> VdirSource:
        return VdirSource(place.root, limits=LIMITS, force_polling=True)
