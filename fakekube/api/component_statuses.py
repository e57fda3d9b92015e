"""The health of the control plane's parts. They lie nowhere: each read makes them anew.

https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/component-status-v1/
"""

from __future__ import annotations

from fakekube.api.call import Call
from fakekube.api.list_options import parse
from fakekube.errors import InternalError
from fakekube.registry.kind import Object
from fakekube.storage.store import Stored

COMPONENTS = ("controller-manager", "etcd-0", "scheduler")
"""They live in the process that answers, so whoever can ask finds them well."""


def get_component_status(call: Call) -> Object:
    """Raises the 500 by which the server says that it has no such part."""
    if call.name not in COMPONENTS:
        raise InternalError(f"Component not found: {call.name}", reason="")
    return _status(call.name)


def list_component_statuses(call: Call) -> list[Stored]:
    """Those that the selectors pick. Pages and versions are not known here. Raises BadRequest, Invalid (options)."""
    selection = parse(call, watch=False).selection
    head = call.kind.head
    components = [Stored(_status(name), head, "", name, 0) for name in COMPONENTS]
    return [component for component in components if selection.matches(component)]


def _status(name: str) -> Object:
    return {
        "kind": "ComponentStatus",
        "apiVersion": "v1",
        "metadata": {"name": name},
        "conditions": [{"type": "Healthy", "status": "True", "message": "ok"}],
    }
