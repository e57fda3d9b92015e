"""What one field is and what many are, by the types of the facts and by schemas of custom resources."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from fakekube import facts
from fakekube.objects import field_sets
from fakekube.objects.field_sets import paths, text
from fakekube.objects.schemas import decode
from fakekube.objects.typed_fields import Shape, shape_of, shape_of_schema
from tests.objects.patch_examples import pods

POD, SERVICE = shape_of("core.v1.Pod"), shape_of("core.v1.Service")


def typed(value: Any, kind: str = "Pod") -> dict[str, Any]:
    return decode(f"core.v1.{kind}", value, kind=kind, version="v1").object


def texts(fields: field_sets.FieldSet) -> list[str]:
    return [text(path) for path in paths(fields)]


def all_shapes(shape: Shape, seen: set[int]) -> None:
    if id(shape) not in seen:
        seen.add(id(shape))
        for inner in (*shape.fields.values(), *([shape.element] if shape.element else [])):
            all_shapes(inner, seen)


def test_every_type_has_a_shape_and_keys_of_lists_are_fields_of_their_items() -> None:
    for name in facts.type_names():
        shape = shape_of(name)
        all_shapes(shape, set())
        for field in shape.fields.values():
            assert all(key in field.element.fields for key, _ in field.keys if field.element)


def test_of_a_configuration_every_leaf_item_and_key_of_a_map_is_a_member() -> None:
    config = {
        "metadata": {"labels": {"a": "1"}, "annotations": {}, "finalizers": ["x.io/a"]},
        "spec": {
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"key": "a"}],
            "containers": [{"name": "m", "ports": [{"containerPort": 80}], "resources": None, "env": []}],
        },
    }

    assert texts(POD.field_set(config)) == [
        ".metadata.annotations",
        '.metadata.finalizers[="x.io/a"]',
        ".metadata.labels.a",
        ".spec.nodeSelector",
        ".spec.tolerations",
        '.spec.containers[name="m"]',
        '.spec.containers[name="m"].name',
        '.spec.containers[name="m"].resources',
        '.spec.containers[name="m"].ports[containerPort=80,protocol="TCP"]',
        '.spec.containers[name="m"].ports[containerPort=80,protocol="TCP"].containerPort',
    ]


def test_a_new_object_owns_its_containers_but_not_what_is_always_there() -> None:
    pod = typed({"spec": {"containers": [{"name": "m"}], "volumes": [{"name": "v", "emptyDir": {}}]}})

    assert POD.created(pod)["f:spec"] == {
        "f:containers": {'k:{"name":"m"}': {".": {}, "f:name": {}, "f:resources": {}}},
        "f:volumes": {".": {}, 'k:{"name":"v"}': {".": {}, "f:emptyDir": {}, "f:name": {}}},
    }


@given(pods)
def test_a_new_object_is_what_differs_from_one_that_nobody_has_written_into(pod: Any) -> None:
    new, empty = typed(pod), typed({})

    change = POD.compare(empty, new)

    created = field_sets.without(POD.created(new), [("f:kind",), ("f:apiVersion",)])
    assert created == field_sets.union(change.modified, change.added)


@given(pods, pods)
def test_comparing_backwards_turns_what_was_added_into_what_was_removed(one: Any, other: Any) -> None:
    there, back = POD.compare(typed(one), typed(other)), POD.compare(typed(other), typed(one))

    assert (there.removed, there.modified, there.added) == (back.added, back.modified, back.removed)
    assert bool(there) == (typed(one) != typed(other))


@given(pods, pods)
def test_merging_keeps_all_that_the_live_object_has_and_merging_again_changes_nothing(live: Any, config: Any) -> None:
    merged = POD.merge(live, config)

    assert not POD.compare(live, merged).removed
    assert POD.merge(merged, config) == merged


@given(pods)
def test_removing_everything_that_is_named_leaves_nothing(pod: Any) -> None:
    assert POD.remove(pod, POD.named(POD.field_set(pod))) == {}


@pytest.mark.parametrize(
    ("live", "applied", "merged"),
    [
        ("ab", "ba", "ba"),
        ("abc", "bad", "bcad"),
        ("xay", "axd", "ayxd"),
        ("ab", "nab", "nab"),
        ("abc", "n", "abcn"),
        ("abc", "cn", "abcn"),
    ],
)
def test_applied_items_come_in_their_order_and_others_stay_beside_their_neighbours(
    live: str, applied: str, merged: str
) -> None:
    def pod(names: str) -> dict[str, Any]:
        return {"spec": {"containers": [{"name": name} for name in names]}}

    assert POD.merge(pod(live), pod(applied)) == pod(merged)


@pytest.mark.parametrize(
    ("config", "mistakes"),
    [
        ({"spec": {"foo": 1}}, [".spec.foo: field not declared in schema"]),
        ({"metadata": {"labels": {"a": 1}}}, [".metadata.labels.a: expected string, got &value.valueUnstructured{Value:1}"]),
        ({"spec": {"publishNotReadyAddresses": "yes"}}, [".spec.publishNotReadyAddresses: expected boolean, got &{yes}"]),
        ({"spec": {"healthCheckNodePort": "x"}}, [".spec.healthCheckNodePort: expected numeric (int or float), got string"]),
        ({"spec": {"ports": {"name": "a"}}}, [".spec.ports: expected list, got &{map[name:a]}"]),
        ({"spec": []}, [".spec: expected map, got &{[]}"]),
        (
            {"spec": {"ports": [{"port": 1}, {"port": 1}]}},
            ['.spec.ports: duplicate entries for key [port=1,protocol="TCP"]'],
        ),
        (
            {"spec": {"ports": [1]}},
            [".spec.ports: element 0: associative list with keys may not have non-map elements"],
        ),
        ({"spec": {"ports": [None]}}, [".spec.ports: element 0: associative list with keys may not have a null element"]),
        (
            {"metadata": {"finalizers": ["a", "a"]}},
            ['.metadata.finalizers: duplicate entries for key [="a"]'],
        ),
        (
            {"spec": {"ports": [{"port": 1, "x": 2}]}},
            ['.spec.ports[port=1,protocol="TCP"].x: field not declared in schema'],
        ),
        ({"spec": {"selector": {"a": None}, "ports": None}}, []),
    ],
)  # fmt: skip
def test_what_does_not_fit_a_configuration(config: Any, mistakes: list[str]) -> None:
    assert list(SERVICE.mistakes(config)) == mistakes


SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "parts": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["id", "side"],
                    "items": {
                        "type": "object",
                        "properties": {"id": {"type": "string"}, "side": {"type": "string", "default": "left"}},
                    },
                },
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "steps": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer"}}}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "size": {"x-kubernetes-int-or-string": True},
            },
        }
    },
}


def test_a_configuration_tells_which_of_its_lists_maps_and_structs_are_one_field() -> None:
    field = {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    container = {"name": "m", "command": ["sh"], "env": [field], "ports": [{"containerPort": 80}]}
    config = {
        "metadata": {"labels": {"a": "b"}, "finalizers": ["x.io/a"]},
        "spec": {"nodeSelector": {"disk": "ssd"}, "containers": [{"name": "n"}, container], "tolerations": []},
    }

    assert list(POD.atomics(config)) == [
        ".spec.nodeSelector",
        ".spec.containers[1].command",
        ".spec.containers[1].env[0].valueFrom.fieldRef",
        ".spec.tolerations",
    ]


def test_what_a_schema_does_not_describe_is_many_fields_as_a_map_and_one_as_a_list() -> None:
    shape = shape_of_schema({"type": "object", "properties": {"spec": {"x-kubernetes-preserve-unknown-fields": True}}})

    assert list(shape.atomics({"spec": {"a": {"b": [1]}}})) == []
    assert list(shape.atomics({"spec": [1]})) == [".spec"]


def test_schemas_of_custom_resources_say_what_is_one_field() -> None:
    spec = {
        "parts": [{"id": "a"}],
        "tags": ["x"],
        "steps": [{"a": 1}],
        "free": {"deep": {"b": [1]}},
        "size": "10%",
    }

    fields = shape_of_schema(SCHEMA).field_set({"spec": spec})["f:spec"]

    assert fields == {
        "f:parts": {'k:{"id":"a","side":"left"}': {".": {}, "f:id": {}}},
        "f:tags": {'v:"x"': {}},
        "f:steps": {},
        "f:free": {"f:deep": {".": {}, "f:b": {}}},
        "f:size": {},
    }


def test_an_item_of_a_custom_list_needs_at_least_one_of_its_keys() -> None:
    schema: Any = {"type": "object", "properties": {"l": dict(SCHEMA["properties"]["spec"]["properties"]["parts"])}}  # type: ignore[index]
    schema["properties"]["l"]["x-kubernetes-list-map-keys"] = ["id"]

    (mistake,) = shape_of_schema(schema).mistakes({"l": [{"side": "x"}]})

    assert mistake.startswith(
        '.l: element 0: associative list with keys has an element that omits all key fields ["id"]'
    )


@given(pods)
def test_a_configuration_that_comes_again_is_understood_as_the_first_time(config: Any) -> None:
    first, mistakes = POD.field_set(config), list(POD.mistakes(config))

    assert [POD.field_set(config) for _ in range(3)] == [first] * 3
    assert [POD.fits(config) for _ in range(3)] == [not mistakes] * 3


def test_what_fits_one_type_need_not_fit_another() -> None:
    config = {"metadata": {"name": "a"}, "spec": {"clusterIP": "None"}}

    assert [SERVICE.fits(config) for _ in range(3)] == [True] * 3
    assert [POD.fits(config) for _ in range(3)] == [False] * 3


def test_a_field_may_be_many_whose_type_is_one_elsewhere() -> None:
    claim = {"spec": {"claimRef": {"namespace": "a", "name": "b"}}}

    fields = shape_of("core.v1.PersistentVolume").field_set(claim)

    assert texts(fields) == [".spec.claimRef.name", ".spec.claimRef.namespace"]


def test_raw_parts_of_built_in_objects_are_one_field() -> None:
    fields = shape_of("apps.v1.ControllerRevision").field_set({"data": {"spec": {"a": 1}}})

    assert fields == {"f:data": {}}


def test_nothing_more_is_told_of_a_map_with_an_unknown_field() -> None:
    mistakes = SERVICE.mistakes({"spec": {"first": 1, "second": 2, "type": 3}, "metadata": {"name": 1}})

    assert list(mistakes) == [
        ".spec.first: field not declared in schema",
        ".metadata.name: expected string, got &value.valueUnstructured{Value:1}",
    ]


EMPTY_LISTS: Any = [
    ("rbac.v1.Role", {"rules": []}, {"f:rules": {}}),
    ("storage.v1.CSINode", {"spec": {"drivers": []}}, {"f:spec": {"f:drivers": {}}}),
    ("discovery.v1.EndpointSlice", {"endpoints": [], "ports": None}, {"f:endpoints": {}}),
    ("core.v1.Endpoints", {"subsets": []}, {}),
    (
        "resource.v1.ResourceClaim",
        {"spec": {"devices": {"requests": []}}},
        {"f:spec": {"f:devices": {"f:requests": {}}}},
    ),
]


@pytest.mark.parametrize(("type_name", "sent", "owned"), EMPTY_LISTS)
def test_a_list_that_is_always_shown_is_owned_where_it_was_sent_empty(type_name: str, sent: Any, owned: Any) -> None:
    group, version, kind = type_name.split(".")
    obj = decode(type_name, sent, kind=kind, version=f"{group}/{version}").object

    fields = shape_of(type_name).created(obj)

    assert {name: node for name, node in fields.items() if name not in ("f:apiVersion", "f:kind")} == owned


@pytest.mark.parametrize(("type_name", "sent", "owned"), EMPTY_LISTS)
def test_a_list_that_is_sent_empty_again_is_another_value_than_the_null_that_was_stored(
    type_name: str, sent: Any, owned: Any
) -> None:
    stored = decode(type_name, {}, kind="K", version="v1").object
    new = decode(type_name, sent, kind="K", version="v1").object

    assert shape_of(type_name).compare(stored, new).modified == owned
    assert not shape_of(type_name).compare(stored, stored)


def test_several_items_that_are_one_take_the_place_of_the_one_with_all_its_fields() -> None:
    one = typed({"spec": {"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}]}]}})
    two = typed({"spec": {"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}] * 2}]}})
    item = '.spec.containers[name="a"].env[name="X"]'

    more, fewer = POD.compare(one, two), POD.compare(two, one)

    assert texts(more.removed) == texts(fewer.added) == [item, f"{item}.name", f"{item}.value"]
    assert texts(more.added) == texts(fewer.removed) == [item]


@pytest.mark.parametrize("spec", [{"ingress": [{"from": []}]}, {"ingress": [{"ports": [], "from": []}]}])
def test_one_field_is_another_where_a_list_in_it_is_sent_empty(spec: Any) -> None:
    policy = shape_of("networking.v1.NetworkPolicy")

    def policy_of(spec: Any) -> Any:
        return decode("networking.v1.NetworkPolicy", {"spec": spec}, kind="K", version="v1").object

    change = policy.compare(policy_of({"ingress": [{}]}), policy_of(spec))

    assert texts(change.modified) == [".spec.ingress"]
    assert not policy.compare(policy_of({"ingress": [{}]}), policy_of({"ingress": [{}], "egress": []}))


def test_a_schema_that_keeps_all_it_does_not_know_has_a_place_for_every_field() -> None:
    shape = shape_of_schema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    config = {"metadata": {"name": "a"}, "spec": [1], "status": {"phase": "x"}}

    assert list(shape.mistakes(config)) == []
    assert texts(shape.field_set(config)) == [".spec", ".status", ".metadata.name", ".status.phase"]


def test_a_value_that_becomes_a_map_differs_and_has_the_fields_of_the_map_besides() -> None:
    shape = shape_of_schema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    text_, map_ = {"spec": "text"}, {"spec": {"a": 1, "b": {"c": 2}}}

    there, back = shape.compare(text_, map_), shape.compare(map_, text_)

    assert texts(there.modified) == texts(back.modified) == [".spec"]
    assert texts(there.added) == texts(back.removed) == [".spec.a", ".spec.b", ".spec.b.c"]
    assert not there.removed
    assert not back.added


def test_an_object_that_is_part_of_another_has_metadata_of_named_fields() -> None:
    embedded = {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
    shape = shape_of_schema({"type": "object", "properties": {"template": embedded}})
    config = {"template": {"kind": "ConfigMap", "metadata": {"name": "a", "finalizers": ["x/y"]}, "data": {"k": "v"}}}

    assert texts(shape.field_set(config)) == [
        ".template.data",
        ".template.kind",
        ".template.data.k",
        ".template.metadata.name",
        '.template.metadata.finalizers[="x/y"]',
    ]


def test_a_set_of_an_older_schema_has_what_is_one_field_now_and_keeps_what_is_many_now() -> None:
    item = {"type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "integer"}}}
    many = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}

    def shape(**marks: Any) -> Shape:
        lists = {"type": "array", "items": item, **marks}
        return shape_of_schema({"type": "object", "properties": {"a": lists, "b": {"type": "string"}}})

    older = shape(**many).field_set({"a": [{"k": "x", "v": 1}], "b": "y"})

    newer = shape().fitted(older)

    assert texts(newer) == [".a", ".b"]
    assert shape(**many).fitted(newer) == newer
    assert shape(**many).fitted(older) is older
