"""A local fake Kubernetes API server: `with FakeCluster() as kube:`, the pytest fixture `kube`, or `fakekube serve`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fakekube.cluster import FakeCluster
    from fakekube.errors import (
        AlreadyExists,
        BadRequest,
        Conflict,
        Expired,
        Forbidden,
        Invalid,
        NotFound,
        StatusError,
        Unauthorized,
    )
    from fakekube.options import ClusterOptions
    from fakekube.testing.handle import Handle
    from fakekube.testing.manifests import ManifestError
    from fakekube.testing.waiting import WaitTimeout

__all__ = [
    "AlreadyExists",
    "BadRequest",
    "ClusterOptions",
    "Conflict",
    "Expired",
    "FakeCluster",
    "Forbidden",
    "Handle",
    "Invalid",
    "ManifestError",
    "NotFound",
    "StatusError",
    "Unauthorized",
    "WaitTimeout",
]

_MODULES = {
    "ClusterOptions": "fakekube.options",
    "FakeCluster": "fakekube.cluster",
    "Handle": "fakekube.testing.handle",
    "ManifestError": "fakekube.testing.manifests",
    "WaitTimeout": "fakekube.testing.waiting",
}
"""Where the public names live; all others are refusals."""


def __getattr__(name: str) -> Any:
    # At first use: every start of pytest, and every command, imports this package.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES.get(name, "fakekube.errors")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
