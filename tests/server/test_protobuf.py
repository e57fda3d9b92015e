"""Protobuf: what kubectl sends is understood, what we send is read back the same, and nothing that anyone sends is an accident."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakekube import facts
from fakekube.errors import BadRequest, NotAcceptable, NotFound
from fakekube.facts import Field
from fakekube.objects import as_sent, schemas
from fakekube.server import protobuf

BODIES = json.loads((Path(__file__).parent / "data" / "kubectl_bodies.json").read_bytes())
"""Recorded from kubectl by data/record_kubectl_bodies.py."""

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"color": "blue"}}


@pytest.mark.parametrize("vector", [body for body in BODIES if "json" in body], ids=lambda vector: vector["command"])
def test_bodies_of_kubectl_are_the_objects_of_its_dry_run(vector: dict[str, Any]) -> None:
    api_version, kind, value = protobuf.decode(base64.b64decode(vector["protobuf"]))

    type_name = protobuf.message_type(api_version, kind)
    sent, shown = (
        schemas.decode(type_name, {"kind": kind, "apiVersion": api_version, **body}, version=api_version, kind=kind)
        for body in (value, vector["json"])
    )
    assert sent.object == shown.object
    assert not sent.unknown


def test_a_token_request_keeps_its_audiences_and_seconds() -> None:
    body = next(body for body in BODIES if body["command"].startswith("create token"))

    _, kind, value = protobuf.decode(base64.b64decode(body["protobuf"]))

    assert (kind, value["spec"]) == ("TokenRequest", {"audiences": ["vault"], "expirationSeconds": 600})


# Round trips

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))
JSON_VALUES = st.recursive(
    st.booleans() | st.integers(-(1 << 53), 1 << 53) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
SCALARS = {
    "string": TEXT,
    "bytes": st.binary(min_size=1, max_size=9).map(lambda value: base64.b64encode(value).decode()),
    "boolean": st.just(True),
    "number": st.floats(allow_nan=False, allow_infinity=False).filter(bool),
    "time": TIMES.map(lambda time: time.replace(microsecond=0).isoformat() + "Z"),
    "micro_time": TIMES.map(lambda time: time.isoformat(timespec="microseconds") + "Z"),
    "quantity": st.sampled_from(["1", "100m", "1Gi", "0"]),
    "int_or_string": TEXT | st.integers(-(1 << 31), (1 << 31) - 1),
    "object": st.dictionaries(TEXT, JSON_VALUES, max_size=2),
    "any": JSON_VALUES,
}
ZEROS = {"string": "", "boolean": False, "integer": 0, "number": 0}


def values(field: Field, depth: int) -> st.SearchStrategy[Any]:
    """Values of one element of a field, none of them a zero."""
    if field.go_type in ("v1.JSONSchemaPropsOrArray", "v1.JSONSchemaPropsOrBool", "v1.JSONSchemaDependencies"):
        other = {
            "v1.JSONSchemaPropsOrBool": st.booleans(),
            "v1.JSONSchemaDependencies": st.lists(TEXT, min_size=1, max_size=2),
            "v1.JSONSchemaPropsOrArray": st.lists(objects(field.ref, depth - 1), min_size=1, max_size=2),
        }
        return other[field.go_type] | objects(field.ref, depth - 1)
    if field.type == "ref":
        return objects(field.ref, depth - 1)
    if field.type == "integer":
        bits = 31 if field.format == "int32" else 63
        return st.integers(-(1 << bits), (1 << bits) - 1).filter(bool)
    return SCALARS[field.type]


def members(field: Field, depth: int) -> st.SearchStrategy[Any]:
    value = values(field, depth)
    if field.shape == "list":
        return st.lists(value, min_size=1, max_size=3)
    if field.shape == "map":
        return st.dictionaries(TEXT, value, min_size=1, max_size=2)
    if field.shape == "map_of_lists":
        return st.dictionaries(TEXT, st.lists(value, max_size=2), min_size=1, max_size=2)
    if field.type in ZEROS and (field.keeps_zero or field.always):
        return value | st.just(ZEROS[field.type])
    return value


def objects(type_name: str, depth: int = 5) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of a type with a few of its fields each; below `depth` only empty ones."""

    @st.composite
    def build(draw: st.DrawFn) -> dict[str, Any]:
        fields = [field for field in facts.type_of(type_name).fields.values() if field.protobuf]
        if not fields or depth == 0:
            return {}
        chosen = draw(st.lists(st.sampled_from(fields), max_size=4, unique_by=lambda field: field.name))
        return {field.name: draw(members(field, depth)) for field in chosen}

    return build()


SERVED = sorted(
    {(r.group, r.version, r.kind, r.type_name) for r in facts.resources() if protobuf.has_protobuf(r.type_name)}
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_objects_of_every_kind_come_back_as_they_were_sent(data: st.DataObject) -> None:
    group, version, kind, type_name = data.draw(st.sampled_from(SERVED))
    value = data.draw(objects(type_name))
    api_version = f"{group}/{version}" if group else version

    body = protobuf.encode(type_name, {"kind": kind, "apiVersion": api_version, **value})

    assert protobuf.decode(body) == (api_version, kind, value)


@pytest.mark.parametrize(("group", "version", "kind", "type_name"), SERVED)
def test_every_served_kind_has_a_message(group: str, version: str, kind: str, type_name: str) -> None:
    api_version = f"{group}/{version}" if group else version

    assert protobuf.message_type(api_version, kind) == type_name
    assert protobuf.encode(type_name, {"kind": kind, "apiVersion": api_version}).startswith(protobuf.MAGIC)


def test_fields_that_go_embeds_lie_in_messages_of_their_own() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"volumes": [{"name": "data", "hostPath": {"path": "/srv"}}]}}

    body = protobuf.encode("core.v1.Pod", pod)

    # field 2 of the volume, in it field 1 (hostPath), in that field 1 (path)
    assert b"\x12\x08\x0a\x06\x0a\x04/srv" in body
    assert protobuf.decode(body)[2] == {"spec": pod["spec"]}


@pytest.mark.parametrize(
    "schema",
    [
        {"items": {"type": "string"}},
        {"items": [{"type": "string"}, {"type": "integer"}]},
        {"additionalProperties": False},
        {"additionalProperties": True},
        {"additionalProperties": {"type": "string", "default": "a"}},
        {"dependencies": {"a": ["b"], "c": {"type": "string"}}},
        {"enum": [1, "a", False, {"b": []}], "maximum": 1.5, "minimum": 3, "multipleOf": 1e300},
    ],
)
def test_schemas_of_custom_resources_keep_their_unions(schema: dict[str, Any]) -> None:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {"versions": [version]}}
    type_name = protobuf.message_type("apiextensions.k8s.io/v1", "CustomResourceDefinition")

    _, _, value = protobuf.decode(protobuf.encode(type_name, crd))

    assert value["spec"]["versions"][0]["schema"]["openAPIV3Schema"] == schema


# What the envelope says


def test_delete_options_may_come_with_the_group_of_the_resource() -> None:
    options = {"apiVersion": "apps/v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "propagationPolicy": "Orphan"}

    decoded = protobuf.decode(protobuf.encode("meta.DeleteOptions", options), "meta.DeleteOptions")

    assert decoded == ("apps/v1", "DeleteOptions", {"gracePeriodSeconds": 0, "propagationPolicy": "Orphan"})


def test_a_body_without_kind_is_read_as_what_the_path_expects() -> None:
    body = protobuf.encode("core.v1.ConfigMap", {"data": {"color": "blue"}})

    assert protobuf.decode(body, "core.v1.ConfigMap") == ("", "", {"data": {"color": "blue"}})


def test_a_raw_extension_travels_as_its_text() -> None:
    revision = {"metadata": {"name": "r"}, "data": as_sent.Verbatim({"a": 1.5}, b'{ "a": 1.50 }'), "revision": 1}

    message = protobuf.encode(
        "apps.v1.ControllerRevision", {**revision, "apiVersion": "apps/v1", "kind": "ControllerRevision"}
    )
    _, _, value = protobuf.decode(message)

    assert as_sent.text_of(value["data"]) == b'{ "a": 1.50 }'
    assert value["data"]["a"] == 1.5


def test_a_kind_that_nobody_knows_is_left_to_the_caller() -> None:
    body = protobuf.encode("core.v1.ConfigMap", CONFIG_MAP | {"apiVersion": "example.com/v1", "kind": "Widget"})

    assert protobuf.decode(body, "core.v1.ConfigMap") == ("example.com/v1", "Widget", {})


# What may stand in a message


def envelope(message: bytes, api_version: str = "v1", kind: str = "ConfigMap") -> bytes:
    type_meta = field(1, api_version.encode()) + field(2, kind.encode())
    return protobuf.MAGIC + field(1, type_meta) + field(2, message)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def test_unknown_fields_of_every_wire_type_are_skipped() -> None:
    group = b"\x9b\x06" + b"\x08\x05" + b"\x9b\x06\x9c\x06" + b"\x9c\x06"
    unknown = b"\x98\x06\xac\x02" + b"\x99\x06" + bytes(8) + field(99, b"abc") + group + b"\x9d\x06" + bytes(4)

    body = envelope(unknown + field(2, field(1, b"color") + unknown + field(2, b"blue")) + unknown)

    assert protobuf.decode(body)[2] == {"data": {"color": "blue"}}


def test_numbers_of_a_list_may_be_packed_or_not() -> None:
    groups = b"\x20\x05" + field(4, b"\x06\x07") + b"\x20" + varint((1 << 64) - 8)
    body = envelope(field(2, field(14, groups)), kind="Pod")

    assert protobuf.decode(body)[2] == {"spec": {"securityContext": {"supplementalGroups": [5, 6, 7, -8]}}}


def test_a_message_that_comes_twice_is_merged() -> None:
    body = envelope(field(1, field(1, b"a") + field(3, b"x")) + field(1, field(1, b"b")))

    assert protobuf.decode(body)[2] == {"metadata": {"name": "b", "namespace": "x"}}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (field(1, b"a") + b"\x1c", "proto: unexpected end of group"),
        (b"\x0c\x01a", ""),
        (field(1, b"a") + b"\x18\x05", ""),
    ],
)
def test_of_an_entry_of_a_map_only_the_numbers_are_looked_at(entry: bytes, message: str) -> None:
    body = envelope(field(2, entry))
    if message:
        with pytest.raises(BadRequest, match=message):
            protobuf.decode(body, "core.v1.ConfigMap")
    else:
        assert protobuf.decode(body)[2] == {"data": {"a": ""}}


def test_a_32_bit_number_is_cut_to_its_bits() -> None:
    body = envelope(field(2, b"\x08" + varint((1 << 40) + (1 << 31) + 1)), "apps/v1", "Deployment")

    assert protobuf.decode(body)[2] == {"spec": {"replicas": -(1 << 31) + 1}}


def test_bytes_that_are_no_utf_8_become_replacement_characters() -> None:
    body = envelope(field(2, field(1, b"a") + field(2, b"x\xffy")))

    assert protobuf.decode(body)[2] == {"data": {"a": "x\ufffdy"}}


def test_a_key_of_a_map_without_a_value_has_the_empty_one() -> None:
    assert protobuf.decode(envelope(field(2, field(1, b"a"))))[2] == {"data": {"a": ""}}


def test_times_have_seconds_and_micro_times_six_digits() -> None:
    seconds = int(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp())
    time = b"\x08" + varint(seconds) + b"\x10" + varint(123456789)
    body = envelope(field(1, field(8, time)) + field(2, field(4, time)), "coordination.k8s.io/v1", "Lease")

    lease = protobuf.decode(body)[2]

    assert lease["metadata"] == {"creationTimestamp": "2026-01-02T03:04:05Z"}
    assert lease["spec"] == {"renewTime": "2026-01-02T03:04:05.123456Z"}


def test_a_zero_time_is_absent() -> None:
    assert protobuf.decode(envelope(field(1, field(8, b""))))[2] == {"metadata": {}}


# Refusals


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty data (<empty>)"),
        (protobuf.MAGIC, "empty body (6b387300)"),
        (
            b"hello",
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] (68656c6c6f)",
        ),
        (
            b'{"kind": "ConfigMap", "apiVersion": "v1"}',
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] "
            '({"kind": "ConfigMap", "apiVers ...)',
        ),
        (protobuf.MAGIC + b"\x0a\x05", "unexpected EOF (6b3873000a05)"),
        (protobuf.MAGIC + b"\x0a\xff", "unexpected EOF (6b3873000aff)"),
    ],
)
def test_what_is_no_envelope_is_refused_in_the_servers_words(body: bytes, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        protobuf.decode(body, "core.v1.ConfigMap")

    assert refused.value.message == f"the object provided is unrecognized (must be of type ConfigMap): {message}"
    assert refused.value.details is None


def test_about_the_options_of_a_delete_the_error_stands_alone() -> None:
    with pytest.raises(BadRequest, match=r"^empty body$"):
        protobuf.decode(protobuf.MAGIC, "meta.DeleteOptions")


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (b"\x0a\xff\xff\xff\xff\x0f", "unexpected EOF"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "proto: negative length found during unmarshaling"),
        (b"\x0a" + b"\xff" * 10 + b"\x01", "proto: integer overflow"),
        (b"\x08\x01", "proto: wrong wireType = 0 for field ObjectMeta"),
        (b"\x10\x01", "proto: wrong wireType = 0 for field Data"),
        (b"\x02\x00", "proto: ConfigMap: illegal tag 0 (wire type 2)"),
        (b"\x0c", "proto: ConfigMap: wiretype end group for non-group"),
        (b"\x9f\x06", "proto: illegal wireType 7"),
        (b"\x9b\x06", "unexpected EOF"),
        (field(1, field(8, b"\x08" + varint(1 << 60))), "Time.MarshalJSON: year outside of range [0,9999]"),
    ],
)
def test_a_message_that_breaks_the_rules_is_refused(message: bytes, error: str) -> None:
    with pytest.raises(BadRequest) as refused:
        protobuf.decode(envelope(message), "core.v1.ConfigMap")

    assert refused.value.message == f'ConfigMap in version "v1" cannot be handled as a ConfigMap: {error}'


def test_schemas_nested_without_end_are_refused() -> None:
    schema = b""
    for _ in range(3000):
        schema = field(28, schema)
    body = envelope(
        field(2, field(7, field(4, field(1, schema)))), "apiextensions.k8s.io/v1", "CustomResourceDefinition"
    )

    with pytest.raises(BadRequest, match="exceeded max depth"):
        protobuf.decode(body)


def decoded_or_refused(body: bytes) -> None:
    """Any other error than BadRequest fails the test."""
    with contextlib.suppress(BadRequest):
        json.dumps(protobuf.decode(body, "core.v1.Pod"), allow_nan=False)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(SERVED))
def test_any_bytes_are_decoded_or_refused(message: bytes, kind: tuple[str, str, str, str]) -> None:
    group, version, name, _ = kind

    decoded_or_refused(protobuf.MAGIC + message)
    decoded_or_refused(envelope(message, f"{group}/{version}" if group else version, name))


@pytest.mark.parametrize("vector", BODIES, ids=lambda vector: vector["command"])
def test_bodies_cut_off_anywhere_are_decoded_or_refused(vector: dict[str, Any]) -> None:
    body = base64.b64decode(vector["protobuf"])

    for stop in range(len(body)):
        decoded_or_refused(body[:stop])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_bodies_are_decoded_or_refused(data: st.DataObject) -> None:
    body = bytearray(base64.b64decode(data.draw(st.sampled_from(BODIES))["protobuf"]))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(4, len(body) - 1))
        body[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))

    decoded_or_refused(bytes(body))


# Answers


def test_a_list_holds_its_metadata_and_items() -> None:
    body = protobuf.encode_list(
        "core.v1.ConfigMap",
        [CONFIG_MAP, CONFIG_MAP],
        api_version="v1",
        kind="ConfigMapList",
        metadata={"resourceVersion": "7", "remainingItemCount": 3},
    )

    item = {"metadata": CONFIG_MAP["metadata"], "data": CONFIG_MAP["data"]}
    expected = {"metadata": {"resourceVersion": "7", "remainingItemCount": 3}, "items": [item, item]}
    assert protobuf.decode(body) == ("v1", "ConfigMapList", expected)


def test_metadata_alone_can_be_had_of_any_object() -> None:
    custom = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": {"size": 1}}

    one = protobuf.decode(protobuf.encode_partial(custom))
    many = protobuf.decode(protobuf.encode_partial_list([custom], metadata={"resourceVersion": "7"}))

    assert one == ("meta.k8s.io/v1", "PartialObjectMetadata", {"metadata": {"name": "a"}})
    assert many[1:] == (
        "PartialObjectMetadataList",
        {"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": "a"}}]},
    )


def test_a_status_is_sent_whole() -> None:
    status = NotFound('pods "a" not found', {"name": "a", "kind": "pods"}).status()

    decoded = protobuf.decode(protobuf.encode_status(status))

    assert decoded == ("v1", "Status", {name: status[name] for name in status if name not in ("kind", "apiVersion")})


def test_a_watch_event_has_its_length_before_it() -> None:
    body = protobuf.encode("core.v1.ConfigMap", CONFIG_MAP)

    frame = protobuf.encode_watch_event("ADDED", body)

    event = field(1, b"ADDED") + field(2, field(1, body))
    assert frame == len(event).to_bytes(4, "big") + event
    assert protobuf.encode_watch_event("ADDED", body, framed=False) == event


@pytest.mark.parametrize("type_name", ["", "meta.Table"])
def test_what_has_no_protobuf_form_is_not_acceptable(type_name: str) -> None:
    with pytest.raises(NotAcceptable, match="only the following media types are accepted: application/json"):
        protobuf.encode(type_name, {"apiVersion": "example.com/v1", "kind": "Widget"})


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_without_a_fraction_are_written_as_integers(number: float) -> None:
    schema = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    type_name = protobuf.message_type(*schema.values())
    versions = [{"schema": {"openAPIV3Schema": {"maximum": number}}}]

    body = protobuf.encode(type_name, schema | {"spec": {"versions": versions}})

    decoded = protobuf.decode(body)[2]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["maximum"]
    assert decoded == number
    assert isinstance(decoded, int) == (number.is_integer() and abs(number) < 1e21)
