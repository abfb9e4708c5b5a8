"""Properties: the live ones of RFC 4918 §15, and the few that are kept for Windows."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from freebusy.web.conditional import http_date
from freebusy.web.dav.multistatus import DAV, Name, href

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from freebusy.web.dav.collection import Resource
    from freebusy.web.dav.locks import Lock

WINDOWS = "urn:schemas-microsoft-com:"
KEPT = frozenset(
    Name(WINDOWS, f"Win32{what}")
    for what in ("CreationTime", "LastAccessTime", "LastModifiedTime", "FileAttributes")
)
"""What Windows writes after each upload, and takes for a failed one if it is not there."""
MAX_KEPT_PATHS = 1024
MAX_KEPT_VALUE = 64

LOCK_ENTRIES = "".join(
    f"<D:lockentry><D:lockscope><D:{scope}/></D:lockscope>"
    "<D:locktype><D:write/></D:locktype></D:lockentry>"
    for scope in ("exclusive", "shared")
)


@dataclass(frozen=True, slots=True)
class ShownLock:
    """A lock as one visitor sees it."""

    lock: Lock
    seconds: int
    """Left."""
    is_own: bool
    """Only its holder sees the token and the owner: to nobody else are they of use."""


@dataclass(frozen=True, slots=True)
class View:
    """A resource as one visitor sees it."""

    resource: Resource
    locks: Callable[[], Sequence[ShownLock]]
    """Asked only where the client asks: most do not."""
    is_lockable: Callable[[], bool]
    kept: Mapping[Name, str]


def active_lock(shown: ShownLock) -> str:
    """Return DAV:activelock (§14.1)."""
    lock = shown.lock
    scope = "shared" if lock.is_shared else "exclusive"
    secret = f"<D:locktoken><D:href>{escape(lock.token)}</D:href></D:locktoken>"
    return (
        "<D:activelock><D:locktype><D:write/></D:locktype>"
        f"<D:lockscope><D:{scope}/></D:lockscope>"
        f"<D:depth>{'infinity' if lock.is_deep else '0'}</D:depth>"
        + (f"<D:owner>{lock.owner}</D:owner>" if shown.is_own and lock.owner else "")
        + f"<D:timeout>Second-{shown.seconds}</D:timeout>"
        + (secret if shown.is_own else "")
        + f"<D:lockroot>{href(lock.root)}</D:lockroot></D:activelock>"
    )


def lock_discovery(locks: Sequence[ShownLock]) -> str:
    """Return the content of DAV:lockdiscovery (§15.8)."""
    return "".join(map(active_lock, locks))


def _creation(view: View) -> str | None:
    """Return the time of the last change: when a file first came is not kept anywhere."""
    modified = view.resource.modified
    return None if modified is None else modified.strftime("%Y-%m-%dT%H:%M:%SZ")


def _length(view: View) -> str | None:
    return None if view.resource.is_collection else str(view.resource.length)


def _modified(view: View) -> str | None:
    modified = view.resource.modified
    return None if modified is None else http_date(modified)


def _escaped(text: str | None) -> str | None:
    return None if text is None else escape(text)


_LIVE: dict[str, Callable[[View], str | None]] = {
    "creationdate": _creation,
    "displayname": lambda view: escape(view.resource.path.rstrip("/").rpartition("/")[2]),
    "getcontentlength": _length,
    "getcontenttype": lambda view: _escaped(view.resource.media_type),
    "getetag": lambda view: _escaped(view.resource.etag),
    "getlastmodified": _modified,
    "lockdiscovery": lambda view: lock_discovery(view.locks()),
    "resourcetype": lambda view: "<D:collection/>" if view.resource.is_collection else "",
    "supportedlock": lambda view: LOCK_ENTRIES if view.is_lockable() else "",
}

_LIVE_NAMES = [Name(DAV, local) for local in _LIVE]


def value_of(view: View, name: Name) -> str | None:
    """Return a property's value as XML; None where the resource has none of that name."""
    if name.namespace == DAV and name.local in _LIVE:
        return _LIVE[name.local](view)
    return _escaped(view.kept.get(name))


def names_of(view: View) -> list[Name]:
    """Return all names that :func:`value_of` may know of a resource."""
    return [*_LIVE_NAMES, *view.kept]


class KeptProperties:
    """What Windows wrote, by canonical path: in memory, bounded, until a restart."""

    def __init__(self) -> None:
        self._paths: OrderedDict[str, dict[Name, str]] = OrderedDict()

    def at(self, path: str) -> Mapping[Name, str]:
        """Return what is kept for a path."""
        return self._paths.get(path, {})

    def change(self, path: str, name: Name, value: str | None) -> None:
        """Keep a value, or drop it where it is None; anything but KEPT is let go."""
        if name not in KEPT or (value is not None and len(value) > MAX_KEPT_VALUE):
            return
        kept = self._paths.setdefault(path, {})
        self._paths.move_to_end(path)
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = value
        if not kept:
            del self._paths[path]
        if len(self._paths) > MAX_KEPT_PATHS:
            self._paths.popitem(last=False)

    def forget(self, path: str) -> None:
        """Drop what is kept for a path that is gone."""
        self._paths.pop(path, None)

    def move(self, source: str, target: str) -> None:
        """Take along what is kept, in place of what the target had (RFC 4918 §9.9.1)."""
        self._paths.pop(target, None)
        if source in self._paths:
            self._paths[target] = self._paths.pop(source)
