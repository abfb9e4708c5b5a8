"""The error tree, split by who must act.

::

    FreeBusyError
    ├── CalendarDataError          their data: one item is skipped, counted and named
    │   ├── RefusedRuleError       a recurrence or zone rule that must not run
    │   └── BudgetExceededError    an item that took more than its share
    ├── NotFreeBusyError           their data: a text that is no free/busy file
    ├── ConfigurationError         the operator's: every problem at once
    ├── LoginError                 somebody logs in
    │   ├── LoginRefusedError          unknown account, wrong password, or not this way
    │   ├── LoginSlowedError           too many failed before: not looked at now
    │   └── LoginUnavailableError      the mail server cannot be asked now
    ├── PublicationError           somebody publishes
    │   ├── NotAllowedError            nobody of that name, or not for this account
    │   ├── TooLargeError              more octets than are accepted
    │   ├── NoPublicationError         there is nothing of theirs to remove or rename
    │   └── PreconditionFailedError    the served file is not the one that the client meant
    ├── FolderError                somebody works on folders of the mail server
    │   ├── NoFolderError              not there, not visible, or no calendar: one answer for all
    │   ├── NotPermittedError          the person's rights there do not allow it
    │   ├── FolderExistsError          a folder of that name is there already
    │   ├── FolderFilledError          there are items in a folder that is to be deleted
    │   ├── BadFolderError             no name for a folder, or no place for one
    │   ├── BadUserError               no user whom rights can be given
    │   └── RightsKeptError            the rights in force are not those that were asked for
    ├── SourceError                a calendar source
    │   ├── SourceUnavailableError     a passing fault: try again later
    │   │   └── SourceDownError            ... and whoever asks is told the same
    │   ├── SourceRefusedError         the operator's: login or rights refused
    │   ├── UnreachableError           a mail server that was asked for cannot be used
    │   └── CalendarMissingError       the folder is not there (confirmed before it counts)
    ├── ElsewhereError             theirs: another server gives no usable answer for a person
    └── StoreError                 the operator's: the state on disk cannot be used

What is our own bug is any other exception.  An error carries values; the edge
(FTP reply, HTTP status, exit code) decides how to say it.  No message holds
calendar text, a secret, or, where a client may see it, a local path.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


class FreeBusyError(Exception):
    """The root of everything that this project raises on purpose."""


class CalendarDataError(FreeBusyError):
    """A calendar item that cannot be read; ``reason`` says why without quoting it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RefusedRuleError(CalendarDataError):
    """A rule that is invalid or hostile and is never run."""


class BudgetExceededError(CalendarDataError):
    """Reading or expanding an item exceeded its budget of steps or CPU time."""


class NotFreeBusyError(FreeBusyError):
    """A text that is no free/busy file; ``reason`` is one line for its sender."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ConfigurationError(FreeBusyError):
    """What is wrong with the configuration, all of it; each problem says what to do."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class LoginError(FreeBusyError):
    """A login that does not come about; ``reason`` is one line for the client."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LoginRefusedError(LoginError):
    """Unknown account, wrong password, or an account that may not log in this way."""


class LoginSlowedError(LoginError):
    """Too many attempts failed before; come back after ``seconds``."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class LoginUnavailableError(LoginError):
    """The password cannot be checked now: the mail server does not answer."""


class PublicationError(FreeBusyError):
    """An upload, rename or removal that is not done; ``reason`` is one line for the client."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotAllowedError(PublicationError):
    """Nobody has that name, or this account may not write that file: one answer for both."""


class TooLargeError(PublicationError):
    """The upload has more octets than are accepted."""


class NoPublicationError(PublicationError):
    """Nothing of this account's is there to be removed or renamed."""


class PreconditionFailedError(PublicationError):
    """The served file is not the one that the client meant (RFC 9110 §15.5.13)."""


class FolderError(FreeBusyError):
    """Something that a mail server does not do with a folder; ``reason`` is for the client."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoFolderError(FolderError):
    """The folder is not there, not visible to this person, or no calendar."""


class NotPermittedError(FolderError):
    """The person's rights on the folder (RFC 4314) do not allow it."""


class FolderExistsError(FolderError):
    """A folder of that name is there already."""


class FolderFilledError(FolderError):
    """The folder to be deleted holds ``items`` items."""

    def __init__(self, reason: str, items: int) -> None:
        super().__init__(reason)
        self.items = items


class BadFolderError(FolderError):
    """No name that a folder can have there, or no place for one."""


class BadUserError(FolderError):
    """No user of the mail server whom an access control list could name here."""


class RightsKeptError(FolderError):
    """Other rights are in force than were asked for; ``rights`` are those, sorted letters."""

    def __init__(self, reason: str, rights: str) -> None:
        super().__init__(reason)
        self.rights = rights


class SourceError(FreeBusyError):
    """A calendar source could not do what it was asked."""


class SourceUnavailableError(SourceError):
    """A passing fault: refused connection, time-out, dropped line."""


class SourceDownError(SourceUnavailableError):
    """Nobody gets as far as a login: it is no use to ask for the next person at once."""


class SourceRefusedError(SourceError):
    """The server answered and said no: login, rights, or an unusable certificate."""


class UnreachableError(SourceError):
    """A mail server cannot be used; ``step`` is what failed: name, connection, tls or login."""

    def __init__(self, reason: str, step: str) -> None:
        super().__init__(reason)
        self.step = step


class CalendarMissingError(SourceError):
    """The calendar folder is not there, or not visible, at the moment."""


class ElsewhereError(FreeBusyError):
    """Another server gives no usable answer for a person; ``kind`` is one word for the log."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class StoreError(FreeBusyError):
    """The state directory or its database cannot be used.

    ``is_full``: because the disk or a quota is full, which is also told by an OSError that
    caused it.
    """

    def __init__(self, reason: str, *, is_full: bool = False) -> None:
        super().__init__(reason)
        self._is_full = is_full

    @property
    def is_full(self) -> bool:
        """Whether room is all that is missing."""
        cause = self.__cause__
        return self._is_full or (isinstance(cause, OSError) and cause.errno in _NO_ROOM)
