"""Conditional requests: is what the client holds still good? (RFC 9110 §13)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_tz

_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\U0010ffff]*")')
"""The opaque part of an entity tag, with its quotes (RFC 9110 §8.8.3)."""


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
