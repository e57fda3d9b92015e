"""From the value that a client sent to an object of a type, and Go's sentence where that is not possible.

Decoding is done twice over, by two readers of the same facts. The quick one, closures compiled for a type when it is first seen, makes the
object and only notices that there is something to tell. Then the careful one (`decode_messages`) walks the value once more in the order of
the document and finds the words: which field is unknown or repeated, or what cannot be unmarshalled into what.

Follows sigs.k8s.io/json, the server's fork of encoding/json. Keys are case sensitive and null is as if absent.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import orjson

from fakekube import facts
from fakekube.facts import Field, Type
from fakekube.objects import decode_messages, go_json, quantities, times
from fakekube.objects.as_sent import Emptied, with_empty
from fakekube.objects.base64_text import canonical as canonical_base64
from fakekube.objects.decode_messages import DecodeError, Finding
from fakekube.objects.go_text import float_text


@dataclass(slots=True)
class Decoded:
    """An object of a type and what its sender should know."""

    object: dict[str, Any]
    """New, in the order of the type; raw parts (`any`, `object`) may be shared with the value it was made from."""
    findings: tuple[Finding, ...] = ()
    """Unknown and repeated fields in the order of the document, each once, at most 100."""
    needs_text: bool = False
    """What orjson read may not be enough: repeated keys, or numbers of which it matters how they were written. Read it with go_json."""

    @property
    def unknown(self) -> list[str]:
        """Paths of the unknown fields, `spec.containers[0].imag`."""
        return [finding.path for finding in self.findings if finding.label == "unknown"]


def parse_json(body: bytes, strict: bool) -> tuple[Any, list[str]]:
    """The value of a JSON text, and the paths of keys that stand in their object more than once, which only `strict` looks for.

    With `strict` such objects are `go_json.RepeatedKeys`. Raises go_json.JSONError with Go's sentence.
    """
    value, is_careful = _read(body, looks_for_repeated_keys=strict)
    return value, decode_messages.repeated_keys(value) if strict and is_careful else []


def decode(type_name: str, value: Any, *, kind: str, version: str, decoders: Decoders | None = None) -> Decoded:
    """The object of the type `type_name` that `value` stands for: unknown fields, nulls and zeros dropped as its fields say, fields that
    every answer holds filled in, quantities, times and base64 in the server's spelling.

    `version` is the apiVersion to write, `apps/v1`; with `kind` it comes first. `value` is left as it is. `decoders` may fill in more.
    Raises DecodeError.
    """
    value = {} if value is None else value
    notes: list[None] = []
    try:
        fields = (decoders or _PLAIN).of(type_name)(value, notes)
        result = {"kind": kind, "apiVersion": version}
        fields.pop("kind", None)
        fields.pop("apiVersion", None)
        result.update(fields)
        if fields.__class__ is Emptied:
            result = Emptied(result, fields.empty)
        orjson.dumps(result)
    except _Refused:
        decode_messages.examine(facts.type_of(type_name), value)  # raises, with the words
        raise DecodeError("json: cannot unmarshal value") from None
    except RecursionError:
        raise DecodeError("exceeded max depth") from None
    except orjson.JSONEncodeError:
        result = _encodable(result)
    if not notes:
        return Decoded(result)
    return Decoded(result, decode_messages.examine(facts.type_of(type_name), value), needs_text=True)


def decode_custom_resource(value: dict[str, Any]) -> Decoded:
    """An object without a type: metadata is decoded as that of all objects, the rest stays as it was sent.

    Whoever has its schema prunes it and finds its unknown fields. `value` has a kind and an apiVersion. Raises DecodeError.
    """
    metadata = value.get("metadata")
    in_metadata = decode_messages.examine(facts.type_of("meta.ObjectMeta"), metadata)
    findings = [Finding("duplicate", path) for path in decode_messages.repeated_keys(value)]
    findings += [Finding("unknown", f"metadata.{found.path}") for found in in_metadata if found.label == "unknown"]
    result: dict[str, Any] = {
        "apiVersion": value["apiVersion"],
        "kind": value["kind"],
        "metadata": _PLAIN.of(METADATA)(_last_of_each(metadata or {}) if findings else metadata or {}, []),
        **{key: item for key, item in value.items() if key not in ("apiVersion", "kind", "metadata")},
    }
    try:
        orjson.dumps(result)
    except orjson.JSONEncodeError:
        result = _encodable(result)
    return Decoded(result, tuple(findings), needs_text=bool(findings))


def _last_of_each(value: Any) -> Any:
    """`value` with the last of repeated keys in all objects, which is how they are read where there is no type."""
    if isinstance(value, dict):
        return {key: _last_of_each(item) for key, item in value.items()}
    return [_last_of_each(item) for item in value] if isinstance(value, list) else value


def _encodable(result: dict[str, Any]) -> dict[str, Any]:
    """An object with the numbers of its raw parts as plain floats. Raises DecodeError where it is too deep to be written at all."""
    try:
        plain: dict[str, Any] = orjson.loads(orjson.dumps(result, default=float))
    except (orjson.JSONEncodeError, orjson.JSONDecodeError):
        raise DecodeError("exceeded max depth") from None
    return plain


def read_json(body: bytes) -> Any:
    """As parse_json with `strict`, without looking where the repeated keys are."""
    return _read(body, looks_for_repeated_keys=True)[0]


def _read(body: bytes, *, looks_for_repeated_keys: bool) -> tuple[Any, bool]:
    """The value, and whether it comes from the careful reader, who alone finds repeated keys."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return go_json.read(body), True
    if looks_for_repeated_keys and _may_repeat_keys(body, value):
        return go_json.read(body), True
    return value, False


def _may_repeat_keys(body: bytes, value: Any) -> bool:
    """Whether `body` has more keys than its value, by counting colons in both, so that the slow reader is hardly ever needed.

    A member that was dropped took its colon along; colons inside strings are in both, unless one is written as an escape code.
    """
    if b"\\u003a" in body or b"\\u003A" in body:
        return True
    try:
        return body.count(b":") != orjson.dumps(value).count(b":")
    except orjson.JSONEncodeError:
        return True


class _Refused(Exception):
    """A value does not fit; the careful reader knows the words."""


_Decode = Callable[[Any, "list[None]"], Any]
"""(value that is not null, notes) -> the decoded value. Raises _Refused, appends to notes when there is something to tell."""


def decoder(type_name: str) -> Callable[[Any], Any]:
    """A function that makes an object of a type without kind and version: for values that the program itself writes (defaults)."""
    decode_ = _PLAIN.of(type_name)
    return lambda value: decode_(value, [])


METADATA = "meta.ObjectMeta"


def metadata(value: Any) -> dict[str, Any] | None:
    """The metadata that an object begins with, or None where there is something to tell about `value`: then decode the whole object."""
    notes: list[None] = []
    try:
        decoded: dict[str, Any] = _PLAIN.of(METADATA)({} if value is None else value, notes)
        orjson.dumps(decoded)
    except (_Refused, RecursionError, orjson.JSONEncodeError):
        return None
    return None if notes else decoded


def fitting(type_name: str, value: Any) -> dict[str, Any] | None:
    """An object of a type without kind and version, or None where `value` is none."""
    try:
        decoded: dict[str, Any] = _PLAIN.of(type_name)(value, [])
    except (_Refused, RecursionError):
        return None
    return decoded


def field_decoder(field: Field) -> Callable[[Any], Any]:
    """The same for the value of one field."""
    decode_ = _PLAIN.of_field(field)
    return lambda value: decode_(value, [])


class Decoders:
    """The decoders of all types, each compiled when it is first asked for.

    `constants` says of a type which values stand in fields that are left out, besides what every answer holds.
    """

    def __init__(self, constants: Callable[[str], Mapping[str, Any]]) -> None:
        self._constants = constants
        self._known: dict[str, _Decode] = {}

    def of(self, type_name: str) -> _Decode:
        known = self._known.get(type_name)
        if known is not None:
            return known
        # Types may contain themselves (JSONSchemaProps): while one is compiled, its name stands for it.
        self._known[type_name] = lambda value, notes: self._known[type_name](value, notes)
        self._known[type_name] = compiled = self._struct(facts.type_of(type_name))
        return compiled

    def _struct(self, type_: Type) -> _Decode:
        constants = self._constants(type_.name)
        return _struct(
            type_,
            tuple(
                (name, self.of_field(field), field.keeps_zero or _has_no_zero(field), self._filling(field, constants))
                for name, field in type_.fields.items()
            ),
        )

    def of_field(self, field: Field) -> _Decode:
        """How the values of a field are decoded, by its shape and the type of its elements."""
        if field.type == "ref":
            element = self.of(field.ref)
        elif field.type == "any" and field.ref:
            element = self._schema_or_other(field)
        else:
            element = _SCALARS[field.type, field.format]
        if field.shape == "one":
            return element
        if field.shape == "map" and field.go_type == _RESOURCE_LIST and field.name not in _UNROUNDED:
            element = _milli_quantity
        zero = _zero(field, element)
        if field.shape == "list":
            return _strings if field.type == "string" else _list(element, zero)
        if field.shape == "map":
            return _string_map if field.type == "string" else _map(element, zero)
        if field.shape == "map_of_lists":
            return _map(_strings if field.type == "string" else _list(element, zero), list)
        raise ValueError(f"no decoder for shape {field.shape} of {field.name}")

    def _schema_or_other(self, field: Field) -> _Decode:
        """A schema, or what may stand in its place. Of unknown fields in it nothing is told."""
        schema = self.of(field.ref)
        if field.go_type == decode_messages.SCHEMA_OR_BOOLEAN:
            return lambda value, notes: value if value.__class__ is bool else schema(value, [])
        others = _strings if field.go_type == decode_messages.SCHEMA_OR_STRINGS else _list(schema, dict)

        def decode_schema_or_list(value: Any, notes: list[None]) -> Any:
            if isinstance(value, dict):
                return schema(value, [])
            return others(value, []) or None if isinstance(value, list) else None  # of anything else nothing is kept

        return decode_schema_or_list

    def _filling(self, field: Field, constants: Mapping[str, Any]) -> Callable[[], Any] | None:
        """Makes what stands in a field when nothing was sent; None where nothing does."""
        if field.name in constants:
            constant = constants[field.name]
            if not isinstance(constant, dict | list):
                return lambda: constant
            decode_ = self.of_field(field)
            return lambda: decode_(constant, [])
        if not field.always:
            return None
        if field.shape == "one" and field.type == "ref" and field.empty is not None:
            decode_ref = self.of(field.ref)
            return lambda: decode_ref({}, [])
        empty = field.empty
        return dict if empty == {} else list if empty == [] else lambda: empty


_RESOURCE_LIST = "v1.ResourceList"
"""The maps of quantities that are rounded up to thousandths ..."""
_UNROUNDED = frozenset({"podFixed"})
"""... but for that of RuntimeClasses, whose group knows nothing of it."""

_Step = tuple[str, _Decode, bool, Callable[[], Any] | None]
"""How one field is decoded: name, decoder of what was sent, whether a zero stays, what makes its value when nothing was sent."""

_MOST_SHAPES = 256
"""Shapes kept for a type; what clients of one kind send has few."""


def _struct(type_: Type, plan: tuple[_Step, ...]) -> _Decode:
    fields = type_.fields
    told_apart = _told_apart(type_)
    by_name = fields.get
    # Most fields of most objects are absent. Which are to be visited depends on the keys alone, so it is remembered by them.
    shapes: dict[tuple[str, ...], tuple[_Step, ...]] = {}

    def steps_for(shape: tuple[str, ...], notes: list[None]) -> tuple[_Step, ...]:
        steps = tuple(step for step in plan if step[0] in shape or step[3] is not None)
        if not fields.keys() >= set(shape):
            notes.append(None)
        elif len(shapes) < _MOST_SHAPES:
            shapes[shape] = steps
        return steps

    def decode_struct(value: Any, notes: list[None]) -> dict[str, Any]:
        if value.__class__ is not dict:
            value = _flowed_together(value, by_name, notes)
        shape = tuple(value)
        get = value.get
        result: dict[str, Any] = {}
        steps = shapes.get(shape)
        if steps is None:
            steps = steps_for(shape, notes)
        for name, decode_field, keeps_zero, filling in steps:
            item = get(name)
            if item is not None:
                item = decode_field(item, notes)
                if item or (keeps_zero and item is not None):
                    result[name] = item
                    continue
                if item.__class__ is Emptied and filling is not None:
                    result[name] = item
                    continue
                if item.__class__ is Emptied or name in told_apart:
                    result = Emptied(result, {**getattr(result, "empty", {}), name: item})
            if filling is not None:
                result[name] = filling()
        return result

    return decode_struct


def _told_apart(type_: Type) -> frozenset[str]:
    """The lists, maps and bytes of which messages tell whether they were sent empty or not at all."""
    if type_.name == METADATA:
        return frozenset({"labels"})
    if type_.name.startswith("meta."):
        return frozenset()  # messages write these as JSON has them
    return frozenset(name for name, field in type_.fields.items() if field.shape != "one" or field.type == "bytes")


def _has_no_zero(field: Field) -> bool:
    """A raw part is bytes to the server: `{}` is as good a value as any. And a port that is an empty text is none that is 0."""
    return field.shape == "one" and field.type in ("any", "object", "int_or_string")


def _flowed_together(value: Any, field_of: Callable[[str], Field | None], notes: list[None]) -> dict[str, Any]:
    """The members of a struct, of a field that stands there more than once what Go's decoder makes of its values one after another."""
    if not isinstance(value, go_json.RepeatedKeys):
        return _plain_members(value, notes)
    notes.append(None)
    return _flow(value.pairs, field_of)


def _flow(pairs: Iterable[tuple[str, Any]], field_of: Callable[[str], Field | None]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, item in pairs:
        field = field_of(name)
        members[name] = item if field is None else _read_into(field, field.shape, members.get(name), item)
    return members


def _read_into(field: Field, shape: str, before: Any, value: Any) -> Any:
    """What is in a field that held `before` when `value` has been read into it.

    Go reads a struct into the one that is there, and an item of a list into the item of that index; a map gets further keys. Null empties
    what can be nil, and of the rest times and quantities.
    """
    if value is None:
        can_be_nil = shape != _ITEM and (shape != "one" or field.keeps_zero)
        return None if can_be_nil or field.type in _EMPTIED_BY_NULL else before
    if shape == "list" and isinstance(before, list) and isinstance(value, list):
        return [_read_into(field, _ITEM, item, new) for item, new in zip_longest(before[: len(value)], value)]
    if isinstance(before, dict) and isinstance(value, dict):
        if shape in ("map", "map_of_lists"):
            return {**before, **value}
        if field.type == "ref":
            return _flow(
                [*decode_messages.members(before), *decode_messages.members(value)], facts.type_of(field.ref).fields.get
            )
    return value


_ITEM = "item"
"""The shape of what is in a list."""
_EMPTIED_BY_NULL = frozenset({"bytes", "time", "micro_time", "quantity"})


def _plain_members(value: Any, notes: list[None]) -> dict[str, Any]:
    """The members of a map, of a key that stands there more than once the last."""
    if isinstance(value, go_json.RepeatedKeys):
        notes.append(None)
        return dict(value)
    if isinstance(value, dict):
        return with_empty(value)
    raise _Refused


def _zero(field: Field, element: _Decode) -> Callable[[], Any]:
    """Makes what null is as an element of a list or a value of a map."""
    if field.type == "ref":
        return lambda: element({}, [])
    zero = _ZEROS[field.type]
    return lambda: zero


_ZEROS: Mapping[str, Any] = {
    "string": "",
    "bytes": "",
    "boolean": False,
    "integer": 0,
    "number": 0,
    "quantity": "0",
    "int_or_string": 0,
    "time": None,
    "micro_time": None,
    "any": None,
    "object": None,
}


def _list(element: _Decode, zero: Callable[[], Any]) -> _Decode:
    def decode_list(value: Any, notes: list[None]) -> list[Any]:
        if value.__class__ is not list:
            raise _Refused
        return [zero() if item is None else element(item, notes) for item in value]

    return decode_list


def _map(element: _Decode, zero: Callable[[], Any]) -> _Decode:
    def decode_map(value: Any, notes: list[None]) -> dict[str, Any]:
        if value.__class__ is not dict:
            value = _plain_members(value, notes)
        members = value.items() if len(value) < 2 else sorted(value.items(), key=_key)
        return {key: zero() if item is None else element(item, notes) for key, item in members}

    return decode_map


def _key(member: tuple[str, Any]) -> str:
    """Maps are written in the order of their keys, unlike structs."""
    return member[0]


def _strings(value: Any, notes: list[None]) -> list[str]:
    if value.__class__ is not list:
        raise _Refused
    for item in value:
        if item.__class__ is not str:
            return [_nullable_string(item) for item in value]
    return value[:]


def _string_map(value: Any, notes: list[None]) -> dict[str, str]:
    if value.__class__ is not dict:
        value = _plain_members(value, notes)
    for item in value.values():
        if item.__class__ is not str:
            return {key: _nullable_string(item) for key, item in sorted(value.items(), key=_key)}
    return dict(sorted(value.items())) if len(value) > 1 else dict(value)


def _nullable_string(value: Any) -> str:
    return "" if value is None else _string(value, [])


def _string(value: Any, notes: list[None]) -> str:
    if value.__class__ is str:
        return value
    raise _Refused


def _boolean(value: Any, notes: list[None]) -> bool:
    if value.__class__ is bool:
        return value
    raise _Refused


def _int32(value: Any, notes: list[None]) -> int:
    if value.__class__ is int and -0x80000000 <= value <= 0x7FFFFFFF:
        return value
    raise _Refused


def _int64(value: Any, notes: list[None]) -> int:
    if value.__class__ is int and -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF:
        return value
    raise _Refused


def _number(value: Any, notes: list[None]) -> float:
    if value.__class__ is int or value.__class__ is float:
        return value
    if isinstance(value, go_json.Number) and math.isfinite(value):
        return int(value) if value.is_integer() and abs(value) < 2**53 else float(value)
    raise _Refused


def _quantity(value: Any, notes: list[None], finest: int = quantities.NANO) -> str:
    if value.__class__ is not str:
        value = _quantity_text(value, notes)
    try:
        return quantities.canonical(value, finest)
    except quantities.QuantityError:
        raise _Refused from None


def _milli_quantity(value: Any, notes: list[None]) -> str:
    return _quantity(value, notes, quantities.MILLI)


def _quantity_text(value: Any, notes: list[None]) -> str:
    """A quantity may be a bare number. What orjson made of a fraction is not how it was written, which is noted."""
    if value.__class__ is int:
        return str(value)
    if isinstance(value, go_json.Number):
        return value.text
    if value.__class__ is float:
        notes.append(None)
        return float_text(value)
    raise _Refused


def _int_or_string(value: Any, notes: list[None]) -> int | str:
    return value if value.__class__ is str else _int32(value, notes)


def _time(value: Any, notes: list[None]) -> str | None:
    return _spelt(times.canonical, value)


def _micro_time(value: Any, notes: list[None]) -> str | None:
    return _spelt(times.canonical_micro, value)


def _spelt(canonical: Callable[[str], str], value: Any) -> str | None:
    """The time in the server's spelling; the first moment of year 1 is no time at all to Go."""
    if value.__class__ is not str:
        raise _Refused
    try:
        time = canonical(value)
    except times.TimeError:
        raise _Refused from None
    return None if time.startswith("0001-01-01T00:00:00") else time


def _bytes(value: Any, notes: list[None]) -> str:
    if value.__class__ is list:
        if all(item is None or decode_messages.is_byte(item) for item in value):
            return b64encode(bytes(item or 0 for item in value)).decode()
        raise _Refused
    if value.__class__ is not str:
        raise _Refused
    try:
        return canonical_base64(value)
    except ValueError:
        raise _Refused from None


def _raw(value: Any, notes: list[None]) -> Any:
    return value


_SCALARS: Mapping[tuple[str, str], _Decode] = {
    ("string", ""): _string,
    ("boolean", ""): _boolean,
    ("integer", "int32"): _int32,
    ("integer", "int64"): _int64,
    ("number", "double"): _number,
    ("bytes", "byte"): _bytes,
    ("time", "date-time"): _time,
    ("micro_time", "date-time"): _micro_time,
    ("quantity", ""): _quantity,
    ("int_or_string", "int-or-string"): _int_or_string,
    ("any", ""): _raw,
    ("object", ""): _raw,
}

_PLAIN = Decoders(lambda _: {})
