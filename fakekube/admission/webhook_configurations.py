"""Which webhooks are asked about a write: the stored configurations, ready to be looked up by kind, subresource and operation.

What the objects say (selectors, conditions) is asked at each write; all else is known as long as no configuration changes.
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-rules
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fakekube.kinds import Kinds
from fakekube.objects.selectors import LabelSelector, label_selector_of
from fakekube.registry.kind import Kind, Object, Subresource
from fakekube.registry.webhook_calls import CallWebhook, ClientConfig, version_of
from fakekube.storage.store import Store

GROUP = "admissionregistration.k8s.io"
MUTATING = f"mutatingwebhookconfigurations.{GROUP}"
VALIDATING = f"validatingwebhookconfigurations.{GROUP}"
"""The collections that configurations lie in."""

USUAL_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook of a configuration."""

    name: str
    configuration: str
    config: ClientConfig
    rules: Sequence[Mapping[str, Any]]
    takes_equivalents: bool
    """Whether a request in another version of a resource is converted for it."""
    namespace_selector: LabelSelector
    object_selector: LabelSelector
    conditions: Sequence[Mapping[str, Any]]
    """`name` and `expression` of each match condition."""
    is_needed: bool
    """failurePolicy: whether a failure of the webhook refuses the write."""
    timeout_s: int
    version: str
    """Of the reviews: v1 or v1beta1."""
    is_asked_again: bool
    """reinvocationPolicy."""

    @property
    def key(self) -> tuple[str, str]:
        return self.configuration, self.name

    @classmethod
    def of(cls, configuration: str, webhook: Mapping[str, Any]) -> Hook:
        """From a valid, defaulted configuration."""
        return cls(
            webhook["name"],
            configuration,
            webhook["clientConfig"],
            webhook.get("rules") or (),
            webhook.get("matchPolicy") != "Exact",
            label_selector_of(webhook.get("namespaceSelector") or {}),
            label_selector_of(webhook.get("objectSelector") or {}),
            webhook.get("matchConditions") or (),
            webhook.get("failurePolicy") != "Ignore",
            webhook.get("timeoutSeconds") or USUAL_TIMEOUT_S,
            version_of(webhook["admissionReviewVersions"]),
            webhook.get("reinvocationPolicy") == "IfNeeded",
        )

    def kind_for(self, kind: Kind, equivalents: Sequence[Kind], subresource: str, operation: str) -> Kind | None:
        """The version of the resource that the webhook wants to be shown; None: it does not want to be asked."""
        for candidate in (kind, *(equivalents if self.takes_equivalents else ())):
            if any(_picks(rule, candidate, subresource, operation) for rule in self.rules):
                return candidate
        return None


Complete = Callable[[Kind | Subresource, Any], Object]
"""From a JSON value to an object of a kind with its defaults; unknown fields are gone. Raises DecodeError."""

Asked = tuple[Hook, Kind]
"""A webhook and the kind in whose version it is shown objects."""


class Configurations:
    """The webhooks of one of the two collections, in the order in which they are asked: configurations by name."""

    def __init__(self, store: Store, kinds: Kinds, collection: str) -> None:
        self._store, self._kinds, self._collection = store, kinds, collection
        self._stamp = (-1, -1)
        self._hooks: tuple[Hook, ...] = ()
        self._asked: dict[tuple[Kind, str, str], tuple[Asked, ...]] = {}

    def asked(self, kind: Kind, subresource: str, operation: str) -> Sequence[Asked]:
        """Those whose rules pick the request. Costs two comparisons while there are no configurations."""
        shelf = self._store.collection(self._collection)
        if not shelf.objects or kind.group == GROUP:
            # Else nobody could repair a configuration that refuses everything.
            return ()
        stamp = (shelf.revision, self._kinds.generation)
        if stamp != self._stamp:
            self._read(stamp)
        key = (kind, subresource, operation)
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = tuple(self._pick(kind, subresource, operation))
        return asked

    def _read(self, stamp: tuple[int, int]) -> None:
        self._stamp = stamp
        self._asked.clear()
        self._hooks = tuple(
            Hook.of(stored.name, webhook)
            for stored in self._store.list(self._collection)
            for webhook in stored.value.get("webhooks") or ()
        )

    def _pick(self, kind: Kind, subresource: str, operation: str) -> list[Asked]:
        equivalents = []
        if kind.is_stored:
            equivalents = [each for each in self._kinds if each is not kind and each.collection == kind.collection]
        picked = ((hook, hook.kind_for(kind, equivalents, subresource, operation)) for hook in self._hooks)
        return [(hook, shown) for hook, shown in picked if shown is not None]


class Webhooks:
    """The admission webhooks of one cluster, and what it takes to ask them."""

    def __init__(
        self, store: Store, kinds: Kinds, complete: Complete, new_uid: Callable[[], str], call: CallWebhook
    ) -> None:
        self.complete, self.new_uid, self.call = complete, new_uid, call
        self.mutating = Configurations(store, kinds, MUTATING)
        self.validating = Configurations(store, kinds, VALIDATING)


def _picks(rule: Mapping[str, Any], kind: Kind, subresource: str, operation: str) -> bool:
    return (
        _names(rule.get("operations"), operation)
        and _names(rule.get("apiGroups"), kind.group)
        and _names(rule.get("apiVersions"), kind.version)
        and _is_in_scope(rule.get("scope"), kind)
        and any(_is_resource(text, kind.resource, subresource) for text in rule.get("resources") or ())
    )


def _names(texts: Sequence[str] | None, text: str) -> bool:
    return texts is not None and ("*" in texts or text in texts)


def _is_in_scope(scope: str | None, kind: Kind) -> bool:
    return scope in (None, "", "*") or (scope == "Namespaced") == kind.namespaced


def _is_resource(text: str, resource: str, subresource: str) -> bool:
    """`pods`, `pods/status`, `*` (no subresource), `pods/*` (the pods themselves as well), `*/scale`, `*/*`."""
    wanted, _, wanted_subresource = text.partition("/")
    return wanted in ("*", resource) and wanted_subresource in ("*", subresource)
