"""Losing versions: kept under ``conflicts/`` before anything takes their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from calendar_sync.replica import durable
from calendar_sync.replica.collection import ICS, file_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

Side = Literal["local", "server"]
HISTORY = "what-happened.txt"


class Conflicts:
    """The losing versions of one folder: ``UID-WHEN-SIDE.ics``, and a line on each."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self._path = path
        self._now = now

    def keep(self, uid: str, body: bytes, side: Side, why: str) -> Path:
        """Keep a version, once, and return its file; it is on the disk afterwards."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.clean(self._path)
        stem = file_name(uid).removesuffix(ICS)
        for path in self._path.glob("*" + ICS):
            if path.name.startswith(f"{stem}-") and path.read_bytes() == body:
                return path
        kept = self._free(stem, side)
        durable.replace(kept, body)
        self._note(f"{kept.name}: {why}")
        durable.flush(self._path)
        return kept

    def _free(self, stem: str, side: Side) -> Path:
        when = f"{self._now():%Y%m%dT%H%M%SZ}"
        path, number = self._path / f"{stem}-{when}-{side}{ICS}", 1
        while path.exists():
            number += 1
            path = self._path / f"{stem}-{when}.{number}-{side}{ICS}"
        return path

    def set_aside(self, directory: Path) -> Path:
        """Keep a whole local folder; nothing of it is left where it was."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path, number = self._path / f"folder-{self._now():%Y%m%dT%H%M%SZ}", 1
        while path.exists():
            number += 1
            path = self._path / f"folder-{self._now():%Y%m%dT%H%M%SZ}.{number}"
        self._note(f"{path.name}: the folder is no longer on the server")
        durable.rename(directory, path)
        return path

    def _note(self, line: str) -> None:
        with (self._path / HISTORY).open("a", encoding="utf-8") as history:
            history.write(f"{self._now():%Y-%m-%d %H:%M:%S} UTC {line}\n")
