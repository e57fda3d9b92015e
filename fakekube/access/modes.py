"""Who is asked what a user may do: --authorization-mode.

https://kubernetes.io/docs/reference/access-authn-authz/authorization/#authorization-modules
"""

from __future__ import annotations

NODE, RBAC, ALWAYS_ALLOW = "Node", "RBAC", "AlwaysAllow"
MODES = (NODE, RBAC, ALWAYS_ALLOW)


def authorizers(mode: str) -> frozenset[str]:
    """The authorizers of `Node,RBAC`. Raises ValueError for others, and for none."""
    named = [each.strip() for each in mode.split(",") if each.strip()]
    unknown = [each for each in named if each not in MODES]
    if unknown or not named:
        raise ValueError(f"authorization mode {mode!r}: expected some of {', '.join(MODES)}, separated by commas")
    if ALWAYS_ALLOW not in named and RBAC not in named:
        raise ValueError(f"authorization mode {mode!r} lets nobody in but nodes: add {RBAC} or {ALWAYS_ALLOW}")
    return frozenset(named)
