"""Lists looked at as sets."""

from __future__ import annotations

import pytest

from tests.expressions.libraries.evaluation import problem_of, value_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sets.contains([], [])", True),
        ("sets.contains([], [1])", False),
        ("sets.contains([1, 2, 3, 4], [3, 2, 3])", True),
        ("sets.contains([dyn(1), dyn(2.0), dyn(3u)], [dyn(1.0), dyn(2u), dyn(3)])", True),
        ("sets.equivalent([], [])", True),
        ("sets.equivalent([1], [1, 1])", True),
        ("sets.equivalent([1, 2], [2, 3])", False),
        ("sets.intersects([1], [])", False),
        ("sets.intersects([1], [2, 1])", True),
        ("sets.intersects([[1], [2, 3]], [[1, 2], [2, 3]])", True),
        ("sets.contains([dyn(true)], [dyn(1)])", False),
    ],
)
def test_sets_are_lists_whose_order_does_not_matter(text: str, expected: bool) -> None:
    assert value_of(text) is expected


def test_functions_are_named_whole_where_a_value_is_none_of_theirs() -> None:
    assert problem_of("sets.contains(self, [1])", self=1) == "no such overload: sets.contains(int, list)"
    assert problem_of("lists.range(self)", self="a") == "no such overload: lists.range(string)"
