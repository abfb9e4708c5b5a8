"""What may stand after the question mark, by endpoint.

A query holds only texts, so each type says which ones it takes.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from freebusy.connector.bodies import Request
from freebusy.connector.fields import MAX_CHANGES, Moment, Word

MAX_TOKEN = 4000


def _flag(text: object) -> object:
    if text not in {"true", "false", True, False}:
        raise ValueError('expected "true" or "false"')
    return text in {"true", True}


def _number(text: object) -> object:
    if isinstance(text, str) and not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        raise ValueError("expected a whole number")
    return text


def _moment(text: object) -> object:
    """Take RFC 3339 alone: the model would take seconds since 1970 as well."""
    if isinstance(text, str) and not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]", text, re.ASCII):
        raise ValueError("expected a time such as 2026-03-01T00:00:00Z")
    if isinstance(text, str) and re.search(r" [0-9]{2}:[0-9]{2}$", text, re.ASCII):
        raise ValueError("expected %2B in the place of the offset's +, which is a space in a URL")
    return text


def _token(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise ValueError("expected a token as it came")
    return text


def _split(names: object) -> object:
    """Return the names of a list whose parts are lists with commas."""
    if not isinstance(names, list):
        return names
    return [name.strip() for text in names for name in str(text).split(",")]


Flag = Annotated[bool, BeforeValidator(_flag)]


class DeleteQuery(Request):
    """How a folder is deleted."""

    even_if_filled: Flag = False
    """Delete what is in it as well."""


class RevokeQuery(Request):
    """How somebody's rights are taken."""

    force: Flag = False
    """Also where the owner, or who asks, loses the right to administer."""


class ChangesQuery(Request):
    """Which changes are wanted."""

    since: Annotated[str, Field(max_length=MAX_TOKEN), AfterValidator(_token)] | None = None
    """The token of the last answer; without it everything is told."""
    limit: Annotated[int, BeforeValidator(_number), Field(ge=1, le=MAX_CHANGES)] | None = None
    """Items in one answer, at most."""


class PersonQuery(Request):
    """For what time something is wanted."""

    start: Annotated[Moment, BeforeValidator(_moment)] | None = None
    """Without it: from the beginning of what is known."""
    end: Annotated[Moment, BeforeValidator(_moment)] | None = None
    """Without it: to the end of what is known."""


class LookUpQuery(PersonQuery):
    """Whose times are wanted, and for what time."""

    names: Annotated[list[Word], BeforeValidator(_split), Field(min_length=1)]
    """NAMEs or addresses: several in one, with commas between them, or one each."""


LISTS = frozenset({"names"})
"""What may come more than once."""
