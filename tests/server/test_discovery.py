from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fakekube.errors import MethodNotAllowed, NotAcceptable, NotFound
from fakekube.kinds import Kinds
from fakekube.kinds.custom import version_place
from fakekube.server.discovery import Discovery
from fakekube.server.request import Request
from fakekube.server.responses import Response

Ask = Callable[..., Request]

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "tools" / "data" / "discovery.json").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def discovery() -> Discovery:
    return Discovery(Kinds.builtin(), lambda: "10.200.0.10:16443")


def answer(discovery: Discovery, request: Request) -> Response:
    response = discovery.handle(request)
    assert response is not None
    return response


@pytest.mark.parametrize("path", sorted(RECORDED["legacy"]))
def test_plain_documents_are_the_recorded_ones(discovery: Discovery, ask: Ask, path: str) -> None:
    recorded = RECORDED["legacy"][path]
    if path == "/apis":
        recorded = {"kind": "APIGroupList", "apiVersion": "v1", **recorded}

    response = answer(discovery, ask(path))

    assert json.dumps(json.loads(response.body)) == json.dumps(recorded), "also in the order of keys"
    assert response.content_type == b"application/json"


@pytest.mark.parametrize("path", sorted(RECORDED["aggregated"]))
def test_aggregated_documents_are_the_recorded_ones(discovery: Discovery, ask: Ask, path: str) -> None:
    response = answer(discovery, ask(path, accept=f"application/json,{AGGREGATED}"))

    assert json.dumps(json.loads(response.body)) == json.dumps(RECORDED["aggregated"][path])
    assert response.content_type == AGGREGATED.encode()


@pytest.mark.parametrize("path", ["/api", "/apis", "/apis/batch", "/apis/apps/v1", "/api/v1"])
def test_a_slash_at_the_end_changes_nothing(discovery: Discovery, ask: Ask, path: str) -> None:
    assert answer(discovery, ask(f"{path}/")).body == answer(discovery, ask(path)).body


def test_a_client_that_has_the_aggregated_document_gets_304(discovery: Discovery, ask: Ask) -> None:
    etag = dict(answer(discovery, ask("/apis", accept=AGGREGATED)).headers)[b"etag"].decode()

    response = answer(discovery, ask("/apis", accept=AGGREGATED, if_none_match=etag))

    assert (response.status, response.body, response.content_type) == (304, b"", None)
    assert dict(response.headers)[b"vary"] == b"Accept"


def test_groups_and_versions_pass_the_aggregated_clause_over(discovery: Discovery, ask: Ask) -> None:
    response = answer(discovery, ask("/apis/batch/v1", accept=f"{AGGREGATED},application/json"))

    assert json.loads(response.body)["kind"] == "APIResourceList"


@pytest.mark.parametrize(
    ("path", "accept", "message"),
    [
        ("/api", "text/html", "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "),
        ("/api", AGGREGATED.replace("v=v2", "v=v2beta1"), "only the following media types are accepted: application/"),
        ("/apis/batch", AGGREGATED, "only the following media types are accepted: application/json, application/yaml"),
        ("/apis", "text/html", "only the following media types are accepted: application/json, application/yaml"),
        ("/version", "text/html", "406: Not Acceptable\n\nAvailable representations: application/json"),
    ],
)
def test_what_cannot_be_had_is_refused(discovery: Discovery, ask: Ask, path: str, accept: str, message: str) -> None:
    with pytest.raises(NotAcceptable) as refusal:
        discovery.handle(ask(path, accept=accept))

    assert refusal.value.message.startswith(message)


def test_yaml_and_protobuf_are_served_too(discovery: Discovery, ask: Ask) -> None:
    as_json = json.loads(answer(discovery, ask("/apis/autoscaling")).body)

    as_yaml = answer(discovery, ask("/apis/autoscaling", accept="application/yaml"))
    as_protobuf = answer(discovery, ask("/apis/autoscaling", accept="application/vnd.kubernetes.protobuf"))

    assert yaml.safe_load(as_yaml.body) == as_json
    assert as_protobuf.body.startswith(b"k8s\x00")


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/apis/batch/v1", "/version"])
def test_some_documents_are_for_get_alone(discovery: Discovery, ask: Ask, path: str) -> None:
    with pytest.raises(MethodNotAllowed):
        discovery.handle(ask(path, method="POST"))


@pytest.mark.parametrize("path", ["/", "/apis", "/apis/batch"])
def test_others_do_not_look_at_the_method(discovery: Discovery, ask: Ask, path: str) -> None:
    assert answer(discovery, ask(path, method="DELETE")).status == 200


def test_an_unknown_version_of_a_known_group_is_a_status_and_an_unknown_group_is_text(
    discovery: Discovery, ask: Ask
) -> None:
    with pytest.raises(NotFound, match="the server could not find the requested resource"):
        discovery.handle(ask("/apis/batch/v9"))

    assert answer(discovery, ask("/apis/nope.example.com")).body == b"404 page not found\n"
    assert discovery.knows_group_of("/apis/batch/v9/jobs")
    assert not discovery.knows_group_of("/apis/nope.example.com/v1/things")


def test_paths_of_resources_are_left_to_others(discovery: Discovery, ask: Ask) -> None:
    for path in ("/api/v1/pods", "/apis/batch/v1/jobs", "/healthz", "/nothing"):
        assert discovery.handle(ask(path)) is None


def test_the_list_of_paths_is_sorted_and_indented(discovery: Discovery, ask: Ask) -> None:
    body = answer(discovery, ask("/")).body

    paths = json.loads(body)["paths"]
    assert body.startswith(b'{\n  "paths": [\n    "/.well-known/openid-configuration",\n')
    assert paths == sorted(paths)
    assert {"/apis/batch/v1", "/apis/batch", "/livez/poststarthook/rbac/bootstrap-roles"} <= set(paths)
    assert "/readyz/etcd" not in paths


def test_a_person_gets_indented_documents(discovery: Discovery, ask: Ask) -> None:
    for request in (ask("/apis/batch?pretty=true"), ask("/apis/batch", user_agent="curl/8.0")):
        assert answer(discovery, request).body.startswith(b'{\n  "kind": "APIGroup",\n')


def test_the_version_is_that_of_the_reference(discovery: Discovery, ask: Ask) -> None:
    version = json.loads(answer(discovery, ask("/version")).body)

    assert list(version)[:2] == ["major", "minor"]
    assert (version["major"], version["minor"], version["minCompatibilityMinor"]) == ("1", "36", "35")


def test_versions_stand_in_the_order_of_kubernetes() -> None:
    versions = ["foo1", "v1alpha1", "v1", "v10", "v2beta1", "v1beta2", "v2", "bar"]

    assert sorted(versions, key=version_place) == ["v10", "v2", "v1", "v2beta1", "v1beta2", "v1alpha1", "bar", "foo1"]
