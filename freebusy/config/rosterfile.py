"""A roster beside the configuration: CSV or TOML -> a table per person, each with its place.

CSV as RFC 4180 has it, with a header that names the keys of ``persons``; the delimiter is
what the header uses: ``,`` or ``;`` (which spreadsheets write where the comma is the
decimal mark) or a tab.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from freebusy.config.file import MAX_FILE
from freebusy.config.values import nearest
from freebusy.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

DELIMITERS = ",;\t"
MAX_FIELD = 1 << 16
NO_SOURCE = "-"
"""Stands for the ``source`` of who only publishes, since an empty value is not set."""

_SPACED = re.compile(r"[;\s]+")
_SEMICOLONS = re.compile(r"\s*;\s*")
_TABLE = re.compile(r"^\s*\[\[\s*persons\s*\]\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A person's table before it is read."""

    place: str
    """Where it stands, for people: ``persons[3]``, ``people.csv:5``."""
    table: Any


def entries(path: Path, known: Collection[str], lists: Collection[str]) -> list[Entry]:
    """Return the persons of a roster file.

    ``known`` are the keys that a person has; of these ``lists`` hold several values.
    Raises ConfigurationError with every problem of the file itself.
    """
    text = _text(path)
    if path.suffix.lower() == ".toml":
        return _from_toml(path, text)
    return _from_csv(path, text, known, lists)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ConfigurationError([f"{path}: {error.strerror}"]) from None
    if len(octets) > MAX_FILE:
        raise ConfigurationError([f"{path}: too large for a roster"])
    try:
        # Spreadsheets write a byte order mark.
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        problem = (
            f"{path.name}:{line}: not a text in UTF-8; save it as UTF-8 (in a spreadsheet: "
            f'"CSV UTF-8"), or run: iconv -f latin1 -t utf-8 {path.name}'
        )
        raise ConfigurationError([problem]) from None


# -- TOML


def _from_toml(path: Path, text: str) -> list[Entry]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([f"{path.name}: {error}"]) from None
    problems = [
        f"{path.name}: {name}: unknown key; a roster has only persons"
        for name in tables
        if name != "persons"
    ]
    persons = tables.get("persons", [])
    if not isinstance(persons, list):
        problems.append(f'{path.name}: persons: expected a list such as ["hans@example.com"]')
    if problems:
        raise ConfigurationError(problems)
    return [
        Entry(place, table)
        for place, table in zip(_places(path, text, persons), persons, strict=True)
    ]


def _places(path: Path, text: str, persons: Sequence[object]) -> list[str]:
    """Return where each person stands: the line, where each has a ``[[persons]]`` of its own."""
    lines = [text.count("\n", 0, found.start()) + 1 for found in _TABLE.finditer(text)]
    if len(lines) == len(persons):
        return [f"{path.name}:{line}" for line in lines]
    return [f"{path.name}: persons[{number}]" for number in range(1, len(persons) + 1)]


# -- CSV


def _from_csv(path: Path, text: str, known: Collection[str], lists: Collection[str]) -> list[Entry]:
    rows = list(_rows(path, text, known))
    if not rows:
        raise ConfigurationError([f"{path.name}: expected a header such as: name,address,aliases"])
    (line, header), *rest = rows
    columns = [column.strip().lower() for column in header]
    problems = list(_wrong_header(f"{path.name}:{line}", columns, known))
    problems += [
        f"{path.name}:{number}: has {len(row)} values, and the header only {len(columns)} columns"
        for number, row in rest
        if len(row) > len(columns)
    ]
    if problems:
        raise ConfigurationError(problems)
    return [
        Entry(f"{path.name}:{number}", dict(_values(columns, row, lists))) for number, row in rest
    ]


def _rows(path: Path, text: str, known: Collection[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that hold something, with their lines; ``#`` begins a comment."""
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(
        lines, delimiter=_delimiter(lines, known), strict=True, skipinitialspace=True
    )
    csv.field_size_limit(MAX_FIELD)
    line = 1
    try:
        for row in reader:
            if any(map(str.strip, row)) and not row[0].lstrip().startswith("#"):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise ConfigurationError([f"{path.name}:{reader.line_num}: {error}"]) from None


def _delimiter(lines: Sequence[str], known: Collection[str]) -> str:
    """Return the delimiter by which the first line has most of the columns there are."""
    header = next((line for line in lines if line.strip() and not line.startswith("#")), "")

    def columns(delimiter: str) -> int:
        parts = header.split(delimiter)
        return sum(part.strip(' \t\r\n"').lower() in known for part in parts) or -len(parts)

    return max(DELIMITERS, key=columns)


def _wrong_header(place: str, columns: Sequence[str], known: Collection[str]) -> Iterator[str]:
    for column in dict.fromkeys(columns):
        if column not in known:
            hint = nearest(column, known) or f"; known are: {', '.join(known)}"
            yield f"{place}: unknown column {column!r}{hint}"
        elif columns.count(column) > 1:
            yield f"{place}: the column {column!r} stands there twice"


def _values(
    columns: Sequence[str], row: Sequence[str], lists: Collection[str]
) -> Iterator[tuple[str, str | list[str]]]:
    """Yield what a row says; an empty value is none."""
    for column, text in zip(columns, row, strict=False):
        value = text.strip()
        if (column, value) == ("source", NO_SOURCE):
            yield column, []
        elif column not in lists and value:
            yield column, value
        elif listed := _listed(column, value):
            yield column, listed


def _listed(column: str, value: str) -> list[str]:
    """Split a list; names of folders may hold spaces."""
    splitter = _SEMICOLONS if column in {"folders", "include", "exclude"} else _SPACED
    return [part for part in splitter.split(value) if part]
