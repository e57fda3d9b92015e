from __future__ import annotations

from typing import Any

import pytest

from fakekube.expressions.schema_types import Declaration, declaration
from fakekube.expressions.schema_values import converter, mistake
from fakekube.expressions.values import Duration, MapList, SetList, Timestamp

DURATION = {"type": "string", "format": "duration"}
NUMBER = {"type": "number"}
TEXT = {"type": "string"}


def declared(schema: dict[str, Any]) -> Declaration:
    found = declaration(schema)
    assert found is not None
    return found


def value_of(value: Any, schema: dict[str, Any]) -> Any:
    convert = converter(declared(schema))
    assert convert is not None
    return convert(value)


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    "schema",
    [
        TEXT,
        {"type": "integer"},
        {"x-kubernetes-int-or-string": True},
        an_object(a=TEXT, b={"type": "array", "items": {"type": "boolean"}}),
        {"type": "object", "additionalProperties": {"type": "array", "items": an_object(a=TEXT)}},
    ],
)
def test_most_parts_of_objects_are_values_already(schema: dict[str, Any]) -> None:
    assert converter(declared(schema)) is None


@pytest.mark.parametrize(
    ("schema", "given", "value"),
    [
        (DURATION, "90s", Duration(90 * 10**9)),
        ({"type": "string", "format": "date-time"}, "1970-01-01T00:00:01Z", Timestamp(10**9)),
        ({"type": "string", "format": "date"}, "1970-01-02", Timestamp(86_400 * 10**9)),
        ({"type": "string", "format": "byte"}, "YWI=", b"ab"),
        ({"type": "array", "items": DURATION}, ["1s"], [Duration(10**9)]),
        ({"type": "object", "additionalProperties": DURATION}, {"a": "1s"}, {"a": Duration(10**9)}),
        (an_object(a=an_object(b=DURATION)), {"a": {"b": "1s"}, "c": 1}, {"a": {"b": Duration(10**9)}, "c": 1}),
    ],
)
def test_texts_of_some_formats_are_values_of_other_types(schema: dict[str, Any], given: Any, value: Any) -> None:
    assert value_of(given, schema) == value


def test_numbers_are_doubles_however_they_are_written() -> None:
    found = value_of({"a": 1, "b": 1}, an_object(a=NUMBER, b={"type": "integer"}))
    assert (type(found["a"]), type(found["b"])) == (float, int)


def test_lists_that_are_sets_or_maps_are_told_from_others() -> None:
    assert type(value_of(["a"], {"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"})) is SetList
    by_name = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    found = value_of(
        [{"name": "a", "wait": "1s"}], {"type": "array", "items": an_object(name=TEXT, wait=DURATION), **by_name}
    )
    assert type(found) is MapList
    assert found.keys == ("name",)
    assert found == [{"name": "a", "wait": Duration(10**9)}]


def test_fields_that_are_null_are_missing() -> None:
    nullable = {"type": "string", "nullable": True}
    assert value_of({"a": None, "b": "x"}, an_object(a=nullable, b=nullable)) == {"b": "x"}


def test_objects_themselves_are_left_as_they_are() -> None:
    given = {"a": 1, "b": ["1s"]}
    value_of(given, an_object(a=NUMBER, b={"type": "array", "items": DURATION}))
    assert given == {"a": 1, "b": ["1s"]}
    assert type(given["a"]) is int


@pytest.mark.parametrize(
    ("schema", "given"),
    [
        (DURATION, "soon"),
        (DURATION, 5),
        (NUMBER, "x"),
        ({"type": "array", "items": DURATION}, "1s"),
        (an_object(a=NUMBER), [1]),
    ],
)
def test_what_is_of_another_type_stays_what_it_is(schema: dict[str, Any], given: Any) -> None:
    assert value_of(given, schema) == given


@pytest.mark.parametrize(
    ("schema", "given", "text"),
    [
        (TEXT, 5, "invalid data, expected string, got int64"),
        ({"type": "integer"}, "x", "invalid data, expected int, got string"),
        ({"type": "integer"}, True, "invalid data, expected int, got bool"),
        (NUMBER, [], "invalid data, expected float, got []interface {}"),
        ({"type": "boolean"}, {}, "invalid data, expected bool, got map[string]interface {}"),
        (TEXT, None, "invalid data, got null for schema with nullable=false"),
        (
            {"type": "array", "items": TEXT},
            "x",
            "invalid data, expected an array for the provided schema with type=array",
        ),
        (an_object(a=TEXT), "x", "invalid data, expected a map for the provided schema with type=object"),
        (an_object(a=TEXT), {"b": 1, "a": 5}, "invalid data, expected string, got int64"),
        ({"type": "object", "additionalProperties": TEXT}, {"x": 5}, "invalid data, expected string, got int64"),
        ({"type": "array", "items": TEXT}, ["a", 5], "invalid data, expected string, got int64"),
        (
            {"x-kubernetes-int-or-string": True},
            1.5,
            "invalid data, expected XIntOrString value to be either a string or integer",
        ),
        ({"type": "string", "format": "date"}, "soon", "Invalid date formatted string soon"),
        (DURATION, "soon", "Invalid duration soon: unable to parse soon as duration"),
    ],
)
def test_what_is_of_another_type_is_found(schema: dict[str, Any], given: Any, text: str) -> None:
    assert mistake(given, declared(schema)) == text


@pytest.mark.parametrize(
    ("schema", "given"),
    [
        (TEXT, "x"),
        (NUMBER, 1),
        (NUMBER, 1.5),
        ({"type": "string", "nullable": True}, None),
        (DURATION, "1s"),
        ({"x-kubernetes-int-or-string": True}, "50%"),
        (an_object(a=TEXT), {"a": "x", "more": 5}),
    ],
)
def test_in_what_is_of_its_type_nothing_is_found(schema: dict[str, Any], given: Any) -> None:
    assert mistake(given, declared(schema)) is None
