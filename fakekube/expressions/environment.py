"""What an expression may name, and how its text becomes a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fakekube.expressions.syntax import Node, Problem
from fakekube.expressions.types import ObjectType, Overload, Type
from fakekube.expressions.values import Value


class CompilationProblem(Exception):
    """The text is no expression, or one that cannot be typed; `str` is cel-go's: each problem with its picture, a line feed between."""

    def __init__(self, text: str, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(problem.shown(text) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Checked:
    """An expression whose types fit."""

    text: str
    node: Node
    type: Type
    """Of its value."""
    types: Mapping[int, Type]
    """Of each node, by its `id`."""
    overloads: Mapping[int, tuple[Overload, ...]]
    """The overloads that a call may mean, by the `id` of its node; several where something is dyn."""
    references: Mapping[int, str]
    """What a name or a select is that names a variable, a type or a function's namespace with dots in it: `a.b`."""
    variables: frozenset[str]
    """The variables of the environment that it reads."""


class Budget:
    """What evaluation may cost; several programs may draw on one."""

    __slots__ = ("left",)

    def __init__(self, units: int) -> None:
        self.left = units


@dataclass(frozen=True, slots=True, eq=False)
class Environment:
    """The variables and their types, the types that may be constructed, and the functions beyond the standard ones."""

    variables: Mapping[str, Type]
    functions: Sequence[Overload] = ()
    object_types: Mapping[str, ObjectType] = field(default_factory=dict)
    """By name, those of objects that may be constructed: `Object.metadata`."""

    def program(self, text: str) -> Program:
        """Raises CompilationProblem."""
        raise NotImplementedError


class Program:
    """An expression that can be evaluated, as often as one likes."""

    checked: Checked

    def evaluate(self, variables: Mapping[str, Value], budget: Budget | None = None) -> Value:
        """Raises EvaluationProblem; `operation cancelled: actual cost limit exceeded` where it costs more than is left."""
        raise NotImplementedError
