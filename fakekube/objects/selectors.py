"""Which objects a label selector or a field selector picks.

Selectors are parsed once and kept: informers send the same text again and again.
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api
https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fakekube.errors import BadRequest
from fakekube.objects import names
from fakekube.objects.field_errors import FieldError, invalid

Labels = Mapping[str, str]
Matcher = Callable[[Labels], bool]
Getter = Callable[[str], str]
"""The value of a field of one object, as text."""

_NO_LABELS: Labels = {}


@dataclass(frozen=True, slots=True)
class LabelRequirement:
    """One condition; `operator` is one of `= != in notin exists ! > <`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def compiled(self) -> Matcher:
        key, values = self.key, frozenset(self.values)
        match self.operator:
            case "=":
                (value,) = values
                return lambda labels: labels.get(key) == value
            case "in":
                return lambda labels: labels.get(key) in values
            case "!=" | "notin":
                return lambda labels: labels.get(key) not in values
            case "exists":
                return lambda labels: key in labels
            case "!":
                return lambda labels: key not in labels
        (bound,) = self.values
        limit, greater = _integer(bound), self.operator == ">"
        assert limit is not None

        def compare(labels: Labels) -> bool:
            value = _integer(labels.get(key, ""))
            return value is not None and (value > limit if greater else value < limit)

        return compare


class LabelSelector:
    """All `requirements` must hold; without any it selects everything. `nothing` selects no object at all."""

    __slots__ = ("_matchers", "everything", "nothing", "requirements")

    def __init__(self, requirements: tuple[LabelRequirement, ...] = (), *, nothing: bool = False) -> None:
        self.requirements = requirements
        self.nothing = nothing
        self.everything = not requirements and not nothing
        self._matchers = tuple(requirement.compiled() for requirement in requirements)

    def matches(self, labels: Labels | None) -> bool:
        if self.nothing:
            return False
        labels = labels or _NO_LABELS
        for matcher in self._matchers:  # noqa: SIM110 -- a generator would double the cost, and lists ask it of every object
            if not matcher(labels):
                return False
        return True


EVERYTHING = LabelSelector()
NOTHING = LabelSelector(nothing=True)

_INT64 = range(-(2**63), 2**63)


def _integer(text: str) -> int | None:
    """What Go's strconv.ParseInt reads, None where it fails."""
    if not re.fullmatch("[+-]?[0-9]{1,20}", text):
        return None
    number = int(text)
    return number if number in _INT64 else None


_LABEL_TOKEN = re.compile(r"[ \t\r\n]*(==|!=|[=!(),<>]|[^ \t\r\n=!(),<>]+|\Z)")
_SYMBOLS = frozenset({"=", "==", "!=", "!", "(", ")", ",", "<", ">", ""})
_OPERATORS = {"in": "in", "notin": "notin", "=": "=", "==": "=", "!=": "!=", ">": ">", "<": "<"}


class _RequirementError(Exception):
    """What is wrong inside one requirement."""


class _LabelParser:
    """Reads a label selector from left to right; a token is its text, the empty one ends the selector."""

    def __init__(self, text: str) -> None:
        self.tokens = [match[1] for match in _LABEL_TOKEN.finditer(text)]
        self.position = 0

    def peek(self) -> str:
        return self.tokens[self.position]

    def take(self) -> str:
        token = self.tokens[self.position]
        if token:
            self.position += 1
        return token

    def selector(self) -> list[LabelRequirement]:
        requirements: list[LabelRequirement] = []
        while True:
            token = self.peek()
            if token and token != "!" and token in _SYMBOLS:
                raise BadRequest(f"found '{token}', expected: !, identifier, or 'end of string'")
            if not token:
                return requirements
            try:
                requirements.append(self.requirement())
            except _RequirementError as error:
                raise BadRequest(f"unable to parse requirement: {error}") from None
            token = self.take()
            if not token:
                return requirements
            if token != ",":
                raise BadRequest(f"found '{token}', expected: ',' or 'end of string'")
            token = self.peek()
            if token != "!" and token in _SYMBOLS:
                raise BadRequest(f"found '{token}', expected: identifier after ','")

    def requirement(self) -> LabelRequirement:
        absent = self.peek() == "!"
        if absent:
            self.take()
        key = self.identifier()
        _refuse([invalid("<nil>", key, "; ".join(errors))] if (errors := names.qualified_name(key)) else [])
        if absent:
            return LabelRequirement(key, "!")
        if self.peek() in ("", ","):
            return LabelRequirement(key, "exists")
        token = self.take()
        if token not in _OPERATORS:
            raise _RequirementError(f"found '{token}', expected: in, notin, =, ==, !=, gt, lt")
        values = self.values() if token in ("in", "notin") else (self.exact_value(),)
        _refuse(_value_errors(key, token, values))
        return LabelRequirement(key, _OPERATORS[token], values)

    def identifier(self) -> str:
        token = self.take()
        if token in _SYMBOLS:
            raise _RequirementError(f"found '{token}', expected: identifier")
        return token

    def exact_value(self) -> str:
        return "" if self.peek() in ("", ",") else self.identifier()

    def values(self) -> tuple[str, ...]:
        token = self.take()
        if token != "(":
            raise _RequirementError(f"found '{token}' expected: '('")
        token = self.peek()
        if token == ")":
            self.take()
            return ("",)
        if token != "," and token in _SYMBOLS:
            raise _RequirementError(f"found '{token}', expected: ',', ')' or identifier")
        values: set[str] = set()
        while True:
            token = self.take()
            if token == ",":
                # An empty place in the list is the empty string: (,a) (a,) (a,,b).
                if not values:
                    values.add("")
                if self.peek() == ")":
                    values.add("")
                    break
                if self.peek() == ",":
                    self.take()
                    values.add("")
                continue
            if token in _SYMBOLS:
                raise _RequirementError(f"found '{token}', expected: ',', or identifier")
            values.add(token)
            if self.peek() == ")":
                break
            if self.peek() != ",":
                raise _RequirementError(f"found '{self.peek()}', expected: ',' or ')'")
        self.take()
        return tuple(sorted(values))


def _value_errors(key: str, token: str, values: tuple[str, ...]) -> list[FieldError]:
    errors = []
    if token in ("<", ">"):
        detail = "for 'Gt', 'Lt' operators, the value must be an integer"
        errors += [invalid(f"values[{i}]", value, detail) for i, value in enumerate(values) if _integer(value) is None]
    for i, value in enumerate(values):
        if texts := names.label_value(value):
            errors.append(invalid(f"values[{i}][{key}]", value, "; ".join(texts)))
    return errors


def _refuse(errors: list[FieldError]) -> None:
    texts = list(dict.fromkeys(str(error) for error in errors))
    if texts:
        raise _RequirementError(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")


@lru_cache(1024)
def parse_labels(text: str) -> LabelSelector:
    """The selector of `?labelSelector=text`. Raises BadRequest with the API's sentence about the first mistake."""
    requirements = tuple(_LabelParser(text).selector())
    return LabelSelector(requirements) if requirements else EVERYTHING


_EXPRESSION_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


def label_selector_of(selector: Mapping[str, Any] | None) -> LabelSelector:
    """The selector of a `metav1.LabelSelector` that has passed validation: None selects nothing, `{}` everything."""
    if selector is None:
        return NOTHING
    requirements = [LabelRequirement(key, "=", (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        operator = _EXPRESSION_OPERATORS[expression["operator"]]
        requirements.append(LabelRequirement(expression["key"], operator, tuple(expression.get("values") or ())))
    return LabelSelector(tuple(requirements)) if requirements else EVERYTHING


def selector_of_labels(labels: Labels | None) -> LabelSelector:
    """The selector of a plain map (Service, ReplicationController); without labels it selects everything."""
    return label_selector_of({"matchLabels": labels or {}})


def label_selector_text(selector: LabelSelector) -> str:
    """The selector written as a query, keys in order: `app=web,tier in (a,b)`; how Scale and Table show it."""
    written = []
    for requirement in sorted(selector.requirements, key=lambda requirement: requirement.key):
        key, values = requirement.key, sorted(requirement.values)
        match requirement.operator:
            case "exists":
                written.append(key)
            case "!":
                written.append(f"!{key}")
            case "in" | "notin":
                written.append(f"{key} {requirement.operator} ({','.join(values)})")
            case operator:
                written.append(f"{key}{operator}{values[0]}")
    return ",".join(written)


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """`operator` is `=` or `!=`."""

    field: str
    operator: str
    value: str


class FieldSelector:
    """All `requirements` must hold; without any it selects everything."""

    __slots__ = ("everything", "requirements")

    def __init__(self, requirements: tuple[FieldRequirement, ...] = ()) -> None:
        self.requirements = requirements
        self.everything = not requirements

    def matches(self, getter: Getter) -> bool:
        for requirement in self.requirements:  # noqa: SIM110 -- as above
            if (getter(requirement.field) == requirement.value) != (requirement.operator == "="):
                return False
        return True

    def required(self, field: str) -> str | None:
        """The value that `field` must have, None if it is left open."""
        for requirement in self.requirements:
            if requirement.field == field and requirement.operator == "=":
                return requirement.value
        return None

    def required_name(self) -> str | None:
        """The one name an object must have to be selected, None if there may be several."""
        return self.required("metadata.name")

    def refuse_unknown(self, known: Collection[str], text: str) -> None:
        """Raises BadRequest about the first field not in `known`; `{field}` in `text` stands for it."""
        for requirement in self.requirements:
            if requirement.field not in known:
                raise BadRequest(text.replace("{field}", requirement.field))


EVERY_FIELD = FieldSelector()

_FIELD_TERMS = re.compile(r"(?:\\.|[^,\\]|\\\Z)+", re.DOTALL)
_FIELD_OPERATOR = re.compile("!=|==|=")


def _unescaped(value: str) -> str:
    if not any(character in value for character in "\\,="):
        return value
    characters = iter(value)
    plain = []
    for character in characters:
        if character == "\\":
            character = next(characters, "")
            if character not in ("\\", ",", "="):
                raise BadRequest(f"invalid field selector: invalid escape sequence: \\{character}")
        elif character in ",=":
            raise BadRequest(f"invalid field selector: unescaped character in value: {ord(character)}")
        plain.append(character)
    return "".join(plain)


@lru_cache(1024)
def parse_fields(text: str) -> FieldSelector:
    """The selector of `?fieldSelector=text`. Raises BadRequest; whether a kind knows the fields is not asked here."""
    requirements = []
    for term in sorted(_FIELD_TERMS.findall(text)):  # which of several bad ones is told of goes by this order
        operator = _FIELD_OPERATOR.search(term)
        if not operator:
            raise BadRequest(f"invalid selector: '{text}'; can't understand '{term}'")
        field, value = term[: operator.start()], _unescaped(term[operator.end() :])
        if field or value:
            requirements.append(FieldRequirement(field, operator[0].replace("==", "="), value))
    return FieldSelector(tuple(requirements)) if requirements else EVERY_FIELD
