"""What the errors of the ports are to a connector."""

from __future__ import annotations

import errno

import pytest

from freebusy.errors import (
    BadFolderError,
    BadUserError,
    CalendarDataError,
    CalendarMissingError,
    FolderExistsError,
    FolderFilledError,
    FreeBusyError,
    NoFolderError,
    NoPublicationError,
    NotAllowedError,
    NotFreeBusyError,
    NotPermittedError,
    RightsKeptError,
    SourceDownError,
    SourceError,
    SourceRefusedError,
    SourceUnavailableError,
    StoreError,
    TooLargeError,
    UnreachableError,
)
from freebusy.web.connector.problems import from_error

SECRET = "/var/lib/secret imap.internal:143"
FULL = StoreError("full")
FULL.__cause__ = OSError(errno.ENOSPC, "no room")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NoFolderError("there is no such folder"), 404),
        (NotPermittedError("the rights do not allow it"), 403),
        (NotAllowedError("not allowed"), 403),
        (FolderExistsError("it is there"), 409),
        (FolderFilledError("it holds 3 items", 3), 409),
        (RightsKeptError("kept", "lkxa"), 409),
        (BadFolderError("no name"), 422),
        (BadUserError("no user"), 422),
        (NotFreeBusyError("no VFREEBUSY"), 422),
        (TooLargeError("too large"), 413),
        (NoPublicationError("nothing"), 404),
        (SourceRefusedError(SECRET), 502),
        (SourceError(SECRET), 502),
        (CalendarMissingError(SECRET), 404),
        (SourceUnavailableError(SECRET), 503),
        (SourceDownError(SECRET), 503),
        (UnreachableError(SECRET, "name"), 502),
        (UnreachableError(SECRET, "connection"), 502),
        (UnreachableError(SECRET, "tls"), 502),
        (UnreachableError(SECRET, "login"), 502),
        (StoreError(SECRET), 503),
        (FULL, 507),
    ],
)
def test_statuses(error: FreeBusyError, status: int) -> None:
    """Each has its status, says what to do, and tells nothing of the inside."""
    made = from_error(error)
    problem = made.problem
    assert status == problem.status
    assert problem.detail
    assert problem.detail.endswith(".")
    assert SECRET not in problem.detail
    assert (status == 503) == ("Retry-After" in made.headers)
    assert getattr(error, "step", None) == problem.step
    assert getattr(error, "rights", None) == problem.rights


def test_what_is_none_of_the_clients() -> None:
    """An error that no endpoint should end with is a fault of the service."""
    with pytest.raises(CalendarDataError):
        from_error(CalendarDataError("a bug"))
