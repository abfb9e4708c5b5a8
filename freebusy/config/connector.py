"""``[connector]``: the interface by which connectors sync folders."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from freebusy.config.model import DAY, HOUR, MINUTE, SECOND, Section
from freebusy.config.values import Count, Duration, Flag, Size, between


class ConnectorTable(Section):
    """What a connector may do, and what one person may cost."""

    enabled: Flag = True
    """Where nobody can log in with a mail account it is off all the same."""
    default_mode: Literal["on_select", "manual", "on_start_and_exit"] = "manual"
    """When folders are synced for which, and for whose owner, nothing else was chosen."""
    max_body: Annotated[Size, Field(ge=1 << 16, le=1 << 30)] = 16 << 20
    """Of one request."""
    max_changes: Annotated[Count, Field(ge=1, le=500)] = 500
    """Changes in one request, and items in one page of an answer."""
    max_item: Annotated[Size, Field(ge=1 << 10, le=1 << 30)] = 1 << 20
    """Larger ones are neither read nor written."""
    max_requests: Annotated[Count, Field(ge=1, le=100)] = 4
    """Of one person at a time that work on the mail server; others wait ..."""
    patience: Annotated[Duration, between(SECOND, 5 * MINUTE)] = 30 * SECOND
    """... for so long."""
    max_connections: Annotated[Count, Field(ge=1, le=1000)] = 16
    """To the mail server at a time, beside those of the sources."""
    idle: Annotated[Duration, between(timedelta(), HOUR)] = MINUTE
    """How long a connection is kept."""
    keep_jobs: Annotated[Duration, between(MINUTE, 30 * DAY)] = HOUR
    """How long the outcome of a reading can be asked for."""
