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


SCALED = {
    "scale": {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    },
    "status": {},
}


def toy(**fields: Any) -> Object:
    return {"apiVersion": "example.com/v1", "kind": "Toy", "metadata": {"name": "a"}, **fields}


def free(name: str = "v1") -> Object:
    status = {"type": "object", "properties": {"replicas": {"type": "integer", "maximum": 5}}}
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"status": status}}
    return version(name, storage=True, subresources=SCALED, schema={"openAPIV3Schema": schema})


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"spec": {"replicas": -1}}, ".spec.replicas: Invalid value: -1: should be a non-negative integer"),
        (
            {"spec": {"replicas": 1 << 31}},
            ".spec.replicas: Invalid value: 2147483648: should be less than or equal to 2147483647",
        ),
        (
            {"spec": {"replicas": "x"}},
            ".spec.replicas: Invalid value: 0: .spec.replicas accessor error: x is of the type string, expected int64",
        ),
        (
            {"spec": 5},
            ".spec.replicas: Invalid value: 0: .spec.replicas accessor error: 5 is of the type int64, "
            "expected map[string]interface{}",
        ),
        (
            {"status": {"selector": None}},
            '.status.selector: Invalid value: "": .status.selector accessor error: <nil> is of the type <nil>, expected string',
        ),
    ],
)
def test_what_a_scale_reads_is_judged_with_the_object(fields: Object, text: str) -> None:
    kind = kind_of(definition(free()), "v1")
    assert [str(error) for error in kind.strategy.validate_create(toy(**fields))] == [text]


def test_through_status_the_schema_of_the_status_alone_is_asked() -> None:
    kind = kind_of(definition(free()), "v1")
    [error] = kind.strategy.validate_status_update(toy(spec={"replicas": -1}, status={"replicas": 6}), toy())
    assert str(error) == ("status.replicas: Invalid value: 6: replicas in body should be less than or equal to 5")


def test_finalizers_that_others_may_have_named_the_same_are_warned_of_when_they_come() -> None:
    warnings = kind_of(definition(version("v1", storage=True)), "v1").strategy.warnings
    old = toy(metadata={"name": "a", "finalizers": ["old"]})
    new = toy(metadata={"name": "a", "finalizers": ["old", "new", "example.com", "orphan", "example.com/x"]})
    advice = "to avoid accidental conflicts with other finalizer writers"
    assert warnings(new, old) == [
        f'metadata.finalizers: "example.com": prefer a domain-qualified finalizer name including a path (/) {advice}',
        f'metadata.finalizers: "new": prefer a domain-qualified finalizer name {advice}',
    ]
