"""From the value that a client sent to an object of a type with its defaults.

Pods of one template, and most of what tests create, differ in nothing but their metadata. What decoding and defaults make of all the rest
is remembered by its text once it has come a second time; from then on such an object is read back from the remembered text, which takes a
tenth of the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import orjson

from fakekube import facts
from fakekube.objects import as_sent, defaults, structs
from fakekube.objects.repeated import Repeated
from fakekube.objects.structs import Decoded

_SHORTEST_BYTES, _LONGEST_BYTES = 200, 8192
"""Of less nothing is gained, and more is not worth its memory."""

_Key = tuple[str, str, bytes]

remembered: Repeated[_Key, bytes] = Repeated(256)
"""(type, apiVersion, the value without metadata) -> the object, its metadata empty."""


_DECODERS = structs.Decoders(defaults.constants)


def complete(type_name: str, value: Any, *, kind: str, version: str) -> Decoded:
    """As `structs.decode` followed by `defaults.apply`. Raises DecodeError."""
    key = _key(type_name, value, version)
    text = remembered.get(key) if key is not None else None
    if text is not None:
        metadata = structs.metadata(value.get("metadata"))
        if metadata is not None:
            obj: dict[str, Any] = orjson.loads(text)
            obj["metadata"] = metadata
            return Decoded(obj)
    decoded = structs.decode(type_name, value, kind=kind, version=version, decoders=_DECODERS)
    defaults.complete(type_name, decoded.object)
    if key is not None and text is None and not decoded.needs_text and not remembered.is_new(key):
        nameless = {**decoded.object, "metadata": {}}
        text, kept = as_sent.encoded(nameless)
        if kept is nameless:
            remembered.put(key, text)
    return decoded


def _key(type_name: str, value: Any, version: str) -> _Key | None:
    if value.__class__ is not dict or "spec" not in value or not _is_made_of_its_text(type_name):
        return None
    rest = {name: item for name, item in value.items() if name != "metadata"}
    try:
        # What the careful reader of JSON marks (repeated keys, numbers as they were written) is no plain value, and refused here.
        text = orjson.dumps(rest, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    except orjson.JSONEncodeError:
        return None
    return (type_name, version, text) if _SHORTEST_BYTES < len(text) < _LONGEST_BYTES else None


@cache
def _is_made_of_its_text(type_name: str) -> bool:
    """Whether all but the metadata of an object follows from all but the metadata of what was sent, and the other way round."""
    field = facts.type_of(type_name).fields.get("metadata")
    if field is None or field.ref != structs.METADATA or defaults.depends_on_time(type_name):
        return False
    return not any(_tells_metadata(word) for rule in facts.defaults(type_name) for word in _words(rule))


def _tells_metadata(word: str) -> bool:
    return word == "name_label" or word.split(".")[0] == "metadata"


def _words(rule: Any) -> Iterator[str]:
    """All texts in a rule, keys as well."""
    if isinstance(rule, str):
        yield rule
    elif isinstance(rule, Mapping):
        for key, value in rule.items():
            yield key
            yield from _words(value)
    elif isinstance(rule, list | tuple):
        for each in rule:
            yield from _words(each)
