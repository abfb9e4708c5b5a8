"""What stops a sync, as errors that say what to do.

::

    FreeBusyError
    ├── EmptySideError           one side is suddenly empty: somebody has to say that it is meant
    ├── HomeBusyError            another sync of the same home is running
    └── ChangedMeanwhileError    a file is not what was read a moment ago: look again
"""

from __future__ import annotations

from typing import Literal

from freebusy.errors import FreeBusyError
from freebusy.wording import counted


class EmptySideError(FreeBusyError):
    """All ``known`` items of a folder are gone on one side at once: nothing was done."""

    def __init__(self, folder: str, side: Literal["local", "server"], known: int) -> None:
        where = "here" if side == "local" else "on the server"
        super().__init__(
            f"{folder}: the folder is suddenly empty {where}, "
            f"where {counted(known, 'item')} had been: "
            "nothing was done; if that is meant, sync again with --accept-empty"
        )
        self.folder = folder
        self.side = side
        self.known = known


class HomeBusyError(FreeBusyError):
    """Another process syncs this home."""


class ChangedMeanwhileError(FreeBusyError):
    """Somebody wrote or removed the file after it was read; nothing was done to it."""
