"""What rules of `x-kubernetes-validations` find wrong with an object.

Rules are compiled once, when the first object of a version is written, and then run over whatever their part of the schema stands for.
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from fakekube.expressions.environment import Budget, CompilationProblem, Program
from fakekube.expressions.rule_environments import COST_OF_A_RULE, COST_OF_AN_OBJECT, OLD_SELF, SELF, environment_of
from fakekube.expressions.schema_types import Declaration, declaration
from fakekube.expressions.schema_values import Converter, converter, mistake
from fakekube.expressions.shown import double_text
from fakekube.expressions.values import NONE, EvaluationProblem, Optional, Value
from fakekube.kinds.apiextensions.validation_rules import steps_of
from fakekube.objects.field_errors import FieldError, Tolerated, go_quoted, shown
from fakekube.objects.structural_schemas import RULES, Schema, below, has_rules
from fakekube.objects.structural_schemas_validation import ABSENT, counterparts, is_same

LONGEST_MESSAGE = 5 << 10
"""In bytes, of what a messageExpression gives."""

OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"
MESSAGE_OUT_OF_BUDGET = (
    "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run"
)
_CANCELLED = "operation cancelled: actual cost limit exceeded"


class CustomRules:
    """The rules of one version of a definition, or of a part of its schema."""

    def __init__(self, schema: Schema, *, is_resource: bool = True) -> None:
        declared = declaration(schema, is_resource=is_resource)
        self._root = None if declared is None else _place(schema, declared)

    def judge(self, obj: Mapping[str, Any], old: Any = ABSENT, *, path: str = "") -> list[FieldError]:
        """What is wrong with an object whose schema has found nothing that forbids to ask rules; `old`: what it was before, if it was.

        What was as wrong before is `Tolerated`. `path`: what the object is called, where it is part of another one.
        """
        if self._root is None:
            return []
        run, before, pair = _Run(), None, None
        if old is not ABSENT:
            before, pair = old, _Pair(obj, old, self._root.schema)
        with suppress(_NoMore):
            run.over(self._root, obj, before, path, pair)
        return run.errors


@dataclass(frozen=True, slots=True)
class _Rule:
    program: Program | None
    """None: it could not be compiled, and `complaint` says why."""
    complaint: str
    message: Program | None
    message_text: str
    name: str
    """What errors call the rule: its message, else its text."""
    default_message: str
    reason: str
    field: str
    reads_old: bool
    old_is_optional: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A part of a schema with rules for it, or for what is below."""

    schema: Schema
    declared: Declaration
    rules: Sequence[_Rule]
    convert: Converter | None
    items: _Place | None = None
    """Of the items of a list or the values of a map."""
    properties: Mapping[str, _Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A value and what it was before, known to be the same part of the object."""

    new: Any
    old: Any
    schema: Schema

    def is_unchanged(self) -> bool:
        return _is_unchanged(self.new, self.old, self.schema)


@dataclass(frozen=True, slots=True)
class _Subject:
    """A value that the rules of its place are asked about."""

    place: _Place
    value: Any
    old: Any
    path: str
    pair: _Pair | None

    def variables(self) -> tuple[Mapping[str, Value], Mapping[str, Value]]:
        """What rules see, and what those see whose oldSelf is optional."""
        convert, old = self.place.convert, self.old
        new = self.value if convert is None else convert(self.value)
        if not any(rule.reads_old for rule in self.place.rules):
            plain = {SELF: new}
            return plain, plain
        if old is None:
            return {SELF: new}, {SELF: new, OLD_SELF: NONE}
        before = old if convert is None else convert(old)
        return {SELF: new, OLD_SELF: before}, {SELF: new, OLD_SELF: Optional(before)}

    def mistake(self, program: Program) -> str | None:
        """What of that which a program reads is not of the type that the schema gives it now."""
        found = mistake(self.value, self.place.declared)
        if found is None and self.old is not None and OLD_SELF in program.checked.variables:
            found = mistake(self.old, self.place.declared)
        return found


class _NoMore(Exception):
    """What rules may cost has been spent."""


def _place(schema: Schema, declared: Declaration) -> _Place | None:
    if not has_rules(schema):
        return None
    rules = tuple(
        _compiled(rule, schema, declared) for rule in schema.get(RULES) or () if (rule.get("rule") or "").strip()
    )
    convert = converter(declared) if rules else None
    items, properties = None, {}
    if declared.item is not None:
        items = _place(declared.item.schema, declared.item)
    for key, inner in (schema.get("properties") or {}).items():
        # What is declared of the names of a resource is not what its schema says of them, and the rules are.
        within = declared.properties.get(key)
        if within is not None and (found := _place(inner, within)) is not None:
            properties[key] = found
    return _Place(schema, declared, rules, convert, items, properties)


def _compiled(rule: Mapping[str, Any], schema: Schema, declared: Declaration) -> _Rule:
    text, message = (rule.get("rule") or "").strip(), (rule.get("message") or "").strip()
    old_is_optional = bool(rule.get("optionalOldSelf"))
    environment = environment_of(declared, optional_old_self=old_is_optional)
    program, complaint, message_program = None, "", None
    expression = rule.get("messageExpression") or ""
    try:
        program = environment.program(text)
    except CompilationProblem as problem:
        complaint = f"rule compile error: {problem.complaint}"
    if expression:
        with suppress(CompilationProblem):
            message_program = environment.program(expression)
    return _Rule(
        program=program,
        complaint=complaint,
        message=message_program,
        message_text=expression,
        name=message or text,
        default_message=message or f"failed rule: {text}",
        reason=rule.get("reason") or "FieldValueInvalid",
        field=_normalised(rule.get("fieldPath") or "", schema),
        reads_old=program is not None and OLD_SELF in program.checked.variables,
        old_is_optional=old_is_optional,
    )


def _normalised(field_path: str, schema: Schema) -> str:
    """How errors write a fieldPath: `.labels['a/b']` is `labels[a/b]`, and a field that stands in brackets has a dot.

    What is no path is none: its definition is refused, and asks its rules only about its own defaults.
    """
    text, inner = "", schema
    try:
        steps = list(steps_of(field_path))
    except ValueError:
        return ""
    for name in steps:
        is_field = bool(inner.get("properties"))
        text += (f".{name}" if text else name) if is_field else f"[{name}]"
        inner = below(inner, name) or {}
    return text


class _Run:
    """One walk over an object."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self._left = COST_OF_AN_OBJECT

    def over(self, place: _Place, value: Any, old: Any, path: str, pair: _Pair | None) -> None:
        """`old` is None where nothing is known of what the value was; `pair` is then the nearest part around it that was there before."""
        if value is None:
            return
        if place.rules:
            self._ask(_Subject(place, value, old, path, pair))
        if isinstance(value, list):
            if place.items is not None:
                self._over_items(place, place.items, value, old, path, pair)
        elif isinstance(value, dict):
            before = old if isinstance(old, dict) else {}
            for key, item in value.items():
                if place.items is not None:
                    inner, inner_path = place.items, f"{path}[{key}]"
                elif key in place.properties:
                    inner, inner_path = place.properties[key], f"{path}.{key}" if path else key
                else:
                    continue
                known = _Pair(item, before[key], inner.schema) if pair is not None and key in before else pair
                self.over(inner, item, before.get(key), inner_path, known)

    def _over_items(
        self, place: _Place, inner: _Place, value: list[Any], old: Any, path: str, pair: _Pair | None
    ) -> None:
        counterpart = counterparts(place.schema, old)
        for index, item in enumerate(value):
            before = counterpart(item)
            known = pair if before is ABSENT or pair is None else _Pair(item, before, inner.schema)
            self.over(inner, item, None if before is ABSENT else before, f"{path}[{index}]", known)

    def _ask(self, subject: _Subject) -> None:
        place, path = subject.place, subject.path
        variables, with_optional = subject.variables()
        for rule in place.rules:
            if rule.program is None:
                self.errors.append(_of_type(place, path, rule.complaint))
                continue
            if rule.reads_old and subject.old is None and not rule.old_is_optional:
                continue
            if self._left <= 0:
                self._stop(_of_type(place, path, OUT_OF_BUDGET))
            try:
                holds = self._evaluated(rule.program, with_optional if rule.old_is_optional else variables, subject)
            except _Spent as spent:
                self._stop(_of_type(place, path, OUT_OF_BUDGET if spent.of_all else _too_expensive(rule)))
            except EvaluationProblem as problem:
                self.errors.append(_of_type(place, path, _why(str(problem), rule)))
                continue
            if holds is not True:
                self._fail(rule, subject, variables)

    def _evaluated(self, program: Program, variables: Mapping[str, Value], subject: _Subject) -> Value:
        """Raises EvaluationProblem and _Spent."""
        allowed = min(COST_OF_A_RULE, self._left)
        budget = Budget(allowed)
        try:
            return program.evaluate(variables, budget)
        except EvaluationProblem as problem:
            if str(problem).startswith(_CANCELLED):
                raise _Spent(of_all=allowed < COST_OF_A_RULE) from None
            if mistaken := subject.mistake(program):
                raise EvaluationProblem(mistaken) from None
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # Types were settled when the rule was compiled. A value of another one, which may stay where it was before the
            # schema changed, is not met with an error of its own.
            if mistaken := subject.mistake(program):
                raise EvaluationProblem(mistaken) from error
            raise
        finally:
            self._left -= allowed - max(budget.left, 0)

    def _fail(self, rule: _Rule, subject: _Subject, variables: Mapping[str, Value]) -> None:
        path = ".".join(filter(None, (subject.path, rule.field)))
        is_tolerated = not rule.reads_old and subject.pair is not None and subject.pair.is_unchanged()

        def tell(error: FieldError) -> None:
            self.errors.append(Tolerated(error.reason, error.field, error.message) if is_tolerated else error)

        detail = rule.default_message
        if rule.message is not None:
            try:
                detail = self._message(rule.message, rule, variables, subject) or detail
            except _Spent as spent:
                tell(
                    _of_type(
                        subject.place, path, MESSAGE_OUT_OF_BUDGET if spent.of_all else _too_expensive_message(rule)
                    )
                )
                raise _NoMore from None
        tell(_failed(rule, path, subject.value, detail))

    def _message(self, program: Program, rule: _Rule, variables: Mapping[str, Value], subject: _Subject) -> str:
        """What the messageExpression gives; empty when that is no message. Raises _Spent."""
        reads_old = OLD_SELF in program.checked.variables
        if reads_old and (rule.old_is_optional or OLD_SELF not in variables):
            # The server has for messages what was there before, and no optional of it.
            return ""
        try:
            text = self._evaluated(program, variables, subject)
        except EvaluationProblem:
            return ""
        if not isinstance(text, str):
            return ""
        text = text.strip()
        return "" if "\n" in text or len(text.encode()) > LONGEST_MESSAGE else text

    def _stop(self, error: FieldError) -> None:
        self.errors.append(error)
        raise _NoMore


class _Spent(Exception):
    """An evaluation would have cost more than is left: `of_all` of what an object may cost, else of what one rule may."""

    def __init__(self, *, of_all: bool) -> None:
        super().__init__()
        self.of_all = of_all


def _why(text: str, rule: _Rule) -> str:
    if text.startswith("no such overload"):
        return (
            f"'{text}': call arguments did not match a supported operator, function or macro signature for rule: "
            f"{rule.name}"
        )
    return f"{text} evaluating rule: {rule.name}"


def _too_expensive(rule: _Rule) -> str:
    return (
        f"'{_CANCELLED}': no further validation rules will be run due to call cost exceeds limit for rule: {rule.name}"
    )


def _too_expensive_message(rule: _Rule) -> str:
    text = "no further validation rules will be run due to call cost exceeds limit for messageExpression"
    return f"{text}: {go_quoted(rule.message_text)}"


def _of_type(place: _Place, path: str, text: str) -> FieldError:
    """An error that shows no value, but of which type it is."""
    type_ = place.schema.get("type") or ""
    return FieldError("FieldValueInvalid", path or "<nil>", f"Invalid value: {go_quoted(type_)}: {text}")


def _failed(rule: _Rule, path: str, value: Any, detail: str) -> FieldError:
    if isinstance(value, dict | list):
        told = ""
    else:
        told = f": {double_text(value) if isinstance(value, float) else shown(value)}"
    messages: Mapping[str, Callable[[], str]] = {
        "FieldValueForbidden": lambda: f"Forbidden: {detail}",
        "FieldValueRequired": lambda: f"Required value: {detail}",
        "FieldValueDuplicate": lambda: f"Duplicate value{told}",
    }
    make = messages.get(rule.reason)
    return FieldError(rule.reason, path or "<nil>", make() if make is not None else f"Invalid value{told}: {detail}")


def _is_unchanged(new: Any, old: Any, schema: Schema) -> bool:
    """Whether a value is what it was; the order of lists that are maps counts for nothing."""
    if is_same(new, old):
        return True
    if isinstance(new, dict) and isinstance(old, dict):
        return new.keys() == old.keys() and all(
            _is_unchanged(item, old[key], below(schema, key) or {}) for key, item in new.items()
        )
    if not isinstance(new, list) or not isinstance(old, list) or len(new) != len(old):
        return False
    counterpart, items = counterparts(schema, old), schema.get("items") or {}
    return all(
        before is not ABSENT and _is_unchanged(item, before, items)
        for item, before in ((item, counterpart(item)) for item in new)
    )
