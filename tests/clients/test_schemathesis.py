"""The server's own OpenAPI documents, taken at their word by schemathesis: no 5xx that Kubernetes has not, and no traceback."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.conformance.servers import Served, serve

OPERATIONS = 300
"""Of some 1,000, always the same ones: enough for every document and every verb, in about a minute."""
EXAMPLES = 6
ANSWER_TIMEOUT_S = 10.0
NAME = "fuzzed"
SHOWN = 2000
"""Characters of a request that is complained of."""

REAL_500S = [
    re.compile(pattern)
    for pattern in (
        r"resourceVersion should not be set on objects to be created",
        r'resourceVersion: Invalid value: ".*": strconv\.ParseUint: parsing ".*": (invalid syntax|value out of range)',
        r"target\.name: Required value",  # of a Binding
        r"target\.kind: Unsupported value: .*",
        r"Too large resource version: \d+, current: \d+",
    )
]
"""What a real server answers with a status of 500 and more to requests that no document forbids."""


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serve() as served:
        yield served


@pytest.fixture(scope="module")
def session(server: Served) -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.trust_env = False
        opened.verify = str(server.ca_file)
        opened.headers["Authorization"] = f"Bearer {server.token}"
        yield opened


def test_no_request_that_the_documents_allow_breaks_the_server(server: Served, session: requests.Session) -> None:
    index = session.get(f"{server.url}/openapi/v3").json()["paths"]
    documents = [session.get(server.url + each["serverRelativeURL"]).json() for _, each in sorted(index.items())]
    operations = [found.ok() for document in documents for found in of_document(document)]
    chosen = random.Random(0).sample(operations, min(OPERATIONS, len(operations)))
    wrong: list[str] = []

    for operation in chosen:
        wrong += answers_that_break(operation, server, session)

    assert len(operations) > OPERATIONS
    traceback = server.new_traceback()
    assert not wrong, "\n".join([*wrong, traceback])
    assert not traceback


def of_document(document: dict[str, Any]) -> Iterator[Any]:
    yield from schemathesis.openapi.from_dict(document).get_all_operations()


def answers_that_break(operation: Any, server: Served, session: requests.Session) -> list[str]:
    wrong: list[str] = []

    @settings(
        max_examples=EXAMPLES,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy())
    def send(case: Any) -> None:
        make_plausible(case)
        asked = case.as_transport_kwargs(base_url=server.url)
        asked["headers"] = dict(asked["headers"]) | {"Authorization": session.headers["Authorization"]}
        asked.pop("cookies", None)
        with session.request(**asked, stream=True, timeout=ANSWER_TIMEOUT_S) as answer:  # a watch would go on
            if answer.status_code >= 500 and not is_real(answer):
                wrong.append(f"{operation.label}: {answer.status_code} {answer.text[:300]} to {asked}"[:SHOWN])

    send()
    return wrong


def make_plausible(case: Any) -> None:
    """Namespaces that exist, names that agree, JSON where any type is allowed: so that requests get past the door."""
    if "namespace" in case.path_parameters:
        case.path_parameters["namespace"] = "default"
    if "name" in case.path_parameters:
        case.path_parameters["name"] = NAME
    if case.method != "PATCH" and case.media_type:
        case.media_type = "application/json"  # the documents allow */*, which is any type to schemathesis
    if isinstance(case.body, dict) and isinstance(case.body.get("metadata"), dict):
        case.body["metadata"]["name"] = NAME


def is_real(answer: requests.Response) -> bool:
    message = answer.json()["message"]
    return any(pattern.fullmatch(message) for pattern in REAL_500S)
