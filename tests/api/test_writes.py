from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from fakekube.api.control_plane import ControlPlane
from fakekube.api.create import create
from fakekube.api.delete import delete
from fakekube.api.get import get
from fakekube.api.patch import patch
from fakekube.api.update import update
from fakekube.errors import AlreadyExists, BadRequest, Conflict, Invalid, NotFound, UnsupportedMediaType
from fakekube.objects.patches import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from tests.api.conftest import MakeCall, Put


async def test_a_new_object_gets_uid_version_and_time_in_the_order_of_the_type(
    plane: ControlPlane, call: MakeCall
) -> None:
    body = {"data": {"x": "1"}, "metadata": {"labels": {"a": "b"}, "name": "a", "uid": "mine", "resourceVersion": "0"}}
    stored = await create(plane, call("configmaps"), json.dumps(body).encode())
    assert list(stored.value) == ["kind", "apiVersion", "metadata", "data"]
    metadata = stored.value["metadata"]
    assert list(metadata) == [
        "name", "namespace", "uid", "resourceVersion", "creationTimestamp", "labels", "managedFields",
    ]  # fmt: skip
    assert metadata["uid"] != "mine"


async def test_generated_names_are_tried_again_when_taken(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    suffixes = iter(["aaaaa", "bbbbb"])
    await put("configmaps", "run-aaaaa")
    plane.chance.suffix = lambda length=5: next(suffixes)  # type: ignore[method-assign]
    stored = await create(plane, call("configmaps"), {"metadata": {"generateName": "run-"}})
    assert stored.name == "run-bbbbb"


async def test_a_dry_run_creates_nothing_and_shows_no_version(plane: ControlPlane, call: MakeCall) -> None:
    before = plane.store.revision
    stored = await create(plane, call("configmaps", dryRun="All"), {"metadata": {"name": "a"}})
    assert "resourceVersion" not in stored.value["metadata"]
    assert plane.store.revision == before
    with pytest.raises(NotFound):
        await get(plane, call("configmaps", "a"))


async def test_a_taken_name_is_409(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    await put("configmaps", "a")
    with pytest.raises(AlreadyExists, match='configmaps "a" already exists'):
        await create(plane, call("configmaps"), {"metadata": {"name": "a"}})


async def test_of_two_writers_with_one_resource_version_the_second_gets_409(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    read = (await put("configmaps", "a")).copy()
    await update(plane, call("configmaps", "a"), {**read, "data": {"x": "1"}})
    with pytest.raises(Conflict, match="the object has been modified"):
        await update(plane, call("configmaps", "a"), {**read, "data": {"x": "2"}})


async def test_a_write_that_changes_nothing_takes_no_revision(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    stored = await put("configmaps", "a", data={"x": "1"})
    again = await patch(plane, call("configmaps", "a"), b'{"data":{"x":"1"}}', MERGE_PATCH)
    assert again is stored


async def test_status_patch_leaves_spec_and_generation_alone(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    stored = await put("deployments.apps", "web", spec={"selector": {"matchLabels": {"a": "b"}}, "template": template})
    body = b'{"spec":{"replicas":7},"status":{"replicas":3}}'
    after = await patch(plane, call("deployments.apps", "web", "status"), body, MERGE_PATCH)
    assert after.value["spec"] == stored.value["spec"]
    assert after.value["metadata"]["generation"] == 1
    assert after.value["status"]["replicas"] == 3


async def test_a_spec_change_counts_the_generation_and_leaves_status_alone(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await put("deployments.apps", "web", spec={"selector": {"matchLabels": {"a": "b"}}, "template": template})
    body = b'[{"op":"replace","path":"/spec/replicas","value":7},{"op":"add","path":"/status","value":{"replicas":3}}]'
    after = await patch(plane, call("deployments.apps", "web"), body, JSON_PATCH)
    assert (after.value["spec"]["replicas"], after.value["metadata"]["generation"]) == (7, 2)
    assert "replicas" not in after.value["status"]


async def test_an_object_with_finalizers_is_marked_and_goes_with_the_last_of_them(
    plane: ControlPlane, call: MakeCall
) -> None:
    body = {"metadata": {"name": "a", "finalizers": ["example.com/wait"]}}
    await create(plane, call("configmaps"), body)
    deleted, _ = await delete(plane, call("configmaps", "a"), b"")
    assert not deleted.removed
    assert deleted.last.value["metadata"]["deletionGracePeriodSeconds"] == 0
    await patch(plane, call("configmaps", "a"), b'{"metadata":{"finalizers":null}}', MERGE_PATCH)
    with pytest.raises(NotFound):
        await get(plane, call("configmaps", "a"))


async def test_the_grace_of_a_deletion_is_put_back_where_it_is_left_out_and_may_not_change(
    plane: ControlPlane, call: MakeCall
) -> None:
    await create(plane, call("configmaps"), {"metadata": {"name": "a", "finalizers": ["example.com/wait"]}})
    await delete(plane, call("configmaps", "a"), b"")
    kept = await patch(
        plane,
        call("configmaps", "a"),
        b'{"metadata":{"deletionGracePeriodSeconds":null},"data":{"x":"1"}}',
        MERGE_PATCH,
    )
    assert kept.value["metadata"]["deletionGracePeriodSeconds"] == 0
    with pytest.raises(Invalid, match="deletionGracePeriodSeconds: Invalid value: 5: field is immutable"):
        await patch(plane, call("configmaps", "a"), b'{"metadata":{"deletionGracePeriodSeconds":5}}', MERGE_PATCH)


async def test_preconditions_guard_a_deletion(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    await put("configmaps", "a")
    with pytest.raises(Conflict, match="the UID in the precondition"):
        await delete(plane, call("configmaps", "a"), b'{"preconditions":{"uid":"other"}}')


async def test_a_precondition_that_is_empty_in_the_query_is_none(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    await put("configmaps", "a")

    deleted, _ = await delete(plane, call("configmaps", "a", uid="", resourceVersion=""), b"")

    assert deleted.removed


async def test_a_deleted_event_loses_the_finalizers_of_policies(plane: ControlPlane, call: MakeCall) -> None:
    metadata = {"name": "e", "finalizers": ["orphan", "example.com/x"]}
    await create(plane, call("events"), {"metadata": metadata, "involvedObject": {"namespace": "shop"}})

    deleted, _ = await delete(plane, call("events", "e"), b"")

    assert deleted.last.value["metadata"]["finalizers"] == ["example.com/x"]


async def test_name_and_namespace_of_the_body_must_be_those_of_the_path(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    await put("configmaps", "a")
    with pytest.raises(BadRequest, match="does not match the name on the URL"):
        await update(plane, call("configmaps", "a"), {"metadata": {"name": "b"}})
    with pytest.raises(BadRequest, match="does not match the namespace sent on the request"):
        await create(plane, call("configmaps"), {"metadata": {"name": "b", "namespace": "other"}})


async def test_a_kind_that_puts_create_is_created_by_put(plane: ControlPlane, call: MakeCall) -> None:
    body = {"metadata": {"name": "leader"}, "spec": {"holderIdentity": "me"}}
    stored, created = await update(plane, call("leases.coordination.k8s.io", "leader"), body)
    assert created
    assert stored.name == "leader"


async def test_lease_updates_need_a_resource_version(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    await put("leases.coordination.k8s.io", "leader")
    with pytest.raises(Invalid, match="must be specified for an update"):
        await update(plane, call("leases.coordination.k8s.io", "leader"), {"metadata": {"name": "leader"}})


DEVICE_CLASSES = "deviceclasses.resource.k8s.io"


async def test_a_write_that_changes_only_the_order_of_raw_keys_is_a_write(plane: ControlPlane, call: MakeCall) -> None:
    opaque = {"driver": "a.example.com", "parameters": {"b": 1, "a": 2}}
    first = await create(
        plane, call(DEVICE_CLASSES), {"metadata": {"name": "a"}, "spec": {"config": [{"opaque": opaque}]}}
    )
    body = first.copy()
    body["spec"]["config"][0]["opaque"]["parameters"] = {"a": 2, "b": 1}

    second, _ = await update(plane, call(DEVICE_CLASSES, "a"), body)

    assert list(second.value["spec"]["config"][0]["opaque"]["parameters"]) == ["a", "b"]
    assert second.revision > first.revision


UNKNOWN = ['unknown field "data"', 'unknown field "metadata"']
NO_NAME = "the name of the object (c based on URL) was undeterminable: name must be provided"


@pytest.mark.parametrize("version", [None, ""])
async def test_a_patched_object_without_a_version_has_no_field_that_anybody_knows(
    plane: ControlPlane, call: MakeCall, put: Put, version: str | None
) -> None:
    await put("configmaps", "c", data={"a": "1"})
    request, strict = call("configmaps", "c"), call("configmaps", "c", fieldValidation="Strict")
    body = orjson.dumps({"apiVersion": version})

    with pytest.raises(BadRequest) as nameless:
        await patch(plane, request, body, MERGE_PATCH)
    with pytest.raises(Invalid) as refusal:
        await patch(plane, strict, body, MERGE_PATCH)

    assert nameless.value.message == NO_NAME
    assert request.warnings == UNKNOWN
    assert refusal.value.message.endswith(f": strict decoding error: {', '.join(UNKNOWN)}")


@pytest.mark.parametrize("kind", [None, ""])
async def test_a_patch_may_leave_the_kind_out(plane: ControlPlane, call: MakeCall, put: Put, kind: str | None) -> None:
    await put("configmaps", "c")

    stored = await patch(plane, call("configmaps", "c"), orjson.dumps({"kind": kind}), MERGE_PATCH)

    assert stored.value["kind"] == "ConfigMap"


@pytest.mark.parametrize(("field", "value", "what"), [("kind", 1, "number"), ("apiVersion", [], "array")])
async def test_a_patched_kind_is_text(
    plane: ControlPlane, call: MakeCall, put: Put, field: str, value: Any, what: str
) -> None:
    await put("configmaps", "c")

    with pytest.raises(Invalid) as refusal:
        await patch(plane, call("configmaps", "c"), orjson.dumps({field: value}), MERGE_PATCH)

    assert refusal.value.message.endswith(
        f"couldn't get version/kind; json parse error: json: cannot unmarshal {what} into Go struct field .{field} of type string"
    )


@pytest.mark.parametrize(
    ("resource", "fields", "sent"),
    [
        ("networkpolicies.networking.k8s.io", {"spec": {"podSelector": {}}}, {"spec": {"ingress": [{"from": []}]}}),
        ("networkpolicies.networking.k8s.io", {"spec": {"podSelector": {}}}, {"spec": {"egress": []}}),
        ("validatingwebhookconfigurations.admissionregistration.k8s.io", {}, {"webhooks": []}),
    ],
)
async def test_to_the_generation_of_some_kinds_an_empty_list_is_a_change_each_time(
    plane: ControlPlane, call: MakeCall, put: Put, resource: str, fields: Any, sent: Any
) -> None:
    await put(resource, "a", **fields)

    first, second = [await patch(plane, call(resource, "a"), orjson.dumps(sent), MERGE_PATCH) for _ in range(2)]
    other = await patch(plane, call(resource, "a"), b'{"metadata": {"labels": {"a": "b"}}}', MERGE_PATCH)

    assert [each.value["metadata"]["generation"] for each in (first, second, other)] == [2, 3, 3]


@pytest.mark.parametrize(
    ("resource", "place"),
    [
        ("configmaps", "configmaps/shop/a"),
        ("ingresses.networking.k8s.io", "ingress/shop/a"),
        ("services", "services/specs/shop/a"),
    ],
)
@pytest.mark.parametrize(("query", "root"), [({}, "/registry/"), ({"dryRun": "All"}, "/")])
async def test_a_uid_that_is_not_the_objects_tells_its_place_in_the_store(
    plane: ControlPlane, call: MakeCall, put: Put, resource: str, place: str, query: Any, root: str
) -> None:
    backend = {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}
    fields: dict[str, Any] = {
        "services": {"spec": {"ports": [{"port": 80}]}},
        "ingresses.networking.k8s.io": {"spec": backend},
    }
    stored = await put(resource, "a", **fields.get(resource, {}))
    body = {**stored.copy(), "metadata": {"name": "a", "uid": "other"}}

    with pytest.raises(Conflict) as refusal:
        await update(plane, call(resource, "a", **query), body)

    assert f"Key: {root}{place}, ResourceVersion: 0" in refusal.value.message


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [("kind", 1, "cannot convert int64 to string"), ("apiVersion", {}, "unrecognized type: string")],
)
async def test_the_head_of_a_strategic_patch_is_not_heard_but_must_be_text(
    plane: ControlPlane, call: MakeCall, put: Put, kind: str, value: Any, why: str
) -> None:
    await put("configmaps", "c")

    heard = await patch(plane, call("configmaps", "c"), orjson.dumps({kind: "Other"}), STRATEGIC_MERGE_PATCH)
    with pytest.raises(Invalid) as refusal:
        await patch(plane, call("configmaps", "c"), orjson.dumps({kind: value}), STRATEGIC_MERGE_PATCH)

    assert heard.value[kind] in ("ConfigMap", "v1")
    assert refusal.value.message.endswith(f": {why}")


async def test_a_merge_patch_that_is_a_list_makes_no_object(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    await put("configmaps", "c")

    with pytest.raises(Invalid) as refusal:
        await patch(plane, call("configmaps", "c", fieldValidation="Ignore"), b"[1]", MERGE_PATCH)

    assert refusal.value.message.startswith(' "" is invalid: patch: Invalid value: "[1]": couldn\'t get version/kind; ')


async def test_a_precondition_that_fails_names_the_group_that_the_kind_is_stored_in(
    plane: ControlPlane, call: MakeCall
) -> None:
    event = {"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "name": "p", "namespace": "shop"}}
    await create(plane, call("events"), event)

    with pytest.raises(Conflict, match='on Event "e": the UID'):
        await delete(plane, call("events.events.k8s.io", "e"), {"preconditions": {"uid": "other"}})


async def test_a_report_about_a_daemon_set_leaves_the_generation_of_its_template_alone(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await put("daemonsets.apps", "d", spec={"selector": {"matchLabels": {"a": "b"}}, "template": template})
    note = "deprecated.daemonset.template.generation"

    for sent in (None, {note: "7"}):
        body = orjson.dumps({"metadata": {"annotations": sent}})
        stored = await patch(plane, call("daemonsets.apps", "d", "status"), body, MERGE_PATCH)
        assert stored.value["metadata"]["annotations"] == {note: "1"}


async def test_a_report_about_a_volume_that_says_no_time_keeps_that_of_its_phase(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
    volume = await put("persistentvolumes", "v", spec=spec)
    report = {**volume.copy(), "metadata": {"name": "v"}, "status": {"message": "m"}}

    stored, _ = await update(plane, call("persistentvolumes", "v", "status"), report)

    assert stored.value["status"] == {**volume.value["status"], "message": "m"}


async def test_a_type_that_no_patch_has_is_refused_before_anything_is_warned_of(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    await put("endpoints", "e")
    request = call("endpoints", "e")
    request.warnings.append("v1 Endpoints is deprecated")

    with pytest.raises(UnsupportedMediaType):
        await patch(plane, request, b"{}", "text/plain")

    assert request.warnings == []


@pytest.mark.parametrize(
    ("content_type", "told"),
    [
        ("text/plain,application/json", "415: Unsupported Media Type"),
        ("application/json, application/merge-patch+json", "the body of the request was in an unknown format"),
        ("application/merge-patch+json ;x=y", "the body of the request was in an unknown format"),
    ],
)
async def test_of_a_list_of_types_one_that_is_known_finds_the_route_but_none_is_understood(
    plane: ControlPlane, call: MakeCall, put: Put, content_type: str, told: str
) -> None:
    await put("configmaps", "c")

    with pytest.raises(UnsupportedMediaType, match=told):
        await patch(plane, call("configmaps", "c"), b"{}", content_type)
