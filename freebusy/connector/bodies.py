"""The bodies of the connector's API, version 1: what both sides of it read and write.

The service validates requests by these models, the OpenAPI document shows their schemas,
and the client reads answers by them.  Times are RFC 3339 with a zone; what the service
writes is in UTC with ``Z``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
)

from freebusy.connector.fields import (
    MAX_CHANGES,
    MAX_NAMES,
    BusyType,
    FolderId,
    FolderName,
    Href,
    Kind,
    Letters,
    Mode,
    Moment,
    Role,
    Uid,
    Word,
)

VERSION = "v1"
PREFIX = f"/connector/{VERSION}"


class Body(BaseModel):
    """A JSON object of an answer: a client passes over what a newer service adds."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Request(Body):
    """A JSON object of a request: what is not known is refused, and named.

    Long lists end at their first wrong entry, lest each leave a record of what is wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Problem(Body):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    """The same for all problems of this type."""
    status: int
    detail: str | None = None
    """What to do about it."""
    errors: list[str] | None = None
    """Each thing that is wrong with a request's body or query."""
    step: Literal["name", "connection", "tls", "login"] | None = None
    """For ping: what failed."""
    rights: str | None = None
    """For access control: the rights that are in force instead."""


# -- ping


class Namespace(Body):
    """How the folders of one kind begin (RFC 2342)."""

    kind: Literal["personal", "others", "shared"]
    prefix: str
    separator: str


class Ping(Body):
    """The mail server as the login found it."""

    host: str
    port: int
    security: Literal["tls", "starttls", "plain"]
    tls_version: str | None
    software: str | None
    version: str | None
    login: str
    proxied: bool
    """Whether the service acts for the person, because it was an app password."""
    namespaces: list[Namespace]
    capabilities: list[str]
    steps: dict[Literal["name", "connection", "tls", "login"], float]
    """Milliseconds of each step."""
    latency: float
    """Milliseconds of one round trip."""
    gateway: str
    """The version of this service."""


# -- folders


class Folder(Body):
    """A calendar folder, own or shared."""

    id: FolderId
    path: str
    """The mailbox name, for people."""
    name: str
    parent: FolderId | None
    kind: Kind
    owner: str | None
    """Whose it is, as the mail server says it; null for one's own and for nobody's."""
    rights: Letters
    """One's own, in the order of RFC 4314."""
    role: Role | None
    """The role with just these rights."""
    mode: Mode
    mode_from: Literal["own", "parent", "default"]
    hands_down: bool
    items: int | None
    """Messages in it; null where the rights do not tell."""
    state: str | None
    """Changes whenever an item does: equal means that there is nothing to sync.

    Null where the mail server has nothing that proves it (CONDSTORE): ask for changes.
    """
    last_sync: Moment | None
    in_freebusy: bool
    is_default: bool


class Folders(Body):
    """All calendar folders that the person sees, own ones first."""

    default_mode: Mode
    folders: list[Folder]


class NewFolder(Request):
    """A folder to be made; without a parent it lies where the server wants one's own."""

    name: FolderName
    parent: FolderId | None = None
    mode: Mode | None = None


class FolderChange(Request):
    """What is to be different; what is left out stays."""

    name: FolderName | None = None
    parent: FolderId | Literal[""] | None = None
    """Another folder's id; "" for the top of one's own folders."""
    mode: Mode | Literal["inherited"] | None = None
    """When it is synced; "inherited": as the folder above, or the default, says."""
    hands_down: bool | None = None
    """Whether folders below it inherit its mode that have none of their own."""


class Settings(Body):
    """What holds for all folders of a person."""

    default_mode: Mode


class SettingsChange(Request):
    """A new default; null goes back to the site's."""

    default_mode: Mode | None


# -- sync


class Sync(Request):
    """What happened at the client."""

    event: Literal["select", "manual", "start", "exit"]
    folder: FolderId | None = None
    """The one that was selected or is meant; null: all."""


class Job(Body):
    """A reading of calendars; once it is done the free/busy file is the new one."""

    id: str
    event: Literal["select", "manual", "start", "exit"]
    folders: list[FolderId]
    """Those that their modes include: a connector exchanges their changes."""
    state: Literal["waiting", "running", "done", "failed"]
    done: int
    """Items read so far."""
    total: int | None
    """Items to read, where known."""
    started: Moment
    finished: Moment | None
    problem: str | None
    """Why it failed; of one that is done, what is to be known: there may be no file."""


# -- items


class Item(Body):
    """One message of a folder, as iCalendar."""

    href: Href
    """A changed item comes back under a new one."""
    uid: str
    """The iCalendar UID; empty where the message cannot be read."""
    calendar: str
    """A whole iCalendar object; empty where the message cannot be read."""
    dialect: Literal["icalendar", "kolab2", "kolab3", "tnef"]
    is_partial: bool = False
    """It holds only changed instances of a series that is in another message."""
    change: str | None = None
    """The change that wrote it, as the connector called it."""
    problem: str | None = None
    """Why the message cannot be read."""


class Changes(Body):
    """What changed in a folder since a token."""

    token: str
    """Where the next question starts, also while `more` is true."""
    more: bool
    """Whether to ask for a further page at once."""
    is_fresh: bool
    """What none of the pages holds is gone."""
    items: list[Item]
    gone: list[Href]
    """What is no longer there; unknown ones among them mean nothing."""
    folder: Folder | None
    """Where the folder or the person's rights changed; null else."""
    acl_changed: bool
    """Whether the list of who has rights changed."""


class Change(Request):
    """What is to be done to one item."""

    action: Literal["put", "delete"]
    uid: Uid
    """The iCalendar UID."""
    calendar: str = ""
    """For put: the whole object, with all instances and VTIMEZONEs."""
    replaces: Annotated[list[Href], Field(max_length=100)] = []
    """All hrefs under which the item is known; none for a new one."""
    change: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9._-]*$")] = ""
    """A name of one's own for this change, by which it is known if it is sent again."""


class ChangeList(Request):
    """Changes, done in their order."""

    changes: Annotated[list[Change], Field(max_length=MAX_CHANGES, fail_fast=True)]


class Result(Body):
    """What became of one change."""

    status: Literal["done", "conflict", "refused"]
    href: Href | None
    losses: list[str]
    """What the folder's dialect cannot hold, by the names of properties and components."""
    yours: str | None = None
    """At a conflict: the version that was sent."""
    theirs: list[Item] = []
    """At a conflict: what is there; empty where it was deleted."""
    problem: str | None = None


class Results(Body):
    """One result for each change, in their order."""

    results: list[Result]


# -- access control


class Entry(Body):
    """What one user may do in a folder."""

    user: str
    shown: str
    """The user for people: "Everyone", "Alle", "Tous", "Tutti", "Todos" for ``anyone``."""
    is_everyone: bool
    rights: Letters
    role: Role | None


class Acl(Body):
    """A folder's access control list."""

    entries: list[Entry]
    mine: Letters


class Grant(Request):
    """The rights that a user is to have: by letters or by a role, one of the two."""

    rights: Letters | None = None
    role: Role | None = None
    force: bool = False
    """Also where the owner, or who asks, loses the right to administer."""


# -- free/busy


class Times(Body):
    """One period."""

    start: Moment
    end: Moment
    type: BusyType = "BUSY"


class FreeBusyUpload(Request):
    """What is to be published for a person: all of the window that no period covers is free."""

    start: Moment
    end: Moment
    periods: Annotated[list[Times], Field(max_length=50_000, fail_fast=True)]


class PublishedBody(Body):
    """What became of it."""

    name: str
    served: bool
    """False while it waits for the first reading of a calendar."""


class Query(Request):
    """Whose times are wanted."""

    names: Annotated[list[Word], Field(min_length=1, max_length=MAX_NAMES, fail_fast=True)]
    start: Moment | None = None
    end: Moment | None = None


class Person(Body):
    """What is known of one person."""

    name: str
    status: Literal["known", "unknown", "not_allowed", "unreachable"]
    start: Moment | None
    """Times are known from here ..."""
    end: Moment | None
    """... to here; outside there is no information."""
    as_of: Moment | None
    age: int | None
    """Seconds since then."""
    stale: bool = False
    """The calendars could not be read since; else the times have just not changed."""
    elsewhere: bool
    periods: list[Times]


class People(Body):
    """One entry for each name, in their order."""

    people: list[Person]


def dumped(body: BaseModel) -> dict[str, Any]:
    """Return a body as JSON values."""
    return body.model_dump(mode="json")
