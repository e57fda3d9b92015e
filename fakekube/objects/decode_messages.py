"""What Go's decoder says about a value that is no object of a type, and which fields it finds unknown or repeated.

The careful counterpart of `structs`: it walks the value in the order of the document and makes nothing. Of mistakes in plain values the
first counts, after the whole document was read; a value with a reader of its own (quantity, time, int-or-string) ends reading at once,
so its mistake is told even where another one stands before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from fakekube import facts
from fakekube.facts import Field, Type
from fakekube.objects import go_json, quantities, times
from fakekube.objects.base64_text import Base64Error
from fakekube.objects.base64_text import canonical as canonical_base64
from fakekube.objects.go_text import float_text, quoted

MOST_FINDINGS = 100


class DecodeError(ValueError):
    """The value is no object of the type; the message is Go's: `json: cannot unmarshal string into Go struct field ...`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A field to warn about: `label` is `unknown` or `duplicate`, `path` `spec.containers[0].imag`."""

    label: str
    path: str

    def __str__(self) -> str:
        return f"{self.label} field {quoted(self.path)}"


def examine(type_: Type, value: Any) -> tuple[Finding, ...]:
    """The unknown and repeated fields of `value` as an object of `type_`. Raises DecodeError."""
    examination = _Examination()
    if isinstance(value, dict):
        try:
            examination.struct(type_, value, (), "")
        except RecursionError:
            raise DecodeError("exceeded max depth") from None
    elif value is not None:
        examination.refuse(f"json: cannot unmarshal {json_type(value)} into Go value of type v1.{type_.go_name}")
    if examination.first_mistake is not None:
        raise DecodeError(examination.first_mistake)
    return tuple(list(examination.findings)[:MOST_FINDINGS])


def repeated_keys(value: Any) -> list[str]:
    """The paths of keys that stand in their object more than once, of whatever type it is; each once, in the order of the document."""
    paths: dict[str, None] = {}
    waiting: list[tuple[str, Any, bool]] = [("", value, False)]
    while waiting:
        path, value, is_repeated = waiting.pop()
        if is_repeated:
            paths[path] = None
        inner: list[tuple[str, Any, bool]] = []
        if isinstance(value, dict):
            seen: set[str] = set()
            for key, item in members(value):
                inner.append((_under(path, key), item, key in seen))
                seen.add(key)
        elif isinstance(value, list):
            inner = [(f"{path}[{index}]", item, False) for index, item in enumerate(value)]
        waiting.extend(reversed(inner))
    return list(paths)


def members(value: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    """The members of an object in the order of the document, repeated keys each time."""
    return value.pairs if isinstance(value, go_json.RepeatedKeys) else value.items()


def _under(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands, as Go names it: the struct, and the JSON names from the root with those of embedded structs between."""

    struct: str
    names: tuple[str, ...]

    def mistake(self, value: str, go_type: str) -> str:
        return f"json: cannot unmarshal {value} into Go struct field {self.struct}.{'.'.join(self.names)} of type {go_type}"


@dataclass(slots=True)
class _Examination:
    inside: str = ""
    """The struct of which all mistakes are told to be, where another reader than this one came upon the value."""
    findings: dict[Finding, None] = field(default_factory=dict)
    first_mistake: str | None = None

    def refuse(self, message: str) -> None:
        if self.first_mistake is None:
            self.first_mistake = message

    def struct(self, type_: Type, value: dict[str, Any], names: tuple[str, ...], path: str) -> None:
        seen: set[str] = set()
        for key, item in members(value):
            below = _under(path, key)
            described = type_.fields.get(key)
            if described is None:
                self.findings[Finding("unknown", below)] = None
                continue
            if key in seen:
                self.findings[Finding("duplicate", below)] = None
            seen.add(key)
            embedded = (described.embedded,) if described.embedded and described.embedded != "TypeMeta" else ()
            self._field(described, item, _Place(self.inside or type_.go_name, (*names, *embedded, key)), below)

    def _field(self, described: Field, value: Any, place: _Place, path: str) -> None:
        if value is None:
            return
        if described.shape == "one":
            self._element(described, value, described.go_type, place, path)
        elif described.shape == "list":
            self._list(described, value, described.go_type, place, path)
        elif not isinstance(value, dict):
            self.refuse(place.mistake(json_type(value), described.go_type))
        else:
            self._map(described, value, place, path)

    def _list(self, described: Field, value: Any, go_type: str, place: _Place, path: str) -> None:
        if not isinstance(value, list):
            self.refuse(place.mistake(json_type(value), go_type))
            return
        for index, item in enumerate(value):
            self._element(described, item, _element_of(go_type, described), place, f"{path}[{index}]")

    def _map(self, described: Field, value: dict[str, Any], place: _Place, path: str) -> None:
        go_type = _element_of(described.go_type, described)
        seen: set[str] = set()
        for key, item in members(value):
            below = _under(path, key)
            if key in seen:
                self.findings[Finding("duplicate", below)] = None
            seen.add(key)
            if described.shape == "map_of_lists":
                if item is not None:
                    self._list(described, item, go_type, place, below)
            else:
                self._element(described, item, go_type, place, below)

    def _element(self, described: Field, value: Any, go_type: str, place: _Place, path: str) -> None:
        if value is None:
            return
        if described.type in ("any", "object"):
            if described.ref:
                self._schema_or_other(described, value, place)
        elif described.type != "ref":
            self._scalar(described, value, go_type, place)
        elif isinstance(value, dict):
            self.struct(facts.type_of(described.ref), value, place.names, path)
        else:
            self.refuse(place.mistake(json_type(value), go_type))

    def _schema_or_other(self, described: Field, value: Any, place: _Place) -> None:
        """A schema, or what may stand in its place: has a reader of its own, whose mistake is told as one of the schema around it."""
        schema, is_or_boolean = facts.type_of(described.ref), described.go_type == SCHEMA_OR_BOOLEAN
        inner = _Examination(inside=place.struct)
        if isinstance(value, dict):
            inner.struct(schema, value, place.names, "")
        elif is_or_boolean:
            if not isinstance(value, bool):
                raise DecodeError("boolean or JSON schema expected")
        elif isinstance(value, list):
            is_strings = described.go_type == SCHEMA_OR_STRINGS
            items = Field("", "list", "string" if is_strings else "ref", described.ref)
            inner._list(items, value, "[]string" if is_strings else f"[]v1.{schema.go_name}", place, "")
        if inner.first_mistake is not None:
            raise DecodeError(inner.first_mistake)

    def _scalar(self, described: Field, value: Any, go_type: str, place: _Place) -> None:
        own_reader = _OWN_READERS.get(described.type)
        if own_reader is not None:
            own_reader(value, place)
        elif described.type == "bytes":
            self._bytes(value, go_type, place)
        elif described.type == "integer":
            if not _is_integer(value, described.format):
                self.refuse(place.mistake(_shown_number(value), go_type))
        elif isinstance(value, go_json.Number) and not math.isfinite(value):
            self.refuse(place.mistake(_shown_number(value), go_type))
        elif json_type(value) != _JSON_TYPES[described.type]:
            self.refuse(place.mistake(json_type(value), go_type))

    def _bytes(self, value: Any, go_type: str, place: _Place) -> None:
        if isinstance(value, list):
            for item in value:
                if item is not None and not is_byte(item):
                    self.refuse(place.mistake(_shown_number(item), "uint8"))
            return
        if not isinstance(value, str):
            self.refuse(place.mistake(json_type(value), go_type))
            return
        try:
            canonical_base64(value)
        except Base64Error as error:
            self.refuse(str(error))


SCHEMA_OR_BOOLEAN = "v1.JSONSchemaPropsOrBool"
SCHEMA_OR_STRINGS = "v1.JSONSchemaDependencies"

_EXTRA_VALUE = "v1.ExtraValue"
"""A list of strings with a name of its own."""
_JSON_TYPES = {"string": "string", "boolean": "bool", "number": "number"}


def json_type(value: Any) -> str:
    """What Go calls the kind of a JSON value that is not null."""
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    if isinstance(value, str):
        return "string"
    return "bool" if isinstance(value, bool) else "number"


def is_byte(value: Any) -> bool:
    return type(value) is int and 0 <= value < 256


def _is_integer(value: Any, format_: str) -> bool:
    largest = 2**31 if format_ == "int32" else 2**63
    return type(value) is int and -largest <= value < largest


def _shown_number(value: Any) -> str:
    """As Go tells of what did not fit an integer: a number with its text."""
    return f"number {_number_text(value)}" if json_type(value) == "number" else json_type(value)


def _number_text(value: Any) -> str:
    if isinstance(value, go_json.Number):
        return value.text
    return float_text(value) if isinstance(value, float) else str(value)


def _element_of(go_type: str, described: Field) -> str:
    """The type of the elements of a list or map type; types with a name of their own (`v1.Verbs`) are told by what the facts know."""
    if go_type.startswith("[]"):
        return go_type[2:]
    if go_type.startswith("map["):
        return go_type.partition("]")[2]
    if go_type == _EXTRA_VALUE:
        return "string"
    if described.shape == "map_of_lists":
        return "[]string"
    return f"v1.{described.ref.rpartition('.')[2]}" if described.type == "ref" else described.type


def _read_quantity(value: Any, place: _Place) -> None:
    kind = json_type(value)
    text = value if kind == "string" else _number_text(value) if kind == "number" else kind
    try:
        quantities.canonical(text)
    except quantities.QuantityError as error:
        raise DecodeError(str(error)) from None


def _read_int_or_string(value: Any, place: _Place) -> None:
    if not isinstance(value, str) and not _is_integer(value, "int32"):
        raise DecodeError(place.mistake(_shown_number(value), "int32"))


def _read_time(value: Any, place: _Place) -> None:
    _read_time_as(times.canonical, value, place)


def _read_micro_time(value: Any, place: _Place) -> None:
    _read_time_as(times.canonical_micro, value, place)


def _read_time_as(canonical: Callable[[str], str], value: Any, place: _Place) -> None:
    if not isinstance(value, str):
        raise DecodeError(place.mistake(json_type(value), "string"))
    try:
        canonical(value)
    except times.TimeError as error:
        raise DecodeError(str(error)) from None


_OWN_READERS: dict[str, Callable[[Any, _Place], None]] = {
    "quantity": _read_quantity,
    "int_or_string": _read_int_or_string,
    "time": _read_time,
    "micro_time": _read_micro_time,
}
