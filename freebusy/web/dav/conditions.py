"""The If header: its grammar and its meaning (RFC 4918 §10.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from freebusy.web.dav.refused import malformed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

MAX_LENGTH = 8192
MAX_CONDITIONS = 128

_PARTS = re.compile(
    r"""\s*(?:
        (?P<open>\() | (?P<close>\))
      | (?P<not>Not)(?=[\s<\[])
      | <(?P<url>[^<>\s]{1,2048})>
      | \[(?P<etag>(?:W/)?"[^"\]\x00-\x20]*")\]
    )""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A state token or an entity tag that must, or must not, be there (§10.4.2)."""

    token: str | None
    etag: str | None = None
    is_negated: bool = False

    def holds(self, tokens: Collection[str], etag: str | None) -> bool:
        """Whether it holds for a resource with these lock tokens and this entity tag."""
        found = self.token in tokens if self.etag is None else self.etag == etag
        return found != self.is_negated


@dataclass(slots=True)
class ConditionList:
    """Conditions that must hold together, for one resource."""

    resource: str | None
    """The URL of its Resource-Tag; None for the one that the request names."""
    conditions: list[Condition] = field(default_factory=list)

    def holds(self, tokens: Collection[str], etag: str | None) -> bool:
        """Whether all its conditions hold."""
        return all(condition.holds(tokens, etag) for condition in self.conditions)


def parse_if(text: str) -> list[ConditionList]:
    """Return the lists of an If header, of which one must hold; RefusedError (400) else.

    If = 1*No-tag-list | 1*Tagged-list;  Tagged-list = Resource-Tag 1*List
    """
    if len(text) > MAX_LENGTH:
        raise malformed("The If header is too long")
    lists: list[ConditionList] = []
    parts = _parts(text)
    tag: str | None = None
    is_waiting = False  # a Resource-Tag waits for its first list
    for kind, value in parts:
        if kind == "url" and not is_waiting:
            tag, is_waiting = value, True
        elif kind == "open":
            lists.append(ConditionList(tag, list(_conditions(parts))))
            is_waiting = False
        else:
            raise malformed("The If header is malformed")
    if not lists or is_waiting or _are_mixed(lists):
        raise malformed("The If header is malformed")
    return lists


def submitted_tokens(lists: Iterable[ConditionList]) -> frozenset[str]:
    """Return the lock tokens that an If header brings, wherever they stand in it (§10.4.1)."""
    return frozenset(c.token for each in lists for c in each.conditions if c.token is not None)


def _are_mixed(lists: Iterable[ConditionList]) -> bool:
    """Whether tagged and untagged lists stand together, which the grammar does not have."""
    return len({each.resource is None for each in lists}) > 1


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of the header: what kind each is, and what it holds."""
    text = text.rstrip()
    position = count = 0
    while position < len(text):
        part = _PARTS.match(text, position)
        count += 1
        if part is None or count > 4 * MAX_CONDITIONS:
            raise malformed("The If header is malformed")
        position = part.end()
        kind = part.lastgroup or ""
        yield kind, part[kind]


def _conditions(parts: Iterator[tuple[str, str]]) -> Iterator[Condition]:
    """Yield the conditions up to the list's end.  Condition = ["Not"] (<URL> | [etag])."""
    is_negated, count = False, 0
    for kind, value in parts:
        if kind == "not" and not is_negated:
            is_negated = True
            continue
        if kind == "close" and count and not is_negated:
            return
        if kind == "url":
            yield Condition(value, None, is_negated)
        elif kind == "etag":
            yield Condition(None, value, is_negated)
        else:
            break
        is_negated, count = False, count + 1
    raise malformed("The If header is malformed")
