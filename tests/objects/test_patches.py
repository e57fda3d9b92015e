from __future__ import annotations

from typing import Any

import orjson
import pytest

from fakekube.errors import BadRequest, Invalid, RequestEntityTooLarge
from fakekube.objects import patches

ARGS = {"args": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("document", "operation", "result"),
    [
        ({"data": {"a": "1"}}, {"op": "add", "path": "/data/c", "value": "3"}, {"data": {"a": "1", "c": "3"}}),
        ({"data": {}}, {"op": "add", "path": "x/data/c", "value": 1}, {"data": {"c": 1}}),
        ({"data": {}}, {"op": "add", "path": "/data/e"}, {"data": {"e": None}}),
        ({"l": {}}, {"op": "add", "path": "/l/a.io~1b~0", "value": "c"}, {"l": {"a.io/b~": "c"}}),
        (ARGS, {"op": "add", "path": "/args/-", "value": "d"}, {"args": ["a", "b", "c", "d"]}),
        (ARGS, {"op": "add", "path": "/args/01", "value": "x"}, {"args": ["a", "x", "b", "c"]}),
        (ARGS, {"op": "add", "path": "/args/-2", "value": "x"}, {"args": ["a", "b", "x", "c"]}),
        (ARGS, {"op": "replace", "path": "/args/-1", "value": "z"}, {"args": ["a", "b", "z"]}),
        (ARGS, {"op": "remove", "path": "/args/0"}, {"args": ["b", "c"]}),
        (ARGS, {"op": "move", "from": "/args/0", "path": "/args/2"}, {"args": ["b", "c", "a"]}),
        ({"data": {}}, {"op": "replace", "path": "/data/new", "value": "1"}, {"data": {"new": "1"}}),
        ({"a": 1}, {"op": "replace", "path": "", "value": {"b": 2}}, {"b": 2}),
        ({"a": 1}, {"op": "copy", "from": "/none", "path": "/b"}, {"a": 1, "b": None}),
        (
            {"a": {"x": 1, "y": [2]}},
            {"op": "test", "path": "/a", "value": {"y": [2], "x": 1}},
            {"a": {"x": 1, "y": [2]}},
        ),
        ({"a": 1}, {"op": "test", "path": "/b"}, {"a": 1}),
    ],
)
def test_json_patch_operation_does_what_the_real_server_does(document: Any, operation: Any, result: Any) -> None:
    assert patches.json_patch(document, [operation]) == result


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/data/a", "value": "2"},
        {"op": "test", "path": "/n", "value": 1.0},
        {"op": "remove", "path": "/data/none"},
        {"op": "add", "path": "/metadata/labels/app", "value": "web"},
        {"op": "add", "path": "/args/5", "value": "x"},
        {"op": "add", "path": "/args/first", "value": "x"},
        {"op": "remove", "path": "/args/-"},
        {"op": "remove", "path": "/args/1"},
        {"op": "replace", "path": "/args/1", "value": "x"},
        {"op": "append", "path": "/data/b", "value": "2"},
        {"path": "/data/b", "value": "2"},
        {"op": "add", "value": "2"},
        {"op": "copy", "path": "/data/b"},
        {"op": "move", "from": "/data/none", "path": "/data/b"},
        {"op": "add", "path": "data", "value": {}},
        {"op": "replace", "path": "", "value": "text"},
        {"op": "add", "path": "", "value": {}},
        None,
    ],
)
def test_every_operation_that_fails_gets_one_and_the_same_answer(operation: Any) -> None:
    document = {"data": {"a": "1"}, "args": ["a"], "n": 1}

    with pytest.raises(Invalid) as refusal:
        patches.json_patch(document, [{"op": "add", "path": "/data/z", "value": "26"}, operation])

    assert refusal.value.message == "the server rejected our request due to an error in our request"
    assert refusal.value.details == {}
    assert document == {"data": {"a": "1"}, "args": ["a"], "n": 1}


def test_copied_value_is_a_value_of_its_own() -> None:
    operations = [
        {"op": "add", "path": "/a/x", "value": 1},
        {"op": "copy", "from": "/a", "path": "/b"},
        {"op": "add", "path": "/b/x", "value": 2},
    ]

    assert patches.json_patch({"a": {}}, operations) == {"a": {"x": 1}, "b": {"x": 2}}


def test_copies_may_not_grow_without_end() -> None:
    operations = [{"op": "copy", "from": "/a", "path": f"/a/{i}"} for i in range(30)]

    with pytest.raises(Invalid):
        patches.json_patch({"a": {"text": "x" * 1000}}, operations)


def test_json_patch_of_too_many_operations_is_refused_before_any_is_looked_at() -> None:
    with pytest.raises(RequestEntityTooLarge, match="maximum operations in a JSON patch is 10000, got 10001"):
        patches.json_patch({}, [{}] * 10_001)


def test_objects_that_a_json_patch_walked_into_come_out_with_their_keys_sorted() -> None:
    result = patches.json_patch(
        {"z": {"d": 1, "c": 2}, "a": {"y": 1, "x": 2}}, [{"op": "add", "path": "/z/b", "value": 0}]
    )

    assert [list(result), list(result["z"]), list(result["a"])] == [["a", "z"], ["b", "c", "d"], ["y", "x"]]


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": 3}}, {"a": {"c": 2, "d": 3}}),
        ({"a": 1}, {"none": None, "new": {"x": None, "y": [{"z": None}]}}, {"a": 1, "new": {"y": [{}]}}),
        ({"list": [1, 2]}, {"list": [3]}, {"list": [3]}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}),
        ({"a": "text"}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}),
    ],
)
def test_merge_patch_merges_objects_and_replaces_all_else(document: Any, patch: Any, result: Any) -> None:
    before = repr(document)

    assert patches.merge_patch(document, patch) == result
    assert repr(document) == before


@pytest.mark.parametrize(
    ("media_type", "body", "message"),
    [
        (patches.JSON_PATCH, b"{}", "json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
        (
            patches.JSON_PATCH,
            b'[{"path": 1}]',
            "json: cannot unmarshal number into Go struct field jsonPatchOp.path of type string",
        ),
        (patches.JSON_PATCH, b"[{not json", "invalid character 'n' looking for beginning of object key string"),
        (patches.MERGE_PATCH, b"[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        (patches.MERGE_PATCH, b"{oops", "invalid character 'o' looking for beginning of object key string"),
        (patches.MERGE_PATCH, b"", "unexpected end of JSON input"),
    ],
)
def test_patch_that_cannot_be_read_is_a_bad_request(media_type: str, body: bytes, message: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        patches.PATCHES[media_type]({}, body, True)

    assert refusal.value.message == f"error decoding patch: {message}"


def test_fields_that_an_operation_has_not_got_are_findings() -> None:
    patched = patches.PATCHES[patches.JSON_PATCH]({}, b'[{"op": "test", "path": "/a", "comment": "x"}]', True)

    assert patched == patches.Patched({}, ('json patch unknown field "[0].comment"',))


def test_json_patch_may_be_null_or_empty_and_changes_nothing() -> None:
    assert patches.PATCHES[patches.JSON_PATCH]({"a": 1}, b"null", True).document == {"a": 1}


def test_what_is_compared_and_what_is_copied_after_a_walk_through_it_have_their_keys_in_order() -> None:
    document = {"spec": {"b": {"y": 1, "x": 2}, "a": 1}}

    compared = patches.json_patch(document, [{"op": "test", "path": "/spec", "value": document["spec"]}])
    copied = patches.json_patch(document, [{"op": "copy", "from": "/spec/b", "path": "/spec/b/c"}])

    assert [list(compared["spec"]), list(compared["spec"]["b"])] == [["a", "b"], ["x", "y"]]
    assert list(copied["spec"]["b"]["c"]) == ["x", "y"]


@pytest.mark.parametrize(
    ("body", "result"), [(b"[1]", [1]), (b'[{"a": null, "b": [null, {"c": null}]}, null]', [{"b": [None, {}]}, None])]
)
def test_a_merge_patch_that_is_a_list_takes_the_place_of_all_where_nobody_reads_it_strictly(
    body: bytes, result: Any
) -> None:
    assert patches.PATCHES[patches.MERGE_PATCH]({"a": 1}, body, False).document == result
    with pytest.raises(BadRequest):
        patches.PATCHES[patches.MERGE_PATCH]({"a": 1}, body, True)


@pytest.mark.parametrize("body", [b"3", b'"a"', b"null", b"{", b""])
def test_what_is_no_merge_patch_at_all_is_told_in_one_way_where_nobody_reads_it_strictly(body: bytes) -> None:
    with pytest.raises(BadRequest, match=r"^Invalid JSON Patch$"):
        patches.PATCHES[patches.MERGE_PATCH]({}, body, False)


@pytest.mark.parametrize(("body", "what"), [(b"[1]", "number into Patch.0"), (b'[{}, "x"]', "string into Patch.1")])
def test_an_operation_that_is_none_is_told_with_its_place_where_nobody_reads_it_strictly(
    body: bytes, what: str
) -> None:
    with pytest.raises(BadRequest, match=f"cannot unmarshal {what} of type jsonpatch.Operation"):
        patches.PATCHES[patches.JSON_PATCH]({}, body, False)


@pytest.mark.parametrize(
    ("patch", "told"),
    [
        ({"spec": {"affinity": {"nodeAffinity": {"$patch": "delete"}}}}, "map[spec:map[affinity:map[]]]"),
        ({"spec": {"nodeSelector": {"$patch": "delete"}}}, "map[spec:map[nodeSelector:map[$patch:delete]]]"),
        ({"spec": {"tolerations": [{"$patch": "replace"}]}}, "map[spec:map[tolerations:[map[$patch:replace]]]]"),
    ],
)
def test_messages_show_a_strategic_patch_as_it_is_when_it_has_been_merged(patch: Any, told: str) -> None:
    pod = {"kind": "Pod", "apiVersion": "v1", "metadata": {}, "spec": {"containers": []}}

    patched = patches.strategic_merge_of("core.v1.Pod")(pod, orjson.dumps(patch), True)

    assert patched.text() == f'"{told}"'
