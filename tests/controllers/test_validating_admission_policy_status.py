"""What the status of ValidatingAdmissionPolicies says of the types of their expressions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fakekube.controllers import validating_admission_policy_status as controller
from fakekube.kinds import Kinds
from tests.controllers.clashes import ClashingCluster
from tests.controllers.in_memory import Cluster, Object

KINDS = Kinds.builtin()


def rule(group: str, *resources: str, version: str = "v1") -> Object:
    return {"apiGroups": [group], "apiVersions": [version], "operations": ["*"], "resources": list(resources)}


DEPLOYMENTS, CONFIG_MAPS = rule("apps", "deployments"), rule("", "configmaps")


def policy(*validations: str | Object, rules: tuple[Object, ...] = (DEPLOYMENTS,), **spec: Any) -> Object:
    told = [{"expression": each} if isinstance(each, str) else each for each in validations]
    return {
        "metadata": {"name": "p"},
        "spec": {"matchConstraints": {"resourceRules": list(rules)}, "validations": told, **spec},
    }


def warned(made: Object) -> list[tuple[str, str]]:
    """Place and first line of each warning."""
    found = controller.warnings(made, KINDS)
    return [(each["fieldRef"], each["warning"].partition("\n")[0]) for each in found]


@pytest.mark.parametrize(
    "expression",
    [
        "object.spec.replicas > 1 && oldObject.metadata.labels['a'] == 'b'",
        "object.metadata.creationTimestamp < timestamp('2030-01-01T00:00:00Z')",
        "object.spec.template.spec.containers.all(c, c.image.startsWith('a') && c.resources.limits['cpu'] != '')",
        "object.spec.strategy.rollingUpdate.maxSurge == 1 || object.spec.strategy.rollingUpdate.maxSurge == '25%'",
        "request.userInfo.groups.exists(g, g == 'a') && namespaceObject.metadata.labels.size() > 0",
        "authorizer.group('').resource('pods').check('get').allowed()",
        "object.metadata.managedFields.all(f, f.time != null)",
    ],
)
def test_expressions_that_fit_the_kind_are_not_warned_of(expression: str) -> None:
    assert warned(policy(expression)) == []


def test_each_expression_is_told_with_the_kind_that_it_does_not_fit() -> None:
    message = {"expression": "true", "messageExpression": "'a' + object.spec.replicas"}

    found = controller.warnings(policy("object.replicas > 1", message), KINDS)

    assert found == [
        {
            "fieldRef": "spec.validations[0].expression",
            "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'\n"
            " | object.replicas > 1\n | ......^\n",
        },
        {
            "fieldRef": "spec.validations[1].messageExpression",
            "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:5: found no matching overload for '_+_' applied to "
            "'(string, int)'\n | 'a' + object.spec.replicas\n | ....^\n",
        },
    ]


def test_the_resource_of_the_request_is_not_known_to_who_checks_types() -> None:
    assert warned(policy("authorizer.requestResource.check('get').allowed()")) == [
        (
            "spec.validations[0].expression",
            "apps/v1, Kind=Deployment: ERROR: <input>:1:11: unexpected failed resolution of "
            "'kubernetes.authorization.Authorizer'",
        )
    ]


def test_several_kinds_are_told_in_their_order_a_blank_line_between() -> None:
    rules = (DEPLOYMENTS, CONFIG_MAPS)

    (found,) = controller.warnings(policy("object.nothing", rules=rules), KINDS)

    problem = "ERROR: <input>:1:7: undefined field 'nothing'\n | object.nothing\n | ......^\n"
    assert found["warning"] == f"/v1, Kind=ConfigMap: {problem}\napps/v1, Kind=Deployment: {problem}"


def test_types_of_variables_and_params_are_known() -> None:
    variables = [{"name": "wanted", "expression": "object.spec.replicas"}, {"name": "broken", "expression": "object.x"}]
    made = policy(
        "variables.wanted > 'a'",
        "variables.broken > 'a'",
        "params.data['a'] > 1",
        variables=variables,
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
    )

    assert warned(made) == [
        (
            f"spec.validations[{i}].expression",
            f"apps/v1, Kind=Deployment: ERROR: <input>:1:{column}: found no matching overload for '_>_' applied to {types}",
        )
        for i, column, types in ((0, 18, "'(int, string)'"), (2, 18, "'(string, int)'"))
    ]


@pytest.mark.parametrize(
    ("rules", "kinds"),
    [
        ((rule("apps", "deployments", "statefulsets/scale", "*"),), ["Deployment"]),
        ((rule("*", "deployments"),), []),
        ((rule("apps", "deployments", version="*"),), []),
        ((rule("", "pods", "nothing"), rule("batch", "jobs")), ["Pod", "Job"]),
    ],
)
def test_only_kinds_that_rules_name_are_looked_at(rules: tuple[Object, ...], kinds: list[str]) -> None:
    found = controller.kinds_of(policy("true", rules=rules)["spec"], KINDS)

    assert [kind.kind for kind in found] == kinds


def test_of_a_rule_with_many_kinds_ten_are_looked_at_and_no_rule_behind_it() -> None:
    many = rule("", *(kind.resource for kind in KINDS if kind.api_version == "v1"))

    found = controller.kinds_of(policy("true", rules=(many, DEPLOYMENTS))["spec"], KINDS)

    assert len(found) == 10
    assert "Deployment" not in {kind.kind for kind in found}


@pytest.mark.parametrize("write", range(2))
def test_the_status_follows_the_generation(write: int) -> None:
    policies = "validatingadmissionpolicies.admissionregistration.k8s.io"

    async def scenario(cluster: Cluster) -> None:
        assert isinstance(cluster, ClashingCluster)
        await cluster.create(policies, {**policy("object.replicas > 1"), "status": {}})
        cluster.clash_at = write
        await cluster.settle()
        cluster.clash_at = None
        first = cluster.get(policies, "", "p")
        assert first is not None
        assert first["status"]["observedGeneration"] == 1
        assert len(first["status"]["typeChecking"]["expressionWarnings"]) == 1
        await cluster.patch(policies, "", "p", {"spec": {"validations": [{"expression": "object.spec.replicas > 1"}]}})
        await cluster.settle()
        second = cluster.get(policies, "", "p")
        assert second is not None
        assert second["status"] == {"observedGeneration": 2, "typeChecking": {}}
        assert await cluster.writes_of_a_second_look() == []

    ClashingCluster((controller.CONTROLLER,), plane=SimpleNamespace(kinds=KINDS)).run(scenario)
