"""Problems of a configuration, as sentences: the key, the value, what was expected."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from freebusy.config.connector import ConnectorTable
from freebusy.config.lookup import Lookup
from freebusy.config.model import (
    Access,
    Ftp,
    Http,
    Limits,
    Log,
    Login,
    Schedule,
    Section,
    Site,
    Window,
)
from freebusy.config.publish import Publish
from freebusy.config.roster import RosterOrigin
from freebusy.config.tls import Tls
from freebusy.config.values import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

SECTIONS: dict[str, type[Section]] = {
    "site": Site,
    "roster": RosterOrigin,
    "window": Window,
    "http": Http,
    "ftp": Ftp,
    "tls": Tls,
    "access": Access,
    "login": Login,
    "publish": Publish,
    "connector": ConnectorTable,
    "lookup": Lookup,
    "schedule": Schedule,
    "limits": Limits,
    "log": Log,
}
TABLES = (*SECTIONS, "sources", "persons")
MAX_SHOWN = 60

_SECRET = re.compile(r"passw|secret|token|msg_conf", re.IGNORECASE)
_CREDENTIALS = re.compile(r":[^@]*@|passw", re.IGNORECASE)
_EXPECTED = {
    "missing": "is missing",
    "int_type": "expected a whole number",
    "bool_type": "expected true or false",
    "string_type": "expected a text in quotes",
    "path_type": "expected a path in quotes",
    "tuple_type": "expected a list in brackets",
    "model_type": "expected a table",
    "model_attributes_type": "expected a table",
    "string_too_short": "expected a text that is not empty",
    "too_short": "expected at least one entry",
    "too_long": "expected fewer entries",
}
_BOUNDS = {"greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most")}


def problems_in(error: ValidationError, where: str, section: type[Section]) -> list[str]:
    """Return one sentence for each thing that is wrong in a table."""
    return [_sentence(detail, where, section) for detail in error.errors(include_url=False)]


def in_roster(problem: str, place: str) -> str:
    """Set what is wrong apart from where it stands: ``people.csv:5: timezone: ...``."""
    return problem.replace(f"{place}.", f"{place}: ", 1)


def unknown_tables(names: Iterable[str]) -> list[str]:
    """Return one sentence for each key at the top that is none."""
    return [unknown_key("", name, TABLES) for name in names if name not in TABLES]


def unknown_key(where: str, name: str, known: Iterable[str]) -> str:
    """Say that a key is unknown and what was probably meant."""
    path = f"{where}.{name}" if where else name
    if where and name in TABLES:
        return (
            f"{path}: unknown key; {name} belongs at the top of the file, before the first [table]"
        )
    if name in {"password", "passwd"} and "password_file" in set(known):
        return (
            f"{path}: a password does not belong in this file; "
            "put it in a file and name that as password_file, or use password_env"
        )
    hint = nearest(name, known)
    if not hint:
        homes = [
            f"[{section}]" for section, model in SECTIONS.items() if name in model.model_fields
        ]
        hint = f"; it belongs in {' or '.join(homes)}" if homes else ""
    return f"{path}: unknown key{hint or '; known here: ' + ', '.join(known)}"


def _sentence(detail: ErrorDetails, where: str, section: type[Section]) -> str:
    *inner, last = detail["loc"] or ("",)
    if detail["type"] == "extra_forbidden":
        return unknown_key(_path(where, inner), str(last), section.model_fields)
    path = _path(where, detail["loc"])
    expected = _expected(detail)
    shown = "" if _SECRET.search(path) else _shown(detail["input"])
    return f"{path}:{shown} {expected}"


def _path(where: str, loc: Iterable[str | int]) -> str:
    """Return a key path; entries of lists count from 1, as people do."""
    path = where
    for part in loc:
        path += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return path


def _expected(detail: ErrorDetails) -> str:
    kind = detail["type"]
    context: Mapping[str, Any] = detail.get("ctx") or {}
    if kind == "expected":
        return f"expected {context['expected']}"
    if kind == "literal_error":
        return _one_of(str(context["expected"]), detail["input"])
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"expected {words} {context[key]}"
    return _EXPECTED.get(kind, f"expected {detail['msg'].lower()}")


def _one_of(listed: str, value: object) -> str:
    words = re.findall(r"'([^']*)'", listed)
    hint = nearest(value, words) if isinstance(value, str) else ""
    return f"expected {' or '.join(json.dumps(word) for word in words)}{hint}"


def _shown(value: object) -> str:
    """Return a scalar as it may be shown; nothing of tables and of what may hold a secret."""
    if isinstance(value, bool | int | float):
        return f" {json.dumps(value)}:"
    if not isinstance(value, str) or _CREDENTIALS.search(value):
        return ""
    text = value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "…"
    return f" {json.dumps(text, ensure_ascii=False)}:"
