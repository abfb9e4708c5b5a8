"""Pages for people: what the URLs mean, and, where the site lists, the files.

No scripts, nothing from elsewhere, every name escaped, and a Content-Security-Policy
that allows one style sheet, named by its hash (CSP Level 3 §2.3.1).
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import hdrs, web

from freebusy.web.replies import NO_CACHE, SERVER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from freebusy.ports import PublishedFile

STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.4rem}code{font-size:.95em}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.35rem .75rem .35rem 0;border-bottom:1px solid #8884}"
    "td{font-variant-numeric:tabular-nums}.stale{color:#b45309}"
)


def page_headers(style: str) -> dict[str, str]:
    """Return the fields of a page with one style sheet, which they name by its hash."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {
        hdrs.CONTENT_TYPE: "text/html; charset=utf-8",
        hdrs.CACHE_CONTROL: NO_CACHE,
        hdrs.SERVER: SERVER,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{digest}'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "Referrer-Policy": "no-referrer",
    }


HEADERS = page_headers(STYLE)

_INDEX = """<h1>Free/busy gateway</h1>
<p>It serves one file per person that says when the person is busy, and nothing else.</p>
<table>
<tr><th>Address</th><th>For</th></tr>
<tr><td><code>/pub/calendar/<var>NAME</var>.vfb</code></td><td>Outlook, KOrganizer</td></tr>
<tr><td><code>/calendar/<var>NAME</var>.vfb</code></td><td>the same file</td></tr>
<tr><td><code>/pub/calendar/<var>DOMAIN</var>/<var>NAME</var>.vfb</code></td>
<td>the same, where several domains are served</td></tr>
<tr><td><code>/freebusy/<var>NAME</var>.ifb</code></td><td>Kolab clients, Evolution</td></tr>
</table>
<p><var>NAME</var> is what stands before the @ of an address, or the whole address;
<code>.ifb</code> or no extension does as well.
In Outlook the search location is <code>/pub/calendar/%NAME%.vfb</code> on this server.</p>
"""


def index_page(*, listing: bool) -> web.Response:
    """Return the page that explains the addresses and names nobody."""
    link = '<p><a href="/pub/calendar/">All files</a></p>\n' if listing else ""
    return _page("Free/busy gateway", _INDEX + link)


def listing_page(path: str, files: Iterable[PublishedFile], now: datetime) -> web.Response:
    """Return a directory page with links below ``path``, which ends with a slash."""
    rows = "".join(_row(path, file, now) for file in files)
    body = (
        f"<h1>{escape(path)}</h1>\n<table>\n"
        "<tr><th>File</th><th>Changed (UTC)</th><th>Age</th></tr>\n"
        f"{rows}</table>\n"
    )
    return _page(path, body)


def _row(path: str, file: PublishedFile, now: datetime) -> str:
    file_name = f"{file.name}.vfb"
    age = escape(spoken(now - file.modified))
    if file.as_of is not None:
        age += f' <span class="stale">(calendars last read {file.as_of:%Y-%m-%d %H:%M})</span>'
    return (
        f'<tr><td><a href="{escape(path)}{quote(file_name, safe="")}">{escape(file_name)}</a></td>'
        f"<td>{file.modified:%Y-%m-%d %H:%M:%S}</td><td>{age}</td></tr>\n"
    )


def spoken(age: timedelta) -> str:
    """Return an age in its largest whole unit, such as ``3 hours``."""
    seconds = max(0, int(age.total_seconds()))
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            return _count(seconds // length, unit)
    return _count(seconds, "second")


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def page_text(title: str, body: str, style: str) -> str:
    """Return a whole page; ``body`` is HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        '<meta name="robots" content="noindex">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n"
        f"<body>\n{body}</body>\n</html>\n"
    )


def _page(title: str, body: str) -> web.Response:
    return web.Response(body=page_text(title, body, STYLE).encode(), headers=HEADERS)
