"""Feeds mutated calendar text to the content-line reader and the object reader.

    python -m tests.fuzz.fuzz_contentline [--seconds 60] [--seed 1] [--keep]

Any bytes give a value or CalendarDataError, never another exception, and within
their budget.  What reaches a new line of our code joins the corpus of the run; with
``--keep`` it is written to ``tests/data/corpus``, where the test-suite starts from.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from freebusy import busytime, contentline
from freebusy.errors import CalendarDataError
from freebusy.ports import ICALENDAR, SourceItem
from freebusy.worker import Expanding, read_batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

CORPUS = Path(__file__).parent.parent / "data" / "corpus"
CODE = str(Path(contentline.__file__).parent)
WINDOW = (1_780_272_000, 1_782_864_000)  # June 2026
OWNER = busytime.CalendarOwner(frozenset({"hans@example.com"}), "Europe/Berlin")
BUDGET = 1.0
"""Seconds of CPU for reading and for expanding: generous, because the run is traced."""
LONGEST = 4096
TOKENS = [
    token.encode().decode("unicode_escape").encode("latin-1")
    for token in (CORPUS.parent / "fuzz_tokens.txt").read_text(encoding="ascii").split()
]


def body_of(item: SourceItem) -> list[bytes]:
    """Take an item's body for calendar text."""
    return [item.body]


def read_everything(data: bytes, cpu: float = BUDGET) -> None:
    """Give any bytes to each reader; whatever but CalendarDataError comes out is a finding."""
    text = contentline.unfold(data)
    for name, rest in contentline.lines(text):
        for take_apart in (contentline.parameters, contentline.accept_colon_in_zone):
            with contextlib.suppress(CalendarDataError):
                take_apart(rest)
        with contextlib.suppress(CalendarDataError):
            contentline.parse(name + rest)
    with contextlib.suppress(CalendarDataError):
        contentline.parse(text)
    task = Expanding(OWNER, WINDOW, WINDOW)
    read_batch(body_of, [SourceItem("1", 1, ICALENDAR, data)], task, cpu)


def mutated(draw: random.Random, data: bytes, other: bytes) -> bytes:
    """Return a text changed in one to five places."""
    for _ in range(draw.randint(1, 5)):
        at, end = sorted(draw.choices(range(len(data) + 1), k=2))
        change = draw.randrange(6)
        if change == 0:
            data = data[:at] + draw.choice(TOKENS) + data[at:]
        elif change == 1:
            data = data[:at] + draw.randbytes(draw.randint(1, 3)) + data[at + 1 :]
        elif change == 2:
            data = data[:at] + data[min(end, at + 40) :]
        elif change == 3:
            data = data[:at] + other[draw.randrange(len(other) + 1) :][:200] + data[end:]
        elif change == 4:
            data = data[:at] + draw.choice(TOKENS) + data[min(end, at + 12) :]
        else:
            lines = data.split(b"\n")
            draw.shuffle(lines)
            data = b"\n".join(lines)
    return data[:LONGEST]


class Lines:
    """The lines of our code that were ever reached; left alone where somebody else traces."""

    def __init__(self) -> None:
        self.reached: set[tuple[CodeType, int]] = set()
        self.busy = sys.gettrace() is not None

    def _trace(self, frame: FrameType, _event: str, _argument: object) -> object:
        if not frame.f_code.co_filename.startswith(CODE):
            return None
        self.reached.add((frame.f_code, frame.f_lineno))
        return self._trace

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Note what is reached meanwhile."""
        if self.busy:
            yield
            return
        sys.settrace(self._trace)  # type: ignore[arg-type]  # a local trace function returns itself
        try:
            yield
        finally:
            sys.settrace(None)


def kept() -> list[bytes]:
    """Return the kept corpus."""
    return [path.read_bytes() for path in sorted(CORPUS.iterdir())]


def run(seed: int, count: int, seconds: float) -> tuple[int, list[bytes]]:
    """Fuzz until the count or the time is up; return how many ran and what reached a new line."""
    draw, lines, corpus = random.Random(seed), Lines(), kept()
    deadline, found, done = time.monotonic() + seconds, [], 0
    for data in corpus:
        with lines.watched():
            read_everything(data)
    while done < count and time.monotonic() < deadline:
        done += 1
        data = mutated(draw, draw.choice(corpus), draw.choice(corpus))
        before = len(lines.reached)
        try:
            with lines.watched():
                read_everything(data)
        except BaseException:
            print(f"finding: {data!r}", file=sys.stderr)
            raise
        if len(lines.reached) > before:
            corpus.append(data)
            found.append(data)
    return done, found


def main() -> None:
    """Read the command line and fuzz."""
    parser = argparse.ArgumentParser(description="Fuzz the readers")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    done, found = run(options.seed, sys.maxsize, options.seconds)
    for data in found if options.keep else ():
        (CORPUS / f"{hashlib.sha256(data).hexdigest()[:12]}.ics").write_bytes(data)
    print(f"{done} inputs, {len(found)} of them reached something new")


if __name__ == "__main__":
    main()
