from __future__ import annotations

from typing import Any

import pytest

from fakekube.kinds.custom import served, version_place
from fakekube.registry.kind import Kind

Object = dict[str, Any]
TEXT = {"type": "string"}


def version(name: str, *fields: str, **more: Any) -> Object:
    properties = {"spec": {"type": "object", "properties": dict.fromkeys(fields, TEXT)}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": properties}}
    return {"name": name, "served": True, "storage": False, "schema": schema, **more}


def definition(*versions: Object, established: bool = True) -> Object:
    names = {"plural": "toys", "singular": "toy", "kind": "Toy", "listKind": "Toys"}
    conditions = [{"type": "Established", "status": str(established)}]
    return {
        "metadata": {"name": "toys.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": list(versions)},
        "status": {"acceptedNames": names, "conditions": conditions},
    }


def kind_of(defined: Object, name: str) -> Kind:
    return next(kind for kind in served(defined, rereads=False).kinds if kind.version == name)


def test_nothing_is_served_before_the_definition_is_established() -> None:
    pending = served(definition(version("v1", storage=True), established=False), rereads=False)
    assert pending.kinds == ()
    assert pending.storage_kind.version == "v1"


def test_a_kind_is_called_as_its_names_say() -> None:
    kind = kind_of(definition(version("v1", storage=True)), "v1")
    assert (kind.resource, kind.singular, kind.kind, kind.list_kind) == ("toys", "toy", "Toy", "Toys")
    assert kind.collection == "toys.example.com"


def test_versions_that_are_not_served_are_no_kinds() -> None:
    defined = definition(version("v1", storage=True), version("v2", served=False))
    assert [kind.version for kind in served(defined, rereads=False).kinds] == ["v1"]


@pytest.mark.parametrize(
    ("better", "text"),
    [
        ("v1", "example.com/v1beta1 Toy is deprecated; use example.com/v1 Toy"),
        ("v1alpha1", "example.com/v1beta1 Toy is deprecated"),
    ],
)
def test_a_deprecated_version_names_a_better_one(better: str, text: str) -> None:
    defined = definition(version("v1beta1", storage=True, deprecated=True), version(better))
    assert kind_of(defined, "v1beta1").wire.deprecation_warning == text


def test_between_versions_apiversion_is_exchanged_and_the_rest_pruned() -> None:
    defined = definition(version("v1beta1", "a", "b", storage=True), version("v1", "b", "c"))
    kind = kind_of(defined, "v1")
    stored = {"kind": "Toy", "apiVersion": "example.com/v1beta1", "metadata": {}, "spec": {"a": "x", "b": "y"}}
    shown = {"kind": "Toy", "apiVersion": "example.com/v1", "metadata": {}, "spec": {"b": "y"}}
    assert kind.as_judged(stored) == shown
    written = {**shown, "spec": {"b": "y", "c": "z"}}
    assert kind.as_stored(written) == {**stored, "spec": {"b": "y"}}


def test_what_is_shown_as_it_is_stored_is_not_even_copied() -> None:
    kind = kind_of(definition(version("v1", storage=True)), "v1")
    stored = {"kind": "Toy", "apiVersion": "example.com/v1", "metadata": {}}
    assert kind.as_judged(stored) is stored


def test_replicas_are_read_and_written_where_the_definition_says() -> None:
    paths = {"specReplicasPath": ".spec.a.b", "statusReplicasPath": ".status.n", "labelSelectorPath": ".status.sel"}
    rules = kind_of(definition(version("v1", storage=True, subresources={"scale": paths})), "v1").strategy.scale
    assert rules is not None
    obj: Object = {"status": {"n": 2, "sel": "a=b"}}
    assert rules.read(obj) == (None, 2, "a=b")
    rules.write(obj, 3)
    assert obj["spec"] == {"a": {"b": 3}}


def test_stable_versions_stand_first() -> None:
    names = ["foo", "v1alpha1", "v2beta1", "v1", "v10", "v2beta2"]
    assert sorted(names, key=version_place) == ["v10", "v1", "v2beta2", "v2beta1", "v1alpha1", "foo"]
