"""Kolab's folder types: what a new calendar gets, and what keeps the others calendars.

Typed calendars push those out that have a name only (:mod:`calendar_sync.imap.relevance`),
so that these get their types first: nobody who is busy may become free because of a
second calendar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from calendar_sync.imap import mailboxnames, sight
from calendar_sync.imap.namespaces import Kind

if TYPE_CHECKING:
    from calendar_sync.imap.sight import Sight

EVENT, DEFAULT = "event", "event.default"
UNTYPED = (
    "the mail server keeps no folder types there: call it Calendar (or Kalender, Calendrier, "
    "...), or put it below a folder that is called so"
)
"""Why a name is refused by which nobody would know that the folder is a calendar."""


def types_of_names(seen: Sight) -> dict[str, str]:
    """Return the types of own calendars that have a name only, as long as none has a type."""
    own = sight.own(seen.survey)
    if any(folder.is_typed for folder in own):
        return {}
    main = sight.default_of(seen.survey)
    return {folder.name: DEFAULT if folder.name == main else EVENT for folder in own}


def type_of_new(seen: Sight, path: str) -> str:
    """Return the type of a new folder: the main calendar where there is none yet."""
    territory = mailboxnames.territory(seen.survey, path)
    if territory is None or territory[0] is not Kind.PERSONAL:
        return EVENT
    if sight.default_of(seen.survey) is not None:
        return EVENT
    is_first = not sight.own(seen.survey)
    return DEFAULT if is_first or sight.is_usual(seen.survey, path) else EVENT
