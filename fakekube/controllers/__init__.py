"""The controllers, a file each: a file with `CONTROLLER = Controller(...)` is found here and runs in every cluster."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakekube.controllers.loop import Controller

_MODULES = [import_module(f"{__name__}.{path.stem}") for path in sorted(Path(__file__).parent.glob("[!_]*.py"))]

CONTROLLERS: tuple[Controller, ...] = tuple(module.CONTROLLER for module in _MODULES if hasattr(module, "CONTROLLER"))
"""All of them, in the order of their files' names."""


OF_THE_SERVER = frozenset({"customresourcedefinition-controller", "priority-and-fairness-config-consumer"})
"""What kube-apiserver does itself, so that no choice of controllers is without it: only its own name, after a minus, takes it away."""


class UnknownController(ValueError):
    """No controller has this name; the message says which there are."""


def chosen(words: str) -> tuple[Controller, ...]:
    """Those that `--controllers` names, as kube-controller-manager takes it: `*` is all, `-name` all but this one, `a,b` only these.

    Its names and their older forms are known, those of controllers that there are none of here as well: nothing comes of them.
    Raises UnknownController.
    """
    named = [word.strip() for word in words.split(",") if word.strip()]
    known = {_short(name) for controller in CONTROLLERS for name in _names_of(controller)} | NOT_HERE
    for word in named:
        if word != "*" and _short(word.removeprefix("-")) not in known:
            names = ", ".join(sorted({controller.name for controller in CONTROLLERS}))
            raise UnknownController(
                f"there is no controller {word.removeprefix('-')!r}: expected *, or some of {names}"
            )
    wanted = {_short(word) for word in named if word != "*" and not word.startswith("-")}
    unwanted = {_short(word[1:]) for word in named if word.startswith("-")}

    def is_chosen(controller: Controller) -> bool:
        names = set(map(_short, _names_of(controller)))
        is_wanted = "*" in named or controller.name in OF_THE_SERVER or not names.isdisjoint(wanted)
        return is_wanted and names.isdisjoint(unwanted)

    return tuple(controller for controller in CONTROLLERS if is_chosen(controller))


def _names_of(controller: Controller) -> tuple[str, ...]:
    """That of its account, which several may share, and what kube-controller-manager calls it, now and formerly."""
    module = getattr(controller.reconcile, "__module__", "").rpartition(".")[2]
    return (controller.name, *OTHER_NAMES.get(controller.name, ()), *OTHER_NAMES.get(module, ()))


def _short(name: str) -> str:
    """`deployment` is deployment-controller."""
    return name.removesuffix("-controller").replace("-", "")


OTHER_NAMES = {
    "default-scheduler": ("scheduler",),
    "generic-garbage-collector": ("garbage-collector-controller",),
    "service-account-controller": ("serviceaccount-controller",),
    "tokens-controller": ("serviceaccount-token-controller",),
    "horizontal-pod-autoscaler": ("horizontal-pod-autoscaler-controller", "horizontalpodautoscaling"),
    "root-ca-cert-publisher": ("root-ca-certificate-publisher-controller",),
    "persistent-volume-binder": ("persistentvolume-binder-controller",),
    "pvc-protection-controller": ("persistentvolumeclaim-protection-controller",),
    "pv-protection-controller": ("persistentvolume-protection-controller",),
    "node-controller": ("node-lifecycle-controller",),
    "replication-controller": ("replicationcontroller-controller", "replicationcontroller"),
    "endpoint-controller": ("endpoints-controller",),
    "service-cidrs-controller": ("service-cidr-controller",),
    "pod-garbage-collector": ("pod-garbage-collector-controller", "podgc"),
    "certificate_signing": ("certificatesigningrequest-signing-controller", "csrsigning"),
    "certificate_approval": ("certificatesigningrequest-approving-controller", "csrapproving"),
    "certificate_cleaner": ("certificatesigningrequest-cleaner-controller", "csrcleaner"),
}
"""By account, or by file where several act as one account."""

NOT_HERE = frozenset(
    name.replace("-", "")
    for name in (
        "ttl",
        "bootstrap-signer",
        "token-cleaner",
        "node-ipam",
        "service-lb",
        "node-route",
        "cloud-node-lifecycle",
        "persistentvolume-attach-detach",
        "attachdetach",
        "persistentvolume-expander",
        "persistent-volume-expander",
        "resourceclaim",
        "resource-claim",
        "device-taint-eviction",
        "legacy-serviceaccount-token-cleaner",
        "storage-version-migrator",
        "storageversion-garbage-collector",
        "selinux-warning",
        "kube-apiserver-serving-clustertrustbundle-publisher",
        "podcertificaterequest-cleaner",
    )
)
"""What kube-controller-manager has besides."""
