"""Reader two: KCalendarCore (KOrganizer, Kontact), through small programs built here once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.readers import NotReadError, Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

SOURCE = Path(__file__).with_suffix("")
BUILD_TIMEOUT = 300.0
"""Seconds for configuring and compiling, on a slow and busy machine."""
PACKAGES = "libkf5calendarcore-dev or libkf6calendarcore-dev, cmake, make, g++"


def available() -> str | None:
    """Return why the reader cannot be built, or None."""
    missing = [program for program in ("cmake", "make", "g++") if shutil.which(program) is None]
    if not any(Path("/usr/lib").glob("*/cmake/KF[56]CalendarCore")):
        missing.append("KCalendarCore")
    return f"missing: {', '.join(missing)} (Debian: {PACKAGES})" if missing else None


def _place() -> Path:
    """Return the directory of the build, named by the source: a changed one is built anew."""
    root = Path(os.environ.get("FREEBUSY_TEST_SERVERS", SOURCE.parents[2] / ".test-servers"))
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in sorted(SOURCE.iterdir())))
    return root / "kcal" / digest.hexdigest()[:16]


def build() -> Path:
    """Build the programs, unless that was done before, and return the one for .vfb files."""
    place = _place()
    place.mkdir(parents=True, exist_ok=True)
    with open(place / ".lock", "w", encoding="ascii") as lock:  # noqa: PTH123 - only a descriptor is needed
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes share one build
        program = place / "read_freebusy"
        if not (place / ".complete").exists():
            _run("cmake", "-S", str(SOURCE), "-B", str(place), "-DCMAKE_BUILD_TYPE=Release")
            _run("cmake", "--build", str(place))
            (place / ".complete").touch()
    return program


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, timeout=BUILD_TIMEOUT, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.decode(errors='replace')}")


def read(program: Path, text: bytes) -> Reading:
    """Return the busy periods of a .vfb; NotReadError where KCalendarCore takes it for none."""
    done = subprocess.run([program], input=text, capture_output=True, timeout=30, check=False)
    if done.returncode:
        raise NotReadError(f"KCalendarCore cannot read it (exit status {done.returncode})")
    first, *lines = (line.split() for line in done.stdout.decode().splitlines())
    periods = [(kind, start, end) for kind, start, end in lines]
    return Reading(sorted(periods, key=lambda b: b[1:]), (first[1], first[2]))


def calendars(
    program: Path, texts: Sequence[str], start: datetime, end: datetime, zone: str
) -> list[list[str]]:
    """Return what Kontact sees of each object, and its instances in a window, as lines.

    ``program`` is the one for .vfb files, beside which the other is; ``zone`` is where
    Kontact's user is.
    """
    done = subprocess.run(
        [
            program.with_name("read_calendar"),
            *(f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in (start, end)),
        ],
        input="".join(f"{text}\0" for text in texts).encode(),
        env=os.environ | {"TZ": zone},
        capture_output=True,
        timeout=60,
        check=True,
    )
    found: list[list[str]] = [[]]
    for line in done.stdout.decode().split("\n"):
        if line == ".":
            found.append([])
        else:
            found[-1].append(line)
    return found[:-1]
