"""What containers have written: the checks of the API server, then the kubelet's word.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod
"""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.api.call import boolean, integer
from fakekube.errors import BadRequest, InternalError
from fakekube.objects.field_errors import FieldError, forbidden, invalid, invalid_object
from fakekube.objects.times import TimeError, to_datetime
from fakekube.registry.kind import Object
from fakekube.server.capabilities.kubelets import container_of, dial_error, kubelet_of, pod_named
from fakekube.server.resources import Exchange
from fakekube.server.responses import Response

TEXT = b"text/plain"
STATUS_LISTS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


async def read_log(exchange: Exchange) -> Response:
    """GET pods/NAME/log."""
    plane, call = exchange.state.plane, exchange.call
    check_options(call.name, call.query)
    pod = pod_named(plane, call.namespace, call.name)
    container = container_of(pod, call.query.get("container", ""))
    node_name = pod["spec"].get("nodeName", "")
    if not node_name:
        return Response(status=204, content_type=None)
    kubelet = kubelet_of(plane, node_name, "pods")
    if not kubelet.is_own:
        path = f"https://{kubelet.address}/containerLogs/{call.namespace}/{call.name}/{container}"
        raise InternalError(f'Get "{path}": {dial_error(kubelet.host, kubelet.address)}', reason="")
    return Response(_written(pod, container, previous=bool(boolean(call.query, "previous"))), content_type=TEXT)


def check_options(pod_name: str, query: Mapping[str, str]) -> None:
    """Raises BadRequest for what is no number or time, Invalid for numbers that make no sense."""
    since_seconds = integer(query, "sinceSeconds")
    since_time = query.get("sinceTime")
    if since_time not in (None, "", "null"):
        try:
            to_datetime(str(since_time))
        except TimeError as error:
            raise BadRequest(str(error)) from None
    tail_lines, limit_bytes = integer(query, "tailLines"), integer(query, "limitBytes")
    errors: list[FieldError] = []
    if tail_lines is not None and tail_lines < 0:
        errors.append(invalid("tailLines", tail_lines, "must be greater than or equal to 0"))
    if limit_bytes is not None and limit_bytes < 1:
        errors.append(invalid("limitBytes", limit_bytes, "must be greater than 0"))
    if since_seconds is not None and since_time is not None:
        errors.append(forbidden("[]", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    elif since_seconds is not None and since_seconds < 1:
        errors.append(invalid("sinceSeconds", since_seconds, "must be greater than 0"))
    if "stream" in query:
        errors.append(forbidden("stream", "may not be specified"))
    if errors:
        raise invalid_object("", "PodLogOptions", pod_name, errors)


def _written(pod: Object, container: str, *, previous: bool) -> bytes:
    """The log as the node keeps it. No process runs in the pods of fakekube's nodes, so none has written anything.

    Raises BadRequest, as a kubelet, for a container that has not begun.
    """
    name = pod["metadata"]["name"]
    status = _status_of(pod, container)
    if previous and not (status.get("lastState") or {}).get("terminated"):
        raise BadRequest(f'previous terminated container "{container}" in pod "{name}" not found')
    state = status.get("state") or {}
    if not previous and not state.get("running") and not state.get("terminated"):
        reason = (state.get("waiting") or {}).get("reason") or "ContainerCreating"
        raise BadRequest(f'container "{container}" in pod "{name}" is waiting to start: {reason}')
    return b""


def _status_of(pod: Object, container: str) -> Object:
    status = pod.get("status") or {}
    for key in STATUS_LISTS:
        for each in status.get(key) or ():
            if each["name"] == container:
                found: Object = each
                return found
    return {}
