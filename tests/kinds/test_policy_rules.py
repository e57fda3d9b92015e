"""What admission policies and their bindings may say."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.kinds import policy_rules
from fakekube.objects import rules


def policy(**validation: Any) -> dict[str, Any]:
    matches = {
        "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["pods"]}]
    }
    spec = {"failurePolicy": "Fail", "matchConstraints": matches, "validations": [{"expression": "true", **validation}]}
    return {"metadata": {"name": "p"}, "spec": spec}


def test_a_message_of_one_line_is_accepted() -> None:
    assert not [error for error in policy_rules.validating(policy(message="why")) if "validations" in error.field]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (" ", 'Invalid value: " ": must be non-empty if specified'),
        ("two\nlines", 'Invalid value: "two\\nlines": must not contain line breaks'),
    ],
)
def test_a_message_is_one_line_with_something_in_it(message: str, text: str) -> None:
    errors = [error for error in policy_rules.validating(policy(message=message)) if "validations" in error.field]

    assert [str(error) for error in errors] == [f"spec.validations[0].message: {text}"]


@pytest.mark.parametrize("actions", [None, []])
def test_a_binding_says_what_happens(actions: list[str] | None) -> None:
    binding = {"spec": {"policyName": "p", "validationActions": actions}}

    errors = rules.check(binding, policy_rules.VALIDATING_BINDING, "")

    assert "spec.validationActions: Required value: at least one validation action is required" in map(str, errors)


@pytest.mark.parametrize(
    ("reference", "texts"),
    [
        ({}, ["spec.paramRef: Required value: one of name or selector must be specified"]),
        (
            {"name": "a/b", "selector": {}},
            [
                "spec.paramRef.name: Invalid value: \"a/b\": may not contain '/'",
                "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
                "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
            ],
        ),
        ({"name": "a"}, []),
    ],
)
def test_a_binding_names_its_parameters_or_selects_them(reference: dict[str, Any], texts: list[str]) -> None:
    binding = {"spec": {"policyName": "p", "paramRef": {"parameterNotFoundAction": "Deny", **reference}}}

    assert [str(error) for error in rules.check(binding, policy_rules.MUTATING_BINDING, "")] == texts


def told(made: dict[str, Any]) -> list[str]:
    """Each error up to its first line feed."""
    return [str(error).partition("\n")[0] for error in policy_rules.validating(made)]


def with_spec(**spec: Any) -> dict[str, Any]:
    made = policy()
    selectors = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
    made["spec"]["matchConstraints"].update(selectors)
    made["spec"].update(spec)
    return made


UNDECLARED = "compilation failed: ERROR: <input>:1:1: undeclared reference to '{}' (in container '')"


def test_expressions_are_compiled_in_the_order_of_the_fields() -> None:
    made = with_spec(
        matchConditions=[{"name": "c", "expression": " x "}],
        variables=[{"name": "a", "expression": "y"}, {"name": "b", "expression": "variables.c"}],
        validations=[{"expression": "z", "messageExpression": "w"}],
        auditAnnotations=[{"key": "k", "valueExpression": " v "}],
    )

    assert told(made) == [
        f'spec.matchConditions[0].expression: Invalid value: "x": {UNDECLARED.format("x")}',
        f'spec.variables[0].expression: Invalid value: "y": {UNDECLARED.format("y")}',
        'spec.variables[1].expression: Invalid value: "variables.c": compilation failed: ERROR: <input>:1:10: '
        "undefined field 'c'",
        f'spec.validations[0].expression: Invalid value: "z": {UNDECLARED.format("z")}',
        f'spec.validations[0].messageExpression: Invalid value: "w": {UNDECLARED.format("w")}',
        f'spec.auditAnnotations[0].valueExpression: Invalid value: " v ": {UNDECLARED.format("v")}',
    ]


def test_each_expression_is_of_the_type_that_its_place_wants() -> None:
    made = with_spec(
        matchConditions=[{"name": "c", "expression": "object.a"}],
        variables=[{"name": "a", "expression": "[1]"}],
        validations=[{"expression": "variables.a", "messageExpression": "variables.a[0]"}],
        auditAnnotations=[{"key": "k", "valueExpression": "1.5"}, {"key": "l", "valueExpression": "null"}],
    )

    assert told(made) == [
        'spec.matchConditions[0].expression: Invalid value: "object.a": must evaluate to bool but got dyn',
        'spec.validations[0].expression: Invalid value: "variables.a": must evaluate to bool but got list(int)',
        'spec.validations[0].messageExpression: Invalid value: "variables.a[0]": must evaluate to string but got int',
        'spec.auditAnnotations[0].valueExpression: Invalid value: "1.5": must evaluate to one of [string null_type] '
        "but got double",
    ]


def test_parameters_may_be_named_everywhere_where_there_is_a_kind_of_them() -> None:
    named = {
        "matchConditions": [{"name": "c", "expression": "params.a"}],
        "validations": [{"expression": "params.a == 1", "messageExpression": "string(params.a)"}],
    }

    assert len(told(with_spec(**named))) == 3
    named["matchConditions"][0]["expression"] += " == 1"
    assert told(with_spec(**named, paramKind={"apiVersion": "v1", "kind": "ConfigMap"})) == []


def test_expressions_that_are_not_there_are_asked_for() -> None:
    made = with_spec(
        matchConditions=[{"name": "c"}],
        variables=[{"name": "", "expression": " "}],
        validations=[{"expression": "", "messageExpression": "  "}],
        auditAnnotations=[{"key": "k"}, {"key": "", "valueExpression": "'a'"}],
    )

    assert told(made) == [
        "spec.matchConditions[0].expression: Required value",
        "spec.variables[0].name: Required value: name is not specified",
        "spec.variables[0].expression: Required value: expression is not specified",
        "spec.validations[0].expression: Required value: expression is not specified",
        'spec.validations[0].messageExpression: Invalid value: "  ": must be non-empty if specified',
        "spec.auditAnnotations[0].valueExpression: Required value: valueExpression is not specified",
        'spec.auditAnnotations[1].key: Invalid value: "p/": name part must be non-empty',
        "spec.auditAnnotations[1].key: Invalid value: \"p/\": name part must consist of alphanumeric characters, '-', "
        "'_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', "
        "regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ]


@pytest.mark.parametrize(
    ("patch_type", "field"), [("JSONPatch", "jsonPatch"), ("ApplyConfiguration", "applyConfiguration")]
)
def test_mutating_policies_know_of_variables_where_there_are_none(patch_type: str, field: str) -> None:
    written = policy()
    del written["spec"]["validations"]
    written["spec"]["mutations"] = [{"patchType": patch_type, field: {"expression": "variables.a"}}]

    (error,) = [error for error in policy_rules.mutating(written) if "mutations" in error.field]

    assert "undefined field 'a'" in str(error)
