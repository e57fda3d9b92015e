"""While a test runs, everything that finds a cluster by itself finds the fake, and nothing finds a real one. Undone afterwards.

Two things decide where clients look: the environment, and what client libraries have already remembered of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

REMOVED = (
    # In-cluster configuration: without these two, clients in a CI job that is itself a pod do not take its service account.
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
    "KUBERNETES_SERVICE_PORT_HTTPS",
    "KUBERNETES_PORT",
    "KUBERNETES_MASTER",
    # Helm
    "HELM_KUBEAPISERVER",
    "HELM_KUBEASGROUPS",
    "HELM_KUBEASUSER",
    "HELM_KUBECAFILE",
    "HELM_KUBECONTEXT",
    "HELM_KUBETOKEN",
    "HELM_NAMESPACE",
    # Terraform's and OpenTofu's provider
    "KUBE_CONFIG_PATH",
    "KUBE_CONFIG_PATHS",
    "KUBE_CTX",
    "KUBE_HOST",
    "KUBE_TOKEN",
    # Ansible's collection
    "K8S_AUTH_API_KEY",
    "K8S_AUTH_CONTEXT",
    "K8S_AUTH_HOST",
    "K8S_AUTH_KUBECONFIG",
)
"""What names a cluster beside KUBECONFIG."""

NOT_PROXIED = ("127.0.0.1", "localhost", "::1")

DEFAULT_KUBECONFIG = "~/.kube/config"
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


@contextmanager
def isolated(kubeconfig: Path, cache: Path, host: str, official_configuration: Callable[[Any], Any]) -> Iterator[None]:
    """KUBECONFIG and all else point at `kubeconfig`. `cache` is where kubectl keeps what it learns of a server.

    `official_configuration(module)` makes a Configuration of the library `kubernetes` or `kubernetes_asyncio` for the fake: what an earlier
    `load_kube_config` has set as the default is replaced by it.
    """
    with ExitStack() as undo:
        remembered = {name: module for name in _LIBRARIES if (module := sys.modules.get(name)) is not None}
        undo.callback(_forget_what_came, frozenset(remembered))
        undo.enter_context(_environment(_variables(kubeconfig, cache, host)))
        for name, module in remembered.items():
            undo.enter_context(_LIBRARIES[name](module, str(kubeconfig), official_configuration))
        yield


@contextmanager
def as_in_pod(variables: Mapping[str, str], host: str) -> Iterator[None]:
    """There is no kubeconfig, and `variables` are those of a pod: what finds a cluster by itself finds the pod's. `host` is not proxied."""
    with ExitStack() as undo:
        remembered = {name: module for name in _LIBRARIES if (module := sys.modules.get(name)) is not None}
        undo.callback(_forget_what_came, frozenset(remembered))
        undo.enter_context(
            _environment({**dict.fromkeys(REMOVED), "KUBECONFIG": None, **_not_proxied(host), **variables})
        )
        for name, module in remembered.items():
            restored = _lightkube_in_pod if name == "lightkube" else _LIBRARIES[name]
            undo.enter_context(restored(module, DEFAULT_KUBECONFIG, lambda module: None))
        yield


def _variables(kubeconfig: Path, cache: Path, host: str) -> dict[str, str | None]:
    """What to set, and (None) what to remove."""
    variables: dict[str, str | None] = dict.fromkeys(REMOVED)
    variables["KUBECONFIG"] = str(kubeconfig)
    variables["KUBECACHEDIR"] = str(cache)
    return {**variables, **_not_proxied(host)}


def _not_proxied(host: str) -> dict[str, str]:
    listed = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = [each.strip() for each in listed.split(",") if each.strip()]
    # Programs differ in which of the two they read.
    return dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join(dict.fromkeys([*hosts, *NOT_PROXIED, host])))


@contextmanager
def _environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    _set(variables)
    try:
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def _official(module: Any, kubeconfig: str, official_configuration: Callable[[Any], Any]) -> Iterator[None]:
    """`kubernetes` and `kubernetes_asyncio` read KUBECONFIG once, at import, and keep a default configuration."""
    configuration = module.client.Configuration
    default = configuration._default
    locations = [(place, getattr(place, _LOCATION)) for place in _location_places(module)]
    for place, _ in locations:
        setattr(place, _LOCATION, kubeconfig)
    if default is not None:
        configuration._default = official_configuration(module)
    try:
        yield
    finally:
        configuration._default = default
        for place, location in locations:
            setattr(place, _LOCATION, location)


_LOCATION = "KUBE_CONFIG_DEFAULT_LOCATION"


def _location_places(module: Any) -> list[Any]:
    return [place for place in (module.config, module.config.kube_config) if hasattr(place, _LOCATION)]


@contextmanager
def _kr8s(module: Any, kubeconfig: str, _: Callable[[Any], Any]) -> Iterator[None]:
    """`kr8s.api()` without arguments gives back an Api that was made before, whatever KUBECONFIG says now."""
    instances: dict[str, Any] = module.Api._instances
    before = dict(instances)
    instances.clear()
    try:
        yield
    finally:
        instances.clear()
        instances.update(before)


@contextmanager
def _lightkube(module: Any, kubeconfig: str, _: Callable[[Any], Any]) -> Iterator[None]:
    """`lightkube.Client()` prefers the service account of a pod to KUBECONFIG: in a CI job that is a pod, it would be taken."""
    function: Any = module.KubeConfig.from_env.__func__
    before = function.__defaults__
    function.__defaults__ = (os.path.join(os.path.dirname(kubeconfig), "no-service-account"), *before[1:])
    try:
        yield
    finally:
        function.__defaults__ = before


@contextmanager
def _lightkube_in_pod(module: Any, kubeconfig: str, _: Callable[[Any], Any]) -> Iterator[None]:
    """What `_lightkube` has taken away: a pod has a service account."""
    function: Any = module.KubeConfig.from_env.__func__
    before = function.__defaults__
    function.__defaults__ = (SERVICE_ACCOUNT, *before[1:])
    try:
        yield
    finally:
        function.__defaults__ = before


_LIBRARIES: dict[str, Callable[[Any, str, Callable[[Any], Any]], Any]] = {
    "kubernetes": _official,
    "kubernetes_asyncio": _official,
    "kr8s": _kr8s,
    "lightkube": _lightkube,
}
"""What is done about libraries that have been imported before the test."""


def _forget_what_came(remembered: frozenset[str]) -> None:
    """Libraries imported during the test have remembered the fake: let them be as if imported after it."""
    for name in ("kubernetes", "kubernetes_asyncio"):
        module: Any = sys.modules.get(name)
        if module is not None and name not in remembered:
            module.client.Configuration._default = None
            for place in _location_places(module):
                setattr(place, _LOCATION, os.environ.get("KUBECONFIG", DEFAULT_KUBECONFIG))
    kr8s: Any = sys.modules.get("kr8s")
    if kr8s is not None and "kr8s" not in remembered:
        kr8s.Api._instances.clear()
