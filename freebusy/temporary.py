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
_AFTER_EXTENSION = re.compile(
    r"(\.[vi]fb)(?:\.[a-z0-9_-]{1,24}|[._~#-][a-z0-9]{0,24}){1,2}$", re.IGNORECASE
)
_KNOWN_SUFFIX = re.compile(r"\.(?:part|partial|filepart|tmp|temp|new|upload|~)$|~$", re.IGNORECASE)
_EXTENSION = re.compile(r"\.[vipx]fb$", re.IGNORECASE)


def temporary_target(path: str) -> str | None:
    """Return the path of the file that a temporary path is for; None where it is no such path.

    ``/pub/calendar/hans.vfb.part`` and ``/pub/calendar/hans.part`` give
    ``/pub/calendar/hans.vfb``.  After ``.vfb`` any suffix will do: such a name cannot
    be anything else.
    """
    folder, _, name = path.rpartition("/")
    if len(name.encode("utf-8", "surrogatepass")) > MAX_BYTES or not name.isprintable():
        return None
    bare = _PREFIX.sub("", name, count=1)
    if _AFTER_EXTENSION.search(bare):
        bare = _AFTER_EXTENSION.sub(r"\1", bare)
    elif _KNOWN_SUFFIX.search(bare):
        bare = _KNOWN_SUFFIX.sub("", bare)
        if _EXTENSION.search(bare) is None:
            bare += ".vfb"
    elif bare == name or not _EXTENSION.search(bare):
        return None
    return f"{folder}/{bare}"
