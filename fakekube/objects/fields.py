"""How a value is put into an object without disturbing the order of its keys, and read from deep inside."""

from __future__ import annotations

from functools import cache
from typing import Any

from fakekube import facts


def put(obj: dict[str, Any], key: str, value: Any, type_name: str) -> None:
    """Set `key` of an object of the type, at the place that the type gives it."""
    if key not in obj and obj:
        place = _places(type_name)
        position = place.get(key, -1)
        if place.get(next(reversed(obj)), -1) > position:
            # The object is in order already: only what follows has to move.
            following = []
            while obj:
                name, item = obj.popitem()
                if place.get(name, -1) <= position:
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
def _places(type_name: str) -> dict[str, int]:
    return {name: place for place, name in enumerate(facts.type_of(type_name).fields)}
