"""RawExtensions: texts that are kept, compared and written as texts."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from fakekube import facts
from fakekube.objects import as_sent, go_structs, schemas, structs, typed_fields
from fakekube.objects.as_sent import EACH, RAW_EXTENSIONS, Path, Verbatim

REVISION = "apps.v1.ControllerRevision"


def revision(data: str, media_type: str = "application/json") -> Any:
    """The decoded object of a body with this text as its data."""
    body = f'{{"metadata": {{"name": "r"}}, "data": {data}, "revision": 1}}'.encode()
    obj, _ = schemas.decode_body(
        body, media_type, group="apps", version="v1", kind="ControllerRevision", type_name=REVISION
    )
    return obj


def paths_in(type_name: str, within: frozenset[str]) -> Iterator[Path]:
    for field in facts.type_of(type_name).fields.values():
        each = (EACH,) if field.shape == "list" else ()
        if field.go_type == "runtime.RawExtension":
            yield (field.name,)
        elif field.type == "ref" and field.ref not in within:
            yield from ((field.name, *each, *path) for path in paths_in(field.ref, within | {field.ref}))


def test_the_table_has_every_raw_extension_of_every_stored_kind() -> None:
    stored = {row.type_name for row in facts.resources() if row.type_name and "watch" in row.verbs}

    found = {name: tuple(paths_in(name, frozenset({name}))) for name in stored}

    assert {name: paths for name, paths in found.items() if paths} == {**RAW_EXTENSIONS}


@pytest.mark.parametrize(
    "text",
    [
        '{"b": 1, "a":2}',
        "{ }",
        '{"x":1.50,"y":1e3}',
        '{"n":12345678901234567890123}',
        '{"a":1,"a":2}',
        '{"a":"1 < 2"}',
        '{"a":"\\u0041"}',
        '{"a":[{"data": {}}, []]}',
    ],
)
def test_a_text_that_the_encoder_would_write_otherwise_is_kept(text: str) -> None:
    data = revision(text)["data"]

    assert as_sent.text_of(data) == text.encode()
    assert isinstance(data, Verbatim)
    assert data == Verbatim({}, text.encode())


@pytest.mark.parametrize("text", ['{"b":1,"a":2}', "{}", '{"a":"\\u003c"}', '{"a":[1.5,null,"x"]}'])
def test_a_text_that_is_as_the_encoder_writes_it_is_a_plain_value(text: str) -> None:
    data = revision(text)["data"]

    assert type(data) is dict
    assert as_sent.text_of(data) == text.encode()


def test_yaml_has_become_the_encoders_json_before_it_is_looked_at() -> None:
    data = revision('{"b": 1, "a": 2}', "application/yaml")["data"]

    assert as_sent.text_of(data) == b'{"a":2,"b":1}'


def test_the_texts_of_a_list_come_to_their_places() -> None:
    config = [{"opaque": {"driver": "d", "parameters": {"n": n}}} for n in range(2)]
    value = {"spec": {"devices": {"config": [{}, *config]}}, "status": {"devices": [{"data": {"n": 2}}]}}
    body = orjson.dumps(value, option=orjson.OPT_INDENT_2)

    as_sent.keep_texts("resource.v1.ResourceClaim", value, body)

    kept: Any = value
    parameters = [each["opaque"]["parameters"].text for each in kept["spec"]["devices"]["config"][1:]]
    assert [orjson.loads(text) for text in parameters] == [{"n": 0}, {"n": 1}]
    assert all(b"\n" in text for text in parameters)
    assert orjson.loads(kept["status"]["devices"][0]["data"].text) == {"n": 2}


def test_what_is_no_utf_8_is_shown_as_that() -> None:
    value = {"data": {"a": "\ufffd"}}

    as_sent.keep_texts(REVISION, value, b'{"data": {"a":  "\xff"}}')

    assert as_sent.text_of(value["data"]) == '{"a":  "\ufffd"}'.encode()


def test_it_is_written_without_blanks_and_with_numbers_as_they_were() -> None:
    obj = {"data": Verbatim({"a": 1.5, "b": "x  <"}, b'{ "a": 1.50,\n "b": "x  <\\" y" }')}

    encoded, kept = as_sent.encoded(obj)

    assert encoded == b'{"data":{"a":1.50,"b":"x  \\u003c\\" y"}}'
    assert kept == obj


def test_an_object_without_texts_is_its_json() -> None:
    obj = {"data": {"a": 1.5}}

    assert as_sent.encoded(obj) == (b'{"data":{"a":1.5}}', obj)


def test_what_no_json_has_is_not_encoded() -> None:
    with pytest.raises(TypeError):
        as_sent.encoded({"data": object()})


def test_other_blanks_are_another_value() -> None:
    one, other = Verbatim({"a": 1}, b'{"a": 1}'), Verbatim({"a": 1}, b'{"a":  1}')

    assert one != other
    assert one != {"a": 1}
    assert one != {"a": 1}
    assert one == copy.deepcopy(one)


@pytest.mark.parametrize(("one", "other"), [({"a": 1, "b": 2}, {"b": 2, "a": 1}), ({"a": 1}, {"a": 1.0})])
def test_values_that_are_equal_may_have_other_texts(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one == other
    assert not as_sent.is_same({"data": one}, {"data": other})
    assert as_sent.is_same({"data": one}, {"data": dict(one)})


def test_an_object_read_from_its_json_has_lost_its_blanks() -> None:
    obj = {"data": Verbatim({"b": 1.5, "a": 2}, b'{"b": 1.50, "a": 2}')}

    as_sent.as_written(REVISION, obj)

    assert as_sent.text_of(obj["data"]) == b'{"b":1.50,"a":2}'
    as_sent.as_written(REVISION, plain := {"data": Verbatim({"a": 1}, b'{"a": 1}')})
    assert type(plain["data"]) is dict


def test_an_object_that_was_go_maps_has_its_keys_in_order() -> None:
    obj = {"data": Verbatim({"b": 1, "a": 2}, b'{"b": 1, "a": 2}')}

    result = as_sent.as_go_maps(REVISION, obj)

    assert as_sent.text_of(result["data"]) == b'{"a":2,"b":1}'
    assert isinstance(obj["data"], Verbatim)


# Lists and maps that were sent empty


def pod_spec(**spec: Any) -> Any:
    value = {"spec": {"containers": [], **spec}}
    return structs.decode("core.v1.Pod", value, kind="Pod", version="v1").object["spec"]


@pytest.mark.parametrize(
    ("sent", "volumes", "node_selector"),
    [
        ({}, None, None),
        ({"volumes": [], "nodeSelector": {}}, [], {}),
        ({"volumes": None, "nodeSelector": {}}, None, {}),
    ],
)
def test_messages_tell_an_empty_list_from_none(sent: dict[str, Any], volumes: Any, node_selector: Any) -> None:
    spec = pod_spec(**sent)

    shown = go_structs.shown("core.PodSpec", spec)

    assert "volumes" not in spec
    assert (shown["Volumes"], shown["NodeSelector"]) == (volumes, node_selector)
    assert as_sent.shown_at({"spec": spec}, "spec.volumes") == volumes


def test_a_struct_that_holds_nothing_but_empty_lists_knows_them() -> None:
    claim = structs.decode("resource.v1.ResourceClaimSpec", {"devices": {"requests": []}}, kind="", version="").object

    shown = go_structs.shown_type("resource.v1.ResourceClaimSpec", claim)

    assert shown == {"Devices": {"Requests": [], "Constraints": None, "Config": None}}


def test_what_has_been_filled_in_since_is_shown() -> None:
    spec = pod_spec(volumes=[])

    spec["volumes"] = [{"name": "token"}]

    assert as_sent.with_empty(spec)["volumes"] == [{"name": "token"}]
    assert as_sent.with_empty({"a": 1}) == {"a": 1}


def test_metadata_is_written_as_json_so_that_only_labels_are_ever_shown_by_themselves() -> None:
    metadata: Any = {"labels": {}, "annotations": {}, "finalizers": []}
    template = structs.decode("core.v1.PodTemplateSpec", {"metadata": metadata}, kind="", version="").object

    assert as_sent.shown_at(template, "metadata.labels") == {}
    assert as_sent.shown_at(template, "metadata.annotations") is None
    assert "labels" not in go_structs.shown("core.PodTemplateSpec", template)


def test_what_was_sent_empty_is_neither_written_nor_kept() -> None:
    spec = pod_spec(volumes=[])

    assert as_sent.encoded({"spec": spec}) == (b'{"spec":{"containers":null}}', None)


def test_texts_are_kept_without_what_was_sent_empty() -> None:
    data = Verbatim({"a": 1}, b'{"a": 1}')

    encoded, kept = as_sent.encoded(as_sent.Emptied({"list": [{"data": data}]}, {"other": []}))

    assert encoded == b'{"list":[{"data":{"a":1}}]}'
    assert type(kept) is dict
    assert kept["list"][0]["data"] is data


def test_whoever_sent_it_owns_the_same_whatever_was_sent_empty_beside_it() -> None:
    pod: Any = {"spec": {"containers": [{"name": "c", "env": [], "args": ["a"]}], "volumes": []}}
    shape, revisions = typed_fields.shape_of("core.v1.Pod"), typed_fields.shape_of(REVISION)

    owned = shape.created(structs.decode("core.v1.Pod", pod, kind="Pod", version="v1").object)
    of_texts = revisions.created({"data": Verbatim({"a": {"b": 1}}, b'{"a": {"b": 1}}')})

    del pod["spec"]["volumes"], pod["spec"]["containers"][0]["env"]
    assert owned == shape.created(structs.decode("core.v1.Pod", pod, kind="Pod", version="v1").object)
    assert of_texts == revisions.created({"data": {"a": {"b": 1}}})


def test_an_object_that_was_sent_empty_lists_can_be_decoded_again() -> None:
    spec = pod_spec(volumes=[])

    again = structs.decode("core.v1.Pod", {"spec": spec}, kind="Pod", version="v1").object

    assert again["spec"] == spec
    assert as_sent.shown_at(again, "spec.volumes") == []


def test_what_was_sent_empty_is_known_until_it_is_filled_in() -> None:
    part = as_sent.Emptied({}, {"types": []})
    obj = {"spec": [part, {"a": 1}]}

    before = as_sent.knows_empty(obj)
    part["types"] = ["x"]

    assert (before, as_sent.knows_empty(obj)) == (True, False)


def test_an_object_with_another_field_knows_what_was_sent_empty() -> None:
    changed = as_sent.with_field(as_sent.Emptied({"a": 1}, {"b": []}), "a", 2)

    assert as_sent.with_empty(changed) == {"a": 2, "b": []}
    assert as_sent.with_field({"a": 1}, "a", 2) == {"a": 2}
