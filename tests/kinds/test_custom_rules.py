"""What the rules of a schema find wrong with an object, and how they say so."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.kinds.custom_rules import CustomRules
from fakekube.objects.field_errors import Tolerated
from fakekube.objects.structural_schemas_validation import ABSENT

INTEGER = {"type": "integer"}
TEXT = {"type": "string"}


def ruled(schema: dict[str, Any], *rules: str | dict[str, Any]) -> dict[str, Any]:
    return {
        **schema,
        "x-kubernetes-validations": [rule if isinstance(rule, dict) else {"rule": rule} for rule in rules],
    }


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def a_list(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


def by_name(items: dict[str, Any]) -> dict[str, Any]:
    return a_list(items, **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]})


def resource(spec: Any, name: str = "one") -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "One", "metadata": {"name": name, "uid": "u"}, "spec": spec}


def told(spec: Any, schema: dict[str, Any], old: Any = ABSENT) -> list[str]:
    rules = CustomRules(an_object(spec=schema))
    errors = rules.judge(resource(spec), ABSENT if old is ABSENT else resource(old))
    return [f"tolerated {error}" if isinstance(error, Tolerated) else str(error) for error in errors]


def test_what_keeps_the_rules_is_accepted() -> None:
    assert told({"min": 1, "max": 2}, ruled(an_object(min=INTEGER, max=INTEGER), "self.min <= self.max")) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({}, "spec: Invalid value: failed rule: self.a > 5"),
        ({"message": " too small "}, "spec: Invalid value: too small"),
        ({"messageExpression": "'not ' + string(self.a)", "message": "unused"}, "spec: Invalid value: not 1"),
        ({"messageExpression": "' '", "message": "told instead"}, "spec: Invalid value: told instead"),
        ({"messageExpression": "'two\\nlines'"}, "spec: Invalid value: failed rule: self.a > 5"),
        ({"messageExpression": "string(1 / (self.a - 1))"}, "spec: Invalid value: failed rule: self.a > 5"),
        ({"messageExpression": "self.name", "message": "no name"}, "spec: Invalid value: no name"),
        ({"reason": "FieldValueInvalid"}, "spec: Invalid value: failed rule: self.a > 5"),
        ({"reason": "FieldValueForbidden", "message": "no"}, "spec: Forbidden: no"),
        ({"reason": "FieldValueRequired", "message": "more"}, "spec: Required value: more"),
        ({"reason": "FieldValueDuplicate", "message": "unused"}, "spec: Duplicate value"),
        ({"fieldPath": ".a"}, "spec.a: Invalid value: failed rule: self.a > 5"),
        ({"fieldPath": "['a']"}, "spec.a: Invalid value: failed rule: self.a > 5"),
        ({"fieldPath": ".labels['x/y']"}, "spec.labels[x/y]: Invalid value: failed rule: self.a > 5"),
    ],
)
def test_a_broken_rule_is_told_as_it_wants_to_be(rule: dict[str, Any], text: str) -> None:
    labels = {"type": "object", "additionalProperties": TEXT}
    schema = ruled(an_object(a=INTEGER, name=TEXT, labels=labels), {"rule": " self.a > 5 ", **rule})
    assert told({"a": 1}, schema) == [text]


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        (TEXT, "x", 'Invalid value: "x": no'),
        (INTEGER, 5, "Invalid value: 5: no"),
        ({"type": "number"}, 1.5, "Invalid value: 1.5: no"),
        ({"type": "number"}, 1234567.5, "Invalid value: 1.2345675e+06: no"),
        ({"type": "boolean"}, True, "Invalid value: true: no"),
        ({"x-kubernetes-int-or-string": True}, "50%", 'Invalid value: "50%": no'),
        (a_list(TEXT), [], "Invalid value: no"),
        ({"type": "object", "additionalProperties": TEXT}, {}, "Invalid value: no"),
    ],
)
def test_scalars_are_shown_and_the_rest_is_not(schema: dict[str, Any], value: Any, text: str) -> None:
    assert told(value, ruled(schema, {"rule": "false", "message": "no"})) == [f"spec: {text}"]


def test_of_scalars_that_are_there_twice_the_value_is_told() -> None:
    assert told(5, ruled(INTEGER, {"rule": "false", "reason": "FieldValueDuplicate"})) == ["spec: Duplicate value: 5"]


def test_rules_of_a_part_are_asked_before_those_below_it() -> None:
    odd = {"rule": "self % 2 == 1", "message": "even"}
    schema = ruled(
        an_object(
            list=ruled(a_list(ruled(INTEGER, odd)), "size(self) < 2"),
            map={"type": "object", "additionalProperties": ruled(INTEGER, odd)},
            one=ruled(INTEGER, odd),
        ),
        "has(self.two)",
        "has(self.one)",
    )
    schema["properties"]["two"] = INTEGER
    assert told({"list": [2, 3, 4], "map": {"a.b": 6, "c": 7}, "one": 8}, schema) == [
        "spec: Invalid value: failed rule: has(self.two)",
        "spec.list: Invalid value: failed rule: size(self) < 2",
        "spec.list[0]: Invalid value: 2: even",
        "spec.list[2]: Invalid value: 4: even",
        "spec.map[a.b]: Invalid value: 6: even",
        "spec.one: Invalid value: 8: even",
    ]


def test_rules_of_the_whole_see_the_names_of_the_object() -> None:
    schema = ruled(an_object(spec=INTEGER), "self.metadata.name == 'two' && self.kind == 'One' && self.spec == 1")
    rules = CustomRules(schema)
    assert rules.judge(resource(1, name="two")) == []
    assert [error.field for error in rules.judge(resource(1))] == ["<nil>"]


def test_names_may_have_rules_of_their_own() -> None:
    schema = an_object(metadata=an_object(name=ruled(TEXT, {"rule": "self != 'one'", "message": "taken"})))
    assert [str(error) for error in CustomRules(schema).judge(resource(1))] == [
        'metadata.name: Invalid value: "one": taken'
    ]


def test_nothing_is_asked_about_null() -> None:
    assert told(None, ruled({**TEXT, "nullable": True}, "false")) == []


def test_fields_that_are_null_count_as_missing() -> None:
    schema = ruled(an_object(a={**TEXT, "nullable": True}), "!has(self.a)")
    assert told({"a": None}, schema) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"rule": "self.b == 1"}, 'Invalid value: "object": no such key: b evaluating rule: self.b == 1'),
        ({"rule": "self.b == 1", "message": "one"}, 'Invalid value: "object": no such key: b evaluating rule: one'),
        (
            {"rule": "1 / self.zero == 1", "reason": "FieldValueForbidden", "fieldPath": ".zero"},
            'Invalid value: "object": division by zero evaluating rule: 1 / self.zero == 1',
        ),
        (
            {"rule": "self.either > 1"},
            "Invalid value: \"object\": 'no such overload': call arguments did not match a supported operator, function or "
            "macro signature for rule: self.either > 1",
        ),
    ],
)
def test_a_rule_that_breaks_says_so_in_its_own_way(rule: dict[str, Any], text: str) -> None:
    schema = ruled(an_object(b=INTEGER, zero=INTEGER, either={"x-kubernetes-int-or-string": True}), rule)
    assert told({"zero": 0, "either": "x"}, schema) == [f"spec: {text}"]


# What was before


def test_transitions_are_asked_about_where_something_was_before() -> None:
    schema = an_object(a=ruled(INTEGER, {"rule": "self >= oldSelf", "message": "never less"}))
    assert told({"a": 1}, schema) == []
    assert told({"a": 1}, schema, old={}) == []
    assert told({}, schema, old={"a": 1}) == []
    assert told({"a": 1}, schema, old={"a": 2}) == ["spec.a: Invalid value: 1: never less"]


def test_transitions_are_always_asked_about_where_the_past_is_optional() -> None:
    rule = {"rule": "oldSelf.hasValue() || self == 1", "optionalOldSelf": True, "message": "begin with 1"}
    schema = an_object(a=ruled(INTEGER, rule))
    assert told({"a": 2}, schema) == ["spec.a: Invalid value: 2: begin with 1"]
    assert told({"a": 1}, schema) == []
    assert told({"a": 2}, schema, old={"a": 1}) == []


def test_messages_know_of_no_optional_past() -> None:
    rule = {
        "rule": "self == oldSelf.orValue(1)",
        "optionalOldSelf": True,
        "message": "said instead",
        "messageExpression": "'was ' + string(oldSelf.orValue(1))",
    }
    assert told(2, ruled(INTEGER, rule)) == ["spec: Invalid value: 2: said instead"]


def test_messages_may_tell_what_was_before() -> None:
    rule = {"rule": "self == oldSelf", "messageExpression": "'was ' + string(oldSelf)"}
    assert told(2, ruled(INTEGER, rule), old=1) == ["spec: Invalid value: 2: was 1"]


def test_items_of_maps_have_a_past_by_their_keys() -> None:
    item = an_object(name=TEXT, size=ruled(INTEGER, {"rule": "self >= oldSelf", "message": "never less"}))
    old = [{"name": "a", "size": 1}, {"name": "b", "size": 5}]
    new = [{"name": "b", "size": 4}, {"name": "c", "size": 0}, {"name": "a", "size": 1}]
    assert told(new, by_name(item), old=old) == ["spec[0].size: Invalid value: 4: never less"]


def test_items_of_other_lists_have_no_past() -> None:
    assert told([1], a_list(ruled(INTEGER, "self >= oldSelf")), old=[2]) == []


def test_values_in_objects_of_any_keys_have_a_past_by_their_keys() -> None:
    schema = {"type": "object", "additionalProperties": ruled(INTEGER, {"rule": "self >= oldSelf", "message": "less"})}
    assert told({"a": 1, "b": 0}, schema, old={"a": 2}) == ["spec[a]: Invalid value: 1: less"]


def test_what_was_as_wrong_before_is_tolerated() -> None:
    no_coal = {"rule": "self != 'coal'", "message": "no coal"}
    schema = an_object(fuel=ruled(TEXT, no_coal), power=INTEGER)
    old = {"fuel": "coal", "power": 1}
    assert told({"fuel": "coal", "power": 2}, schema, old=old) == [
        'tolerated spec.fuel: Invalid value: "coal": no coal'
    ]
    assert told({"fuel": "coal", "power": 2}, schema, old={"power": 1}) == ['spec.fuel: Invalid value: "coal": no coal']


def test_a_rule_about_what_has_changed_tolerates_nothing() -> None:
    schema = ruled(an_object(fuel=TEXT, power=INTEGER), {"rule": "self.fuel != 'coal'", "message": "no coal"})
    old = {"fuel": "coal", "power": 1}
    assert told({"fuel": "coal", "power": 2}, schema, old=old) == ["spec: Invalid value: no coal"]
    assert told(old, schema, old=old) == ["tolerated spec: Invalid value: no coal"]


def test_a_rule_about_a_change_tolerates_nothing() -> None:
    schema = ruled(TEXT, {"rule": "self != oldSelf", "message": "change something"})
    assert told("a", schema, old="a") == ['spec: Invalid value: "a": change something']


def test_items_of_a_list_are_tolerated_where_the_whole_list_is_as_before() -> None:
    schema = an_object(list=a_list(ruled(TEXT, {"rule": "self != 'coal'", "message": "no coal"})), power=INTEGER)
    old = {"list": ["coal", "oil"], "power": 1}
    error = 'spec.list[0]: Invalid value: "coal": no coal'
    assert told({**old, "power": 2}, schema, old=old) == [f"tolerated {error}"]
    assert told({**old, "list": ["coal"]}, schema, old=old) == [error]


def test_the_order_of_a_list_that_is_a_map_is_no_change() -> None:
    items = by_name(an_object(name=TEXT))
    schema = ruled(items, {"rule": "size(self) < 2", "message": "one at most"})
    assert told([{"name": "b"}, {"name": "a"}], schema, old=[{"name": "a"}, {"name": "b"}]) == [
        "tolerated spec: Invalid value: one at most"
    ]


def test_values_that_the_schema_would_not_take_any_more_are_told_where_a_rule_meets_them() -> None:
    schema = ruled(an_object(a=INTEGER, b=INTEGER), "self.a > 1")
    assert told({"a": "x", "b": 2}, schema, old={"a": "x", "b": 1}) == [
        'spec: Invalid value: "object": invalid data, expected int, got string evaluating rule: self.a > 1'
    ]


@pytest.mark.parametrize(
    ("rule", "value"),
    [("self.a[0] == 1", {"x": 1}), ("self.a.all(x, x > 1)", 5), ("self.a.map(x, x + 1).size() > 9", ["x"])],
)
def test_a_rule_may_stumble_over_such_values_however_it_reads_them(rule: str, value: Any) -> None:
    schema = ruled(an_object(a=a_list(INTEGER)), rule)
    (error,) = told({"a": value}, schema, old={"a": value})
    assert "invalid data, expected an array" in error or "invalid data, expected int, got string" in error


# What rules cost


def test_a_rule_that_costs_too_much_ends_the_check() -> None:
    everything = "self.all(a, self.all(b, self.all(c, a + b + c >= 0)))"
    schema = ruled(a_list(INTEGER), everything, "false")
    assert told(list(range(100)), schema) == [
        "spec: Invalid value: \"array\": 'operation cancelled: actual cost limit exceeded': no further validation rules will be "
        f"run due to call cost exceeds limit for rule: {everything}"
    ]


def test_all_rules_together_may_cost_no_more_than_an_object_may() -> None:
    much = "self.all(a, self.all(b, self.all(c, a + b + c >= 0)))"
    schema = ruled(a_list(INTEGER), *[much] * 40)
    assert told(list(range(40)), schema) == [
        'spec: Invalid value: "array": validation failed due to running out of cost budget, no further validation rules will be run'
    ]


def test_a_message_that_costs_too_much_is_not_told() -> None:
    much = "string(self.all(a, self.all(b, self.all(c, a + b + c >= 0))))"
    schema = ruled(a_list(INTEGER), {"rule": "false", "messageExpression": much}, "false")
    assert told(list(range(100)), schema) == [
        'spec: Invalid value: "array": no further validation rules will be run due to call cost exceeds limit for '
        f'messageExpression: "{much}"'
    ]


def test_a_rule_that_does_not_compile_is_an_error_of_the_object() -> None:
    (error,) = told({"a": 1}, ruled(an_object(a=INTEGER), "self.b > 1"))
    assert error.startswith(
        "spec: Invalid value: \"object\": rule compile error: compilation failed: ERROR: <input>:1:5: undefined field 'b'"
    )
