from __future__ import annotations

from typing import Any

import pytest

from fakekube.expressions.schema_types import LARGEST_REQUEST, Declaration, declaration, escape
from fakekube.expressions.types import ObjectType

TEXT = {"type": "string"}


def declared(schema: dict[str, Any], *, is_resource: bool = False) -> Declaration:
    found = declaration(schema, is_resource=is_resource)
    assert found is not None
    return found


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("schema", "type_"),
    [
        ({"type": "boolean"}, "bool"),
        ({"type": "integer", "format": "int32"}, "int"),
        ({"type": "number"}, "double"),
        (TEXT, "string"),
        ({"type": "string", "format": "byte"}, "bytes"),
        ({"type": "string", "format": "date"}, "timestamp"),
        ({"type": "string", "format": "date-time"}, "timestamp"),
        ({"type": "string", "format": "duration"}, "duration"),
        ({"type": "string", "format": "ipv4"}, "string"),
        ({"x-kubernetes-int-or-string": True}, "dyn"),
        ({"type": "array", "items": {"type": "integer"}}, "list(int)"),
        ({"type": "object", "additionalProperties": {"type": "array", "items": TEXT}}, "map(string, list(string))"),
        (an_object(a=TEXT), "selfType"),
    ],
)
def test_each_schema_has_its_type(schema: dict[str, Any], type_: str) -> None:
    assert str(declared(schema).type) == type_


@pytest.mark.parametrize(
    "schema",
    [
        {"x-kubernetes-preserve-unknown-fields": True},
        {"type": "array", "items": {"x-kubernetes-preserve-unknown-fields": True}},
        {"type": "object", "additionalProperties": {"x-kubernetes-preserve-unknown-fields": True}},
    ],
)
def test_what_no_type_is_known_of_is_not_declared(schema: dict[str, Any]) -> None:
    assert declaration(schema) is None
    assert not declared(an_object(a=schema)).properties


def test_objects_have_their_fields_by_names_that_expressions_can_spell() -> None:
    found = declared(an_object(**{"a-b": TEXT, "x y": TEXT}))
    assert isinstance(found.type, ObjectType)
    assert {name: field.name for name, field in found.type.fields.items()} == {"a__dash__b": "a-b"}
    assert list(found.fields) == ["a__dash__b"]
    assert list(found.properties) == ["a-b", "x y"]


def test_types_within_are_called_by_where_they_are() -> None:
    inner = an_object(a=TEXT)
    found = declared(an_object(one=inner, more={"type": "array", "items": inner}))
    assert str(found.fields["one"].type) == "selfType.one"
    assert str(found.fields["more"].type) == "list(selfType.more.@idx)"


@pytest.mark.parametrize("is_embedded", [False, True])
def test_resources_have_names_whatever_their_schema_says(is_embedded: bool) -> None:
    labels = {"type": "object", "additionalProperties": TEXT}
    schema = an_object(spec=TEXT, metadata=an_object(labels=labels))
    if is_embedded:
        found = declared(an_object(pod={**schema, "x-kubernetes-embedded-resource": True})).fields["pod"]
    else:
        found = declared(schema, is_resource=True)
    assert set(found.fields) == {"spec", "kind", "apiVersion", "metadata"}
    assert set(found.fields["metadata"].fields) == {"name", "generateName"}


def test_a_schema_that_is_about_all_names_of_a_resource_is_taken_at_its_word() -> None:
    metadata = an_object(name={"type": "string", "maxLength": 3}, generateName=TEXT)
    found = declared(an_object(kind=TEXT, apiVersion=TEXT, metadata=metadata), is_resource=True)
    assert found.fields["metadata"].fields["name"].largest == 12


@pytest.mark.parametrize(
    ("schema", "largest", "smallest"),
    [
        (TEXT, LARGEST_REQUEST - 2, 2),
        ({"type": "string", "maxLength": 5}, 20, 2),
        ({"type": "string", "enum": ["a", "abc"]}, 3, 2),
        ({"type": "string", "format": "byte", "maxLength": 5}, 5, 2),
        ({"type": "string", "format": "date-time", "maxLength": 5}, 32, 21),
        ({"type": "array", "items": TEXT}, (LARGEST_REQUEST - 2) // 3, 2),
        ({"type": "array", "items": TEXT, "maxItems": 7}, 7, 2),
        ({"type": "object", "additionalProperties": TEXT}, (LARGEST_REQUEST - 2) // 8, 2),
        ({**an_object(ab={"type": "integer"}, c=TEXT), "required": ["ab"]}, 0, 2 + 2 + 1 + 4),
        ({**an_object(ab={"type": "integer", "default": 1}), "required": ["ab"]}, 0, 2),
        ({"x-kubernetes-int-or-string": True}, LARGEST_REQUEST - 2, 1),
    ],
)
def test_schemas_say_how_large_values_can_be(schema: dict[str, Any], largest: int, smallest: int) -> None:
    found = declared(schema)
    assert (found.largest, found.smallest) == (largest, smallest)


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("replicas", "replicas"),
        ("a_b", "a_b"),
        ("a__b", "a__underscores__b"),
        ("a.b/c-d", "a__dot__b__slash__c__dash__d"),
        ("namespace", "__namespace__"),
        ("namespaces", "namespaces"),
        ("true", "__true__"),
        ("1st", None),
        ("x y", None),
        ("ä", None),
        ("", None),
    ],
)
def test_names_are_escaped_where_expressions_could_not_spell_them(name: str, escaped: str | None) -> None:
    assert escape(name) == escaped
