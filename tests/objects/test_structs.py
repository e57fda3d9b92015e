"""Decoding by type: what stays, what goes, what is always there, and for every type that the facts know."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakekube import facts
from fakekube.objects.decode_messages import DecodeError
from fakekube.objects.go_json import JSONError
from fakekube.objects.structs import decode, parse_json


def pod_spec(**spec: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = decode("core.v1.Pod", {"spec": spec}, kind="Pod", version="v1").object["spec"]
    return decoded


def refusal(type_name: str, value: Any) -> str:
    """Why the value cannot be decoded; empty if it can."""
    try:
        decode(type_name, value, kind="K", version="v1")
    except DecodeError as error:
        return str(error)
    return ""


def test_a_value_is_left_as_it_is() -> None:
    value = {"spec": {"containers": [{"name": "a", "env": None, "x": 1}]}}

    decode("core.v1.Pod", value, kind="Pod", version="v1")

    assert value == {"spec": {"containers": [{"name": "a", "env": None, "x": 1}]}}


def test_structs_are_in_the_order_of_their_type_and_maps_in_that_of_their_keys() -> None:
    spec = pod_spec(hostname="h", nodeSelector={"b": "1", "a": "2"}, containers=[{"image": "i", "name": "n"}])

    assert list(spec) == ["containers", "nodeSelector", "hostname"]
    assert list(spec["nodeSelector"]) == ["a", "b"]
    assert list(spec["containers"][0]) == ["name", "image", "resources"]


def test_zeros_go_except_where_a_pointer_keeps_them() -> None:
    spec = pod_spec(
        containers=[],
        hostNetwork=False,
        nodeName="",
        nodeSelector={},
        terminationGracePeriodSeconds=0,
        enableServiceLinks=False,
    )

    assert spec == {"containers": None, "terminationGracePeriodSeconds": 0, "enableServiceLinks": False}


def test_null_is_absent_for_a_field_and_the_zero_value_inside_lists_and_maps() -> None:
    spec = pod_spec(hostname=None, containers=[None, {"command": [None], "ports": [None]}], nodeSelector={"a": None})

    assert spec == {
        "containers": [
            {"name": "", "resources": {}},
            {"name": "", "command": [""], "ports": [{"containerPort": 0}], "resources": {}},
        ],
        "nodeSelector": {"a": ""},
    }


def test_values_are_spelt_as_the_server_spells_them() -> None:
    limits = {"cpu": "1000m", "memory": "1024Mi", "x": "1n", "y": None}
    spec = pod_spec(
        containers=[{"name": "a", "resources": {"limits": limits}, "livenessProbe": {"httpGet": {"port": "web"}}}]
    )
    metadata = decode(
        "core.v1.Secret",
        {"metadata": {"creationTimestamp": "2024-06-01T12:00:00+02:00"}, "data": {"a": "YQ=\n="}},
        kind="Secret",
        version="v1",
    ).object

    assert spec["containers"][0]["resources"]["limits"] == {"cpu": "1", "memory": "1Gi", "x": "1m", "y": "0"}
    assert spec["containers"][0]["livenessProbe"] == {"httpGet": {"port": "web"}}
    assert metadata["metadata"] == {"creationTimestamp": "2024-06-01T10:00:00Z"}
    assert metadata["data"] == {"a": "YQ=="}


def test_amounts_of_resources_are_rounded_up_to_thousandths_but_not_those_of_runtime_classes() -> None:
    runtime_class = decode("node.v1.RuntimeClass", {"overhead": {"podFixed": {"cpu": "1u"}}}, kind="K", version="v1")

    assert pod_spec(overhead={"cpu": "1u"})["overhead"] == {"cpu": "1m"}
    assert runtime_class.object["overhead"] == {"podFixed": {"cpu": "1u"}}


def test_a_port_that_is_an_empty_text_stays_one() -> None:
    spec = pod_spec(containers=[{"livenessProbe": {"tcpSocket": {"port": ""}}}])

    assert spec["containers"][0]["livenessProbe"] == {"tcpSocket": {"port": ""}}


def test_raw_parts_keep_nulls_and_empties() -> None:
    data: dict[str, Any] = {"a": None, "b": [], "c": {}, "d": 1.5}

    decoded = decode("apps.v1.ControllerRevision", {"data": data}, kind="ControllerRevision", version="apps/v1")

    assert decoded.object["data"] == data


def test_unknown_fields_are_dropped_and_told_each_once() -> None:
    value = {"spec": {"containers": [{"imag": 1}, {"imag": 2, "ports": [{"port": 1}]}]}, "b": 1, "a": 1}

    decoded = decode("core.v1.Pod", value, kind="Pod", version="v1")

    assert decoded.unknown == [
        "spec.containers[0].imag",
        "spec.containers[1].imag",
        "spec.containers[1].ports[0].port",
        "b",
        "a",
    ]


def test_at_most_a_hundred_findings_are_told() -> None:
    decoded = decode("core.v1.ConfigMap", {f"x{number}": 1 for number in range(300)}, kind="ConfigMap", version="v1")

    assert len(decoded.findings) == 100


def test_repeated_keys_are_looked_for_only_when_wanted() -> None:
    body = b'{"a": {"b": 1, "b": 2, "c": [{"d": 1, "d": 1}]}, "a": {}}'

    assert parse_json(body, strict=False) == ({"a": {}}, [])
    assert parse_json(body, strict=True)[1] == ["a.b", "a.c[0].d", "a"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a" :2}',
        b'{"a" : ":", "b":1, "b":2, "c": "\\u003a\\u003a"}',
        b'{"a":"\\":", "a":1}',
        b'{"a":{"x":1},"b":{"x":1,"x":2}}',
    ],
)
def test_repeated_keys_are_found_however_they_are_written(body: bytes) -> None:
    assert len(parse_json(body, strict=True)[1]) == 1


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(JSONError, match="unexpected end of JSON input"):
        parse_json(b"{", strict=True)


OBJECT_TYPES = [
    name for name in facts.type_names() if "TypeMeta" in {f.embedded for f in facts.type_of(name).fields.values()}
]


@pytest.mark.parametrize("type_name", OBJECT_TYPES)
def test_every_kind_can_be_decoded_from_nothing_and_again_from_what_came_out(type_name: str) -> None:
    empty = decode(type_name, {}, kind="K", version="v1")
    again = decode(type_name, {**empty.object, "kind": "K", "apiVersion": "v1"}, kind="K", version="v1")

    assert again.object == empty.object


def sample(field: facts.Field) -> Any:
    """A value that fits the field."""
    scalars: dict[str, Any] = {
        "string": "s",
        "boolean": True,
        "integer": 1,
        "number": 1.5,
        "bytes": "YQ==",
        "time": "2026-01-01T00:00:00Z",
        "micro_time": "2026-01-01T00:00:00.000001Z",
        "quantity": "1500m",
        "int_or_string": "25%",
        "any": {"any": ["thing"]},
        "object": {"any": ["thing"]},
        "ref": {},
    }
    value = scalars[field.type]
    return {"one": value, "list": [value], "map": {"k": value}, "map_of_lists": {"k": [value]}}[field.shape]


WRONG: tuple[Any, ...] = (True, 1, 1.5, "?", ["?"], [1], {"?": 1}, {"k": [1]}, [[1]], [{}], {"k": {}})


@pytest.mark.parametrize("type_name", facts.type_names())
def test_both_readers_agree_about_every_field_of_every_type(type_name: str) -> None:
    """The quick one refuses exactly what the careful one has words for, and keeps what fits."""
    for name, field in facts.type_of(type_name).fields.items():
        if name in ("kind", "apiVersion"):
            continue
        decoded = decode(type_name, {name: sample(field)}, kind="K", version="v1")
        assert not decoded.findings
        assert name in decoded.object or sample(field) in ({}, [])
        for wrong in WRONG:
            assert refusal(type_name, {name: wrong}) != "json: cannot unmarshal value"


KEYS = st.sampled_from(["name", "spec", "containers", "metadata", "x"])
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "spec", "containers", "metadata", "x"]), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(JSON_VALUES)
def test_any_value_is_an_object_that_can_be_written_or_an_error_of_its_own(value: Any) -> None:
    words = refusal("core.v1.Pod", value)

    assert words != "json: cannot unmarshal value"
    if not words:
        decoded = decode("core.v1.Pod", value, kind="Pod", version="v1").object
        assert orjson.loads(orjson.dumps(decoded)) == decoded
