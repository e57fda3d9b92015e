"""Which webhooks are asked about a write: the stored configurations, ready to be looked up by kind, subresource and operation.

What the objects say (selectors, conditions) is asked at each write; all else is known as long as no configuration changes.
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fakekube.kinds import Kinds
from fakekube.registry.kind import Kind, Object, Subresource
from fakekube.registry.webhook_calls import CallWebhook
from fakekube.storage.store import Store

if TYPE_CHECKING:
    from fakekube.admission.webhook_matching import Hook

GROUP = "admissionregistration.k8s.io"
MUTATING = f"mutatingwebhookconfigurations.{GROUP}"
VALIDATING = f"validatingwebhookconfigurations.{GROUP}"
"""The collections that configurations lie in."""

Complete = Callable[[Kind | Subresource, Any], Object]
"""From a JSON value to an object of a kind with its defaults; unknown fields are gone. Raises DecodeError."""

Asked = tuple["Hook", Kind]
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
        from fakekube.admission.webhook_matching import Hook

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
