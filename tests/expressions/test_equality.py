"""When values are equal."""

from __future__ import annotations

import math

import pytest

from fakekube.expressions.equality import equal
from fakekube.expressions.maps import make
from fakekube.expressions.types import Type
from fakekube.expressions.values import (
    NONE,
    Constructed,
    Duration,
    MapList,
    Optional,
    SetList,
    Timestamp,
    Unsigned,
    Value,
)
from tests.expressions.evaluation import value_of

PORTS = [{"port": 1, "protocol": "TCP"}, {"port": 1, "protocol": "UDP"}]
KEYS = ("port", "protocol")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 1.0),
        (1, Unsigned(1)),
        (Unsigned(1), 1.0),
        ("a", "a"),
        (None, None),
        ([1, ["a"]], [1.0, ["a"]]),
        ({"a": 1, "b": [2]}, {"b": [Unsigned(2)], "a": 1}),
        (Timestamp(5), Timestamp(5)),
        (Optional([1]), Optional([1.0])),
        (NONE, NONE),
        (Type("list", (Type("int"),)), Type("list")),
        (SetList(["a", "b"]), ["b", "a"]),
        (MapList(PORTS, KEYS), PORTS[::-1]),
        ({"tags": SetList([1, 2])}, {"tags": [2, 1]}),
        (make([(True, 1), (1, 2)]), make([(1, 2), (True, 1)])),
    ],
)
def test_values_of_the_same_amount_and_content_are_equal(left: Value, right: Value) -> None:
    assert equal(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True),
        (True, 1.0),
        (0, False),
        (1, "1"),
        ("a", b"a"),
        (None, False),
        (None, 0),
        (math.nan, math.nan),
        ([math.nan], [math.nan]),
        (9007199254740993, 9007199254740992.0),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        (["b", "a"], SetList(["a", "b"])),
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, {"a": 1, "b": 1}),
        (Timestamp(5), Duration(5)),
        (Optional(None), NONE),
        (NONE, None),
        (SetList(["a", "b"]), ["a", "c"]),
        (MapList(PORTS, KEYS), [PORTS[0], {**PORTS[1], "name": "x"}]),
        (make([(True, 1)]), make([(1, 1)])),
        (Constructed("Object.spec", {}), Constructed("Object.metadata", {})),
        (Type("int"), Type("uint")),
    ],
)
def test_values_that_differ_or_cannot_be_compared_are_unequal(left: Value, right: Value) -> None:
    assert not equal(left, right)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dyn(1) == 1u && 1u == dyn(1.0)", True),
        ("dyn(true) == 1", False),
        ("dyn(1) != 'a'", True),
        ("double('NaN') != double('NaN')", True),
        ("null == null", True),
        ("[dyn(1), dyn('a')] == [dyn(1.0), dyn('a')]", True),
        ("{'a': [1]} == {'a': [1]}", True),
        ("'a' in ['b', 'a']", True),
        ("dyn(2.0) in [1, 2]", True),
        ("dyn(true) in [1]", False),
        ("'a' in {'a': 1}", True),
        ("dyn(1u) in {1: 'a'}", True),
        ("dyn(true) in {1: 'a'}", False),
        ("dyn([1]) in {1: 'a'}", False),
        ("optional.of(1) == optional.of(1)", True),
        ("type(1) == int && type([1]) == list && type({}) == map && type(null) == null_type", True),
        ("type(duration('1s')) == google.protobuf.Duration", True),
    ],
)
def test_operators_compare_as_values_do(text: str, expected: bool) -> None:
    assert value_of(text) is expected


def test_a_map_may_have_true_and_one_for_keys_at_once() -> None:
    text = "{dyn(true): 'yes', dyn(1): 'one'}"

    assert value_of(f"{text}[dyn(true)] + {text}[dyn(1)] + {text}[dyn(1.0)]") == "yesoneone"
    assert value_of(f"{text}.map(key, key)") == [True, 1]
    assert value_of(f"size({text})") == 2
