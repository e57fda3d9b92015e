from __future__ import annotations

from typing import Any

import pytest

from fakekube.kinds import policy_rules
from fakekube.objects import rules

RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}

MATCHES = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}, "resourceRules": [RULE]}


def told(*mutations: Any, **spec: Any) -> list[str]:
    """What is wrong with a policy that has these fields."""
    usual = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": MATCHES,
        "mutations": list(mutations) or [applied("Object{}")],
    }
    return [str(error) for error in policy_rules.mutating({"metadata": {"name": "p"}, "spec": {**usual, **spec}})]


def applied(expression: str) -> dict[str, Any]:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def patches(expression: str) -> dict[str, Any]:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def test_nothing_is_wrong_with_a_policy_that_compiles() -> None:
    merge = applied("Object{metadata: Object.metadata{labels: {'a': variables.a, 'b': request.name}}}")
    patch = patches("[JSONPatch{op: 'add', path: '/a/' + jsonpatch.escapeKey(params.key), value: object.a}]")
    variables = [{"name": "a", "expression": "string(namespaceObject.metadata.name)"}]

    assert told(merge, patch, variables=variables, paramKind={"apiVersion": "v1", "kind": "ConfigMap"}) == []


@pytest.mark.parametrize(
    ("mutation", "text"),
    [
        (
            applied("1"),
            'spec.mutations[0].applyConfiguration.expression: Invalid value: "1": must evaluate to Object but got int',
        ),
        (
            applied("Object.spec{}"),
            'spec.mutations[0].applyConfiguration.expression: Invalid value: "Object.spec{}": '
            "must evaluate to Object but got Object.spec",
        ),
        (
            applied("object"),
            'spec.mutations[0].applyConfiguration.expression: Invalid value: "object": must evaluate to Object but got dyn',
        ),
        (
            patches("[1]"),
            'spec.mutations[0].jsonPatch.expression: Invalid value: "[1]": must evaluate to list(JSONPatch) but got list(int)',
        ),
        (
            patches(" nothing "),
            'spec.mutations[0].jsonPatch.expression: Invalid value: "nothing": compilation failed: '
            "ERROR: <input>:1:1: undeclared reference to 'nothing' (in container '')\n | nothing\n | ^",
        ),
        (
            applied("params.a"),
            'spec.mutations[0].applyConfiguration.expression: Invalid value: "params.a": compilation failed: '
            "ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n | params.a\n | ^",
        ),
        (applied("  "), "spec.mutations[0].applyConfiguration.expression: Required value"),
        ({}, "spec.mutations[0].patchType: Required value"),
        (
            {"patchType": "Merge"},
            'spec.mutations[0].patchType: Unsupported value: "Merge": supported values: "ApplyConfiguration", "JSONPatch"',
        ),
    ],
)
def test_a_mutation_must_compile_and_give_what_its_type_says(mutation: dict[str, Any], text: str) -> None:
    assert told(mutation) == [text]


def test_a_mutation_has_what_belongs_to_its_type_and_nothing_else() -> None:
    other = {**applied("Object{}"), "patchType": "JSONPatch"}

    assert told(other) == [
        "spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch",
        'spec.mutations[0].applyConfiguration: Invalid value: "{applyConfiguration}": '
        "must not be specified when patchType is JSONPatch",
    ]


def test_variables_make_no_objects() -> None:
    (text,) = told(variables=[{"name": "a", "expression": "Object{}"}])

    assert "undeclared reference to 'Object' (in container '')" in text


def test_nothing_is_done_to_what_goes() -> None:
    text = 'Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"'
    resources = {**MATCHES, "resourceRules": [{**RULE, "operations": ["UPDATE", "DELETE"]}]}
    binding = {"spec": {"policyName": "p", "matchResources": resources}}

    assert told(matchConstraints=resources) == [f"spec.matchConstraints.resourceRules.operations: {text}"]
    errors = rules.check(binding, policy_rules.MUTATING_BINDING, "")
    assert [str(error) for error in errors] == [f"spec.matchResources.resourceRules.operations: {text}"]


def test_a_policy_says_whether_it_wants_to_be_asked_again() -> None:
    assert told(reinvocationPolicy="") == ["spec.reinvocationPolicy: Required value"]
