"""Tricks with names, methods and framing: what is sent, and what comes back."""

from __future__ import annotations

import gzip
import string
from typing import NamedTuple
from urllib.parse import quote

from tests.system.bad_uploads import MARKER, USUAL

BODY = USUAL.encode()
_ASCII = string.punctuation
NAMESAKE = "\u202esnah"


class Path(NamedTuple):
    """A path: over HTTP as it stands in the request line, over FTP as bytes of STOR."""

    http: bytes
    ftp: bytes | None = None
    """None where FTP has no such form."""
    folder: bytes = b"/pub/calendar"
    """Where the FTP session is."""


def both(path: str, folder: bytes = b"/pub/calendar") -> Path:
    return Path(quote(path, safe=_ASCII).encode(), path.encode(), folder)


HANS = "/pub/calendar/hans"

MEANS_HANS = {
    "the usual": both(f"{HANS}.vfb"),
    "the other folder": both("/calendar/hans.vfb"),
    "no extension": both(HANS),
    "another extension": both(f"{HANS}.IFB"),
    "capitals": both("/pub/calendar/HANS.VFB"),
    "an alias": both("/pub/calendar/hw.vfb"),
    "an address": both("/pub/calendar/hans@example.com.vfb"),
    "a domain before it": both("/pub/calendar/example.com/hans.vfb"),
    "an encoded address": Path(b"/pub/calendar/hans%40example.com.vfb"),
    "encoded letters": Path(b"/pub/calendar/%68ans%2Evfb"),
    "quoted-printable": both("/pub/calendar/name=3Dhans.vfb"),
    "a query": Path(b"/pub/calendar/hans.vfb?../berta.vfb"),
    "an absolute form": Path(b"http://127.0.0.1/pub/calendar/hans.vfb"),
    "from another folder": Path(b"/calendar/example.com/hans", b"hans", b"/calendar/example.com"),
    "dots to the same folder": Path(b"/calendar/hans", b"../calendar/./hans.vfb"),
    "slashes": Path(b"/calendar/hans", b"//pub//calendar///hans.vfb", b"/"),
}
"""Each is another way to say hans."""

MEANS_NOBODY = {
    "nobody's name": both("/pub/calendar/nobody.vfb"),
    "two dots": both("/pub/calendar/../../../etc/passwd"),
    "two dots to the same": both("/pub/calendar/x/../hans.vfb"),
    "two dots at the end": both("/pub/calendar/.."),
    "encoded dots": both("/pub/calendar/%2e%2e%2fhans.vfb"),
    "encoded twice": both("/pub/calendar/%252e%252e%252fhans.vfb"),
    "an encoded slash": both("/pub/calendar%2fhans.vfb"),
    "a backslash": both("/pub/calendar/..\\hans.vfb"),
    "an encoded backslash": both("/pub/calendar/%5chans.vfb"),
    "an encoded NUL": both("/pub/calendar/hans.vfb%00.txt"),
    "a NUL": Path(b"/pub/calendar/hans%00.vfb", b"hans.vfb\0.txt"),
    "an encoded line end": both("/pub/calendar/hans.vfb%0d%0aX-A:b"),
    "a CR": Path(b"/pub/calendar/hans%0D.vfb", b"hans.vfb\rDELE hans.vfb"),
    "a tab": Path(b"/pub/calendar/hans%09.vfb", b"hans\t.vfb"),
    "an escape": Path(b"/pub/calendar/hans%1b[2J.vfb", b"hans\x1b[2J.vfb"),
    "overlong UTF-8": Path(b"/pub/calendar/%c0%ae%c0%ae/hans.vfb", b"\xc0\xae\xc0\xae/hans.vfb"),
    "no UTF-8": Path(b"/pub/calendar/hans%ff.vfb", b"hans\xff.vfb"),
    "a blank after it": Path(b"/pub/calendar/hans.vfb%20", b"hans.vfb "),
    "a stream": both("/pub/calendar/hans.vfb::$DATA"),
    "the folder": both("/pub/calendar/"),
    "the folder without a slash": both("/pub/calendar"),
    "the folder above": both("/pub"),
    "the root": both("/"),
    "calendar": both("/pub/calendar/calendar"),
    "pub": both("/pub/pub.vfb"),
    "below the file": both("/pub/calendar/hans.vfb/x.vfb"),
    "the file as a folder": both("/pub/calendar/hans.vfb/"),
    "the state": both("/state/store.db"),
    "a full path": both("/etc/passwd"),
    "a hidden file": both("/pub/calendar/.htaccess"),
    "a key": both("/pub/calendar/.ssh/authorized_keys"),
    "only an extension": both("/pub/calendar/.vfb"),
    "details": both("/pub/calendar/hans.xfb"),
    "a partial list": both("/pub/calendar/hans.pfb"),
    "another domain": both("/pub/calendar/hans@other.example.vfb"),
    "another domain before it": both("/pub/calendar/other.example/hans.vfb"),
    "Cyrillic": both("/pub/calendar/\u0445ans.vfb"),
    "a right-to-left mark": both(f"/pub/calendar/{NAMESAKE}.vfb"),
    "a zero-width blank": both("/pub/calendar/ha\u200bns.vfb"),
    "a combining mark": both("/pub/calendar/hans\u0301.vfb"),
    "from the root": Path(b"/hans.vfb", b"hans.vfb", b"/"),
    "from the folder above": Path(b"/pub/hans.vfb", b"hans.vfb", b"/pub"),
    "from another domain": Path(
        b"/calendar/other.example/hans", b"hans", b"/calendar/other.example"
    ),
    "above the root": Path(b"/..", b"../../../../calendar/hans.vfb", b"/pub/calendar"),
    "hieroglyphs": both("/pub/calendar/\U00013080\U00013081.vfb"),
    "a long name": both(f"/pub/calendar/{'a' * 300}.vfb"),
    "a very long name": both(f"/pub/calendar/{'a' * 3000}.vfb"),
    "a plus": both("/pub/calendar/hans+admin.vfb"),
    "a star": both("/pub/calendar/*.vfb"),
    "a shell": both("/pub/calendar/$(reboot).vfb"),
    "a home": both("/pub/calendar/~root"),
    "a temporary file of nobody": both("/pub/calendar/nobody.vfb.part"),
    "a temporary file outside": both("/hans.vfb.part"),
    "a temporary name with a path": both("/pub/calendar/../hans.vfb.part/x"),
    "a lock": both("/locks/hans.lock"),
}

WAITS = {
    "KIO's": "/pub/calendar/hans.vfb.part",
    "an editor's": "/pub/calendar/hans.vfb~",
    "a dot after it": "/pub/calendar/hans.vfb.",
    "two extensions": "/pub/calendar/hans.vfb.vfb",
    "an alias": "/pub/calendar/hw.tmp",
}
"""Temporary names: what is sent there waits for its rename and is served to nobody."""

BROKEN_TARGETS = {
    "no slash": b"hans.vfb",
    "a raw backslash": b"\\pub\\calendar\\hans.vfb",
    "two slashes": b"//pub/calendar/hans.vfb",
    "two slashes inside": b"/pub//calendar/hans.vfb",
    "a single dot": b"/pub/./calendar/hans.vfb",
    "another scheme": b"ftp://127.0.0.1/pub/calendar/hans.vfb",
    "a broken escape": b"/pub/calendar/hans%2.vfb",
    "raw bytes": b"/pub/calendar/h\xe4ns.vfb",
}
"""Over HTTP alone: FTP reads some of these as it should."""


class Framing(NamedTuple):
    """A request as it goes over the wire, the answers to it, and whether hans has the new file."""

    request: bytes
    statuses: tuple[int, ...]
    publishes: bool = False


def _request(*fields: str, body: bytes = BODY, line: str = "PUT {path} HTTP/1.1") -> bytes:
    """Return a request whose login is still to be put in."""
    head = [line.replace("{path}", f"{HANS}.vfb"), "Host: 127.0.0.1", "{login}", *fields, "", ""]
    return "\r\n".join(head).encode() + body


def _chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


LENGTH = f"Content-Length: {len(BODY)}"
CHUNKED = "Transfer-Encoding: chunked"
CLOSE = "Connection: close"
SMUGGLED = b"DELETE /pub/calendar/hans.vfb HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

FRAMINGS = {
    "the usual": Framing(_request(LENGTH, CLOSE), (204,), publishes=True),
    "chunks": Framing(
        _request(CHUNKED, CLOSE, body=_chunked(BODY[:7], BODY[7:])), (204,), publishes=True
    ),
    "chunks with an extension": Framing(
        _request(CHUNKED, CLOSE, body=_chunked(BODY).replace(b"\r\n", b";a=b\r\n", 1)),
        (204,),
        publishes=True,
    ),
    "pipelined": Framing(_request(LENGTH) + _request(LENGTH, CLOSE), (204, 204), publishes=True),
    "HTTP/1.0": Framing(_request(LENGTH, line="PUT {path} HTTP/1.0"), (204,), publishes=True),
    "no type of files": Framing(
        _request(LENGTH, CLOSE, "Content-Type: application/octet-stream"), (204,), publishes=True
    ),
    "HTTP/0.9": Framing(_request(LENGTH, line="PUT {path}"), (400,)),
    "HTTP/9.9": Framing(_request(LENGTH, CLOSE, line="PUT {path} HTTP/9.9x"), (400,)),
    "no Host": Framing(_request(LENGTH, CLOSE).replace(b"Host", b"X-Host"), (400,)),
    "a lower-case method": Framing(_request(LENGTH, CLOSE, line="put {path} HTTP/1.1"), (400,)),
    "PATCH": Framing(_request(LENGTH, CLOSE, line="PATCH {path} HTTP/1.1"), (405,)),
    "POST": Framing(_request(LENGTH, CLOSE, line="POST {path} HTTP/1.1"), (405,)),
    "MKCOL": Framing(_request(LENGTH, CLOSE, line="MKCOL {path} HTTP/1.1"), (405,)),
    "gzip": Framing(
        _request(
            "Content-Encoding: gzip",
            f"Content-Length: {len(gzip.compress(BODY))}",
            CLOSE,
            body=gzip.compress(BODY),
        ),
        (415,),
    ),
    "a range": Framing(_request("Content-Range: bytes 0-9/100", LENGTH, CLOSE), (400,)),
    "a form": Framing(
        _request("Content-Type: multipart/form-data; boundary=a", LENGTH, CLOSE), (415,)
    ),
    "HTML": Framing(_request("Content-Type: text/html", LENGTH, CLOSE), (415,)),
    "an odd expectation": Framing(_request("Expect: 200-ok", LENGTH, CLOSE), (417,)),
    "another file was meant": Framing(_request('If-Match: "0"', LENGTH, CLOSE), (412,)),
    "no file was meant": Framing(_request("If-None-Match: *", LENGTH, CLOSE), (412,)),
    "no length": Framing(_request(CLOSE), (400,)),
    "a length too long": Framing(_request(f"Content-Length: {len(BODY) + 9}", CLOSE), (400,)),
    "a length too short": Framing(_request(f"Content-Length: {len(BODY) - 30}", CLOSE), (400,)),
    "a negative length": Framing(_request("Content-Length: -1", CLOSE), (400,)),
    "no number": Framing(_request("Content-Length: 0x10", CLOSE), (400,)),
    "a plus before it": Framing(_request(f"Content-Length: +{len(BODY)}", CLOSE), (400,)),
    "two lengths": Framing(_request(LENGTH, "Content-Length: 5", CLOSE), (400,)),
    "a list of lengths": Framing(_request(f"{LENGTH}, 5", CLOSE), (400,)),
    "petabytes": Framing(_request("Content-Length: 9999999999999999", CLOSE), (413,)),
    "chunks and a length": Framing(
        _request(CHUNKED, "Content-Length: 5", CLOSE, body=_chunked(BODY) + SMUGGLED), (400,)
    ),
    "chunks of another coding": Framing(
        _request("Transfer-Encoding: chunked, identity", CLOSE, body=_chunked(BODY)), (400,)
    ),
    "a hidden coding": Framing(
        _request("Transfer-Encoding: xchunked", LENGTH, CLOSE, body=_chunked(BODY)), (400,)
    ),
    "a space before the colon": Framing(
        _request("Transfer-Encoding : chunked", CLOSE, body=_chunked(BODY)), (400,)
    ),
    "a folded field": Framing(
        _request("Transfer-Encoding:\r\n chunked", CLOSE, body=_chunked(BODY)), (400,)
    ),
    "a bad chunk size": Framing(
        _request(CHUNKED, CLOSE, body=b"zz\r\n" + BODY + b"\r\n0\r\n\r\n"), (400,)
    ),
    "a negative chunk": Framing(
        _request(CHUNKED, CLOSE, body=b"-5\r\n" + BODY + b"\r\n0\r\n\r\n"), (400,)
    ),
    "a chunk size without end": Framing(
        _request(CHUNKED, CLOSE, body=b"f" * 5000 + b"\r\n" + BODY), (400,)
    ),
    "a chunk that is too short": Framing(
        _request(CHUNKED, CLOSE, body=b"3\r\n" + BODY + b"\r\n0\r\n\r\n"), (400,)
    ),
    "chunks without an end": Framing(
        _request(CHUNKED, CLOSE, body=_chunked(BODY).removesuffix(b"0\r\n\r\n")), (400,)
    ),
    "a NUL in a field": Framing(_request(f"X-A: \0{MARKER}", LENGTH, CLOSE), (400,)),
    "too many fields": Framing(_request(*["X-A: b"] * 1000, LENGTH, CLOSE), (400,)),
    "no login": Framing(_request(LENGTH, CLOSE).replace(b"{login}", b"X: y"), (401,)),
    "a wrong kind of login": Framing(
        _request(LENGTH, CLOSE).replace(b"{login}", f"Authorization: Bearer {MARKER}".encode()),
        (401,),
    ),
}
