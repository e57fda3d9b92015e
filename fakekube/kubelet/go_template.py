"""As much of Go's text/template as stages use: actions, if, range, with, variables, define and template, pipelines, functions.

https://pkg.go.dev/text/template
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Function = Callable[..., Any]
Functions = Mapping[str, Function]

_ACTION = re.compile(r"\{\{(-\s)?\s*(/\*.*?\*/|(?:`[^`]*`|\"(?:\\.|[^\"\\])*\"|(?!\}\}).)*?)\s*(\s-)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>"(?:\\.|[^"\\])*"|`[^`]*`)
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<variable>\$[A-Za-z_0-9]*)
    | (?P<fields>(?:\.[A-Za-z_][A-Za-z0-9_]*)+)
    | (?P<symbol>:=|=|\||\(|\)|,|\.)
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    )""",
    re.VERBOSE,
)

Evaluate = Callable[["_Scope"], Any]
_Node = Callable[["_Scope", list[str]], None]


class TemplateError(ValueError):
    """What is not understood or not supported; `line` counts from 1 within the template."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class _Scope:
    """Where an action is evaluated: the dot, the variables in sight, and the functions."""

    def __init__(self, dot: Any, functions: Functions, blocks: dict[str, list[_Node]]) -> None:
        self.dot = dot
        self.functions = functions
        self.blocks = blocks
        self.variables: list[dict[str, Any]] = [{"$": dot}]

    def find(self, name: str) -> dict[str, Any]:
        """Where the variable is. Raises KeyError."""
        known: dict[str, Any]
        for known in reversed(self.variables):
            if name in known:
                return known
        raise KeyError(name)


class Template:
    """A template, parsed once. `known`: the names of the functions that will be there."""

    def __init__(self, text: str, known: set[str]) -> None:
        """Raises TemplateError."""
        self._pieces = list(_pieces(text))
        self._known = known
        self._at = 0
        self._blocks: dict[str, list[_Node]] = {}
        self._nodes, end = self._list()
        if end:
            raise TemplateError(f"{{{{ {end} }}}} ends nothing", self._line())

    def render(self, dot: Any, functions: Functions) -> str:
        """Raises TemplateError for what fails while it is evaluated."""
        parts: list[str] = []
        _run(self._nodes, _Scope(dot, functions, self._blocks), parts)
        return "".join(parts)

    def _line(self) -> int:
        return self._pieces[min(self._at, len(self._pieces)) - 1][2] if self._pieces else 1

    def _list(self) -> tuple[list[_Node], str]:
        """(nodes up to the end of the block, what ended it: `end`, `else`, `else if ...`, or nothing)"""
        nodes: list[_Node] = []
        while self._at < len(self._pieces):
            kind, text, line = self._pieces[self._at]
            self._at += 1
            if kind == "text":
                nodes.append(_text(text))
                continue
            word, _, rest = text.partition(" ")
            if word in ("end", "else"):
                return nodes, text
            if word in ("if", "with", "range"):
                nodes.append(self._block(word, rest, line))
            elif word == "define":
                body, _ = self._list()
                self._blocks[_string(rest.strip(), line)] = body
            elif word == "template":
                nodes.append(self._template(rest, line))
            elif word in ("break", "continue"):
                nodes.append(_leave(_Break if word == "break" else _Continue))
            elif word in ("block", "call"):
                raise TemplateError(f"{word!r} is not supported", line)
            elif text:
                nodes.append(self._action(text, line))
        return nodes, ""

    def _block(self, word: str, rest: str, line: int) -> _Node:
        names, value = self._pipeline(rest, line)
        body, end = self._list()
        other: list[_Node] = []
        if end.startswith("else"):
            more = end[4:].strip()
            if more:
                nested, _, condition = more.partition(" ")
                if nested not in ("if", "with"):
                    raise TemplateError(f"'else {nested}' is not supported", line)
                other = [self._block(nested, condition, line)]
            else:
                other, end = self._list()
        if not end:
            raise TemplateError(f"the {word} has no end", line)
        if word == "range":
            return _range(names, value, body, other)
        return _conditional(names, value, body, other, moves_dot=word == "with")

    def _template(self, rest: str, line: int) -> _Node:
        parser = _Parser(rest, line, self._known)
        name = _string(parser.next()[1], line)
        value = parser.pipeline() if parser.left else None
        return _call_template(name, value, line)

    def _action(self, text: str, line: int) -> _Node:
        names, value = self._pipeline(text, line)
        if names:
            return _assign(names, value)
        return _output(value)

    def _pipeline(self, text: str, line: int) -> tuple[list[tuple[str, bool]], Evaluate]:
        """([(variable, whether it is new)], the value)"""
        parser = _Parser(text, line, self._known)
        names = parser.assigned()
        value = parser.pipeline()
        if parser.left:
            raise TemplateError(f"{parser.peek()[1]!r} is not understood here", line)
        return names, value


def _pieces(text: str) -> Iterator[tuple[str, str, int]]:
    """("text" or "action", its text, its line)"""
    position, trims = 0, False
    for match in _ACTION.finditer(text):
        before = text[position : match.start()]
        if trims:
            before = before.lstrip()
        if match[1]:
            before = before.rstrip()
        line = text.count("\n", 0, match.start()) + 1
        if before:
            yield "text", before, line
        if not match[2].startswith("/*"):
            yield "action", " ".join(match[2].split("\n")).strip(), line
        position, trims = match.end(), bool(match[3])
    rest = text[position:]
    if "{{" in rest:
        raise TemplateError("an action is not closed", text.count("\n", 0, position + rest.index("{{")) + 1)
    yield "text", rest.lstrip() if trims else rest, text.count("\n") + 1


class _Parser:
    """The inside of one action."""

    def __init__(self, text: str, line: int, known: set[str]) -> None:
        self.line = line
        self._known = known
        self._tokens: list[tuple[str, str, bool]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise TemplateError(f"{text[position:].strip()[:20]!r} is not understood", line)
            kind = str(match.lastgroup)
            is_close = match.start(kind) == position and position > 0
            self._tokens.append((kind, match[kind], is_close))
            position = match.end()
        self._at = 0

    @property
    def left(self) -> bool:
        return self._at < len(self._tokens)

    def peek(self) -> tuple[str, str, bool]:
        return self._tokens[self._at] if self.left else ("", "", False)

    def next(self) -> tuple[str, str, bool]:
        token = self.peek()
        if not self.left:
            raise TemplateError("something is missing at the end of the action", self.line)
        self._at += 1
        return token

    def assigned(self) -> list[tuple[str, bool]]:
        """The variables before `:=` or `=`."""
        names: list[str] = []
        at = self._at
        while at < len(self._tokens) and self._tokens[at][0] == "variable":
            names.append(self._tokens[at][1])
            at += 1
            sign = self._tokens[at][1] if at < len(self._tokens) else ""
            at += 1
            if sign in (":=", "="):
                self._at = at
                return [(name, sign == ":=") for name in names]
            if sign != ",":
                break
        return []

    def pipeline(self) -> Evaluate:
        value = self._command(None)
        while self.peek()[1] == "|" and self.peek()[0] == "symbol":
            self._at += 1
            value = self._command(value)
        return value

    def _command(self, piped: Evaluate | None) -> Evaluate:
        kind, text, _ = self.next()
        if kind == "word" and text not in _CONSTANTS:
            if text not in self._known and text not in BUILTINS and text not in ("and", "or"):
                raise TemplateError(f"the function {text!r} is not supported", self.line)
            arguments = []
            while self.left and not (self.peek()[0] == "symbol" and self.peek()[1] in ("|", ")")):
                arguments.append(self._operand())
            if piped is not None:
                arguments.append(piped)
            return _called(text, arguments, self.line)
        self._at -= 1
        if piped is not None:
            raise TemplateError(f"{text!r} is no function to pipe into", self.line)
        return self._operand()

    def _operand(self) -> Evaluate:
        kind, text, _ = self.next()
        value: Evaluate
        if kind == "string":
            value = _constant(_string(text, self.line))
        elif kind == "number":
            value = _constant(float(text) if "." in text else int(text))
        elif kind == "variable":
            value = _variable(text, self.line)
        elif kind == "fields":
            return _fields(_dot, text)
        elif text == "." and kind == "symbol":
            value = _dot
        elif text == "(":
            value = self.pipeline()
            if self.next()[1] != ")":
                raise TemplateError("a parenthesis is not closed", self.line)
        elif kind == "word" and text in _CONSTANTS:
            value = _constant(_CONSTANTS[text])
        elif kind == "word" and (text in self._known or text in BUILTINS):
            value = _called(text, [], self.line)
        else:
            raise TemplateError(f"{text!r} is not supported here", self.line)
        kind, text, is_close = self.peek()
        if kind == "fields" and is_close:
            self._at += 1
            value = _fields(value, text)
        return value


_CONSTANTS = {"true": True, "false": False, "nil": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "'": "'"}


def _string(text: str, line: int) -> str:
    if text.startswith("`"):
        return text[1:-1]
    if not text.startswith('"'):
        raise TemplateError(f"expected a text in quotes, not {text!r}", line)
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1])


def _constant(value: Any) -> Evaluate:
    return lambda _: value


def _dot(scope: _Scope) -> Any:
    return scope.dot


def _variable(name: str, line: int) -> Evaluate:
    def variable(scope: _Scope) -> Any:
        try:
            return scope.find(name)[name]
        except KeyError:
            raise TemplateError(f"the variable {name} is not there", line) from None

    return variable


def _fields(value: Evaluate, path: str) -> Evaluate:
    names = path[1:].split(".")

    def fields(scope: _Scope) -> Any:
        found = value(scope)
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found

    return fields


def _called(name: str, arguments: Sequence[Evaluate], line: int) -> Evaluate:
    def call(scope: _Scope) -> Any:
        if name in ("and", "or"):
            result: Any = None
            for argument in arguments:
                result = argument(scope)
                if is_true(result) == (name == "or"):
                    break
            return result
        function = scope.functions.get(name) or BUILTINS[name]
        try:
            return function(*(argument(scope) for argument in arguments))
        except TemplateError:
            raise
        except Exception as error:
            raise TemplateError(f"{name}: {error}", line) from None

    return call


def _run(nodes: Sequence[_Node], scope: _Scope, parts: list[str]) -> None:
    for node in nodes:
        node(scope, parts)


def _text(text: str) -> _Node:
    return lambda _, parts: parts.append(text)


def _output(value: Evaluate) -> _Node:
    return lambda scope, parts: parts.append(printed(value(scope)))


def _assign(names: Sequence[tuple[str, bool]], value: Evaluate) -> _Node:
    def assign(scope: _Scope, _: list[str]) -> None:
        result = value(scope)
        for name, is_new in names:
            (scope.variables[-1] if is_new else scope.find(name))[name] = result

    return assign


def _conditional(
    names: Sequence[tuple[str, bool]], value: Evaluate, body: list[_Node], other: list[_Node], *, moves_dot: bool
) -> _Node:
    def conditional(scope: _Scope, parts: list[str]) -> None:
        result, dot = value(scope), scope.dot
        scope.variables.append({name: result for name, _ in names})
        try:
            if is_true(result):
                if moves_dot:
                    scope.dot = result
                _run(body, scope, parts)
            else:
                _run(other, scope, parts)
        finally:
            scope.dot = dot
            scope.variables.pop()

    return conditional


def _range(names: Sequence[tuple[str, bool]], value: Evaluate, body: list[_Node], other: list[_Node]) -> _Node:
    def over(scope: _Scope, parts: list[str]) -> None:
        result, dot = value(scope), scope.dot
        if isinstance(result, dict):
            items: list[tuple[Any, Any]] = sorted(result.items())
        elif isinstance(result, int) and not isinstance(result, bool):
            items = [(number, number) for number in range(result)]
        else:
            items = list(enumerate(result or ()))
        if not items:
            _run(other, scope, parts)
        for key, item in items:
            scope.variables.append(
                dict(zip((name for name, _ in names), (key, item) if len(names) == 2 else (item,), strict=False))
            )
            scope.dot = item
            try:
                _run(body, scope, parts)
            except _Break:
                break
            except _Continue:
                continue
            finally:
                scope.dot = dot
                scope.variables.pop()

    return over


def _leave(how: type[Exception]) -> _Node:
    def leave(_: _Scope, __: list[str]) -> None:
        raise how

    return leave


def _call_template(name: str, value: Evaluate | None, line: int) -> _Node:
    def call(scope: _Scope, parts: list[str]) -> None:
        if name not in scope.blocks:
            raise TemplateError(f"the template {name!r} is not there", line)
        _run(scope.blocks[name], _Scope(value(scope) if value else None, scope.functions, scope.blocks), parts)

    return call


def is_true(value: Any) -> bool:
    """Empty values of any type are false."""
    return bool(value)


def printed(value: Any) -> str:
    """As fmt.Print writes a value."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{printed(item)}" for key, item in sorted(value.items())) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(printed, value)) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _equal(one: Any, *others: Any) -> bool:
    return any(one == other and isinstance(one, bool) == isinstance(other, bool) for other in others)


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif value is not None:
            value = value[key]
    return value


def _printf(format: str, *values: Any) -> str:
    left = list(values)

    def one(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        value = left.pop(0)
        if match[2] in "svd":
            text = printed(value)
            return str(f"%{match[1]}s" % text if match[2] != "d" or not match[1] else f"%{match[1]}d" % value)
        if match[2] == "q":
            return '"' + printed(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
        return str(f"%{match[1]}{match[2]}" % value)

    return re.sub(r"%([-+0 #]*\d*(?:\.\d+)?)([a-zA-Z%])", one, format)


BUILTINS: Functions = {
    "not": lambda value: not is_true(value),
    "eq": _equal,
    "ne": lambda one, other: not _equal(one, other),
    "lt": lambda one, other: one < other,
    "le": lambda one, other: one <= other,
    "gt": lambda one, other: one > other,
    "ge": lambda one, other: one >= other,
    "len": len,
    "index": _index,
    "print": lambda *values: "".join(map(printed, values)),
    "println": lambda *values: " ".join(map(printed, values)) + "\n",
    "printf": _printf,
}
"""Of the language itself; `and` and `or` are in the evaluation, since they do not look at what they need not."""
