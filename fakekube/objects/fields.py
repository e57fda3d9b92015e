"""How a value is put into an object without disturbing the order of its keys, and read from deep inside."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from fakekube import facts


def put(obj: dict[str, Any], key: str, value: Any, type_name: str) -> None:
    """Set `key` of an object of the type, at the place that the type gives it."""
    insert(obj, key, value, places(type_name))


def insert(obj: dict[str, Any], key: str, value: Any, order: Mapping[str, int]) -> None:
    """`obj[key] = value`, a new key before those that come later in `order`; `obj` is in order already."""
    if key not in obj and obj:
        place = order.get(key, -1)
        if order.get(next(reversed(obj)), -1) > place:
            # Only what follows has to move.
            following = []
            while obj:
                name, item = obj.popitem()
                if order.get(name, -1) <= place:
                    obj[name] = item
                    break
                following.append((name, item))
            obj[key] = value
            following.reverse()
            obj.update(following)
            return
    obj[key] = value


def put_or_drop(obj: dict[str, Any], key: str, value: Any, type_name: str) -> None:
    """As `put`, but an empty value takes the key away."""
    if value:
        put(obj, key, value, type_name)
    else:
        obj.pop(key, None)


def keep(new: dict[str, Any], old: dict[str, Any], key: str, type_name: str) -> None:
    """Let `key` be in `new` as it is in `old`."""
    if key in old:
        put(new, key, old[key], type_name)
    else:
        new.pop(key, None)


def at(obj: Any, path: str) -> Any:
    """The value at `spec.template.spec`, None where there is none."""
    for step in path.split("."):
        if not isinstance(obj, dict):
            return None
        obj = obj.get(step)
    return obj


def text_at(obj: Any, path: str) -> str:
    """The value at `path` as a field selector sees it: the empty string where there is none, `true` and `false` for booleans."""
    value = at(obj, path)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


@cache
def places(type_name: str) -> Mapping[str, int]:
    """The order of the fields of a type."""
    return {name: place for place, name in enumerate(facts.type_of(type_name).fields)}
