"""The calendar folders as WebDAV's collection: what files and publications there are."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING

from freebusy.names import requested_name
from freebusy.ports import Upload
from freebusy.temporary import temporary_target
from freebusy.web.dav.collection import Resource
from freebusy.web.published import MEDIA_TYPE
from freebusy.web.threads import in_crew

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freebusy.crew import Crew
    from freebusy.ports import (
        FreeBusyFiles,
        Publications,
        PublishedFile,
        TransferProtocol,
        Visitor,
    )

FOLDERS = ("/pub/calendar/", "/calendar/", "/freebusy/")
_ABOVE = ("/", "/pub/")

IN_FOLDER = (
    "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "MOVE",
)  # fmt: skip
ON_FOLDER = ("GET", "HEAD", "OPTIONS", "PROPFIND")
ELSEWHERE = ("GET", "HEAD", "OPTIONS")


SENDER: ContextVar[tuple[TransferProtocol, str]] = ContextVar("SENDER", default=("http", ""))
"""Protocol and client of the request in hand: a MOVE's share of an Upload."""


def allowed(path: str) -> Sequence[str]:
    """Return the methods that a path has, by its form alone."""
    if _folder(path) is not None:
        return ON_FOLDER
    return IN_FOLDER if path.startswith(FOLDERS) else ELSEWHERE


def _folder(path: str) -> str | None:
    """Return the path of a collection with its slash, None for what is none."""
    folder = path if path.endswith("/") else f"{path}/"
    return folder if folder in FOLDERS or folder in _ABOVE else None


class CalendarFolders:
    """The published tree as ``dav.collection.Collection``."""

    def __init__(self, files: FreeBusyFiles, publications: Publications, crew: Crew) -> None:
        self._files = files
        self._publications = publications
        self._crew = crew

    def allowed(self, path: str) -> Sequence[str]:
        """Return the methods that a path has; of the whole server, those of a file."""
        return IN_FOLDER if path == "*" else allowed(path)

    def canonical(self, path: str) -> str:
        """Return one path for the folders, extensions and spellings of one name."""
        if temporary_target(path) is not None or _folder(path) is not None:
            return path
        wanted = requested_name(path)
        return path if wanted is None else f"/pub/calendar/{wanted}.vfb"

    def may_write(self, path: str, visitor: Visitor) -> bool:
        """Whether the visitor may change, create or lock the file at a path."""
        return self._publications.may_write(path, visitor)

    async def resource(self, path: str, visitor: Visitor) -> Resource | None:
        """Return a folder, a file, or a temporary upload of the visitor's."""
        folder = _folder(path)
        if folder is not None:
            return Resource(folder, is_collection=True)
        file = self._files.find(path, visitor)
        if file is None and visitor.account is not None and temporary_target(path) is not None:
            file = await in_crew(self._crew, lambda: self._publications.temporary(path, visitor))
        return None if file is None else _resource(path, file)

    async def members(self, path: str, visitor: Visitor) -> Sequence[Resource]:
        """Return the files of a calendar folder that the visitor may see listed."""
        folder = _folder(path)
        if folder in {"/", "/pub/"}:
            below = ("/pub/", "/calendar/") if folder == "/" else ("/pub/calendar/",)
            return [Resource(name, is_collection=True) for name in sorted(below)]
        if folder not in FOLDERS:
            return ()
        files = await asyncio.to_thread(self._files.listing, visitor)
        return [_resource(f"{folder}{file.name}.vfb", file) for file in files]

    async def move(self, source: str, target: str, *, overwrite: bool, visitor: Visitor) -> bool:
        """Publish a temporary upload under its real name."""
        upload = Upload(b"", *SENDER.get())
        condition = None if overwrite else _is_absent

        def rename() -> bool:
            return self._publications.rename(source, target, upload, visitor, condition).created

        return await in_crew(self._crew, rename)


def _is_absent(served: PublishedFile | None) -> bool:
    return served is None


def _resource(path: str, file: PublishedFile) -> Resource:
    return Resource(
        path,
        length=len(file.body),
        modified=file.modified,
        etag=file.etag,
        media_type=MEDIA_TYPE,
    )
