from __future__ import annotations

from typing import Any

import pytest

from fakekube.objects.structural_schemas_validation import ABSENT, forbids_rules, validate, validate_value

TEXT = {"type": "string"}


def told(value: Any, schema: dict[str, Any], old: Any = ABSENT) -> list[str]:
    return [str(error) for error in validate_value(value, schema, "p", old=old)]


def told_of(spec: Any, properties: dict[str, Any], old: Any = ABSENT) -> list[str]:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}
    before = old if old is ABSENT else {"spec": old}
    return [str(error) for error in validate({"spec": spec}, schema, before)]


@pytest.mark.parametrize(
    ("value", "schema", "text"),
    [
        ("5", {"type": "integer"}, 'p: Invalid value: "string": p in body must be of type integer: "string"'),
        (5, TEXT, 'p: Invalid value: "integer": p in body must be of type string: "integer"'),
        (True, {"type": "number"}, 'p: Invalid value: "boolean": p in body must be of type number: "boolean"'),
        (None, TEXT, 'p: Invalid value: "null": p in body must be of type string: "null"'),
        (
            1.5,
            {"x-kubernetes-int-or-string": True},
            'p: Invalid value: "number": p in body must be of type integer,string: "number"',
        ),
        (
            3_000_000_000,
            {"type": "integer", "format": "int32"},
            '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in p',
        ),
        ("m", {**TEXT, "enum": ["s", "l"]}, 'p: Unsupported value: "m": supported values: "s", "l"'),
        (4, {"type": "integer", "enum": [1, 2]}, 'p: Unsupported value: 4: supported values: "1", "2"'),
        (
            0,
            {"type": "integer", "minimum": 1},
            "p: Invalid value: 0: p in body should be greater than or equal to 1",
        ),
        (
            0,
            {"type": "number", "minimum": 0, "exclusiveMinimum": True},
            "p: Invalid value: 0: p in body should be greater than 0",
        ),
        (
            100,
            {"type": "number", "maximum": 99.5},
            "p: Invalid value: 100: p in body should be less than or equal to 99",
        ),
        (
            1,
            {"type": "number", "maximum": 1, "exclusiveMaximum": True},
            "p: Invalid value: 1: p in body should be less than 1",
        ),
        (7, {"type": "integer", "multipleOf": 5}, "p: Invalid value: 7: p in body should be a multiple of 5"),
        ("a", {**TEXT, "minLength": 2}, 'p: Invalid value: "a": p in body should be at least 2 chars long'),
        ("abc", {**TEXT, "maxLength": 2}, "p: Too long: may not be more than 2 bytes"),
        ("A", {**TEXT, "pattern": "^[a-z]+$"}, "p: Invalid value: \"A\": p in body should match '^[a-z]+$'"),
        ([], {"type": "array", "minItems": 1}, "p: Invalid value: 0: p in body should have at least 1 items"),
        ([1, 2], {"type": "array", "maxItems": 1}, "p: Too many: 2: must have at most 1 item"),
        (
            {},
            {"type": "object", "minProperties": 1},
            "p: Invalid value: 0: p in body should have at least 1 properties",
        ),
        ({"a": 1, "b": 1, "c": 1}, {"type": "object", "maxProperties": 2}, "p: Too many: 3: must have at most 2 items"),
        ({}, {"type": "object", "required": ["a"]}, "p.a: Required value"),
        ("x", {**TEXT, "format": "ipv4"}, 'p: Invalid value: "x": p in body must be of type ipv4: "x"'),
    ],
)
def test_each_keyword_has_its_words(value: Any, schema: dict[str, Any], text: str) -> None:
    assert told(value, schema) == [text]


def test_a_fraction_is_no_integer_and_told_twice() -> None:
    assert told(1.5, {"type": "integer"}) == [
        'p: Invalid value: "number": p in body must be of type integer: "number"',
        '<nil>: Invalid value: "": Checked value must be of type integer (default format) in p',
    ]


@pytest.mark.parametrize("value", [2.0, 10])
def test_whole_numbers_are_integers(value: Any) -> None:
    assert told(value, {"type": "integer"}) == []


def test_of_the_bounds_of_a_text_the_first_broken_one_is_told() -> None:
    assert len(told("X", {**TEXT, "minLength": 2, "pattern": "^[a-z]+$"})) == 1


def test_one_of_tells_how_many_fit_and_what_the_best_lacks() -> None:
    schema = {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}
    found = '<nil>: Invalid value: "": "p" must validate one and only one schema (oneOf). Found'
    assert told({}, schema) == [f"{found} none valid", "p.a: Required value"]
    assert told({"a": 1, "b": 1}, schema) == [f"{found} 2 valid alternatives"]
    assert told({"a": 1}, schema) == []


def test_any_of_all_of_and_not() -> None:
    at_least = '<nil>: Invalid value: "": "p" must validate at least one schema (anyOf)'
    assert told({}, {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}) == [at_least, "p.a: Required value"]
    all_of = '<nil>: Invalid value: "": "p" must validate all the schemas (allOf)'
    assert told({"a": 1}, {"allOf": [{"required": ["a"]}, {"required": ["b"]}]}) == ["p.b: Required value", all_of]
    assert told("abc", {"allOf": [{"maxLength": 2}]})[1] == f"{all_of}. None validated"
    assert told({"c": 1}, {"not": {"required": ["c"]}}) == [
        '<nil>: Invalid value: "": "p" must not validate the schema (not)'
    ]


def test_sets_and_maps_hold_each_item_once() -> None:
    ports = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["port", "protocol"],
        "items": {"type": "object"},
    }
    tags = {"type": "array", "x-kubernetes-list-type": "set", "items": TEXT}
    port = {"protocol": "TCP", "port": 1}
    spec = {"ports": [port, {**port, "name": "x"}], "tags": ["a", "b", "a"]}
    assert told_of(spec, {"ports": ports, "tags": tags}) == [
        'spec.ports[1]: Duplicate value: {"port":1,"protocol":"TCP"}',
        'spec.tags[2]: Duplicate value: "a"',
    ]


def test_an_embedded_resource_says_what_it_is_and_has_good_labels() -> None:
    pod = {"type": "object", "x-kubernetes-embedded-resource": True}
    assert told_of({"pod": {}}, {"pod": pod}) == [
        "spec.pod.apiVersion: Required value",
        "spec.pod.kind: Required value",
    ]
    labelled = {"apiVersion": "a/b/c", "kind": "Pod", "metadata": {"labels": {"bad key!": "x"}}}
    version, label = told_of({"pod": labelled}, {"pod": pod})
    assert version == 'spec.pod.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'
    assert label.startswith('spec.pod.metadata.labels: Invalid value: "bad key!": name part must consist')


def test_what_was_wrong_before_may_stay_as_long_as_it_is_not_touched() -> None:
    properties = {"colour": {**TEXT, "enum": ["red"]}, "doors": {"type": "integer", "maximum": 5}}
    old = {"colour": "mauve", "doors": 9}
    assert told_of({"colour": "mauve", "doors": 9}, properties, old) == []
    assert told_of({"colour": "mauve", "doors": 4}, properties, old) == []
    assert len(told_of({"colour": "mauve", "doors": 8}, properties, old)) == 1


def test_items_of_plain_lists_have_no_past_and_those_of_maps_do() -> None:
    item = {"type": "object", "properties": {"name": TEXT, "size": {"type": "integer", "maximum": 1}}}
    plain = {"type": "array", "items": item}
    by_name = {**plain, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    old, new = [{"name": "a", "size": 9}], [{"name": "b", "size": 1}, {"name": "a", "size": 9}]
    assert len(told_of({"list": new}, {"list": plain}, {"list": old})) == 1
    assert told_of({"list": new}, {"list": by_name}, {"list": old}) == []


def test_one_is_not_true() -> None:
    assert told(1, {"type": "boolean"}, old=True) != []


def test_serious_errors_keep_rules_from_being_checked() -> None:
    spec = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer", "maximum": 3}}}
    schema = {"type": "object", "properties": {"spec": spec}}
    assert forbids_rules(validate({"spec": {}}, schema))
    assert not forbids_rules(validate({"spec": {"a": 4}}, schema))


def test_a_default_is_called_by_its_place_in_the_schema() -> None:
    errors = validate_value({}, {"type": "object", "required": ["y"]}, base="s.default")
    errors += validate_value("x", {"type": "integer"}, base="s.default")
    assert [str(error) for error in errors] == [
        "s.default.y: Required value",
        's.default: Invalid value: "string":  in body must be of type integer: "string"',
    ]


def test_a_format_is_asked_for_without_a_type_as_well() -> None:
    address = {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
    assert told("1.2.3.4", address) == []
    assert told("1.2.3.4:80", address) == [
        '<nil>: Invalid value: "": "p" must validate at least one schema (anyOf)',
        'p: Invalid value: "1.2.3.4:80": p in body must be of type ipv4: "1.2.3.4:80"',
    ]


def test_of_several_schemas_that_one_speaks_that_has_the_most_to_say() -> None:
    address = {
        "type": "object",
        "oneOf": [
            {"properties": {"type": {"not": {"enum": ["IPAddress"]}}}},
            {
                "properties": {
                    "type": {"enum": ["IPAddress"]},
                    "value": {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
                }
            },
        ],
        "properties": {"type": TEXT, "value": TEXT},
    }
    assert told({"type": "IPAddress", "value": "1.2.3.4:80"}, address) == [
        '<nil>: Invalid value: "": "p" must validate one and only one schema (oneOf). Found none valid',
        '<nil>: Invalid value: "": "p.value" must validate at least one schema (anyOf)',
        'p.value: Invalid value: "1.2.3.4:80": p.value in body must be of type ipv4: "1.2.3.4:80"',
    ]


@pytest.mark.parametrize(
    ("value", "schema", "text"),
    [
        (5, {**TEXT, "format": "date-time"}, 'Invalid value: "int64": p in body must be of type date-time: "int64"'),
        (True, {**TEXT, "format": "date-time"}, 'Invalid value: "": p in body must be of type date-time: ""'),
        (5, {**TEXT, "format": "color"}, 'Invalid value: "integer": p in body must be of type string: "integer"'),
        (
            "x",
            {"type": "integer", "format": "int32"},
            'Invalid value: "string": p in body must be of type integer: "string"',
        ),
        (True, {"type": "integer", "format": "int32"}, 'Invalid value: "": p in body must be of type int32: ""'),
    ],
)
def test_where_a_format_is_asked_for_values_of_another_type_are_told_by_theirs(
    value: Any, schema: dict[str, Any], text: str
) -> None:
    assert told(value, schema) == [f"p: {text}"]


def test_a_list_may_stand_for_a_text_of_a_format() -> None:
    assert told([], {**TEXT, "format": "date-time"}) == []


def test_whole_numbers_are_compared_with_what_is_whole_of_a_bound() -> None:
    assert told(0, {"type": "number", "minimum": 0.5}) == []
    assert told(0.25, {"type": "number", "minimum": 0.5}) == [
        "p: Invalid value: 0.25: p in body should be greater than or equal to 0.5"
    ]
    assert told(3, {"type": "number", "multipleOf": 0.5}) == [
        "p: Invalid value: 0: factor MultipleOf declared for p must be positive: 0"
    ]


def test_a_bound_of_integers_that_is_none_is_told_of() -> None:
    assert told(2, {"type": "integer", "maximum": 1.5}) == [
        '<nil>: Invalid value: "": Maximum boundary value must be of type integer (default format) in p',
        "p: Invalid value: 2: p in body should be less than or equal to 1.5",
    ]


def test_a_float_is_no_larger_than_one() -> None:
    assert told(1e300, {"type": "number", "format": "float"}) == [
        '<nil>: Invalid value: "": Checked value must be of type number with format float in p'
    ]


def test_large_fractions_are_written_with_a_power() -> None:
    [text] = told(1000000.75, {"type": "number", "maximum": 1000000.5})
    assert text == "p: Invalid value: 1.00000075e+06: p in body should be less than or equal to 1.0000005e+06"


def test_an_enum_has_no_place_for_null_but_for_numbers_of_either_kind() -> None:
    assert told(None, {**TEXT, "nullable": True, "enum": ["a"]}) == [
        'p: Unsupported value: null: supported values: "a"'
    ]
    assert told(1, {"type": "integer", "enum": [1.0]}) == []
    assert told(True, {"enum": [1]}) == ['p: Unsupported value: true: supported values: "1"']


def test_where_nothing_is_additional_what_is_unknown_is_forbidden() -> None:
    schema = {"type": "object", "additionalProperties": False, "properties": {"a": TEXT}}
    assert told({"a": "x", "z": 1}, schema) == ['p: Invalid value: "z": p.z in body is a forbidden property']


def test_what_is_there_more_than_twice_is_told_once_and_keys_stand_in_brackets() -> None:
    tags = {"type": "array", "x-kubernetes-list-type": "set", "items": TEXT}
    by_name = {"type": "object", "additionalProperties": tags}
    assert told_of({"m": {"x": ["a", "a", "a"]}}, {"m": by_name}) == ['spec.m[x][1]: Duplicate value: "a"']


def test_a_list_that_is_a_map_holds_objects_alone() -> None:
    ports = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": {}}
    assert told_of({"p": [{"k": 1}, 5, {"k": 1}]}, {"p": ports}) == [
        "spec.p[1]: Invalid value: 5: must be an object for an array of list-type map"
    ]


def test_the_head_of_an_embedded_resource_is_judged_like_others() -> None:
    pod = {"type": "object", "x-kubernetes-embedded-resource": True}
    version, kind = told_of({"pod": {"apiVersion": "", "kind": "P_d"}}, {"pod": pod})
    assert version == 'spec.pod.apiVersion: Invalid value: "": must not be empty'
    assert kind.startswith('spec.pod.kind: Invalid value: "P_d": may have mixed case, but should otherwise match: ')
    named = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a/b", "generation": -1}}
    assert [text.split(": ")[0] for text in told_of({"pod": named}, {"pod": pod})] == [
        "spec.pod.metadata.name",
        "spec.pod.metadata.generation",
    ]
