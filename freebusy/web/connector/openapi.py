"""The OpenAPI document of the endpoints (OpenAPI Specification 3.1.0)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from aiohttp import hdrs
from pydantic.json_schema import models_json_schema

from freebusy.connector.bodies import PREFIX, Problem
from freebusy.connector.fields import MAX_FOLDER_ID
from freebusy.web.connector.problems import JSON, PROBLEM
from freebusy.web.connector.table import GROUPS
from freebusy.web.replies import NO_CACHE, SERVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import BaseModel

    from freebusy.web.connector.endpoint import Endpoint, Success

_SCHEMAS = "#/components/schemas/{model}"
Object = dict[str, Any]
_Mode = Literal["validation", "serialization"]
_Schemas = dict[tuple[str, _Mode], Object]
"""The reference to each model's schema, by its name and use."""

_HEADERS = {
    hdrs.CONTENT_TYPE: JSON,
    hdrs.CACHE_CONTROL: NO_CACHE,
    hdrs.SERVER: SERVER,
    "X-Content-Type-Options": "nosniff",
}

INTRODUCTION = (
    "What a connector does for a person: checks the login, lists folders, exchanges items, shares"
    " folders and sees to free/busy. Log in with Basic: with the mail account, or with an app"
    " password of scope `connector`. Passwords go over TLS alone, except on the same machine."
    " Times are RFC 3339 with a zone. What goes wrong comes as `application/problem+json`"
    " (RFC 9457), whose `detail` says what to do."
)

_PATH_PARAMETERS: dict[str, tuple[str, Object]] = {
    "id": (
        "A folder's id.",
        {"type": "string", "maxLength": MAX_FOLDER_ID, "pattern": "^[A-Za-z0-9_-]+$"},
    ),
    "job": ("A job's id.", {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 64}),
    "user": (
        "A user of the mail server, or `anyone`.",
        {"type": "string", "minLength": 1, "maxLength": 254},
    ),
    "name": (
        "A NAME or an address.",
        {"type": "string", "minLength": 1, "maxLength": 254, "pattern": "^[^/\\\\]+$"},
    ),
}


def document(endpoints: Sequence[Endpoint]) -> tuple[bytes, dict[str, str]]:
    """Return the document as it is served, and its fields."""
    text = json.dumps(openapi(endpoints), ensure_ascii=False, separators=(",", ":"))
    return text.encode(), _HEADERS


def openapi(endpoints: Sequence[Endpoint]) -> Object:
    """Return the document."""
    references, schemas = _schemas(endpoints)
    paths: Object = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, references)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Connector", "version": "1", "description": INTRODUCTION},
        "servers": [{"url": PREFIX}],
        "security": [{"basic": []}],
        "tags": [{"name": name, "description": text} for name, text in GROUPS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
        },
    }


# -- schemas


def _schemas(endpoints: Iterable[Endpoint]) -> tuple[_Schemas, Object]:
    """Return the references and the schemas themselves."""
    used: set[tuple[type[BaseModel], _Mode]] = {(Problem, "serialization")}
    for endpoint in endpoints:
        used |= {(each.body, "serialization") for each in endpoint.successes if each.body}
        if endpoint.body is not None:
            used.add((endpoint.body, "validation"))
    ordered = sorted(used, key=lambda each: (each[0].__name__, each[1]))
    references, definitions = models_json_schema(ordered, ref_template=_SCHEMAS)
    named = {(model.__name__, mode): value for (model, mode), value in references.items()}
    return named, definitions["$defs"]


def _json(model: type[BaseModel], references: _Schemas, mode: _Mode = "serialization") -> Object:
    return {"schema": references[model.__name__, mode]}


# -- operations


def _operation(endpoint: Endpoint, references: _Schemas) -> Object:
    operation: Object = {
        "operationId": endpoint.name,
        "tags": [endpoint.group],
        "summary": endpoint.summary,
        "description": endpoint.description,
        "parameters": [*_in_path(endpoint), *query_parameters(endpoint)],
        "responses": {
            **{
                str(each.status): _success(each, endpoint, references)
                for each in endpoint.successes
            },
            **{
                str(status): _refusal(status, meaning, references)
                for status, meaning in endpoint.refusals().items()
            },
        },
    }
    if endpoint.body is not None:
        operation["requestBody"] = _request_body(endpoint, endpoint.body, references)
    return operation


def _request_body(endpoint: Endpoint, model: type[BaseModel], references: _Schemas) -> Object:
    media = _json(model, references, "validation")
    content: Object = {JSON: media | {"example": endpoint.example.body}}
    if endpoint.also is not None:
        content[endpoint.also] = {"schema": {"type": "string"}}
    return {"required": True, "content": content}


def _success(success: Success, endpoint: Endpoint, references: _Schemas) -> Object:
    told: Object = {"description": success.meaning}
    if success.body is not None:
        told["content"] = {JSON: _json(success.body, references)}
        if success is endpoint.successes[0]:
            told["content"][JSON]["example"] = endpoint.example.answer
    if success.has_location:
        told["headers"] = {"Location": _header("Where it is.")}
    return told


def _refusal(status: int, meaning: str, references: _Schemas) -> Object:
    told: Object = {"description": meaning, "content": {PROBLEM: _json(Problem, references)}}
    if status == 401:
        told["headers"] = {"WWW-Authenticate": _header("The scheme to log in with: Basic.")}
    if status == 429:
        told["headers"] = {"Retry-After": _header("Seconds to wait.")}
    return told


def _header(description: str) -> Object:
    return {"description": description, "required": True, "schema": {"type": "string"}}


# -- parameters


def _in_path(endpoint: Endpoint) -> list[Object]:
    names = [part[1:-1] for part in endpoint.segments if part[:1] == "{"]
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH_PARAMETERS[name][0],
            "schema": _PATH_PARAMETERS[name][1],
        }
        for name in names
    ]


def query_parameters(endpoint: Endpoint) -> list[Object]:
    """Return the parameters in the query, as the document describes them."""
    if endpoint.query is None:
        return []
    schema = endpoint.query.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": each.get("description", ""),
            "schema": _without_null(each),
        }
        for name, each in schema["properties"].items()
    ]


def _without_null(schema: Object) -> Object:
    """Return what a text can say: a query is left out where a body would hold null."""
    kept = {k: v for k, v in schema.items() if k not in {"title", "description", "anyOf"}}
    kept = {k: v for k, v in kept.items() if (k, v) != ("default", None)}
    for choice in schema.get("anyOf", ()):
        if choice != {"type": "null"}:
            kept |= choice
    return kept
