"""MAPI properties as TNEF holds them (MS-OXTNEF 2.1.3.4, MS-OXPROPS).

Whatever the list claims, only octets that are there are read, each once, and nothing is
copied but the few values that are asked for.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

APPOINTMENT = bytes.fromhex("02200600 0000 0000 C000 000000000046")
"""PSETID_Appointment, {00062002-0000-0000-C000-000000000046} (MS-OXPROPS 1.3.2)."""
COMMON = bytes.fromhex("08200600 0000 0000 C000 000000000046")
"""PSETID_Common, {00062008-0000-0000-C000-000000000046}."""
MEETING = bytes.fromhex("90DAD86E 0B45 1B10 98DA 00AA003F1305")
"""PSETID_Meeting, {6ED8DA90-450B-101B-98DA-00AA003F1305}."""

_INTEGERS = {0x0002: 2, 0x0003: 4, 0x000B: 2, 0x0014: 8}
_WIDTHS = {0x0004: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x000A: 4, 0x0040: 8, 0x0048: 16} | _INTEGERS
STRING, UNICODE = 0x001E, 0x001F
_OBJECT, _BINARY, _TIME = 0x000D, 0x0102, 0x0040
_VARIABLE = (_OBJECT, STRING, UNICODE, _BINARY)
_MULTIPLE, _NAMED = 0x1000, 0x8000
_FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_U16, _U32, _TAG = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<HH")

Key = tuple[bytes, int]
"""A property set's GUID and the long ID in it; an empty GUID and the ID of a tagged one."""


class Value(NamedTuple):
    """A property's type and octets; of several values the first."""

    type: int
    content: memoryview

    @property
    def integer(self) -> int | None:
        """The value of an integer or boolean."""
        if self.type not in _INTEGERS:
            return None
        return int.from_bytes(self.content[: _INTEGERS[self.type]], "little", signed=True)

    @property
    def time(self) -> datetime | None:
        """The value of a time, a FILETIME in UTC; None for "never" and what no calendar has."""
        if self.type != _TIME:
            return None
        ticks = int.from_bytes(self.content, "little")
        try:
            moment = _FILETIME_EPOCH + timedelta(seconds=ticks // 10_000_000)
        except OverflowError:
            return None
        return moment if moment.year < 4500 else None  # 1 January 4501 stands for none

    @property
    def binary(self) -> bytes:
        """The octets of a binary value."""
        return bytes(self.content) if self.type == _BINARY else b""

    @property
    def text(self) -> str:
        """The value of a string, of which what counts here is ASCII."""
        if self.type == UNICODE:
            return bytes(self.content[:1024]).decode("utf-16-le", "replace").rstrip("\0")
        if self.type == STRING:
            return bytes(self.content[:512]).decode("cp1252", "replace").rstrip("\0")
        return ""


class Properties(NamedTuple):
    """A list of properties, as far as it could be read."""

    values: dict[Key, Value]
    complete: bool

    def integer(self, key: Key) -> int | None:
        """Return an integer or boolean; None where there is none."""
        value = self.values.get(key)
        return None if value is None else value.integer

    def time(self, *keys: Key) -> datetime | None:
        """Return the first of several times that is there."""
        found = (self.values[key].time for key in keys if key in self.values)
        return next(filter(None, found), None)

    def binary(self, key: Key) -> bytes:
        """Return a binary value; empty where there is none."""
        value = self.values.get(key)
        return b"" if value is None else value.binary

    def text(self, key: Key) -> str:
        """Return a string; empty where there is none."""
        value = self.values.get(key)
        return "" if value is None else value.text

    def object(self, key: Key) -> memoryview:
        """Return an embedded object's octets behind its interface; empty where there is none."""
        value = self.values.get(key)
        return memoryview(b"") if value is None or value.type != _OBJECT else value.content


def read_properties(data: memoryview) -> Properties:
    """Read a list of properties up to its end, or to where it cannot be read any further."""
    values: dict[Key, Value] = {}
    try:
        count, at = _U32.unpack_from(data)[0], 4
        for _ in range(count):
            kind, number = _TAG.unpack_from(data, at)
            key, at = _key(data, number, at + 4)
            value, at = _value(data, kind, at)
            if value is not None:
                values.setdefault(key, value)
    except (struct.error, _CutOffError):
        return Properties(values, complete=False)
    return Properties(values, complete=True)


class _CutOffError(Exception):
    """The octets ended before the value did, or its length is not known."""


def _key(data: memoryview, number: int, at: int) -> tuple[Key, int]:
    """Return a property's key and where its value starts (MS-OXTNEF, PropertyMapping)."""
    if number < _NAMED:
        return (b"", number), at
    guid = bytes(data[at : at + 16])
    kind, number = struct.unpack_from("<II", data, at + 16)
    if kind == 0:
        return (guid, number), at + 24
    return (guid, -1), at + 24 + _padded(number)  # named by a string of that length


def _value(data: memoryview, kind: int, at: int) -> tuple[Value | None, int]:
    base = kind & ~_MULTIPLE
    if base in _VARIABLE:
        return _variable(data, base, at)
    if base not in _WIDTHS:
        raise _CutOffError
    width = _WIDTHS[base]
    count = 1
    if kind & _MULTIPLE:
        count, at = _U32.unpack_from(data, at)[0], at + 4
    end = at + _padded(count * width)
    if end > len(data):
        raise _CutOffError
    return Value(base, data[at : at + width]) if count else None, end


def _variable(data: memoryview, kind: int, at: int) -> tuple[Value | None, int]:
    """Read strings, binaries and objects: a count, then a length and octets for each."""
    first = None
    count, at = _U32.unpack_from(data, at)[0], at + 4
    for number in range(count):
        length = _U32.unpack_from(data, at)[0]
        content = data[at + 4 : at + 4 + length]
        if len(content) < length and kind != _OBJECT:  # an object may be cut off inside
            raise _CutOffError
        if number == 0:
            first = Value(kind, content)
        at += 4 + _padded(length)
    return first, at


def _padded(length: int) -> int:
    return length + -length % 4
