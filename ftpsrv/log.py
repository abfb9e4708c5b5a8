"""One line per event, as key=value pairs, safe to print whatever a client sent."""

from __future__ import annotations

import json
import logging
import re
import sys
from pathlib import PurePath

logger = logging.getLogger("ftpsrv")

LONGEST_VALUE = 256
"""Characters of a client's text that a log line repeats."""

_PLAIN = re.compile(r"[A-Za-z0-9_.@:/+%-]+")


def value(text: str) -> str:
    """Return a text as it stands after ``key=``: quoted and escaped where it is not plain."""
    if len(text) <= LONGEST_VALUE and _PLAIN.fullmatch(text):
        return text
    return json.dumps(text[:LONGEST_VALUE])


def one_line(text: str) -> str:
    """Return a sentence as a reply may hold it: one line, not too long for any client."""
    return "".join(c if c.isprintable() else " " for c in text)[:LONGEST_VALUE]


def log_exception(event: str, peer: str) -> None:
    """Log the exception being handled by its type and place.

    Its message stays out: it may quote a calendar or a path on our disk.
    """
    kind, _, traceback = sys.exc_info()
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if kind is None or traceback is None:
        return
    place = f"{PurePath(traceback.tb_frame.f_code.co_filename).name}:{traceback.tb_lineno}"
    logger.error("event=%s peer=%s error=%s at=%s", event, value(peer), kind.__name__, place)


class _OneLine(logging.Filter):
    """Repeats what pyftpdlib itself logs, a whole traceback at times, as one line of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Log the type in the traceback's last line (``ValueError: text``), and drop the record."""
        lines = record.getMessage().strip().splitlines() or [""]
        error = lines[-1].partition(":")[0] if len(lines) > 1 else "unnamed"
        logger.log(record.levelno, "event=ftp_library error=%s", value(error))
        return False


def tame_library_log() -> None:
    """Route pyftpdlib's own log through ours; its lines hold paths and whatever clients send."""
    library = logging.getLogger("pyftpdlib")
    if not any(isinstance(existing, _OneLine) for existing in library.filters):
        library.addFilter(_OneLine())
    library.setLevel(logging.WARNING)
