"""What an object keeps of how it was sent, beyond its value: the texts of RawExtensions, and which lists and maps were sent empty.

A `runtime.RawExtension` is text to the server, never a value: it is stored byte by byte, blanks and the order of keys included, compared
byte by byte where it may not change, and only written out without its blanks, as Go's JSON encoder does with all that encodes itself. Here
it stands in its object as the value of that text; where the text is another than the encoder would write, as a `Verbatim`, which knows it.

An empty list is as good as none, and neither is stored; but Go tells them apart, and messages that show a value write `[]` for the one and
`null` for the other. So an object that was sent empty ones is, until it is stored, an `Emptied`, which knows them.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from fakekube.objects import go_json

Path = tuple[str, ...]

EACH = "*"
"""In a path: each element of a list."""

_PARAMETERS: Path = ("config", EACH, "opaque", "parameters")

RAW_EXTENSIONS: Mapping[str, Sequence[Path]] = {
    "apps.v1.ControllerRevision": (("data",),),
    "resource.v1.DeviceClass": (("spec", *_PARAMETERS),),
    "resource.v1.ResourceClaim": (
        ("spec", "devices", *_PARAMETERS),
        ("status", "allocation", "devices", *_PARAMETERS),
        ("status", "devices", EACH, "data"),
    ),
    "resource.v1.ResourceClaimTemplate": (("spec", "spec", "devices", *_PARAMETERS),),
}
"""Where the types of stored objects have them."""


class Verbatim(dict[str, Any]):
    """A JSON object that stands for its text: equal to what has the same text, and written as it with nothing but the blanks left out."""

    __slots__ = ("text",)

    def __init__(self, value: Mapping[str, Any], text: bytes) -> None:
        super().__init__(value)
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, dict) and self.text == text_of(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None


class Emptied(dict[str, Any]):
    """An object that was sent with lists or maps that are empty; it is what it would be without them."""

    __slots__ = ("empty",)

    def __init__(self, value: Mapping[str, Any], empty: Mapping[str, Any]) -> None:
        super().__init__(value)
        self.empty = dict(empty)
        """What was sent, by field: `[]`, `{}`, or an `Emptied` that is empty itself."""


def with_empty(obj: dict[str, Any]) -> dict[str, Any]:
    """An object as messages show it, with the lists and maps that were sent empty. `obj` is left as it is."""
    if not isinstance(obj, Emptied):
        return obj
    return {**obj, **{name: empty for name, empty in obj.empty.items() if not obj.get(name)}}


def with_field(obj: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """A copy of an object with another value in a field, which knows of empty lists and maps what the object knows."""
    changed = {**obj, name: value}
    return Emptied(changed, obj.empty) if isinstance(obj, Emptied) else changed


def knows_empty(value: Any) -> bool:
    """Whether a list or map was sent empty in the value or in anything below it, and has not been filled in."""
    if isinstance(value, Emptied) and not all(map(value.get, value.empty)):
        return True
    if isinstance(value, dict):
        return any(map(knows_empty, value.values()))
    return isinstance(value, list) and any(map(knows_empty, value))


def shown_at(obj: Any, path: str) -> Any:
    """The value at `spec.versions` as messages show it: None only where nothing was sent."""
    for step in path.split("."):
        obj = with_empty(obj).get(step) if isinstance(obj, dict) else None
    return obj


def text_of(raw: Any) -> bytes:
    """The text of a RawExtension: what was sent, or what Go's encoder makes of a value."""
    return raw.text if isinstance(raw, Verbatim) else _escaped(orjson.dumps(raw, default=float))


def of_text(value: Any, text: bytes) -> Any:
    """The value of `text` as a RawExtension has it."""
    if not isinstance(value, dict):
        return value
    plain = orjson.dumps(value, default=float)
    return value if text == _escaped(plain) else Verbatim(orjson.loads(plain), text)


def keep_texts(type_name: str, value: Any, body: bytes) -> None:
    """Give the RawExtensions in `value`, which was read from the JSON text `body`, their texts."""
    found = list(_raw_extensions(type_name, value))
    if not found:
        return
    try:
        plain = orjson.dumps(value, default=float)
    except orjson.JSONEncodeError:
        return  # too deep for an object, which decoding says
    if plain == body and _escaped(plain) == plain:
        return
    texts = go_json.texts_of_objects(body, {len(place) for *_, place in found})
    for parent, key, place in found:
        parent[key] = of_text(parent[key], texts.get(place, b"null"))


def as_written(type_name: str, obj: Any) -> None:
    """Make of an object what is read from its JSON: its RawExtensions have lost their blanks."""
    for parent, key, _ in _raw_extensions(type_name, obj):
        if isinstance(parent[key], Verbatim):
            parent[key] = of_text(dict(parent[key]), _compact(parent[key].text))


def as_go_maps(type_name: str, obj: Any) -> Any:
    """An object as Go's maps give it back: nothing is left of the texts, and the keys in them are in order. `obj` is left as it is."""
    if type_name not in RAW_EXTENSIONS:
        return obj
    obj = copy.deepcopy(obj)
    for parent, key, _ in _raw_extensions(type_name, obj):
        parent[key] = orjson.loads(orjson.dumps(parent[key], default=float, option=orjson.OPT_SORT_KEYS))
    return obj


def copies_of(type_name: str, obj: Any) -> Callable[[], Any]:
    """Makes objects like `obj` as it is now, with the texts in them."""
    if type_name in RAW_EXTENSIONS:
        kept = copy.deepcopy(obj)
        return lambda: copy.deepcopy(kept)
    text = orjson.dumps(obj)
    return lambda: orjson.loads(text)


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are equal down to the texts of the RawExtensions in them."""
    return bool(one == other) and _spelt_out(one) == _spelt_out(other)


def encoded(value: Any) -> tuple[bytes, Any]:
    """The compact JSON of an object, and what is worth keeping of the object beside it.

    That is `value` itself where it is all plain, None where it only knows what was sent empty, and where it knows texts another object
    that knows nothing but these.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_SUBCLASS), value
    except orjson.JSONEncodeError:
        json, has_texts = _dumped(value, _compact)
        return json, _with_texts_alone(value) if has_texts else None


def _with_texts_alone(value: Any) -> Any:
    if isinstance(value, Verbatim):
        return value
    if isinstance(value, dict):
        return {key: _with_texts_alone(item) for key, item in value.items()}
    return [_with_texts_alone(item) for item in value] if isinstance(value, list) else value


def _spelt_out(value: Any) -> bytes:
    return _escaped(_dumped(value, bytes)[0])


_BASES: tuple[Any, ...] = (dict, list, str, int, float)


def _dumped(value: Any, spelt: Callable[[bytes], bytes]) -> tuple[bytes, bool]:
    """The JSON with `spelt` of each text that is in it, and whether there is any."""
    has_texts = False

    def default(part: Any) -> Any:
        nonlocal has_texts
        if isinstance(part, Verbatim):
            has_texts = True
            return orjson.Fragment(spelt(part.text))
        for base in _BASES:
            if isinstance(part, base):
                return base(part)
        raise TypeError

    return orjson.dumps(value, default=default, option=orjson.OPT_PASSTHROUGH_SUBCLASS), has_texts


def _raw_extensions(type_name: str, value: Any) -> Iterator[tuple[dict[str, Any], str, tuple[str | int, ...]]]:
    """What holds each RawExtension that is there, under which key, and its place: `("spec", "config", 0, "opaque", "parameters")`."""
    for path in RAW_EXTENSIONS.get(type_name, ()):
        yield from _at(value, path, ())


def _at(
    value: Any, path: Path, place: tuple[str | int, ...]
) -> Iterator[tuple[dict[str, Any], str, tuple[str | int, ...]]]:
    step, *rest = path
    if step == EACH:
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _at(item, tuple(rest), (*place, index))
    elif isinstance(value, dict) and value.get(step) is not None:
        if rest:
            yield from _at(value[step], tuple(rest), (*place, step))
        else:
            yield value, step, (*place, step)


_TOKEN = re.compile(rb'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')
_IN_HTML = {
    b"<": rb"\u003c",
    b">": rb"\u003e",
    b"&": rb"\u0026",
    "\u2028".encode(): rb"\u2028",
    "\u2029".encode(): rb"\u2029",
}
"""What Go's encoder writes otherwise, since HTML or JavaScript would misread it."""


def _compact(text: bytes) -> bytes:
    return _escaped(_TOKEN.sub(lambda token: token[1] or b"", text))


def _escaped(text: bytes) -> bytes:
    for character, escape in _IN_HTML.items():
        text = text.replace(character, escape)
    return text
