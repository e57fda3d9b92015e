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


class UnknownController(ValueError):
    """No controller has this name; the message says which there are."""


def chosen(words: str) -> tuple[Controller, ...]:
    """Those that `--controllers` names, as kube-controller-manager takes it: `*` is all, `-name` all but this one, `a,b` only these.

    Raises UnknownController.
    """
    named = [word.strip() for word in words.split(",") if word.strip()]
    known = {_short(controller.name) for controller in CONTROLLERS}
    for word in named:
        if word != "*" and _short(word.removeprefix("-")) not in known:
            names = ", ".join(sorted({controller.name for controller in CONTROLLERS}))
            raise UnknownController(
                f"there is no controller {word.removeprefix('-')!r}: expected *, or some of {names}"
            )
    wanted = {_short(word) for word in named if word != "*" and not word.startswith("-")}
    unwanted = {_short(word[1:]) for word in named if word.startswith("-")}
    return tuple(
        controller
        for controller in CONTROLLERS
        if _short(controller.name) not in unwanted and ("*" in named or _short(controller.name) in wanted)
    )


def _short(name: str) -> str:
    """`deployment` is deployment-controller; kube-controller-manager's own names differ a little from the accounts they act as."""
    name = _OTHER_NAMES.get(name, name)
    return name.removesuffix("-controller").replace("-", "")


_OTHER_NAMES = {
    "scheduler": "default-scheduler",
    "garbagecollector": "generic-garbage-collector",
    "garbage-collector-controller": "generic-garbage-collector",
    "serviceaccount-controller": "service-account-controller",
    "serviceaccount-token-controller": "tokens-controller",
    "serviceaccount-token": "tokens-controller",
    "horizontal-pod-autoscaler-controller": "horizontal-pod-autoscaler",
    "horizontalpodautoscaling": "horizontal-pod-autoscaler",
    "root-ca-certificate-publisher-controller": "root-ca-cert-publisher",
    "persistentvolume-binder-controller": "persistent-volume-binder",
    "persistentvolumeclaim-protection-controller": "pvc-protection-controller",
    "persistentvolume-protection-controller": "pv-protection-controller",
    "node-lifecycle-controller": "node-controller",
}
