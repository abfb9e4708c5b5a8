"""Temporary names: what clients call an upload before they rename it (pure).

KIO appends ``.part``, WinSCP ``.filepart``, lftp puts ``.in.`` before and a dot after,
others append ``.tmp`` or a suffix of their own.  What is left without these has to be
the name of a free/busy file, so that the account's right to it can be weighed.
"""

from __future__ import annotations

import re

MAX_BYTES = 255
"""Of a temporary file name, as file systems allow."""

_PREFIX = re.compile(r"^(?:\.in\.|\.#|\.|~|#)")
_SUFFIX = re.compile(r"(?:\.[a-z0-9_-]{1,24}|\.|~|#)$", re.IGNORECASE)
_PUBLISHED = re.compile(r"\.[vi]fb$", re.IGNORECASE)
_REFUSED = re.compile(r"\.[xp]fb$", re.IGNORECASE)


def temporary_target(path: str) -> str | None:
    """Return the path of the file that a temporary path is for; None where it is no such path.

    ``/pub/calendar/hans.vfb.part`` gives ``/pub/calendar/hans.vfb``.  At most one prefix
    and two suffixes are taken off, and a file extension has to come to light.
    """
    folder, _, name = path.rpartition("/")
    if len(name.encode()) > MAX_BYTES or not name.isprintable():
        return None
    bare = _PREFIX.sub("", name, count=1)
    for _ in range(3):
        if _PUBLISHED.search(bare):
            return f"{folder}/{bare}" if bare != name else None
        if _REFUSED.search(bare):
            return None
        shorter = _SUFFIX.sub("", bare, count=1)
        if shorter == bare:
            return None
        bare = shorter
    return None
