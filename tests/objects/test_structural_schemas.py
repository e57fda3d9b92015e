from __future__ import annotations

from typing import Any

import pytest

from fakekube.objects.decode_messages import DecodeError
from fakekube.objects.structural_schemas import has_defaults, pruned, set_defaults

TEXT = {"type": "string"}


def with_spec(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}


def spec_of(spec: Any, schema: dict[str, Any]) -> tuple[Any, list[str]]:
    obj, unknown = pruned({"apiVersion": "v1", "kind": "Box", "metadata": {}, "spec": spec}, schema)
    return obj.get("spec"), unknown


def filled_in(spec: Any, schema: dict[str, Any]) -> Any:
    obj, _ = pruned({"apiVersion": "v1", "kind": "Box", "metadata": {}, **({"spec": spec} if spec else {})}, schema)
    set_defaults(obj, schema)
    return obj.get("spec")


def test_fields_that_the_schema_does_not_name_go_and_are_told_sorted() -> None:
    schema = with_spec(items={"type": "array", "items": {"type": "object", "properties": {"name": TEXT}}})
    spec, unknown = spec_of({"weight": 1, "items": [{"name": "a", "junk": 1}]}, schema)
    assert spec == {"items": [{"name": "a"}]}
    assert unknown == ["spec.items[0].junk", "spec.weight"]


def test_preserved_fields_stay_as_far_as_nothing_is_said_of_them() -> None:
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    free["properties"] = {"known": {"type": "object", "properties": {"a": TEXT}}}
    spec, unknown = spec_of({"free": {"more": {"deep": [1]}, "known": {"a": "x", "b": "y"}}}, with_spec(free=free))
    assert spec == {"free": {"known": {"a": "x"}, "more": {"deep": [1]}}}
    assert unknown == ["spec.free.known.b"]


def test_values_of_a_map_have_one_schema() -> None:
    weights = {"type": "object", "additionalProperties": {"type": "object", "properties": {"weight": {}}}}
    spec, unknown = spec_of({"map": {"x": {"weight": 1, "height": 2}}}, with_spec(map=weights))
    assert spec == {"map": {"x": {"weight": 1}}}
    assert unknown == ["spec.map.x.height"]


def test_nulls_stay_where_they_are_allowed_and_in_lists() -> None:
    schema = with_spec(a=TEXT, b={**TEXT, "nullable": True}, c={"type": "array", "items": TEXT})
    assert spec_of({"a": None, "b": None, "c": [None]}, schema) == ({"b": None, "c": [None]}, [])


def test_whole_numbers_are_integers_and_keys_are_sorted() -> None:
    anything = {"x-kubernetes-preserve-unknown-fields": True}
    spec, _ = spec_of({"b": 2.0, "a": {"d": 1.5, "c": 1e1}}, with_spec(a=anything, b=anything))
    assert str(spec) == "{'a': {'c': 10, 'd': 1.5}, 'b': 2}"


def test_an_embedded_resource_keeps_what_every_object_has() -> None:
    pod = {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {"spec": {"type": "object"}}}
    sent = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "colour": 1}, "status": {}, "spec": {}}
    spec, unknown = spec_of({"pod": sent}, with_spec(pod=pod))
    assert spec == {"pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {}}}
    assert unknown == ["spec.pod.status", "spec.pod.metadata.colour"]


def test_embedded_metadata_that_is_none_cannot_be_decoded() -> None:
    pod = {"type": "object", "x-kubernetes-embedded-resource": True}
    with pytest.raises(DecodeError, match=r"ObjectMeta\.labels of type string"):
        spec_of({"pod": {"metadata": {"labels": {"a": 1}}}}, with_spec(pod=pod))


def test_defaults_cascade_where_a_default_makes_an_object() -> None:
    inner = {"type": "object", "default": {"a": "given"}, "properties": {"a": TEXT, "b": {**TEXT, "default": "added"}}}
    schema = with_spec(more=inner)
    schema["properties"]["spec"]["default"] = {}
    assert filled_in(None, schema) == {"more": {"a": "given", "b": "added"}}


def test_defaults_do_not_make_objects_that_nobody_gave() -> None:
    schema = with_spec(nested={"type": "object", "properties": {"deep": {**TEXT, "default": "there"}}})
    assert filled_in({"other": 1}, schema) == {}
    assert filled_in({"nested": {}}, schema) == {"nested": {"deep": "there"}}


def test_defaults_reach_into_lists_and_maps() -> None:
    port = {"type": "object", "properties": {"protocol": {**TEXT, "default": "TCP"}}}
    schema = with_spec(ports={"type": "array", "items": port}, by_name={"type": "object", "additionalProperties": port})
    filled = filled_in({"ports": [{}, {"protocol": "UDP"}], "by_name": {"x": {}}}, schema)
    assert filled == {"by_name": {"x": {"protocol": "TCP"}}, "ports": [{"protocol": "TCP"}, {"protocol": "UDP"}]}


def test_a_default_is_not_applied_to_a_null_that_is_allowed() -> None:
    schema = with_spec(a={**TEXT, "nullable": True, "default": "x"}, b={**TEXT, "default": "y"})
    assert filled_in({"a": None, "b": None}, schema) == {"a": None, "b": "y"}


def test_a_default_belongs_to_each_object_alone() -> None:
    schema = with_spec(names={"type": "array", "items": TEXT, "default": ["a"]})
    filled_in({"x": 1}, schema)["names"].append("b")
    assert filled_in({"x": 1}, schema) == {"names": ["a"]}


def test_schemas_without_defaults_are_known() -> None:
    assert not has_defaults(with_spec(a=TEXT))
    assert has_defaults(with_spec(a={"type": "array", "items": {**TEXT, "default": "x"}}))


@pytest.mark.parametrize(
    ("resource", "text"),
    [
        ({"kind": None}, "spec.kind: Invalid value: null: must be a string"),
        (
            {"metadata": {"labels": 5}},
            'spec.metadata: Invalid value: {"labels":5}: json: cannot unmarshal number into Go struct field ObjectMeta.labels '
            "of type map[string]string",
        ),
    ],
)
def test_what_is_no_head_of_a_resource_is_told_or_lost_where_it_was_stored(resource: Any, text: str) -> None:
    schema = {"properties": {"spec": {"type": "object", "x-kubernetes-embedded-resource": True}}}
    obj = {"kind": "X", "apiVersion": "v1", "metadata": {}, "spec": resource}
    with pytest.raises(DecodeError) as raised:
        pruned(obj, schema)
    assert str(raised.value) == text
    assert pruned(obj, schema, is_stored=True)[0]["spec"] == {}
