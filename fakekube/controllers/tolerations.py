"""Whether a pod puts up with a taint of a node.

https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def tolerated(pod: Object, taint: Object) -> bool:
    return any(tolerates(each, taint) for each in pod["spec"].get("tolerations", ()))


def tolerates(toleration: Object, taint: Object) -> bool:
    """An empty effect or key stands for all."""
    if toleration.get("effect", "") not in ("", taint["effect"]):
        return False
    if toleration.get("key", "") not in ("", taint["key"]):
        return False
    operator = toleration.get("operator", "Equal")
    value, other = toleration.get("value", ""), taint.get("value", "")
    if operator in ("Lt", "Gt"):
        try:
            limit, present = int(value), int(other)
        except ValueError:
            return False
        return present < limit if operator == "Lt" else present > limit
    return bool(operator == "Exists" or (operator == "Equal" and value == other))
