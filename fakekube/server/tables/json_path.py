"""The JSONPath of printer columns: what `.status.conditions[?(@.type=="Ready")].status` finds in an object.

The dialect is client-go's: fields (`.a`, `.a\\.b`, `['a']`), indices and slices of lists, `*`, `..`, unions, filters with one comparison.
https://kubernetes.io/docs/reference/kubectl/jsonpath/
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

Step = Callable[[Any], list[Any]]
"""One value -> what the step finds in it; nothing where a key is missing."""
Path = Callable[[Any], list[Any]]


class PathError(Exception):
    """The path cannot be read, or asks of a value what its type does not have."""


@lru_cache(1024)
def parse(text: str) -> Path:
    """The path as a function. Raises PathError; the function does too."""
    steps = _steps(text)

    def find(root: Any) -> list[Any]:
        found = [root]
        for step in steps:
            found = [each for value in found for each in step(value)]
        return found

    return find


_FIELD = re.compile(r"((?:\\.|[^\\.,\[\]\s{}$@])+)")
_QUOTED = re.compile(r"""\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)")\s*\Z""")
_KEY = re.compile(r"\s*'((?:\\.|[^'\\])*)'\s*\Z")
_INDEX = re.compile(r"-?\d+\Z")
_SLICE = re.compile(r"(?:(-?\d*):(-?\d*)(?::(-?\d*))?)?\Z")
_COMPARISON = re.compile(r"\s*([^!<>=]+?)\s*([!<>=]+)\s*(.+?)\s*\Z")


def _steps(text: str) -> list[Step]:
    text = text.strip()
    if text == ".":
        return [_field("")]
    position = 1 if text[:1] in ("$", "@") else 0
    steps: list[Step] = []
    while position < len(text):
        if text.startswith("..", position):
            steps.append(_descendants)
            position += 1 if text[position + 2 : position + 3] == "[" else 2
            position += text.startswith(".[", position)
            if position < len(text) and text[position] != "[":
                position = _add_field(text, position, steps)
        elif text[position].isspace():
            position = _add_identifier(text, position, steps)
        elif text[position] == ".":
            position += 1
            if position < len(text) and text[position] != "[":
                position = _add_field(text, position, steps)
        elif text[position] == "[":
            end = _closing(text, position)
            steps.append(_bracket(text[position + 1 : end]))
            position = end + 1
        else:
            position = _add_field(text, position, steps)
    return steps


def _add_field(text: str, position: int, steps: list[Step]) -> int:
    match = _FIELD.match(text, position)
    if not match:
        raise PathError(f"unrecognized character in {text!r} at {position}")
    steps.append(_all if match[1] == "*" else _field(_unescaped(match[1])))
    return match.end()


def _add_identifier(text: str, position: int, steps: list[Step]) -> int:
    """What stands behind white space is no field but a word of templates, which means nothing here."""
    match = re.compile(r"\s*([a-zA-Z]\w*)").match(text, position)
    if not match:
        raise PathError(f"unrecognized character in {text!r} at {position}")
    steps.append(_word(match[1]))
    return match.end()


def _word(word: str) -> Step:
    def refuse(value: Any) -> list[Any]:
        raise PathError(f"unrecognized identifier {word}")

    return refuse


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _closing(text: str, start: int) -> int:
    """Where the bracket that opens at `start` is closed; brackets inside quotes and nested ones do not count."""
    depth, quote, position = 0, "", start
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character == "[") - (character == "]")
            if not depth:
                return position
        position += 1
    raise PathError(f"unterminated array in {text!r}")


def _bracket(inner: str) -> Step:
    if inner.strip() == "*":
        return _all
    if key := _KEY.match(inner):
        return _field(_unescaped(key[1]))
    if _INDEX.match(inner):
        return _index(int(inner))
    if part := _SLICE.match(inner):
        return _slice(*(int(each) if each else None for each in part.groups()))
    if inner.startswith("?(") and inner.rstrip().endswith(")"):
        return _filter(inner.rstrip()[2:-1])
    choices = _split(inner)
    if len(choices) > 1:
        return _union([_bracket(choice) for choice in choices])
    raise PathError(f"invalid array index {inner}")


def _split(inner: str) -> list[str]:
    return re.findall(r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^,])+""", inner)


def _field(name: str) -> Step:
    return lambda value: [value[name]] if isinstance(value, dict) and name in value else []


def _all(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _descendants(value: Any) -> list[Any]:
    found = [value] if isinstance(value, dict | list) else []
    for each in _all(value):
        found += _descendants(each)
    return found


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise PathError("not a list")
    return value


def _index(index: int) -> Step:
    def pick(value: Any) -> list[Any]:
        if value is None:
            return []
        values = _list(value)
        if not -len(values) <= index < len(values):
            raise PathError(f"array index out of bounds: index {index}, length {len(values)}")
        return [values[index]]

    return pick


def _slice(start: int | None = None, end: int | None = None, step: int | None = None) -> Step:
    def cut(value: Any) -> list[Any]:
        if step is not None and step <= 0:
            raise PathError("step must be > 0")
        return [] if value is None else _list(value)[start:end:step]

    return cut


def _union(steps: list[Step]) -> Step:
    return lambda value: [each for step in steps for each in step(value)]


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _operand(text: str) -> Path:
    """A path into the element, or a constant."""
    if quoted := _QUOTED.match(text):
        constant: Any = _unescaped(quoted[1] if quoted[1] is not None else quoted[2])
    elif text in ("true", "false"):
        constant = text == "true"
    elif re.fullmatch(r"[+-]?\d+", text):
        constant = int(text)
    elif re.fullmatch(r"[+-]?\d+\.\d+", text):
        constant = float(text)
    else:
        return parse(text)
    return lambda value: [constant]


def _filter(condition: str) -> Step:
    comparison = _COMPARISON.match(condition)
    if not comparison:
        exists = parse(condition.strip())
        return lambda value: [each for each in _list(value) if exists(each)]
    compare = _COMPARISONS.get(comparison[2])
    if compare is None:
        raise PathError(f"unrecognized filter operator {comparison[2]}")
    left, right = _operand(comparison[1]), _operand(comparison[3])

    def holds(element: Any) -> bool:
        lefts, rights = left(element), right(element)
        if len(lefts) > 1 or len(rights) > 1:
            raise PathError("can only compare one element at a time")
        if not lefts or not rights:
            return False
        if _type(lefts[0]) != _type(rights[0]):
            raise PathError("incompatible types for comparison")
        return compare(lefts[0], rights[0])

    return lambda value: [each for each in _list(value) if holds(each)]


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    raise PathError("invalid type for comparison")
