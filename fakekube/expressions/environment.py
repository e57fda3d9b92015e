"""What an expression may name, and how its text becomes a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fakekube.expressions.programs import Budget as Budget
from fakekube.expressions.programs import Checked as Checked
from fakekube.expressions.programs import CompilationProblem as CompilationProblem
from fakekube.expressions.programs import ImpossibleProgram as ImpossibleProgram
from fakekube.expressions.programs import Program as Program
from fakekube.expressions.types import ObjectType, Overload, Type


@dataclass(frozen=True, slots=True, eq=False)
class Environment:
    """The variables and their types, the types that may be constructed, and the functions beyond the standard ones."""

    variables: Mapping[str, Type]
    functions: Sequence[Overload] = ()
    object_types: Mapping[str, ObjectType] = field(default_factory=dict)
    """By name, those of objects that may be constructed: `Object.metadata`."""

    def checked(self, text: str) -> Checked:
        """Raises CompilationProblem."""
        from fakekube.expressions.checker import check
        from fakekube.expressions.literals import why_impossible
        from fakekube.expressions.parser import parse
        from fakekube.expressions.syntax import SyntaxProblem

        try:
            node = parse(text)
        except SyntaxProblem as problem:
            raise CompilationProblem(text, problem.problems) from None
        found = check(text, node, self)
        if why := why_impossible(node, found.overloads):
            raise ImpossibleProgram(text, why)
        return found

    def program(self, text: str) -> Program:
        """Raises CompilationProblem."""
        from fakekube.expressions.evaluator import compiled

        return compiled(self.checked(text))
