"""The command line: ``freebusy``, and the one catch-all of all its commands.

A filter goes past :mod:`freebusy.commands`, whose libraries cost more to import than a
calendar to convert; so do the connector's commands, lest each of both groups wait for the
other to be made.
"""

from __future__ import annotations

import io
import os
import sys

from freebusy.errors import ConfigurationError, FreeBusyError
from freebusy.exits import FAILED, INTERRUPTED, WRONG, say


def main() -> None:
    """Run a command; say what goes wrong, where, and what to do, without a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal without UTF-8 gets escapes for what it cannot show, and no error.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            _run(sys.argv[1:])
        finally:
            sys.stdout.flush()  # here a full disk can still be told
    except ConfigurationError as error:
        for problem in error.problems:
            say(f"freebusy: {problem}")
        sys.exit(WRONG)
    except FreeBusyError as error:
        say(f"freebusy: {error}")
        sys.exit(FAILED)
    except BrokenPipeError:
        _drop_output()
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        say(f"freebusy: {where}{error.strerror or 'input or output failed'}")
        _drop_output()
        sys.exit(FAILED)
    except Exception as error:  # noqa: BLE001 - the last resort: a traceback may quote a calendar
        _own_up(error)
        sys.exit(FAILED)


def _run(arguments: list[str]) -> None:
    if arguments[:1] in (["convert"], ["parse"]):
        from freebusy import filters

        (filters.convert if arguments[0] == "convert" else filters.parse)(arguments[1:])
        return
    if arguments[:1] == ["connector"]:
        from freebusy import connectorcli

        connectorcli.run(arguments[1:])
        return
    from freebusy.commands import app

    app(prog_name="freebusy")


def _drop_output() -> None:
    """Give up output that cannot be written: at its end Python tries again, and ends with 120."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _own_up(error: Exception) -> None:
    from freebusy.logs import places

    say("freebusy: this is a bug in the gateway; please report these lines:")
    for line in places(error):
        say(line)


if __name__ == "__main__":
    main()
