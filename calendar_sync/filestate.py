"""What a run knows of the files of a calendar, and its form as a sync token."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from freebusy.ports import SyncToken

VERSION = 1


@dataclass(slots=True)
class FileState:
    """What was delivered of one file, and what stat said of it then."""

    signature: int
    content: str | None = None
    """A digest, where an equal signature would prove nothing."""
    objects: dict[str, str] | None = None
    """Key -> digest of each object delivered; None: the file was delivered as one item."""

    def same(self, signature: int) -> bool:
        """Whether an equal signature proves an unchanged file, and this one is equal."""
        return self.content is None and self.signature == signature

    def short(self) -> int | FileState:
        """Return the shortest form of the state."""
        return self.signature if self.content is None and self.objects is None else self

    def renewed(self, signature: int, content: str | None) -> FileState:
        """Return the state of the same content under a new signature."""
        return replace(self, signature=signature, content=content)

    def to_json(self) -> list[object]:
        """Return the state as JSON has it."""
        return [self.signature, self.content, self.objects]

    @classmethod
    def from_json(cls, value: object) -> FileState:
        """Return the state; ValueError where the value is none."""
        match value:
            case [int() as signature, str() | None as content, dict() | None as objects]:
                if objects is not None and not all(isinstance(v, str) for v in objects.values()):
                    raise ValueError("no digests")
                return cls(signature, content, objects)
        raise ValueError("no file state")


State = dict[str, int | FileState]
"""File name -> state; the signature alone where that says it all, as of most of the thousands."""


def encode(state: State, generation: str) -> SyncToken:
    """Return the sync token of a state."""
    files = {n: each if isinstance(each, int) else each.to_json() for n, each in state.items()}
    return SyncToken(json.dumps({"v": VERSION, "generation": generation, "files": files}))


def decode(token: SyncToken | None, generation: str) -> State | None:
    """Return the state that a token holds; None where it is no token of this generation."""
    try:
        value = json.loads(token or "")
        if not isinstance(value, dict):
            return None
        if (value.get("v"), value.get("generation")) != (VERSION, generation):
            return None
        files = value["files"]
        return {n: e if type(e) is int else FileState.from_json(e) for n, e in files.items()}
    except (ValueError, KeyError, AttributeError, RecursionError):
        return None
