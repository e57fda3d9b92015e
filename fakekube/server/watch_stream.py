"""A watch as bytes: each event is encoded once per content type, and all watchers share the bytes.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson

from fakekube.api.body import from_storage
from fakekube.api.watch import Notice, Watch
from fakekube.registry.kind import Kind, Object
from fakekube.server import protobuf, tables
from fakekube.server.content_types import PROTOBUF, Representation
from fakekube.server.encoding import encoded, in_order, table_events
from fakekube.server.request import Request
from fakekube.server.responses import Header, Send

FRAMES_KEPT = 256
"""So many of the frames written last are kept for the other watchers of the same event."""


class FrameCache:
    """Frames by (kind, revision, type): one event has one revision."""

    def __init__(self) -> None:
        self._frames: dict[tuple[Kind, int, str, int], bytes] = {}

    def frame(self, kind: Kind, notice: Notice) -> bytes:
        assert notice.stored is not None
        key = (kind, notice.revision, notice.type, notice.stored.revision)
        frame = self._frames.get(key)
        if frame is None:
            if len(self._frames) >= FRAMES_KEPT:
                self._frames.clear()
            frame = b'{"type":"%b","object":%b}\n' % (notice.type.encode(), encoded(kind, notice.stored))
            self._frames[key] = frame
        return frame


class Frames:
    """Turns the notices of one watch into the bytes of its stream."""

    def __init__(
        self,
        kind: Kind,
        representation: Representation,
        include_object: str,
        cache: FrameCache,
        now: Callable[[], datetime],
        *,
        framed: bool = True,
    ) -> None:
        self._kind = kind
        self._representation = representation
        self._include = include_object
        self._cache = cache
        self._now = now
        self._framed = framed
        self._is_first = True
        self.is_binary = representation.media_type == PROTOBUF
        self.breaks_off = representation.form == "PartialObjectMetadataList"
        if representation.form == "Table":
            tables.check_include_object(include_object)

    def frame(self, notice: Notice) -> bytes:
        if notice.type in ("ADDED", "MODIFIED", "DELETED") and not self._representation.form and not self.is_binary:
            return self._cache.frame(self._kind, notice)
        if notice.type == "ERROR":
            assert notice.error is not None
            return self._line("ERROR", notice.error.status())
        if notice.stored is None:
            return self._line(notice.type, self._shaped(bookmark(self._kind, notice), None))
        stored = notice.stored.value
        return self._line(notice.type, self._shaped(from_storage(self._kind, stored), stored))

    def _shaped(self, obj: Object, stored: Object | None) -> Object:
        form = self._representation.form
        if form == "Table":
            shown = table_events(
                self._kind, obj, stored, self._representation, self._include, self._now(), first=self._is_first
            )
            self._is_first = False
            return shown
        if form == "PartialObjectMetadata":
            version: Any = self._representation.version
            return tables.partial_object_metadata(stored or obj, version)
        return obj

    def _line(self, type: str, obj: Object) -> bytes:
        if self.is_binary:
            if type == "ERROR":
                envelope = protobuf.encode_status(obj)
            elif self._representation.form == "PartialObjectMetadata":
                envelope = protobuf.encode_partial(obj, api_version=obj["apiVersion"])
            else:
                envelope = protobuf.encode(protobuf.message_type(obj["apiVersion"], obj["kind"]), obj)
            return protobuf.encode_watch_event(type, envelope, framed=self._framed)
        is_map = type == "BOOKMARK" and not (self._kind.wire.is_typed or self._representation.form)
        return b'{"type":"%b","object":%b}\n' % (type.encode(), in_order(obj) if is_map else orjson.dumps(obj))

    @property
    def content_type(self) -> bytes:
        return b"application/vnd.kubernetes.protobuf;stream=watch" if self.is_binary else b"application/json"


def bookmark(kind: Kind, notice: Notice) -> Object:
    """What a bookmark holds: an empty object of the kind with a version."""
    empty = kind.facts.empty
    metadata = {"resourceVersion": str(notice.revision), **empty.get("metadata", {})}
    if notice.initial_events_end:
        metadata["annotations"] = {**metadata.get("annotations", {}), tables.INITIAL_EVENTS_END: "true"}
    return {"kind": kind.kind, "apiVersion": kind.api_version, **empty, "metadata": metadata}


async def stream(request: Request, send: Send, watch: Watch, frames: Frames, headers: list[Header]) -> None:
    """Answer with the stream until it ends, the client goes, or the server stops."""
    gone = asyncio.ensure_future(_disconnected(request))
    gone.add_done_callback(lambda _: watch.close())
    try:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        while (notices := await watch.next()) is not None:
            if gone.done():
                return
            if notices and frames.breaks_off:
                break
            await send({"type": "http.response.body", "body": b"".join(map(frames.frame, notices)), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        watch.close()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def stream_to_websocket(request: Request, send: Send, watch: Watch, frames: Frames) -> None:
    """The same through an accepted WebSocket: a frame each event, a close frame at the end."""
    gone = asyncio.ensure_future(_websocket_closed(request))
    gone.add_done_callback(lambda _: watch.close())
    try:
        while (notices := await watch.next()) is not None:
            if gone.done():
                return
            if notices and frames.breaks_off:
                break
            for notice in notices:
                frame = frames.frame(notice)
                await send(
                    {"type": "websocket.send", "bytes": frame}
                    if frames.is_binary
                    else {"type": "websocket.send", "text": frame.decode()}
                )
        await send({"type": "websocket.close", "code": 1000})
    finally:
        watch.close()
        gone.cancel()


async def _websocket_closed(request: Request) -> None:
    while (await request.receive())["type"] != "websocket.disconnect":
        pass
