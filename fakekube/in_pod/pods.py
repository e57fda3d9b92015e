"""Which pod, and which of its containers: found on the server, with errors that say what to do."""

from __future__ import annotations

import time

from fakekube.in_pod.connection import Connection
from fakekube.in_pod.errors import InPodError
from fakekube.kubelet import Object
from fakekube.remote import RemoteError

PLACED_WITHIN_S = 5.0
"""A pod that was created a moment ago is placed on its node in the next."""
LOOK_AGAIN_S = 0.02
ADDRESS_WITHIN_S = 1.0
"""A pod whose volumes cannot be set up has no address; what they lack is told where a view sets them up."""

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


def find(connection: Connection, namespace: str, name: str) -> Object:
    """A pod that a kubelet has taken. Raises InPodError, RemoteError."""
    begun = time.monotonic()
    while True:
        try:
            pod: Object = connection.ask("GET", f"/api/v1/namespaces/{namespace}/pods/{name}")
        except RemoteError as error:
            if error.code != 404:
                raise
            raise InPodError(
                f'pod "{name}" is not in namespace "{namespace}". Create it first (kubectl apply -f FILE), '
                "name another namespace with -n, or give its manifest: fakekube run -f FILE -- COMMAND"
            ) from None
        waited_s = time.monotonic() - begun
        problem = _problem(pod)
        if problem is None:
            return pod
        if problem.may_pass and pod["status"].get("hostIP") and waited_s > ADDRESS_WITHIN_S:
            return pod
        if not problem.may_pass or waited_s > PLACED_WITHIN_S:
            raise InPodError(problem.message)
        time.sleep(LOOK_AGAIN_S)


class _Problem:
    """Why no program can run in a pod, and whether that may be over in a moment."""

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        self.message = message
        self.may_pass = may_pass


def _problem(pod: Object) -> _Problem | None:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    phase = status.get("phase", "Pending")
    if phase in ("Succeeded", "Failed"):
        return _Problem(f'pod "{name}" has ended ({phase}): delete it and create it again')
    if pod["metadata"].get("deletionTimestamp"):
        return _Problem(f'pod "{name}" is being deleted: create it again when it is gone')
    if not pod["spec"].get("nodeName"):
        why = next(
            (each.get("message", "") for each in status.get("conditions") or () if each["type"] == "PodScheduled"), ""
        )
        return _Problem(
            f'pod "{name}" is not scheduled: {why or "no scheduler has placed it on a node yet"}', may_pass=True
        )
    if not status.get("podIP"):
        node = pod["spec"]["nodeName"]
        return _Problem(f'pod "{name}" has no address: no kubelet of node "{node}" has taken it', may_pass=True)
    return None


def container_of(pod: Object, name: str | None) -> Object:
    """The container of this name; without one the default as kubectl knows it. Raises InPodError."""
    spec, metadata = pod["spec"], pod["metadata"]
    containers: list[Object] = [*spec["containers"], *(spec.get("initContainers") or ())]
    wanted = name or (metadata.get("annotations") or {}).get(DEFAULT_CONTAINER) or containers[0]["name"]
    for container in containers:
        if container["name"] == wanted:
            return container
    names = ", ".join(each["name"] for each in containers)
    raise InPodError(f'container "{wanted}" is not in pod "{metadata["name"]}": it has {names}')
