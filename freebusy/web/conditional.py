"""Conditional requests: is what the client holds still good? (RFC 9110 §13)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_tz
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import hdrs

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

    from freebusy.ports import Precondition, PublishedFile

_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\U0010ffff]*")')
"""The opaque part of an entity tag, with its quotes (RFC 9110 §8.8.3)."""

_STRONG_TAG = re.compile(r'(?:^|[,\s])("[\x21\x23-\x7e\x80-\U0010ffff]*")')


def http_date(moment: datetime) -> str:
    """Return an IMF-fixdate (RFC 9110 §5.6.7)."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def parse_http_date(text: str) -> datetime | None:
    """Read any of the three date forms of RFC 9110 §5.6.7; None for anything else."""
    try:
        parts = parsedate_tz(text)
        if parts is None or parts[9]:
            return None  # an HTTP date is in GMT, nothing else
        return datetime(*parts[:6], tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None  # the field is ignored where it is no date (RFC 9110 §13.1.3)


def none_match(field: str, etag: str) -> bool:
    """Say whether If-None-Match names the entity tag, compared weakly (RFC 9110 §13.1.2)."""
    if field == etag or field.strip() == "*":
        return True
    return etag in _ENTITY_TAG.findall(field)


def not_modified_since(field: str, modified: datetime) -> bool:
    """Say whether If-Modified-Since is a date not before ``modified`` (RFC 9110 §13.1.3)."""
    since = parse_http_date(field)
    return since is not None and modified <= since


def precondition(headers: CIMultiDictProxy[str]) -> Precondition | None:
    """Return what a write's fields ask of the served file, in the order of RFC 9110 §13.2.2.

    None where they ask nothing.
    """
    asked: list[Precondition] = []
    if hdrs.IF_MATCH in headers:
        asked.append(partial(_matches, ", ".join(headers.getall(hdrs.IF_MATCH))))
    elif hdrs.IF_UNMODIFIED_SINCE in headers:
        since = parse_http_date(headers[hdrs.IF_UNMODIFIED_SINCE])
        if since is not None:
            asked.append(partial(_unmodified, since))
    if hdrs.IF_NONE_MATCH in headers:
        asked.append(partial(_none_matches, ", ".join(headers.getall(hdrs.IF_NONE_MATCH))))
    return (lambda served: all(holds(served) for holds in asked)) if asked else None


def _matches(field: str, served: PublishedFile | None) -> bool:
    """Compare strongly: a weak tag matches nothing (RFC 9110 §13.1.1)."""
    if served is None:
        return False
    if field.strip() == "*":
        return True
    return served.etag in _STRONG_TAG.findall(field)


def _none_matches(field: str, served: PublishedFile | None) -> bool:
    return served is None or not none_match(field, served.etag)


def _unmodified(since: datetime, served: PublishedFile | None) -> bool:
    """Hold where the file is not newer; what is not there was not modified (§13.1.4)."""
    return served is None or served.modified <= since
