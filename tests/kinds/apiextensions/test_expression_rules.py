"""Expressions of `x-kubernetes-validations` that do not fit their schema, and such as can cost too much."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.kinds.apiextensions import schema_rules

ADVICE = " (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"


def schema(properties: dict[str, Any], *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "x-kubernetes-validations": list(rules), **more}


def judged(root: dict[str, Any], *, is_unchanged: bool = False) -> list[str]:
    return [str(error) for error in schema_rules.judge(root, "s", is_unchanged=is_unchanged)]


def shown(rule: str, message_expression: str = "", reason: str = "null", optional_old_self: str = "null") -> str:
    """A rule in Go's JSON."""
    return (
        f'{{"Rule":"{rule}","Message":"","MessageExpression":"{message_expression}","Reason":{reason},'
        f'"FieldPath":"","OptionalOldSelf":{optional_old_self}}}'
    )


INTEGER = {"a": {"type": "integer"}}
RULE = "s.x-kubernetes-validations[0].rule: "
MESSAGE = "s.x-kubernetes-validations[0].messageExpression: "


def test_a_rule_that_fits_is_no_error() -> None:
    assert judged(schema(INTEGER, {"rule": "self.a > 1", "messageExpression": "'is %d'.format([self.a])"})) == []


def test_all_problems_of_a_rule_are_told_with_the_rule_in_go_s_json() -> None:
    rule = {"rule": "self.b < 1", "reason": "FieldValueForbidden"}
    text = shown(r"self.b \u003c 1", reason='"FieldValueForbidden"')
    problem = "ERROR: <input>:1:5: undefined field 'b'\n | self.b < 1\n | ....^"
    assert judged(schema(INTEGER, rule)) == [f"{RULE}Invalid value: {text}: compilation failed: {problem}"]


def test_a_rule_gives_a_bool() -> None:
    expected = f"{RULE}Invalid value: {shown('self.a + 1')}: cel expression must evaluate to a bool"
    assert judged(schema(INTEGER, {"rule": "self.a + 1"})) == [expected]


def test_a_message_is_a_string() -> None:
    text = shown("true", "self.a")
    expected = f"{MESSAGE}Invalid value: {text}: messageExpression must evaluate to a string"
    assert judged(schema(INTEGER, {"rule": "true", "messageExpression": "self.a"})) == [expected]


def test_a_message_that_cannot_be_compiled_says_so() -> None:
    [error] = judged(schema(INTEGER, {"rule": "true", "messageExpression": "self.z"}))
    assert error.startswith(
        f"{MESSAGE}Invalid value: {shown('true', 'self.z')}: messageExpression compilation failed: ERROR: "
    )


def test_the_message_of_a_rule_that_is_wrong_is_not_looked_at() -> None:
    [error] = judged(schema(INTEGER, {"rule": "self.z", "messageExpression": "self.z"}))
    assert error.startswith(RULE)


def test_a_blank_message_expression_is_none() -> None:
    [error] = judged(schema(INTEGER, {"rule": "true", "messageExpression": " "}))
    assert error == f"{MESSAGE}Required value: messageExpression must be non-empty if specified"


def test_expressions_around_what_is_wrong_with_a_schema_are_not_looked_at() -> None:
    broken = {"type": "string", "uniqueItems": True}
    inner = schema({"p": broken}, {"rule": "self.z"})
    beside = schema(INTEGER, {"rule": "self.z"})
    errors = judged(schema({"inner": inner, "beside": beside}, {"rule": "self.z"}))
    assert [error.split(": ")[0] for error in errors] == [
        "s.properties[inner].properties[p].uniqueItems",
        "s.properties[beside].x-kubernetes-validations[0].rule",
    ]


def test_expressions_of_schemas_that_are_not_structural_are_not_looked_at() -> None:
    assert judged(schema({"a": {}}, {"rule": "self.z"})) == [
        "s.properties[a].type: Required value: must not be empty for specified object fields"
    ]


def test_restrictions_have_no_rules() -> None:
    root = {"type": "object", "anyOf": [{"x-kubernetes-validations": [{"rule": "true"}]}]}
    assert judged(root) == ["s.anyOf[0].x-kubernetes-validations: Forbidden: must be empty to be structural"]


def test_rules_for_what_is_below_are_judged_first() -> None:
    root = schema({"inner": schema(INTEGER, {"rule": "1"})}, {"rule": "2"})
    assert [error.split(".x-")[0] for error in judged(root)] == ["s.properties[inner]", "s"]


def test_what_has_no_type_can_have_no_rules() -> None:
    preserved = {"x-kubernetes-preserve-unknown-fields": True, "x-kubernetes-validations": [{"rule": "true"}]}
    assert judged({"type": "object", "properties": {"p": preserved}}) == [
        "s.properties[p].x-kubernetes-validations: Internal error: internal error: failed to construct type information for "
        "x-kubernetes-validations rules: unable to convert structural schema to CEL declarations"
    ]


def test_a_rule_at_the_root_sees_the_names_that_every_resource_has() -> None:
    assert judged(schema({}, {"rule": "self.metadata.name.startsWith('a') && self.kind == 'K'"})) == []


def test_a_rule_of_an_embedded_resource_sees_its_names() -> None:
    embedded = schema(
        {"spec": {"type": "object"}}, {"rule": "self.metadata.name != ''"}, **{"x-kubernetes-embedded-resource": True}
    )
    assert judged({"type": "object", "properties": {"e": embedded}}) == []


def test_expressions_nested_too_deeply_are_refused() -> None:
    [error] = judged(schema(INTEGER, {"rule": "(" * 300 + "true" + ")" * 300}))
    assert "expression recursion limit exceeded: 250" in error


# Transitions


TRANSITION = {"rule": "self >= oldSelf"}


def test_items_of_lists_have_no_past() -> None:
    items = {"type": "integer", "x-kubernetes-validations": [TRANSITION]}
    root = {"type": "object", "properties": {"l": {"type": "array", "maxItems": 3, "items": items}}}
    assert judged(root) == [
        's.properties[l].items.x-kubernetes-validations[0].rule: Invalid value: "self >= oldSelf": oldSelf cannot be used on '
        "the uncorrelatable portion of the schema within s.properties[l]"
    ]


def test_items_of_lists_that_are_maps_have_a_past() -> None:
    items = schema({"k": {"type": "string"}}, {"rule": "self == oldSelf"}, required=["k"])
    a_list = {
        "type": "array",
        "maxItems": 3,
        "items": items,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
    }
    assert judged({"type": "object", "properties": {"l": a_list}}) == []


def test_the_outermost_list_is_what_has_no_past() -> None:
    inner = {"type": "array", "maxItems": 3, "items": {"type": "integer", "x-kubernetes-validations": [TRANSITION]}}
    [error] = judged({"type": "object", "properties": {"l": {"type": "array", "maxItems": 3, "items": inner}}})
    assert error.endswith("within s.properties[l]")


@pytest.mark.parametrize("value", [True, False])
def test_optional_old_self_is_for_transitions(value: bool) -> None:
    field, shown_value = "s.x-kubernetes-validations[0].optionalOldSelf", str(value).lower()
    error = f"{field}: Invalid value: {shown_value}: may not be set if oldSelf is not used in rule"
    assert judged(schema(INTEGER, {"rule": "self.a > 1", "optionalOldSelf": value})) == [error]


def test_old_self_may_be_optional() -> None:
    rule = {"rule": "!oldSelf.hasValue() || oldSelf.value().a <= self.a", "optionalOldSelf": True}
    assert judged(schema(INTEGER, rule)) == []


# Costs


UNBOUNDED = {"type": "array", "items": {"type": "string"}}


def test_a_rule_that_can_cost_too_much_is_refused_and_so_is_the_schema() -> None:
    rules = [{"rule": "self.all(x, x.m.all(y, y.contains('a')))"}]
    a_list = {"type": "array", "items": schema({"m": UNBOUNDED}), "x-kubernetes-validations": rules}
    root = {"type": "object", "properties": {"l": a_list}}
    field = "s.properties[l].x-kubernetes-validations[0].rule"
    assert judged(root) == [
        f"{field}: Forbidden: estimated rule cost exceeds budget by factor of more than 100x{ADVICE}",
        f"{field}: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema",
        "s: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by "
        f"factor of more than 100x{ADVICE}",
    ]


def numbers(most: int, rule: str) -> dict[str, Any]:
    return {
        "type": "array",
        "maxItems": most,
        "items": {"type": "number"},
        "x-kubernetes-validations": [{"rule": rule}],
    }


@pytest.mark.parametrize(
    ("most", "factor"),
    [
        (3_300_000, ""),
        (3_400_000, "1.020000x"),
        (4_900_000, "1.470000x"),
        (5_100_000, "1.5x"),
        (11_333_333, "3.4x"),
        (333_333_332, "100.0x"),
        (333_333_334, "more than 100x"),
    ],
)
def test_the_factor_has_more_digits_where_it_is_small(most: int, factor: str) -> None:
    errors = judged({"type": "object", "properties": {"l": numbers(most, "self.all(x, true)")}})
    field = "s.properties[l].x-kubernetes-validations[0].rule"
    expected = f"{field}: Forbidden: estimated rule cost exceeds budget by factor of {factor}{ADVICE}"
    assert errors[:1] == ([expected] if factor else [])


def test_a_rule_counts_as_often_as_its_part_can_stand_in_an_object() -> None:
    # 3 * 1000 + 2 for each list, 5000 of them.
    lists = {"type": "object", "maxProperties": 5000, "additionalProperties": numbers(1000, "self.all(x, true)")}
    [error] = judged({"type": "object", "properties": {"m": lists}})
    assert error == (
        "s.properties[m].additionalProperties.x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds "
        f"budget by factor of 1.5x{ADVICE}"
    )


def test_a_rule_below_what_has_no_bound_counts_as_often_as_fits_into_a_request() -> None:
    # An item is at least `{}` and a comma.
    items = schema(INTEGER, {"rule": "[1, 2].all(x, x < self.a)"})
    [error] = judged({"type": "object", "properties": {"l": {"type": "array", "items": items}}})
    # The rule costs 25: a list, a name and two turns of 7.
    field = "s.properties[l].items.x-kubernetes-validations[0].rule"
    assert error == f"{field}: Forbidden: estimated rule cost exceeds budget by factor of 2.6x{ADVICE}"


def test_many_rules_together_can_cost_too_much_and_the_most_expensive_are_told() -> None:
    sizes = {"a": 3_200_000, "b": 3_300_000, "c": 2_000_000, **{f"d{i}": 3_100_000 for i in range(9)}}
    properties = {name: numbers(most, "self.all(x, true)") for name, most in sizes.items()}
    *told, total = judged({"type": "object", "properties": properties})
    assert [error.split(".x-")[0] for error in told] == [f"s.properties[{name}]" for name in ("b", "a", "d0", "d1")]
    assert total.startswith("s: Forbidden: x-kubernetes-validations estimated rule cost total")
    assert "factor of 1.092" in total


def test_a_message_counts_once() -> None:
    rule = {"rule": "true", "messageExpression": "'a' + string(self.a)"}
    errors = judged(schema(INTEGER, rule))
    assert (
        errors[0]
        == f"{MESSAGE}Forbidden: estimated messageExpression cost exceeds budget by factor of more than 100x{ADVICE}"
    )
    assert [error.split(": ")[0] for error in errors[1:]] == [MESSAGE[:-2], "s"]


def test_what_was_accepted_before_may_cost_what_it_did() -> None:
    root = {"type": "object", "properties": {"l": numbers(4_000_000, "self.all(x, true)")}}
    assert judged(root) != []
    assert judged(root, is_unchanged=True) == []


# Defaults


def test_a_default_obeys_the_rules_for_it() -> None:
    inner = schema({"min": {"type": "integer"}, "max": {"type": "integer"}}, {"rule": "self.min <= self.max"})
    errors = judged({"type": "object", "properties": {"spec": {**inner, "default": {"min": 3, "max": 1}}}})
    assert errors == ["s.properties[spec].default: Invalid value: failed rule: self.min <= self.max"]


def test_a_default_without_what_a_rule_reads_is_an_error() -> None:
    inner = schema({"min": {"type": "integer", "default": 1}}, {"rule": "self.min > 0"})
    errors = judged({"type": "object", "properties": {"spec": {**inner, "default": {}}}})
    assert errors == [
        's.properties[spec].default: Invalid value: "object": no such key: min evaluating rule: self.min > 0'
    ]


def test_a_default_that_fits_is_no_error() -> None:
    inner = schema({"min": {"type": "integer"}}, {"rule": "self.min == oldSelf.min"})
    assert judged({"type": "object", "properties": {"spec": {**inner, "default": {"min": 1}}}}) == []


def test_a_default_is_asked_about_beside_a_rule_that_is_wrong() -> None:
    rules = ({"rule": "self.min > 0", "fieldPath": "a"}, {"rule": "", "message": "x"})
    inner = schema({"min": {"type": "integer"}}, *rules, default={"min": 0})
    fields = [error.split(": ")[0] for error in judged({"type": "object", "properties": {"spec": inner}})]
    place = "s.properties[spec]"
    assert fields == [
        f"{place}.default",
        f"{place}.x-kubernetes-validations[0].fieldPath",
        f"{place}.x-kubernetes-validations[1].rule",
    ]
