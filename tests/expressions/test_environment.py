"""From the text of an expression to its program, and how what is wrong is shown."""

from __future__ import annotations

import pytest

from fakekube.expressions.environment import CompilationProblem, Environment
from fakekube.expressions.syntax import Problem
from fakekube.expressions.types import INT, STRING, list_of

ENVIRONMENT = Environment({"self": INT, "names": list_of(STRING)})


def shown(text: str) -> str:
    with pytest.raises(CompilationProblem) as caught:
        ENVIRONMENT.program(text)
    return str(caught.value)


def test_a_program_gives_the_value_of_its_expression() -> None:
    program = ENVIRONMENT.program("self + names.size()")

    assert program.evaluate({"self": 1, "names": ["a", "b"]}) == 3


def test_a_program_knows_the_type_of_its_value() -> None:
    program = ENVIRONMENT.program("names[self]")

    assert program.checked.type == STRING


def test_a_problem_is_shown_below_its_line() -> None:
    assert shown("self > 'x'") == (
        "ERROR: <input>:1:6: found no matching overload for '_>_' applied to '(int, string)'\n | self > 'x'\n | .....^"
    )


def test_of_several_lines_only_that_of_the_problem_is_shown() -> None:
    assert shown("self +\n\tfoo") == (
        "ERROR: <input>:2:2: undeclared reference to 'foo' (in container '')\n |  foo\n | .^"
    )


def test_several_problems_are_shown_in_order() -> None:
    assert shown("self.a || nothing") == (
        "ERROR: <input>:1:5: type 'int' does not support field selection\n | self.a || nothing\n | ....^\n"
        "ERROR: <input>:1:11: undeclared reference to 'nothing' (in container '')\n | self.a || nothing\n | ..........^"
    )


def test_below_wide_characters_the_dots_are_wide() -> None:
    assert shown("'é' + 1").endswith("\n | 'é' + 1\n | .．..^")


def test_what_is_wrong_as_a_whole_has_no_place() -> None:
    assert shown("(" * 300) == "ERROR: <input>:-1:0: expression recursion limit exceeded: 250"


def test_a_line_that_is_too_long_is_not_shown() -> None:
    text = "'" + "a" * 20_000 + "' + 1"

    assert "\n" not in Problem(20_003, "wrong").shown(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("int('a') > 1", "program instantiation failed: type conversion error from 'string' to 'int'"),
        ("true || bool(string(2))", "program instantiation failed: type conversion error from 'string' to 'bool'"),
        ("uint(-1) == 1u", "program instantiation failed: unsigned integer overflow"),
        (
            "self.a",
            "compilation failed: ERROR: <input>:1:5: type 'int' does not support field selection\n | self.a\n | ....^",
        ),
    ],
)
def test_what_literals_cannot_be_converted_to_is_found_when_a_program_is_made(text: str, complaint: str) -> None:
    with pytest.raises(CompilationProblem) as caught:
        ENVIRONMENT.program(text)

    assert caught.value.complaint == complaint


def test_what_is_only_known_later_may_fail_later() -> None:
    program = ENVIRONMENT.program("int('a' + '') == self || int(names[0]) == 1")

    assert program.evaluate({"self": 1, "names": ["1"]}) is True
