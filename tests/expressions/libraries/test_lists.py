"""Functions of lists."""

from __future__ import annotations

import pytest

from fakekube.expressions.libraries.lists import numbers_below
from fakekube.expressions.types import DYN
from fakekube.expressions.values import EvaluationProblem, Unsigned
from tests.expressions.libraries.evaluation import problem_of, value_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1, 2, 2].isSorted()", True),
        ("['b', 'a'].isSorted()", False),
        ("[].isSorted()", True),
        ("[true, false].isSorted()", False),
        ("[1.0, 0.0 / 0.0, 0.5].isSorted()", True),
        ("[1, 3].sum()", 4),
        ("[1.5, 2.0].sum()", 3.5),
        ("[].sum()", 0),
        ("[duration('1h'), duration('1s')].sum() == duration('1h0m1s')", True),
        ("[1, 3, 2].max()", 3),
        ("[b'a', b'b'].min() == b'a'", True),
        ("['b', 'a'].min()", "a"),
        ("[timestamp('2024-01-01T00:00:00Z')].max() == timestamp('2024-01-01T00:00:00Z')", True),
        ("[1, 2, 2, 3].indexOf(2)", 1),
        ("['a', 'b', 'b'].lastIndexOf('b')", 2),
        ("[1.0].indexOf(1.1)", -1),
        ("[1, 2].indexOf(dyn(2.0))", 1),
        ("[quantity('1k')].indexOf(quantity('1000'))", 0),
        ("[1, 2, 3, 4].slice(1, 3)", [2, 3]),
        ("[1, 2].slice(2, 2)", []),
        ("[[1], [2, 3]].flatten()", [1, 2, 3]),
        ("[dyn(1), dyn([2, 3]), dyn([dyn([4])])].flatten(2)", [1, 2, 3, 4]),
        ("[[1], [2]].flatten(0)", [[1], [2]]),
        ("[3, 1, 2].sort()", [1, 2, 3]),
        ("[].sort()", []),
        ("[{'n': 'b'}, {'n': 'a'}].map(x, x.n).sort()", ["a", "b"]),
        ("['bbb', 'a', 'cc'].sortBy(x, size(x))", ["a", "cc", "bbb"]),
        ("lists.range(3)", [0, 1, 2]),
        ("lists.range(-1)", []),
        ("[1, 2].reverse()", [2, 1]),
        ("['b', 'a', 'b'].distinct()", ["b", "a"]),
        ("[[1], [2], [1]].distinct()", [[1], [2]]),
        ("[dyn(1), dyn(true), dyn(1u), dyn(1.0)].distinct()", [1, True]),
    ],
)
def test_lists_are_searched_sorted_and_summed_up(text: str, expected: object) -> None:
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[].max()", "max called on empty list"),
        ("[].min()", "min called on empty list"),
        ("[9223372036854775807, 1, -1].sum()", "integer overflow"),
        ("[18446744073709551615u, 1u].sum()", "unsigned integer overflow"),
        ("[dyn(1), dyn('a')].sum()", "no such overload"),
        ("[1].slice(-1, 1)", "cannot slice(-1, 1), negative indexes not supported"),
        ("[1].slice(1, 0)", "cannot slice(1, 0), start index must be less than or equal to end index"),
        ("[1].slice(0, 2)", "cannot slice(0, 2), list is length 1"),
        ("[[1]].flatten(-1)", "level must be non-negative"),
        ("[dyn(1), dyn('a')].sort()", "list elements must have the same type"),
        ("[dyn(null)].sort()", "list elements must be comparable"),
        ("dyn(1).sort()", "no such overload: sort"),
        ("dyn('a').flatten()", "no such overload: string.flatten()"),
        ("dyn('a').flatten(2)", "no such overload: string.flatten(int)"),
        ("[dyn(null)].max()", "no such overload: max(list)"),
    ],
)
def test_what_cannot_be_done_with_a_list_is_said_in_the_words_of_the_server(text: str, problem: str) -> None:
    assert problem_of(text) == problem


def test_values_whose_types_are_known_only_at_run_time_are_compared_where_they_can_be() -> None:
    items = {"items": [1, Unsigned(3), 2.5]}

    assert value_of("self.items.max()", {"self": DYN}, self=items) == 3
    assert value_of("self.items.isSorted()", {"self": DYN}, self=items) is False
    assert value_of("self.items.min()", {"self": DYN}, self={"items": [2, "a", 1]}) == 1
    assert value_of("self.items.isSorted()", {"self": DYN}, self={"items": [2, "a", 3]}) is True
    assert value_of("self.items.flatten()", {"self": DYN}, self={"items": [2, [3]]}) == [2, 3]


def test_a_sum_keeps_the_type_of_its_list() -> None:
    assert type(value_of("[1u, 2u].sum()")) is Unsigned
    assert type(value_of("[1.0, 2.0].sum()")) is float


def test_a_range_that_nobody_could_pay_is_not_made() -> None:
    with pytest.raises(EvaluationProblem, match="operation cancelled: actual cost limit exceeded"):
        numbers_below(1 << 60)
