"""ValidatingAdmissionPolicies: which requests they judge, what their expressions see, what comes of what they say."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fakekube.access.authorization import Authorizer
from fakekube.admission import Chain, Plugin
from fakekube.api import connect, create, custom_resources, delete, patch, scale
from fakekube.api.client import Client
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import StatusError
from fakekube.objects.patches import MERGE_PATCH
from fakekube.registry.user import User, service_account
from tests.api.conftest import ADMINISTRATOR, MakeCall, Put
from tests.api.test_custom_resources import define, version

CHAIN = (Plugin("mutating_webhooks"), Plugin("validating_policies"), Plugin("validating_webhooks"))
POLICIES = "validatingadmissionpolicies.admissionregistration.k8s.io"
BINDINGS = "validatingadmissionpolicybindings.admissionregistration.k8s.io"

Object = dict[str, Any]
Install = Callable[..., Awaitable[None]]


def rule(*resources: str, **fields: Any) -> Object:
    return {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": list(resources), **fields}


@pytest.fixture
def install(plane: ControlPlane) -> Install:
    """`await install("false", name="p", binding={...}, **spec)`: a policy about ConfigMaps, which is bound and refuses."""
    plane.admission = Chain(CHAIN)
    client = Client(plane, ADMINISTRATOR)

    async def make(
        *validations: str | Object,
        name: str = "p",
        rules: list[Object] | None = None,
        binding: Object | None = None,
        **spec: Any,
    ) -> None:
        told = [{"expression": each} if isinstance(each, str) else each for each in validations]
        constraints = {"resourceRules": rules or [rule("configmaps")], **spec.pop("constraints", {})}
        whole = {"matchConstraints": constraints, "validations": told, **spec}
        await client.create(POLICIES, {"metadata": {"name": name}, "spec": whole})
        bound = {"policyName": name, "validationActions": ["Deny"], **(binding or {})}
        await client.create(BINDINGS, {"metadata": {"name": name}, "spec": bound})

    return make


async def refusal(writing: Awaitable[object]) -> StatusError:
    with pytest.raises(StatusError) as raised:
        await writing
    return raised.value


def told(error: StatusError) -> str:
    """What stands behind `denied request: `."""
    return str(error).partition("denied request: ")[2]


async def test_a_policy_without_a_binding_judges_nothing(plane: ControlPlane, install: Install, put: Put) -> None:
    await install("false")
    await Client(plane, ADMINISTRATOR).delete(BINDINGS, "", "p")

    await put("configmaps", "one")


async def test_what_refuses_says_which_policy_and_binding(install: Install, put: Put) -> None:
    await install("object.data.size() == 0")

    error = await refusal(put("configmaps", "one", data={"a": "b"}))

    text = "ValidatingAdmissionPolicy 'p' with binding 'p' denied request: failed expression: object.data.size() == 0"
    assert (error.status_code, error.status_reason) == (422, "Invalid")
    assert str(error) == f'configmaps "one" is forbidden: {text}'
    assert error.details == {"name": "one", "kind": "configmaps", "group": "", "causes": [{"message": text}]}


@pytest.mark.parametrize(("reason", "code"), [("Invalid", 422), ("Forbidden", 403), ("RequestEntityTooLarge", 413)])
async def test_the_reason_of_a_validation_is_that_of_the_answer(
    install: Install, put: Put, reason: str, code: int
) -> None:
    await install({"expression": "false", "message": " no ", "reason": reason})

    error = await refusal(put("configmaps", "one"))

    assert (error.status_code, error.status_reason, told(error)) == (code, reason, "no")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("'  it is ' + object.metadata.name", "it is one"),
        ("''", "in plain words"),
        ("'two\\nlines'", "in plain words"),
        ("object.nothing", "in plain words"),
        ("object.data.long", "x" * 5120),
        ("object.data.long + 'x'", "in plain words"),
    ],
)
async def test_a_message_expression_speaks_if_it_gives_one_line_that_is_not_too_long(
    install: Install, put: Put, expression: str, text: str
) -> None:
    await install({"expression": "false", "message": "in plain words", "messageExpression": f"string({expression})"})

    assert told(await refusal(put("configmaps", "one", data={"long": "x" * 5120}))) == text


async def test_the_first_validation_that_fails_speaks_and_policies_are_asked_by_name(
    install: Install, put: Put
) -> None:
    await install({"expression": "true"}, {"expression": "false", "message": "second"}, name="b")
    await install({"expression": "object.metadata.name != 'two'", "message": "no two"}, name="a")

    assert told(await refusal(put("configmaps", "one"))) == "second"
    assert told(await refusal(put("configmaps", "two"))) == "no two"


async def test_what_breaks_refuses_unless_the_policy_is_not_needed(install: Install, put: Put) -> None:
    await install("object.nothing == 1", name="a", failurePolicy="Ignore")
    await install("object.spec.image == 'a'", name="b")

    error = await refusal(put("configmaps", "one"))

    assert (error.status_code, error.status_reason) == (422, "Invalid")
    assert told(error) == "expression 'object.spec.image == 'a'' resulted in error: no such key: spec"


async def test_warnings_tell_every_failure_and_let_pass(
    plane: ControlPlane, install: Install, put: Put, call: MakeCall
) -> None:
    failures = ({"expression": "false", "message": "first"}, {"expression": "object.a == 1"}, {"expression": "true"})
    await install(*failures, binding={"validationActions": ["Warn", "Audit"]})
    await install("false", name="quiet", binding={"validationActions": ["Audit"]})
    making = call("configmaps", "")

    await create.create(plane, making, {"metadata": {"name": "one"}})

    start = "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p': "
    broken = "expression 'object.a == 1' resulted in error: no such key: a"
    assert making.warnings == [start + "first", start + broken]


async def test_variables_are_evaluated_once_and_only_where_they_are_read(install: Install, put: Put) -> None:
    variables = [
        {"name": "labels", "expression": "object.metadata.?labels.orValue({})"},
        {"name": "team", "expression": "variables.labels['team']"},
        {"name": "broken", "expression": "object.nothing"},
    ]
    await install(
        "!has(object.data) || variables.team == 'blue'",
        "!has(object.data) || variables.broken == 1",
        variables=variables,
    )

    await put("configmaps", "one")

    broken = await refusal(put("configmaps", "two", data={"a": "b"}))
    inner = 'composited variable "team" fails to evaluate: no such key: team'
    assert told(broken) == f"expression '!has(object.data) || variables.team == 'blue'' resulted in error: {inner}"
    broken = await refusal(put("configmaps", "two", {"team": "blue"}, data={"a": "b"}))
    assert told(broken).endswith('composited variable "broken" fails to evaluate: no such key: nothing')


async def test_the_request_the_namespace_and_both_objects_can_be_seen(
    plane: ControlPlane, install: Install, put: Put, call: MakeCall
) -> None:
    namespace: Object = {"metadata": {"name": "shop", "labels": {"tier": "gold"}, "managedFields": []}, "status": {}}
    plane.store.create("namespaces", "", "shop", {"kind": "Namespace", "apiVersion": "v1", **namespace})
    await install(
        "request.operation == (oldObject == null ? 'CREATE' : object == null ? 'DELETE' : 'UPDATE')",
        "request.kind.kind == 'ConfigMap' && request.resource.resource == 'configmaps' && request.requestKind == request.kind",
        "request.name == 'one' && request.namespace == 'shop' && !request.dryRun && !has(request.subResource)",
        "request.userInfo.username == 'admin' && 'system:masters' in request.userInfo.groups",
        "request.options.kind.endsWith('Options')",
        "namespaceObject.metadata.name == 'shop' && namespaceObject.metadata.labels.tier == 'gold'",
        "request.operation != 'UPDATE' || (object.data.a == 'c' && oldObject.data.a == 'b')",
        "request.operation != 'DELETE' || oldObject.data.a != 'c'",
    )

    await put("configmaps", "one", data={"a": "b"})
    await patch.patch(plane, call("configmaps", "one"), json.dumps({"data": {"a": "c"}}).encode(), MERGE_PATCH)

    error = await refusal(delete.delete(plane, call("configmaps", "one"), b""))
    assert told(error) == "failed expression: request.operation != 'DELETE' || oldObject.data.a != 'c'"


async def test_what_lies_in_no_namespace_has_no_namespace_object(
    plane: ControlPlane, install: Install, put: Put
) -> None:
    await install("namespaceObject == null && !has(request.namespace)", rules=[rule("clusterroles")])
    await install("namespaceObject == null && request.namespace == 'new'", name="n", rules=[rule("namespaces")])

    await put("clusterroles.rbac.authorization.k8s.io", "one")
    await put("namespaces", "new")


async def test_conditions_are_asked_before_and_see_parameters_but_no_namespace(
    plane: ControlPlane, install: Install, put: Put
) -> None:
    plane.store.create(
        "namespaces", "", "shop", {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "shop"}}
    )
    await put("secrets", "settings", {"only": "two"})
    conditions = [
        {"name": "named", "expression": " object.metadata.name == params.metadata.labels.only "},
        {"name": "nowhere", "expression": "namespaceObject == null"},
    ]
    await install(
        "namespaceObject == null",
        matchConditions=conditions,
        paramKind={"apiVersion": "v1", "kind": "Secret"},
        binding={"paramRef": {"name": "settings", "parameterNotFoundAction": "Deny"}},
    )

    await put("configmaps", "one")

    assert told(await refusal(put("configmaps", "two"))) == "failed expression: namespaceObject == null"


@pytest.mark.parametrize(("policy", "is_refused"), [("Fail", True), ("Ignore", False)])
async def test_conditions_that_break_refuse_where_the_policy_is_needed(
    install: Install, put: Put, policy: str, is_refused: bool
) -> None:
    conditions = [{"name": "a", "expression": "object.a == 1"}, {"name": "b", "expression": "object.b == 1"}]
    await install("false", matchConditions=conditions, failurePolicy=policy)

    if not is_refused:
        await put("configmaps", "one")
        return
    texts = [f"expression 'object.{name} == 1' resulted in error: no such key: {name}" for name in "ab"]
    assert told(await refusal(put("configmaps", "one"))) == f"[{', '.join(texts)}]"


# Parameters


PARAMS = {"apiVersion": "v1", "kind": "ConfigMap"}


async def test_every_selected_parameter_is_asked_in_the_order_of_names(
    plane: ControlPlane, install: Install, put: Put
) -> None:
    await put("configmaps", "b", {"limit": "yes"}, data={"most": "2"})
    await put("configmaps", "a", {"limit": "yes"}, data={"most": "3"})
    await put("configmaps", "c", data={"most": "0"})
    most = {
        "expression": "size(object.metadata.name) <= int(params.data.most)",
        "messageExpression": "params.metadata.name + ' says at most ' + params.data.most",
    }
    selected = {"selector": {"matchLabels": {"limit": "yes"}}, "parameterNotFoundAction": "Allow"}
    await install(most, rules=[rule("secrets")], paramKind=PARAMS, binding={"paramRef": selected})

    await put("secrets", "ab")

    assert told(await refusal(put("secrets", "abc"))) == "b says at most 2"
    assert told(await refusal(put("secrets", "abcd"))) == "a says at most 3"


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ({"name": "none", "parameterNotFoundAction": "Allow"}, ""),
        (
            {"name": "none", "parameterNotFoundAction": "Deny"},
            "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
        ),
        (None, "expression 'params == null && params.a == 1' resulted in error: no such key: a"),
    ],
)
async def test_parameters_that_are_missing(install: Install, put: Put, reference: Object | None, text: str) -> None:
    binding = {} if reference is None else {"paramRef": reference}
    await install("params == null && params.a == 1", rules=[rule("secrets")], paramKind=PARAMS, binding=binding)

    if text:
        error = await refusal(put("secrets", "one"))
        assert (told(error), error.status_code) == (text, 422)
    else:
        await put("secrets", "one")


@pytest.mark.parametrize(
    ("param_kind", "reference", "resource", "text"),
    [
        (
            {"apiVersion": "example.com/v1", "kind": "Limit"},
            {"name": "a"},
            "secrets",
            "ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to find resource referenced by "
            "paramKind: 'example.com/v1, Kind=Limit'",
        ),
        (
            PARAMS,
            {"name": "a"},
            "clusterroles.rbac.authorization.k8s.io",
            "ValidatingAdmissionPolicy 'p' with binding 'p' denied request: failed to configure binding: cannot use "
            "namespaced paramRef in policy binding that matches cluster-scoped resources",
        ),
        (
            {"apiVersion": "v1", "kind": "Node"},
            {"name": "a", "namespace": "shop"},
            "secrets",
            "ValidatingAdmissionPolicy 'p' with binding 'p' denied request: failed to configure binding: paramRef.namespace "
            "must not be provided for a cluster-scoped `paramKind`",
        ),
    ],
)
async def test_parameters_that_cannot_be_had_refuse(
    install: Install, put: Put, param_kind: Object, reference: Object, resource: str, text: str
) -> None:
    reference = {**reference, "parameterNotFoundAction": "Allow"}
    rules = [rule("secrets", "clusterroles")]
    await install("true", rules=rules, paramKind=param_kind, binding={"paramRef": reference})

    error = await refusal(put(resource, "one"))

    assert str(error).partition("is forbidden: ")[2] == text


async def test_a_policy_that_is_not_needed_lets_pass_what_is_wrong_with_its_parameters(
    install: Install, put: Put
) -> None:
    kind = {"apiVersion": "example.com/v1", "kind": "Limit"}
    await install("false", paramKind=kind, failurePolicy="Ignore")

    await put("configmaps", "one")


async def test_custom_parameters_are_seen_in_the_version_that_the_policy_names(
    plane: ControlPlane, install: Install, put: Put
) -> None:
    custom_resources.follow(plane)
    await define(plane, version("v1"), version("v2", storage=False))
    toys, metadata = "toys.example.com", {"name": "a", "namespace": "shop"}
    made = {"apiVersion": "example.com/v1", "kind": "Toy", "metadata": metadata, "spec": {"size": 3}}
    await Client(plane, ADMINISTRATOR).create(toys, made)
    await install(
        "params.apiVersion == 'example.com/v2' && params.spec.size == 4",
        paramKind={"apiVersion": "example.com/v2", "kind": "Toy"},
        binding={"paramRef": {"name": "a", "parameterNotFoundAction": "Deny"}},
    )

    error = await refusal(put("configmaps", "one"))

    assert told(error).startswith("failed expression: params.apiVersion")
    stored = plane.store.get(toys, "shop", "a")
    assert stored is not None
    plane.store.update(toys, stored, {**stored.copy(), "spec": {"size": 4}})
    await put("configmaps", "one")


# Which requests


@pytest.mark.parametrize(
    "spec",
    [
        {"rules": [rule("configmaps", operations=["UPDATE", "DELETE"])]},
        {"rules": [rule("configmaps", resourceNames=["other"])]},
        {"rules": [rule("configmaps", scope="Cluster")]},
        {"rules": [rule("configmaps/*", apiGroups=["apps"])]},
        {"constraints": {"excludeResourceRules": [rule("configmaps", resourceNames=["one"])]}},
        {"constraints": {"namespaceSelector": {"matchLabels": {"a": "b"}}}},
        {"constraints": {"objectSelector": {"matchLabels": {"a": "b"}}}},
        {"binding": {"matchResources": {"objectSelector": {"matchLabels": {"a": "b"}}}}},
        {"binding": {"matchResources": {"resourceRules": [rule("secrets")]}}},
        {"binding": {"matchResources": {"excludeResourceRules": [rule("*")]}}},
    ],
)
async def test_requests_that_are_not_matched_are_not_judged(install: Install, put: Put, spec: Object) -> None:
    await install("false", **spec)

    await put("configmaps", "one")


async def test_names_and_labels_pick_requests(install: Install, put: Put) -> None:
    binding = {"matchResources": {"objectSelector": {"matchLabels": {"a": "b"}}}}
    await install("false", rules=[rule("configmaps", resourceNames=["one"])], binding=binding)

    await put("configmaps", "two", {"a": "b"})

    assert told(await refusal(put("configmaps", "one", {"a": "b"}))) == "failed expression: false"


async def test_a_rule_for_another_version_sees_the_object_in_that_version(
    plane: ControlPlane, install: Install, put: Put
) -> None:
    rules = [rule("horizontalpodautoscalers", apiGroups=["autoscaling"], apiVersions=["v1"])]
    await install(
        "object.apiVersion == 'autoscaling/v1' && request.kind.version == 'v1' && request.requestKind.version == 'v2'",
        "object.spec.targetCPUUtilizationPercentage < 50",
        rules=rules,
    )
    await install("false", name="exact", rules=rules, constraints={"matchPolicy": "Exact"})
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
        "maxReplicas": 3,
        "metrics": [{"type": "Resource", "resource": cpu}],
    }

    error = await refusal(put("horizontalpodautoscalers.autoscaling", "one", spec=spec))

    assert told(error) == "failed expression: object.spec.targetCPUUtilizationPercentage < 50"


async def test_policies_bindings_and_webhook_configurations_are_never_judged(install: Install) -> None:
    everything = [rule("*/*")]
    await install("false", rules=everything)

    await install("false", name="other", rules=everything)


async def test_a_scale_is_judged_as_a_scale(plane: ControlPlane, install: Install, put: Put, call: MakeCall) -> None:
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await put("deployments.apps", "web", spec={"selector": {"matchLabels": {"a": "b"}}, "template": pod})
    await install(
        "object.kind == 'Scale' && object.spec.replicas < 5 && request.subResource == 'scale'",
        rules=[rule("deployments/scale")],
    )

    async def put_replicas(replicas: int) -> None:
        body = json.dumps({"spec": {"replicas": replicas}}).encode()
        scaling = call("deployments.apps", "web", "scale")
        await scale.patch_scale(plane, scaling, scaling.kind.subresource_named["scale"], body, MERGE_PATCH)

    await put_replicas(4)

    error = await refusal(put_replicas(5))
    assert told(error).startswith("failed expression: object.kind == 'Scale'")


async def test_a_connection_is_judged(plane: ControlPlane, install: Install, call: MakeCall) -> None:
    await install("request.operation == 'CONNECT' && object.stdin", rules=[rule("pods/exec")])

    await connect.approve(plane, call("pods", "web", "exec", command="sh", stdin="true"))

    assert told(await refusal(connect.approve(plane, call("pods", "web", "exec", command="sh")))).startswith(
        "expression"
    )


async def test_what_has_no_metadata_is_picked_by_no_label(
    plane: ControlPlane, install: Install, call: MakeCall
) -> None:
    unlabelled = {"objectSelector": {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}}
    await install("false", rules=[rule("pods/exec")], constraints=unlabelled)

    await connect.approve(plane, call("pods", "web", "exec", command="sh"))


async def test_a_change_of_policy_or_binding_counts_at_once(plane: ControlPlane, install: Install, put: Put) -> None:
    await install("object.metadata.name == 'one'")
    await put("configmaps", "one")
    client = Client(plane, ADMINISTRATOR)

    await client.patch(POLICIES, "", "p", {"spec": {"validations": [{"expression": "object.metadata.name == 'two'"}]}})
    await put("configmaps", "two")
    assert told(await refusal(put("configmaps", "three"))) == "failed expression: object.metadata.name == 'two'"

    await client.patch(BINDINGS, "", "p", {"spec": {"validationActions": ["Audit"]}})
    await put("configmaps", "three")


# Who may


async def test_the_authorizer_knows_what_the_user_may_and_what_others_may(
    plane: ControlPlane, install: Install, put: Put, call: MakeCall
) -> None:
    plane.authorizer = Authorizer(plane.store)
    role = {"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "approve"]}]}
    await put("roles.rbac.authorization.k8s.io", "maker", **role)
    subjects = [
        {"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"},
        {"kind": "ServiceAccount", "name": "robot", "namespace": "shop"},
    ]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "maker"}
    await put("rolebindings.rbac.authorization.k8s.io", "maker", subjects=subjects, roleRef=reference)
    in_shop = "group('').resource('configmaps').namespace('shop').check('create')"
    await install(
        "authorizer.requestResource.check('approve').allowed()",
        "!authorizer.requestResource.check('delete').allowed()",
        "!authorizer.group('').resource('secrets').namespace('shop').check('create').allowed()",
        "!authorizer.path('/healthz').check('get').allowed()",
        f"authorizer.serviceAccount('shop', 'robot').{in_shop}.allowed()",
        f"!authorizer.serviceAccount('shop', 'nobody').{in_shop}.allowed()",
        f"authorizer.{in_shop}.reason().startsWith('RBAC: allowed by')",
    )
    making = call("configmaps")
    making.user, making.is_authorized = User("jane"), True

    await create.create(plane, making, {"metadata": {"name": "one"}})

    making.user = service_account("shop", "nobody")
    error = await refusal(create.create(plane, making, {"metadata": {"name": "two"}}))
    assert told(error) == "failed expression: authorizer.requestResource.check('approve').allowed()"


# What it may cost


NEVER = f"!object.data.a.matches('{'z' * 40}')"
"""Of a text of 100,000 letters it costs 100,000 units."""


async def test_an_expression_that_costs_too_much_breaks(install: Install, put: Put) -> None:
    costly = " && ".join([NEVER] * 60)
    await install(costly)

    error = await refusal(put("configmaps", "one", data={"a": "a" * 100_000}))

    assert told(error) == f"expression '{costly}' resulted in error: operation cancelled: actual cost limit exceeded"


async def test_the_expressions_of_a_policy_together_may_not_cost_too_much(install: Install, put: Put) -> None:
    await install(*[" && ".join([NEVER] * 5)] * 30)

    error = await refusal(put("configmaps", "one", data={"a": "a" * 100_000}))

    assert told(error) == "validation failed due to running out of cost budget, no further validation rules will be run"


async def test_annotations_that_break_refuse(install: Install, put: Put) -> None:
    annotations = [
        {"key": "fine", "valueExpression": " 'made ' + object.metadata.name "},
        {"key": "broken", "valueExpression": "string(object.nothing)"},
    ]
    await install("true", auditAnnotations=annotations, binding={"validationActions": ["Audit"]})

    error = await refusal(put("configmaps", "one"))

    assert told(error) == "expression 'string(object.nothing)' resulted in error: no such key: nothing"
