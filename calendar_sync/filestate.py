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

    @property
    def settled(self) -> bool:
        """Whether an equal signature proves an unchanged file."""
        return self.content is None

    def renewed(self, signature: int, content: str | None) -> FileState:
        """Return the state of the same content under a new signature."""
        return replace(self, signature=signature, content=content)

    def to_json(self) -> object:
        """Return a number where that says it all: a calendar may hold thousands of files."""
        if self.settled and self.objects is None:
            return self.signature
        return [self.signature, self.content, self.objects]

    @classmethod
    def from_json(cls, value: object) -> FileState:
        """Return the state; ValueError where the value is none."""
        match value:
            case bool():
                raise ValueError("a truth value is no signature")
            case int():
                return cls(value)
            case [int() as signature, str() | None as content, dict() | None as objects]:
                if objects is not None and not all(isinstance(v, str) for v in objects.values()):
                    raise ValueError("no digests")
                return cls(signature, content, objects)
        raise ValueError("no file state")


State = dict[str, FileState]
"""File name -> state."""


def encode(state: State, generation: str) -> SyncToken:
    """Return the sync token of a state."""
    files = {name: each.to_json() for name, each in state.items()}
    return SyncToken(json.dumps({"v": VERSION, "generation": generation, "files": files}))


def decode(token: SyncToken | None, generation: str) -> State | None:
    """Return the state that a token holds; None where it is no token of this generation."""
    try:
        value = json.loads(token or "")
        if not isinstance(value, dict):
            return None
        if (value.get("v"), value.get("generation")) != (VERSION, generation):
            return None
        return {name: FileState.from_json(each) for name, each in value["files"].items()}
    except (ValueError, KeyError, AttributeError, RecursionError):
        return None
