"""Rules of `x-kubernetes-validations` whose surroundings are wrong, whatever their expressions say."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.kinds.apiextensions import schema_rules, validation_rules

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "list": {"type": "array", "items": {"type": "string"}},
            },
        },
    },
}


def judged(*rules: dict[str, Any]) -> list[str]:
    schema = {**SCHEMA, "x-kubernetes-validations": list(rules)}
    return [str(error).removeprefix("s.x-kubernetes-validations") for error in validation_rules.judge(schema, "s")]


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({}, "[0].rule: Required value: rule is not specified"),
        ({"rule": "  "}, "[0].rule: Required value: rule is not specified"),
        ({"rule": "true", "message": " "}, '[0].message: Invalid value: " ": must be non-empty if specified'),
        ({"rule": "true", "message": "a\nb"}, '[0].message: Invalid value: "a\\nb": must not contain line breaks'),
        (
            {"rule": "true &&\ntrue"},
            "[0].message: Required value: message must be specified if rule contains line breaks",
        ),
        (
            {"rule": "true", "reason": "Silly"},
            '[0].reason: Unsupported value: "Silly": supported values: "FieldValueDuplicate", "FieldValueForbidden", '
            '"FieldValueInvalid", "FieldValueRequired"',
        ),
    ],
)
def test_what_is_wrong_around_an_expression_is_told_at_its_field(rule: dict[str, Any], error: str) -> None:
    assert judged(rule) == [error]


def test_a_rule_with_all_that_it_may_have_is_accepted() -> None:
    rule = {"rule": "true &&\ntrue\n", "message": " why \n", "reason": "FieldValueForbidden", "fieldPath": ".spec"}

    assert judged(rule) == []


@pytest.mark.parametrize(
    "path",
    [".spec", ".spec.labels['a/b']", ".spec.labels.a", r".spec.labels['it\'s']", ".spec['labels']", ".spec.list"],
)
def test_a_path_may_name_whatever_the_schema_knows(path: str) -> None:
    assert judged({"rule": "true", "fieldPath": path}) == []


@pytest.mark.parametrize(
    "path", ["spec", ".other", ".spec.list[0]", ".spec.list.a", ".spec.labels.a.b", ".spec.", ".spec[labels]"]
)
def test_other_paths_are_refused(path: str) -> None:
    assert judged({"rule": "true", "fieldPath": path}) == [
        f'[0].fieldPath: Invalid value: "{path}": must be a valid path'
    ]


def test_the_rules_of_every_place_of_a_schema_are_judged() -> None:
    rules = {"x-kubernetes-validations": [{"rule": ""}]}
    items = {"type": "array", "items": {"type": "string", **rules}}

    errors = schema_rules.judge({"type": "object", "properties": {"list": items}, **rules}, "s")

    assert [error.field for error in errors] == [
        "s.properties[list].items.x-kubernetes-validations[0].rule",
        "s.x-kubernetes-validations[0].rule",
    ]


def test_a_blank_path_is_told_to_be_empty_and_to_lead_nowhere() -> None:
    assert judged({"rule": "true", "fieldPath": " "}) == [
        '[0].fieldPath: Invalid value: " ": must be non-empty if specified',
        '[0].fieldPath: Invalid value: " ": must be a valid path',
    ]


def test_a_blank_message_does_for_a_rule_of_two_lines_no_more_than_none() -> None:
    [error] = judged({"rule": "true &&\ntrue", "message": "a"}) or ["none"]
    assert error == "none"
    [error] = judged({"rule": "true &&\ntrue", "message": " "})
    assert error.startswith("[0].message: Invalid value")
