"""Kubernetes' protobuf: request bodies become JSON values, objects become the bytes that clients without JSON want.

A body is the magic `k8s\\0` and a `runtime.Unknown`: apiVersion and kind in field 1, the object's own message in field 2. How a message
is read and written follows from the field numbers in `fakekube.facts`; the readers and writers of a type are made when it is first met.
What comes out of `decode` is the value that the same object would have as JSON, so that `schemas.decode` goes on from there.

https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
"""

from __future__ import annotations

import math
import struct
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import orjson

from fakekube import facts
from fakekube.errors import BadRequest, NotAcceptable
from fakekube.facts import Field
from fakekube.objects import as_sent
from fakekube.objects.go_text import shown_text
from fakekube.registry.kind import Object

MAGIC = b"k8s\x00"

Reader = Callable[[bytes, int, int, Object], int]
"""(data, position after the tag, end of the message, what is being made) -> position after the field."""
Writer = Callable[[Any, bytearray], None]
"""(JSON value, where tag and value are appended)."""


class _Malformed(Exception):
    """The bytes are no such message; the text is that of Go's generated decoders."""


_END = "unexpected EOF"
_VARINT, _FIXED64, _BYTES, _START_GROUP, _END_GROUP, _FIXED32 = range(6)


# What every request and answer uses


def decode(body: bytes, default_type: str | None = None) -> tuple[str, str, Any]:
    """(apiVersion, kind, value) of a protobuf body; apiVersion and kind are empty where the body leaves them out.

    `default_type` is the type that the path expects (`core.v1.ConfigMap`): errors name it, and a body without kind is read as one. The
    value has no apiVersion and kind of its own. For a kind that has no type here it is `{}`: that the kind is unknown is the caller's
    to say, as with JSON.

    Raises BadRequest with the real server's text for anything that cannot be read.
    """
    try:
        api_version, kind, start, stop = _open_envelope(body)
    except _Malformed as error:
        raise BadRequest(_unrecognized(str(error), body, default_type)) from None
    type_name = message_type(api_version, kind) if kind and api_version else default_type
    if not type_name or not has_protobuf(type_name):
        return api_version, kind, {}
    try:
        return api_version, kind, _read_whole(_message(type_name), body, start, stop)
    except _Malformed as error:
        version = api_version.rpartition("/")[2]
        expected = default_type.rpartition(".")[2] if default_type else kind
        message = f'{kind} in version "{version}" cannot be handled as a {expected}: {error}'
        raise BadRequest(message) from None


def encode(type_name: str, obj: Object) -> bytes:
    """The body of one object, which says itself what kind and apiVersion it has. Raises NotAcceptable for types without protobuf."""
    return _seal(obj.get("apiVersion", ""), obj.get("kind", ""), _encoded(type_name, obj))


def encode_list(type_name: str, items: Iterable[Object], *, api_version: str, kind: str, metadata: Object) -> bytes:
    """The body of a list of objects of `type_name`; `kind` is that of the list, `metadata` its ListMeta."""
    out = bytearray()
    _write_bytes(out, b"\x0a", _encoded("meta.ListMeta", metadata))
    for item in items:
        _write_bytes(out, b"\x12", _encoded(type_name, item))
    return _seal(api_version, kind, out)


def encode_partial(obj: Object, *, api_version: str = "meta.k8s.io/v1") -> bytes:
    """The body of a PartialObjectMetadata: the object's metadata and nothing else; any kind has it, custom ones too."""
    return _seal(api_version, "PartialObjectMetadata", _partial(obj))


def encode_partial_list(items: Iterable[Object], *, metadata: Object, api_version: str = "meta.k8s.io/v1") -> bytes:
    out = bytearray()
    _write_bytes(out, b"\x0a", _encoded("meta.ListMeta", metadata))
    for item in items:
        _write_bytes(out, b"\x12", _partial(item))
    return _seal(api_version, "PartialObjectMetadataList", out)


def encode_status(status: Object) -> bytes:
    """The body of a `Status`, as `StatusError.status()` gives it."""
    return _seal("v1", "Status", _encoded("meta.Status", status))


def encode_watch_event(event_type: str, envelope: bytes, *, framed: bool = True) -> bytes:
    """One event of a watch. `envelope` is the object as `encode` gives it.

    In a stream each event has its length before it (4 bytes, big-endian); in a WebSocket frame it has not.
    """
    raw = bytearray()
    _write_bytes(raw, b"\x0a", envelope)
    event = bytearray()
    _write_bytes(event, b"\x0a", event_type.encode())
    _write_bytes(event, b"\x12", raw)
    return len(event).to_bytes(4, "big") + event if framed else bytes(event)


@cache
def has_protobuf(type_name: str) -> bool:
    """Whether objects of this type have a protobuf form: custom resources and Tables have none."""
    if not facts.has_type(type_name):
        return False
    fields = facts.type_of(type_name).fields.values()
    return not fields or any(field.protobuf for field in fields)


@cache
def message_type(api_version: str, kind: str) -> str:
    """The name of the type behind a kind (`apps/v1`, `Deployment` -> `apps.v1.Deployment`), empty where there is none.

    Every group version, those of custom resources too, knows the option kinds of meta/v1: `DeleteOptions` first of all.
    """
    group, _, version = api_version.rpartition("/")
    name = facts.type_name_of_kind(group, version, kind)
    if name:
        return name
    return f"meta.{kind}" if kind.endswith("Options") and facts.has_type(f"meta.{kind}") else ""


# The envelope


def _open_envelope(body: bytes) -> tuple[str, str, int, int]:
    """(apiVersion, kind, start, stop) where `body[start:stop]` is the object's message."""
    if not body:
        raise _Malformed("empty data")
    if not body.startswith(MAGIC):
        prefix = " ".join(map(str, MAGIC))
        raise _Malformed(f"provided data does not appear to be a protobuf message, expected prefix [{prefix}]")
    if len(body) == len(MAGIC):
        raise _Malformed("empty body")
    found: Object = {}
    _read_fields(_UNKNOWN, body, len(MAGIC), len(body), found)
    start, stop = found.get("raw", (0, 0))
    return found.get("apiVersion", ""), found.get("kind", ""), start, stop


def _seal(api_version: str, kind: str, message: bytes | bytearray) -> bytes:
    type_meta = bytearray()
    _write_bytes(type_meta, b"\x0a", api_version.encode())
    _write_bytes(type_meta, b"\x12", kind.encode())
    out = bytearray(MAGIC)
    _write_bytes(out, b"\x0a", type_meta)
    _write_bytes(out, b"\x12", message)
    out += b"\x1a\x00\x22\x00"  # contentEncoding and contentType, which Go always writes
    return bytes(out)


def _unrecognized(error: str, body: bytes, expected: str | None) -> str:
    """The text about a body whose kind could not even be read; the options of a DELETE are told without the sentence around it."""
    if expected is None or expected == "meta.DeleteOptions":
        return error
    shown = shown_text(body[:30]) if body[:1] == b"{" else body[:30].hex()
    if not body:
        shown = "<empty>"
    elif len(body) > 30:
        shown += " ..."
    return f"the object provided is unrecognized (must be of type {expected.rpartition('.')[2]}): {error} ({shown})"


# Messages


class _Message:
    """How the fields of one message are read and written: by tag, and by JSON name."""

    __slots__ = ("embedded", "fields", "name", "readers", "writers")

    def __init__(self, name: str) -> None:
        self.name = name
        """Go's name of the struct, for errors."""
        self.fields: dict[int, str] = {}
        """JSON names by number."""
        self.readers: dict[int, Reader] = {}
        self.writers: dict[str, Writer] = {}
        self.embedded: list[tuple[frozenset[str], bytes, _Message]] = []
        """(JSON names, tag, message): fields that JSON shows flat but protobuf puts into a message of their own."""


@cache
def _message(type_name: str) -> _Message:
    type_ = facts.type_of(type_name)
    return _build(type_.go_name, [(field, field.protobuf_within) for field in type_.fields.values()])


def _build(name: str, fields: list[tuple[Field, tuple[int, ...]]]) -> _Message:
    """`fields` with the numbers of the messages that still lie between this one and them."""
    message = _Message(name)
    inner: dict[int, list[tuple[Field, tuple[int, ...]]]] = {}
    for field, within in fields:
        if within:
            inner.setdefault(within[0], []).append((field, within[1:]))
        elif field.protobuf:
            _add_field(message, field)
    for number, members in inner.items():
        embedded = _build(members[0][0].embedded.partition(".")[0], members)
        names = frozenset(field.name for field, _ in members)
        tag = number << 3 | _BYTES
        message.fields[number] = embedded.name
        message.readers[tag] = _flat_reader(embedded)
        message.embedded.append((names, _uvarint(tag), embedded))
    return message


def _read_whole(message: _Message, data: bytes, start: int, stop: int) -> Object:
    into: Object = {}
    _read_fields(message, data, start, stop, into)
    return into


def _read_fields(message: _Message, data: bytes, position: int, end: int, into: Object) -> None:
    """Reads `data[position:end]` into `into`; a field that comes twice is merged as protobuf has it.

    Raises _Malformed. Only schemas of custom resources can nest without end; Python's own limit ends that.
    """
    readers = message.readers
    try:
        while position < end:
            tag = data[position]
            position += 1
            if tag > 127:
                tag, position = _read_varint(data, position - 1)
            reader = readers.get(tag)
            if reader is None:
                position = _read_unknown(message, tag, data, position, end)
            else:
                position = reader(data, position, end, into)
    except IndexError:
        raise _Malformed(_END) from None
    except RecursionError:
        raise _Malformed("exceeded max depth") from None
    if position > end:
        raise _Malformed(_END)


def _read_unknown(message: _Message, tag: int, data: bytes, position: int, end: int) -> int:
    number, wire = tag >> 3 & 0xFFFFFFFF, tag & 7
    if wire == _END_GROUP:
        raise _Malformed(f"proto: {message.name}: wiretype end group for non-group")
    if not 0 < number < 1 << 31:
        shown = number - (1 << 32) if number >> 31 else number
        raise _Malformed(f"proto: {message.name}: illegal tag {shown} (wire type {wire})")
    if number in message.fields:
        raise _Malformed(f"proto: wrong wireType = {wire} for field {_go_field_name(message.fields[number])}")
    return _skip(wire, data, position, end)


def _go_field_name(json_name: str) -> str:
    return _GO_FIELD_NAMES.get(json_name) or json_name[:1].upper() + json_name[1:]


_GO_FIELD_NAMES = {"metadata": "ObjectMeta", "apiVersion": "APIVersion", "apiGroup": "APIGroup", "uid": "UID"}


def _skip(wire: int, data: bytes, position: int, end: int) -> int:
    """The position after a value nobody knows; groups (long out of use) may hold anything but must end."""
    open_groups = 0
    while True:
        if wire == _VARINT:
            _, position = _read_varint(data, position)
        elif wire == _FIXED64:
            position += 8
        elif wire == _BYTES:
            length, position = _read_varint(data, position)
            position = _stop(position, length, end)
        elif wire == _START_GROUP:
            open_groups += 1
        elif wire == _END_GROUP:
            if not open_groups:
                raise _Malformed("proto: unexpected end of group")
            open_groups -= 1
        elif wire == _FIXED32:
            position += 4
        else:
            raise _Malformed(f"proto: illegal wireType {wire}")
        if not open_groups:
            return position
        tag, position = _read_varint(data, position)
        wire = tag & 7


# Numbers on the wire


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """(an unsigned 64-bit number, the position after it). Raises IndexError at the end of the data."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
        if shift > 63:
            raise _Malformed("proto: integer overflow")


def _stop(position: int, length: int, end: int) -> int:
    """Where `length` bytes from `position` end; they must lie inside the message."""
    if length >> 63:
        raise _Malformed("proto: negative length found during unmarshaling")
    stop = position + length
    if stop > end:
        raise _Malformed(_END)
    return stop


_SMALL = [bytes((number,)) for number in range(128)]


def _uvarint(number: int) -> bytes:
    if 0 <= number < 128:
        return _SMALL[number]
    number &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while number > 127:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _write_bytes(out: bytearray, tag: bytes, value: bytes | bytearray) -> None:
    out += tag
    out += _uvarint(len(value))
    out += value


# Elements: what stands between the bytes of one value and its JSON


class _Element:
    """One value of a field, however often the field holds it.

    `wire` says how it lies in the message; `read` makes JSON of the bytes `data[start:stop]` or, for numbers, of the unsigned integer;
    `write` makes the bytes (without length) or the unsigned integer of JSON.
    """

    __slots__ = ("message", "read", "wire", "write")

    def __init__(self, wire: int, read: Callable[..., Any], write: Callable[[Any], Any]) -> None:
        self.wire = wire
        self.read = read
        self.write = write
        self.message: Callable[[], _Message] | None = None
        """Set for messages whose fields show in JSON: such a field is merged when it comes twice."""


def _read_string(data: bytes, start: int, stop: int) -> str:
    # Go keeps whatever bytes came and shows U+FFFD for what is no UTF-8.
    return shown_text(data[start:stop])


def _read_base64(data: bytes, start: int, stop: int) -> str:
    return b64encode(data[start:stop]).decode()


def _read_raw_json(data: bytes, start: int, stop: int) -> Any:
    """RawExtension, FieldsV1 and JSON all are a message of one field: JSON text. None where it is empty."""
    raw_start, raw_stop = _read_whole(_RAW, data, start, stop).get("raw", (0, 0))
    if raw_start == raw_stop:
        return None
    try:
        return orjson.loads(data[raw_start:raw_stop])
    except orjson.JSONDecodeError as error:
        raise _Malformed(f"json: {error}") from None


def _write_raw_json(value: Any) -> bytes:
    out = bytearray()
    _write_bytes(out, b"\x0a", orjson.dumps(value))
    return bytes(out)


def _read_raw_extension(data: bytes, start: int, stop: int) -> Any:
    raw_start, raw_stop = _read_whole(_RAW, data, start, stop).get("raw", (0, 0))
    return as_sent.of_text(_read_raw_json(data, start, stop), data[raw_start:raw_stop])


def _write_raw_extension(value: Any) -> bytes:
    out = bytearray()
    _write_bytes(out, b"\x0a", as_sent.text_of(value))
    return bytes(out)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _read_instant(data: bytes, start: int, stop: int) -> datetime | None:
    """A zero time is an empty message."""
    if start == stop:
        return None
    instant = _read_whole(_TIME, data, start, stop)
    try:
        return _EPOCH + timedelta(seconds=instant.get("seconds", 0), microseconds=instant.get("nanos", 0) // 1000)
    except OverflowError:
        raise _Malformed("Time.MarshalJSON: year outside of range [0,9999]") from None


def _read_time(data: bytes, start: int, stop: int) -> str | None:
    instant = _read_instant(data, start, stop)
    return None if instant is None else instant.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _read_micro_time(data: bytes, start: int, stop: int) -> str | None:
    instant = _read_instant(data, start, stop)
    return None if instant is None else instant.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _write_instant(value: str) -> bytes:
    past = datetime.fromisoformat(value) - _EPOCH
    seconds = past.days * 86400 + past.seconds
    return b"\x08" + _uvarint(seconds) + b"\x10" + _uvarint(past.microseconds * 1000)


def _read_quantity(data: bytes, start: int, stop: int) -> str:
    return str(_read_whole(_QUANTITY, data, start, stop).get("string", "0"))


def _write_quantity(value: Any) -> bytes:
    out = bytearray()
    _write_bytes(out, b"\x0a", str(value).encode())
    return bytes(out)


def _read_int_or_string(data: bytes, start: int, stop: int) -> int | str:
    parts = _read_whole(_INT_OR_STRING, data, start, stop)
    value: int | str = parts.get("strVal", "") if parts.get("type") else parts.get("intVal", 0)
    return value


def _write_int_or_string(value: int | str) -> bytes:
    if isinstance(value, str):
        out = bytearray(b"\x08\x01\x10\x00")
        _write_bytes(out, b"\x1a", value.encode())
        return bytes(out)
    return b"\x08\x00\x10" + _uvarint(value) + b"\x1a\x00"


def _read_int32(number: int) -> int:
    return (number & 0xFFFFFFFF ^ 0x80000000) - 0x80000000


def _read_int64(number: int) -> int:
    return (number ^ 0x8000000000000000) - 0x8000000000000000


def _read_double(data: bytes, start: int, stop: int) -> float | int:
    value: float = struct.unpack_from("<d", data, start)[0]
    if not math.isfinite(value):
        raise _Malformed(f"json: unsupported value: {value}")
    # Go writes a float that is whole without a fraction.
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


_ELEMENTS = {
    "string": _Element(_BYTES, _read_string, str.encode),
    "bytes": _Element(_BYTES, _read_base64, b64decode),
    "boolean": _Element(_VARINT, bool, int),
    "int32": _Element(_VARINT, _read_int32, int),
    "integer": _Element(_VARINT, _read_int64, int),
    "number": _Element(_FIXED64, _read_double, struct.Struct("<d").pack),
    "time": _Element(_BYTES, _read_time, _write_instant),
    "micro_time": _Element(_BYTES, _read_micro_time, _write_instant),
    "quantity": _Element(_BYTES, _read_quantity, _write_quantity),
    "int_or_string": _Element(_BYTES, _read_int_or_string, _write_int_or_string),
    "object": _Element(_BYTES, _read_raw_json, _write_raw_json),
    "raw_extension": _Element(_BYTES, _read_raw_extension, _write_raw_extension),
    "any": _Element(_BYTES, _read_raw_json, _write_raw_json),
}


def _message_element(type_name: str) -> _Element:
    def read(data: bytes, start: int, stop: int) -> Object:
        return _read_whole(_message(type_name), data, start, stop)

    def write(value: Object) -> bytearray:
        return _encoded(type_name, value)

    element = _Element(_BYTES, read, write)
    element.message = lambda: _message(type_name)
    return element


def _strings_element() -> _Element:
    """A named list of strings (`ExtraValue`): JSON shows the list, protobuf has a message around it."""

    def read(data: bytes, start: int, stop: int) -> list[str]:
        strings: list[str] = _read_whole(_STRINGS, data, start, stop).get("items", [])
        return strings

    def write(value: list[str]) -> bytearray:
        out = bytearray()
        for string in value:
            _write_bytes(out, b"\x0a", string.encode())
        return out

    return _Element(_BYTES, read, write)


def _union_element(go_type: str, schema_type: str) -> _Element:
    """`JSONSchemaPropsOr...`: JSON has a schema or, in its place, schemas, strings or a bool; protobuf has a field for either."""
    schema_number, other_number, shape, type_ = _UNIONS[go_type]
    message = _Message(go_type.removeprefix("v1."))
    _add_field(message, Field("schema", "one", "ref", schema_type, keeps_zero=True, protobuf=schema_number))
    _add_field(message, Field("other", shape, type_, schema_type, protobuf=other_number))

    def read(data: bytes, start: int, stop: int) -> Any:
        parts = _read_whole(message, data, start, stop)
        if type_ == "boolean":
            return parts.get("schema", parts.get("other", False))
        return parts.get("other") or parts.get("schema")

    def write(value: Any) -> bytearray:
        out = bytearray()
        if isinstance(value, dict):
            message.writers["schema"](value, out)
            if type_ == "boolean":
                # Whoever gives a schema allows what fits it.
                message.writers["other"](True, out)
        elif value is not None:
            message.writers["other"](value, out)
        return out

    return _Element(_BYTES, read, write)


_UNIONS = {
    "v1.JSONSchemaPropsOrArray": (1, 2, "list", "ref"),
    "v1.JSONSchemaPropsOrBool": (2, 1, "one", "boolean"),
    "v1.JSONSchemaDependencies": (1, 2, "list", "string"),
}
"""Go types of schemas that may be something else: number of the schema, and number, shape and type of the other thing."""


def _element(field: Field) -> _Element:
    if field.shape == "map_of_lists":
        return _strings_element()
    if field.go_type in _UNIONS:
        return _union_element(field.go_type, field.ref)
    if field.type == "ref":
        return _message_element(field.ref)
    if field.format == "int32":
        return _ELEMENTS["int32"]
    if field.go_type == "runtime.RawExtension":
        return _ELEMENTS["raw_extension"]
    return _ELEMENTS[field.type]


_NEVER_EMPTY = frozenset({"any", "int_or_string", "object", "quantity"})
"""What Go writes as JSON even where it is a zero."""


# Fields


def _add_field(message: _Message, field: Field) -> None:
    element = _element(field)
    name, number = field.name, field.protobuf
    message.fields[number] = name
    is_map = field.shape in ("map", "map_of_lists")
    wire = _BYTES if is_map else element.wire
    tag = number << 3 | wire
    tag_bytes = _uvarint(tag)
    if is_map:
        message.readers[tag] = _map_reader(name, element)
        message.writers[name] = _map_writer(tag_bytes, element)
    elif field.shape == "list":
        message.readers[tag] = _list_reader(name, element)
        if wire != _BYTES:
            message.readers[number << 3 | _BYTES] = _packed_reader(name, element)
        message.writers[name] = _list_writer(tag_bytes, element)
    else:
        keep = field.keeps_zero or field.always or field.type in _NEVER_EMPTY
        message.readers[tag] = (
            _merging_reader(name, element.message) if element.message else _one_reader(name, element, keep)
        )
        message.writers[name] = _one_writer(tag_bytes, element)


def _read_one(element: _Element, data: bytes, position: int, end: int) -> tuple[Any, int]:
    """(JSON value, position after it) of a value whose tag has been read."""
    if element.wire == _BYTES:
        length = data[position]
        position += 1
        if length > 127:
            length, position = _read_varint(data, position - 1)
        stop = _stop(position, length, end)
        return element.read(data, position, stop), stop
    if element.wire == _VARINT:
        number = data[position]
        position += 1
        if number > 127:
            number, position = _read_varint(data, position - 1)
        return element.read(number), position
    stop = _stop(position, 8, end)
    return element.read(data, position, stop), stop


def _nothing(element: _Element) -> Any:
    """What a map holds for a key that came without a value."""
    if element.wire == _VARINT:
        return element.read(0)
    return element.read(bytes(8), 0, 8 if element.wire == _FIXED64 else 0)


def _one_reader(name: str, element: _Element, keep: bool) -> Reader:
    def read(data: bytes, position: int, end: int, into: Object) -> int:
        value, position = _read_one(element, data, position, end)
        if value or (keep and value is not None):
            into[name] = value
        else:
            # Go writes the zero value of every plain field; in JSON it is absent.
            into.pop(name, None)
        return position

    return read


def _merging_reader(name: str, message_of: Callable[[], _Message]) -> Reader:
    def read(data: bytes, position: int, end: int, into: Object) -> int:
        length, position = _read_varint(data, position)
        stop = _stop(position, length, end)
        _read_fields(message_of(), data, position, stop, into.setdefault(name, {}))
        return stop

    return read


def _flat_reader(embedded: _Message) -> Reader:
    def read(data: bytes, position: int, end: int, into: Object) -> int:
        length, position = _read_varint(data, position)
        stop = _stop(position, length, end)
        _read_fields(embedded, data, position, stop, into)
        return stop

    return read


def _list_reader(name: str, element: _Element) -> Reader:
    def read(data: bytes, position: int, end: int, into: Object) -> int:
        value, position = _read_one(element, data, position, end)
        into.setdefault(name, []).append(value)
        return position

    return read


def _packed_reader(name: str, element: _Element) -> Reader:
    """Numbers of a list may come one after another behind one tag."""

    def read(data: bytes, position: int, end: int, into: Object) -> int:
        length, position = _read_varint(data, position)
        stop = _stop(position, length, end)
        while position < stop:
            value, position = _read_one(element, data, position, stop)
            into.setdefault(name, []).append(value)
        if position > stop:
            raise _Malformed(_END)
        return position

    return read


def _map_reader(name: str, element: _Element) -> Reader:
    def read(data: bytes, position: int, end: int, into: Object) -> int:
        length, position = _read_varint(data, position)
        stop = _stop(position, length, end)
        key, value = "", None
        found = False
        while position < stop:
            tag, position = _read_varint(data, position)
            # Of an entry only the numbers are looked at, not how what follows says that it lies in the message.
            if tag >> 3 == 1:
                key, position = _read_one(_ELEMENTS["string"], data, position, stop)
            elif tag >> 3 == 2:
                value, position = _read_one(element, data, position, stop)
                found = True
            else:
                position = _skip(tag & 7, data, position, stop)
        if position > stop:
            raise _Malformed(_END)
        if not found:
            value = _nothing(element)
        into.setdefault(name, {})[key] = value
        return stop

    return read


def _one_writer(tag: bytes, element: _Element) -> Writer:
    to_wire = element.write
    if element.wire == _BYTES:

        def write(value: Any, out: bytearray) -> None:
            encoded = to_wire(value)
            out += tag
            length = len(encoded)
            out += _SMALL[length] if length < 128 else _uvarint(length)
            out += encoded

    elif element.wire == _VARINT:

        def write(value: Any, out: bytearray) -> None:
            out += tag
            out += _uvarint(to_wire(value))

    else:

        def write(value: Any, out: bytearray) -> None:
            out += tag
            out += to_wire(value)

    return write


def _list_writer(tag: bytes, element: _Element) -> Writer:
    write_one = _one_writer(tag, element)

    def write(values: list[Any], out: bytearray) -> None:
        for value in values:
            write_one(value, out)

    return write


def _map_writer(tag: bytes, element: _Element) -> Writer:
    write_key = _one_writer(b"\x0a", _ELEMENTS["string"])
    write_value = _one_writer(_uvarint(2 << 3 | element.wire), element)

    def write(values: Object, out: bytearray) -> None:
        for key in sorted(values):
            entry = bytearray()
            write_key(key, entry)
            if values[key] is not None:
                write_value(values[key], entry)
            _write_bytes(out, tag, entry)

    return write


def _encoded(type_name: str, value: Object) -> bytearray:
    """The message of an object, without envelope. Raises NotAcceptable for types without protobuf."""
    if not has_protobuf(type_name):
        raise NotAcceptable(
            "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf"
        )
    out = bytearray()
    _write_fields(_message(type_name), value, out)
    return out


def _write_fields(message: _Message, value: Object, out: bytearray) -> None:
    writers = message.writers
    for name, member in value.items():
        if member is not None:
            write = writers.get(name)
            if write is not None:
                write(member, out)
    for names, tag, embedded in message.embedded:
        if not names.isdisjoint(value):
            inner = bytearray()
            _write_fields(embedded, value, inner)
            _write_bytes(out, tag, inner)


def _partial(obj: Object) -> bytearray:
    out = bytearray()
    _write_bytes(out, b"\x0a", _encoded("meta.ObjectMeta", obj.get("metadata", {})))
    return out


# Messages that are no types of the API


_SPAN = _Element(_BYTES, lambda data, start, stop: (start, stop), bytes)
"""Bytes that are not copied: where they lie."""


def _plain_message(name: str, *fields: tuple[int, str, str]) -> _Message:
    """A message of (number, name, element) fields; zeros are kept."""
    message = _Message(name)
    for number, field, kind in fields:
        element = _SPAN if kind == "span" else _ELEMENTS[kind]
        message.fields[number] = field
        message.readers[number << 3 | element.wire] = _one_reader(field, element, keep=True)
    return message


_TYPE_META = _plain_message("TypeMeta", (1, "apiVersion", "string"), (2, "kind", "string"))
_UNKNOWN = _plain_message("Unknown", (2, "raw", "span"), (3, "contentEncoding", "string"), (4, "contentType", "string"))
_UNKNOWN.fields[1] = "typeMeta"
_UNKNOWN.readers[1 << 3 | _BYTES] = _flat_reader(_TYPE_META)
_RAW = _plain_message("RawExtension", (1, "raw", "span"))
_TIME = _plain_message("Timestamp", (1, "seconds", "integer"), (2, "nanos", "int32"))
_QUANTITY = _plain_message("Quantity", (1, "string", "string"))
_INT_OR_STRING = _plain_message("IntOrString", (1, "type", "integer"), (2, "intVal", "int32"), (3, "strVal", "string"))
_STRINGS = _Message("ExtraValue")
_STRINGS.fields[1] = "items"
_STRINGS.readers[1 << 3 | _BYTES] = _list_reader("items", _ELEMENTS["string"])
