"""How a command ends: exit codes, and lines for people on standard error.

0 done; 1 it did not work; 2 the command line or the configuration is wrong; 130 Ctrl-C.
"""

from __future__ import annotations

import shutil
import sys
import textwrap

FAILED, WRONG, INTERRUPTED = 1, 2, 130
_LONGEST = 4000


def say(text: str) -> None:
    """Print one line for people on standard error, where it mixes with no output.

    A terminal gets it in as many lines as it takes, broken between words.
    """
    from freebusy.wording import safe

    line = safe(text, _LONGEST)
    if sys.stderr.isatty():
        columns = max(20, shutil.get_terminal_size().columns)
        whole = {"break_long_words": False, "break_on_hyphens": False}  # of paths and names
        line = "\n".join(textwrap.wrap(line, columns, **whole))  # type: ignore[arg-type]  # of one type
    print(line, file=sys.stderr)
