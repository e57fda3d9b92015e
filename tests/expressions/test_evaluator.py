"""How expressions are evaluated: names, fields, logic, macros, what goes wrong, and what it costs."""

from __future__ import annotations

import pytest

from fakekube.expressions.environment import Environment
from fakekube.expressions.evaluator import SPENT
from fakekube.expressions.programs import Budget, CompilationProblem
from fakekube.expressions.types import DYN, INT, STRING, Field, ObjectType, list_of, map_of, overload
from fakekube.expressions.values import Constructed, EvaluationProblem, Value
from tests.expressions.evaluation import problem_of, program, value_of

SELF: dict[str, Value] = {"a": 1, "items": [1, 2, 3], "nothing": None, "text": "abc", "map": {"x": 1, "y": 2}}
SPEC = ObjectType(
    "Spec",
    fields={
        "min": Field(INT, "min"),
        "max": Field(INT, "max"),
        "a__dash__b": Field(STRING, "a-b"),
        "tags": Field(list_of(STRING), "tags"),
        "inner": Field(map_of(STRING, INT), "inner"),
    },
)


def test_fields_of_objects_are_found_by_their_property() -> None:
    assert value_of("self.a__dash__b", {"self": SPEC}, self={"a-b": "x"}) == "x"
    assert value_of("has(self.a__dash__b) && !has(self.min)", {"self": SPEC}, self={"a-b": "x"})
    assert problem_of("self.a__dash__b", {"self": SPEC}, self={}) == "no such key: a__dash__b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("self.items[1]", 2),
        ("self['a']", 1),
        ("self.map['x'] + self.map.y", 3),
        ("self.items[dyn(1.0)]", 2),
        ("self.items[dyn(1u)]", 2),
        ("has(self.a) && !has(self.b) && has(self.nothing)", True),
        ("has(self.a.b)", False),
        ("self.a < 2 ? 'small' : 1 / 0 > 1 ? 'a' : 'b'", "small"),
        ("!(self.a == 1)", False),
        ("[self.a, dyn(2)]", [1, 2]),
        ("{'k': self.a}", {"k": 1}),
        ("self.text + string(self.a)", "abc1"),
        ("size(self.items) + self.text.size() + size(self.map)", 8),
        (".self.a", 1),
        ("[[1, 2], [3]][0][1]", 2),
    ],
)
def test_values_are_read_compared_and_made(text: str, expected: Value) -> None:
    assert value_of(text, self=SELF) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("self.b", "no such key: b"),
        ("self.a.b", "no such key: b"),
        ("self.nothing.b", "no such key: b"),
        ("self['b']", "no such key: b"),
        ("self.map[dyn(1)]", "no such key: 1"),
        ("self.map[dyn(true)]", "no such key: true"),
        ("self.items[3]", "index out of bounds: 3"),
        ("self.items[-1]", "index out of bounds: -1"),
        ("[1][5]", "index out of bounds: 5"),
        ("self.items['x']", "unsupported index type 'string' in list"),
        ("self.items.x", "unsupported index type 'string' in list"),
        ("has(self.items.x)", "unsupported index type 'string' in list"),
        ("self.items[1.5]", "unsupported index value 1.5 in list"),
        ("self.items[self.nothing]", "invalid qualifier type: <nil>"),
        ("{self.items: 1}", "unsupported key type: list"),
        ("{optional.of(self.items): 1}", "unsupported key type: optional_type"),
        ("self.map[?self.nothing]", "invalid qualifier type: <nil>"),
    ],
)
def test_what_is_not_there_is_a_problem(text: str, problem: str) -> None:
    assert problem_of(text, self=SELF) == problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("self.a + 'x'", "no such overload"),
        ("self.nothing + 1", "no such overload: _+_"),
        ("1 + self.nothing", "no such overload"),
        ("self.nothing < 1", "no such overload: _<_"),
        ("self.a < 'x'", "no such overload"),
        ("-self.text", "no such overload"),
        ("-self.nothing", "no such overload: -_"),
        ("!self.a", "no such overload"),
        ("self.a ? 1 : 2", "no such overload"),
        ("self.a && true", "no such overload"),
        ("true && self.a", "no such overload"),
        ("false || self.a", "no such overload"),
        ("size(self.nothing)", "no such overload: size"),
        ("self.a.size()", "no such overload: size"),
        ("self.a.matches('x')", "no such overload"),
        ("self.a.startsWith('x')", "no such overload"),
        ("self.a.charAt(1)", "no such overload: charAt(int, int)"),
        ("self.text.charAt(self.text)", "no such overload: charAt(string, string)"),
        ("1 in self.a", "no such overload"),
        ("self.a.all(x, x)", "got 'types.Int', expected iterable type"),
        ("self.nothing.map(x, x)", "got 'types.Null', expected iterable type"),
        ("self.nothing.exists(k, v, k == v)", "unsupported comprehension range type: types.Null"),
        ("self.a.optMap(x, x)", "no such overload: hasValue(int)"),
        ("self.items.all(x, x)", "no such overload"),
        ("self.items.filter(x, x)", "no such overload"),
        ("self.items.exists_one(x, x)", "no such overload"),
    ],
)
def test_values_of_the_wrong_type_are_told_as_the_server_tells_them(text: str, problem: str) -> None:
    assert problem_of(text, self=SELF) == problem


def test_a_null_where_a_type_promises_more_is_told_like_a_wrong_type() -> None:
    types = {"text": STRING, "number": INT}

    assert problem_of("text.startsWith('a')", types, text=None, number=None) == "no such overload"
    assert problem_of("number < 3", types, text=None, number=None) == "no such overload: _<_"
    assert (
        problem_of("text.split(',', number)", types, text="a", number=None)
        == "no such overload: split(string, string, null_type)"
    )
    assert problem_of("size(text)", types, text=None, number=None) == "no such overload: size"
    assert value_of("text == 'a' || number == 1", types, text=None, number=None) is False


def test_errors_of_our_own_functions_are_not_taken_for_wrong_types() -> None:
    def broken(text: str) -> int:
        raise TypeError(text)

    environment = Environment({}, [overload("broken(string): int", broken)])

    with pytest.raises(TypeError):
        environment.program("broken('a' + 'b') == 1").evaluate({})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 / 0 == 1 || true", True),
        ("true || 1 / 0 == 1", True),
        ("1 / 0 == 1 && false", False),
        ("false && 1 / 0 == 1", False),
        ("self.b || self.c || true", True),
        ("true && self.b && false && self.c", False),
        ("self.a || true", True),
        ("[0, 1].exists(x, 1 / x == 1)", True),
        ("[1, 0, 2].all(x, 2 / x > 1)", False),
        ("{'a': 0, 'b': 1}.exists(k, v, 1 / v == 1)", True),
    ],
)
def test_what_decides_makes_up_for_what_goes_wrong(text: str, expected: bool) -> None:
    assert value_of(text, self=SELF) is expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 / 0 == 1 || false", "division by zero"),
        ("false || 1 / 0 == 1", "division by zero"),
        ("1 / 0 == 1 && true", "division by zero"),
        ("self.b || self.c", "no such key: b"),
        ("self.b && true && self.c", "no such key: b"),
        ("[0, 1].all(x, 1 / x == 1)", "division by zero"),
        ("[0, 'a'].map(x, dyn(x)).exists(x, 1 / x == 2)", "division by zero"),
        ("[1, 0].map(x, 1 / x)", "division by zero"),
        ("[1, 0].exists_one(x, 1 / x == 1)", "division by zero"),
        ("[dyn(0), dyn('a')].filter(x, 1 / x == 1)", "no such overload"),
    ],
)
def test_what_goes_wrong_is_told_where_nothing_decides(text: str, problem: str) -> None:
    text = text.replace("[0, 'a'].map(x, dyn(x))", "[dyn(0), dyn('a')]")

    assert problem_of(text, self=SELF) == problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("self.items.all(x, x > 0)", True),
        ("[].all(x, 1 / 0 > x)", True),
        ("self.items.exists(x, x > 2)", True),
        ("[].exists(x, x > 2)", False),
        ("self.items.exists_one(x, x > 2)", True),
        ("self.items.exists_one(x, x > 1)", False),
        ("self.items.filter(x, x % 2 == 1)", [1, 3]),
        ("self.items.map(x, x * 2)", [2, 4, 6]),
        ("self.items.map(x, x > 1, x * 2)", [4, 6]),
        ("self.items.all(x, self.items.exists(y, y == x))", True),
        ("self.items.map(x, self.items.filter(y, y < x).size())", [0, 1, 2]),
        ("[1].map(x, [2].map(x, x))", [[2]]),
        ("[1].map(self, self)", [1]),
        ("self.map.all(k, self.map[k] > 0)", True),
        ("self.map.map(k, k)", ["x", "y"]),
        ("self.map.filter(k, self.map[k] > 1)", ["y"]),
        ("self.items.all(i, v, i + 1 == v)", True),
        ("self.map.exists(k, v, k == 'y' && v == 2)", True),
        ("self.map.existsOne(k, v, v > 1)", True),
        ("self.items.existsOne(x, x > 1)", False),
        ("self.items.transformList(i, v, i * v)", [0, 2, 6]),
        ("self.items.transformList(i, v, i > 0, i * v)", [2, 6]),
        ("self.map.transformList(k, v, k + string(v))", ["x1", "y2"]),
        ("self.map.transformMap(k, v, v + 1)", {"x": 2, "y": 3}),
        ("self.map.transformMap(k, v, v > 1, v + 1)", {"y": 3}),
        ("['a', 'b'].transformMap(i, v, v)", {0: "a", 1: "b"}),
        ("self.map.transformMapEntry(k, v, {v: k})", {1: "x", 2: "y"}),
        ("self.map.transformMapEntry(k, v, v > 1, {v: k})", {2: "y"}),
    ],
)
def test_macros_go_through_lists_and_maps(text: str, expected: Value) -> None:
    assert value_of(text, self=SELF) == expected


def test_a_key_is_made_only_once() -> None:
    assert problem_of("['a', 'a'].transformMapEntry(i, v, {v: i})") == "insert failed: key a already exists"


def test_objects_are_made_with_the_name_of_their_type() -> None:
    metadata = ObjectType("Object.metadata", fields={"labels": Field(map_of(STRING, STRING), "labels")})
    root = ObjectType("Object", fields={"metadata": Field(metadata, "metadata"), "a__dot__b": Field(INT, "a.b")})
    environment = Environment({}, object_types={"Object": root, "Object.metadata": metadata})

    made = environment.program(
        "Object{metadata: Object.metadata{labels: {'a': 'b'}}, ?a__dot__b: optional.of(1)}"
    ).evaluate({})

    assert made == {"metadata": {"labels": {"a": "b"}}, "a.b": 1}
    assert isinstance(made, Constructed)
    assert (made.type_name, made["metadata"].type_name) == ("Object", "Object.metadata")


def test_functions_of_namespaces_and_members_are_called() -> None:
    functions = [
        overload("words.count(string): int", lambda text: len(text.split())),
        overload("string.twice(): string", lambda text: text * 2),
        overload("list(int).total(): int", sum),
        overload("list(string).total(): string", "".join),
    ]
    environment = Environment({"self": DYN}, functions)

    assert environment.program("words.count('a b'.twice())").evaluate({}) == 3
    assert environment.program("self.total()").evaluate({"self": [1, 2]}) == 3
    assert environment.program("self.total()").evaluate({"self": ["a", "b"]}) == "ab"
    with pytest.raises(EvaluationProblem, match=r"no such overload: total\(string\)"):
        environment.program("self.total()").evaluate({"self": "x"})


def test_calls_of_constants_are_made_once() -> None:
    calls: list[str] = []

    def note(text: str) -> str:
        calls.append(text)
        return text

    environment = Environment({}, [overload("noted(string): string", note)])

    noted = environment.program("noted('a') == 'a' && noted('a').size() == 1")
    assert [noted.evaluate({}) for _ in range(3)] == [True] * 3

    assert calls == ["a", "a"]


def test_variables_may_be_made_when_they_are_asked_for() -> None:
    class Lazy(dict[str, Value]):
        def __missing__(self, key: str) -> Value:
            if key != "late":
                raise KeyError(key)
            return 7

        def __contains__(self, key: object) -> bool:
            return key == "late"

    types = {"variables": map_of(STRING, DYN)}

    assert value_of("variables.late + variables['late']", types, variables=Lazy()) == 14
    assert value_of("has(variables.late) && !has(variables.other)", types, variables=Lazy())
    assert problem_of("variables.other", types, variables=Lazy()) == "no such key: other"


def test_a_variable_that_is_not_given_is_a_problem() -> None:
    compiled = program("self.a == 1", {"self": DYN})

    with pytest.raises(EvaluationProblem, match=r"^no such attribute\(s\): self$"):
        compiled.evaluate({})


def test_depth_is_a_problem_and_no_crash() -> None:
    deep: Value = []
    for _ in range(100_000):
        deep = [deep]
    other: Value = []
    for _ in range(100_000):
        other = [other]

    assert problem_of("first == second", first=deep, second=other) == "expression recursion limit exceeded: 250"
    with pytest.raises(CompilationProblem, match="recursion"):
        program("[" * 1000 + "]" * 1000)


def test_several_programs_draw_on_one_budget() -> None:
    budget = Budget(7)
    compiled = program("self.a == 1", variables={"self": SELF})

    compiled.evaluate({"self": SELF}, budget)
    compiled.evaluate({"self": SELF}, budget)

    assert budget.left == 1
    with pytest.raises(EvaluationProblem, match=f"^{SPENT}$"):
        compiled.evaluate({"self": SELF}, budget)


@pytest.mark.parametrize(
    "text",
    [
        "self.all(x, x >= 0)",
        "self.all(x, x >= 0) || true",
        "self.exists(x, x < 0) || self.map(x, x).size() > 0 || true",
        "self.map(x, x).size() > 0",
        "self.filter(x, x >= 0).size() > 0",
        "self.exists_one(x, x == 5)",
        "self.transformMap(i, x, x).size() > 0",
    ],
)
def test_nothing_makes_up_for_a_budget_that_is_spent(text: str) -> None:
    items = list(range(1000))

    with pytest.raises(EvaluationProblem, match=f"^{SPENT}$"):
        program(text, variables={"self": items}).evaluate({"self": items}, Budget(500))


def test_a_loop_stops_when_the_budget_is_spent() -> None:
    seen: list[int] = []

    def see(item: int) -> bool:
        seen.append(item)
        return True

    environment = Environment({"self": DYN}, [overload("seen(int): bool", see)])

    with pytest.raises(EvaluationProblem, match=f"^{SPENT}$"):
        environment.program("self.all(x, seen(x))").evaluate({"self": list(range(1000))}, Budget(100))

    assert len(seen) < 100
