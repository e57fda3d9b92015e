"""What admission policies and their bindings may say, besides their expressions."""

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
