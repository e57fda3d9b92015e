"""find and findAll."""

from __future__ import annotations

import pytest

from fakekube.expressions.programs import ImpossibleProgram
from fakekube.expressions.types import STRING
from tests.expressions.libraries.evaluation import problem_of, value_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'abc 123'.find('[0-9]+')", "123"),
        ("'abc 123'.find('xyz')", ""),
        ("'123 abc 456'.findAll('[0-9]+')", ["123", "456"]),
        ("'123 abc 456'.findAll('[0-9]+', 1)", ["123"]),
        ("'123 abc 456'.findAll('[0-9]+', 0)", []),
        ("'123 abc 456'.findAll('[0-9]+', -1)", ["123", "456"]),
        ("'123 abc 456'.findAll('xyz')", []),
        ("'abc'.find('(b)(c)')", "bc"),
    ],
)
def test_matches_are_found(text: str, expected: object) -> None:
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("a*", ["aa", "", "a"]), ("a*?", ["", "", "", "", "", ""]), ("a*|b", ["aa", "", "a"]), ("", [""] * 6)],
)
def test_empty_matches_are_those_of_go(pattern: str, expected: list[str]) -> None:
    found = value_of("self.findAll(pattern)", {"self": STRING, "pattern": STRING}, self="aabba", pattern=pattern)

    assert found == expected


def test_what_is_no_pattern_is_said_in_the_words_of_go() -> None:
    problem = problem_of("'a'.find(self)", {"self": STRING}, self="[a")

    assert problem == "Illegal regex: error parsing regexp: missing closing ]: `[a`"


@pytest.mark.parametrize("text", ["'a'.find('[a') == ''", "true || self.findAll('[a', 1) == []"])
def test_a_pattern_that_is_written_down_is_read_when_the_program_is_made(text: str) -> None:
    with pytest.raises(ImpossibleProgram) as raised:
        value_of(text, self="a")

    assert raised.value.complaint == "program instantiation failed: error parsing regexp: missing closing ]: `[a`"
