"""What a write must pass besides the kind's own rules: plugins in one order, first those that change the object, then those that judge it.

https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Sequence
from functools import cache

from fakekube.admission.attributes import Attributes
from fakekube.registry.kind import Object

Hook = Callable[[Object, Object | None, Attributes], Awaitable[None] | None]

CHAIN = (
    "namespace_lifecycle",
    "limit_ranger",
    "service_account",
    "taint_nodes_by_condition",
    "pod_security",
    "priority",
    "default_tolerations",
    "default_storage_class",
    "storage_object_in_use_protection",
    "persistent_volume_claim_resize",
    "runtime_class",
    "certificates",
    "default_ingress_class",
    "resource_quota",
)
"""The plugins in the order of kube-apiserver; each a file beside this one with `mutate`, `validate` or both.

`mutate(new, old, attributes)` may change `new`; `validate(new, old, attributes)` may not. Each may raise a StatusError, and may be a
coroutine function. For a delete both are the object that goes."""


class Chain:
    """The plugins of one cluster."""

    def __init__(self, names: Sequence[str] = CHAIN) -> None:
        self._names = tuple(names)
        self._mutating: tuple[Hook, ...] | None = None
        self._validating: tuple[Hook, ...] | None = None

    async def mutate(self, new: Object, old: Object | None, attributes: Attributes) -> None:
        if self._mutating is None:
            self._mutating = _hooks(self._names, "mutate")
        await _run(self._mutating, new, old, attributes)

    async def validate(self, new: Object, old: Object | None, attributes: Attributes) -> None:
        if self._validating is None:
            self._validating = _hooks(self._names, "validate")
        await _run(self._validating, new, old, attributes)


async def _run(hooks: tuple[Hook, ...], new: Object, old: Object | None, attributes: Attributes) -> None:
    for hook in hooks:
        waiting = hook(new, old, attributes)
        if waiting is not None:
            await waiting


@cache
def _hooks(names: tuple[str, ...], function: str) -> tuple[Hook, ...]:
    modules = [importlib.import_module(f"fakekube.admission.{name}") for name in names]
    return tuple(getattr(module, function) for module in modules if hasattr(module, function))
