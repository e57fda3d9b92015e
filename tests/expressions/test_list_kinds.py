"""Lists that are sets or maps: rules compare and join them as what they are."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.expressions.environment import Environment
from fakekube.expressions.types import INT, STRING, list_of, map_of
from fakekube.expressions.values import MapList, SetList

BY_KEY = MapList([{"k": 1, "v": 1}, {"k": 2, "v": 2}], ("k",))


def value(text: str) -> Any:
    types = {"set": list_of(INT), "by_key": list_of(map_of(STRING, INT))}
    return Environment(types).program(text).evaluate({"set": SetList([1, 2]), "by_key": BY_KEY})


@pytest.mark.parametrize(
    "text",
    [
        "set == [2, 1]",
        "set + [2, 3] == [3, 2, 1]",
        "set + [3] != [1, 2]",
        "by_key == [{'k': 2, 'v': 2}, {'k': 1, 'v': 1}]",
        "by_key != [{'k': 2, 'v': 2}, {'k': 1, 'v': 3}]",
        "by_key + [{'k': 3}] == [{'k': 3}, {'k': 2, 'v': 2}, {'k': 1, 'v': 1}]",
    ],
)
def test_the_order_of_their_items_counts_for_nothing(text: str) -> None:
    assert value(text) is True


def test_sets_gain_what_they_lack() -> None:
    assert value("set + [3, 2, 3]") == [1, 2, 3]


def test_items_of_the_same_keys_take_the_place_of_the_others() -> None:
    assert value("by_key + [{'k': 1, 'v': 5}, {'k': 3}]") == [{"k": 1, "v": 5}, {"k": 2, "v": 2}, {"k": 3}]


def test_other_lists_are_put_one_behind_the_other() -> None:
    assert value("[1, 2] + set") == [1, 2, 1, 2]
