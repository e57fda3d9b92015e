"""As much of jq as selectors of stages use: paths, iteration, `select`, comparisons, `and`, `or`, `not`, `//`, and pipes.

https://jqlang.org/manual/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

Filter = Callable[[Any], Iterator[Any]]

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>"(?:\\.|[^"\\])*")
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<field>\.[A-Za-z_][A-Za-z0-9_]*)
    | (?P<symbol>//|==|!=|<=|>=|\||<|>|\[|\]|\(|\)|\.|\?|,)
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    )""",
    re.VERBOSE,
)


class JqError(ValueError):
    """An expression that is not understood."""


class _Impossible(Exception):
    """What jq would call an error: the filter has no results."""


def compile_jq(text: str) -> Callable[[Any], list[Any]]:
    """value -> results; what cannot be done with a value (iterate over null) has none. Raises JqError."""
    filter_ = _Parser(text).parse()

    def results(value: Any) -> list[Any]:
        try:
            return list(filter_(value))
        except _Impossible:
            return []

    return results


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise JqError(f"{text!r}: {text[position:].strip()[:20]!r} is not understood")
            self.tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            position = match.end()
        self.at = 0

    def parse(self) -> Filter:
        filter_ = self._pipe()
        if self.at < len(self.tokens):
            raise JqError(f"{self.text!r}: {self.tokens[self.at][1]!r} is not understood here")
        return filter_

    def _peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def _take(self, wanted: str) -> bool:
        if self._peek() == wanted and self.tokens[self.at][0] != "string":
            self.at += 1
            return True
        return False

    def _need(self, wanted: str) -> None:
        if not self._take(wanted):
            raise JqError(f"{self.text!r}: expected {wanted!r}, not {self._peek() or 'the end'!r}")

    def _pipe(self) -> Filter:
        filter_ = self._alternative()
        while self._take("|"):
            filter_ = _piped(filter_, self._alternative())
        return filter_

    def _alternative(self) -> Filter:
        filter_ = self._or()
        while self._take("//"):
            filter_ = _either(filter_, self._or())
        return filter_

    def _or(self) -> Filter:
        filter_ = self._and()
        while self._take("or"):
            filter_ = _logical(filter_, self._and(), any)
        return filter_

    def _and(self) -> Filter:
        filter_ = self._comparison()
        while self._take("and"):
            filter_ = _logical(filter_, self._comparison(), all)
        return filter_

    def _comparison(self) -> Filter:
        filter_ = self._path()
        for sign, compare in _COMPARISONS.items():
            if self._take(sign):
                return _compared(filter_, self._path(), compare)
        return filter_

    def _path(self) -> Filter:
        filter_ = self._term()
        while True:
            kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
            if kind == "field":
                self.at += 1
                filter_ = _piped(filter_, _field(text[1:]))
            elif text == "[" and kind == "symbol":
                filter_ = _piped(filter_, self._brackets())
            elif text == "." and kind == "symbol":
                self.at += 1
                if self._peek() == "[":
                    filter_ = _piped(filter_, self._brackets())
                elif self.at < len(self.tokens) and self.tokens[self.at][0] == "string":
                    filter_ = _piped(filter_, _field(json.loads(self.tokens[self.at][1])))
                    self.at += 1
                else:
                    raise JqError(f"{self.text!r}: a path ends in a dot")
            elif text == "?" and kind == "symbol":
                self.at += 1
                filter_ = _tried(filter_)
            else:
                return filter_

    def _brackets(self) -> Filter:
        self._need("[")
        if self._take("]"):
            return _each
        kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        self.at += 1
        if kind == "string":
            step = _field(json.loads(text))
        elif kind == "number":
            step = _item(int(text))
        else:
            raise JqError(f"{self.text!r}: expected a name in quotes or a number in brackets, not {text!r}")
        self._need("]")
        return step

    def _term(self) -> Filter:
        if self.at >= len(self.tokens):
            raise JqError(f"{self.text!r}: something is missing at the end")
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "field":
            return _field(text[1:])
        if kind in ("string", "number"):
            return _constant(json.loads(text))
        if text == "(":
            filter_ = self._pipe()
            self._need(")")
            return filter_
        if text == ".":
            if self.at < len(self.tokens) and self.tokens[self.at][0] == "string":
                self.at += 1
                return _field(json.loads(self.tokens[self.at - 1][1]))
            return _same
        if text in ("true", "false", "null"):
            return _constant(json.loads(text))
        if text in ("length", "not", "keys"):
            return _FUNCTIONS[text]
        if text in ("select", "map", "has", "any", "all"):
            self._need("(")
            inner = self._pipe()
            self._need(")")
            return _WITH_FILTER[text](inner)
        raise JqError(
            f"{self.text!r}: {text!r} is not supported; expected paths, select, map, has, any, all, length, keys, not"
        )


def _same(value: Any) -> Iterator[Any]:
    yield value


def _constant(constant: Any) -> Filter:
    return lambda _: iter((constant,))


def _field(name: str) -> Filter:
    def field(value: Any) -> Iterator[Any]:
        if value is not None and not isinstance(value, dict):
            raise _Impossible
        yield value.get(name) if value else None

    return field


def _item(index: int) -> Filter:
    def item(value: Any) -> Iterator[Any]:
        if value is not None and not isinstance(value, list):
            raise _Impossible
        yield value[index] if value and -len(value) <= index < len(value) else None

    return item


def _each(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
    else:
        raise _Impossible


def _piped(first: Filter, then: Filter) -> Filter:
    return lambda value: (result for each in first(value) for result in then(each))


def _tried(filter_: Filter) -> Filter:
    def tried(value: Any) -> Iterator[Any]:
        try:
            yield from list(filter_(value))
        except _Impossible:
            return

    return tried


def _either(first: Filter, other: Filter) -> Filter:
    def either(value: Any) -> Iterator[Any]:
        found = [each for each in _tried(first)(value) if _is_true(each)]
        yield from found or other(value)

    return either


def _logical(left: Filter, right: Filter, decide: Callable[[Iterator[bool]], bool]) -> Filter:
    def logical(value: Any) -> Iterator[Any]:
        for one in left(value):
            for other in right(value):
                yield decide(map(_is_true, (one, other)))

    return logical


def _compared(left: Filter, right: Filter, compare: Callable[[Any, Any], bool]) -> Filter:
    def compared(value: Any) -> Iterator[Any]:
        for one in left(value):
            for other in right(value):
                try:
                    yield compare(one, other)
                except TypeError:
                    yield False

    return compared


def _select(condition: Filter) -> Filter:
    return lambda value: (value for verdict in condition(value) if _is_true(verdict))


def _map(inner: Filter) -> Filter:
    def mapped(value: Any) -> Iterator[Any]:
        yield [result for each in _each(value) for result in inner(each)]

    return mapped


def _has(inner: Filter) -> Filter:
    def has(value: Any) -> Iterator[Any]:
        for key in inner(value):
            yield isinstance(value, dict) and key in value

    return has


def _any(inner: Filter) -> Filter:
    return lambda value: iter((any(_is_true(verdict) for each in _each(value) for verdict in inner(each)),))


def _all(inner: Filter) -> Filter:
    return lambda value: iter((all(_is_true(verdict) for each in _each(value) for verdict in inner(each)),))


def _length(value: Any) -> Iterator[Any]:
    yield 0 if value is None else len(value) if isinstance(value, (str, list, dict)) else abs(value)


def _keys(value: Any) -> Iterator[Any]:
    if not isinstance(value, dict):
        raise _Impossible
    yield sorted(value)


def _not(value: Any) -> Iterator[Any]:
    yield not _is_true(value)


def _is_true(value: Any) -> bool:
    """All but false and null."""
    return value is not None and value is not False


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda one, other: bool(one == other),
    "!=": lambda one, other: bool(one != other),
    "<=": lambda one, other: bool(one <= other),
    ">=": lambda one, other: bool(one >= other),
    "<": lambda one, other: bool(one < other),
    ">": lambda one, other: bool(one > other),
}
_FUNCTIONS: dict[str, Filter] = {"length": _length, "keys": _keys, "not": _not}
_WITH_FILTER: dict[str, Callable[[Filter], Filter]] = {
    "select": _select,
    "map": _map,
    "has": _has,
    "any": _any,
    "all": _all,
}
