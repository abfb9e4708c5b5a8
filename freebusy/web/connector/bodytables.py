"""The JSON objects of requests and answers as tables for people, made of their schemas."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Schema = dict[str, Any]

_REFERENCE = "#/components/schemas/"
_CODE = re.compile(r"`{1,2}([^`]+)`{1,2}")


def prose(text: str) -> str:
    """Return a text with code in backticks as HTML."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def link(name: str) -> str:
    """Return a link to an object's table."""
    return f'<a href="#{escape(name)}">{escape(name)}</a>'


def named(schema: Schema) -> str | None:
    """Return the object that a schema refers to."""
    reference = schema.get("$ref", "")
    return reference.removeprefix(_REFERENCE) if reference else None


def tables(schemas: Mapping[str, Schema]) -> str:
    """Return a table for each object, sorted by name."""
    return "".join(
        f'<section id="{escape(name)}">\n<h3><code>{escape(name)}</code></h3>\n'
        f"<p>{prose(schema.get('description', ''))}</p>\n"
        f'<table class="list">\n{"".join(_rows(schema))}</table>\n</section>\n'
        for name, schema in sorted(schemas.items())
    )


def _rows(schema: Schema) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, each in schema.get("properties", {}).items():
        optional = "" if name in required else ' <span class="dim">may be left out</span>'
        yield (
            f"<tr><td><code>{escape(name)}</code></td><td>{_kind(each)}{optional}</td>"
            f"<td>{prose(each.get('description', ''))}</td></tr>\n"
        )


def _kind(schema: Schema) -> str:
    """Return the type of a value in a word or a few."""
    if (name := named(schema)) is not None:
        return link(name)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_kind, schema["anyOf"])))
    if "enum" in schema:
        return " ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(str(schema['const'])) or '&quot;&quot;'}</code>"
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if schema.get("format") == "date-time":
        return "time"
    return _WORDS.get(schema.get("type", ""), "anything")


_WORDS = {
    "string": "text",
    "integer": "number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "null": "null",
}
