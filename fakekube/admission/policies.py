"""Which admission policies have to do with a write: those stored, with their bindings, ready to be looked up.

What the objects say (selectors, conditions, parameters) is asked at each write; all else is known as long as nothing changes.
https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from fakekube.admission.webhook_configurations import Complete
from fakekube.kinds import Kinds
from fakekube.registry.kind import Kind, Object
from fakekube.storage.store import Store

if TYPE_CHECKING:
    from fakekube.admission.policy_matching import Candidate, Policy
    from fakekube.admission.policy_mutations import Mutations
    from fakekube.admission.policy_validations import Validations

GROUP = "admissionregistration.k8s.io"
VALIDATING = "validatingadmissionpolicies"
MUTATING = "mutatingadmissionpolicies"
NEVER_JUDGED = frozenset((GROUP, "authentication.k8s.io", "authorization.k8s.io"))
"""Groups that no policy is asked about: a policy that refuses everything could else not be repaired."""

Compiled = TypeVar("Compiled")


class Policies(Generic[Compiled]):
    """The policies of one of the two kinds, by name, with their bindings. `compiled` makes of a policy what is needed to run it."""

    def __init__(self, store: Store, kinds: Kinds, resource: str, compiled: Callable[[Object], Compiled]) -> None:
        self.kinds = kinds
        self._store, self._compiled = store, compiled
        self._policies_collection = f"{resource}.{GROUP}"
        self._bindings_collection = f"{resource.removesuffix('ies')}ybindings.{GROUP}"
        self._stamp = (-1, -1, -1)
        self._policies: tuple[Policy[Compiled], ...] = ()
        self._asked: dict[tuple[Kind, str, str], tuple[Candidate[Compiled], ...]] = {}

    def asked(self, kind: Kind, subresource: str, operation: str) -> Sequence[Candidate[Compiled]]:
        """Those whose rules may pick the request. Costs two comparisons while there are no bindings."""
        bindings = self._store.collection(self._bindings_collection)
        if not bindings.objects or kind.group in NEVER_JUDGED:
            return ()
        policies = self._store.collection(self._policies_collection)
        stamp = (policies.revision, bindings.revision, self.kinds.generation)
        if stamp != self._stamp:
            self._read(stamp)
        key = (kind, subresource, operation)
        asked = self._asked.get(key)
        if asked is None:
            from fakekube.admission.policy_matching import candidates

            equivalents = []
            if kind.is_stored:
                equivalents = [each for each in self.kinds if each is not kind and each.collection == kind.collection]
            asked = self._asked[key] = candidates(self._policies, kind, equivalents, subresource, operation)
        return asked

    def _read(self, stamp: tuple[int, int, int]) -> None:
        from fakekube.admission.policy_matching import read

        self._stamp = stamp
        self._asked.clear()
        policies = [stored.value for stored in self._store.list(self._policies_collection)]
        bindings = [stored.value for stored in self._store.list(self._bindings_collection)]
        self._policies = read(policies, bindings, self._compiled, self._policies)


class AdmissionPolicies:
    """The admission policies of one cluster."""

    def __init__(self, store: Store, kinds: Kinds, complete: Complete) -> None:
        self.complete = complete
        self.validating: Policies[Validations] = Policies(store, kinds, VALIDATING, _validations)
        self.mutating: Policies[Mutations] = Policies(store, kinds, MUTATING, _mutations)


def _validations(policy: Object) -> Validations:
    from fakekube.admission.policy_validations import compiled

    return compiled(policy)


def _mutations(policy: Object) -> Mutations:
    from fakekube.admission.policy_mutations import compiled

    return compiled(policy)
