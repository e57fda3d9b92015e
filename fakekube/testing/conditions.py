"""What one waits for, in the words of `kubectl wait --for`, as part of an object, or as a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fakekube.server.tables import json_path

Object = dict[str, Any]

Condition = str | Mapping[str, Any] | Callable[[Object], Any]
"""One of

- `"condition=Ready"`, `"condition=Ready=False"`: a status condition (True when not said), compared without regard to case
- `"jsonpath={.status.phase}=Running"`, `"jsonpath={.status.podIP}"`: a value, or any value
- `"create"`, `"delete"`: it is there, it is gone
- `{"status": {"phase": "Running"}}`: the object holds at least this; lists are compared whole
- a function of the object: what it returns is true
"""


@dataclass(frozen=True, slots=True)
class Test:
    """A condition that was understood. `holds` is asked of objects that are there; with `absent`, being gone is what is waited for."""

    described: str
    holds: Callable[[Object], Any]
    absent: bool = False


def understood(condition: Condition) -> Test:
    """Raises ValueError, which names what may be waited for."""
    if isinstance(condition, Mapping):
        return Test(f"it holds {dict(condition)!r}", lambda obj: holds(obj, condition))
    if callable(condition):
        return Test(f"{_name(condition)} is true", condition)
    if isinstance(condition, str):
        word, equals, rest = condition.partition("=")
        if word == "delete" and not equals:
            return Test("it is gone", lambda _: False, absent=True)
        if word == "create" and not equals:
            return Test("it is there", lambda _: True)
        if word == "condition" and rest:
            type, _, status = rest.partition("=")
            return Test(condition, lambda obj: _status_of(obj, type) == (status or "True").lower())
        if word == "jsonpath" and rest:
            return _json_path(condition, rest)
    raise ValueError(
        f"one cannot wait for {condition!r}: expected 'condition=Ready', 'jsonpath={{.status.phase}}=Running', "
        "'create', 'delete', a dict that the object is to hold, or a function of the object"
    )


def holds(value: Any, part: Any) -> bool:
    """Whether mappings of `part` are in `value`, key by key; everything else must be equal."""
    if isinstance(part, Mapping):
        return isinstance(value, Mapping) and all(key in value and holds(value[key], part[key]) for key in part)
    return bool(value == part)


def _status_of(obj: Object, type: str) -> str | None:
    conditions: Sequence[Any] = (obj.get("status") or {}).get("conditions") or ()
    generation = obj.get("metadata", {}).get("generation", 0)
    for condition in conditions:
        if condition.get("type", "").lower() == type.lower():
            # A controller that has not yet seen the latest spec has not yet judged it, as `kubectl wait` has it.
            if condition.get("observedGeneration", generation) < generation:
                return None
            status: str = condition.get("status", "")
            return status.lower()
    return None


def _json_path(condition: str, rest: str) -> Test:
    rest = rest.removeprefix("'")
    if not rest.startswith("{") or "}" not in rest:
        raise ValueError(f"{condition!r} holds no path: expected such as 'jsonpath={{.status.phase}}=Running'")
    end = rest.rindex("}")
    path, after = rest[1:end], rest[end + 1 :].removeprefix("'")
    try:
        find = json_path.parse(path)
    except json_path.PathError as error:
        raise ValueError(f"{condition!r}: {error}") from None
    wanted = after.removeprefix("=") if after else None

    def matches(obj: Object) -> bool:
        try:
            found = find(obj)
        except json_path.PathError:
            return False  # an index that is not there yet
        if wanted is None:
            return bool(found)
        return bool(found) and all(_text(each) == wanted for each in found)

    return Test(condition, matches)


def _text(value: Any) -> str:
    """As Go prints it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name(function: Callable[..., Any]) -> str:
    name = getattr(function, "__name__", "") or repr(function)
    return "the function" if name == "<lambda>" else name
