"""Strategic merges: directives, the order of merged lists, and the refusals of a real server, word for word."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.errors import BadRequest, StatusError
from fakekube.objects.patches import strategic_merge_of
from fakekube.objects.strategic_merge import strategic_merge


def pod(**spec: Any) -> dict[str, Any]:
    containers = [
        {"name": "main", "image": "nginx:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        {"name": "side", "image": "busybox:1", "args": ["a", "b"]},
    ]
    return {
        "metadata": {"name": "p", "labels": {"a": "1", "b": "2"}, "finalizers": ["x.io/a", "x.io/b"]},
        "spec": {"containers": containers, "nodeSelector": {"disk": "ssd"}, **spec},
    }


def spec_after(patch: dict[str, Any], **spec: Any) -> dict[str, Any]:
    merged: dict[str, Any] = strategic_merge("core.v1.Pod", pod(**spec), {"spec": patch})["spec"]
    return merged


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


def test_items_of_one_key_merge_and_plain_lists_are_replaced() -> None:
    containers = [{"name": "side", "args": ["z"], "image": "busybox:2"}, {"name": "main", "env": [{"name": "B"}]}]

    side, main = spec_after({"containers": containers})["containers"]

    assert side == {"name": "side", "image": "busybox:2", "args": ["z"]}
    assert main["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]


def test_a_new_item_goes_before_those_that_the_server_alone_has_left() -> None:
    merged = spec_after({"containers": [{"name": "new"}, {"name": "main"}, {"name": "last"}]})

    assert names(merged["containers"]) == ["new", "main", "last", "side"]


def test_null_deletes_and_is_no_error_where_nothing_is() -> None:
    merged = spec_after({"nodeSelector": {"disk": None, "zone": "west"}, "hostAliases": None})

    assert merged["nodeSelector"] == {"zone": "west"}
    assert "hostAliases" not in merged


def test_an_item_is_deleted_by_its_key() -> None:
    merged = spec_after({"containers": [{"name": "side", "$patch": "delete"}, {"name": "none", "$patch": "delete"}]})

    assert names(merged["containers"]) == ["main"]


def test_replace_as_an_item_replaces_the_list() -> None:
    merged = spec_after({"containers": [{"$patch": "replace", "name": "x"}, {"name": "only", "image": "i"}]})

    assert merged["containers"] == [{"name": "only", "image": "i"}]


@pytest.mark.parametrize(
    ("directive", "result"), [("replace", {"arch": "arm64"}), ("delete", {})], ids=["replace", "delete"]
)
def test_a_map_is_replaced_or_emptied(directive: str, result: dict[str, str]) -> None:
    merged = spec_after({"nodeSelector": {"$patch": directive, "arch": "arm64"}})

    assert merged["nodeSelector"] == result


def test_values_are_taken_out_of_a_list_of_strings() -> None:
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.io/a", "x.io/none"]}}

    assert strategic_merge("core.v1.Pod", pod(), patch)["metadata"]["finalizers"] == ["x.io/b"]


def test_the_order_that_a_patch_gives_leaves_the_servers_own_items_beside_their_neighbours() -> None:
    order = {"$setElementOrder/finalizers": ["x.io/c", "x.io/a"], "finalizers": ["x.io/c"]}

    merged = strategic_merge("core.v1.Pod", pod(), {"metadata": order})

    assert merged["metadata"]["finalizers"] == ["x.io/c", "x.io/a", "x.io/b"]


def test_retain_keys_drops_every_other_key_of_its_object() -> None:
    merged = strategic_merge("core.v1.Pod", pod(), {"metadata": {"labels": {"$retainKeys": ["b", "c"], "c": "3"}}})

    assert merged["metadata"]["labels"] == {"b": "2", "c": "3"}


def test_in_a_map_that_is_not_there_directives_but_patch_are_plain_keys() -> None:
    patch = {"annotations": {"$retainKeys": ["b"], "b": "1"}, "ownerReferences": [{"uid": "u", "$patch": "delete"}]}

    metadata = strategic_merge("core.v1.Pod", pod(), {"metadata": patch})["metadata"]

    assert metadata["annotations"] == {"$retainKeys": ["b"], "b": "1"}
    assert metadata["ownerReferences"] == []


@pytest.mark.parametrize(
    ("spec", "code", "message"),
    [
        ({"containers": [{"image": "x:2"}]}, 500, "map: map[image:x:2] does not contain declared merge key: name"),
        (
            {"containers": [{"$patch": "delete"}]},
            500,
            "map: map[$patch:delete] does not contain declared merge key: name",
        ),
        (
            {"containers": [{"$patch": "merge", "name": "main"}]},
            500,
            "merging lists cannot yet be specified in the patch",
        ),
        (
            {"nodeSelector": {"$patch": "dissolve"}},
            500,
            "unknown patch type: dissolve in map: map[$patch:dissolve]",
        ),
        (
            {"containers": [{"name": "a", "$patch": 1}]},
            500,
            "unknown patch type: %!s(int64=1) in map: map[$patch:1 name:a]",
        ),
        (
            {"$setElementOrder/containers": [{"name": "side"}], "containers": [{"name": "main", "image": "nginx:2"}]},
            500,
            "The order in patch list:\n[map[image:nginx:2 name:main]]\n doesn't match $setElementOrder list:\n[map[name:side]]\n",
        ),
        ({"$setElementOrder/containers": "x"}, 500, "expected a []interface {}, but received a string"),
        (
            {"containers": ["main"], "nodeSelector": None},
            500,
            "list element types are not identical: [[map[name:a] map[name:b]] [main]]",
        ),
        ({"$retainKeys": "containers"}, 400, "invalid patch format of retainKeys"),
        ({"nodeSelector": {"$retainKeys": ["b"], "c": "3"}}, 400, "invalid patch format of retainKeys"),
        ({"$deleteFromPrimitiveList": ["a"]}, 400, "invalid patch format of primitive list"),
        ({"$setElementOrder": []}, 400, "invalid patch format of setElementOrder list"),
    ],
)
def test_what_cannot_be_merged_is_refused_in_gos_words(spec: dict[str, Any], code: int, message: str) -> None:
    document = {"spec": {"containers": [{"name": "a"}, {"name": "b"}], "nodeSelector": {"x": "1"}}}

    with pytest.raises(StatusError) as refusal:
        strategic_merge("core.v1.Pod", document, {"spec": spec})

    assert (refusal.value.status_code, refusal.value.message) == (code, message)
    assert refusal.value.status_reason == ("BadRequest" if code == 400 else "")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        (b"{oops", "invalid character 'o' looking for beginning of object key string"),
        (b"", "unexpected end of JSON input"),
    ],
)
def test_a_patch_that_cannot_be_read_is_a_bad_request(body: bytes, message: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        strategic_merge_of("core.v1.Pod")({}, body, True)

    assert refusal.value.message == message


def test_null_is_an_empty_patch_and_kind_and_version_are_ignored() -> None:
    document = {"kind": "Pod", "apiVersion": "v1", "metadata": {}}

    assert strategic_merge_of("core.v1.Pod")(dict(document), b"null", True).document == document
    patched = strategic_merge_of("core.v1.Pod")(dict(document), b'{"kind": "Secret", "apiVersion": "v9"}', True)
    assert patched.document == document


def test_errors_show_the_patch_as_a_go_map_and_the_last_of_equal_keys_counts() -> None:
    patched = strategic_merge_of("core.v1.ConfigMap")({"data": {}}, b'{"data": {"d": "1", "d": 3}}', True)

    assert patched.findings == ('duplicate field "data.d"',)
    assert patched.text() == '"map[data:map[d:3]]"'
    assert patched.why("core.v1.ConfigMap", "json: ...") == "cannot convert int64 to string"


def test_maps_of_objects_and_raw_parts_do_not_merge_deeply() -> None:
    revision = {"data": {"spec": {"a": 1}}}

    with pytest.raises(StatusError) as refusal:
        strategic_merge("apps.v1.ControllerRevision", revision, {"data": {"spec": {"a": 2}}})

    assert refusal.value.message == 'unable to find api field in struct RawExtension for the json field "spec"'


def test_values_can_be_taken_out_of_a_replaced_list_too_but_no_objects() -> None:
    document = {"spec": {"accessModes": ["ReadWriteOnce", "ReadOnlyMany"]}}

    patch = {"spec": {"$deleteFromPrimitiveList/accessModes": ["ReadOnlyMany"]}}

    assert strategic_merge("core.v1.PersistentVolume", document, patch) == {"spec": {"accessModes": ["ReadWriteOnce"]}}
    with pytest.raises(StatusError) as refusal:
        spec_after({"$deleteFromPrimitiveList/tolerations": []}, tolerations=[{"key": "a"}])
    assert refusal.value.message == "cannot merge lists without merge key for struct"


def test_in_the_place_of_null_items_with_directives_are_left_out_as_where_nothing_is() -> None:
    patch = {"spec": {"drivers": [{"name": "x"}, {"name": "y", "$patch": "delete"}]}}

    merged = strategic_merge("storage.v1.CSINode", {"spec": {"drivers": None}}, patch)

    assert merged == {"spec": {"drivers": [{"name": "x"}]}}


@pytest.mark.parametrize(
    "patch",
    [
        {"$setElementOrder/shelves": [], "shelves": [{}]},
        {"containers": [{"name": "new", "shelf": {}}, {"name": "new", "shelf": {}}]},
    ],
)
def test_nothing_merges_in_fields_that_the_type_has_not(patch: dict[str, Any]) -> None:
    with pytest.raises(StatusError) as refusal:
        spec_after(patch)

    assert refusal.value.message.startswith("unable to find api field in struct ")
