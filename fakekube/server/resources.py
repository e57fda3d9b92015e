"""A resource path becomes a call of the API, and what that returns becomes an answer. 404 and 405 are decided here.

What is allowed on which path is in the facts of each kind; how it is answered in the table at the end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fakekube.access.authorization import Asked
from fakekube.api import apply, connect, create, delete, get, patch, scale, update
from fakekube.api import list as list_verb
from fakekube.api.body import Body
from fakekube.api.call import Call
from fakekube.api.list_options import parse as parse_list_options
from fakekube.api.watch import Watch
from fakekube.errors import (
    BadRequest,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    StatusError,
    not_found,
    qualified,
)
from fakekube.objects.patches import is_apply
from fakekube.registry.kind import Kind, Object, Subresource
from fakekube.server import protobuf
from fakekube.server.content_types import (
    ANYTHING,
    JSON,
    PROTOBUF,
    SERVED,
    STREAMED,
    UNTYPED,
    Representation,
    body_media_type,
    negotiate,
    refuse_route,
    streamed,
)
from fakekube.server.encoding import compressed, list_response, object_response, stored_response, value_response
from fakekube.server.request import Request
from fakekube.server.request_info import place_of
from fakekube.server.responses import Header, Response, Send, Streaming, page_not_found
from fakekube.server.state import State
from fakekube.server.watch_stream import Frames, stream, stream_to_websocket

MAX_BODY_BYTES = 3 * 1024 * 1024

DEPRECATED = {
    ("", "endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ("", "componentstatuses"): "v1 ComponentStatus is deprecated in v1.19+",
}
"""Resources whose every answer warns."""

WITHOUT_TABLES = frozenset(
    {
        *(("", "pods", "ephemeralcontainers"), ("", "pods", "resize")),
        ("apiextensions.k8s.io", "customresourcedefinitions", "status"),
        ("apiregistration.k8s.io", "apiservices", "status"),
        ("certificates.k8s.io", "certificatesigningrequests", "approval"),
        ("resource.k8s.io", "resourceclaims", "status"),
    }
)
"""Subresources that answer with the object where a Table is asked for, though their kind has columns."""


@dataclass(slots=True)
class Exchange:
    """One request to a resource while it is answered."""

    state: State
    request: Request
    asked: Asked
    call: Call
    is_old_watch: bool

    @property
    def kind(self) -> Kind:
        return self.call.kind

    def representation(self, *, tables: bool = True) -> Representation:
        kind = self.kind
        if self.call.subresource and (kind.group, kind.resource, self.call.subresource) in WITHOUT_TABLES:
            tables = False
        return negotiate(self.request.headers.get("accept", ""), tables=tables, protobuf=kind.wire.is_typed)

    @property
    def body_kind(self) -> Kind | Subresource:
        """What is sent: an object of the kind, or what its subresource takes."""
        kind = self.kind
        return kind.subresource_named[self.call.subresource] if self.call.subresource else kind

    async def body(self) -> tuple[Body, str]:
        """The body and its media type; protobuf is decoded already. Raises UnsupportedMediaType, RequestEntityTooLarge, BadRequest."""
        served = SERVED if self.kind.wire.is_typed else UNTYPED
        media_type = body_media_type(self.request.headers.get("content-type", ""), served)
        text = await read_body(self.request)
        if media_type == PROTOBUF:
            api_version, kind, value = protobuf.decode(text, self.body_kind.type_name)
            return {"kind": kind, "apiVersion": api_version, **value}, JSON
        return text, media_type


Answer = Callable[[Exchange], Awaitable[Response]]


async def serve_resource(state: State, request: Request, asked: Asked) -> Response:
    """Raises StatusError: NotFound, MethodNotAllowed, and whatever the verb raises."""
    place = place_of(request.path)
    assert place is not None
    group, version, namespace, resource, name, subresource, is_old_watch, extra = place
    kind = state.plane.kinds.find(group, version, resource)
    if kind is None:
        if not state.discovery.knows_group_of(request.path):
            return page_not_found()
        raise no_such_resource()
    if resource == "namespaces" and f"/namespaces/{namespace}/namespaces" not in request.path:
        # A namespace is said to be in itself where rights are asked for.
        namespace = ""
    elif namespace and not kind.namespaced:
        if not kind.wire.is_typed:
            return page_not_found()
        raise no_such_resource()
    method = "GET" if request.method == "HEAD" and not kind.wire.is_typed else request.method
    verb = _METHOD_VERBS.get(method, "")
    if subresource == "proxy" and request.method in ("HEAD", "OPTIONS"):
        verb = "get"
    answer = _find(kind, verb, namespace, name, subresource, extra, is_old_watch=is_old_watch)
    request.kind = kind
    if kind.wire.is_typed:
        lists = (verb == "get" and not name) or is_old_watch
        refuse_route(request.headers.get("accept", ""), _PRODUCED.get(subresource, _LISTED if lists else SERVED))
    warning = kind.wire.deprecation_warning or DEPRECATED.get((group, resource))
    if warning:
        request.warnings.append(warning)

    def may(other_verb: str) -> None:
        state.check(request.user, replace(asked, verb=other_verb, name=name), request.headers.get("user-agent", ""))

    call = Call(
        request.user,
        kind,
        namespace,
        name,
        subresource,
        request.query,
        request.query_values,
        request.headers.get("user-agent", ""),
        request.warnings,
        may,
        is_authorized=True,
    )
    return await answer(Exchange(state, request, asked, call, is_old_watch))


def _find(
    kind: Kind, verb: str, namespace: str, name: str, subresource: str, extra: int, *, is_old_watch: bool
) -> Answer:
    if not kind.wire.is_typed:
        if kind.namespaced and not namespace and (name or verb != "get"):
            return _nowhere
        if subresource:
            door = kind.subresource_named.get(subresource)
            if door is None:
                return _missing
            if verb not in door.verbs:
                raise _not_supported(kind, verb)
        elif not verb:
            raise _not_supported(kind, verb)
        elif verb in ("update", "patch") and not name:
            raise BadRequest("name must be provided")
    if subresource:
        door = kind.subresource_named.get(subresource)
        if door is None or (kind.namespaced and not namespace) or is_old_watch:
            raise no_such_resource()
        if extra and subresource != "proxy" and kind.wire.is_typed:
            raise no_such_resource()
        if verb not in door.verbs:
            raise method_not_allowed()
        return _SUBRESOURCES.get((kind.resource, subresource)) or _DOORS.get(subresource, _OTHER_DOORS)[verb]
    if name:
        if kind.namespaced and not namespace:
            raise no_such_resource()
        if is_old_watch:
            if verb != "get" or "watch" not in kind.verbs:
                raise method_not_allowed()
            return _watch
        if _VERBS_OF_OBJECTS.isdisjoint(kind.verbs):
            raise no_such_resource()
        if verb not in kind.verbs or verb == "create":
            raise method_not_allowed()
        return _OBJECTS[verb] if kind.is_stored else _capability
    if kind.namespaced and not namespace and "list" not in kind.verbs:
        raise no_such_resource()
    if verb == "get":
        verb = "list"
        if is_old_watch:
            verb = "watch"
    elif verb == "delete" and not is_old_watch:
        verb = "deletecollection"
    elif verb != "create" or is_old_watch:
        raise method_not_allowed()
    if verb not in kind.verbs or (verb in ("create", "deletecollection") and kind.namespaced and not namespace):
        # Reviews are created in the cluster; whatever has a namespace is created in one.
        raise method_not_allowed()
    return _COLLECTIONS[verb]


_VERBS_OF_OBJECTS = frozenset({"get", "update", "patch", "delete"})
_METHOD_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def no_such_resource() -> NotFound:
    return NotFound("the server could not find the requested resource", {})


def _not_supported(kind: Kind, verb: str) -> MethodNotAllowed:
    """How the server of custom resources says it."""
    named = f'"{qualified(kind.group, kind.resource)}"'
    text = f"{verb} is not supported on resources of kind {named}"
    return MethodNotAllowed(text, {"group": kind.group, "kind": kind.resource})


def method_not_allowed() -> MethodNotAllowed:
    return MethodNotAllowed("the server does not allow this method on the requested resource", {})


async def read_body(request: Request) -> bytes:
    """Raises RequestEntityTooLarge."""
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            break
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise RequestEntityTooLarge(f"Request entity too large: limit is {MAX_BODY_BYTES}")
        if part:
            parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


async def _nowhere(exchange: Exchange) -> Response:
    return page_not_found()


async def _missing(exchange: Exchange) -> Response:
    """A subresource that a custom resource has not: its object is said to be missing."""
    raise not_found(exchange.kind.group, exchange.kind.resource, exchange.call.name)


async def _get(exchange: Exchange) -> Response:
    representation = exchange.representation()
    plane = exchange.state.plane
    stored = await get.get(plane, exchange.call)
    response = stored_response(exchange.request, representation, exchange.kind, stored, plane.clock.now())
    return await compressed(exchange.request, response)


async def _list(exchange: Exchange) -> Response:
    if exchange.asked.verb == "watch":
        return await _watch(exchange)
    if not exchange.kind.is_stored:
        return await _capability(exchange)
    representation = exchange.representation()
    plane = exchange.state.plane
    page = await list_verb.list_(plane, exchange.call)
    response = list_response(exchange.request, representation, exchange.kind, page, plane.clock.now())
    return await compressed(exchange.request, response)


async def _watch(exchange: Exchange) -> Response:
    request, call, state = exchange.request, exchange.call, exchange.state
    if not exchange.kind.is_stored:
        raise MethodNotAllowed(
            f'watch is not supported on resources of kind "{exchange.kind.resource}"',
            {"group": exchange.kind.group, "kind": exchange.kind.resource},
        )
    representation = exchange.representation()
    options = parse_list_options(call, watch=True, old_watch_path=exchange.is_old_watch)
    is_websocket = request.scope["type"] == "websocket"
    watch = Watch(state.plane, call, options)
    try:
        # How the events are written is asked last: what is wrong with the options is told before.
        frames = Frames(
            exchange.kind,
            streamed(representation),
            request.query.get("includeObject", ""),
            state.frames,
            state.plane.clock.now,
            framed=not is_websocket,
        )
    except StatusError:
        watch.close()
        raise

    async def run(send: Send, headers: list[Header]) -> None:
        if is_websocket:
            await stream_to_websocket(request, send, watch, frames)
        else:
            await stream(request, send, watch, frames, headers)

    return Streaming(run, frames.content_type)


async def _create(exchange: Exchange) -> Response:
    plane = exchange.state.plane
    if not exchange.kind.is_stored:
        return await _capability(exchange)
    representation = exchange.representation()
    body, media_type = await exchange.body()
    stored = await create.create(plane, exchange.call, body, media_type)
    return stored_response(exchange.request, representation, exchange.kind, stored, plane.clock.now(), 201)


async def _update(exchange: Exchange) -> Response:
    representation = exchange.representation()
    plane = exchange.state.plane
    body, media_type = await exchange.body()
    stored, created = await update.update(plane, exchange.call, body, media_type)
    status = 201 if created else 200
    return stored_response(exchange.request, representation, exchange.kind, stored, plane.clock.now(), status)


async def _patch(exchange: Exchange) -> Response:
    request, plane = exchange.request, exchange.state.plane
    content_type = request.headers.get("content-type", "")
    applies = is_apply(content_type)
    if not applies:
        patch.patch_for(exchange.kind, content_type)
    representation = exchange.representation()
    body = await read_body(request)
    created = False
    if applies:
        stored, created = await apply.apply(plane, exchange.call, body)
    else:
        stored = await patch.patch(plane, exchange.call, body, content_type)
    status = 201 if created else 200
    return stored_response(request, representation, exchange.kind, stored, plane.clock.now(), status)


async def _delete(exchange: Exchange) -> Response:
    representation = exchange.representation()
    request, kind, plane = exchange.request, exchange.kind, exchange.state.plane
    body, media_type = await _delete_body(request)
    deleted, options = await delete.delete(plane, exchange.call, body, media_type)
    now = plane.clock.now()
    if not deleted.removed:
        status = 202 if options.delete.orphan_dependents is False else 200
        return stored_response(request, representation, kind, deleted.last, now, status)
    if kind.strategy.returns_deleted_object:
        return stored_response(request, representation, kind, deleted.last, now)
    details = {"name": deleted.last.name, "group": kind.group, "kind": kind.resource}
    details["uid"] = deleted.last.value["metadata"]["uid"]
    return success(request, representation, {key: value for key, value in details.items() if value})


async def _delete_collection(exchange: Exchange) -> Response:
    representation = exchange.representation()
    plane = exchange.state.plane
    body, media_type = await _delete_body(exchange.request)
    page = await delete.delete_collection(plane, exchange.call, body, media_type)
    response = list_response(exchange.request, representation, exchange.kind, page, plane.clock.now())
    return await compressed(exchange.request, response)


async def _delete_body(request: Request) -> tuple[Body, str]:
    """The media type of the options matters only when there are any."""
    text = await read_body(request)
    if not text:
        return b"", JSON
    media_type = body_media_type(request.headers.get("content-type", ""))
    if media_type == PROTOBUF:
        api_version, kind, value = protobuf.decode(text, "meta.DeleteOptions")
        return {"kind": kind, "apiVersion": api_version, **value}, JSON
    return text, media_type


def success(request: Request, representation: Representation, details: Mapping[str, Any], code: int = 0) -> Response:
    """A Status that says Success. `code` 0 leaves it out."""
    status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details:
        status["details"] = details
    if code:
        status["code"] = code
    if representation.media_type == PROTOBUF:
        return Response(protobuf.encode_status(status), code or 200, PROTOBUF.encode())
    return value_response(request, representation, status, code or 200)


async def _scale(exchange: Exchange) -> Response:
    representation = exchange.representation()
    request, state, call = exchange.request, exchange.state, exchange.call
    door = call.kind.subresource_named["scale"]
    if request.method in ("GET", "HEAD"):
        value = await scale.get_scale(state.plane, call)
    elif request.method == "PUT":
        body, media_type = await exchange.body()
        value = await scale.update_scale(state.plane, call, door, body, media_type)
    else:
        content_type = request.headers.get("content-type", "")
        if not is_apply(content_type):
            patch.patch_for(call.kind, content_type)
        body = await read_body(request)
        value = await scale.patch_scale(state.plane, call, door, body, content_type)
    return object_response(request, representation, door, value, state.plane.clock.now())


async def _capability(exchange: Exchange) -> Response:
    """What leaves the registry: cluster.py says who answers it."""
    call = exchange.call
    key = f"{call.kind.resource}/{call.subresource}" if call.subresource else call.kind.resource
    capability = exchange.state.plane.capabilities.get(key)
    if capability is None:
        raise method_not_allowed()
    if call.subresource in connect.SUBRESOURCES:
        if "dryRun" in call.query:
            raise BadRequest("dryRun is not supported")
        rest = exchange.request.path.partition(f"/{call.name}/{call.subresource}")[2]
        await connect.approve(exchange.state.plane, call, rest)
    answer: Any = capability
    response: Response = await answer(exchange)
    return response


_LISTED = SERVED + STREAMED
_PRODUCED = {"log": ("text/plain", *SERVED)} | dict.fromkeys(connect.SUBRESOURCES, ANYTHING)
"""What the routes of subresources produce, where that is not SERVED."""

_COLLECTIONS: Mapping[str, Answer] = {
    "list": _list,
    "watch": _watch,
    "create": _create,
    "deletecollection": _delete_collection,
}
_OBJECTS: Mapping[str, Answer] = {"get": _get, "update": _update, "patch": _patch, "delete": _delete}
_OTHER_DOORS: Mapping[str, Answer] = {
    "get": _get,
    "update": _update,
    "patch": _patch,
    "create": _capability,
    "delete": _capability,
}
_DOORS: Mapping[str, Mapping[str, Answer]] = {
    "scale": {"get": _scale, "update": _scale, "patch": _scale},
}
_SUBRESOURCES: Mapping[tuple[str, str], Answer] = {
    ("pods", name): _capability for name in ("attach", "binding", "eviction", "exec", "log", "portforward", "proxy")
} | {("services", "proxy"): _capability, ("nodes", "proxy"): _capability}
