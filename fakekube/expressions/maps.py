"""Maps of expressions: which key finds what.

Python holds `True` and `1` for the same key, and expressions do not; a map with boolean keys is therefore a `TruthMap`.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView
from dataclasses import dataclass
from typing import Any, Final

from fakekube.expressions.runtime_types import shown_type
from fakekube.expressions.values import EvaluationProblem, Value


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""What is found where nothing is."""


@dataclass(frozen=True, slots=True)
class _Truth:
    """A boolean as a key: it equals no number."""

    value: bool


class TruthMap(dict[Value, Value]):
    """A map some of whose keys are booleans."""

    def __init__(self, pairs: Iterable[tuple[Value, Value]]) -> None:
        super().__init__((_stored(key), value) for key, value in pairs)

    def __getitem__(self, key: Value) -> Value:
        return super().__getitem__(_stored(key))

    def get(self, key: Value, default: Any = None) -> Any:
        return super().get(_stored(key), default)

    def __contains__(self, key: object) -> bool:
        return super().__contains__(_stored(key))

    def __iter__(self) -> Iterator[Value]:
        return map(_shown, super().__iter__())

    def keys(self) -> KeysView[Value]:  # type: ignore[override]
        return KeysView(self)

    def items(self) -> ItemsView[Value, Value]:  # type: ignore[override]
        return ItemsView(self)


def _stored(key: Value) -> Value:
    return _Truth(key) if type(key) is bool else key


def _shown(key: Value) -> Value:
    return key.value if type(key) is _Truth else key


def make(pairs: Iterable[tuple[Value, Value]]) -> dict[Value, Value]:
    """The map of keys and values; of a key given twice the last value stands. Raises EvaluationProblem for what cannot be a key."""
    entries = list(pairs)
    for key, _ in entries:
        try:
            hash(key)
        except TypeError:
            raise EvaluationProblem(f"unsupported key type: {shown_type(key)}") from None
    return TruthMap(entries) if any(type(key) is bool for key, _ in entries) else dict(entries)


def find(entries: dict[Value, Value], key: Value) -> Value:
    """What stands under a key, or MISSING: `1`, `1u` and `1.0` are the same key."""
    if type(key) is bool and type(entries) is not TruthMap:
        return MISSING
    try:
        return entries[key]
    except (KeyError, TypeError):
        return MISSING


def has(entries: dict[Value, Value], key: Value) -> bool:
    """Whether something stands under a key."""
    if type(key) is bool and type(entries) is not TruthMap:
        return False
    try:
        return key in entries
    except TypeError:
        return False
