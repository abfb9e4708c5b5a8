"""One example for each endpoint: requests as they may be sent one after the other.

A person with the usual folder ``Calendar`` makes one for trips, fills it, shares it and
deletes it again.  The tests run them all and compare the answers with those given here,
but for what differs from run to run (:data:`VOLATILE`).
"""

from __future__ import annotations

from typing import Any

from freebusy.web.connector.endpoint import Example

VOLATILE = frozenset(
    {"last_sync", "started", "finished", "as_of", "age", "token", "state", "steps", "latency",
     "gateway"}
)  # fmt: skip
"""Keys whose values differ from run to run."""

JOB = "5f0c8a52d1e94b7f"
"""The job of the example: a real one has a name that nobody can guess."""

_CALENDAR, _TRIPS, _TRAVEL = "Q2FsZW5kYXI", "VHJpcHM", "VHJhdmVs"
_MOMENT = "2026-03-02T09:00:00Z"
_START, _END = "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"
_ALL = "lrswipkxtea"

_FOLDER: dict[str, Any] = {
    "id": _TRIPS,
    "path": "Trips",
    "name": "Trips",
    "parent": None,
    "kind": "own",
    "owner": None,
    "rights": _ALL,
    "role": "administrator",
    "mode": "manual",
    "mode_from": "own",
    "hands_down": False,
    "items": 0,
    "state": "2.1.0.1",
    "last_sync": None,
    "in_freebusy": True,
    "is_default": False,
}
_TRAVEL_FOLDER = _FOLDER | {
    "id": _TRAVEL,
    "path": "Travel",
    "name": "Travel",
    "mode": "on_start_and_exit",
    "hands_down": True,
}

_LINES = (
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Example//Connector//EN",
    "BEGIN:VEVENT",
    "UID:3f1c@example.com",
    "DTSTAMP:20260301T080000Z",
    "DTSTART:20260310T090000Z",
    "DTEND:20260310T100000Z",
    "SUMMARY:Train to Bonn",
    "END:VEVENT",
    "END:VCALENDAR",
)
EVENT = "".join(f"{line}\r\n" for line in _LINES)
_ITEM = {
    "href": "1",
    "uid": "3f1c@example.com",
    "calendar": EVENT,
    "dialect": "icalendar",
    "is_partial": False,
    "change": "laptop-1",
    "problem": None,
}
_ENTRY = {
    "user": "eva",
    "shown": "eva",
    "is_everyone": False,
    "rights": "lrs",
    "role": "guest",
}
_PERIOD = {"start": "2026-03-10T09:00:00Z", "end": "2026-03-10T10:00:00Z", "type": "BUSY"}
_HANS = {
    "name": "hans",
    "status": "known",
    "start": _START,
    "end": _END,
    "as_of": _MOMENT,
    "age": 0,
    "stale": False,
    "elsewhere": False,
    "periods": [_PERIOD],
}
_NOBODY: dict[str, Any] = {
    "name": "nobody",
    "status": "unknown",
    "start": None,
    "end": None,
    "as_of": None,
    "age": None,
    "stale": False,
    "elsewhere": False,
    "periods": [],
}
_JOB = {
    "id": JOB,
    "event": "manual",
    "folders": [_TRAVEL],
    "state": "done",
    "done": 0,
    "total": 0,
    "started": _MOMENT,
    "finished": _MOMENT,
    "problem": None,
}

PING = Example(
    "/ping",
    {
        "host": "imap.example.com",
        "port": 993,
        "security": "tls",
        "tls_version": "TLSv1.3",
        "software": "Memory",
        "version": "1.0",
        "login": "hans",
        "proxied": False,
        "namespaces": [
            {"kind": "personal", "prefix": "", "separator": "/"},
            {"kind": "others", "prefix": "user/", "separator": "/"},
            {"kind": "shared", "prefix": "Shared/", "separator": "/"},
        ],
        "capabilities": ["ACL", "CONDSTORE", "IMAP4rev1", "UIDPLUS"],
        "steps": {"name": 0.4, "connection": 1.1, "tls": 4.8, "login": 12.5},
        "latency": 0.9,
        "gateway": "0.1",
    },
)
LIST = Example(
    "/folders",
    {
        "default_mode": "on_select",
        "folders": [
            _FOLDER
            | {
                "id": _CALENDAR,
                "path": "Calendar",
                "name": "Calendar",
                "mode": "on_select",
                "mode_from": "default",
                "is_default": True,
            }
        ],
    },
)
CREATE = Example("/folders", _FOLDER, {"name": "Trips", "mode": "manual"})
GET = Example(f"/folders/{_TRIPS}", _FOLDER)
CHANGE = Example(
    f"/folders/{_TRIPS}",
    _TRAVEL_FOLDER,
    {"name": "Travel", "mode": "on_start_and_exit", "hands_down": True},
)
SETTINGS = Example("/settings", {"default_mode": "on_select"})
CHANGE_SETTINGS = Example(
    "/settings", {"default_mode": "on_start_and_exit"}, {"default_mode": "on_start_and_exit"}
)
SYNC = Example("/sync", _JOB, {"event": "manual", "folder": _TRAVEL})
JOB_STATE = Example(f"/sync/{JOB}", _JOB)
WRITE = Example(
    f"/folders/{_TRAVEL}/changes",
    {
        "results": [
            {
                "status": "done",
                "href": "1",
                "losses": [],
                "yours": None,
                "theirs": [],
                "problem": None,
            }
        ]
    },
    {
        "changes": [
            {
                "action": "put",
                "uid": "3f1c@example.com",
                "calendar": EVENT,
                "replaces": [],
                "change": "laptop-1",
            }
        ]
    },
)
READ = Example(
    f"/folders/{_TRAVEL}/changes?limit=100",
    {
        "token": "2.2.0.lrswipkxtea.0",
        "more": False,
        "is_fresh": True,
        "items": [_ITEM],
        "gone": [],
        "folder": _TRAVEL_FOLDER | {"items": 1},
        "acl_changed": True,
    },
)
GRANT = Example(f"/folders/{_TRAVEL}/acl/eva", _ENTRY, {"role": "guest"})
ACL = Example(
    f"/folders/{_TRAVEL}/acl",
    {
        "entries": [
            _ENTRY,
            _ENTRY | {"user": "hans", "shown": "hans", "rights": _ALL, "role": "administrator"},
        ],
        "mine": _ALL,
    },
)
ENTRY = Example(f"/folders/{_TRAVEL}/acl/eva", _ENTRY)
REVOKE = Example(f"/folders/{_TRAVEL}/acl/eva", _ENTRY | {"rights": "", "role": None})
PUBLISH = Example(
    "/freebusy/hans",
    {"name": "hans", "served": True},
    {"start": _START, "end": _END, "periods": [_PERIOD]},
)
PERSON = Example("/freebusy/hans", _HANS)
PEOPLE = Example(
    f"/freebusy?names=hans,nobody&start={_START}&end={_END}", {"people": [_HANS, _NOBODY]}
)
QUERY = Example("/freebusy", {"people": [_HANS, _NOBODY]}, {"names": ["hans", "nobody"]})
UNPUBLISH = Example("/freebusy/hans", None)
DELETE = Example(f"/folders/{_TRAVEL}?even_if_filled=true", None)
