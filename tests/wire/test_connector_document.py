"""Requests made of the OpenAPI document, right ones and wrong ones (schemathesis).

No answer is a fault of the service, and none is other than the document says.  Set
``FREEBUSY_API_EXAMPLES`` to a number for a longer run: so many requests of each endpoint
and kind.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis.strategies import booleans
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from freebusy.connector.bodies import PREFIX
from freebusy.ports import Owner
from freebusy.web.connector.call import folder_id
from freebusy.web.connector.openapi import openapi
from freebusy.web.connector.table import ENDPOINTS
from tests.wire.connector_gateway import connecting, event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.web.connector.endpoint import Endpoint
    from tests.wire.connector_gateway import Api

HANS = Owner("hans", "hans@example.com", password="wort")
EXAMPLES = int(os.environ.get("FREEBUSY_API_EXAMPLES", "15"))
DOCUMENT = openapi(ENDPOINTS) | {"security": []}
"""Without the login: it would be left out as one of the wrong things, and is added here."""
TOO_LARGE = 413
MAX_URL = 6000
"""A longer line is refused by the server before anybody knows for what path it is."""
CALENDAR = folder_id("Calendar")
CASES = [
    (each, mode)
    for each in ENDPOINTS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or each.body or each.query or "{" in each.path
]
IDS = [f"{each.method} {each.path} {mode.value}" for each, mode in CASES]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with connecting() as api:
        yield api


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.auth = ("hans", "wort")
        yield session


@pytest.mark.parametrize(("endpoint", "mode"), CASES, ids=IDS)
def test_requests_of_the_document(
    api: Api, session: requests.Session, endpoint: Endpoint, mode: GenerationMode
) -> None:
    """Whatever is sent, the answer is one that the document has."""
    api.mail.add_user("hans", "wort")
    api.mail.append(HANS, "Calendar", event("a"))
    schema: Any = schemathesis.openapi.from_dict(DOCUMENT)
    operation = schema[endpoint.path][endpoint.method]
    url = f"http://127.0.0.1:{api.running.port}{PREFIX}"
    checks = CHECKS + ([negative_data_rejection] if mode is GenerationMode.NEGATIVE else [])

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize="FREEBUSY_API_EXAMPLES" not in os.environ,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    @given(case=operation.as_strategy(generation_mode=mode), is_there=booleans())
    def ask(case: Any, is_there: bool) -> None:
        if is_there and mode is GenerationMode.POSITIVE and "id" in case.path_parameters:
            case.path_parameters["id"] = CALENDAR
        asked = case.as_transport_kwargs(base_url=url)
        assume(len(requests.Request(**asked).prepare().url or "") < MAX_URL)
        # its own way to send does not know the pools of urllib3-future, which caldav brings along
        response = session.request(**asked, timeout=20)
        # a body that is too large is refused unread, whatever is wrong with it
        judges = CHECKS if response.status_code == TOO_LARGE else checks
        case.validate_response(response, checks=judges)

    ask()
