from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fakekube.kinds import Kinds
from fakekube.kinds.custom import served
from fakekube.registry.kind import Kind
from fakekube.server import openapi_custom, openapi_v2
from fakekube.server.openapi import OpenApi
from fakekube.server.request import Request

Ask = Callable[..., Request]
Object = dict[str, Any]

NAME = "/openapi/v3/apis/x.example.com/v1"
SCHEMA: Object = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["colour", "tails"],
            "properties": {
                "tails": {"type": "integer", "default": 2},
                "colour": {"type": "string", "nullable": True},
                "port": {"x-kubernetes-int-or-string": True},
                "pod": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "x-kubernetes-preserve-unknown-fields": True,
                },
                "either": {"type": "object", "anyOf": [{"required": ["a"]}]},
            },
        }
    },
}


def kite(scope: str = "Namespaced", **version: Any) -> Kind:
    names = {"plural": "kites", "singular": "kite", "kind": "Kite", "listKind": "KiteList"}
    versions = [
        {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}, **version},
    ]
    definition = {
        "metadata": {},
        "spec": {"group": "x.example.com", "scope": scope, "names": names, "versions": versions},
        "status": {"acceptedNames": names, "conditions": [{"type": "Established", "status": "True"}]},
    }
    (kind,) = served(definition, rereads=False).kinds
    return kind


@pytest.fixture
def kinds() -> Kinds:
    kinds = Kinds.builtin()
    kinds.add(kite())
    return kinds


def document(documents: OpenApi, request: Request) -> Object:
    response = documents.handle(request)
    assert response is not None
    value: Object = json.loads(response.body)
    return value


def test_a_custom_resource_has_a_document_of_its_own(kinds: Kinds, ask: Ask) -> None:
    documents = OpenApi(kinds=kinds)
    index = document(documents, ask("/openapi/v3"))["paths"]
    assert index["apis/x.example.com/v1"]["serverRelativeURL"].startswith(f"{NAME}?hash=")
    found = document(documents, ask(NAME))
    assert "com.example.x.v1.Kite" in found["components"]["schemas"]
    operation = found["paths"]["/apis/x.example.com/v1/namespaces/{namespace}/kites"]["get"]
    assert operation["operationId"] == "listXExampleComV1NamespacedKite"
    assert operation["tags"] == ["xExampleCom_v1"]


def test_the_document_goes_and_its_hash_changes_with_the_kind(kinds: Kinds, ask: Ask) -> None:
    documents = OpenApi(kinds=kinds)
    before = document(documents, ask("/openapi/v3"))["paths"]["apis/x.example.com/v1"]
    old = kinds.named("kites.x.example.com")
    kinds.remove(old)
    assert "apis/x.example.com/v1" not in document(documents, ask("/openapi/v3"))["paths"]
    kinds.add(kite(subresources={"status": {}}))
    assert document(documents, ask("/openapi/v3"))["paths"]["apis/x.example.com/v1"] != before


def test_doors_have_paths_when_the_kind_has_them() -> None:
    plain = [item.path for item in openapi_custom.path_items([kite()])]
    assert len(plain) == 3
    paths = {"specReplicasPath": ".spec.tails", "statusReplicasPath": ".status.tails"}
    doors = [item.path for item in openapi_custom.path_items([kite(subresources={"status": {}, "scale": paths})])]
    assert [path.rpartition("/")[2] for path in sorted(set(doors) - set(plain))] == ["scale", "status"]


def test_what_lies_in_no_namespace_is_not_asked_for_one() -> None:
    items = openapi_custom.path_items([kite("Cluster")])
    assert [item.path for item in items] == ["/apis/x.example.com/v1/kites", "/apis/x.example.com/v1/kites/{name}"]
    assert all(parameter.name != "namespace" for item in items for parameter in item.parameters)
    assert items[0].operations[0].id == "listXExampleComV1Kite"


def test_schemas_tell_what_the_definition_leaves_unsaid(kinds: Kinds, ask: Ask) -> None:
    schemas = document(OpenApi(kinds=kinds), ask(NAME))["components"]["schemas"]
    whole = schemas["com.example.x.v1.Kite"]
    assert set(whole["properties"]) == {"apiVersion", "kind", "metadata", "spec"}
    spec = whole["properties"]["spec"]["properties"]
    assert spec["port"]["anyOf"] == [{"type": "integer"}, {"type": "string"}]
    assert spec["pod"]["required"] == ["kind", "apiVersion"]
    assert whole["x-kubernetes-group-version-kind"] == [{"group": "x.example.com", "kind": "Kite", "version": "v1"}]


def test_version_2_says_less_and_can_be_protobuf() -> None:
    found = openapi_v2.document([kite()])
    spec = found["definitions"]["com.example.x.v1.Kite"]["properties"]["spec"]
    assert spec["required"] == ["tails"], "what may be null is not required there"
    assert spec["properties"]["colour"] == {}
    assert "default" not in spec["properties"]["tails"]
    assert "anyOf" not in spec["properties"]["either"]
    assert openapi_v2.protobuf(found)
