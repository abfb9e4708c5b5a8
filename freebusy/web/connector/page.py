"""The page for people: every endpoint with its example, made of the same table.

As all pages here: no scripts, nothing from elsewhere, one style sheet named by its hash.
"""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING, Any

from freebusy.connector.bodies import PREFIX
from freebusy.web.connector.bodytables import link, prose, tables
from freebusy.web.connector.endpoint import COMMON, WITH_BODY, WITH_MAIL
from freebusy.web.connector.openapi import INTRODUCTION, openapi, query_parameters
from freebusy.web.connector.table import GROUPS
from freebusy.web.pages import page_headers, page_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

    from freebusy.web.connector.endpoint import Endpoint

STYLE = """
:root{color-scheme:light dark;--bg:#fff;--soft:#f5f6f8;--line:#dcdfe5;--text:#1c2028;--dim:#596273;
--link:#0b57a4;--get:#0b6b3a;--post:#0b57a4;--put:#8a5300;--patch:#6d3a9c;--delete:#a8201a}
@media(prefers-color-scheme:dark){:root{--bg:#14171c;--soft:#1c2027;--line:#333a45;--text:#e6e9ee;
--dim:#a0a9b8;--link:#7db8f5;--get:#6fd39b;--post:#7db8f5;--put:#f0b45c;--patch:#c9a2f2;--delete:#ff9a92}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{font:16px/1.55 system-ui,sans-serif;background:var(--bg);color:var(--text);margin:0 auto;
max-width:76rem;padding:2.5rem 1.25rem 4rem}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .75rem}
h2{font-size:1.35rem;margin:3.5rem 0 .25rem;padding-top:1.25rem;border-top:2px solid var(--line)}
h3{font-size:1rem;font-weight:600;margin:0 0 .4rem;display:flex;flex-wrap:wrap;gap:.3rem .7rem;
align-items:baseline}
h4{font-size:.8rem;font-weight:600;color:var(--dim);margin:1rem 0 .3rem}
p{margin:.5rem 0;max-width:48rem}
code,pre{font:.875em/1.5 ui-monospace,Menlo,Consolas,monospace}
h3 code{font-size:.95rem;overflow-wrap:anywhere}
p code,td code{background:var(--soft);border-radius:.25rem;padding:.05em .3em}
pre{background:var(--soft);border:1px solid var(--line);border-radius:.5rem;margin:0;
padding:.75rem .9rem;overflow:auto;max-height:26rem;white-space:pre-wrap;overflow-wrap:anywhere}
section{margin:1.25rem 0 0;padding:1.25rem 1.25rem 1.4rem;border:1px solid var(--line);
border-radius:.75rem}
section:target{border-color:var(--link)}
.m{font:600 .75rem/1.5 ui-monospace,Menlo,Consolas,monospace;border:1px solid;border-radius:.3rem;
padding:.1rem .45rem}
.get{color:var(--get)}.post{color:var(--post)}.put{color:var(--put)}
.patch{color:var(--patch)}.delete{color:var(--delete)}
.pair{display:grid;grid-template-columns:minmax(0,5fr) minmax(0,6fr);gap:0 1.75rem}
.dim{color:var(--dim);font-size:.875em}
table{border-collapse:collapse;width:100%;margin:.25rem 0 0}
td{text-align:left;vertical-align:baseline;padding:.35rem .9rem .35rem 0;
border-bottom:1px solid var(--line)}
tr:last-child td{border-bottom:0}
td:last-child{padding-right:0}
td:first-child{white-space:nowrap;width:1%}
#objects~section td:nth-child(2){width:38%}
nav{columns:2 26rem;column-gap:2.5rem;margin:1.75rem 0 0}
nav div{break-inside:avoid;margin:0 0 1.25rem}
nav strong{display:block;margin:0 0 .15rem}
nav a{display:grid;align-items:baseline;grid-template-columns:4.2rem minmax(0,1fr);padding:.16rem 0;
text-decoration:none;color:inherit}
nav a:hover{background:var(--soft)}
nav .m{border:0;padding:0;line-height:1.7}
@media(max-width:52rem){.pair{grid-template-columns:minmax(0,1fr)}body{padding-top:1.25rem}
section{padding:1rem .9rem 1.1rem}}
@media(max-width:34rem){#objects~section tr{display:block;padding:.4rem 0;
border-bottom:1px solid var(--line)}#objects~section tr:last-child{border:0}
#objects~section td{display:inline;border:0;padding:0 .5rem 0 0;white-space:normal}
#objects~section td:last-child{display:block}}
@media print{pre{max-height:none}section{break-inside:avoid}}
""".replace("\n", "")

_TITLE = "Connector API"


def page(endpoints: Sequence[Endpoint]) -> tuple[bytes, dict[str, str]]:
    """Return the page as it is served, and its fields."""
    groups = {name: [each for each in endpoints if each.group == name] for name in GROUPS}
    body = "".join(
        (
            _head(groups),
            *(_group(name, members) for name, members in groups.items()),
            _problems(),
            '<h2 id="objects">Objects</h2>\n<p>What the JSON of requests and answers holds.</p>\n',
            tables(openapi(endpoints)["components"]["schemas"]),
        )
    )
    return page_text(_TITLE, f"<main>\n{body}</main>\n", STYLE).encode(), page_headers(STYLE)


def _head(groups: Mapping[str, Sequence[Endpoint]]) -> str:
    lists = "".join(
        f"<div><strong>{escape(name)}</strong>\n{''.join(map(_entry, members))}</div>\n"
        for name, members in groups.items()
    )
    return (
        f"<h1>{_TITLE}</h1>\n<p>{prose(INTRODUCTION)}</p>\n"
        f'<p>For programs: <a href="{PREFIX}/openapi.json">openapi.json</a> (OpenAPI 3.1). '
        f"All paths begin with <code>{PREFIX}</code>.</p>\n"
        f'<nav aria-label="Endpoints">\n{lists}</nav>\n'
    )


def _entry(endpoint: Endpoint) -> str:
    return (
        f'<a href="#{endpoint.name}">{_method(endpoint)}<span><code>{_path(endpoint)}</code> '
        f'<span class="dim">{escape(endpoint.summary)}</span></span></a>\n'
    )


def _group(name: str, endpoints: Sequence[Endpoint]) -> str:
    text = prose(GROUPS[name])
    return f"<h2>{escape(name)}</h2>\n<p>{text}</p>\n" + "".join(map(_section, endpoints))


def _section(endpoint: Endpoint) -> str:
    return (
        f'<section id="{endpoint.name}">\n'
        f"<h3>{_method(endpoint)} <code>{_path(endpoint)}</code></h3>\n"
        f"<p><strong>{escape(endpoint.summary)}.</strong> {prose(endpoint.description)}</p>\n"
        f'<div class="pair">\n<div>{_query(endpoint)}<h4>Request{_of(endpoint.body)}</h4>'
        f"<pre>{escape(_request(endpoint))}</pre>\n{_statuses(endpoint)}</div>\n"
        f"<div><h4>Answer{_of(endpoint.successes[0].body)}</h4>"
        f"<pre>{escape(_answer(endpoint))}</pre></div>\n</div>\n</section>\n"
    )


def _problems() -> str:
    return (
        '<h2 id="problems">Problems</h2>\n<p>What endpoints may answer beside what is said there,'
        f" as {link('Problem')}.</p>\n<h4>Every endpoint</h4>\n{_table(COMMON)}"
        f"<h4>Those that take a body</h4>\n{_table(WITH_BODY)}"
        f"<h4>Those that ask the mail server</h4>\n{_table(WITH_MAIL)}"
    )


def _of(model: type[BaseModel] | None) -> str:
    return "" if model is None else f": {link(model.__name__)}"


def _method(endpoint: Endpoint) -> str:
    return f'<span class="m {endpoint.method.lower()}">{endpoint.method}</span>'


def _path(endpoint: Endpoint) -> str:
    return re.sub(r"{(\w+)}", r"<var>\1</var>", escape(endpoint.path))


def _query(endpoint: Endpoint) -> str:
    told = {each["name"]: each["description"] for each in query_parameters(endpoint)}
    return f"<h4>Query</h4>\n{_table(told)}" if told else ""


def _statuses(endpoint: Endpoint) -> str:
    told = {each.status: each.meaning for each in endpoint.successes} | dict(endpoint.problems)
    return f"<h4>Status</h4>\n{_table(dict(sorted(told.items())))}"


def _table(told: Mapping[Any, str]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(str(name))}</code></td><td>{prose(meaning)}</td></tr>\n"
        for name, meaning in told.items()
    )
    return f"<table>\n{rows}</table>\n"


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
