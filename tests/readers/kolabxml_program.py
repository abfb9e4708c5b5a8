"""What Kolab's own library makes of xCal documents; run by the system's Python, which has it.

Reads ``[[kind, document], ...]`` in JSON on standard input and writes for each
``[severity, message, the document as the library writes the object again]``.
"""

from __future__ import annotations

import json
import os
import sys

import kolabformat

READ_AND_WRITE = {
    "VEVENT": (kolabformat.readEvent, kolabformat.writeEvent),
    "VTODO": (kolabformat.readTodo, kolabformat.writeTodo),
    "VJOURNAL": (kolabformat.readJournal, kolabformat.writeJournal),
}


def again(kind: str, document: str) -> tuple[int, str, str]:
    """Return what one document comes to."""
    read, write = READ_AND_WRITE[kind]
    thing = read(document, False)
    severity, message = kolabformat.error(), kolabformat.errorMessage()
    return severity, message, write(thing, "Kolab")


def main() -> None:
    """Answer, with nothing of what the library itself prints."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    json.dump([again(*each) for each in json.load(sys.stdin)], answer)
    answer.close()


if __name__ == "__main__":
    main()
