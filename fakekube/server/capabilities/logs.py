"""What containers have written: the checks of the API server, then the kubelet's word.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from fakekube.api.call import boolean, integer
from fakekube.api.container_logs import Written, shown
from fakekube.errors import BadRequest, InternalError, NotAcceptable, StatusError
from fakekube.objects.field_errors import FieldError, forbidden, invalid, invalid_object
from fakekube.objects.times import TimeError, to_datetime
from fakekube.registry.kind import Object
from fakekube.server.capabilities.kubelets import CONTAINER_LISTS, container_of, dial_error, kubelet_of, pod_named
from fakekube.server.request import Request
from fakekube.server.resources import Exchange
from fakekube.server.responses import Header, Response, Send, Streaming

TEXT = b"text/plain"
STATUS_LISTS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


async def read_log(exchange: Exchange) -> Response:
    """GET pods/NAME/log."""
    plane, call = exchange.state.plane, exchange.call
    representation = exchange.representation(tables=False)
    check_options(call.name, call.query)
    pod = pod_named(plane, call.namespace, call.name)
    container = container_of(pod, call.query.get("container", ""))
    if representation.form:
        raise _no_object(representation.form)
    node_name = pod["spec"].get("nodeName", "")
    if not node_name:
        return Response(status=204, content_type=None)
    kubelet = kubelet_of(plane, node_name, "pods")
    if not kubelet.is_own:
        path = f"https://{kubelet.address}/containerLogs/{call.namespace}/{call.name}/{container}"
        raise InternalError(f'Get "{path}": {dial_error(kubelet.host, kubelet.address)}', reason="")
    log = Log(exchange, pod, container)
    if boolean(call.query, "follow") and not log.previous:
        return Streaming(log.follow, TEXT)
    return Response(b"".join(log.read()), content_type=TEXT)


def _no_object(form: str) -> StatusError:
    """A log has no metadata, which only a client by mistake can ask for."""
    if form == "PartialObjectMetadata":
        return StatusError("object does not implement the Object interfaces", code=500, reason="")
    return NotAcceptable(f"you requested {form}, but the requested object is not a list (*rest.LocationStreamer)")


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


class Log:
    """The log of one container, as the node keeps it and a request wants it."""

    def __init__(self, exchange: Exchange, pod: Object, container: str) -> None:
        """Raises BadRequest, as a kubelet, for a container that has not begun."""
        self._exchange = exchange
        self._plane = exchange.state.plane
        self._pod = pod
        self._container = next(
            each for key in CONTAINER_LISTS for each in pod["spec"].get(key) or () if each["name"] == container
        )
        query = exchange.call.query
        self.previous = bool(boolean(query, "previous"))
        self._timestamps = bool(boolean(query, "timestamps"))
        self._tail = integer(query, "tailLines")
        self._left = integer(query, "limitBytes")
        self._since = _since(query, self._plane.clock.now())
        self._restarts, self._run, self._state = self._run_of(pod)

    def _run_of(self, pod: Object) -> tuple[int, int, Object]:
        """(restarts of the container now, restarts before the run whose log is wanted, the state of that with startedAt)."""
        container, name = self._container["name"], pod["metadata"]["name"]
        status = status_of(pod, container)
        last = (status.get("lastState") or {}).get("terminated")
        state = status.get("state") or {}
        if self.previous:
            if not last:
                raise BadRequest(f'previous terminated container "{container}" in pod "{name}" not found')
            restarts: int = status["restartCount"]
            return restarts, restarts if "waiting" in state else restarts - 1, last
        run = state.get("running") or state.get("terminated") or last
        if not run:
            reason = (state.get("waiting") or {}).get("reason") or "ContainerCreating"
            raise BadRequest(f'container "{container}" in pod "{name}" is waiting to start: {reason}')
        restarts = status.get("restartCount", 0)
        return restarts, restarts, run

    def read(self) -> list[bytes]:
        """What there is now, as far as it is wanted."""
        return self._first(self._written())

    def _written(self) -> Written:
        return self._plane.logs.written(self._pod, self._container, self._state, self._run, previous=self.previous)

    def _first(self, written: Written) -> list[bytes]:
        return self._within(shown(written.lines, tail=self._tail, since=self._since, timestamps=self._timestamps))

    def _within(self, lines: list[bytes]) -> list[bytes]:
        if self._left is None:
            return lines
        kept = b"".join(lines)[: self._left]
        self._left -= len(kept)
        return [kept] if kept else []

    async def follow(self, send: Send, headers: list[Header]) -> None:
        """Send what there is, and what is added, until the container has ended, the pod or the client is gone. Nobody polls."""
        news = asyncio.Event()
        gone = asyncio.ensure_future(_left(self._exchange.request))
        gone.add_done_callback(lambda _: news.set())
        stops = [self._plane.logs.on_change(news.set), self._plane.store.subscribe("pods", lambda _: news.set())]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            written = self._written()
            sent = written.dropped + len(written.lines)
            await send({"type": "http.response.body", "body": b"".join(self._first(written)), "more_body": True})
            goes_on = True
            while goes_on and self._left != 0:
                if not news.is_set() and self._goes_on():
                    await news.wait()
                news.clear()
                # Before the last lines are taken, not after it: what is written up to the end of the container is sent.
                goes_on = not gone.done() and self._goes_on()
                before, written = written, self._written()
                if written.source is not before.source or written.dropped + len(written.lines) < sent:
                    sent = 0  # a log that was put in the place of another begins anew
                added = written.lines[max(sent - written.dropped, 0) :]
                sent = written.dropped + len(written.lines)
                more = self._within(shown(added, since=self._since, timestamps=self._timestamps))
                if more:
                    await send({"type": "http.response.body", "body": b"".join(more), "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            for stop in stops:
                stop()
            gone.cancel()

    def _goes_on(self) -> bool:
        """Whether the same container still runs."""
        metadata = self._pod["metadata"]
        pod = self._plane.get("", "pods", metadata["namespace"], metadata["name"])
        if pod is None or pod["metadata"]["uid"] != metadata["uid"]:
            return False
        status = status_of(pod, self._container["name"])
        return status.get("restartCount", 0) == self._restarts and "running" in (status.get("state") or {})


async def _left(request: Request) -> None:
    while (await request.receive())["type"] not in ("http.disconnect", "websocket.disconnect"):
        pass


def _since(query: Mapping[str, str], now: datetime) -> datetime | None:
    seconds = integer(query, "sinceSeconds")
    if seconds is not None:
        return now - timedelta(seconds=seconds)
    time = query.get("sinceTime")
    return None if time in (None, "", "null") else to_datetime(str(time))


def status_of(pod: Object, container: str) -> Object:
    """What is reported of a container, an empty object when nothing is."""
    status = pod.get("status") or {}
    for key in STATUS_LISTS:
        for each in status.get(key) or ():
            if each["name"] == container:
                found: Object = each
                return found
    return {}
