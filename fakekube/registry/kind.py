"""The vocabulary of kinds: what a kind is (facts) and how it behaves (a strategy).

Facts come from `fakekube.facts` and are never written by hand. A strategy is written by hand in `fakekube/kinds/<group>/<kind>.py`, only for
kinds that behave differently from the rest; the words are those of Kubernetes' own registry strategies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from fakekube.objects.field_errors import FieldError

Object = dict[str, Any]
"""One API object as its JSON value; `kind` and `apiVersion` come first."""


@dataclass(frozen=True, slots=True)
class Subresource:
    """A door of its own under an object: `status`, `scale`, `log`. `kind` is that of the body it takes (`Scale`, `Eviction`)."""

    name: str
    kind: str
    group: str
    version: str
    verbs: tuple[str, ...]


class Operation(Protocol):
    """What a strategy may ask of its surroundings while one write is made."""

    dry_run: bool

    def now(self) -> str:
        """The time as metav1.Time writes it, `2026-01-02T03:04:05Z`."""

    def new_uid(self) -> str: ...

    def random_suffix(self, length: int) -> str:
        """Letters of the alphabet of generated names, `bcdfghjklmnpqrstvwxz2456789`."""

    def get(self, group: str, resource: str, namespace: str, name: str) -> Object | None:
        """The stored object, shared: not to be changed."""

    def allocators(self) -> Any:
        """`registry.allocators.Allocators` of this cluster: addresses and ports."""


def _leave(*_: Any) -> None:
    """The hook of a kind that does nothing there."""


def _accept(*_: Any) -> list[FieldError]:
    """The validation of a kind that refuses nothing there."""
    return []


def _no_warnings(*_: Any) -> list[str]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """The hooks of one kind, each called at one point of a write (registry/create.py, update.py, delete.py).

    Objects are passed decoded and defaulted; `prepare_*` and `set_*` change `new` in place, `validate_*` must not change anything.
    """

    prepare_create: Callable[[Object, Operation], None] = _leave
    """After the generic preparation (status dropped or set, generation), before validation."""
    prepare_update: Callable[[Object, Object, Operation], None] = _leave
    """(new, old) of a write to the main resource; status has been put back already."""
    prepare_status_update: Callable[[Object, Object, Operation], None] = _leave
    """(new, old) of a write to /status; everything but status and some metadata has been put back already."""
    validate_create: Callable[[Object], Sequence[FieldError]] = _accept
    validate_update: Callable[[Object, Object], Sequence[FieldError]] = _accept
    validate_status_update: Callable[[Object, Object], Sequence[FieldError]] = _accept
    allocate: Callable[[Object, Object | None, Operation], None] = _leave
    """(new, old or None) after validation, just before the store takes the object: addresses, ports. May raise."""
    release: Callable[[Object, Operation], None] = _leave
    """After the object has gone: gives allocated values back."""
    warnings: Callable[[Object, Object | None], Sequence[str]] = _no_warnings
    """Texts of Warning headers for (new, old or None)."""
    selectable_fields: Mapping[str, Callable[[Object], str]] = field(default_factory=dict)
    """Field selectors beyond metadata.name and metadata.namespace."""
    default_grace_period_s: Callable[[Object], int] | None = None
    """Kinds that are deleted gracefully (pods): the seconds used when the request names none."""


@dataclass(frozen=True)
class Kind:
    """What a served group-version-resource is. One instance per (group, version, resource)."""

    group: str
    version: str
    kind: str
    resource: str
    """The plural in URLs: `configmaps`."""
    singular: str
    namespaced: bool
    verbs: tuple[str, ...]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    type_name: str = ""
    """Its schema in `facts.types`, `core.v1.Pod`; empty for custom resources."""
    stored_as: tuple[str, str] = ("", "")
    """(group, version) under which its objects lie in the store; differs for events.k8s.io and autoscaling/v1."""
    load_strategy: Callable[[], Strategy] = Strategy

    @cached_property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def strategy(self) -> Strategy:
        return self.load_strategy()

    @cached_property
    def list_kind(self) -> str:
        return f"{self.kind}List"

    @cached_property
    def subresource_names(self) -> Mapping[str, Subresource]:
        return {subresource.name: subresource for subresource in self.subresources}

    @cached_property
    def collection(self) -> str:
        """The name of its shelf in the store: `pods`, `jobs.batch`; group versions of one object share it."""
        group = self.stored_as[0]
        return f"{self.resource}.{group}" if group else self.resource

    def __repr__(self) -> str:
        return f"<Kind {self.api_version} {self.kind}>"
