"""How a command ends: exit codes, and lines for people on standard error.

0 done; 1 it did not work; 2 the command line or the configuration is wrong; 130 Ctrl-C.
"""

from __future__ import annotations

import sys

FAILED, WRONG, INTERRUPTED = 1, 2, 130
_LONGEST = 4000


def say(text: str) -> None:
    """Print one line for people on standard error, where it mixes with no output."""
    from freebusy.wording import safe

    print(safe(text, _LONGEST), file=sys.stderr)
