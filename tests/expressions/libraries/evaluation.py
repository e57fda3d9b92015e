"""What expressions give that may call every function of the libraries, for tests."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fakekube.expressions.environment import Environment
from fakekube.expressions.libraries import JSON_PATCH, KUBERNETES
from fakekube.expressions.libraries.json_patch import TYPE
from fakekube.expressions.types import DYN, Type
from fakekube.expressions.values import EvaluationProblem, Value

FUNCTIONS = KUBERNETES + JSON_PATCH


def value_of(text: str, types: Mapping[str, Type] | None = None, /, **variables: Value) -> Value:
    """`types`: those of variables that are not dyn."""
    environment = Environment({**dict.fromkeys(variables, DYN), **(types or {})}, FUNCTIONS, {"JSONPatch": TYPE})
    return environment.program(text).evaluate(variables)


def problem_of(text: str, types: Mapping[str, Type] | None = None, /, **variables: Value) -> str:
    """The message of what goes wrong."""
    with pytest.raises(EvaluationProblem) as raised:
        value_of(text, types, **variables)
    return str(raised.value)
