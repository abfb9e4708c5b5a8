"""The page for people: every endpoint with its example, made of the same table.

As all pages here: no scripts, nothing from elsewhere, one style sheet named by its hash.
"""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING, Any

from freebusy.connector.bodies import PREFIX
from freebusy.web.connector.openapi import INTRODUCTION, query_parameters
from freebusy.web.connector.table import GROUPS
from freebusy.web.pages import page_headers, page_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from freebusy.web.connector.endpoint import Endpoint

STYLE = """
:root{color-scheme:light dark;--bg:#fff;--soft:#f5f6f8;--line:#dcdfe5;--text:#1c2028;--dim:#596273;
--link:#0b57a4;--get:#0b6b3a;--post:#0b57a4;--put:#8a5300;--patch:#6d3a9c;--delete:#a8201a}
@media(prefers-color-scheme:dark){:root{--bg:#14171c;--soft:#1c2027;--line:#333a45;--text:#e6e9ee;
--dim:#a0a9b8;--link:#7db8f5;--get:#6fd39b;--post:#7db8f5;--put:#f0b45c;--patch:#c9a2f2;--delete:#ff9a92}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;scroll-padding-top:1rem}
body{font:16px/1.55 system-ui,sans-serif;background:var(--bg);color:var(--text);margin:0 auto;
max-width:76rem;padding:2rem 1.25rem 4rem}
a{color:var(--link);text-underline-offset:.15em}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .75rem}
h2{font-size:1.3rem;margin:3.5rem 0 .25rem;padding-top:1rem;border-top:2px solid var(--line)}
h3{font-size:1rem;font-weight:600;margin:0 0 .4rem;display:flex;flex-wrap:wrap;gap:.3rem .7rem;
align-items:baseline}
h4{font-size:.8rem;font-weight:600;color:var(--dim);margin:1rem 0 .3rem}
p{margin:.5rem 0;max-width:46rem}
code,pre{font:.875em/1.5 ui-monospace,Menlo,Consolas,monospace}
h3 code{font-size:.95rem;overflow-wrap:anywhere}
p code,td code,dd code{background:var(--soft);border-radius:.25rem;padding:.05em .3em}
pre{background:var(--soft);border:1px solid var(--line);border-radius:.5rem;margin:0;
padding:.75rem .9rem;overflow-x:auto;max-height:24rem}
section{margin:1.5rem 0 0;padding:1.25rem 1.25rem 1.4rem;border:1px solid var(--line);
border-radius:.75rem}
section:target{border-color:var(--link)}
.m{font:600 .75rem/1.5 ui-monospace,Menlo,Consolas,monospace;border:1px solid;border-radius:.3rem;
padding:.1rem .45rem}
.get{color:var(--get)}.post{color:var(--post)}.put{color:var(--put)}
.patch{color:var(--patch)}.delete{color:var(--delete)}
.pair{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:0 1.25rem}
.dim{color:var(--dim)}
nav table,table.list{border-collapse:collapse;width:100%;margin:.5rem 0}
td,th{text-align:left;vertical-align:baseline;padding:.3rem .9rem .3rem 0;
border-bottom:1px solid var(--line)}
th{font-size:.8rem;color:var(--dim);font-weight:600}
td:first-child{white-space:nowrap}
nav td:nth-child(2){overflow-wrap:anywhere}
nav a{text-decoration:none}nav a:hover{text-decoration:underline}
nav .m{border:0;padding:0}
@media(max-width:52rem){.pair{grid-template-columns:minmax(0,1fr)}body{padding-top:1.25rem}
section{padding:1rem .9rem 1.1rem}nav td:last-child{display:none}}
@media(prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
@media print{pre{max-height:none;white-space:pre-wrap}section{break-inside:avoid}}
""".replace("\n", "")

_TITLE = "Connector API"
_CODE = re.compile(r"`([^`]+)`")


def page(endpoints: Sequence[Endpoint]) -> tuple[bytes, dict[str, str]]:
    """Return the page as it is served, and its fields."""
    body = _head(endpoints) + "".join(
        _group(name, text, [each for each in endpoints if each.group == name])
        for name, text in GROUPS.items()
    )
    return page_text(_TITLE, f"<main>\n{body}</main>\n", STYLE).encode(), page_headers(STYLE)


def _head(endpoints: Sequence[Endpoint]) -> str:
    rows = "".join(
        f'<tr><td>{_method(each)}</td><td><a href="#{each.name}"><code>{_path(each)}</code></a>'
        f"</td><td>{escape(each.summary)}</td></tr>\n"
        for name in GROUPS
        for each in endpoints
        if each.group == name
    )
    return (
        f"<h1>{_TITLE}</h1>\n<p>{_prose(INTRODUCTION)}</p>\n"
        f'<p>For programs: <a href="{PREFIX}/openapi.json">openapi.json</a> (OpenAPI 3.1). '
        f"All paths below begin with <code>{PREFIX}</code>.</p>\n"
        f'<nav aria-label="Endpoints"><table>\n{rows}</table></nav>\n'
    )


def _group(name: str, text: str, endpoints: Sequence[Endpoint]) -> str:
    return f"<h2>{escape(name)}</h2>\n<p>{_prose(text)}</p>\n" + "".join(map(_section, endpoints))


def _section(endpoint: Endpoint) -> str:
    return (
        f'<section id="{endpoint.name}">\n'
        f"<h3>{_method(endpoint)} <code>{_path(endpoint)}</code></h3>\n"
        f"<p><strong>{escape(endpoint.summary)}.</strong> {_prose(endpoint.description)}</p>\n"
        f'{_query(endpoint)}<div class="pair">\n'
        f"<div><h4>Request</h4><pre>{escape(_request(endpoint))}</pre></div>\n"
        f"<div><h4>Answer</h4><pre>{escape(_answer(endpoint))}</pre></div>\n"
        f"</div>\n{_statuses(endpoint)}</section>\n"
    )


def _method(endpoint: Endpoint) -> str:
    return f'<span class="m {endpoint.method.lower()}">{endpoint.method}</span>'


def _path(endpoint: Endpoint) -> str:
    return re.sub(r"{(\w+)}", r"<var>\1</var>", escape(endpoint.path))


def _prose(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _query(endpoint: Endpoint) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{_prose(each['description'])}</td></tr>\n"
        for each in query_parameters(endpoint)
    )
    return rows and f'<h4>Query</h4>\n<table class="list">\n{rows}</table>\n'


def _statuses(endpoint: Endpoint) -> str:
    told = {each.status: each.meaning for each in endpoint.successes} | dict(endpoint.problems)
    rows = "".join(
        f"<tr><td><code>{status}</code></td><td>{_prose(meaning)}</td></tr>\n"
        for status, meaning in sorted(told.items())
    )
    return f'<h4>Status</h4>\n<table class="list">\n{rows}</table>\n'


# -- the example


def _request(endpoint: Endpoint) -> str:
    example = endpoint.example
    head = f"{endpoint.method} {PREFIX}{example.path}"
    if example.body is None:
        return head
    return f"{head}\nContent-Type: application/json\n\n{_pretty(example.body)}"


def _answer(endpoint: Endpoint) -> str:
    example = endpoint.example
    if example.answer is None:
        return f"{endpoint.successes[0].status} No Content"
    return _pretty(example.answer)


def _pretty(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
