"""What Office and KIO send to publish a file over WebDAV, as data, and its replay.

The sequences are written down from the protocol and from what is known of the clients:
which methods, which header fields, which properties; not one is a recording.  Braces are
filled in at the replay: ``{path}`` of the file, ``{folder}`` of its collection with a
slash at the end, ``{host}``, ``{authorization}``, ``{token}`` of the last LOCK.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

OFFICE_AGENT = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17126; Pro)"
PROVIDER_AGENT = "Microsoft Data Access Internet Publishing Provider DAV 1.1"
KIO_AGENT = "Mozilla/5.0 (X11; Linux x86_64) KHTML/5.103.0 (like Gecko) Konqueror/5 KIO/5.103"

FILE = "{file}"
"""Stands for the body of a PUT."""

DONE = frozenset({200, 201, 204})
MULTI = frozenset({207})
MAYBE = frozenset({200, 404})
ABSENT = frozenset({404})


@dataclass(frozen=True)
class Step:
    """One request, and the statuses with which the client goes on."""

    method: str
    target: str
    statuses: frozenset[int]
    headers: Mapping[str, str]
    body: str = ""


@dataclass(frozen=True)
class Reply:
    """What came back."""

    step: Step
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


def _xml(inside: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?>\r\n{inside}'


_LOCK_INFO = _xml(
    '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    "<D:locktype><D:write/></D:locktype><D:owner><D:href>OFFICE\\hans</D:href></D:owner>"
    "</D:lockinfo>"
)
_RESOURCE_TYPE = _xml('<D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/></D:prop></D:propfind>')
_PROVIDER_PROPERTIES = _xml(
    '<a:propfind xmlns:a="DAV:" xmlns:b="urn:schemas-microsoft-com:datatypes"><a:prop><a:name/>'
    "<a:parentname/><a:href/><a:ishidden/><a:isreadonly/><a:getcontenttype/><a:contentclass/>"
    "<a:getcontentlanguage/><a:creationdate/><a:lastaccessed/><a:getlastmodified/>"
    "<a:getcontentlength/><a:iscollection/><a:isstructureddocument/><a:defaultdocument/>"
    "<a:displayname/><a:isroot/><a:resourcetype/></a:prop></a:propfind>"
)
_WINDOWS_TIMES = _xml(
    '<D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop>'
    "<Z:Win32CreationTime>Mon, 01 Jun 2026 12:00:00 GMT</Z:Win32CreationTime>"
    "<Z:Win32LastModifiedTime>Mon, 01 Jun 2026 12:00:00 GMT</Z:Win32LastModifiedTime>"
    "<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>"
)
_KIO_PROPERTIES = _xml(
    '<D:propfind xmlns:D="DAV:"><D:prop><D:creationdate/><D:getcontentlength/><D:displayname/>'
    "<D:source/><D:getcontentlanguage/><D:getcontenttype/><D:getlastmodified/><D:getetag/>"
    "<D:supportedlock/><D:lockdiscovery/><D:resourcetype/></D:prop></D:propfind>"
)

_XML_TYPE = {"Content-Type": "text/xml; charset=utf-8"}
_FILE_TYPE = {"Content-Type": "text/calendar"}
_OFFICE = {"User-Agent": OFFICE_AGENT, "X-Office-Major-Version": "16", "Translate": "f"}
_PROVIDER = {"User-Agent": PROVIDER_AGENT, "Translate": "f", "Pragma": "no-cache"}
_KIO = {"User-Agent": KIO_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
_LOCK = {"Timeout": "Second-3600", "Depth": "0"} | _XML_TYPE
_HELD = {"If": "({token})"}

OFFICE = (
    Step("OPTIONS", "{folder}", DONE, _OFFICE),
    Step("PROPFIND", "{folder}", MULTI, _OFFICE | _XML_TYPE | {"Depth": "0"}, _RESOURCE_TYPE),
    Step("HEAD", "{path}", MAYBE, _OFFICE),
    Step("OPTIONS", "{path}", DONE, _OFFICE),
    Step("PROPFIND", "{path}", MULTI, _OFFICE | _XML_TYPE | {"Depth": "0"}, _RESOURCE_TYPE),
    Step("LOCK", "{path}", DONE, _OFFICE | _LOCK, _LOCK_INFO),
    Step("PUT", "{path}", DONE, _OFFICE | _FILE_TYPE | _HELD, FILE),
    Step("LOCK", "{path}", DONE, _OFFICE | _HELD | {"Timeout": "Second-3600"}),
    Step("UNLOCK", "{path}", DONE, _OFFICE | {"Lock-Token": "{token}"}),
    Step("GET", "{path}", DONE, _OFFICE),
)
"""Office 2013 and later."""

PUBLISHING_PROVIDER = (
    Step("OPTIONS", "/", DONE, _PROVIDER),
    Step("GET", "/_vti_inf.html", ABSENT, _PROVIDER),
    Step(
        "PROPFIND",
        "{folder}",
        MULTI,
        _PROVIDER | _XML_TYPE | {"Depth": "1,noroot"},
        _PROVIDER_PROPERTIES,
    ),
    Step("PROPFIND", "{path}", MULTI, _PROVIDER | _XML_TYPE | {"Depth": "0"}, _PROVIDER_PROPERTIES),
    Step("LOCK", "{path}", DONE, _PROVIDER | _LOCK | {"Timeout": "Infinite"}, _LOCK_INFO),
    Step("PUT", "{path}", DONE, _PROVIDER | _HELD, FILE),
    Step("PROPPATCH", "{path}", MULTI, _PROVIDER | _XML_TYPE | _HELD, _WINDOWS_TIMES),
    Step("UNLOCK", "{path}", DONE, _PROVIDER | {"Lock-Token": "{token}"}),
)
"""The library under Office 2000 to 2007; its PUT names no type."""

PROVIDER_PLAIN = (
    Step("OPTIONS", "{path}", DONE, _PROVIDER),
    Step("PUT", "{path}", DONE, _PROVIDER, FILE),
)
"""The same without locks, as older ones publish."""

KIO = (
    Step("PROPFIND", "{path}", MULTI, _KIO | _XML_TYPE | {"Depth": "0"}, _KIO_PROPERTIES),
    Step("PUT", "{path}", DONE, _KIO | {"Content-Type": "application/octet-stream"}, FILE),
    Step("PROPFIND", "{path}", MULTI, _KIO | _XML_TYPE | {"Depth": "0"}, _KIO_PROPERTIES),
)
"""KOrganizer through webdav:// of KDE."""

KIO_PART = (
    Step("PROPFIND", "{path}", MULTI, _KIO | _XML_TYPE | {"Depth": "0"}, _KIO_PROPERTIES),
    Step("PUT", "{path}.part", DONE, _KIO, FILE),
    Step("PROPFIND", "{path}.part", MULTI, _KIO | _XML_TYPE | {"Depth": "0"}, _KIO_PROPERTIES),
    Step(
        "MOVE",
        "{path}.part",
        DONE,
        _KIO | {"Destination": "http://{host}{path}", "Overwrite": "T", "Depth": "infinity"},
    ),
    Step("GET", "{path}", DONE, _KIO),
)
"""The same with a temporary name."""

TRANSCRIPTS: dict[str, tuple[Step, ...]] = {
    "office": OFFICE,
    "publishing provider": PUBLISHING_PROVIDER,
    "publishing provider, plain": PROVIDER_PLAIN,
    "kio": KIO,
    "kio, part": KIO_PART,
}


def replay(
    client: socket.socket,
    steps: Sequence[Step],
    *,
    path: str,
    body: bytes,
    host: str,
    authorization: str = "",
) -> list[Reply]:
    """Send the steps over one connection; AssertionError where a client would give up."""
    values = {"path": path, "folder": path.rpartition("/")[0] + "/", "host": host, "token": ""}
    replies: list[Reply] = []
    for step in steps:
        client.sendall(_request(step, values, body, authorization))
        reply = _reply(client, step)
        replies.append(reply)
        said = f"{step.method} {step.target}: {reply.status} {reply.body[:300]!r}"
        assert reply.status in step.statuses, said
        values["token"] = reply.headers.get("lock-token", values["token"])
    return replies


def _request(step: Step, values: Mapping[str, str], body: bytes, authorization: str) -> bytes:
    content = body if step.body == FILE else step.body.encode()
    fields = {"Host": values["host"]} | dict(step.headers)
    if authorization:
        fields["Authorization"] = authorization
    if content or step.method in {"PUT", "LOCK"}:
        fields["Content-Length"] = str(len(content))
    lines = [f"{step.method} {step.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return _filled("\r\n".join(lines) + "\r\n\r\n", values).encode() + content


def _filled(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], text)


def _reply(client: socket.socket, step: Step) -> Reply:
    response = HTTPResponse(client, method=step.method)
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Reply(step, response.status, headers, response.read())
