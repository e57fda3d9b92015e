"""Stored objects as bytes of an answer. An object is encoded once, in the store: here its bytes are joined, not made."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from fakekube.api.body import from_storage
from fakekube.api.list import Page
from fakekube.errors import NotAcceptable, StatusError
from fakekube.registry.kind import Kind, Object, Subresource
from fakekube.server import protobuf, tables
from fakekube.server.content_types import PROTOBUF, YAML, Representation, negotiate_error
from fakekube.server.request import Request
from fakekube.server.responses import Header, Response
from fakekube.server.yaml_text import yaml_text
from fakekube.storage.store import Stored

GZIP_ABOVE_BYTES = 131072
"""Larger JSON answers are compressed for clients that accept it."""
GZIP_LEVEL = 1


def encoded(kind: Kind, stored: Stored) -> bytes:
    """The whole object as compact JSON, in the kind's group version."""
    if not kind.wire.is_typed:
        return in_order(from_storage(kind, stored.value))
    if kind.is_stored_form:
        return stored.encoded()
    return orjson.dumps(from_storage(kind, stored.value))


def in_order(obj: Object) -> bytes:
    """An object without a Go type as compact JSON: it is a map to the server, and Go writes maps in the order of their keys."""
    return orjson.dumps(obj, option=orjson.OPT_SORT_KEYS)


def encoded_item(kind: Kind, stored: Stored) -> bytes:
    """The object as an item of a list: without kind and apiVersion, unless its type is known by them alone."""
    if not kind.wire.is_typed:
        return encoded(kind, stored)
    if kind.is_stored_form:
        return stored.json
    return b"{" + orjson.dumps(from_storage(kind, stored.value))[len(kind.head) :]


def stored_response(
    request: Request, representation: Representation, kind: Kind, stored: Stored, now: datetime, status: int = 200
) -> Response:
    """One object in the form that was asked for. Raises NotAcceptable (a form of lists), BadRequest (includeObject)."""
    if not representation.form and representation.media_type == "application/json":
        return json_response(request, representation, encoded(kind, stored), status)
    obj = from_storage(kind, stored.value)
    return object_response(request, representation, kind, obj, now, status, stored=stored.value)


def object_response(
    request: Request,
    representation: Representation,
    kind: Kind | Subresource,
    obj: Object,
    now: datetime,
    status: int = 200,
    *,
    stored: Object | None = None,
) -> Response:
    """The same for an object that need not lie in the store; `stored` is how it lies there."""
    form, version = representation.form, representation.version
    if form == "Table":
        include = tables.check_include_object(request.query.get("includeObject", ""))
        revision = obj.get("metadata", {}).get("resourceVersion", "")
        metadata = {"resourceVersion": revision} if revision else {}
        value = tables.table(
            kind,
            [obj],
            version=_v(version),
            include_object=include,
            metadata=metadata,
            now=now,
            stored=None if stored is None else [stored],
        )
        return value_response(request, representation, value, status)
    if form == "PartialObjectMetadata":
        value = tables.partial_object_metadata(stored or obj, _v(version))
        if representation.media_type == PROTOBUF:
            return _protobuf(protobuf.encode_partial(value, api_version=f"meta.k8s.io/{version}"), status)
        return value_response(request, representation, value, status)
    if form:
        if isinstance(kind, Kind) and not kind.wire.is_typed:
            raise StatusError("content is not a list", code=500, reason="")
        text = f"you requested {form}, but the requested object is not a list ({_go_type(kind, kind.kind)})"
        raise NotAcceptable(text)
    if representation.media_type == PROTOBUF:
        return _protobuf(protobuf.encode(protobuf.message_type(obj["apiVersion"], obj["kind"]), obj), status)
    return value_response(request, representation, obj, status)


def list_response(request: Request, representation: Representation, kind: Kind, page: Page, now: datetime) -> Response:
    # What is made up on reading is of no version.
    metadata: dict[str, Any] = {"resourceVersion": str(page.revision)} if page.revision else {}
    if page.continue_token or not (kind.wire.is_typed or representation.form):
        metadata["continue"] = page.continue_token
    if page.remaining is not None:
        metadata["remainingItemCount"] = page.remaining
    form, version = representation.form, representation.version
    if not form and representation.media_type == "application/json":
        head, tail = _around_items(kind, metadata)
        as_stored = kind.is_stored_form and kind.wire.is_typed
        body = _last_list.body(head, page.items) if as_stored else None
        if body is None:
            items = (
                [stored.json for stored in page.items]
                if as_stored
                else [encoded_item(kind, stored) for stored in page.items]
            ) or [b""]
            # One join: a list may be megabytes, and each copy of them costs as much as the rest of the answer.
            items[0] = head + items[0]
            items[-1] += tail
            body = b",".join(items)
            if as_stored:
                _last_list.keep(head, page.items, body)
        if representation.indented or request.wants_indented():
            return json_response(request, representation, body)
        return Response(body)
    values = [stored.value for stored in page.items]
    objects = [from_storage(kind, value) for value in values]
    if form == "Table":
        include = tables.check_include_object(request.query.get("includeObject", ""))
        value = tables.table(
            kind,
            objects,
            version=_v(version),
            include_object=include,
            metadata=metadata,
            now=now,
            stored=values,
        )
        return value_response(request, representation, value)
    if form == "PartialObjectMetadataList":
        partials = [tables.partial_object_metadata(each, _v(version)) for each in values]
        if representation.media_type == PROTOBUF:
            return _protobuf(
                protobuf.encode_partial_list(partials, metadata=metadata, api_version=f"meta.k8s.io/{version}")
            )
        value = {
            "kind": form,
            "apiVersion": f"meta.k8s.io/{version}",
            "metadata": metadata,
            "items": partials,
        }
        return value_response(request, representation, value)
    if form:
        raise NotAcceptable(
            f"you requested {form}, but the requested object is a list ({_go_type(kind, kind.list_kind)})"
        )
    if representation.media_type == PROTOBUF:
        return _protobuf(
            protobuf.encode_list(
                kind.type_name, objects, api_version=kind.api_version, kind=kind.list_kind, metadata=metadata
            )
        )
    if kind.wire.is_typed:
        objects = [{key: each for key, each in obj.items() if key not in ("kind", "apiVersion")} for obj in objects]
    value = {"kind": kind.list_kind, "apiVersion": kind.api_version, "metadata": metadata, "items": objects}
    return value_response(request, representation, value)


def _around_items(kind: Kind, metadata: Object) -> tuple[bytes, bytes]:
    """What stands before and behind the items of a list."""
    if not kind.wire.is_typed:
        texts = kind.api_version.encode(), kind.list_kind.encode(), in_order(metadata)
        return b'{"apiVersion":"%b","items":[' % texts[0], b'],"kind":"%b","metadata":%b}\n' % texts[1:]
    texts = kind.list_kind.encode(), kind.api_version.encode(), orjson.dumps(metadata)
    return b'{"kind":"%b","apiVersion":"%b","metadata":%b,"items":[' % texts, b"]}\n"


class _LastList:
    """The last long list: who asks again while nothing changes gets the same bytes."""

    SHORTEST_BYTES, LONGEST_BYTES = 1 << 16, 1 << 23

    def __init__(self) -> None:
        self._kept: tuple[bytes, Sequence[Stored], bytes] = (b"", (), b"")
        """In one piece, since another cluster's thread may put another list here."""

    def body(self, head: bytes, items: Sequence[Stored]) -> bytes | None:
        """None for any other list. What is stored never changes: the same objects are the same text."""
        kept_head, kept_items, body = self._kept
        return body if head == kept_head and items == kept_items else None

    def keep(self, head: bytes, items: Sequence[Stored], body: bytes) -> None:
        if self.SHORTEST_BYTES <= len(body) <= self.LONGEST_BYTES:
            self._kept = (head, items, body)


_last_list = _LastList()


def value_response(request: Request, representation: Representation, value: Object, status: int = 200) -> Response:
    """A JSON value as JSON or YAML."""
    if representation.media_type == YAML:
        return Response(yaml_text(value), status, YAML.encode())
    return json_response(request, representation, orjson.dumps(value), status)


def json_response(request: Request, representation: Representation, body: bytes, status: int = 200) -> Response:
    """Compact JSON ends with a newline, indented JSON does not."""
    if representation.indented or request.wants_indented():
        return Response(orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2), status)
    return Response(body + b"\n", status)


def error_response(request: Request, error: StatusError) -> Response:
    """The Status of a refusal, in the media type that the client prefers, or in indented JSON."""
    status = error.status()
    headers: list[Header] = []
    retry_after = (error.details or {}).get("retryAfterSeconds")
    if retry_after:
        headers.append((b"retry-after", str(retry_after).encode()))
    representation = negotiate_error(request.headers.get("accept", ""))
    if representation is None:
        return Response(orjson.dumps(status, option=orjson.OPT_INDENT_2), error.status_code, headers=headers)
    if representation.media_type == PROTOBUF:
        return Response(protobuf.encode_status(status), error.status_code, PROTOBUF.encode(), headers)
    response = value_response(request, representation, status, error.status_code)
    response.headers.extend(headers)
    return response


async def compressed(request: Request, response: Response) -> Response:
    """The answer, gzipped when it is large and the client takes it. The work is done beside the event loop."""
    if len(response.body) > GZIP_ABOVE_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        loop = asyncio.get_running_loop()
        response.body = await loop.run_in_executor(None, gzip.compress, response.body, GZIP_LEVEL)
        response.headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
    return response


def table_events(
    kind: Kind,
    obj: Object,
    stored: Object | None,
    representation: Representation,
    include: str,
    now: datetime,
    *,
    first: bool,
) -> Object:
    """The Table that one event of a watch holds."""
    return tables.table(
        kind,
        [obj],
        stored=None if stored is None else [stored],
        version=_v(representation.version),
        include_object=tables.check_include_object(include),
        metadata={"resourceVersion": obj["metadata"].get("resourceVersion", "")},
        now=now,
        with_columns=first,
    )


def _protobuf(body: bytes, status: int = 200) -> Response:
    return Response(body, status, PROTOBUF.encode())


def _v(version: str) -> Any:
    return version


def _go_type(kind: Kind | Subresource, name: str) -> str:
    """The internal Go type that two refusals name: `*core.NamespaceList`."""
    if isinstance(kind, Kind):
        if not kind.wire.is_typed:
            return "*unstructured.UnstructuredList"
    elif kind.printer_columns is not None:
        return f"*{kind.version}.{name}"
    return f"*{(kind.group.partition('.')[0] or 'core')}.{name}"
