"""A home over the mail server in memory, and events to put on either side."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from calendar_sync.memorymail import MemoryMail
from calendar_sync.replica import Bounds, Home
from tests.replica.memory_remote import MemoryRemote, folder_id
from tests.replica.unreliable import Unreliable

if TYPE_CHECKING:
    from pathlib import Path

    from calendar_sync.replica import HomeReport

USER = "hans"
CALENDAR = "Calendar"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def event(
    uid: str,
    summary: str = "a talk",
    *,
    sequence: int = 0,
    modified: int = 0,
    extra: str = "",
    start: datetime = START,
) -> str:
    """Return an object of one event; ``modified`` counts seconds."""
    stamp = START + timedelta(seconds=modified)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//test//EN",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{START:%Y%m%dT%H%M%SZ}",
        f"LAST-MODIFIED:{stamp:%Y%m%dT%H%M%SZ}",
        f"SEQUENCE:{sequence}",
        f"SUMMARY:{summary}",
        f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
        "DURATION:PT1H",
        *extra.splitlines(),
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines)


class HomeCase:
    """One person's home and mailbox."""

    def __init__(self, path: Path, **bounds: int) -> None:
        self.path = path
        self.mail = MemoryMail()
        self.mail.add_user(USER)
        self.service = MemoryRemote(self.mail, USER)
        self.who = self.service.who
        self.remote = Unreliable(self.service)
        self.bounds = Bounds(**bounds)

    @property
    def home(self) -> Home:
        """A new one each time, as after a restart."""
        return Home(self.path, self.remote, bounds=self.bounds, now=lambda: START)

    def sync(self, *, accept_empty: bool = False) -> HomeReport:
        report = self.home.sync(accept_empty=accept_empty)
        for error in report.errors:
            raise error
        return report

    # -- here

    @property
    def directory(self) -> Path:
        return self.path / "calendars" / CALENDAR

    def write(self, name: str, text: str) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / name).write_bytes(text.encode())

    def local(self) -> dict[str, str]:
        return {
            path.name: path.read_bytes().decode() for path in sorted(self.directory.glob("*.ics"))
        }

    def kept(self) -> dict[str, str]:
        files = (self.path / "conflicts").rglob("*.ics")
        return {path.name: path.read_bytes().decode() for path in sorted(files)}

    # -- on the server

    def append(self, text: str, path: str = CALENDAR) -> str:
        return self.mail.append(self.who, path, text).href

    def expunge(self, *hrefs: str, path: str = CALENDAR) -> None:
        self.mail.expunge(self.who, path, *hrefs)

    def there(self, path: str = CALENDAR) -> dict[str, str]:
        return {each.href: each.calendar for each in self.mail.items(self.who, path)}

    @property
    def id(self) -> str:
        return folder_id(CALENDAR)
