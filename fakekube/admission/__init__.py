"""What a write must pass besides the kind's own rules: plugins in one order, first those that change the object, then those that judge it.

https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache

from fakekube.admission.attributes import Attributes
from fakekube.registry.kind import Kind, Object

Hook = Callable[[Object, Object | None, Attributes], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin; `name` is that of its file."""

    name: str
    kinds: tuple[str, ...] = ()
    """The only ones that it looks at, `ingresses.networking.k8s.io`; empty: all."""


_TEMPLATED = (
    *("replicationcontrollers", "podtemplates", "jobs.batch", "cronjobs.batch"),
    *("deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps"),
)

_POLICIES = tuple(
    f"{word}admissionpolic{end}.admissionregistration.k8s.io"
    for word in ("mutating", "validating")
    for end in ("ies", "ybindings")
)

CHAIN = (
    # No plugin there: it is the last thing that validation asks of policies.
    Plugin("parameter_rights", _POLICIES),
    Plugin("namespace_lifecycle"),
    Plugin("limit_ranger", ("pods", "persistentvolumeclaims")),
    Plugin("service_account", ("pods",)),
    Plugin("taint_nodes_by_condition", ("nodes",)),
    Plugin("pod_security", ("pods", "namespaces", *_TEMPLATED)),
    Plugin("priority", ("pods", "priorityclasses.scheduling.k8s.io")),
    Plugin("default_tolerations", ("pods",)),
    Plugin("default_storage_class", ("persistentvolumeclaims",)),
    Plugin(
        "storage_object_in_use_protection",
        ("persistentvolumeclaims", "persistentvolumes", "volumeattributesclasses.storage.k8s.io"),
    ),
    Plugin("persistent_volume_claim_resize", ("persistentvolumeclaims",)),
    Plugin("runtime_class", ("pods",)),
    Plugin("certificates", ("certificatesigningrequests.certificates.k8s.io",)),
    Plugin("default_ingress_class", ("ingresses.networking.k8s.io",)),
    Plugin("pod_topology_labels", ("pods",)),
    Plugin("mutating_policies"),
    Plugin("mutating_webhooks"),
    Plugin("validating_policies"),
    Plugin("validating_webhooks"),
    Plugin("resource_quota"),
)
"""The plugins in the order of kube-apiserver; each a file beside this one with `mutate`, `validate` or both.

`mutate(new, old, attributes)` may change `new`; `validate(new, old, attributes)` may not. Each may raise a StatusError, and may be a
coroutine function. For a delete both are the object that goes.

Where policies or webhooks have changed the object, all mutating plugins see it once more."""

_OF_USERS = {
    "mutate": ("mutating_policies", "mutating_webhooks"),
    "validate": ("validating_policies", "validating_webhooks"),
}
"""The plugins that ask what users have written or run, by function."""


class Chain:
    """The plugins of one cluster. A plugin is imported by the first write that it may have to do with."""

    def __init__(self, plugins: Sequence[Plugin] = CHAIN) -> None:
        self._plugins = tuple(plugins)
        self._named = frozenset(kind for plugin in plugins for kind in plugin.kinds)
        present = {plugin.name for plugin in plugins}
        self._of_users = {
            function: tuple(name for name in names if name in present) for function, names in _OF_USERS.items()
        }
        self._mutating: dict[str, tuple[Hook, ...]] = {}
        self._validating: dict[str, tuple[Hook, ...]] = {}

    async def mutate(self, new: Object, old: Object | None, attributes: Attributes) -> None:
        hooks = self._hooks(self._mutating, "mutate", attributes.kind)
        for hook in hooks:
            waiting = hook(new, old, attributes)
            if waiting is not None:
                await waiting
        passes = attributes.passes
        if passes is None or not passes.is_changed:
            return
        passes.is_second = True
        for hook in hooks:
            waiting = hook(new, old, attributes)
            if waiting is not None:
                await waiting

    async def validate(self, new: Object, old: Object | None, attributes: Attributes) -> None:
        for hook in self._hooks(self._validating, "validate", attributes.kind):
            waiting = hook(new, old, attributes)
            if waiting is not None:
                await waiting

    async def approve_deletion(self, old: Object, attributes: Attributes) -> None:
        """Of the mutating plugins only policies and webhooks have to do with what goes: they may refuse."""
        for hook in self._hooks_of_users("mutate"):
            waiting = hook(old, old, attributes)
            if waiting is not None:
                await waiting
        await self.validate(old, old, attributes)

    async def approve_connection(self, options: Object, attributes: Attributes) -> None:
        """Of all plugins only policies and webhooks have to do with connections."""
        for hook in (*self._hooks_of_users("mutate"), *self._hooks_of_users("validate")):
            waiting = hook(options, None, attributes)
            if waiting is not None:
                await waiting

    def _hooks_of_users(self, function: str) -> tuple[Hook, ...]:
        return _hooks(self._of_users[function], function)

    def _hooks(self, known: dict[str, tuple[Hook, ...]], function: str, kind: Kind) -> tuple[Hook, ...]:
        name = f"{kind.resource}.{kind.group}" if kind.group else kind.resource
        if name not in self._named:
            name = ""
        hooks = known.get(name)
        if hooks is None:
            names = tuple(plugin.name for plugin in self._plugins if not plugin.kinds or name in plugin.kinds)
            hooks = known[name] = _hooks(names, function)
        return hooks


@cache
def _hooks(names: tuple[str, ...], function: str) -> tuple[Hook, ...]:
    modules = [importlib.import_module(f"fakekube.admission.{name}") for name in names]
    return tuple(getattr(module, function) for module in modules if hasattr(module, function))
