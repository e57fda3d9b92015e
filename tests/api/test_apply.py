"""Server-side apply and the owners that every write leaves behind, through the verbs."""

from __future__ import annotations

import dataclasses
from typing import Any

import orjson
import pytest

from fakekube.api import apply, create, patch, scale, update
from fakekube.api.call import Call
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import BadRequest, Conflict, Forbidden, InternalError, Invalid, NotFound, StatusError
from fakekube.objects.patches import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from fakekube.registry.clock import Clock
from fakekube.storage.store import Stored

from .conftest import MakeCall, Put

Json = dict[str, Any]


def config_map(name: str = "c", **more: Any) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **more}


async def applied(plane: ControlPlane, call: Call, config: Any) -> Stored:
    body = config if isinstance(config, bytes) else orjson.dumps(config)
    stored, _ = await apply.apply(plane, call, body)
    return stored


def owned(stored: Stored) -> dict[str, Any]:
    """What each manager owns, with how: `{"alice/Apply": {...}}`."""
    entries = stored.value["metadata"].get("managedFields", ())
    return {f"{entry['manager']}/{entry['operation']}": entry["fieldsV1"] for entry in entries}


class Later(Clock):
    def timestamp(self) -> str:
        return "2036-01-01T00:00:00Z"


async def test_apply_creates_what_is_not_there(plane: ControlPlane, call: MakeCall) -> None:
    stored, created = await apply.apply(
        plane, call("configmaps", "c", fieldManager="alice"), orjson.dumps(config_map(data={"a": "1"}))
    )

    assert created
    assert owned(stored) == {"alice/Apply": {"f:data": {"f:a": {}}}}


async def test_applying_the_same_again_writes_nothing(plane: ControlPlane, call: MakeCall) -> None:
    config = config_map(data={"a": "1"})
    first = await applied(plane, call("configmaps", "c", fieldManager="alice"), config)
    plane.clock = Later()

    again, created = await apply.apply(plane, call("configmaps", "c", fieldManager="alice"), orjson.dumps(config))

    assert (again.revision, created) == (first.revision, False)


async def test_yaml_is_read_and_keys_that_stand_twice_are_told(plane: ControlPlane, call: MakeCall) -> None:
    request = call("configmaps", "c", fieldManager="alice")
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '1', a: '2'}\n"

    stored = await applied(plane, request, text)
    with pytest.raises(BadRequest) as refusal:
        await applied(plane, call("configmaps", "c", fieldManager="alice", fieldValidation="Strict"), text)

    assert stored.value["data"] == {"a": "2"}
    assert request.warnings == ['line 4: key "a" already set in map']
    assert refusal.value.message == (
        "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n"
        '  line 4: key "a" already set in map'
    )


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        (b"a: b: c", BadRequest, "error decoding YAML: error converting YAML to JSON: yaml: mapping values"),
        (b"[1]", BadRequest, "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array"),
        (b"", BadRequest, "invalid object type: /, Kind="),
        (b'{"apiVersion": "v1"}', BadRequest, "invalid object type: /v1, Kind="),
        (b'{"kind": "ConfigMap", "apiVersion": "a/b/c"}', BadRequest, "invalid object type: /, Kind="),
        (config_map(kind="Secret"), BadRequest, "invalid object type: /v1, Kind=Secret"),
        (config_map(metadata={"name": "c", "managedFields": []}), BadRequest, "metadata.managedFields must be nil"),
        (
            config_map(date={}),
            InternalError,
            "failed to create typed patch object (/c; /v1, Kind=ConfigMap): .date: field not declared in schema",
        ),
        (
            config_map(data={"a": 1}, metadata="x"),
            InternalError,
            "failed to create typed patch object (/; /v1, Kind=ConfigMap): errors:\n  ",
        ),
        (config_map("other"), BadRequest, "the name of the object (other) does not match the name on the URL (c)"),
        (
            config_map(metadata={}),
            BadRequest,
            "the name of the object (c based on URL) was undeterminable: name must be provided",
        ),
        (
            config_map(metadata={"name": "c", "uid": "u"}),
            Conflict,
            'Operation cannot be fulfilled on configmaps "c": uid mismatch: the provided object specified uid u, and no',
        ),
        (config_map(data={"bad/key": "x"}), Invalid, 'ConfigMap "c" is invalid: data[bad/key]: Invalid value'),
        (b'{"a":' * 3000 + b"1" + b"}" * 3000, BadRequest, ""),
    ],
)  # fmt: skip
async def test_what_cannot_be_applied_is_refused_and_leaves_no_trace(
    plane: ControlPlane, call: MakeCall, body: Any, error: type[StatusError], message: str
) -> None:
    revision = plane.store.revision

    with pytest.raises(error) as refusal:
        await applied(plane, call("configmaps", "c", fieldManager="m"), body)

    assert refusal.value.message.startswith(message)
    assert plane.store.revision == revision


async def test_a_manager_must_be_named(plane: ControlPlane, call: MakeCall) -> None:
    with pytest.raises(Invalid) as refusal:
        await applied(plane, call("configmaps", "c"), config_map())

    assert refusal.value.message.endswith("fieldManager: Required value: is required for apply patch")


async def test_creating_asks_for_the_right_to_create(plane: ControlPlane, call: MakeCall) -> None:
    request = call("configmaps", "c", fieldManager="m")

    def may(verb: str) -> None:
        raise Forbidden(verb)

    request.may = may

    with pytest.raises(Forbidden) as refusal:
        await applied(plane, request, config_map())
    with pytest.raises(Invalid):
        await applied(plane, request, config_map(data={"bad/key": "x"}))

    assert refusal.value.message == "create"


async def test_nothing_is_created_through_a_subresource(plane: ControlPlane, call: MakeCall) -> None:
    config = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}}

    with pytest.raises(NotFound):
        await applied(plane, call("jobs.batch", "j", "status", fieldManager="m"), config)


async def test_a_conflict_names_every_owner_and_force_takes_the_fields(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    await put("configmaps", "c", data={"a": "1", "b": "2"})
    config = config_map(data={"a": "one"})

    with pytest.raises(Conflict) as refusal:
        await applied(plane, call("configmaps", "c", fieldManager="alice"), config)
    forced = await applied(plane, call("configmaps", "c", fieldManager="alice", force="true"), config)

    assert refusal.value.message == 'Apply failed with 1 conflict: conflict with "unknown" using v1: .data.a'
    assert refusal.value.details == {
        "causes": [
            {"reason": "FieldManagerConflict", "message": 'conflict with "unknown" using v1', "field": ".data.a"}
        ]
    }
    assert owned(forced)["alice/Apply"] == {"f:data": {"f:a": {}}}
    assert owned(forced)["unknown/Update"] == {"f:data": {".": {}, "f:b": {}}}


async def test_a_field_that_is_given_up_gets_its_default_back(plane: ControlPlane, call: MakeCall) -> None:
    def service(**spec: Any) -> Json:
        ports = [{"port": 80}]
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": ports, **spec}}

    request = call("services", "s", fieldManager="alice")
    await applied(plane, request, service(sessionAffinity="ClientIP"))

    stored = await applied(plane, request, service())

    assert stored.value["spec"]["sessionAffinity"] == "None"
    assert "f:sessionAffinity" not in owned(stored)["alice/Apply"]["f:spec"]


async def test_a_dry_run_shows_and_keeps_nothing(plane: ControlPlane, call: MakeCall) -> None:
    stored, created = await apply.apply(
        plane, call("configmaps", "c", fieldManager="m", dryRun="All"), orjson.dumps(config_map(data={"a": "1"}))
    )

    assert created
    assert "resourceVersion" not in stored.value["metadata"]
    assert plane.store.get("configmaps", "shop", "c") is None


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


async def test_kubectl_may_change_what_it_once_applied_itself(plane: ControlPlane, call: MakeCall) -> None:
    client_side = config_map(data={"a": "1"})
    annotated = client_side | {
        "metadata": {"name": "c", "annotations": {LAST_APPLIED: orjson.dumps(client_side).decode()}}
    }
    await create.create(plane, call("configmaps", fieldManager="kubectl-client-side-apply"), annotated)
    config = config_map(data={"a": "2"})

    with pytest.raises(Conflict):
        await applied(plane, call("configmaps", "c", fieldManager="other"), config)
    stored = await applied(plane, call("configmaps", "c", fieldManager="kubectl"), config)

    assert stored.value["data"] == {"a": "2"}
    kept = stored.value["metadata"]["annotations"][LAST_APPLIED]
    assert kept == '{"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap","metadata":{"name":"c"}}\n'


async def test_without_the_annotation_kubectl_conflicts_as_anybody(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    await put("configmaps", "c", data={"a": "1"})

    with pytest.raises(Conflict):
        await applied(plane, call("configmaps", "c", fieldManager="kubectl"), config_map(data={"a": "2"}))


async def test_managers_are_named_by_parameter_or_program(plane: ControlPlane, call: MakeCall) -> None:
    await create.create(plane, call("configmaps", fieldManager="maker"), config_map(data={"a": "1"}))
    request = call("configmaps", "c")
    request.user_agent = "kube\x07ctl/v1.36 (linux)"

    stored = await patch.patch(plane, request, b'{"data": {"b": "2"}}', MERGE_PATCH)

    assert owned(stored) == {
        "maker/Update": {"f:data": {".": {}, "f:a": {}}},
        "kubectl/Update": {"f:data": {"f:b": {}}},
    }


async def test_a_put_that_sends_back_what_it_read_changes_no_owner(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    first = await put("configmaps", "c", data={"a": "1"})

    stored, _ = await update.update(plane, call("configmaps", "c", fieldManager="other"), first.copy())

    assert stored is plane.store.get("configmaps", "shop", "c")
    assert stored.revision == first.revision


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        (MERGE_PATCH, b'{"metadata": {"managedFields": [{}]}}'),
        (MERGE_PATCH, b'{"metadata": {"managedFields": []}}'),
        (JSON_PATCH, b'[{"op": "replace", "path": "/metadata/managedFields", "value": []}]'),
        (STRATEGIC_MERGE_PATCH, b'{"metadata": {"managedFields": [{}]}}'),
    ],
)
async def test_whoever_clears_the_list_is_tracked_no_more_until_the_next_apply(
    plane: ControlPlane, call: MakeCall, put: Put, media_type: str, body: bytes
) -> None:
    await put("configmaps", "c", data={"a": "1"})

    cleared = await patch.patch(plane, call("configmaps", "c"), body, media_type)
    later = await patch.patch(plane, call("configmaps", "c"), b'{"data": {"b": "2"}}', MERGE_PATCH)
    tracked = await applied(plane, call("configmaps", "c", fieldManager="alice"), config_map(data={"c": "3"}))

    assert owned(cleared) == owned(later) == {}
    assert owned(tracked)["before-first-apply/Update"] == {"f:data": {".": {}, "f:a": {}, "f:b": {}}}


async def test_an_empty_list_in_a_put_clears_as_well(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    await put("configmaps", "c", data={"a": "1"})
    body = orjson.dumps(config_map(metadata={"name": "c", "managedFields": []}, data={"a": "1"}))

    stored, _ = await update.update(plane, call("configmaps", "c"), body)

    assert owned(stored) == {}


async def test_a_write_that_changes_nothing_but_times_is_none(plane: ControlPlane, call: MakeCall) -> None:
    config = config_map(data={"a": "1"}, metadata={"name": "c", "annotations": {"x": "1"}})
    first = await applied(plane, call("configmaps", "c", fieldManager="alice"), config)
    plane.clock = Later()
    # Of a ConfigMap in which an empty map is applied decoding leaves nothing, but to the apply the value has changed.
    stored = await applied(
        plane, call("configmaps", "c", fieldManager="alice"), config | {"binaryData": {}, "immutable": None}
    )
    again = await applied(
        plane, call("configmaps", "c", fieldManager="alice"), config | {"binaryData": {}, "immutable": None}
    )

    assert stored.revision != first.revision
    assert again.revision == stored.revision


async def test_status_is_owned_through_its_own_door_only(plane: ControlPlane, call: MakeCall) -> None:
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "i"}]}}},
        "status": {"active": 1},
    }
    await create.create(plane, call("jobs.batch", fieldManager="maker"), job)
    request = call("jobs.batch", "j", "status", fieldManager="maker")

    stored = await patch.patch(plane, request, b'{"spec": {"parallelism": 5}, "status": {"active": 2}}', MERGE_PATCH)

    main, status = stored.value["metadata"]["managedFields"]
    assert "f:status" not in main["fieldsV1"]
    assert (status["subresource"], status["fieldsV1"]) == ("status", {"f:status": {"f:active": {}}})


async def test_scaling_moves_the_owner_of_the_replicas(plane: ControlPlane, call: MakeCall) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "i"}]}},
        },
    }
    kind = plane.kinds.named("deployments.apps")
    await applied(plane, call("deployments.apps", "d", fieldManager="alice"), deployment)
    door = kind.subresource_named["scale"]

    request = call("deployments.apps", "d", "scale", fieldManager="bob")
    await scale.patch_scale(plane, request, door, b'{"spec": {"replicas": 3}}', MERGE_PATCH)
    with pytest.raises(Conflict) as refusal:
        await applied(plane, call("deployments.apps", "d", fieldManager="alice"), deployment)

    assert refusal.value.message == (
        'Apply failed with 1 conflict: conflict with "bob" with subresource "scale" using apps/v1: .spec.replicas'
    )


async def test_an_entry_is_compared_in_its_own_version(plane: ControlPlane, call: MakeCall) -> None:
    def autoscaler(version: str, **spec: Any) -> Json:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
        spec = {"maxReplicas": 5, "scaleTargetRef": target, **spec}
        return {
            "apiVersion": f"autoscaling/{version}",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "h"},
            "spec": spec,
        }

    first, second = (plane.kinds.find("autoscaling", version, "horizontalpodautoscalers") for version in ("v1", "v2"))
    assert first is not None
    assert second is not None
    request = call("horizontalpodautoscalers.autoscaling", "h", fieldManager="alice")
    request.kind = first
    await applied(plane, request, autoscaler("v1", targetCPUUtilizationPercentage=70))
    request = call("horizontalpodautoscalers.autoscaling", "h", fieldManager="bob")
    request.kind = second
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
    }

    with pytest.raises(Conflict) as refusal:
        await applied(plane, request, autoscaler("v2", metrics=[metric]))

    assert refusal.value.message == (
        'Apply failed with 1 conflict: conflict with "alice": .spec.targetCPUUtilizationPercentage'
    )


async def test_what_an_applier_named_in_an_older_version_stays_when_she_names_nothing_in_its_place(
    plane: ControlPlane, call: MakeCall
) -> None:
    old = plane.kinds.find("autoscaling", "v1", "horizontalpodautoscalers")
    assert old is not None
    through_v2 = call("horizontalpodautoscalers.autoscaling", "h", fieldManager="alice")
    through_v1 = dataclasses.replace(through_v2, kind=old)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    config: Json = {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}}
    spec = {"maxReplicas": 5, "scaleTargetRef": target}
    await applied(
        plane,
        through_v1,
        {**config, "apiVersion": "autoscaling/v1", "spec": {**spec, "targetCPUUtilizationPercentage": 70}},
    )

    stored = await applied(plane, through_v2, {**config, "apiVersion": "autoscaling/v2", "spec": spec})

    (metric,) = stored.value["spec"]["metrics"]
    assert metric["resource"]["target"]["averageUtilization"] == 70
    assert "f:metrics" not in owned(stored)["alice/Apply"]["f:spec"]


DAEMON_SET: Json = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "d"},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
    },
}


async def test_the_generation_of_a_daemon_sets_template_is_its_writers_but_not_its_appliers(
    plane: ControlPlane, call: MakeCall
) -> None:
    number = "f:deprecated.daemonset.template.generation"

    written = await create.create(plane, call("daemonsets.apps", fieldManager="alice"), DAEMON_SET)
    put, _ = await update.update(plane, call("daemonsets.apps", "d", fieldManager="bob"), DAEMON_SET)
    config = {**DAEMON_SET, "metadata": {"name": "e"}}
    applied_ = await applied(plane, call("daemonsets.apps", "e", fieldManager="carol"), config)

    assert owned(written)["alice/Update"]["f:metadata"] == {"f:annotations": {".": {}, number: {}}}
    assert owned(put)["bob/Update"] == {"f:metadata": {"f:annotations": {number: {}}}}
    assert "f:metadata" not in owned(applied_)["carol/Apply"]
    assert applied_.value["metadata"]["annotations"] == {number.removeprefix("f:"): "1"}


async def test_a_configuration_that_cannot_be_converted_says_so_and_why(plane: ControlPlane, call: MakeCall) -> None:
    with pytest.raises(InternalError) as refusal:
        await applied(plane, call("configmaps", "c", fieldManager="alice"), config_map(binaryData={"k": "?"}))

    assert refusal.value.message == (
        "failed to convert new object (/c; /v1, Kind=ConfigMap) to proper version: unable to convert unstructured object "
        "to /v1, Kind=ConfigMap: error decoding from json: illegal base64 data at input byte 0"
    )


async def test_a_name_that_is_no_text_is_not_told_as_one(plane: ControlPlane, call: MakeCall) -> None:
    with pytest.raises(InternalError) as refusal:
        await applied(plane, call("configmaps", "c", fieldManager="alice"), {**config_map(), "metadata": {"name": [1]}})

    assert refusal.value.message == (
        "failed to create typed patch object (/; /v1, Kind=ConfigMap): "
        ".metadata.name: expected string, got &value.valueUnstructured{Value:[]interface {}{1}}"
    )


async def test_what_two_fields_say_of_a_node_belongs_to_who_said_one(plane: ControlPlane, call: MakeCall) -> None:
    node = {"metadata": {"name": "n"}, "spec": {"podCIDR": "10.0.0.0/24"}}

    stored = await create.create(plane, call("nodes", fieldManager="alice"), node)

    owned_ranges: Json = {".": {}, 'v:"10.0.0.0/24"': {}}
    assert owned(stored)["alice/Update"] == {"f:spec": {"f:podCIDR": {}, "f:podCIDRs": owned_ranges}}


async def test_what_two_fields_say_of_a_pod_belongs_to_who_said_one(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    await put("pods", "p", spec={"containers": [{"name": "c", "image": "i"}]})

    request = call("pods", "p", "status", fieldManager="kubelet")
    stored = await patch.patch(plane, request, b'{"status": {"podIP": "10.9.0.1"}}', MERGE_PATCH)

    item: Json = {".": {}, 'k:{"ip":"10.9.0.1"}': {".": {}, "f:ip": {}}}
    assert owned(stored)["kubelet/Update"] == {"f:status": {"f:podIP": {}, "f:podIPs": item}}


async def test_what_an_old_version_holds_in_annotations_belongs_to_who_writes_its_fields(
    plane: ControlPlane, call: MakeCall
) -> None:
    first = plane.kinds.find("autoscaling", "v1", "horizontalpodautoscalers")
    assert first is not None
    request = dataclasses.replace(call("horizontalpodautoscalers.autoscaling", fieldManager="alice"), kind=first)
    metrics = "autoscaling.alpha.kubernetes.io/current-metrics"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    spec = {"scaleTargetRef": target, "maxReplicas": 3}
    status = {"currentReplicas": 1, "desiredReplicas": 1, "currentCPUUtilizationPercentage": 5}

    stored = await create.create(plane, request, {"metadata": {"name": "h"}, "spec": spec, "status": status})

    assert owned(stored)["alice/Update"]["f:metadata"] == {"f:annotations": {".": {}, f"f:{metrics}": {}}}


async def test_a_stored_list_whose_items_cannot_be_told_apart_keeps_others_from_applying(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    await put("serviceaccounts", "s", secrets=[{"kind": "Secret"}])
    config = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "s"}, "secrets": [{"name": "a"}]}

    with pytest.raises(InternalError) as refusal:
        await applied(plane, call("serviceaccounts", "s", fieldManager="alice"), config)

    assert refusal.value.message == (
        "failed to create manager for existing fields: failed to convert new object (shop/s; /v1, Kind=ServiceAccount) to smd typed: "
        '.secrets: element 0: associative list with keys has an element that omits all key fields ["name"] '
        "(and doesn't have default values for any key fields)"
    )


async def test_what_was_required_of_an_older_version_stays_when_its_applier_goes_on_to_a_newer(
    plane: ControlPlane, call: MakeCall
) -> None:
    def autoscaler(version: str, **spec: Any) -> Json:
        head = {"apiVersion": f"autoscaling/{version}", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}}
        return {**head, "spec": spec}

    first = plane.kinds.find("autoscaling", "v1", "horizontalpodautoscalers")
    assert first is not None
    request = call("horizontalpodautoscalers.autoscaling", "h", fieldManager="alice")
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    config = autoscaler("v1", scaleTargetRef=target, maxReplicas=3)
    await applied(plane, dataclasses.replace(request, kind=first), config)

    stored = await applied(plane, request, autoscaler("v2", minReplicas=2))

    assert owned(stored) == {"alice/Apply": {"f:spec": {"f:minReplicas": {}}}}
    assert (stored.value["spec"]["scaleTargetRef"], stored.value["spec"]["maxReplicas"]) == (target, 3)


async def test_a_behavior_of_which_nothing_is_named_any_more_stays_where_an_older_version_is_owned(
    plane: ControlPlane, call: MakeCall
) -> None:
    first = plane.kinds.find("autoscaling", "v1", "horizontalpodautoscalers")
    assert first is not None
    request = call("horizontalpodautoscalers.autoscaling", "h", fieldManager="alice")
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    head = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}}
    policies = [{"type": "Pods", "value": 1, "periodSeconds": 15}]
    spec = {"scaleTargetRef": target, "maxReplicas": 3}
    await applied(plane, request, {**head, "spec": {**spec, "behavior": {"scaleUp": {"policies": policies}}}})
    older = dataclasses.replace(request, kind=first)
    await patch.patch(plane, older, b'{"spec": {"minReplicas": 2}}', MERGE_PATCH)

    stored = await applied(plane, request, {**head, "spec": {**spec, "behavior": {}}})

    assert stored.value["spec"]["behavior"]["scaleUp"]["policies"] == policies


async def test_finalizers_that_are_there_twice_cannot_be_told_in_another_version_and_end_all_tracking(
    plane: ControlPlane, call: MakeCall
) -> None:
    first = plane.kinds.find("autoscaling", "v1", "horizontalpodautoscalers")
    assert first is not None
    request = call("horizontalpodautoscalers.autoscaling", "h", fieldManager="alice")
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    head = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}}
    await applied(plane, request, {**head, "spec": {"scaleTargetRef": target, "maxReplicas": 3}})
    twice = b'{"metadata": {"finalizers": ["a/b", "a/b"]}}'

    in_v2 = await patch.patch(plane, request, twice, MERGE_PATCH)
    in_v1 = await patch.patch(
        plane, dataclasses.replace(request, kind=first), b'{"spec": {"minReplicas": 2}}', MERGE_PATCH
    )

    assert owned(in_v2)
    assert not owned(in_v1)


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ("x", ".metadata.managedFields: expected list, got &{x}"),
        ([1, {}], ".metadata.managedFields[0]: expected map, got &{1}"),
    ],
)
async def test_owners_that_are_no_list_of_objects_do_not_fit(
    plane: ControlPlane, call: MakeCall, listed: Any, told: str
) -> None:
    config = config_map(metadata={"name": "c", "managedFields": listed})

    with pytest.raises(InternalError) as refusal:
        await applied(plane, call("configmaps", "c", fieldManager="alice"), config)

    assert refusal.value.message == f"failed to create typed patch object (/c; /v1, Kind=ConfigMap): {told}"


async def test_what_is_created_in_a_dry_run_keeps_the_version_that_was_sent(
    plane: ControlPlane, call: MakeCall
) -> None:
    config = config_map()
    config["metadata"]["resourceVersion"] = "5"

    shown = await applied(plane, call("configmaps", "c", fieldManager="alice", dryRun="All"), config)
    stored = await applied(plane, call("configmaps", "c", fieldManager="alice"), config)

    assert shown.value["metadata"]["resourceVersion"] == "5"
    assert stored.value["metadata"]["resourceVersion"] == str(stored.revision)


async def test_a_version_that_is_no_number_creates_nothing(plane: ControlPlane, call: MakeCall) -> None:
    config = config_map()
    config["metadata"]["resourceVersion"] = "abc"

    with pytest.raises(InternalError) as refusal:
        await applied(plane, call("configmaps", "c", fieldManager="alice"), config)

    assert refusal.value.message == 'strconv.ParseUint: parsing "abc": invalid syntax'


async def test_owners_of_an_event_through_the_other_group_are_forgotten(plane: ControlPlane, call: MakeCall) -> None:
    event = {"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "name": "p", "namespace": "shop"}}
    await create.create(plane, call("events", fieldManager="alice"), event)

    request = call("events.events.k8s.io", "e", fieldManager="bob")
    stored = await patch.patch(plane, request, b'{"metadata": {"labels": {"a": "b"}}}', MERGE_PATCH)

    assert owned(stored) == {"bob/Update": {"f:metadata": {"f:labels": {".": {}, "f:a": {}}}}}
