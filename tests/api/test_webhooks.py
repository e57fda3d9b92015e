"""Admission webhooks: who is asked, what they are told, what their answers do. The caller is the test's own: no sockets."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from fakekube.admission import Chain, Plugin
from fakekube.api import connect, create, custom_resources, delete, patch, scale, update
from fakekube.api.binding import bind
from fakekube.api.call import Call
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import Forbidden, InternalError, Invalid, StatusError
from fakekube.objects.patches import MERGE_PATCH
from fakekube.registry.webhook_calls import CallFailed, ClientConfig, url_of
from tests.api.conftest import ADMINISTRATOR, MakeCall, Put
from tests.api.test_custom_resources import define, toy, version

CHAIN = (Plugin("mutating_webhooks"), Plugin("validating_webhooks"))
Response = dict[str, Any]
Answer = Callable[[dict[str, Any]], Response]


class Programs:
    """The webhooks of a test, by the path of their URL."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.told: list[tuple[str, dict[str, Any]]] = []
        """Path and request, in the order of the calls."""

    async def __call__(self, config: ClientConfig, review: bytes, timeout_s: int) -> bytes:
        sent = orjson.loads(review)
        path = url_of(config).rpartition("/")[2]
        self.told.append((path, sent["request"]))
        answered = self.answers[path](sent["request"])
        response = {"uid": sent["request"]["uid"], "allowed": True} | answered
        return orjson.dumps({"apiVersion": sent["apiVersion"], "kind": sent["kind"], "response": response})

    @property
    def asked(self) -> list[str]:
        return [path for path, _ in self.told]


@pytest.fixture
def programs(plane: ControlPlane) -> Programs:
    plane.admission = Chain(CHAIN)
    programs = Programs()
    plane.webhooks.call = programs
    return programs


@pytest.fixture
def configure(plane: ControlPlane, call: MakeCall) -> Callable[..., Any]:
    """`await configure("mutating", "a", path=..., ...)`: a configuration of one webhook for ConfigMaps."""

    async def make(kind: str, name: str, **webhook: Any) -> None:
        one = {
            "name": f"{name}.example.com",
            "clientConfig": {"url": f"https://example.com/{name}"},
            "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["configmaps"]}],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            **webhook,
        }
        resource = f"{kind}webhookconfigurations.admissionregistration.k8s.io"
        await create.create(plane, call(resource), {"metadata": {"name": name}, "webhooks": [one]})

    return make


def patched(*operations: dict[str, Any]) -> Response:
    return {"patchType": "JSONPatch", "patch": base64.b64encode(orjson.dumps(operations)).decode()}


def labelled(key: str, value: str = "yes") -> Response:
    return patched({"op": "add", "path": f"/metadata/labels/{key}", "value": value})


async def test_mutating_webhooks_are_asked_in_the_order_of_their_configurations_names(
    programs: Programs, configure: Any, put: Put
) -> None:
    await configure("mutating", "b")
    await configure("mutating", "a")
    programs.answers = {"a": lambda _: labelled("a"), "b": lambda request: labelled("b", request["name"])}

    stored = await put("configmaps", "one", {"mine": "yes"})

    assert programs.asked == ["a", "b"]
    assert stored.value["metadata"]["labels"] == {"mine": "yes", "a": "yes", "b": "one"}


async def test_a_webhook_that_wants_it_is_asked_again_after_a_later_one_changed_something(
    programs: Programs, configure: Any, put: Put
) -> None:
    await configure("mutating", "a", reinvocationPolicy="IfNeeded")
    await configure("mutating", "b")
    seen: list[Any] = []

    def remember(request: dict[str, Any]) -> Response:
        seen.append(request["object"].get("data"))
        return {}

    programs.answers = {
        "a": remember,
        "b": lambda _: patched({"op": "add", "path": "/data", "value": {"from": "b"}}),
    }

    await put("configmaps", "one")

    assert programs.asked == ["a", "b", "a"]
    assert seen == [None, {"from": "b"}]


async def test_nobody_is_asked_again_when_nothing_changes(programs: Programs, configure: Any, put: Put) -> None:
    await configure("mutating", "a", reinvocationPolicy="IfNeeded")
    await configure("mutating", "b")
    programs.answers = {"a": lambda _: {}, "b": lambda _: patched()}

    await put("configmaps", "one")

    assert programs.asked == ["a", "b"]


async def test_a_change_of_the_configuration_counts_at_once(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    await configure("validating", "guard")
    programs.answers = {"guard": lambda _: {"allowed": False}}
    with pytest.raises(StatusError, match="without explanation"):
        await put("configmaps", "one")

    await delete.delete(plane, call("validatingwebhookconfigurations.admissionregistration.k8s.io", "guard"), b"")

    await put("configmaps", "one")
    assert programs.asked == ["guard"]


async def test_a_refusal_keeps_the_webhooks_reason_and_code_but_is_always_an_error(
    programs: Programs, configure: Any, put: Put
) -> None:
    await configure("validating", "guard")
    programs.answers = {"guard": lambda _: {"allowed": False, "status": {"code": 200, "reason": "Friday"}}}

    with pytest.raises(StatusError) as refused:
        await put("configmaps", "one")

    assert (refused.value.status_code, refused.value.status_reason) == (400, "Friday")
    assert refused.value.message == 'admission webhook "guard.example.com" denied the request: Friday'


async def test_warnings_reach_the_client_but_for_those_of_several_lines(
    plane: ControlPlane, programs: Programs, configure: Any, call: MakeCall
) -> None:
    await configure("validating", "guard")
    programs.answers = {"guard": lambda _: {"warnings": ["careful", "", "two\nlines"]}}
    creating = call("configmaps")

    await create.create(plane, creating, {"metadata": {"name": "one"}})

    assert creating.warnings == ["careful"]


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({"uid": "other"}, 'received invalid webhook response: expected response.uid="'),
        ({"patch": "W10="}, "received invalid webhook response: webhook returned response.patch but not"),
        ({"patchType": "JSONPatch"}, "webhook returned response.patchType but not response.patch"),
        ({"patchType": "JSONPatch", "patch": "e30="}, "cannot unmarshal object into Go value of type jsonpatch.Patch"),
        ({"patchType": "JSONPatch", "patch": "bm8="}, "received undecodable patch in webhook response: invalid"),
        ({"patchType": "Merge", "patch": "W3t9XQ=="}, 'unsupported patch type "Merge"'),
        ({"allowed": "yes"}, "failed to call webhook: json: cannot unmarshal string into Go struct field"),
    ],
)
async def test_an_answer_that_may_not_be_so_is_told_as_a_failure(
    programs: Programs, configure: Any, put: Put, response: Response, text: str
) -> None:
    await configure("mutating", "a")
    programs.answers = {"a": lambda _: response}

    with pytest.raises(InternalError) as failed:
        await put("configmaps", "one")

    assert failed.value.message.startswith('Internal error occurred: failed calling webhook "a.example.com": ')
    assert text in failed.value.message


async def test_failures_of_a_webhook_that_is_not_needed_let_pass(programs: Programs, configure: Any, put: Put) -> None:
    await configure("mutating", "a", failurePolicy="Ignore")
    await configure("validating", "b", failurePolicy="Ignore")

    def fail(_: object) -> Response:
        raise CallFailed("gone")

    programs.answers = {"a": fail, "b": fail}

    await put("configmaps", "one")

    assert programs.asked == ["a", "b"]


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (
            {"op": "remove", "path": "/data/none"},
            'remove operation does not apply: doc is missing path: "/data/none": missing value',
        ),
        (
            {"op": "remove", "path": "/nope"},
            "error in remove for path: '/nope': Unable to remove nonexistent key: nope: missing value",
        ),
        ({"op": "test", "path": "/kind", "value": "Pod"}, "testing value /kind failed: test failed"),
        (
            {"op": "add", "path": "/data", "value": 1},
            "json: cannot unmarshal number into Go struct field ConfigMap.data of type map[string]string",
        ),
        (
            {"op": "replace", "path": "/apiVersion", "value": "v9"},
            'no kind "ConfigMap" is registered for version "v9" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"',
        ),
        (
            {"op": "replace", "path": "", "value": []},
            "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type "
            'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
        ),
    ],
)
async def test_a_patch_that_cannot_be_done_refuses_even_where_failures_are_ignored(
    programs: Programs, configure: Any, put: Put, operation: dict[str, Any], text: str
) -> None:
    await configure("mutating", "a", failurePolicy="Ignore")
    programs.answers = {"a": lambda _: patched(operation)}

    with pytest.raises(InternalError) as failed:
        await put("configmaps", "one")

    assert failed.value.message == f"Internal error occurred: {text}"


async def test_unknown_fields_of_a_patch_vanish_and_defaults_come(programs: Programs, configure: Any, put: Put) -> None:
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["services"]}]
    await configure("mutating", "a", rules=rules)
    port = {"port": 80}
    programs.answers = {
        "a": lambda _: patched(
            {"op": "add", "path": "/junk", "value": 1}, {"op": "add", "path": "/spec/ports", "value": [port]}
        )
    }

    stored = await put("services", "one", spec={"selector": {"a": "b"}, "ports": [{"port": 1}]})

    assert "junk" not in stored.value
    assert stored.value["spec"]["ports"] == [{"protocol": "TCP", "port": 80, "targetPort": 80}]


async def test_validating_webhooks_are_asked_at_the_same_time(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put
) -> None:
    await configure("validating", "a")
    await configure("validating", "b")
    programs.answers = {"a": lambda _: {}, "b": lambda _: {}}
    both = asyncio.Barrier(2)

    async def meet(config: ClientConfig, review: bytes, timeout_s: int) -> bytes:
        async with asyncio.timeout(5), both:
            return await programs(config, review, timeout_s)

    plane.webhooks.call = meet

    await put("configmaps", "one")

    assert sorted(programs.asked) == ["a", "b"]


async def test_a_webhook_that_hangs_does_not_keep_others_waiting(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put
) -> None:
    await configure("validating", "a")
    released = asyncio.Event()

    async def hang(config: ClientConfig, review: bytes, timeout_s: int) -> bytes:
        await released.wait()
        return await programs(config, review, timeout_s)

    plane.webhooks.call = hang
    programs.answers = {"a": lambda _: {}}
    waiting = asyncio.create_task(put("configmaps", "slow"))

    await put("secrets", "other")

    assert not waiting.done()
    released.set()
    await waiting


async def test_objects_and_namespaces_are_selected_by_their_labels(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    await create.create(plane, call("namespaces"), {"metadata": {"name": "shop", "labels": {"team": "blue"}}})
    await configure("validating", "a", objectSelector={"matchLabels": {"watched": "yes"}})
    await configure("validating", "b", namespaceSelector={"matchLabels": {"team": "green"}})
    await configure("validating", "c", namespaceSelector={"matchLabels": {"team": "blue"}})
    programs.answers = dict.fromkeys("abc", lambda _: {})

    await put("configmaps", "free")
    await patch.patch(plane, call("configmaps", "free"), {"metadata": {"labels": {"watched": "yes"}}}, MERGE_PATCH)

    assert sorted(programs.asked[:1]) == ["c"]
    assert sorted(programs.asked[1:]) == ["a", "c"]


async def test_a_rule_for_another_version_gets_the_object_in_that_version(
    programs: Programs, configure: Any, put: Put
) -> None:
    group = "autoscaling"
    resources = ["horizontalpodautoscalers"]
    rules = [{"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": resources}]
    await configure("mutating", "a", rules=rules)
    await configure("mutating", "exact", rules=rules, matchPolicy="Exact")
    programs.answers = {"a": lambda _: patched({"op": "replace", "path": "/spec/maxReplicas", "value": 7})}
    target = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}

    stored = await put("horizontalpodautoscalers.autoscaling", "web", spec={"scaleTargetRef": target, "maxReplicas": 3})

    ((_, request),) = programs.told
    assert request["kind"] == {"group": group, "version": "v1", "kind": "HorizontalPodAutoscaler"}
    assert request["requestKind"]["version"] == "v2"
    assert request["object"]["apiVersion"] == "autoscaling/v1"
    assert stored.value["apiVersion"] == "autoscaling/v2"
    assert stored.value["spec"]["maxReplicas"] == 7


async def test_a_scale_is_judged_as_a_scale(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    rules = [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["*/scale"]}]
    await configure("mutating", "a", rules=rules)
    programs.answers = {"a": lambda _: patched({"op": "replace", "path": "/spec/replicas", "value": 2})}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await put("deployments.apps", "web", spec={"selector": {"matchLabels": {"a": "b"}}, "template": template})
    scaling = call("deployments.apps", "web", "scale")

    scaled = await scale.patch_scale(
        plane, scaling, scaling.kind.subresource_named["scale"], b'{"spec":{"replicas":9}}', MERGE_PATCH
    )

    ((_, request),) = programs.told
    assert (request["object"]["kind"], request["object"]["spec"]) == ("Scale", {"replicas": 9})
    assert (request["subResource"], request["requestSubResource"]) == ("scale", "scale")
    assert scaled["spec"] == {"replicas": 2}


async def test_a_scale_has_no_labels_to_be_picked_by(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    rules = [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["*/scale"]}]
    exists = {"matchExpressions": [{"key": "a", "operator": "Exists"}]}
    await configure("validating", "a", rules=rules, objectSelector=exists)
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    await put("deployments.apps", "web", {"a": "b"}, spec=spec)
    scaling = call("deployments.apps", "web", "scale")
    door = scaling.kind.subresource_named["scale"]

    await scale.patch_scale(plane, scaling, door, b'{"spec":{"replicas":9}}', MERGE_PATCH)

    assert programs.asked == []


async def test_of_a_deletion_the_old_object_and_the_options_are_told_and_a_patch_is_a_mistake(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    await put("configmaps", "one")
    await configure("mutating", "a")
    programs.answers = {"a": lambda _: labelled("x")}

    with pytest.raises(
        InternalError, match="attempted to modify the object, which is not supported for this operation"
    ):
        await delete.delete(plane, call("configmaps", "one", propagationPolicy="Foreground"), b"")

    ((_, request),) = programs.told
    assert request["object"] is None
    assert request["oldObject"]["metadata"]["name"] == "one"
    assert request["options"] == {
        "kind": "DeleteOptions",
        "apiVersion": "meta.k8s.io/v1",
        "propagationPolicy": "Foreground",
    }


async def test_configurations_themselves_are_never_sent(programs: Programs, configure: Any) -> None:
    everything = [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}]
    await configure("validating", "a", rules=everything)

    await configure("validating", "b", rules=everything)

    assert programs.asked == []


async def test_the_namespace_may_not_be_changed(programs: Programs, configure: Any, put: Put) -> None:
    await configure("mutating", "a")
    programs.answers = {"a": lambda _: patched({"op": "replace", "path": "/metadata/namespace", "value": "other"})}

    with pytest.raises(StatusError, match="does not match the namespace sent on the request"):
        await put("configmaps", "one")


async def test_a_webhook_is_asked_where_all_its_conditions_hold(programs: Programs, configure: Any, put: Put) -> None:
    conditions = [
        {"name": "created", "expression": "request.operation == 'CREATE'"},
        {"name": "watched", "expression": "object.?metadata.labels.watched.orValue('') == 'yes'"},
        {"name": "old", "expression": "oldObject == null && namespaceObject == null"},
        {"name": "user", "expression": "authorizer.requestResource.check('create').allowed()"},
    ]
    await configure("validating", "a", matchConditions=conditions)
    programs.answers = {"a": lambda _: {"allowed": False, "status": {"message": "seen"}}}

    await put("configmaps", "one")

    with pytest.raises(StatusError, match="denied the request: seen"):
        await put("configmaps", "two", metadata={"name": "two", "labels": {"watched": "yes"}})
    assert programs.asked == ["a"]


async def test_conditions_that_break_refuse_by_the_failure_policy_where_none_is_false(
    programs: Programs, configure: Any, put: Put
) -> None:
    broken = [{"name": "a", "expression": "object.a == 1"}, {"name": "b", "expression": "object.b == 1"}]
    await configure("validating", "a", matchConditions=broken, failurePolicy="Ignore")
    await configure("validating", "b", matchConditions=[*broken, {"name": "c", "expression": "false"}])
    await put("configmaps", "one")
    await configure("validating", "c", matchConditions=broken)

    with pytest.raises(Forbidden) as refusal:
        await put("configmaps", "two")

    texts = [f"expression 'object.{name} == 1' resulted in error: no such key: {name}" for name in "ab"]
    assert str(refusal.value) == f'configmaps "two" is forbidden: [{", ".join(texts)}]'
    assert programs.asked == []


async def test_no_validating_webhook_is_asked_where_the_conditions_of_another_are_broken(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    await put("configmaps", "one")
    await configure("validating", "a")
    await configure("validating", "b", matchConditions=[{"name": "b", "expression": "request.name == 'x'"}])

    with pytest.raises(Forbidden) as refusal:
        await delete.delete_collection(plane, call("configmaps"), b"")

    why = "expression 'request.name == 'x'' resulted in error: no such key: name"
    assert str(refusal.value) == f"configmaps is forbidden: {why}"
    assert programs.asked == []


async def test_conditions_that_do_not_compile_are_refused(configure: Any) -> None:
    conditions = [{"name": "a", "expression": " nothing.a == 1 "}, {"name": "b", "expression": "1"}]

    with pytest.raises(StatusError) as refusal:
        await configure("validating", "a", matchConditions=conditions)

    undeclared = "ERROR: <input>:1:1: undeclared reference to 'nothing' (in container '')\n | nothing.a == 1\n | ^"
    place = "webhooks[0].matchConditions"
    assert [(cause["field"], cause["message"]) for cause in (refusal.value.details or {})["causes"]] == [
        (f"{place}[0].expression", f'Invalid value: "nothing.a == 1": compilation failed: {undeclared}'),
        (f"{place}[1].expression", 'Invalid value: "1": must evaluate to bool but got int'),
    ]


async def test_a_connection_is_judged_by_what_it_asks_for(
    plane: ControlPlane, programs: Programs, configure: Any, call: MakeCall
) -> None:
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CONNECT"], "resources": ["pods/*"]}]
    await configure("mutating", "a", rules=rules)
    await configure("validating", "b", rules=rules)
    programs.answers = {"a": lambda _: {}, "b": lambda _: {"allowed": False, "status": {"message": "stay out"}}}
    exec_call = call("pods", "web", "exec", command="sh", stdin="true", tty="0", container="main")

    with pytest.raises(StatusError, match="denied the request: stay out"):
        await connect.approve(plane, exec_call)

    assert programs.asked == ["a", "b"]
    request = programs.told[0][1]
    assert (request["operation"], request["subResource"], request["name"]) == ("CONNECT", "exec", "web")
    assert request["kind"] == {"group": "", "version": "v1", "kind": "PodExecOptions"}
    assert request["object"] == {
        "kind": "PodExecOptions",
        "apiVersion": "v1",
        "stdin": True,
        "container": "main",
        "command": ["sh"],
    }
    assert (request["oldObject"], request["options"]) == (None, None)


async def test_a_namespace_that_a_patch_takes_away_comes_back(programs: Programs, configure: Any, put: Put) -> None:
    await configure("mutating", "a")
    programs.answers = {"a": lambda _: patched({"op": "remove", "path": "/metadata/namespace"})}

    stored = await put("configmaps", "one")

    assert stored.value["metadata"]["namespace"] == "shop"


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/metadata", "value": 3},
        {"op": "replace", "path": "/metadata/labels", "value": ["a"]},
    ],
)
async def test_what_is_no_object_after_the_patch_is_refused(
    programs: Programs, configure: Any, put: Put, operation: dict[str, Any]
) -> None:
    await configure("mutating", "a")
    programs.answers = {"a": lambda _: patched(operation)}

    with pytest.raises(InternalError, match="Internal error occurred: json: cannot unmarshal"):
        await put("configmaps", "one")


async def test_all_metadata_may_be_taken_away_and_validation_says_what_is_missing(
    programs: Programs, configure: Any, put: Put
) -> None:
    await configure("mutating", "a")
    programs.answers = {"a": lambda _: patched({"op": "remove", "path": "/metadata"})}

    with pytest.raises(Invalid, match=r"metadata\.name: Required value: name or generateName is required"):
        await put("configmaps", "one")


async def test_a_new_object_may_be_given_another_name_and_a_present_one_may_not(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    await put("configmaps", "old")
    await configure("mutating", "a")
    programs.answers = {"a": lambda _: patched({"op": "replace", "path": "/metadata/name", "value": "other"})}

    created = await put("configmaps", "one")

    assert created.name == "other"
    with pytest.raises(Invalid, match=r"metadata\.name: Invalid value"):
        await patch.patch(plane, call("configmaps", "old"), {"metadata": {"labels": {"a": "b"}}}, MERGE_PATCH)


async def test_objects_of_custom_resources_are_told_in_the_version_of_the_request_old_and_new(
    plane: ControlPlane, programs: Programs, configure: Any
) -> None:
    custom_resources.follow(plane)
    await define(plane, version("v1"), version("v2", storage=False))
    rules = [{"apiGroups": ["example.com"], "apiVersions": ["*"], "operations": ["*"], "resources": ["toys"]}]
    await configure("mutating", "a", rules=rules)
    await configure("validating", "b", rules=rules)
    programs.answers = {
        "a": lambda _: patched({"op": "replace", "path": "/spec/size", "value": 3}),
        "b": lambda _: {},
    }
    second = plane.kinds.find("example.com", "v2", "toys")
    assert second is not None
    await create.create(plane, Call(ADMINISTRATOR, second, "shop"), toy("a", "example.com/v2", spec={"size": 1}))

    calling = Call(ADMINISTRATOR, second, "shop", "a")
    stored = await patch.patch(plane, calling, b'{"spec":{"colour":"red"}}', MERGE_PATCH)

    versions = {
        each["apiVersion"]
        for _, request in programs.told
        for each in (request["object"], request["oldObject"])
        if each is not None
    }
    assert versions == {"example.com/v2"}
    assert stored.value["spec"] == {"colour": "red", "size": 3}
    assert stored.value["apiVersion"] == "example.com/v1"


async def test_a_patch_may_not_make_another_kind(plane: ControlPlane, programs: Programs, configure: Any) -> None:
    custom_resources.follow(plane)
    await define(plane)
    rules = [{"apiGroups": ["example.com"], "apiVersions": ["*"], "operations": ["*"], "resources": ["toys"]}]
    await configure("mutating", "a", rules=rules)
    other = {"op": "replace", "path": "/apiVersion", "value": "example.com/v9"}
    programs.answers = {"a": lambda _: patched(other)}

    with pytest.raises(InternalError, match=r"the patched object is example\.com/v9, Kind=Toy: expected"):
        await create.create(plane, Call(ADMINISTRATOR, plane.kinds.named("toys.example.com"), "shop"), toy())


PODS = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["pods", "bindings"]}]
POD = {"terminationGracePeriodSeconds": 3, "containers": [{"name": "c", "image": "i"}]}


async def test_a_pod_that_goes_at_once_is_asked_about_as_it_is_marked_and_as_it_is_removed(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    await put("pods", "one", spec=POD)
    await configure("validating", "guard", rules=PODS)
    programs.answers = {"guard": lambda _: {}}

    await delete.delete(plane, call("pods", "one"), b"")

    assert ["deletionTimestamp" in request["oldObject"]["metadata"] for _, request in programs.told] == [False, True]
    assert [request["options"]["gracePeriodSeconds"] for _, request in programs.told] == [0, 0]


async def test_a_pod_that_has_time_is_asked_about_when_it_is_given_it_and_not_while_it_goes(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    await put("pods", "one", spec={**POD, "nodeName": "n"})
    await configure("validating", "guard", rules=PODS)
    programs.answers = {"guard": lambda _: {}}

    for seconds in ("", "4", "1"):
        query = {"gracePeriodSeconds": seconds} if seconds else {}
        await delete.delete(plane, call("pods", "one", **query), b"")

    assert [request["options"]["gracePeriodSeconds"] for _, request in programs.told] == [3, 1]


async def test_a_collection_is_deleted_without_names(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    await put("configmaps", "one")
    await configure("validating", "guard")
    programs.answers = {"guard": lambda _: {}}

    await delete.delete_collection(plane, call("configmaps"), b"")

    [(_, request)] = programs.told
    assert "name" not in request
    assert request["oldObject"]["metadata"]["name"] == "one"


async def test_a_binding_of_the_older_way_is_told_as_one(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    await put("pods", "one", spec=POD)
    await configure("validating", "guard", rules=PODS)
    programs.answers = {"guard": lambda _: {}}
    sent = {"kind": "Binding", "apiVersion": "v1", "metadata": {"name": "one"}, "target": {"kind": "Node", "name": "n"}}

    await bind(plane, call("pods", "one", "binding"), sent, asked=call("bindings"))

    [(_, request)] = programs.told
    assert request["resource"]["resource"] == "bindings"
    assert "subResource" not in request


async def test_the_options_of_a_proxy_have_the_path_behind_it(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    await configure("validating", "guard", rules=[{**PODS[0], "resources": ["pods/proxy"]}])
    programs.answers = {"guard": lambda _: {}}

    await connect.approve(plane, call("pods", "one", "proxy", path="other"), "/a/b")

    [(_, request)] = programs.told
    assert request["object"] == {"kind": "PodProxyOptions", "apiVersion": "v1", "path": "/a/b"}


async def test_who_may_change_a_scale_is_shown_what_was_sent_and_what_was_there(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await put("replicationcontrollers", "one", spec={"selector": {"a": "b"}, "template": template, "replicas": 1})
    rules = [{**PODS[0], "resources": ["replicationcontrollers/scale"]}]
    await configure("mutating", "change", rules=rules)
    programs.answers = {"change": lambda _: {}}
    scaled = call("replicationcontrollers", "one", "scale")
    body = orjson.dumps(
        {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": "one"}, "spec": {"replicas": 2}}
    )

    await scale.update_scale(plane, scaled, scaled.kind.subresource_named["scale"], body)

    [(_, request)] = programs.told
    assert "uid" not in request["object"]["metadata"]
    assert request["object"]["spec"] == {"replicas": 2}
    assert request["oldObject"]["spec"] == {"replicas": 1}
    assert "uid" in request["oldObject"]["metadata"]


async def test_a_name_that_a_patch_changes_heads_the_message(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    await put("configmaps", "one")
    await configure("mutating", "a")
    programs.answers = {"a": lambda _: patched({"op": "remove", "path": "/metadata/name"})}

    with pytest.raises(Invalid) as refused:
        await patch.patch(plane, call("configmaps", "one"), b'{"data":{"a":"b"}}', MERGE_PATCH)

    assert refused.value.message.startswith('ConfigMap "" is invalid: ')
    assert 'metadata.name: Invalid value: "": field is immutable' in refused.value.message


async def test_a_uid_that_a_patch_changes_is_no_precondition(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    await put("configmaps", "one")
    await configure("mutating", "a")
    programs.answers = {"a": lambda _: patched({"op": "replace", "path": "/metadata/uid", "value": "u"})}

    with pytest.raises(Invalid, match=r'metadata\.uid: Invalid value: "u": field is immutable'):
        await update.update(plane, call("configmaps", "one"), {"metadata": {"name": "one"}})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"[]", "cannot unmarshal array into Go value of type struct {"),
        (b"hello", "cannot unmarshal string into Go value of type struct {"),
        (b"{", "json parse error: unexpected end of JSON input"),
        (b"null", "received invalid webhook response: webhook response was absent"),
        (b'{"kind":"Status","apiVersion":"v1"}', "converting (v1.Status) to (v1.AdmissionReview): unknown conversion"),
        (b'{"kind":"Pod","apiVersion":"v1"}', 'no kind "Pod" is registered for version "v1" in scheme "'),
    ],
)
async def test_an_answer_that_is_no_review_is_told_as_a_failure(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, text: bytes, why: str
) -> None:
    async def answer(config: ClientConfig, review: bytes, timeout_s: int) -> bytes:
        return text

    plane.webhooks.call = answer
    await configure("mutating", "a")

    with pytest.raises(InternalError) as failed:
        await put("configmaps", "one")

    assert why in failed.value.message


async def test_a_review_that_does_not_say_what_it_is_is_none(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put
) -> None:
    async def answer(config: ClientConfig, review: bytes, timeout_s: int) -> bytes:
        uid = orjson.loads(review)["request"]["uid"]
        return orjson.dumps({"apiVersion": "admission.k8s.io/v1", "response": {"uid": uid, "allowed": True}})

    plane.webhooks.call = answer
    await configure("mutating", "a")

    with pytest.raises(InternalError, match=r"Kind=AdmissionReview, got admission\.k8s\.io/v1, Kind=$"):
        await put("configmaps", "one")


async def test_of_the_deletion_of_a_namespace_its_uid_is_told(
    plane: ControlPlane, programs: Programs, configure: Any, put: Put, call: MakeCall
) -> None:
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["namespaces"]}]
    await configure("validating", "guard", rules=rules)
    programs.answers = {"guard": lambda _: {}}
    created = await create.create(plane, call("namespaces"), {"metadata": {"name": "other"}})

    await delete.delete(plane, call("namespaces", "other"), b"")
    await delete.delete(plane, call("namespaces", "other"), b"")  # It goes already: nobody is asked.

    ((_, request),) = programs.told
    assert request["options"]["preconditions"] == {"uid": created.value["metadata"]["uid"]}
