"""The values in the connector's bodies: what each may hold, as both sides check it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, PlainSerializer, WithJsonSchema

from freebusy.names import can_name_folder

MAX_FOLDER_NAME = 200
MAX_FOLDER_ID = 2000
MAX_CHANGES = 500
MAX_NAMES = 1000
MAX_UID = 1000
"""Characters of an iCalendar UID; folders hold no longer ones."""


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters are not allowed")
    return text


def _name(text: str) -> str:
    if not can_name_folder(text):
        raise ValueError("control characters, line ends and invisible marks are not allowed")
    return text


Moment = Annotated[
    AwareDatetime,
    PlainSerializer(_rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
Word = Annotated[str, Field(min_length=1, max_length=254), AfterValidator(_printable)]
Uid = Annotated[str, Field(min_length=1, max_length=MAX_UID), AfterValidator(_printable)]
FolderName = Annotated[str, Field(min_length=1, max_length=MAX_FOLDER_NAME), AfterValidator(_name)]
FolderId = Annotated[
    str, Field(min_length=1, max_length=MAX_FOLDER_ID, pattern=r"^[A-Za-z0-9_-]+$")
]
Href = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,9}$")]
Letters = Annotated[str, Field(max_length=26, pattern=r"^[a-z0-9]*$")]
Mode = Literal["on_select", "manual", "on_start_and_exit"]
Role = Literal["administrator", "power user", "user", "guest"]
Kind = Literal["own", "other", "shared"]
BusyType = Literal["BUSY", "BUSY-TENTATIVE", "BUSY-UNAVAILABLE"]
