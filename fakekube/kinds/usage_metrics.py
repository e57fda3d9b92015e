"""The kinds of metrics.k8s.io, by which `kubectl top` and others read what is used. They lie nowhere, and are served once somebody has
said what is used: as where a metrics server runs.

https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from fakekube.kinds.custom import served
from fakekube.registry.kind import Kind

GROUP, VERSION = "metrics.k8s.io", "v1beta1"
VERBS = ("get", "list")

_SCHEMA = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}


@cache
def kinds() -> tuple[Kind, ...]:
    """NodeMetrics and PodMetrics."""
    return _kind("nodes", "NodeMetrics", "Cluster"), _kind("pods", "PodMetrics", "Namespaced")


def _kind(plural: str, kind: str, scope: str) -> Kind:
    names = {"plural": plural, "singular": "", "kind": kind, "listKind": f"{kind}List"}
    version = {"name": VERSION, "served": True, "storage": True, "schema": _SCHEMA}
    definition = {
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": scope, "names": names, "versions": [version]},
    }
    made = served(definition, rereads=False).storage_kind
    return replace(
        made, facts=replace(made.facts, verbs=VERBS), wire=replace(made.wire, discovery_verbs=VERBS, patch_types=())
    )
