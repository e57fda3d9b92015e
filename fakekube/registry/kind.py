"""The vocabulary of kinds: what a kind is (facts) and how it behaves (a strategy).

Facts come from `fakekube.facts` and are never written by hand. A strategy is written by hand in `fakekube/kinds/<group>/<kind>.py`, only
for kinds that behave differently from the rest; the words are those of Kubernetes' own registry strategies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from fakekube.facts import ResourceFacts, type_name_of_kind
from fakekube.objects.field_errors import FieldError
from fakekube.objects.structs import Decoded
from fakekube.registry.allocators import Allocators
from fakekube.registry.user import User

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
    printer_columns: tuple[Mapping[str, Any], ...] | None = field(default=None, compare=False)
    """The columns of its Table, where it is a custom resource's; None: as its kind's are printed elsewhere."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def type_name(self) -> str:
        """The schema of the body in `facts.types`; empty for the objects of custom resources."""
        return type_name_of_kind(self.group, self.version, self.kind)


class Operation(Protocol):
    """What a strategy may ask of its surroundings while one write is made."""

    @property
    def dry_run(self) -> bool: ...

    @property
    def user(self) -> User: ...

    @property
    def allocators(self) -> Allocators: ...

    def now(self) -> str:
        """The time as metav1.Time writes it, `2026-01-02T03:04:05Z`."""

    def new_uid(self) -> str: ...

    def random_suffix(self, length: int = 5) -> str:
        """Letters of the alphabet of generated names."""

    @property
    def verb(self) -> str:
        """With which the request came: `update` or `patch`; empty where it makes no difference."""

    def refusal(self, verb: str, group: str, resource: str, subresource: str, namespace: str, name: str) -> str:
        """Why the user may not do that as well, in the words of a 403; empty if they may."""

    def put_beside(self, kind_name: str, obj: Object) -> None:
        """Store an object that the API server has beside what is written: `services` have their `ipaddresses.networking.k8s.io`."""

    def drop_beside(self, kind_name: str, name: str) -> None:
        """Remove such an object of a cluster-scoped kind; nothing if it has gone."""

    def get(self, group: str, resource: str, namespace: str, name: str) -> Object | None:
        """The stored object, shared: not to be changed."""


def _leave(*_: Any) -> None:
    """The hook of a kind that does nothing there."""


def _accept(*_: Any) -> list[FieldError]:
    """The validation of a kind that refuses nothing there."""
    return []


def _no(*_: Any) -> bool:
    return False


def _no_warnings(*_: Any) -> list[str]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A subresource through which part of the object is updated: `finalize`, `approval`, `resize`.

    `prepare(new, old, operation)` puts back in `new` whatever the door does not let through.
    """

    prepare: Callable[[Object, Object, Operation], None]
    validate: Callable[[Object, Object], Sequence[FieldError]] = _accept


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleRules:
    """Where an object has what its Scale shows."""

    read: Callable[[Object], tuple[int | None, int, str]]
    """Replicas wanted (None: not said), replicas there, selector (empty: none)."""
    write: Callable[[Object, int], None]
    replicas_path: str
    """How errors call the field of the wanted replicas."""
    negative_text: str
    """What is said to less than none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """The hooks of one kind, each called at one point of a write (registry/create.py, update.py, delete.py).

    Objects are passed decoded and defaulted; `prepare_*` and `set_*` change `new` in place, `validate_*` must not change anything.
    """

    prepare_create: Callable[[Object, Operation], None] = _leave
    """After the generic preparation (status dropped or set, generation), before validation."""
    keeps_of_sent_status: tuple[str, ...] = ()
    """Fields of the status that a creator sends which stay beside what a fresh object's status is."""
    prepare_update: Callable[[Object, Object, Operation], None] = _leave
    """(new, old) of a write to the main resource; status has been put back already."""
    prepare_status_update: Callable[[Object, Object, Operation], None] = _leave
    """(new, old) of a write to /status; everything but status and some metadata has been put back already."""
    validate_create_first: Callable[[Object], Sequence[FieldError]] = _accept
    """What is told before what is wrong with the metadata."""
    validate_create: Callable[[Object], Sequence[FieldError]] = _accept
    validate_update: Callable[[Object, Object], Sequence[FieldError]] = _accept
    """Errors of (new, old), and what is `Tolerated`."""
    validate_update_first: Callable[[Object, Object], Sequence[FieldError]] = _accept
    """Those of them that are told between two looks at the metadata, by kinds that take two (objects/metadata.py)."""
    validate_status_update: Callable[[Object, Object], Sequence[FieldError]] = _accept
    allocate: Callable[[Object, Object | None, Operation], None] | None = None
    """(new, old or None) after validation, just before the store takes the object: addresses, ports. May raise; then, and when the store
    does not take the object, all goes back."""
    stored: Callable[[Object, Object | None, Operation], None] = _leave
    """(new, old or None) after the store has taken the object for good: what the server writes beside it."""
    release: Callable[[Object, Operation], None] = _leave
    """After the object has gone: gives allocated values back."""
    early_warnings: Callable[[Object], Sequence[str]] = _no_warnings
    """Those of a new object that are told before it is prepared, and even if it is refused then."""
    warnings: Callable[[Object, Object | None], Sequence[str]] = _no_warnings
    """Texts of Warning headers for (new, old or None)."""
    selectable_fields: Mapping[str, Callable[[Object], str]] = field(default_factory=dict)
    """Field selectors beyond metadata.name and metadata.namespace."""
    doors: Mapping[str, Door] = field(default_factory=dict)
    """Further subresources that update the object, by name; /status needs none."""
    grace_period_s: Callable[[Object, int | None], int] | None = None
    """(object, seconds asked for or None) -> seconds, for kinds that are deleted gracefully (pods): marked first, always."""
    mark_deleted: Callable[[Object], None] | None = None
    """For kinds that a first delete only ever marks (namespaces): what the mark changes besides deletionTimestamp."""
    holds_deletion: Callable[[Object], bool] = _no
    """Whether something besides metadata.finalizers keeps a marked object (a namespace's spec.finalizers)."""
    default_propagation: str = "Background"
    """What a delete without a policy does with dependents; `Orphan` for Job and ReplicationController, "" for kinds that know no policy."""
    returns_deleted_object: bool = False
    """Whether a delete answers with the object that went, not with a Status."""
    to_storage: Callable[[Object], Object] | None = None
    """For a kind stored in another group version: a new object in that form."""
    from_storage: Callable[[Object], Object] | None = None
    """The reverse of `to_storage`; does not change what it is given."""
    converts_last: bool = False
    """Objects are prepared and judged in the version of the request, and turned into the stored form as they are stored; otherwise all
    hooks see the stored form."""
    read: Callable[[Sequence[Object]], Awaitable[Sequence[Object]]] | None = None
    """As `from_storage`, for kinds whose versions are converted by others: registry/conversion.py asks them. Raises
    StatusError. Then `from_storage` leaves alone what is in the kind's version already."""
    write: Callable[[Object], Awaitable[Object]] | None = None
    """As `to_storage`, likewise."""
    decode: Callable[[Any], Decoded] | None = None
    """Makes an object of a value whose kind has no type in the facts. Raises DecodeError."""
    set_defaults: Callable[[Object], None] | None = None
    """Fills in what is left out, after the defaults of the facts, and puts what may be sent in other words where it is kept."""
    defaults_concern_status: bool = True
    """Whether `set_defaults` has anything to do where nothing but the status is written."""
    scale: ScaleRules | None = None
    """What /scale reads and writes, where that is not spec.replicas, status.replicas and spec.selector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How a kind is spoken with. What is said here are the manners of built-in kinds; custom resources bring their own."""

    is_typed: bool = True
    """There is a Go type behind it, and with that protobuf; items of its lists do not say what they are, and paths that lead nowhere
    below its group are a Status. Custom resources have none of this."""
    list_kind: str = ""
    """Where it is not the kind with `List` behind it."""
    discovery_verbs: tuple[str, ...] = ()
    """What discovery offers, where that is less than what is allowed or in another order."""
    patch_types: tuple[str, ...] = ()
    """The media types that a refused patch is told; empty: none are."""
    printer_columns: tuple[Mapping[str, Any], ...] | None = None
    """`additionalPrinterColumns`; None: the columns are in the facts."""
    deprecation_warning: str = ""
    """With which every answer warns."""
    rereads: bool = False
    """What lies in the store may have been written by other schemas, and is read anew whenever it is shown."""
    schema: Mapping[str, Any] = field(default_factory=dict)
    """The `openAPIV3Schema` of a kind that is not in the facts."""


_PLACES: Mapping[tuple[str, str], str] = {
    ("", "replicationcontrollers"): "controllers",
    ("", "endpoints"): "services/endpoints",
    ("", "nodes"): "minions",
    ("", "services"): "services/specs",
    ("networking.k8s.io", "ingresses"): "ingress",
    ("apiextensions.k8s.io", "customresourcedefinitions"): "apiextensions.k8s.io/customresourcedefinitions",
    ("apiregistration.k8s.io", "apiservices"): "apiregistration.k8s.io/apiservices",
}
"""What lies in the store under another name than that of its resource."""


@dataclass(frozen=True)
class Kind:
    """What a served group-version-resource is. One instance per (group, version, resource); compared by identity in practice."""

    facts: ResourceFacts
    load_strategy: Callable[[], Strategy] = Strategy
    subresources: tuple[Subresource, ...] = ()
    wire: Wire = Wire()

    @cached_property
    def group(self) -> str:
        return self.facts.group

    @cached_property
    def version(self) -> str:
        return self.facts.version

    @cached_property
    def kind(self) -> str:
        return self.facts.kind

    @cached_property
    def resource(self) -> str:
        """The plural in URLs: `configmaps`."""
        return self.facts.resource

    @cached_property
    def singular(self) -> str:
        return self.facts.singular

    @cached_property
    def namespaced(self) -> bool:
        return self.facts.namespaced

    @cached_property
    def verbs(self) -> tuple[str, ...]:
        return self.facts.verbs

    @cached_property
    def short_names(self) -> tuple[str, ...]:
        return self.facts.short_names

    @cached_property
    def categories(self) -> tuple[str, ...]:
        return self.facts.categories

    @cached_property
    def type_name(self) -> str:
        """Its schema in `facts.types`, `core.v1.Pod`; empty for custom resources."""
        return self.facts.type_name

    @cached_property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def head(self) -> bytes:
        """How an object of the kind begins: `{"kind":"Pod","apiVersion":"v1",`."""
        return f'{{"kind":"{self.kind}","apiVersion":"{self.api_version}",'.encode()

    @cached_property
    def strategy(self) -> Strategy:
        return self.load_strategy()

    @cached_property
    def list_kind(self) -> str:
        return self.wire.list_kind or f"{self.kind}List"

    @cached_property
    def discovery_verbs(self) -> tuple[str, ...]:
        return self.wire.discovery_verbs or self.verbs

    def place_of(self, namespace: str, name: str, *, dry_run: bool) -> str:
        """How messages call the place of an object in the store, `/registry/configmaps/shop/web`; a dry run does not get so far down."""
        if self.wire.is_typed:
            resource = _PLACES.get((self.group, self.resource), self.resource)
        else:
            resource = f"{self.group}/{self.resource}"
        return "/".join(("" if dry_run else "/registry", *filter(None, (resource, namespace, name))))

    @cached_property
    def subresource_named(self) -> Mapping[str, Subresource]:
        return {subresource.name: subresource for subresource in self.subresources}

    @cached_property
    def is_stored(self) -> bool:
        """Whether its objects lie in the store: not reviews, bindings and componentstatuses."""
        return "watch" in self.verbs

    @cached_property
    def is_stored_form(self) -> bool:
        """Whether the store holds its objects in this very group version, as they are shown."""
        return (self.group, self.version) == self.facts.stored_as and not self.wire.rereads

    @cached_property
    def _last_conversions(self) -> tuple[Callable[[Object], Object], Callable[[Object], Object]] | None:
        strategy = self.strategy
        if self.is_stored_form or not strategy.converts_last:
            return None
        assert strategy.from_storage is not None
        assert strategy.to_storage is not None
        return strategy.from_storage, strategy.to_storage

    def as_judged(self, stored: Object) -> Object:
        """A stored object in the form in which the strategy's hooks see objects."""
        conversions = self._last_conversions
        return stored if conversions is None else conversions[0](stored)

    def as_stored(self, obj: Object) -> Object:
        """An object that the hooks have seen in the form in which it is stored."""
        conversions = self._last_conversions
        return obj if conversions is None else conversions[1](obj)

    @cached_property
    def collection(self) -> str:
        """The name of its shelf in the store: `pods`, `jobs.batch`; group versions of one object share it."""
        group = self.facts.stored_as[0]
        return f"{self.resource}.{group}" if group else self.resource

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __repr__(self) -> str:
        return f"<Kind {self.api_version} {self.kind}>"
