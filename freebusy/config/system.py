"""What the machine says of itself where the configuration is silent."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from freebusy.zones import database_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def system_zone(environ: Mapping[str, str], etc: Path = Path("/etc")) -> str | None:
    """Return the IANA name of the machine's time zone, or None where it does not say one."""
    for name in _candidates(environ, etc):
        known = database_names().get(name.strip().casefold())
        if known is not None:
            return known
    return None


def _candidates(environ: Mapping[str, str], etc: Path) -> Iterator[str]:
    yield environ.get("TZ", "").removeprefix(":")
    with suppress(OSError):
        # The link's own text: where it leads to may be an alias of the alias.
        yield (etc / "localtime").readlink().as_posix().rpartition("zoneinfo/")[2]
    with suppress(OSError):
        yield (etc / "timezone").read_text(encoding="ascii", errors="replace")[:100]
