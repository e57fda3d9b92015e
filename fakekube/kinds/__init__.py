"""Every kind that is served: facts from the generated tables, behaviour from the files beside this one.

A kind that behaves differently from the rest has one file, `kinds/<group>/<kind>.py` with `STRATEGY = Strategy(...)`, read when the kind is
first written; the group is its first label (`core` for the core group), the kind in snake case. A new kind needs nothing else.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator
from functools import cache, partial
from pathlib import Path

from fakekube import facts
from fakekube.errors import qualified
from fakekube.registry.kind import Kind, Strategy, Subresource

__all__ = ["Kinds"]


class Kinds:
    """The kinds of one cluster, in the order of discovery. `generation` grows whenever they change."""

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        self.generation = 1
        self._kinds: dict[tuple[str, str, str], Kind] = {}
        self._of_kind: dict[tuple[str, str, str], Kind] = {}
        self._named: dict[str, Kind] = {}
        for kind in kinds:
            self._add(kind)

    @classmethod
    def builtin(cls) -> Kinds:
        """What a server of the reference version serves before anybody defines custom resources."""
        return cls(_builtin())

    def find(self, group: str, version: str, resource: str) -> Kind | None:
        return self._kinds.get((group, version, resource))

    def of_kind(self, group: str, version: str, kind: str) -> Kind | None:
        return self._of_kind.get((group, version, kind))

    def named(self, name: str) -> Kind:
        """The kind that kubectl would call so: `pods`, `deployments.apps`, `events.events.k8s.io`. Raises LookupError."""
        kind = self._named.get(name)
        if kind is not None:
            return kind
        message = (
            f"no resource {name!r} is served: expected a plural with its group, such as 'pods' or 'deployments.apps'"
        )
        raise LookupError(message)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def add(self, kind: Kind) -> None:
        """Serve a kind, instead of what was served in its place."""
        self._add(kind)
        self.generation += 1

    def remove(self, kind: Kind) -> None:
        """Serve it no longer; what has taken its place stays."""
        for table, name in ((self._kinds, kind.resource), (self._of_kind, kind.kind)):
            if table.get((kind.group, kind.version, name)) is kind:
                del table[kind.group, kind.version, name]
        self._named = _by_name(self._kinds.values())
        self.generation += 1

    def fork(self) -> Kinds:
        """Kinds of its own that begin with the same."""
        return Kinds(tuple(self._kinds.values()))

    def _add(self, kind: Kind) -> None:
        self._kinds[kind.group, kind.version, kind.resource] = kind
        self._of_kind[kind.group, kind.version, kind.kind] = kind
        name = qualified(kind.group, kind.resource)
        present = self._named.get(name)
        if present is None or present.version == kind.version:
            self._named[name] = kind


def _by_name(kinds: Iterable[Kind]) -> dict[str, Kind]:
    """The first version of each resource, which is the preferred one."""
    named: dict[str, Kind] = {}
    for kind in kinds:
        named.setdefault(qualified(kind.group, kind.resource), kind)
    return named


@cache
def _builtin() -> tuple[Kind, ...]:
    return tuple(
        Kind(
            facts=row,
            load_strategy=partial(_strategy, row.group, row.kind),
            subresources=tuple(
                Subresource(each.name, each.kind, each.group, each.version, each.verbs) for each in row.subresources
            ),
        )
        for row in facts.resources()
    )


def _strategy(group: str, kind: str) -> Strategy:
    folder, name = group.partition(".")[0] or "core", _snake_case(kind)
    if (folder, name) not in _files():
        return Strategy()
    strategy = importlib.import_module(f"fakekube.kinds.{folder}.{name}").STRATEGY
    if not isinstance(strategy, Strategy):
        message = (
            f"fakekube/kinds/{folder}/{name}.py: STRATEGY is {strategy!r}, expected a fakekube.registry.kind.Strategy"
        )
        raise TypeError(message)
    return strategy


@cache
def _files() -> frozenset[tuple[str, str]]:
    return frozenset((file.parent.name, file.stem) for file in Path(__file__).parent.glob("*/*.py"))


def _snake_case(kind: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind).lower()
