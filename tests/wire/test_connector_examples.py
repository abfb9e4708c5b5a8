"""Every endpoint's example is run, and answered as the OpenAPI document says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import OpenAPIV31SpecValidator

from freebusy.connector.bodies import PREFIX
from freebusy.web.connector.examples import JOB, VOLATILE
from freebusy.web.connector.openapi import openapi
from freebusy.web.connector.table import ENDPOINTS, GROUPS
from tests.wire.connector_gateway import connecting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.web.connector.endpoint import Endpoint
    from tests.wire.connector_gateway import Api

DOCUMENT = openapi(ENDPOINTS)
IDS = [f"{each.method} {each.path}" for each in ENDPOINTS]


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with connecting(first_job=JOB) as api:
        yield api


def validated(schema: dict[str, Any], value: object) -> object:
    """Return a value that is as a schema of the document says."""
    whole = schema | {"components": DOCUMENT["components"]}
    OAS31Validator(whole, format_checker=oas31_format_checker).validate(value)
    return value


def steady(value: object) -> object:
    """Return an answer without what differs from run to run."""
    if isinstance(value, list):
        return [steady(each) for each in value]
    if isinstance(value, dict):
        kept = {
            k: v for k, v in value.items() if k not in VOLATILE or (k == "state" and v == "done")
        }
        return {key: steady(each) for key, each in kept.items()}
    return value


def operation(endpoint: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][endpoint.path][endpoint.method.lower()]
    return found


def test_the_examples_in_their_order(api: Api) -> None:
    """Each request is answered with just what is shown, and as its schema says."""
    for endpoint in ENDPOINTS:
        example = endpoint.example
        answer = api.send(endpoint.method, example.path, example.body)
        assert endpoint.successes[0].status == answer.status, (example.path, answer)
        told = operation(endpoint)["responses"][str(answer.status)]
        if example.answer is None:
            assert b"" == answer.body
            assert "content" not in told
            continue
        schema = told["content"]["application/json"]["schema"]
        value = validated(schema, json.loads(answer.body))
        assert steady(validated(schema, dict(example.answer))) == steady(value)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=IDS)
def test_example_bodies_are_as_described(endpoint: Endpoint) -> None:
    """What is sent in the examples keeps to the document."""
    if endpoint.body is None:
        assert "requestBody" not in operation(endpoint)
    else:
        schema = operation(endpoint)["requestBody"]["content"]["application/json"]["schema"]
        validated(schema, endpoint.example.body)


def test_the_document_is_openapi() -> None:
    """It is a valid document of OpenAPI 3.1, with each thing said once."""
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    assert {each.group for each in ENDPOINTS} == set(GROUPS)
    assert len({each.name for each in ENDPOINTS}) == len(ENDPOINTS)


def test_the_document_and_the_page_need_no_login(api: Api) -> None:
    """Anybody may read them; the document is the one that is tested here."""
    document, page = (api.send("GET", path, login=None) for path in ("/openapi.json", "/"))
    assert DOCUMENT == json.loads(document.body)
    assert ["application/json", "text/html; charset=utf-8"] == [
        answer.headers["content-type"] for answer in (document, page)
    ]
    assert page.body == api.send("GET", "", login=None).body
    for endpoint in ENDPOINTS:
        assert f'id="{endpoint.name}"'.encode() in page.body
        assert (
            f"{endpoint.method} {PREFIX}{endpoint.example.path}".encode().replace(b"&", b"&amp;")
            in page.body
        )


def test_the_page_loads_nothing(api: Api) -> None:
    """No script, nothing from elsewhere, and a policy that would stop both."""
    page = api.send("GET", "/", login=None)
    text = page.body.decode()
    assert [] == [each for each in ("<script", "http://", "https://", "url(", "@import", "onload")
                  if each in text]  # fmt: skip
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha")


def test_the_head_of_them_has_no_body(api: Api) -> None:
    """HEAD is answered as GET, without a body."""
    for path, login in (("/openapi.json", None), ("/settings", "x")):
        whole = api.send("GET", path) if login else api.send("GET", path, login=None)
        head = api.send("HEAD", path) if login else api.send("HEAD", path, login=None)
        assert (whole.status, b"") == (head.status, head.body)
        assert whole.headers["content-length"] == head.headers["content-length"]
