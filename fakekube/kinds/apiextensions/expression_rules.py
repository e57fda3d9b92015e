"""What the expressions of `x-kubernetes-validations` may not be: they fit the schema around them, and cannot cost too much.

What a rule costs at most is estimated from the sizes that the schema allows, and counts as often as its part of the schema can stand in
one object. https://kubernetes.io/docs/reference/using-api/cel/#resource-constraints
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fakekube.expressions.environment import Checked, CompilationProblem, Environment
from fakekube.expressions.estimates import estimated
from fakekube.expressions.parser import TOO_DEEP
from fakekube.expressions.ranges import ENDLESS
from fakekube.expressions.rule_environments import OLD_SELF, environment_of
from fakekube.expressions.schema_types import LARGEST_REQUEST, Declaration, declaration
from fakekube.expressions.syntax import Problem
from fakekube.expressions.types import BOOL, STRING
from fakekube.objects import go_structs
from fakekube.objects.field_errors import FieldError, forbidden, invalid
from fakekube.objects.structural_schemas import EMBEDDED, LIST_TYPE, RULES, Schema

MOST_FOR_AN_EXPRESSION = 10_000_000
MOST_FOR_A_SCHEMA = 100_000_000
MOST_TOLD = 4
"""How many expressions are named when all together cost too much; none that takes up less than a hundredth."""

_ADVICE = "try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared"
_SCHEMA = "entire OpenAPIv3 schema"

Errors = Iterator[FieldError]
Rule = Mapping[str, Any]


def judge(schema: Schema, path: str, found: Sequence[FieldError], *, judges_each_cost: bool = True) -> Errors:
    """What is wrong with the expressions of a schema that is structural.

    `found` is what else is wrong with the schema: expressions around it are not looked at. `judges_each_cost`: whether one may cost too
    much by itself; in a schema that was accepted before it may.
    """
    walk = _Expressions(found, judges_each_cost)
    yield from walk.below(_Place(schema, path, is_resource=True))
    yield from walk.total(path)


@dataclass(frozen=True, slots=True)
class _Place:
    """A part of a schema."""

    schema: Schema
    path: str
    is_resource: bool
    declared: Declaration | None = None
    """None: no rule is about it or what is around it, so that it was of no interest so far."""
    count: int | None = 1
    """How often it can stand in an object; None: as often as fits."""
    uncorrelated: str = ""
    """The path of the outermost list whose items are not told from each other."""


@dataclass(slots=True)
class _Expressions:
    """One walk through a schema."""

    found: Sequence[FieldError]
    judges_each_cost: bool
    costs: list[tuple[str, int]] = field(default_factory=list)

    def total(self, path: str) -> Errors:
        total = min(sum(cost for _, cost in self.costs), ENDLESS)
        if total <= MOST_FOR_A_SCHEMA:
            return
        most = sorted(self.costs, key=lambda each: -each[1])[:MOST_TOLD]
        for field_, cost in most:
            if cost >= MOST_FOR_A_SCHEMA // 100:
                yield forbidden(field_, f"contributed to estimated rule cost total exceeding cost limit for {_SCHEMA}")
        yield forbidden(
            path,
            _too_much(f"x-kubernetes-validations estimated rule cost total for {_SCHEMA}", total, MOST_FOR_A_SCHEMA),
        )

    def below(self, place: _Place) -> Errors:
        """What is below comes first."""
        schema, rules = place.schema, place.schema.get(RULES) or ()
        declared = place.declared
        if declared is None and rules:
            declared = declaration(schema, is_resource=place.is_resource)
        for inner in _inner(place, declared):
            yield from self.below(inner)
        if not rules or self._is_wrong(place.path):
            return
        if declared is None:
            reason = "unable to convert structural schema to CEL declarations"
            text = f"failed to construct type information for x-kubernetes-validations rules: {reason}"
            yield FieldError("InternalError", f"{place.path}.{RULES}", f"Internal error: internal error: {text}")
            return
        for i, rule in enumerate(rules):
            yield from self.rule(rule, f"{place.path}.{RULES}[{i}]", place, declared)

    def _is_wrong(self, path: str) -> bool:
        return any(error.field == path or error.field.startswith(f"{path}.") for error in self.found)

    def rule(self, rule: Rule, path: str, place: _Place, declared: Declaration) -> Errors:
        environment = environment_of(declared, optional_old_self=bool(rule.get("optionalOldSelf")))
        text = rule["rule"]
        wrong, reads_old = "", False
        try:
            checked = environment.checked(text)
            if checked.type == BOOL:
                cost = _times(_cost(checked, declared), place, declared)
                yield from self.cost(f"{path}.rule", "rule", cost)
                reads_old = OLD_SELF in checked.variables
            else:
                wrong = "cel expression must evaluate to a bool"
        except CompilationProblem as problem:
            wrong = problem.complaint
        if wrong:
            yield invalid(f"{path}.rule", _shown(rule), wrong)
        elif rule.get("messageExpression"):
            yield from self.message(rule, f"{path}.messageExpression", environment, declared)
        if reads_old:
            if place.uncorrelated:
                detail = (
                    f"oldSelf cannot be used on the uncorrelatable portion of the schema within {place.uncorrelated}"
                )
                yield invalid(f"{path}.rule", text, detail)
        elif rule.get("optionalOldSelf") is not None:
            yield invalid(
                f"{path}.optionalOldSelf", rule["optionalOldSelf"], "may not be set if oldSelf is not used in rule"
            )

    def message(self, rule: Rule, path: str, environment: Environment, declared: Declaration) -> Errors:
        try:
            checked = environment.checked(rule["messageExpression"])
            if checked.type == STRING:
                yield from self.cost(path, "messageExpression", _cost(checked, declared))
            else:
                yield invalid(path, _shown(rule), "messageExpression must evaluate to a string")
        except CompilationProblem as problem:
            yield invalid(path, _shown(rule), f"messageExpression {problem.complaint.removeprefix('program ')}")

    def cost(self, path: str, name: str, cost: int) -> Errors:
        self.costs.append((path, cost))
        if self.judges_each_cost and cost > MOST_FOR_AN_EXPRESSION:
            yield forbidden(path, _too_much(f"estimated {name} cost", cost, MOST_FOR_AN_EXPRESSION))


def _inner(place: _Place, declared: Declaration | None) -> Iterator[_Place]:
    schema, path = place.schema, place.path
    count = _counted(place)

    def part(inner: Any, inner_path: str, part_declared: Declaration | None, uncorrelated: str) -> Iterator[_Place]:
        if isinstance(inner, Mapping):
            yield _Place(inner, inner_path, bool(inner.get(EMBEDDED)), part_declared, count, uncorrelated)

    item = declared.item if declared is not None else None
    yield from part(schema.get("additionalProperties"), f"{path}.additionalProperties", item, place.uncorrelated)
    for name, inner in (schema.get("properties") or {}).items():
        known = declared.properties.get(name) if declared is not None else None
        yield from part(inner, f"{path}.properties[{name}]", known, place.uncorrelated)
    # Only items of lists that are maps are known again after a change.
    uncorrelated = place.uncorrelated or ("" if schema.get(LIST_TYPE) == "map" else path)
    yield from part(schema.get("items"), f"{path}.items", item, uncorrelated)


def _counted(place: _Place) -> int | None:
    """How often what is below a place can stand in an object."""
    schema = place.schema
    match schema.get("type"):
        case "array":
            bound = schema.get("maxItems")
        case "object" if schema.get("additionalProperties") is not None:
            bound = schema.get("maxProperties")
        case _:
            bound = 1
    return None if place.count is None or bound is None else min(place.count * max(bound, 0), ENDLESS)


def _cost(checked: Checked, declared: Declaration) -> int:
    """Raises CompilationProblem."""
    try:
        return estimated(checked, declared).most
    except RecursionError:
        raise CompilationProblem(checked.text, [Problem(-1, TOO_DEEP)]) from None


def _times(cost: int, place: _Place, declared: Declaration) -> int:
    # As often as fits: with a comma between one and the next.
    count = LARGEST_REQUEST // (declared.smallest + 1) if place.count is None else place.count
    return min(cost * count, ENDLESS)


def _too_much(name: str, cost: int, most: int) -> str:
    factor = cost / most
    if factor > 100:
        text = "more than 100x"
    else:
        # More digits where fewer would show a factor of 1.
        text = f"{factor:f}x" if factor < 1.5 else f"{factor:.1f}x"
    return f"{name} exceeds budget by factor of {text} ({_ADVICE})"


def _shown(rule: Rule) -> Any:
    return go_structs.shown("apiextensions.ValidationRule", rule)
