"""What a server's refusal of a message means to its sender, and what to do (RFC 5530)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calendar_sync.imap.pipeline import PASSING

if TYPE_CHECKING:
    from calendar_sync.imap.extensions import CommandRefused

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


def refusal(error: CommandRefused) -> str:
    """Return a sentence for whoever sent the item, without the server's own words."""
    if error.code in PASSING:
        return f"the mail server cannot take it now [{error.code}]: try again later"
    shown = f" [{error.code}]" if error.code else ""
    return REASONS.get(error.code, f"the mail server refused the message{shown}")
