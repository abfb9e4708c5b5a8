"""Outlook's free/busy settings as a .reg file, as far as its registry is known (pure).

The value for the publish address is not, so that address stands in a comment, to be pasted.
"""

from __future__ import annotations

import codecs
from dataclasses import replace
from typing import TYPE_CHECKING

from freebusy.clientsettings import outlook_publishes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.clientsettings import Settings

OFFICE_VERSIONS = ("8.5", "9.0", "10.0", "11.0", "12.0", "14.0", "15.0", "16.0")
"""Outlook 98 to 2019, as the registry counts them; there is no 13."""
_MOST_MONTHS = 12
_UPDATE_SECONDS = 900
"""Outlook's own default: it looks every quarter of an hour whether there is something to send."""


def registry_file(settings: Settings) -> bytes:
    """Return a .reg file as regedit writes one: UTF-16LE with a byte order mark, CRLF.

    It holds what is known of Outlook's registry.  The value for the publish address is not,
    so that address stands in a comment, to be pasted.
    """
    lines = ["Windows Registry Editor Version 5.00", ""]
    lines += [f"; {line}".rstrip() for line in _registry_comments(settings)]
    for version in OFFICE_VERSIONS:
        lines += _registry_keys(settings, version)
    text = "".join(f"{line}\r\n" for line in lines)
    return codecs.BOM_UTF16_LE + text.encode("utf-16-le")


def _registry_comments(settings: Settings) -> Iterator[str]:
    yield f"Free/busy settings of Outlook 98 to 2019 for {settings.name}"
    if settings.publishes:
        yield "Paste the address to publish at into Outlook's own dialogue:"
        # A .reg file is copied and mailed; a password is not.
        for line in outlook_publishes(replace(settings, password=None)):
            yield line.removeprefix("  ")


def _registry_keys(settings: Settings, version: str) -> Iterator[str]:
    root = rf"HKEY_CURRENT_USER\Software\Microsoft\Office\{version}\Outlook"
    search = settings.doors.template("%NAME%", "%SERVER%")
    if search is not None:
        yield from ("", rf"[{root}\Options\Calendar\Internet Free/Busy]")
        yield f'"Read URL"={_registry_text(search)}'
        yield from ("", rf"[{root}\Options\Calendar]")
        yield f'"FreeBusySearchPath"={_registry_text(search)}'
    yield from ("", rf"[{root}\Preferences]")
    yield f'"FBPublishRange"=dword:{min(settings.months, _MOST_MONTHS):08x}'
    yield f'"FBUpdateSecs"=dword:{_UPDATE_SECONDS:08x}'


def _registry_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
