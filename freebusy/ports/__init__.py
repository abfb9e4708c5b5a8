"""What the edges implement: the Protocols through which the rooms meet.

Neighbours (``ftpsrv``, ``freebusy.web``, ``calendar_sync``) never import one
another; what one needs of another is named here and put together by the daemon.

accounts    who somebody is, and how a password is checked
calendars   what is read from places that hold calendars
files       the published tree, as the servers read and write it
connector   a person's folders on the mail server: items, rights, when they are synced
lookups     the times of many people at once
"""

from __future__ import annotations

from freebusy.ports.accounts import (
    Account,
    LoginCheck,
    Logins,
    Scope,
    Visitor,
)
from freebusy.ports.calendars import (
    ICALENDAR,
    MESSAGE,
    Calendar,
    CalendarSource,
    ChangingSource,
    FolderVerdict,
    Held,
    ItemExtractor,
    JudgingSource,
    Owner,
    SourceItem,
    SweepableSource,
    SyncPage,
    SyncToken,
    WatchableSource,
)
from freebusy.ports.connector import (
    AccessControl,
    AclEntry,
    CalendarFolder,
    CalendarFolders,
    CalendarItems,
    ChangeResult,
    Dialect,
    FolderChanges,
    FolderItem,
    FolderMode,
    FolderState,
    ItemChange,
    MailServer,
    MailServerCheck,
    NamespaceEntry,
    Step,
    SyncEvent,
    SyncJob,
    SyncJobs,
    SyncMode,
    SyncModes,
)
from freebusy.ports.files import (
    FreeBusyFiles,
    Precondition,
    Publications,
    Published,
    PublishedFile,
    TransferProtocol,
    Triggers,
    Upload,
)
from freebusy.ports.lookups import (
    FreeBusyLookups,
    PersonTimes,
)

__all__ = [
    "ICALENDAR",
    "MESSAGE",
    "AccessControl",
    "Account",
    "AclEntry",
    "Calendar",
    "CalendarFolder",
    "CalendarFolders",
    "CalendarItems",
    "CalendarSource",
    "ChangeResult",
    "ChangingSource",
    "Dialect",
    "FolderChanges",
    "FolderItem",
    "FolderMode",
    "FolderState",
    "FolderVerdict",
    "FreeBusyFiles",
    "FreeBusyLookups",
    "Held",
    "ItemChange",
    "ItemExtractor",
    "JudgingSource",
    "LoginCheck",
    "Logins",
    "MailServer",
    "MailServerCheck",
    "NamespaceEntry",
    "Owner",
    "PersonTimes",
    "Precondition",
    "Publications",
    "Published",
    "PublishedFile",
    "Scope",
    "SourceItem",
    "Step",
    "SweepableSource",
    "SyncEvent",
    "SyncJob",
    "SyncJobs",
    "SyncMode",
    "SyncModes",
    "SyncPage",
    "SyncToken",
    "TransferProtocol",
    "Triggers",
    "Upload",
    "Visitor",
    "WatchableSource",
]
