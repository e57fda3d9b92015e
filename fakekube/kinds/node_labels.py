"""Labels of nodes that have newer names."""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.registry.kind import Object

_DEPRECATED: Mapping[str, str] = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}


def deprecation(label: str) -> str:
    """What is said of an old label; empty for any other."""
    return _DEPRECATED.get(label, "")


def term_warnings(term: Object, path: str) -> list[str]:
    """What is told of a node selector term at `path` that asks for old labels."""
    return [
        f"{path}.matchExpressions[{i}].key: {expression.get('key', '')} is {why}"
        for i, expression in enumerate(term.get("matchExpressions") or ())
        if (why := deprecation(expression.get("key", "")))
    ]
