"""What the messages of Kolab 2 and Kolab 3 have in common.

A message has a part for people, who should not see it, the XML, and a part for each file
that is attached to the event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from calendar_sync.dialects import canonical, messages
from calendar_sync.dialects.messages import Body

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from calendar_sync.dialects.clocks import Clocks
    from calendar_sync.dialects.messages import Envelope
    from calendar_sync.dialects.objects import CalendarObject
    from freebusy.contentline import ContentLine

PRODID = "-//Free Busy Gateway//Kolab//EN"
TYPES = {"VEVENT": "event", "VTODO": "task", "VJOURNAL": "journal"}
_FOR_PEOPLE = b"""This is a Kolab Groupware object.  To see what is in it you need a
program that understands the Kolab format, such as Kontact or Roundcube.
"""
_OF_THE_CALENDAR = ("X-WR-",)


@dataclass(slots=True)
class Writing:
    """An object on its way into a Kolab message."""

    thing: CalendarObject
    clocks: Clocks
    stamp: str
    """When it is written, as the XML formats write it."""
    losses: set[str]
    files: list[Body] = field(default_factory=list)
    """Attachments, which are parts of the message."""

    def lose(self, found: ContentLine, held: Collection[str] = ()) -> None:
        """Note which parameters of a property are lost, where it is held but for them."""
        self.losses.update(
            key for key, _ in canonical.telling(found.name, found.parameters) if key not in held
        )


def lose_outside(writing: Writing) -> None:
    """Note which properties of the VCALENDAR itself are lost."""
    for line in writing.thing.calendar.lines:
        found = line.parsed
        if canonical.counts(found) and not found.name.startswith(_OF_THE_CALENDAR):
            writing.losses.add(found.name)


def message(
    writing: Writing, envelope: Envelope, body: Body, further: Mapping[str, str] | None = None
) -> bytes:
    """Return the message round the XML of an object."""
    kind = f"application/x-vnd.kolab.{TYPES[writing.thing.kind]}"
    headers = {"X-Kolab-Type": kind, **(further or {})}
    for_people = Body("text/plain; charset=us-ascii", _FOR_PEOPLE)
    return messages.multipart(envelope, [for_people, body, *writing.files], headers)
