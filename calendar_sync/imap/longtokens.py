"""Tokens that are too long for a URL, kept here under a short name.

A token tells message by message what is still to come of a folder, and what is known of it
where the server does not tell what vanished: where UIDs have many gaps that is tens of
thousands of characters, and a request line takes eight.  One that is forgotten is of no use
any more, and the next run is a fresh one.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from freebusy.ports import SyncToken

LONGEST = 3000
"""Characters of a token that a client gets as it is; with a folder's id it fits into a URL."""
MOST = 32 << 20
"""Characters kept of all persons together."""
_MARK = "kept-"
"""No token begins so: it would unpack to nothing."""


class LongTokens:
    """The long tokens that were given out last; safe from any thread."""

    def __init__(self, longest: int = LONGEST, most: int = MOST) -> None:
        self._longest = longest
        self._left = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, str] = OrderedDict()

    def shortened(self, token: SyncToken) -> SyncToken:
        """Return a token that fits into a URL; the least used ones make room for it."""
        if len(token) <= self._longest:
            return token
        name = _MARK + hashlib.sha256(token.encode("ascii")).hexdigest()
        with self._lock:
            self._left += len(self._kept.pop(name, "")) - len(token)
            self._kept[name] = token
            while self._left < 0 and len(self._kept) > 1:
                self._left += len(self._kept.popitem(last=False)[1])
        return SyncToken(name)

    def whole(self, token: SyncToken | None) -> str | None:
        """Return a token as it was before; one that is forgotten is none any more."""
        if token is None or not token.startswith(_MARK):
            return token
        with self._lock:
            if token in self._kept:
                self._kept.move_to_end(token)
            return self._kept.get(token)
