from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakekube.server import openapi, openapi_facts, openapi_v2
from fakekube.server.openapi import OpenApi
from fakekube.server.request import Request
from fakekube.server.responses import Response

Ask = Callable[..., Request]

PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
OPERATIONS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "tools" / "data" / "openapi-operations.json").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def documents() -> OpenApi:
    return OpenApi(now=lambda: 1_767_225_600.0)


@pytest.fixture(scope="module")
def version_2() -> dict[str, Any]:
    return openapi_v2.document()


def answer(documents: OpenApi, request: Request) -> Response:
    response = documents.handle(request)
    assert response is not None
    return response


def every_document() -> Iterator[dict[str, Any]]:
    for name in openapi_facts.path_items():
        yield json.loads(openapi.document_3(name))


def operation_ids(paths: dict[str, Any]) -> list[str]:
    return [
        item[method]["operationId"] for item in paths.values() for method in openapi_facts.METHODS if method in item
    ]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_every_recorded_operation_is_there_once() -> None:
    recorded = [method[1] for row in OPERATIONS["paths"].values() for method in row[3].values()]

    served = [each for document in every_document() for each in operation_ids(document["paths"])]

    assert sorted(served) == sorted(recorded)
    assert len(set(served)) == len(served)


def test_every_parameter_of_an_operation_is_declared_once() -> None:
    for document in every_document():
        for path, item in document["paths"].items():
            shared = {(each["name"], each["in"]) for each in item.get("parameters", ())}
            assert {name for name, location in shared if location == "path"} == {
                part[1:-1] for part in path.split("/") if part.startswith("{")
            }
            for method in set(item) - {"parameters"}:
                own = [(each["name"], each["in"]) for each in item[method].get("parameters", ())]
                assert len(set(own)) == len(own)
                assert not shared.intersection(own)


def test_every_reference_leads_to_a_schema_of_its_document_and_all_schemas_are_reached() -> None:
    for document in every_document():
        schemas = document["components"]["schemas"]
        named = {reference.removeprefix("#/components/schemas/") for reference in references(document)}
        assert named == set(schemas)


def test_the_index_names_each_document_with_its_hash(documents: OpenApi, ask: Ask) -> None:
    response = answer(documents, ask("/openapi/v3", accept="application/json"))

    paths = json.loads(response.body)["paths"]
    assert response.content_type == b"text/plain; charset=utf-8"
    assert list(paths) == sorted(paths)
    assert {"api", "api/v1", "apis", "apis/batch", "apis/batch/v1", "version", "openid/v1/jwks"} <= set(paths)
    assert paths["api/v1"]["serverRelativeURL"].startswith("/openapi/v3/api/v1?hash=")


def test_a_document_under_its_hash_may_be_kept_for_a_year(documents: OpenApi, ask: Ask) -> None:
    url = json.loads(answer(documents, ask("/openapi/v3")).body)["paths"]["version"]["serverRelativeURL"]

    response = answer(documents, ask(url))

    headers = dict(response.headers)
    assert response.cache_control == b"public, immutable"
    assert headers[b"expires"] == b"Fri, 01 Jan 2027 00:00:00 UTC"
    assert headers[b"etag"].decode().strip('"') == url.partition("=")[2]


def test_a_document_without_hash_is_not_kept_but_known_by_its_etag(documents: OpenApi, ask: Ask) -> None:
    first = answer(documents, ask("/openapi/v3/version"))
    etag = dict(first.headers)[b"etag"].decode()

    again = answer(documents, ask("/openapi/v3/version", if_none_match=etag))

    assert first.cache_control == b"no-cache, private"
    assert (again.status, again.body) == (304, b"")


def test_another_hash_is_sent_to_the_right_one(documents: OpenApi, ask: Ask) -> None:
    response = answer(documents, ask("/openapi/v3/version?hash=0"))

    assert (response.status, response.body, response.content_type) == (301, b"", b"application/json")
    assert dict(response.headers)[b"location"].startswith(b"/openapi/v3/version?hash=")


@pytest.mark.parametrize("path", ["/openapi/v3/apis/nothing/v1", "/openapi/v3/", "/openapi/v3/api/v1/"])
def test_an_unknown_document_is_an_empty_404(documents: OpenApi, ask: Ask, path: str) -> None:
    response = answer(documents, ask(path))

    assert (response.status, response.body, response.content_type) == (404, b"", None)


@pytest.mark.parametrize("path", ["/openapi/v2/", "/openapi", "/openapi/v1"])
def test_other_paths_are_no_page(documents: OpenApi, ask: Ask, path: str) -> None:
    assert answer(documents, ask(path)).body == b"404 page not found\n"


@pytest.mark.parametrize("path", ["/openapi/v3/version", "/openapi/v2"])
def test_yaml_is_not_served(documents: OpenApi, ask: Ask, path: str) -> None:
    response = answer(documents, ask(path, accept="application/yaml"))

    assert (response.status, response.body, response.content_type) == (406, b"", None)


def test_kubectl_finds_the_parameter_that_says_the_server_validates() -> None:
    document = json.loads(openapi.document_3("apis/apps/v1"))

    patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]

    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert "fieldValidation" in {parameter["name"] for parameter in patch["parameters"]}
    assert set(patch["requestBody"]["content"]) >= {"application/apply-patch+yaml", "application/merge-patch+json"}


def test_schemas_tell_how_lists_are_merged_and_what_is_filled_in() -> None:
    schemas = json.loads(openapi.document_3("api/v1"))["components"]["schemas"]

    ports = schemas["io.k8s.api.core.v1.Container"]["properties"]["ports"]
    port = schemas["io.k8s.api.core.v1.ContainerPort"]["properties"]
    metadata = schemas["io.k8s.api.core.v1.Pod"]["properties"]["metadata"]

    assert ports["x-kubernetes-list-map-keys"] == ["containerPort", "protocol"]
    assert ports["x-kubernetes-patch-merge-key"] == "containerPort"
    assert port["protocol"]["default"] == "TCP"
    assert port["protocol"]["enum"] == ["SCTP", "TCP", "UDP"]
    assert metadata["allOf"] == [{"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}]
    assert metadata["default"] == {}


def test_options_of_every_group_name_the_core_one_and_the_documents_own() -> None:
    schemas = json.loads(openapi.document_3("apis/batch/v1"))["components"]["schemas"]

    options = schemas["io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"]

    assert options["x-kubernetes-group-version-kind"] == [
        {"group": "", "kind": "DeleteOptions", "version": "v1"},
        {"group": "batch", "kind": "DeleteOptions", "version": "v1"},
    ]


def test_without_the_package_of_descriptions_the_schemas_are_complete_but_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dialect = openapi_facts.Dialect("#/", has_defaults=True, wraps_references=True)
    monkeypatch.setattr(openapi_facts, "descriptions", dict)

    schema = dialect.schema("core.v1.ConfigMap", ())

    assert "description" not in json.dumps(schema)
    assert list(schema["properties"]) == ["apiVersion", "binaryData", "data", "immutable", "kind", "metadata"]


def test_version_2_holds_every_path_and_schema(version_2: dict[str, Any]) -> None:
    ids = operation_ids(version_2["paths"])

    assert set(version_2["paths"]) == set(OPERATIONS["paths"])
    assert len(set(ids)) == len(ids) == 814
    assert len(version_2["definitions"]) == 584
    for reference in references(version_2["paths"]):
        _, section, name = reference.split("/", 2)
        assert name in version_2[section]


def test_version_2_has_simpler_schemas(version_2: dict[str, Any]) -> None:
    definitions = version_2["definitions"]

    assert definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"]["type"] == "string"
    metadata = definitions["io.k8s.api.core.v1.Pod"]["properties"]["metadata"]
    assert metadata["$ref"] == "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    assert "default" not in metadata
    options = definitions["io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"]
    assert len(options["x-kubernetes-group-version-kind"]) == 60


def test_version_2_is_served_as_json_gzipped_and_as_protobuf(documents: OpenApi, ask: Ask) -> None:
    plain = answer(documents, ask("/openapi/v2"))
    gzipped = answer(documents, ask("/openapi/v2", accept_encoding="gzip"))
    protobuf = answer(documents, ask("/openapi/v2", accept=PROTOBUF))

    assert gzip.decompress(gzipped.body) == plain.body
    assert (b"content-encoding", b"gzip") in gzipped.headers
    assert protobuf.content_type == PROTOBUF.replace("@", ".").encode()


def test_the_protobuf_form_says_the_same_as_the_json_form() -> None:
    document = {
        "swagger": "2.0",
        "info": {"title": "T", "version": "1"},
        "paths": {},
        "definitions": {"a.B": {"type": "object", "required": ["c"], "x-k": {"d": 1}}},
        "parameters": {},
        "security": [{"BearerToken": []}],
        "securityDefinitions": {"BearerToken": {"type": "apiKey", "name": "n", "in": "header", "description": "d"}},
    }

    schema = (
        b"\x9a\x01\x01c" + b"\xb2\x01\x08\x0a\x06object" + b"\xfa\x01\x10" + b"\x0a\x03x-k\x12\x09\x12\x07" + b'{"d":1}'
    )
    named = b"\x0a\x03a.B\x12" + bytes([len(schema)]) + schema
    definitions = b"\x0a" + bytes([len(named)]) + named
    assert openapi_v2.protobuf(document).startswith(
        b"\x0a\x032.0" + b"\x12\x06\x0a\x01T\x12\x011" + b"\x42\x00" + b"\x4a" + bytes([len(definitions)]) + definitions
    )
