"""Mutating admission policies: what they make of what is written, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fakekube.admission import Chain, Plugin
from fakekube.api import connect, create, custom_resources, delete, patch, scale, update
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import BadRequest, InternalError, Invalid, StatusError
from fakekube.objects.patches import MERGE_PATCH
from tests.api.conftest import MakeCall, Put
from tests.api.test_custom_resources import TOYS, define, toy, version
from tests.api.test_webhooks import Programs, patched

Object = dict[str, Any]
Policy = Callable[..., Any]

GROUP = "admissionregistration.k8s.io"
POLICIES, BINDINGS = f"mutatingadmissionpolicies.{GROUP}", f"mutatingadmissionpolicybindings.{GROUP}"
ALL = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}
POD = {"containers": [{"name": "web", "image": "nginx"}]}


@pytest.fixture
def policy(plane: ControlPlane, call: MakeCall) -> Policy:
    """`await policy("a", applied("Object{...}"), ...)`: a policy for everything, bound under its own name."""
    plane.admission = Chain((Plugin("mutating_policies"), Plugin("mutating_webhooks")))

    async def make(name: str, *mutations: Object, binding: Object | None = None, **spec: Any) -> None:
        whole = {"matchConstraints": {"resourceRules": [ALL]}, "reinvocationPolicy": "Never", "mutations": mutations}
        body = {"metadata": {"name": name}, "spec": {**whole, "mutations": list(mutations), **spec}}
        await create.create(plane, call(POLICIES), body)
        bound = {"metadata": {"name": name}, "spec": {"policyName": name, **(binding or {})}}
        await create.create(plane, call(BINDINGS), bound)

    return make


def applied(expression: str) -> Object:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def patches(expression: str) -> Object:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def labels(text: str) -> Object:
    """The mutation that gives an object the labels of a map."""
    return applied(f"Object{{metadata: Object.metadata{{labels: {text}}}}}")


async def test_an_apply_configuration_is_merged_into_what_is_written(policy: Policy, put: Put) -> None:
    await policy("a", labels("{'team': 'blue'}"))

    stored = await put("configmaps", "one", {"mine": "x"}, data={"a": "1"})

    assert stored.value["metadata"]["labels"] == {"mine": "x", "team": "blue"}
    assert stored.value["data"] == {"a": "1"}


async def test_items_of_lists_are_told_apart_by_their_keys(policy: Policy, put: Put) -> None:
    container = "Object.spec.containers{name: 'proxy', image: 'envoy'}"
    web = "Object.spec.containers{name: 'web', imagePullPolicy: 'Always'}"
    await policy("sidecar", applied(f"Object{{spec: Object.spec{{containers: [{web}, {container}]}}}}"))

    stored = await put("pods", "p", spec=POD)

    web, proxy = stored.value["spec"]["containers"]
    assert (web["name"], web["image"], web["imagePullPolicy"]) == ("web", "nginx", "Always")
    assert (proxy["image"], proxy["terminationMessagePath"]) == ("envoy", "/dev/termination-log")


async def test_items_that_share_their_keys_stay_and_are_replaced_by_one_that_is_merged(
    policy: Policy, put: Put
) -> None:
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    pod = {"containers": [{"name": "web", "image": "nginx", "env": twice}]}
    condition = {"name": "c", "expression": "object.metadata.name == 'merged'"}
    env = "Object.spec.containers.env{name: 'A', value: '3'}"
    web = f"Object.spec.containers{{name: 'web', env: [{env}]}}"
    await policy("a", labels("{'a': 'x'}"))
    await policy("b", applied(f"Object{{spec: Object.spec{{containers: [{web}]}}}}"), matchConditions=[condition])

    kept, merged = await put("pods", "kept", spec=pod), await put("pods", "merged", spec=pod)

    assert kept.value["metadata"]["labels"] == {"a": "x"}
    assert kept.value["spec"]["containers"][0]["env"] == twice
    assert merged.value["spec"]["containers"][0]["env"] == [{"name": "A", "value": "3"}]


async def test_a_json_patch_is_done(policy: Policy, put: Put) -> None:
    await policy(
        "a", patches("[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: 'c'}]")
    )

    stored = await put("configmaps", "one", {"a": "1"})

    assert stored.value["metadata"]["labels"] == {"a": "1", "a/b": "c"}


async def test_values_of_a_json_patch_may_be_objects_lists_and_numbers(policy: Policy, put: Put) -> None:
    ports = "[Object.spec.containers.ports{containerPort: 80}, Object.spec.containers.ports{containerPort: 81}]"
    container = f"Object.spec.containers{{name: 'c', image: 'i', ports: {ports}}}"
    await policy("a", patches(f"[JSONPatch{{op: 'add', path: '/spec/containers/-', value: {container}}}]"))

    stored = await put("pods", "p", spec=POD)

    added = stored.value["spec"]["containers"][1]
    assert (added["name"], [port["containerPort"] for port in added["ports"]]) == ("c", [80, 81])


async def test_each_mutation_sees_what_those_before_it_made(policy: Policy, put: Put) -> None:
    variables = [{"name": "seen", "expression": "string(object.metadata.?labels.orValue({}).size())"}]
    first, second = labels("{'first': variables.seen}"), labels("{'second': variables.seen}")
    await policy("a", first, second, variables=variables)

    stored = await put("configmaps", "one")

    assert stored.value["metadata"]["labels"] == {"first": "0", "second": "1"}


async def test_policies_are_asked_by_name_each_seeing_what_those_before_it_made(policy: Policy, put: Put) -> None:
    await policy("b", labels("{'b': string(object.metadata.labels.size())}"))
    await policy("a", labels("{'a': 'x'}"))

    stored = await put("configmaps", "one")

    assert stored.value["metadata"]["labels"] == {"a": "x", "b": "1"}


async def test_nothing_is_changed_where_a_condition_does_not_hold(policy: Policy, put: Put) -> None:
    condition = {"name": "c", "expression": "has(object.metadata.labels)"}
    await policy("a", labels("{'a': 'x'}"), matchConditions=[condition])

    without, with_some = await put("configmaps", "one"), await put("configmaps", "two", {"b": "y"})

    assert "labels" not in without.value["metadata"]
    assert with_some.value["metadata"]["labels"] == {"a": "x", "b": "y"}


BROKEN = "expression 'object.data.none == 1' resulted in error: no such key: none"


async def test_a_condition_that_breaks_refuses_where_the_policy_is_needed(policy: Policy, put: Put) -> None:
    condition = {"name": "c", "expression": "object.data.none == 1"}
    await policy("a", labels("{'a': 'x'}"), matchConditions=[condition])

    with pytest.raises(StatusError) as refusal:
        await put("configmaps", "one", data={"a": "1"})

    status = refusal.value.status()
    assert status["message"] == f"policy 'a' with binding 'a' denied request: {BROKEN}"
    assert (status["code"], status["reason"]) == (403, "Invalid")
    assert status["details"] == {"name": "one", "kind": "configmaps", "causes": [{"message": status["message"]}]}


async def test_a_condition_that_breaks_lets_pass_where_the_policy_is_not_needed(policy: Policy, put: Put) -> None:
    condition = {"name": "c", "expression": "object.data.none == 1"}
    await policy("a", labels("{'a': 'x'}"), matchConditions=[condition], failurePolicy="Ignore")

    stored = await put("configmaps", "one", data={"a": "1"})

    assert "labels" not in stored.value["metadata"]


@pytest.mark.parametrize(
    ("mutation", "text"),
    [
        (applied("Object{data: {'a': object.data.none}}"), "resulted in error: no such key: none"),
        (
            applied("Object{spec: Object.spec{}}"),
            "error applying patch: failed to convert patch object to typed object: .spec: field not declared in schema",
        ),
        (
            applied("Object{data: {'a': 1}}"),
            "error applying patch: failed to convert patch object to typed object: .data.a: expected string, got "
            "&value.valueUnstructured{Value:1}",
        ),
        (
            applied("Object{metadata: Object.spec{}}"),
            'type mismatch: unexpected type name "Object.spec", expected "Object.metadata", which matches field name path '
            "from root Object type",
        ),
        (
            patches("[JSONPatch{op: 'remove', path: '/data/none'}]"),
            "JSON Patch: error in remove for path: '/data/none': Unable to remove nonexistent key: none: missing value",
        ),
        (
            patches("[JSONPatch{op: 'replace', path: '/none/there', value: 1}]"),
            "JSON Patch: replace operation does not apply: doc is missing path: /none/there: missing value",
        ),
        (patches("[JSONPatch{op: 'jump', path: '/data'}]"), "JSON Patch: Unexpected kind: jump"),
    ],
)
async def test_a_mutation_that_cannot_be_done_refuses(policy: Policy, put: Put, mutation: Object, text: str) -> None:
    await policy("a", mutation, binding={"matchResources": {"resourceRules": [ALL]}})

    with pytest.raises(StatusError) as refusal:
        await put("configmaps", "one", data={"a": "1"})

    assert refusal.value.message.startswith("policy 'a' with binding 'a' denied request: ")
    assert refusal.value.message.endswith(text)
    assert (refusal.value.status_code, refusal.value.status_reason) == (403, "Invalid")


async def test_what_is_one_field_may_not_be_part_of_a_configuration(policy: Policy, put: Put) -> None:
    command = "Object.spec.containers{name: 'web', command: ['sh']}"
    await policy("a", applied(f"Object{{spec: Object.spec{{containers: [{command}], nodeSelector: {{'a': 'b'}}}}}}"))

    with pytest.raises(StatusError) as refusal:
        await put("pods", "p", spec=POD)

    text = "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: "
    assert refusal.value.message.endswith(f"{text}.spec.containers[0].command, .spec.nodeSelector")


async def test_every_failure_is_told_and_the_first_is_the_message(policy: Policy, put: Put) -> None:
    await policy("a", patches("[JSONPatch{op: 'remove', path: '/none'}]"), patches("[JSONPatch{op: 'jump'}]"))
    await policy("b", labels("{'b': object.none}"))

    with pytest.raises(StatusError) as refusal:
        await put("configmaps", "one")

    status = refusal.value.status()
    first, second, third = (cause["message"] for cause in status["details"]["causes"])
    assert status["message"] == first
    assert second == "policy 'a' with binding 'a' denied request: JSON Patch: Unexpected kind: jump"
    assert third.startswith("policy 'b' with binding 'b' denied request: expression ")


async def test_what_goes_wrong_is_passed_over_where_the_policy_is_not_needed(policy: Policy, put: Put) -> None:
    await policy("a", labels("{'a': object.none}"), labels("{'b': 'x'}"), failurePolicy="Ignore")

    stored = await put("configmaps", "one")

    assert stored.value["metadata"]["labels"] == {"b": "x"}


async def test_a_patch_whose_test_fails_is_not_done(policy: Policy, put: Put) -> None:
    test = "JSONPatch{op: 'test', path: '/data/a', value: '2'}"
    await policy("a", patches(f"[{test}, JSONPatch{{op: 'add', path: '/data/b', value: 'x'}}]"))

    assert (await put("configmaps", "one", data={"a": "1"})).value["data"] == {"a": "1"}
    assert (await put("configmaps", "two", data={"a": "2"})).value["data"] == {"a": "2", "b": "x"}


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        ("path: '/spec/silly', value: 1", 'strict decoding error: unknown field "spec.silly"'),
        (
            "path: '/spec/nodeName', value: 1",
            "json: cannot unmarshal number into Go struct field PodSpec.spec.nodeName of type string",
        ),
    ],
)
async def test_a_patch_that_makes_no_object_of_the_kind_is_an_error_of_the_server_even_if_not_needed(
    policy: Policy, put: Put, operation: str, text: str
) -> None:
    await policy("a", patches(f"[JSONPatch{{op: 'add', {operation}}}]"), failurePolicy="Ignore")

    with pytest.raises(InternalError) as refusal:
        await put("pods", "p", spec=POD)

    assert refusal.value.message == f"Internal error occurred: {text}"


async def test_what_a_policy_makes_must_be_valid(policy: Policy, put: Put) -> None:
    await policy("a", labels("{'a b': 'x'}"))

    with pytest.raises(Invalid, match=r"metadata\.labels"):
        await put("configmaps", "one")


async def test_an_object_may_not_go_into_another_namespace(policy: Policy, put: Put) -> None:
    await policy("a", patches("[JSONPatch{op: 'replace', path: '/metadata/namespace', value: 'other'}]"))

    with pytest.raises(BadRequest, match="does not match the namespace sent on the request"):
        await put("configmaps", "one")


async def test_a_policy_is_asked_once_for_each_object_of_parameters(policy: Policy, put: Put) -> None:
    await put("configmaps", "p1", {"is": "params"}, data={"key": "a"})
    await put("configmaps", "p2", {"is": "params"}, data={"key": "b"})
    reference = {"selector": {"matchLabels": {"is": "params"}}, "parameterNotFoundAction": "Deny"}
    mutation = labels("{params.data.key: params.metadata.name}")
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    await policy("a", mutation, binding={"paramRef": reference}, paramKind=kind)

    stored = await put("secrets", "one")

    assert stored.value["metadata"]["labels"] == {"a": "p1", "b": "p2"}


async def test_a_binding_without_its_parameters_refuses_if_it_says_so(policy: Policy, put: Put) -> None:
    reference = {"name": "none", "parameterNotFoundAction": "Deny"}
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    await policy("a", labels("{'a': 'x'}"), binding={"paramRef": reference}, paramKind=kind)

    with pytest.raises(StatusError) as refusal:
        await put("secrets", "one")

    text = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
    assert refusal.value.message == f"policy 'a' with binding 'a' denied request: {text}"
    assert (refusal.value.status_code, refusal.value.status_reason) == (403, "Forbidden")


COUNT = labels("{'count': string(int(object.metadata.?labels.?count.orValue('0')) + 1)}")


@pytest.mark.parametrize(("wanted", "count"), [("Never", "1"), ("IfNeeded", "2")])
async def test_a_policy_that_wants_it_is_asked_again_after_something_changed(
    policy: Policy, put: Put, wanted: str, count: str
) -> None:
    await policy("a", COUNT, reinvocationPolicy=wanted)
    await policy("b", labels("{'b': 'x'}"))

    stored = await put("configmaps", "one")

    assert stored.value["metadata"]["labels"] == {"count": count, "b": "x"}


async def test_there_is_one_second_pass_and_no_third(policy: Policy, put: Put) -> None:
    await policy("a", COUNT, reinvocationPolicy="IfNeeded")
    await policy("b", COUNT, reinvocationPolicy="IfNeeded")
    await policy("c", COUNT, reinvocationPolicy="Never")

    stored = await put("configmaps", "one")

    assert stored.value["metadata"]["labels"] == {"count": "5"}


async def test_a_policy_is_asked_again_after_a_webhook_changed_something(
    plane: ControlPlane, policy: Policy, put: Put, call: MakeCall
) -> None:
    plane.webhooks.call = programs = Programs()
    programs.answers = {"hook": lambda _: patched({"op": "add", "path": "/data", "value": {"from": "hook"}})}
    hook = {
        "name": "hook.example.com",
        "clientConfig": {"url": "https://example.com/hook"},
        "rules": [{**ALL, "resources": ["configmaps"]}],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    configuration = {"metadata": {"name": "hook"}, "webhooks": [hook]}
    await create.create(plane, call(f"mutatingwebhookconfigurations.{GROUP}"), configuration)
    condition = {"name": "c", "expression": "has(object.data)"}
    never, needed = {"matchConditions": [condition]}, {"matchConditions": [], "reinvocationPolicy": "IfNeeded"}
    await policy("a", labels("{'never': 'x'}"), **never)
    await policy("b", labels("{'sees': string(has(object.data))}"), **needed)

    stored = await put("configmaps", "one")

    assert programs.told[0][1]["object"]["metadata"]["labels"] == {"sees": "false"}
    assert stored.value["metadata"]["labels"] == {"sees": "true"}


async def test_changes_are_mutated_with_the_old_object_at_hand(
    plane: ControlPlane, policy: Policy, put: Put, call: MakeCall
) -> None:
    rules = {"resourceRules": [{**ALL, "operations": ["UPDATE"]}]}
    await policy("a", applied("Object{data: {'was': oldObject.data.a}}"), matchConstraints=rules)
    await put("configmaps", "one", data={"a": "1"})

    changed = await patch.patch(plane, call("configmaps", "one"), b'{"data": {"a": "2"}}', MERGE_PATCH)
    replaced = {"metadata": {"name": "one"}, "data": {"a": "3"}}
    again, _ = await update.update(plane, call("configmaps", "one"), replaced)

    assert changed.value["data"] == {"a": "2", "was": "1"}
    assert again.value["data"] == {"a": "3", "was": "2"}


async def test_deletions_are_not_mutated(plane: ControlPlane, policy: Policy, put: Put, call: MakeCall) -> None:
    await put("configmaps", "one")
    await policy("a", labels("{'a': object.none}"))

    await delete.delete(plane, call("configmaps", "one"), b"")

    assert plane.store.get("configmaps", "shop", "one") is None


async def test_custom_resources_are_mutated_by_their_schema(
    plane: ControlPlane, policy: Policy, call: MakeCall
) -> None:
    custom_resources.follow(plane)
    await define(plane)
    await policy("a", applied("Object{spec: Object.spec{size: int(object.spec.size) + 1}}"))

    stored = await create.create(plane, call(TOYS), toy(spec={"size": 1, "colour": "red"}))

    assert stored.value["spec"] == {"size": 2, "colour": "red"}


async def test_a_custom_resource_has_no_fields_beyond_its_schema(
    plane: ControlPlane, policy: Policy, call: MakeCall
) -> None:
    custom_resources.follow(plane)
    await define(plane)
    await policy("a", applied("Object{spec: Object.spec{silly: 1}}"))

    with pytest.raises(StatusError, match=r"\.spec\.silly: field not declared in schema"):
        await create.create(plane, call(TOYS), toy(spec={"size": 1}))


async def test_a_patch_makes_no_custom_resource_of_another_version(
    plane: ControlPlane, policy: Policy, call: MakeCall
) -> None:
    custom_resources.follow(plane)
    await define(plane)
    await policy("a", patches("[JSONPatch{op: 'replace', path: '/apiVersion', value: 'example.com/v9'}]"))

    with pytest.raises(InternalError, match=r"the patched object is example\.com/v9, Kind=Toy: expected"):
        await create.create(plane, call(TOYS), toy(spec={"size": 1}))


async def test_objects_that_are_nested_too_deeply_for_a_mutation_are_refused(
    plane: ControlPlane, policy: Policy, call: MakeCall
) -> None:
    custom_resources.follow(plane)
    deep: Object = {}
    for _ in range(250):
        deep = {"a": deep}
    await define(plane, version(properties={"any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}))
    await policy("a", patches("[JSONPatch{op: 'add', path: '/spec/any/b', value: object.spec.any}]"))

    with pytest.raises(StatusError, match="exceeded max depth"):
        await create.create(plane, call(TOYS), toy(spec={"any": deep}))


async def test_a_policy_is_shown_a_custom_resource_in_the_version_that_it_names(
    plane: ControlPlane, policy: Policy, call: MakeCall
) -> None:
    custom_resources.follow(plane)
    await define(plane, version(), version("v2", storage=False))
    rules = {"resourceRules": [{**ALL, "apiVersions": ["v2"], "resources": ["toys"]}]}
    await policy("a", labels("{'seen': object.apiVersion.replace('/', '-')}"), matchConstraints=rules)

    stored = await create.create(plane, call(TOYS), toy(spec={"size": 1}))

    assert stored.value["metadata"]["labels"] == {"seen": "example.com-v2"}
    assert stored.value["apiVersion"] == "example.com/v1"


async def test_a_scale_is_mutated_as_what_it_is(plane: ControlPlane, policy: Policy, put: Put, call: MakeCall) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": POD}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    await put("deployments.apps", "web", spec=spec)
    rules = {"resourceRules": [{**ALL, "resources": ["deployments/scale"]}]}
    await policy("a", applied("Object{spec: Object.spec{replicas: object.spec.replicas + 1}}"), matchConstraints=rules)

    body = json.dumps({"spec": {"replicas": 3}}).encode()
    scaled = call("deployments.apps", "web", "scale")
    await scale.patch_scale(plane, scaled, scaled.kind.subresource_named["scale"], body, MERGE_PATCH)

    stored = plane.store.get("deployments.apps", "shop", "web")
    assert stored is not None
    assert stored.value["spec"]["replicas"] == 4


async def test_options_of_a_connection_have_no_schema(
    plane: ControlPlane, policy: Policy, put: Put, call: MakeCall
) -> None:
    await put("pods", "p", spec=POD)
    await policy("a", applied("Object{stdin: true}"))

    with pytest.raises(StatusError, match="no corresponding type for /v1, Kind=PodExecOptions"):
        await connect.approve(plane, call("pods", "p", "exec", command="ls"))


async def test_nobody_is_asked_without_a_binding(plane: ControlPlane, policy: Policy, put: Put, call: MakeCall) -> None:
    await policy("a", labels("{'a': 'x'}"))
    await delete.delete(plane, call(BINDINGS, "a"), b"")

    stored = await put("configmaps", "one")

    assert "labels" not in stored.value["metadata"]
