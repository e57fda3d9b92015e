"""What expressions give, for tests."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fakekube.expressions.environment import Environment
from fakekube.expressions.programs import ImpossibleProgram, Program
from fakekube.expressions.types import DYN, Type
from fakekube.expressions.values import EvaluationProblem, Value


def program(
    text: str, types: Mapping[str, Type] | None = None, variables: Mapping[str, Value] | None = None
) -> Program:
    """`types`: those of variables that are not dyn."""
    return Environment({**dict.fromkeys(variables or {}, DYN), **(types or {})}).program(text)


def value_of(text: str, types: Mapping[str, Type] | None = None, /, **variables: Value) -> Value:
    return program(text, types, variables).evaluate(variables)


def problem_of(text: str, types: Mapping[str, Type] | None = None, /, **variables: Value) -> str:
    """The message of what goes wrong, be it when the program is made already: `int('a')`."""
    with pytest.raises((EvaluationProblem, ImpossibleProgram)) as raised:
        program(text, types, variables).evaluate(variables)
    return str(raised.value)
