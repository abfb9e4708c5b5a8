"""Two-way sync between calendar folders on a mail server and local folders of .ics files."""

from calendar_sync.replica.errors import ChangedMeanwhileError, EmptySideError, HomeBusyError
from calendar_sync.replica.home import Home
from calendar_sync.replica.place import Bounds
from calendar_sync.replica.reconcile import Step
from calendar_sync.replica.remote import Remote
from calendar_sync.replica.report import FolderReport, HomeReport, Lost, Refused

__all__ = [
    "Bounds",
    "ChangedMeanwhileError",
    "EmptySideError",
    "FolderReport",
    "Home",
    "HomeBusyError",
    "HomeReport",
    "Lost",
    "Refused",
    "Remote",
    "Step",
]
