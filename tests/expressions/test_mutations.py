from __future__ import annotations

from typing import Any

import pytest

from fakekube.expressions import mutations
from fakekube.expressions.admission_environments import Composition
from fakekube.expressions.environment import CompilationProblem
from fakekube.expressions.mutations import MutationError
from fakekube.expressions.types import Type
from fakekube.expressions.values import EvaluationProblem


def type_of(text: str) -> Type:
    return Composition(has_params=False, has_variables=False, **mutations.BESIDES).program(text).checked.type


def value_of(text: str, obj: Any = None) -> Any:
    program = Composition(has_params=False, has_variables=False, **mutations.BESIDES).program(text)
    return program.evaluate({"object": obj})


def part(text: str) -> Any:
    return mutations.part_of(value_of(text))


def operation(fields: str, obj: Any = None) -> Any:
    (made,) = mutations.operations_of(value_of(f"[JSONPatch{{{fields}}}]", obj))
    return made


def test_a_part_of_an_object_has_any_field() -> None:
    assert type_of("Object{spec: Object.spec{whatever: [1], replicas: 3}}") == mutations.OBJECT
    assert part("Object{spec: Object.spec{whatever: [1], replicas: 3}}") == {"spec": {"whatever": [1], "replicas": 3}}


@pytest.mark.parametrize("text", ["[JSONPatch{op: 'remove', path: '/a'}]", "true ? [JSONPatch{op: 'remove'}] : []"])
def test_a_patch_is_a_list_of_operations(text: str) -> None:
    assert type_of(text) == mutations.PATCH


@pytest.mark.parametrize("text", ["[]", "[1]", "JSONPatch{}", "[Object{}]"])
def test_other_lists_are_no_patch(text: str) -> None:
    assert type_of(text) != mutations.PATCH


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Objects{}", "undeclared reference to 'Objects'"),
        ("[JSONPatch{whatever: 1}]", "undefined field 'whatever'"),
        ("[JSONPatch{op: 1}]", "expected type of field 'op' is 'string' but provided type is 'int'"),
        ("Object{metadata: Object.metadata{labels: {'a': 'x', 'b': 1}}}", "expected type 'string' but found 'int'"),
    ],
)
def test_what_cannot_be_made_does_not_compile(text: str, problem: str) -> None:
    with pytest.raises(CompilationProblem) as refusal:
        type_of(text)

    assert problem in str(refusal.value)


def test_objects_in_objects_are_of_the_type_of_their_place() -> None:
    with pytest.raises(MutationError) as refusal:
        part("Object{spec: Object.spec{template: Object.spec.wrong{containers: [Object.spec.containers{}]}}}")

    told = 'unexpected type name "{}", expected "{}", which matches field name path from root Object type'
    wrong = told.format("Object.spec.wrong", "Object.spec.template")
    beyond = told.format("Object.spec.containers", "Object.spec.template.containers")
    assert str(refusal.value) == f"type mismatch: {wrong}\n{beyond}"


def test_lists_and_maps_on_the_way_to_an_object_have_no_name() -> None:
    assert part("Object{items: {'a': [Object.items{b: 'c'}]}}") == {"items": {"a": [{"b": "c"}]}}


def test_a_map_with_other_keys_than_texts_is_no_part_of_an_object() -> None:
    with pytest.raises(MutationError, match=r"^invalid return type: \*dynamic\.ObjectVal$"):
        part("Object{data: {1: 'x'}}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'x'", "x"),
        ("3", 3),
        ("3u", 3),
        ("2.0", 2),
        ("2.5", 2.5),
        ("9007199254740993", "9007199254740993"),
        ("null", None),
        ("b'abc'", "YWJj"),
        ("duration('90s')", "90s"),
        ("timestamp('2026-01-02T03:04:05Z')", "2026-01-02T03:04:05Z"),
        ("{'a': [1]}", {"a": [1]}),
        ("Object.spec{a: Object.spec.a{}}", {"a": {}}),
    ],
)
def test_values_of_a_patch_are_json(text: str, value: Any) -> None:
    made = operation(f"op: 'add', path: '/a', value: {text}")

    assert made == {"op": "add", "path": "/a", "value": value}
    assert type(made["value"]) is type(value)


def test_an_operation_says_no_more_than_it_was_made_of() -> None:
    assert operation("op: 'move', from: '/a', path: '/b'") == {"op": "move", "from": "/a", "path": "/b"}
    assert operation("op: 'remove', path: '/a'") == {"op": "remove", "path": "/a"}


def test_what_has_no_json_is_no_value_of_a_patch() -> None:
    text = "JSONPath valueExpression evaluated to a type that could not marshal to JSON"
    with pytest.raises(MutationError, match=text):
        operation("op: 'add', path: '/a', value: quantity('1')")


def test_an_operation_is_made_of_texts() -> None:
    with pytest.raises(EvaluationProblem, match=r"^unexpected type int64 for JSONPatchType 'path' field$"):
        operation("op: 'add', path: object.n", {"n": 1})


def test_slashes_and_tildes_of_keys_are_escaped_in_paths() -> None:
    assert value_of("'/metadata/labels/' + jsonpatch.escapeKey('a~b/c')") == "/metadata/labels/a~0b~1c"
