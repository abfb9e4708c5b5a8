"""What a server's refusal of a message means to its sender, and what to do (RFC 5530)."""

from __future__ import annotations

from calendar_sync.imap.extensions import CommandRefused
from calendar_sync.imap.pipeline import PASSING

TOO_LARGE = "the mail server takes no message of this size: make the item smaller"
REASONS = {
    "OVERQUOTA": "the mailbox is full: delete something, or have its quota raised",
    "TOOBIG": TOO_LARGE,  # RFC 7889 §4
    "LIMIT": "the mail server's limit is reached: try again later, or delete something",
    "TRYCREATE": "the folder is not there any more: list the folders again",
    "NONEXISTENT": "the folder is not there any more: list the folders again",
    "NOPERM": "the rights on this folder do not allow it: its owner has to grant them",
    "CANNOT": "the mail server can never do this in this folder: choose another one",
    "BADCHARSET": "the mail server does not take these characters",
}


IN_WORDS = {b"quota": "OVERQUOTA", b"too large": "TOOBIG"}
"""What a server may say without a code, and the code for it: Cyrus 3.6 says ``Over quota``."""


def accept_words(error: CommandRefused, line: bytes) -> CommandRefused:
    """Return a refusal with the code that its words stand for, where it has none."""
    said = line.lower()
    found = next((code for words, code in IN_WORDS.items() if words in said), "")
    return error if error.code or not found else CommandRefused(error.command, found)


def refusal(error: CommandRefused) -> str:
    """Return a sentence for whoever sent the item, without the server's own words."""
    if error.code in PASSING:
        return f"the mail server cannot take it now [{error.code}]: try again later"
    shown = f" [{error.code}]" if error.code else ""
    return REASONS.get(error.code, f"the mail server refused the message{shown}")
