"""Changes in directories as they happen; the only importer of watchfiles.

Directories come and go while they are watched: one that is removed and made again
raises no event, because the kernel watches the directory that was there before.  So
from time to time, and at each deletion, it is looked whether they still are the same.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import watchfiles

from freebusy.errors import SourceUnavailableError

if TYPE_CHECKING:
    import threading
    from collections.abc import Collection, Iterator

    Identities = dict[str, tuple[int, int]]

TICK = 1.0
"""Seconds between two looks whether the directories still are the same."""
DEBOUNCE = 50
"""Milliseconds in which changes are gathered: a file is written in several steps."""
POLL = 1000
"""Milliseconds between two looks at all files where there are no events."""


def _identities(directories: Collection[str]) -> Identities:
    """Return the directories that are there and what tells each from a later one."""
    found = {}
    for directory in directories:
        try:
            status = os.stat(directory)  # noqa: PTH116 - strings all the way, as watchfiles gives them
        except OSError:
            continue
        found[directory] = (status.st_dev, status.st_ino)
    return found


def changes(
    directories: Collection[str], stop: threading.Event, *, force_polling: bool | None = None
) -> Iterator[set[str] | None]:
    """Yield the paths that changed directly in some directories, until ``stop`` is set.

    The set is empty from time to time: nothing changed, and the watch works.  None
    stands for "anything may have changed": directories came or went.
    SourceUnavailableError where the system can neither notify nor be polled.
    """
    again = False
    while not stop.is_set():
        there = _identities(directories)
        if there:
            try:
                yield from _until_replaced(there, directories, stop, force_polling, again)
            except FileNotFoundError:
                stop.wait(DEBOUNCE / 1000)  # it went between two system calls
            except (OSError, RuntimeError) as error:
                if force_polling:
                    raise SourceUnavailableError("the directories cannot be watched") from error
                force_polling = True  # mostly: fs.inotify.max_user_watches is used up
            again = True
        else:
            stop.wait(TICK)
            again = True


def _until_replaced(
    there: Identities,
    directories: Collection[str],
    stop: threading.Event,
    force_polling: bool | None,  # noqa: FBT001 - private, handed on as it came
    again: bool,  # noqa: FBT001 - as above
) -> Iterator[set[str] | None]:
    """Yield changes until the directories are no longer those that are watched."""
    for batch in watchfiles.watch(
        *there,
        watch_filter=None,
        debounce=DEBOUNCE,
        step=DEBOUNCE,
        stop_event=stop,
        rust_timeout=int(TICK * 1000),
        yield_on_timeout=True,
        force_polling=force_polling,
        poll_delay_ms=POLL,
        recursive=False,
    ):
        paths = {path for _, path in batch}
        if again:
            yield None  # between the last watch and this one, nobody looked
            again = False
        else:
            yield paths
        deleted = any(kind is watchfiles.Change.deleted and path in there for kind, path in batch)
        if deleted or _identities(directories) != there:
            yield None
            return
