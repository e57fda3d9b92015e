"""YAML as the server and kubectl read it: YAML 1.1 the way Go's goyaml resolves it, turned into JSON values.

Differs from PyYAML's own loaders: `y`, `n`, `on`, `off` are booleans and `0o17` a number, dates and `1:2` stay strings, keys become
strings, merges (`<<`) take effect where they stand, the last of repeated keys wins, and values are built from events, so that neither
deep nesting nor aliases of aliases can exhaust the process.

https://pkg.go.dev/sigs.k8s.io/yaml
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import yaml as pyyaml

from fakekube.objects.go_text import float_text, quoted

MOST_LEVELS = 10_000

_PLAIN = "plain"
"""The tag of a scalar that stands without quotes and without a tag of its own: its text says what it is."""

_WORDS: dict[str, Any] = (
    dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"), True)
    | dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"), False)
    | dict.fromkeys(("", "~", "null", "Null", "NULL"))
    | dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan)
    | dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf)
    | dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf)
)
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_MERGE = object()
"""What a plain `<<` stands for where a key is expected."""


class YAMLError(ValueError):
    """The text is no YAML, or none that JSON could say; the message is Go's and begins with `yaml: ` or `json: `."""


class _ValueOfNoUseError(YAMLError):
    """The text is YAML so far. That the document goes on with what is none is told instead: values are made when it has been read."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a stream: its JSON value and the line (from 1) on which it begins."""

    value: Any
    line: int
    repeated: tuple[str, ...] = ()
    """`line 3: key "name" already set in map`, for every key that stood there before."""


def load(text: str | bytes) -> Document:
    """The first document of `text`, whatever follows it; an empty text is a document that is null. Raises YAMLError."""
    for document in _documents(text):
        return document
    return Document(None, 1)


def load_all(text: str | bytes) -> Iterator[Document]:
    """The documents of a manifest one by one, empty ones (null) included. Raises YAMLError when it comes to the wrong line."""
    return _documents(text)


def with_sorted_keys(value: Any) -> Any:
    """`value` with the keys of all mappings sorted, as the JSON is that the server makes of YAML before it decodes it.

    Changes mappings and lists in place, those that aliases share but once.
    """
    seen: set[int] = set()
    open_ = [value]
    while open_:
        item = open_.pop()
        if not isinstance(item, dict | list) or id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, dict):
            members = sorted(item.items(), key=_by_key)
            item.clear()
            item.update(members)
            open_.extend(item.values())
        else:
            open_.extend(item)
    return value


def _by_key(member: tuple[str, Any]) -> bytes:
    return member[0].encode("utf-8", "surrogatepass")


_PARSER: Any = getattr(pyyaml, "CSafeLoader", pyyaml.SafeLoader)
_HAS_LIBYAML = hasattr(pyyaml, "CSafeLoader")
_OCTETS = {
    "invalid start byte": "invalid leading UTF-8 octet",
    "invalid continuation byte": "invalid trailing UTF-8 octet",
    "unexpected end of data": "incomplete UTF-8 octet sequence",
}
"""What libyaml calls the mistakes of Python's decoder."""


class _Events(_PARSER):  # type: ignore[misc]
    """The parser alone: what a scalar is called is decided here, by the words of this module."""


def _documents(text: str | bytes) -> Iterator[Document]:
    if isinstance(text, bytes) and not _HAS_LIBYAML and not text.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise YAMLError(f"yaml: {_OCTETS.get(error.reason, error.reason)}") from None
    try:
        parser = _Events(text)
    except pyyaml.YAMLError as error:
        raise YAMLError(_go_message(error)) from None
    try:
        parser.get_event()  # the start of the stream
        while True:
            event: Any = parser.get_event()
            if isinstance(event, pyyaml.StreamEndEvent):
                return
            if isinstance(event, pyyaml.DocumentStartEvent):
                builder, line, wrong = _Builder(), _line(event) + 1, None
            elif isinstance(event, pyyaml.DocumentEndEvent):
                if wrong is not None:
                    raise wrong
                yield Document(builder.finished(), line, tuple(builder.repeated))
            elif wrong is None:
                try:
                    builder.take(event)
                except _ValueOfNoUseError as error:
                    wrong = error
    except pyyaml.YAMLError as error:
        raise YAMLError(_go_message(error)) from None
    except RecursionError:  # a deep key that is to be shown
        raise YAMLError(f"yaml: exceeded max depth of {MOST_LEVELS}") from None
    finally:
        parser.dispose()


def _line(event: Any) -> int:
    """The line of an event, counted from 0."""
    line: int = event.start_mark.line
    return line


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    line: int
    size: int = 1
    """How many nodes it stands for, those behind aliases counted each time."""
    key: Any = None
    has_key: bool = False


@dataclass(slots=True)
class _Builder:
    """Makes one document out of its events."""

    repeated: list[str] = field(default_factory=list)
    open: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    value: Any = None
    read: int = 0
    aliased: int = 0

    def take(self, event: Any) -> None:
        """The next event inside the document."""
        if isinstance(event, pyyaml.ScalarEvent):
            value = _scalar(event)
            if event.anchor:
                self.anchors[event.anchor] = (value, 1)
            self._put(value, 1, _line(event))
        elif isinstance(event, pyyaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, pyyaml.MappingStartEvent | pyyaml.SequenceStartEvent):
            if len(self.open) >= MOST_LEVELS:
                raise YAMLError(f"yaml: line {_line(event) + 1}: exceeded max depth of {MOST_LEVELS}")
            self.anchors.pop(event.anchor or "", None)
            empty: Any = {} if isinstance(event, pyyaml.MappingStartEvent) else []
            self.open.append(_Open(empty, event.anchor, _line(event)))
        else:
            closed = self.open.pop()
            if closed.anchor:
                self.anchors[closed.anchor] = (closed.value, closed.size)
            self._put(closed.value, closed.size, closed.line)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            if any(level.anchor == event.anchor for level in self.open):
                raise _ValueOfNoUseError(f"yaml: anchor '{event.anchor}' value contains itself")
            raise YAMLError(f"yaml: unknown anchor '{event.anchor}' referenced")
        value, size = self.anchors[event.anchor]
        self.aliased += size
        self.read += size - 1
        if self.aliased > 100 and self.read > 1000 and self.aliased / self.read > _most_aliased(self.read):
            raise _ValueOfNoUseError("yaml: document contains excessive aliasing")
        self._put(value, size, _line(event))

    def _put(self, value: Any, size: int, line: int) -> None:
        self.read += 1
        if not self.open:
            self.value = value
            return
        level = self.open[-1]
        level.size += size
        if isinstance(level.value, list):
            level.value.append(_json_value(value))
        elif not level.has_key:
            level.key, level.has_key = value, True
        else:
            level.has_key = False
            self._set(level.value, level.key, value, line)

    def _set(self, mapping: dict[str, Any], key: Any, value: Any, line: int) -> None:
        if key is _MERGE:
            for source in reversed(value) if isinstance(value, list) else (value,):
                if not isinstance(source, dict):
                    raise _ValueOfNoUseError("yaml: map merge requires map or sequence of maps as the value")
                mapping.update(source)
            return
        name = _key(key, value)
        if name in mapping:
            shown = quoted(key) if isinstance(key, str) else name
            self.repeated.append(f"line {line + 1}: key {shown} already set in map")
        mapping[name] = _json_value(value)

    def finished(self) -> Any:
        return _json_value(self.value)


def _most_aliased(read: int) -> float:
    """The share of nodes that may come out of aliases: nearly all in a small document, a tenth in one of millions."""
    if read <= 400_000:
        return 0.99
    if read >= 4_000_000:
        return 0.10
    return 0.99 - 0.89 * (read - 400_000) / 3_600_000


def _scalar(event: Any) -> Any:
    text = cast(str, event.value)
    if event.tag is None or event.tag == "!":
        return resolve(text) if event.tag is None and event.implicit[0] else text
    tag = event.tag.removeprefix("tag:yaml.org,2002:")
    if tag == "binary":
        try:
            return base64.b64decode(text, validate=False).decode("utf-8", "replace")
        except binascii.Error:
            raise _ValueOfNoUseError("yaml: !!binary value contains invalid base64 data") from None
    if tag not in ("int", "float", "bool", "null"):
        return text
    value = resolve(text)
    if tag == "float" and isinstance(value, int) and not isinstance(value, bool):
        return value
    kinds: dict[str, Any] = {"int": int, "float": float, "bool": bool, "null": type(None)}
    if type(value) is not kinds[tag]:
        raise _ValueOfNoUseError(f"yaml: cannot decode !!{_tag_of(value)} `{text}` as a !!{tag}")
    return value


def _tag_of(value: Any) -> str:
    names = {str: "str", bool: "bool", int: "int", float: "float", type(None): "null"}
    return names.get(type(value), "merge")


def resolve(text: str) -> Any:
    """What a scalar without quotes stands for: `yes` true, `0755` 493, `1_000` 1000, `2026-01-01` a string.

    Returns None, bool, int, float or str; a mark of its own for `<<`, which is a merge where a key is expected.
    """
    first = text[:1]
    if first.isascii() and (first.isdigit() or first in "+-."):
        return _number(text)
    if text in _WORDS:
        return _WORDS[text]
    return _MERGE if text == "<<" else text


def _number(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    plain = text.replace("_", "")
    integer = _INTEGER.fullmatch(plain)
    if integer is not None and text[0] != ".":
        sign, sixteen, two, eight, ten = integer.groups()
        digits, base = (sixteen, 16) if sixteen else (two, 2) if two else (eight, 8) if eight else (ten, 10)
        if len(digits) <= 80:
            value = int(digits, base) * (-1 if sign == "-" else 1)
            if -(2**63) <= value < 2**64:
                return value
    if _FLOAT.fullmatch(plain):
        value_ = float(plain)
        if not math.isinf(value_):
            return value_
    return text


def _json_value(value: Any) -> Any:
    """A finished value as JSON holds it: whole numbers as integers, no infinities."""
    if type(value) is float:
        if math.isnan(value) or math.isinf(value):
            raise _ValueOfNoUseError(
                f"json: unsupported value: {'NaN' if math.isnan(value) else '+Inf' if value > 0 else '-Inf'}"
            )
        if value.is_integer() and abs(value) < 2**63:
            return int(value)
    elif value is _MERGE:
        return "<<"
    return value


def _key(key: Any, value: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int):
        return str(key)
    if isinstance(key, float):
        return float_text(key)
    if key is None:
        raise _ValueOfNoUseError(f"unsupported map key of type: %!s(<nil>), key: <nil>, value: {_go_syntax(value)}")
    raise _ValueOfNoUseError(f"yaml: invalid map key: {_go_syntax(key)}")


def _go_syntax(value: Any) -> str:
    """As Go's %#v prints what goyaml makes of a node."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{_go_syntax(key)}:{_go_syntax(item)}" for key, item in value.items())
        return f"map[interface {{}}]interface {{}}{{{pairs}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_go_syntax, value))}}}"
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoted(value) if isinstance(value, str) else str(value)


def _go_message(error: pyyaml.YAMLError) -> str:
    """A syntax error in the words of goyaml, which counts lines as libyaml does, scanner errors one further on."""
    if isinstance(error, pyyaml.reader.ReaderError):
        reason = str(error.reason)
        return f"yaml: {'control characters are not allowed' if 'special characters' in reason else reason}"
    if not isinstance(error, pyyaml.MarkedYAMLError):
        return f"yaml: {error}"
    problem = error.problem or "unknown problem parsing YAML content"
    scanner = isinstance(error, pyyaml.scanner.ScannerError)
    if problem == "found unexpected ':'":
        # goyaml takes the colon for what follows a key, and wonders about that only when it parses.
        problem, scanner = "did not find expected ',' or '}'", False
    problem_line = error.problem_mark.line if error.problem_mark else 0
    context_line = error.context_mark.line if error.context_mark else 0
    line = problem_line + scanner if problem_line else context_line
    where = f"line {line}: " if line else ""
    return f"yaml: {where}{problem}"
