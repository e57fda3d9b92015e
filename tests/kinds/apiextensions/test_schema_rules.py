from __future__ import annotations

from typing import Any

import pytest

from fakekube.kinds.apiextensions.schema_rules import judge

TEXT = {"type": "string"}


def told(**properties: Any) -> list[str]:
    return [str(error) for error in judge({"type": "object", "properties": properties}, "s")]


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({}, "s.type: Required value: must not be empty at the root"),
        (TEXT, 's.type: Invalid value: "string": must be object at the root'),
        (
            {"type": "object", "additionalProperties": TEXT},
            "s.additionalProperties: Forbidden: must not be used at the root",
        ),
        (
            {"type": "object", "properties": {"metadata": {"type": "object", "properties": {"labels": {}}}}},
            "s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, "
            "but metadata is implicitly specified",
        ),
    ],
)
def test_the_root_is_an_object_with_metadata(schema: dict[str, Any], text: str) -> None:
    assert text in [str(error) for error in judge(schema, "s")]


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({}, ".type: Required value: must not be empty for specified object fields"),
        ({"type": "array"}, ".items: Required value: must be specified"),
        ({"type": "array", "items": {}}, ".items.type: Required value: must not be empty for specified array items"),
        ({"$ref": "#/x"}, ".$ref: Forbidden: $ref is not supported"),
        ({"type": "array", "items": [TEXT]}, ".items: Forbidden: items must be a schema object and not an array"),
        (
            {"type": "text"},
            '.type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"',
        ),
        (
            {"type": "object", "properties": {"a": TEXT}, "additionalProperties": TEXT},
            ".additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive",
        ),
        (
            {**TEXT, "pattern": "[a"},
            '.pattern: Invalid value: "[a": must be a valid regular expression, but isn\'t: '
            "error parsing regexp: missing closing ]: `[a`",
        ),
        ({"type": "object", "anyOf": [TEXT]}, ".anyOf[0].type: Forbidden: must be empty to be structural"),
        (
            {"type": "object", "x-kubernetes-preserve-unknown-fields": False},
            ".x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined",
        ),
        (
            {"type": "object", "x-kubernetes-map-type": "loose"},
            '.x-kubernetes-map-type: Unsupported value: "loose": supported values: "atomic", "granular"',
        ),
        (
            {"type": "array", "items": TEXT, "x-kubernetes-list-type": "bag"},
            '.x-kubernetes-list-type: Unsupported value: "bag": supported values: "atomic", "set", "map"',
        ),
        (
            {"type": "array", "items": {**TEXT, "nullable": True}, "x-kubernetes-list-type": "set"},
            ".items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is set",
        ),
        (
            {"type": "object", "x-kubernetes-embedded-resource": True},
            ".properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without "
            "x-kubernetes-preserve-unknown-fields",
        ),
    ],
)
def test_each_rule_has_its_words(schema: dict[str, Any], text: str) -> None:
    assert told(a=schema) == [f"s.properties[a]{text}"]


def test_keys_of_a_map_are_scalars_that_are_always_there() -> None:
    items = {"type": "object", "properties": {"id": TEXT, "more": {"type": "object"}}, "required": ["id"]}
    keys = ["id", "id", "gone", "more"]
    listed = {"type": "array", "items": items, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys}
    place, shown = "s.properties[a].x-kubernetes-list-map-keys", '["id","id","gone","more"]'
    assert told(a=listed) == [
        f"{place}: Invalid value: {shown}: must not contain duplicate entries",
        f"{place}: Invalid value: {shown}: entries must all be names of item properties",
        's.properties[a].items.properties[more].type: Invalid value: "object": must be a scalar type if parent array\'s '
        "x-kubernetes-list-type is map",
        "s.properties[a].items.properties[more].default: Required value: this property is in x-kubernetes-list-map-keys, "
        "so it must have a default or be a required property",
    ]


def test_int_or_string_may_say_what_it_is() -> None:
    either = [{"type": "integer"}, {"type": "string"}]
    assert told(a={"x-kubernetes-int-or-string": True, "anyOf": either}) == []
    assert told(a={"x-kubernetes-int-or-string": True, "allOf": [{"anyOf": either}, {"pattern": "x"}]}) == []


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (
            {"type": "integer", "default": "many"},
            '.default: Invalid value: "string":  in body must be of type integer: "string"',
        ),
        (
            {"type": "object", "default": {"x": 1}, "properties": {"y": TEXT}},
            '.default: Invalid value: {"x":1}: must not have unknown fields',
        ),
        ({"type": "object", "default": {}, "required": ["y"], "properties": {"y": TEXT}}, ".default.y: Required value"),
        ({**TEXT, "enum": ["a"], "default": "c"}, '.default: Unsupported value: "c": supported values: "a"'),
    ],
)
def test_defaults_fit_their_own_schema(schema: dict[str, Any], text: str) -> None:
    assert told(a=schema) == [f"s.properties[a]{text}"]


def test_defaults_are_not_judged_while_the_structure_is_wrong() -> None:
    assert len(told(a={"type": "integer", "default": "many"}, b={})) == 1


def test_what_is_not_structural_is_told_before_keywords_and_sorted() -> None:
    assert [text.split(": ")[0] for text in told(b={"uniqueItems": True}, a={"type": "array"})] == [
        "s.properties[a].items",
        "s.properties[b].type",
        "s.properties[b].uniqueItems",
    ]


def test_types_are_told_wherever_they_stand() -> None:
    [error, _] = told(a={"type": "string", "anyOf": [{"type": "text"}]})[::-1]
    assert error.startswith('s.properties[a].anyOf[0].type: Unsupported value: "text"')


def test_a_list_that_is_a_map_is_known_by_scalars() -> None:
    keys = {"k": {"type": "array", "items": TEXT, "nullable": True}, "free": {}}
    item = {"type": "object", "properties": keys, "nullable": True, "x-kubernetes-preserve-unknown-fields": True}
    ports = {"type": "array", "items": item, "x-kubernetes-list-type": "map"}
    errors = told(p={**ports, "x-kubernetes-list-map-keys": ["k", "z", "k"]})
    place = "s.properties[p]"
    assert errors[1:] == [
        f'{place}.items.properties[k].type: Invalid value: "object": must be a scalar type if parent array\'s '
        "x-kubernetes-list-type is map",
        f'{place}.x-kubernetes-list-map-keys: Invalid value: ["k","z","k"]: entries must all be names of item properties',
        f'{place}.items.properties[k].type: Invalid value: "object": must be a scalar type if parent array\'s '
        "x-kubernetes-list-type is map",
        f'{place}.x-kubernetes-list-map-keys: Invalid value: ["k","z","k"]: must not contain duplicate entries',
        f"{place}.items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is map",
        *[
            f"{place}.items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, "
            "so it must have a default or be a required property",
            f"{place}.items.properties[k].nullable: Forbidden: this property is in x-kubernetes-list-map-keys, "
            "so it cannot be nullable",
        ]
        * 2,
    ]


def test_the_root_may_describe_nothing_of_its_metadata_but_names() -> None:
    text = (
        "s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, "
        "but metadata is implicitly specified"
    )
    assert told(metadata={"type": "object", "description": "x"}) == [text]
    assert told(metadata={"type": "object", "properties": {"name": TEXT, "labels": {"type": "object"}}}) == [text]
    assert told(metadata={"type": "object", "properties": {"name": TEXT}}) == []


def test_what_the_head_of_a_resource_is_must_be_said() -> None:
    assert told(kind={"x-kubernetes-preserve-unknown-fields": True}) == [
        's.properties[kind].type: Invalid value: "": must be string'
    ]


def test_there_are_no_defaults_for_the_head_of_the_root() -> None:
    assert told(kind={**TEXT, "default": "X"}) == [
        "s.properties[kind].default: Forbidden: must not be set in top-level kind"
    ]


def test_an_integer_or_string_is_nothing_else() -> None:
    both = {"x-kubernetes-int-or-string": True, "x-kubernetes-preserve-unknown-fields": True}
    assert told(a=both) == [
        "s.properties[a].x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if "
        "x-kubernetes-int-or-string is true"
    ]


def test_nothing_is_said_of_metadata_in_a_combination() -> None:
    assert told(a={"type": "object", "not": {"properties": {"metadata": {}}}}) == [
        "s.properties[a].not.properties[metadata]: Forbidden: must not be specified in a nested context"
    ]


def test_a_schema_that_cannot_be_structural_says_so_when_nothing_else_is_wrong() -> None:
    [error] = judge({"type": "object", "$schema": "x"}, "s")
    assert str(error) == "s: Invalid value: \"\": OpenAPIV3Schema 'schema' is not supported"


def test_a_default_of_an_embedded_resource_is_one() -> None:
    embedded = {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
    assert told(a={**embedded, "default": {"kind": "X"}}) == ["s.properties[a].default.apiVersion: Required value"]


def test_nothing_is_unknown_in_the_default_of_a_head() -> None:
    properties = {"metadata": {"type": "object", "default": {"name": "x"}}}
    assert told(a={"type": "object", "x-kubernetes-embedded-resource": True, "properties": properties}) == []
