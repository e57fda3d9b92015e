"""What becomes of the text of an expression: it is checked, and a program that can be evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fakekube.expressions.syntax import Node, Problem
from fakekube.expressions.types import Overload, Type
from fakekube.expressions.values import Value


class CompilationProblem(Exception):
    """The text is no expression, or one that cannot be typed; `str` is cel-go's: each problem with its picture, a line feed between."""

    def __init__(self, text: str, problems: Sequence[Problem]) -> None:
        in_order = sorted(problems, key=lambda problem: problem.place)
        super().__init__("\n".join(problem.shown(text) for problem in in_order))
        self.problems = tuple(in_order)

    @property
    def complaint(self) -> str:
        """As kube-apiserver reports it."""
        return f"compilation failed: {self}"


class ImpossibleProgram(CompilationProblem):
    """The text is an expression, but one that computes with literals what cannot be computed: `int('a')`; `str` says why."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(text, ())
        self.args = (why,)

    @property
    def complaint(self) -> str:
        return f"program instantiation failed: {self}"


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
    """The overloads that a call or an index may mean, by the `id` of its node; several where something is dyn."""
    references: Mapping[int, str]
    """What a name or a select is that names a variable (also one that a macro binds), a type or a function's namespace: `a.b`.

    By the `id` of its node; without a leading dot.
    """
    variables: frozenset[str]
    """The variables of the environment that it reads."""


class Budget:
    """What evaluation may cost; several programs may draw on one."""

    __slots__ = ("left",)

    def __init__(self, units: int) -> None:
        self.left = units


class Program:
    """An expression that can be evaluated, as often as one likes."""

    checked: Checked

    def evaluate(self, variables: Mapping[str, Value], budget: Budget | None = None) -> Value:
        """Raises EvaluationProblem; `operation cancelled: actual cost limit exceeded` where it costs more than is left."""
        raise NotImplementedError
