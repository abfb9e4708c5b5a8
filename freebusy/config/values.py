"""What a value in the configuration can be, and how it is written: durations, sizes, zones ...

Every type says in its error what was expected, in words and by an example.
"""

from __future__ import annotations

import re
import string
from contextlib import suppress
from datetime import time, timedelta
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, Strict, ValidationInfo
from pydantic_core import PydanticCustomError

from freebusy.names import is_publishable, normalise_name, split_address
from freebusy.zones import database_names

if TYPE_CHECKING:
    from collections.abc import Iterable

PLACEHOLDERS = ("name", "address", "local", "domain")
"""What a template may hold of a person: the NAME, the main address and its two parts."""

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?\s*[a-z]+\s*)+")
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
} | {
    f"{noun}{plural}": timedelta(**{f"{noun}s": 1})
    for noun in ("second", "minute", "hour", "day", "week")
    for plural in ("", "s")
}
_SIZES = {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "kb": 10**3, "mb": 10**6}
_SIZE = re.compile(r"(\d+)\s*([a-z]*)")
_ENDPOINT = re.compile(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:/\[\]@]*)):(\d{1,5})")
_HOST = re.compile(r"[^\s:/@\[\]]+")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class Endpoint(NamedTuple):
    """Where to listen; an empty host means every address, port 0 any free port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def unexpected(expected: str) -> PydanticCustomError:
    """Return the error that says what was expected."""
    # The sentence goes in as a value, because a brace in it would be taken for a place.
    return PydanticCustomError("expected", "{expected}", {"expected": expected})


def nearest(word: str, words: Iterable[str]) -> str:
    """Return `` did you mean X?`` with its semicolon, or nothing where no word is near."""
    by_case = {known.casefold(): known for known in words}
    found = get_close_matches(word.casefold(), by_case, n=1, cutoff=0.6)
    return f"; did you mean {by_case[found[0]]}?" if found else ""


def _duration(value: object) -> timedelta:
    expected = unexpected('a duration such as 90 (seconds), "500ms", "15m", "1h30m" or "30d"')
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool):
        raise expected
    try:
        if isinstance(value, int | float):
            return timedelta(seconds=value)
        if isinstance(value, str) and _DURATION.fullmatch(text := value.strip().lower()):
            parts = _QUANTITY.findall(text)
            return sum((float(number) * _UNITS[unit] for number, unit in parts), timedelta())
    except (KeyError, OverflowError, ValueError):
        pass
    raise expected


def duration_text(value: timedelta) -> str:
    """Return a duration as the configuration writes it: ``500ms``, ``15m``, ``30d``."""
    for unit in ("d", "h", "m", "s"):
        if value and value % _UNITS[unit] == timedelta():
            return f"{value // _UNITS[unit]}{unit}"
    return f"{value // _UNITS['ms']}ms"


def between(low: timedelta, high: timedelta) -> AfterValidator:
    """Return the check that a duration is neither shorter nor longer than these."""

    def check(value: timedelta) -> timedelta:
        if not low <= value <= high:
            raise unexpected(f"a duration from {duration_text(low)} to {duration_text(high)}")
        return value

    return AfterValidator(check)


def _size(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _SIZE.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if found is None or found[2] not in _SIZES:
        raise unexpected('a size such as 65536 (bytes), "256KiB" or "1MiB"')
    return int(found[1]) * _SIZES[found[2]]


def _zone(value: str) -> str:
    name = database_names().get(value.casefold())
    if name is None:
        hint = nearest(value, database_names().values())
        raise unexpected(f"the name of a time zone such as Europe/Berlin{hint}")
    return name


def _endpoint(value: object) -> Endpoint:
    if isinstance(value, Endpoint):
        return value
    found = _ENDPOINT.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[3]) > 65535:
        raise unexpected('an address and a port such as "127.0.0.1:8088", "[::1]:8088" or ":8088"')
    return Endpoint(found[1] or found[2] or "", int(found[3]))


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(str(value))
    except ValueError:
        hint = ""
    with suppress(ValueError):
        hint = f"; did you mean {ip_network(str(value), strict=False)}?"
    raise unexpected(f'a network such as "192.0.2.0/24", "2001:db8::/32" or one address{hint}')


def _time(value: object) -> time:
    if isinstance(value, time) and value.tzinfo is None:
        return value.replace(second=0, microsecond=0)
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise unexpected('a time of day such as "06:30", from "00:00" to "23:59"')
    return time(int(found[1]), int(found[2]))


def _passive_ports(value: object) -> range | None:
    if value in (None, "") or isinstance(value, range):
        return value or None  # type: ignore[return-value]  # the empty text is None
    found = re.fullmatch(r"(\d{1,5})\s*-\s*(\d{1,5})", value) if isinstance(value, str) else None
    ports = range(int(found[1]), int(found[2]) + 1) if found else range(0)
    if not ports or ports[0] < 1024 or ports[-1] > 65535:
        raise unexpected('a range of ports such as "50000-50100", or "" for any')
    return ports


def _name(value: str) -> str:
    name = normalise_name(value)
    if name is None:
        raise unexpected("a name of letters, digits and . _ - + @, at most 200 bytes")
    if not is_publishable(name):
        raise unexpected("a name without .vfb, .ifb, .xfb or .pfb at its end")
    return name


def _address(value: str) -> str:
    """Accept a bare local part too: the default domain completes it."""
    address = normalise_name(value.removeprefix("mailto:"))
    if address is None:
        raise unexpected("an address such as hans@example.com")
    return address


def _domain(value: str) -> str:
    parts = split_address(f"x@{value}")
    if parts is None:
        raise unexpected("a domain such as example.com")
    return parts[1]


def placeholders_in(template: str) -> list[str]:
    """Return what stands between a template's braces; ValueError for a brace by itself."""
    return [
        name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
        for _, name, form, conversion in string.Formatter().parse(template)
        if name is not None
    ]


def _template(value: str) -> str:
    try:
        names = placeholders_in(value)
    except ValueError:
        raise unexpected("a text whose braces belong together") from None
    for name in names:
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            raise unexpected(f"no other placeholder than {known}{nearest(name, PLACEHOLDERS)}")
    if not value:
        raise unexpected("a text that is not empty")
    return value


def checked_host(value: str) -> str:
    """Return a host name or address; raises the error that says what was expected."""
    if not _HOST.fullmatch(value):
        try:
            ip_address(value)
        except ValueError:
            raise unexpected("a host name or address, without a port: imap.example.com") from None
    return value


def _line(value: str) -> str:
    if not (value.strip() and value.isprintable() and len(value) <= 200):
        raise unexpected("one line of text, at most 200 characters")
    return value


def _listed(value: object) -> object:
    """Let one text stand for a list of one."""
    return [value] if isinstance(value, str) else value


def beside(value: Path, info: ValidationInfo) -> Path:
    """Let a relative path start at the folder of the configuration file.

    Links stay as they are: what they lead to may change, as with renewed certificates.
    """
    folder: Path | None = (info.context or {}).get("folder")
    try:
        return value if folder is None else Path(folder, value.expanduser())
    except RuntimeError:
        raise unexpected("a path whose user after the ~ is there") from None


def _below(value: Path, info: ValidationInfo) -> Path:
    return value if not info.context else beside(value, info).resolve()


def _file(value: Path) -> Path:
    try:
        if value.is_file():
            return value
        reason = ""
    except OSError as error:
        reason = f" ({error.strerror})"
    where = "relative to the folder of this configuration"
    raise unexpected(f"a file that is there, {where}{reason}")


def _called(value: str) -> str:
    if "*" in value:
        raise unexpected("one whole name, without *")
    return value.lower()


Readers = Literal["networks", "anyone", "accounts"]
"""Who may read: listed networks, anybody at all, or only who has logged in."""
Rule = Literal["union", "newest", "published", "computed"]
"""How what was published and what was computed become one file."""
Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=0)]
Port = Annotated[int, Strict(), Field(ge=1, le=65535)]
Size = Annotated[int, BeforeValidator(_size)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
TimeOfDay = Annotated[time, BeforeValidator(_time)]
ZoneName = Annotated[str, AfterValidator(_zone)]
Name = Annotated[str, AfterValidator(_name)]
Address = Annotated[str, AfterValidator(_address)]
Domain = Annotated[str, AfterValidator(_domain)]
Host = Annotated[str, AfterValidator(checked_host)]
Hosts = Annotated[tuple[Annotated[Host, AfterValidator(_called)], ...], BeforeValidator(_listed)]
Line = Annotated[str, AfterValidator(_line)]
Template = Annotated[str, AfterValidator(_template)]
Folder = Annotated[Path, AfterValidator(_below)]
File = Annotated[Path, AfterValidator(beside), AfterValidator(_file)]
"""A file that is there now; what it holds may change."""
Listen = Annotated[
    tuple[Annotated[Endpoint, BeforeValidator(_endpoint)], ...], BeforeValidator(_listed)
]
Networks = Annotated[
    tuple[Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)], ...],
    BeforeValidator(_listed),
]
Times = Annotated[tuple[TimeOfDay, ...], BeforeValidator(_listed)]
Durations = Annotated[tuple[Duration, ...], BeforeValidator(_listed)]
PassivePorts = Annotated[InstanceOf[range] | None, BeforeValidator(_passive_ports)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_listed)]
Addresses = Annotated[tuple[Address, ...], BeforeValidator(_listed)]
Templates = Annotated[tuple[Template, ...], BeforeValidator(_listed)]
Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]
