"""Item extractors that misbehave, in a module that worker processes can import."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from freebusy.ports import SourceItem

MARKER = "Zwetschgenknödel"


def burn() -> None:
    """Use CPU without end."""
    while True:
        pass


def killed(*_: object) -> None:
    """Be killed, as by the system when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def extract(item: SourceItem) -> Iterable[bytes]:
    """Return the body, unless its first word asks for something else."""
    word = item.body.split(b"\n", 1)[0].strip()
    if word == b"EXIT":
        os._exit(7)
    if word == b"CRASH":
        os.kill(os.getpid(), signal.SIGSEGV)
    if word == b"KILL":
        killed()
    if word == b"LOOP":
        burn()
    if word == b"FAULT":
        raise LookupError(MARKER)
    if word == b"MEMORY":
        return [bytes(1 << 34)]
    if word == b"SWALLOW":
        return [swallow()]
    if word.startswith(b"PAUSE"):
        time.sleep(float(word[5:]))
    return [item.body]


def swallow() -> bytes:
    """Burn CPU inside a tolerant except."""
    while True:
        try:
            burn()
        except Exception:  # noqa: BLE001 - what tolerant code does
            continue
