"""One request as the endpoints see it, and what they answer."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from freebusy.errors import NoFolderError
from freebusy.ports import Visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from pydantic import BaseModel

    from freebusy.connector.parts import Connector
    from freebusy.ports import Account, Owner, Publications, TransferProtocol

_NO_FOLDER = "there is no such calendar folder"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""What cannot be sent to a mail server; it encodes all that is not ASCII (RFC 3501 §5.1.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request of somebody who has logged in."""

    connector: Connector
    publications: Publications | None
    account: Account
    person: str
    """The account's; an account without one does not get here."""
    address: str
    """The peer's."""
    whose: Callable[[], Owner] = field(repr=False)
    """On whose behalf the mail server is asked; raises NotAllowedError."""
    arguments: Mapping[str, str]
    """What stands in the path, by the names of its template, decoded."""
    now: datetime
    protocol: TransferProtocol
    client: str
    """What the client calls itself."""
    languages: str
    """What it would like to read (RFC 9110 §12.5.4)."""

    @property
    def path(self) -> str:
        """Return the folder in the path; raises NoFolderError."""
        return path_of(self.arguments["id"])

    @property
    def visitor(self) -> Visitor:
        """Return who asks."""
        return Visitor(self.address, self.account)


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint answers."""

    status: int
    body: BaseModel | None = None
    location: str | None = None
    """Below the API's prefix."""


def folder_id(path: str) -> str:
    """Return the id of a folder: its mailbox name in base64url without padding (RFC 4648 §5)."""
    return base64.urlsafe_b64encode(path.encode()).decode().rstrip("=")


def path_of(identifier: str) -> str:
    """Return a folder's mailbox name; raises NoFolderError for what is no id of ours."""
    try:
        octets = base64.b64decode(identifier + "=" * (-len(identifier) % 4), b"-_", validate=True)
        path = octets.decode()
    except ValueError:
        raise NoFolderError(_NO_FOLDER) from None
    if not path or _CONTROL.search(path) or folder_id(path) != identifier:
        raise NoFolderError(_NO_FOLDER)
    return path
