from __future__ import annotations

import random

import pytest

from fakekube.objects.regular_expressions import compiled, linear
from fakekube.objects.regular_expressions.ambiguity import is_unambiguous
from fakekube.objects.regular_expressions.linear import Linear
from fakekube.objects.regular_expressions.parser import parse

DOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"


@pytest.mark.parametrize(
    "pattern", [DOMAIN, "^(foo|bar|foobar)$", r"^\d{1,63}$", "^(a|b|c)+$", r"^(([0-9]{1,3}\.){3}[0-9]{1,3})$"]
)
def test_patterns_with_few_ways_are_known(pattern: str) -> None:
    assert is_unambiguous(parse(pattern).program)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|a)*b", "(a|aa)+b", "a*a*b", r"(\w+\s?)*$", "(a?){30}a{30}", "(a*)*", "(|a)+", "a{0,61}a{0,61}b"],
)
def test_patterns_with_many_ways_are_known(pattern: str) -> None:
    assert not is_unambiguous(parse(pattern).program)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 5000 + "!"),
        ("^(a|a)*$", "a" * 5000 + "!"),
        ("a*a*a*b", "a" * 5000),
        ("(x+x+)+y", "x" * 5000),
        ("(?:a?){30}a{31}", "a" * 30),
    ],
)
def test_patterns_that_would_be_tried_in_endless_ways_come_to_an_end(pattern: str, text: str) -> None:
    assert not Linear(parse(pattern).program).is_in(text)


def test_what_is_remembered_has_bounds_and_what_is_forgotten_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "_MOST_REMEMBERED", 50)
    text = "".join(random.Random(1).choices("ab", k=500))
    pattern = Linear(parse("(a|b)*a(a|b){8}a$").program)

    assert pattern.is_in(text + "abbbbbbbba")
    assert not pattern.is_in(text + "bbbbbbbbba")
    assert pattern.span(text + "abbbbbbbba") == (0, 510)


@pytest.mark.parametrize("pattern", [DOMAIN, "^(?:foo|ba[rz])+", r"\bab?c\b", "[^a]b?", "a{2,4}?", "(?i)ab$"])
def test_both_ways_to_match_find_the_same(pattern: str) -> None:
    by_python, by_us = compiled(pattern), Linear(parse(pattern).program)
    chosen = random.Random(2)

    assert not isinstance(by_python, Linear)
    for _ in range(200):
        text = "".join(chosen.choices("abc.- fozr\nB", k=chosen.randrange(12)))
        assert by_us.span(text) == by_python.span(text)
        assert by_us.is_in(text) == by_python.is_in(text)
