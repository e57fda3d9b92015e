"""Values that may be missing."""

from __future__ import annotations

import pytest

from fakekube.expressions.types import STRING, list_of, map_of
from fakekube.expressions.values import NONE, Optional, Value
from tests.expressions.evaluation import problem_of, value_of

SELF = {"a": {"b": 1, "nothing": None}, "items": [1, 2]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("self.?a.b.orValue(0)", 1),
        ("self.?a.?b.orValue(0)", 1),
        ("self.?c.b.d.orValue(0)", 0),
        ("self.a.?c.orValue(0)", 0),
        ("self.a.?nothing.hasValue()", True),
        ("self[?'a'].b.value()", 1),
        ("self.items[?5].orValue(9)", 9),
        ("self.items[?1].orValue(9)", 2),
        ("self.?items[0].value()", 1),
        ("self.?missing[0].hasValue()", False),
        ("self.?items[7].hasValue()", False),
        ("self.a.b.?c.hasValue()", False),
        ("has(self.?a.b)", True),
        ("has(self.?c.b)", False),
        ("optional.of(1).or(optional.of(2)).value()", 1),
        ("optional.none().or(optional.of(2)).value()", 2),
        ("self.?a.?b.optMap(x, x + 1).value()", 2),
        ("self.?c.optMap(x, x + 1).hasValue()", False),
        ("self.?a.?b.optFlatMap(x, x > 1 ? optional.of(x) : optional.none()).hasValue()", False),
        ("[dyn(1), ?self.?missing, ?self.a.?b]", [1, 1]),
        ("{'x': dyn(1), ?'y': self.?missing, ?'z': self.a.?b}", {"x": 1, "z": 1}),
        ("optional.unwrap([optional.of(1), optional.none()])", [1]),
        ("[optional.of(1), optional.none()].unwrapOpt()", [1]),
        ("[3, 4].first().value() + [3, 4].last().value()", 7),
        ("[].first().hasValue()", False),
        ("optional.none() == optional.none()", True),
        ("optional.of(null) == optional.none()", False),
    ],
)
def test_what_is_missing_is_no_problem_where_a_question_mark_stands(text: str, expected: Value) -> None:
    assert value_of(text, self=SELF) == expected


@pytest.mark.parametrize("zero", ["0", "0u", "0.0", "''", "b''", "[]", "{}", "false", "null", "duration('0s')"])
def test_of_non_zero_value_takes_no_zero(zero: str) -> None:
    assert value_of(f"optional.ofNonZeroValue({zero})") is NONE


@pytest.mark.parametrize("value", ["1", "'a'", "[0]", "true", "timestamp(0)"])
def test_of_non_zero_value_takes_all_else(value: str) -> None:
    assert isinstance(value_of(f"optional.ofNonZeroValue({value}).value()"), object)
    assert value_of(f"optional.ofNonZeroValue({value}).hasValue()")


def test_types_that_are_known_go_through_optionals() -> None:
    types = {"labels": map_of(STRING, STRING), "names": list_of(STRING)}

    assert value_of("labels.?a.orValue('') + labels[?'b'].orValue('')", types, labels={"a": "x"}, names=[]) == "x"
    assert value_of("names[?0]", types, labels={}, names=["n"]) == Optional("n")


def test_a_missing_value_cannot_be_taken_out() -> None:
    assert problem_of("optional.none().value()") == "optional.none() dereference"


def test_the_other_value_is_looked_at_only_where_it_is_needed() -> None:
    assert value_of("optional.of(1).orValue(1 / 0)") == 1
    assert value_of("optional.of(1).or(optional.of(1 / 0)).value()") == 1
    assert problem_of("optional.none().orValue(1 / 0)") == "division by zero"


def test_what_is_no_optional_has_a_value() -> None:
    assert value_of("dyn(1).orValue(2)") == 1
    assert value_of("dyn(3).or(optional.none())") == 3


def test_an_entry_that_may_be_missing_has_to_be_optional() -> None:
    assert problem_of("[?dyn(1)]") == "cannot initialize optional entry from non-optional value 1"
