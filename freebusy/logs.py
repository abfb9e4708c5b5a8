"""Logs: key=value lines on standard error, with nothing of anybody's calendar in them.

A traceback of ours names places and types, never an exception's text: that text may
quote what was being read.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    _ExcInfo = (
        tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    )


ACCESS_LOG = "freebusy.web.access"
"""Its records hold several lines, each complete and escaped by itself."""


class LineFormatter(logging.Formatter):
    """One line a record: UTC time, level, message; line breaks in it are escaped."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s level=%(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """Return the line, kept one line; what HTTP gathered is a line for each answer."""
        if record.name == ACCESS_LOG:
            return record.message
        return super().formatMessage(record).replace("\n", "\\n").replace("\r", "\\r")

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging's own name
        """Return where an exception came from, without what it says."""
        return "\n".join(places(ei[1])) if ei[1] is not None else ""


def places(error: BaseException) -> list[str]:
    """Return where an exception and what led to it came from, a line each, without their text."""
    lines = [f"  {type(error).__module__}.{type(error).__qualname__}"]
    frames = traceback.extract_tb(error.__traceback__)
    lines += [f"    {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    before = error.__cause__ or error.__context__
    return lines + places(before) if before is not None else lines


def configure(level: str) -> None:
    """Send everything from ``level`` up to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("asyncio", "watchfiles", "imapclient"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
