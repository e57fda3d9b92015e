"""Whether the types of expressions fit together; the texts and places of problems are those of cel-go."""

from __future__ import annotations

import pytest

from fakekube.expressions.environment import Checked, CompilationProblem, Environment
from fakekube.expressions.types import (
    BOOL,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    Field,
    ObjectType,
    Type,
    list_of,
    map_of,
    optional_of,
    overload,
    parsed,
)

METADATA = ObjectType("Object.metadata", (), {"labels": Field(map_of(STRING, STRING), "labels")})
OBJECT = ObjectType("Object", (), {"metadata": Field(METADATA, "metadata"), "replicas": Field(INT, "replicas")})
ENVIRONMENT = Environment(
    {
        "i": INT,
        "u": UINT,
        "s": STRING,
        "b": BOOL,
        "x": DYN,
        "n": NULL,
        "t": TIMESTAMP,
        "li": list_of(INT),
        "ls": list_of(STRING),
        "m": map_of(STRING, INT),
        "oi": optional_of(INT),
        "self": OBJECT,
        "a.b": INT,
    },
    (
        overload("sets.contains(list(A), list(A)): bool"),
        overload("quantity(string): kubernetes.Quantity"),
        overload("kubernetes.Quantity.sign(): int"),
    ),
    {"Object": OBJECT, "Object.metadata": METADATA},
)


def checked(text: str) -> Checked:
    return ENVIRONMENT.checked(text)


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(CompilationProblem) as caught:
        checked(text)
    return [(problem.place, problem.message) for problem in caught.value.problems]


def no_overload(function: str, applied: str) -> str:
    return f"found no matching overload for '{function}' applied to '{applied}'"


def mismatch(wanted: str, found: str) -> str:
    return f"expected type '{wanted}' but found '{found}'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i", "int"),
        ("1 < 1.5", "bool"),
        ("self.replicas + 1", "int"),
        ("self.metadata.labels.a", "string"),
        ("a.b", "int"),
        ("x.y.z", "dyn"),
        ("x + x", "dyn"),
        ("x + 1", "int"),
        ("x == 1", "bool"),
        ("[]", "list(dyn)"),
        ("[[], [1]]", "list(list(int))"),
        ("{'a': [1]}", "map(string, list(int))"),
        ("b ? li : []", "list(int)"),
        ("[] + li", "list(int)"),
        ("li[0]", "int"),
        ("li[?0]", "optional_type(int)"),
        ("m.?a", "optional_type(int)"),
        ("oi.orValue(1)", "int"),
        ("optional.none()", "optional_type(dyn)"),
        ("[?oi]", "list(int)"),
        ("{?'a': oi}", "map(string, int)"),
        ("type(i) == int", "bool"),
        ("type(type(1))", "type(type(int))"),
        ("google.protobuf.Timestamp", "type(timestamp)"),
        ("quantity('1').sign()", "int"),
        ("quantity('1') == null", "bool"),
        ("t == null", "bool"),
        ("b ? t : null", "timestamp"),
        ("sets.contains(li, [])", "bool"),
        ("li.all(e, e > 0)", "bool"),
        ("li.exists_one(e, e > 0)", "bool"),
        ("li.filter(e, e > 0)", "list(int)"),
        ("ls.map(e, e.size())", "list(int)"),
        ("m.map(k, m[k] > 1, k)", "list(string)"),
        ("ls.transformList(p, e, p)", "list(int)"),
        ("ls.transformMap(p, e, e)", "map(int, string)"),
        ("ls.transformMapEntry(p, e, {e: p})", "map(string, int)"),
        ("oi.optMap(e, string(e))", "optional_type(string)"),
        ("oi.optFlatMap(e, m[?string(e)])", "optional_type(int)"),
        ("Object{metadata: Object.metadata{labels: {'a': 'b'}}, replicas: 1}", "Object"),
        ("has(self.metadata)", "bool"),
    ],
)
def test_an_expression_has_the_type_of_its_value(text: str, expected: str) -> None:
    assert str(checked(text).type) == expected


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("nothing.here == 1", 0, "undeclared reference to 'nothing' (in container '')"),
        ("s.capitalise()", 12, "undeclared reference to 'capitalise' (in container '')"),
        ("self.b > 1", 4, "undefined field 'b'"),
        ("has(self.b)", 3, "undefined field 'b'"),
        ("li.a", 2, "type 'list(int)' does not support field selection"),
        ("n.a", 1, "type 'null' does not support field selection"),
        ("oi.?a", 2, "type 'int' does not support field selection"),
        ("quantity('1').a", 13, "unexpected failed resolution of 'kubernetes.Quantity'"),
        ("i > 'x'", 2, no_overload("_>_", "(int, string)")),
        ("i == null", 2, no_overload("_==_", "(int, null)")),
        ("i + u", 2, no_overload("_+_", "(int, uint)")),
        ("!i", 0, no_overload("!_", "(int)")),
        ("s.size(1)", 6, no_overload("size", "string.(int)")),
        ("m[0]", 1, no_overload("_[_]", "(map(string, int), int)")),
        ("1 in ls", 2, no_overload("@in", "(int, list(string))")),
        ("li == ls", 3, no_overload("_==_", "(list(int), list(string))")),
        ("b ? 1 : 'a'", 2, no_overload("_?_:_", "(bool, int, string)")),
        ("sets.contains(li, ls)", 13, no_overload("sets.contains", "(list(int), list(string))")),
        ("oi.orValue('a')", 10, no_overload("orValue", "optional_type(int).(string)")),
        ("b && i", 5, mismatch("bool", "int")),
        ("[1, 'a']", 4, mismatch("int", "string")),
        ("[1, x]", 4, mismatch("int", "dyn")),
        ("{'a': 1, 'b': 's'}", 14, mismatch("int", "string")),
        ("{'a': 1, 2: 2}", 9, mismatch("string", "int")),
        ("[?1]", 2, mismatch("optional_type(int)", "int")),
        ("X{a: 1}", 1, "undeclared reference to 'X' (in container '')"),
        ("Object{a: 1}", 8, "undefined field 'a'"),
        ("Object{replicas: 'a'}", 15, "expected type of field 'replicas' is 'int' but provided type is 'string'"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(text: str, place: int, expected: str) -> None:
    assert problems(text) == [(place, expected)]


REFUSED_TEXT = (
    "error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, "
    "durations, and timestamps, was given optional_type"
)
RANGE = "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i.all(e, true)", [(0, RANGE)]),
        ("li.all(e, e)", [(10, mismatch("bool", "int"))]),
        ("li.exists_one(e, e)", [(13, no_overload("_?_:_", "(int, int, int)"))]),
        ("li.filter(e, 1)", [(9, no_overload("_?_:_", "(int, list(int), list(int))"))]),
        ("li.map(e, e, 's')", [(6, no_overload("_?_:_", "(int, list(string), list(string))"))]),
        ("ls.transformMapEntry(p, e, 1)", [(20, no_overload("cel.@mapInsert", "(map(dyn, dyn), int)"))]),
        ("x.optFlatMap(e, 1)", [(12, no_overload("_?_:_", "(bool, int, optional_type(dyn))"))]),
        ("i.optMap(e, e)", [(8, no_overload("hasValue", "int.()")), (8, no_overload("value", "int.()"))]),
        ("li.all(e, true) && e", [(19, "undeclared reference to 'e' (in container '')")]),
    ],
)
def test_macros_say_what_the_loops_that_they_stand_for_say(text: str, expected: list[tuple[int, str]]) -> None:
    assert problems(text) == expected


def test_all_problems_are_told_in_the_order_of_their_places() -> None:
    found = problems("y + (1 && 's') + self.b")

    assert [place for place, _ in found] == [0, 5, 10, 21]


def test_what_was_found_wrong_once_fits_everywhere() -> None:
    assert len(problems("nothing.a + 1 > 's'.size() && nothing")) == 2


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("timestamp('x')", 10, "invalid timestamp argument"),
        ("duration('1')", 9, "invalid duration argument"),
        ("s.matches('(')", 10, "invalid matches argument"),
        (
            "'%d'.format(['a'])",
            13,
            "error during formatting: decimal clause can only be used on integers, was given string",
        ),
        (
            "'%s'.format([[oi]])",
            14,
            REFUSED_TEXT,
        ),
        ("'%s'.format(['a', 1])", 11, "too many arguments supplied to string.format (expected 1, got 2)"),
        ("'%d %d'.format([1])", 14, "index 1 out of range"),
        ("'%q'.format([1])", 11, 'could not parse formatting clause: unrecognized formatting clause "q"'),
    ],
)
def test_literals_that_a_function_cannot_take_are_told(text: str, place: int, expected: str) -> None:
    assert problems(text) == [(place, expected)]


@pytest.mark.parametrize(
    "text",
    [
        "timestamp('2024-01-01T00:00:00Z')",
        "duration('1h')",
        "s.matches(s)",
        "'%s %d'.format(['a', 1])",
        "'%d'.format([x])",
        "'%d'.format(li)",
    ],
)
def test_literals_that_it_can_take_are_not(text: str) -> None:
    assert checked(text).text == text


def test_only_variables_of_the_environment_are_read() -> None:
    found = checked("li.all(i, i > a.b) && has(self.replicas)")

    assert found.variables == {"li", "a.b", "self"}


def test_names_with_dots_are_variables_functions_or_types() -> None:
    found = checked("sets.contains([.a.b], li)")

    assert sorted(found.references.values()) == ["a.b", "li", "sets"]


def test_a_call_means_the_overloads_that_its_arguments_leave() -> None:
    of_known, of_dyn = checked("i + 1"), checked("x + x")

    known, any_ = of_known.overloads[id(of_known.node)], of_dyn.overloads[id(of_dyn.node)]
    assert [str(candidate.result) for candidate in known] == ["int"]
    assert {str(candidate.result) for candidate in any_} >= {"int", "string", "duration"}


def test_every_node_has_a_type_and_none_is_left_open() -> None:
    found = checked("[].map(e, [e, 1][0])")

    assert {str(type_) for type_ in found.types.values()} <= {"list(dyn)", "dyn", "int", "list(int)"}


def test_what_is_nested_too_deeply_is_told_as_a_whole() -> None:
    text = "[" * 249 + "]" * 249

    with pytest.raises(CompilationProblem, match="recursion limit exceeded: 250"):
        checked(text + " == 1")


@pytest.mark.parametrize(
    ("type_", "shown", "in_full"),
    [
        ("null_type", "null", "null_type"),
        ("list(timestamp)", "list(timestamp)", "list(google.protobuf.Timestamp)"),
        ("map(string, dyn)", "map(string, dyn)", "map(string, dyn)"),
    ],
)
def test_types_have_a_name_for_compilers_and_one_in_full(type_: str, shown: str, in_full: str) -> None:
    found: Type = parsed(type_)

    assert (str(found), found.in_full) == (shown, in_full)
