"""What can be asked of this server, for programs: /openapi/v3, a document for each group and version, and /openapi/v2, one for all.

The documents are made when they are first asked for; until then start-up has paid nothing for them.

https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache, cached_property
from hashlib import sha512
from typing import Any
from urllib.parse import quote

import orjson

from fakekube import facts
from fakekube.kinds import Kinds
from fakekube.registry.kind import Kind
from fakekube.server import openapi_facts
from fakekube.server.accept import Clause, parse_accept
from fakekube.server.openapi_facts import Dialect, Operation, Parameter, PathItem
from fakekube.server.request import Request
from fakekube.server.responses import TEXT, Header, Response, page_not_found

Json = dict[str, Any]

YEAR_S = 365 * 24 * 3600

_VERSION_3 = Dialect(references="#/components/schemas/", has_defaults=True, wraps_references=True)
_STATUS_TEXTS = {"200": "OK", "201": "Created", "202": "Accepted", "401": "Unauthorized"}
_METADATA = ("meta.ObjectMeta", "meta.ListMeta")
_JSON_TYPE = "application/json"
_PROTOBUF_2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
BEARER_TOKEN = {
    "type": "apiKey",
    "description": "Bearer Token authentication",
    "name": "authorization",
    "in": "header",
}


class OpenApi:
    """The OpenAPI documents of a server. `now` gives seconds since 1970; of `kinds` the custom resources are added to the facts."""

    def __init__(self, now: Callable[[], float] = time.time, kinds: Kinds | None = None) -> None:
        self._now = now
        self._started = now()
        self._kinds = kinds
        self._generation = 0
        self._custom: dict[str, _CustomDocument] = {}
        self._version_2: _Served | None = None
        self._version_2_protobuf: _Served | None = None

    def handle(self, request: Request) -> Response | None:
        """The answer, whatever the method; None where the path does not begin with /openapi."""
        path = request.path
        if path.startswith("/openapi"):
            self._follow_kinds()
        if path == "/openapi/v3":
            return self._index()
        if path.startswith("/openapi/v3/"):
            return self._document(request, path.removeprefix("/openapi/v3/"))
        if path == "/openapi/v2":
            return self._all_in_one(request)
        if path == "/openapi" or path.startswith("/openapi/"):
            return page_not_found()
        return None

    def _follow_kinds(self) -> None:
        """Make new documents where custom resources have changed since they were last asked for."""
        if self._kinds is None or self._generation == self._kinds.generation:
            return
        self._generation = self._kinds.generation
        by_document: dict[str, list[Kind]] = {}
        for kind in self._kinds:
            if not kind.wire.is_typed:
                by_document.setdefault(f"apis/{kind.group}/{kind.version}", []).append(kind)
        before, self._custom = self._custom, {}
        for name, kinds in by_document.items():
            known = before.get(name)
            self._custom[name] = known if known is not None and known.kinds == kinds else _CustomDocument(name, kinds)
        if before or self._custom:
            self._version_2 = self._version_2_protobuf = None

    def _hash(self, name: str) -> str:
        custom = self._custom.get(name)
        return _hash(name) if custom is None else custom.served.hash

    def _url(self, name: str) -> str:
        return f"/openapi/v3/{quote(name)}?hash={self._hash(name)}"

    def _index(self) -> Response:
        names = openapi_facts.path_items()
        listed = sorted([*names, *self._custom]) if self._custom else names
        paths = {name: {"serverRelativeURL": self._url(name)} for name in listed}
        headers = [
            (b"accept-ranges", b"bytes"),
            (b"last-modified", formatdate(self._now(), usegmt=True).encode()),
        ]
        return Response(orjson.dumps({"paths": paths}), content_type=TEXT, headers=headers)

    def _document(self, request: Request, name: str) -> Response:
        if name not in openapi_facts.path_items() and name not in self._custom:
            return Response(status=404, content_type=None)
        if not any(clause.fits(_JSON_TYPE) for clause in _clauses(request)):
            return Response(status=406, content_type=None, headers=[(b"vary", b"Accept")])
        asked_hash = request.query.get("hash", "")
        hash = self._hash(name)
        if asked_hash and asked_hash != hash:
            headers = [(b"location", self._url(name).encode()), (b"vary", b"Accept")]
            return Response(status=301, headers=headers)
        headers = self._headers(f'"{hash}"', "Accept")
        cache_control = b"no-cache, private"
        if asked_hash:
            cache_control = b"public, immutable"
            expires = formatdate(self._now() + YEAR_S, usegmt=True).replace("GMT", "UTC")
            headers.append((b"expires", expires.encode()))
        if _is_known(request, hash):
            return Response(status=304, content_type=None, headers=headers[1:], cache_control=cache_control)
        custom = self._custom.get(name)
        return Response(
            document_3(name) if custom is None else custom.served.body, headers=headers, cache_control=cache_control
        )

    def _all_in_one(self, request: Request) -> Response:
        served, media_type = self._in_version_2(request)
        if served is None:
            vary = [(b"vary", b"Accept-Encoding"), (b"vary", b"Accept")]
            return Response(status=406, content_type=None, headers=vary)
        headers = self._headers(f'"{served.hash}"', "Accept-Encoding", "Accept")
        if _is_known(request, served.hash):
            return Response(status=304, content_type=None, headers=headers[1:])
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers.append((b"content-encoding", b"gzip"))
            return Response(served.gzipped, content_type=media_type.encode(), headers=headers)
        return Response(served.body, content_type=media_type.encode(), headers=headers)

    def _in_version_2(self, request: Request) -> tuple[_Served | None, str]:
        from fakekube.server import openapi_v2  # here, because few clients still ask for it

        for clause in _clauses(request):
            if clause.fits(_JSON_TYPE):
                if self._version_2 is None:
                    self._version_2 = _Served(orjson.dumps(self._document_2()))
                return self._version_2, _JSON_TYPE
            if clause.fits(_PROTOBUF_2) or clause.fits(_PROTOBUF_2.replace(".v1.0", "@v1.0")):
                if self._version_2_protobuf is None:
                    self._version_2_protobuf = _Served(openapi_v2.protobuf(self._document_2()))
                return self._version_2_protobuf, _PROTOBUF_2
        return None, ""

    def _document_2(self) -> Json:
        from fakekube.server import openapi_v2

        return openapi_v2.document([kind for document in self._custom.values() for kind in document.kinds])

    def _headers(self, etag: str, *vary: str) -> list[Header]:
        """Accept-Ranges stands first: a 304 does without."""
        return [
            (b"accept-ranges", b"bytes"),
            (b"etag", etag.encode()),
            (b"last-modified", formatdate(self._started, usegmt=True).encode()),
            *((b"vary", each.encode()) for each in vary),
        ]


class _CustomDocument:
    """A document of version 3 about custom resources of one group and version."""

    def __init__(self, name: str, kinds: list[Kind]) -> None:
        self.name = name
        self.kinds = kinds

    @cached_property
    def served(self) -> _Served:
        from fakekube.server import openapi_custom  # here, because few clusters have custom resources

        items = openapi_custom.path_items(self.kinds)
        schemas = {}
        for kind in self.kinds:
            schemas.update(openapi_custom.schemas(kind, _VERSION_3))
        info = {"title": openapi_custom.TITLE, "version": openapi_custom.API_VERSION}
        return _Served(_document_3(info, items, schemas, openapi_custom.group_versions()))


@dataclass
class _Served:
    """A text with what HTTP wants to know of it."""

    body: bytes

    @cached_property
    def hash(self) -> str:
        return sha512(self.body).hexdigest().upper()

    @cached_property
    def gzipped(self) -> bytes:
        return gzip.compress(self.body, 5, mtime=0)


def _clauses(request: Request) -> tuple[Clause, ...]:
    return parse_accept(request.headers.get("accept", ""))


def _is_known(request: Request, hash: str) -> bool:
    """Whether If-None-Match says that the client has the document already."""
    known = request.headers.get("if-none-match", "")
    return known == "*" or f'"{hash}"' in known


@cache
def _hash(name: str) -> str:
    """Upper-case SHA-512 of what a document is made of: the index names every document's hash without making one."""
    return sha512(_source_digest() + name.encode()).hexdigest().upper()


@cache
def _source_digest() -> bytes:
    has_descriptions = bool(openapi_facts.descriptions())
    parts = (facts.openapi_operations(), facts.openapi_schemas(), openapi_facts.PARAMETERS, has_descriptions)
    return sha512(b"".join(orjson.dumps(part) for part in parts)).digest()


# Version 3


@cache
def document_3(name: str) -> bytes:
    """One document of /openapi/v3, `apis/batch/v1`, as JSON. Raises KeyError for a name that the index does not list."""
    info = {"title": openapi_facts.TITLE, "version": openapi_facts.API_VERSION}
    return _document_3(info, openapi_facts.path_items()[name], {}, tuple(_group_versions(name)))


def _document_3(
    info: Json, items: Iterable[PathItem], more_schemas: Json, group_versions: Sequence[tuple[str, str]]
) -> bytes:
    """`group_versions` are those that the schemas of every group belong to."""
    names = openapi_facts.reachable(schema for item in items for schema in openapi_facts.schemas_of(item))
    names |= openapi_facts.reachable(_METADATA if more_schemas else ())
    schemas = {openapi_facts.full_name(each): _schema(each, group_versions) for each in names}
    schemas.update(more_schemas)
    document = {
        "openapi": "3.0.0",
        "info": info,
        "paths": {item.path: _path_item(item) for item in items},
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"BearerToken": BEARER_TOKEN},
        },
    }
    return orjson.dumps(document)


def _schema(name: str, group_versions: Sequence[tuple[str, str]]) -> Any:
    if name in openapi_facts.IN_EVERY_GROUP:
        return _VERSION_3.schema(name, group_versions)
    return orjson.Fragment(_schema_json(name))


@cache
def _schema_json(name: str) -> bytes:
    """Most schemas are the same in every document: each is written once."""
    return orjson.dumps(_VERSION_3.schema(name, ()))


def _group_versions(document: str) -> Iterable[tuple[str, str]]:
    """The core one, and the document's own."""
    yield "", "v1"
    match document.split("/"):
        case ["apis", group, version]:
            yield group, version


def _path_item(item: PathItem) -> Json:
    written: Json = {operation.method: _operation(operation) for operation in item.operations}
    if item.parameters:
        written["parameters"] = [_parameter(each) for each in item.parameters]
    return written


def _operation(operation: Operation) -> Json:
    written: Json = {
        "tags": [operation.tag],
        "description": operation.description,
        "operationId": operation.id,
    }
    if operation.parameters:
        written["parameters"] = [_parameter(each) for each in operation.parameters]
    if operation.body:
        content = {media_type: {"schema": _VERSION_3.reference(operation.body)} for media_type in operation.consumes}
        written["requestBody"] = {"content": content, **({"required": True} if operation.body_required else {})}
    written["responses"] = {code: _response(operation, code) for code in operation.codes}
    if operation.action:
        written["x-kubernetes-action"] = operation.action
    if operation.kind:
        group, version, kind = operation.kind
        written["x-kubernetes-group-version-kind"] = {"group": group, "version": version, "kind": kind}
    return written


def _response(operation: Operation, code: str) -> Json:
    if code == "401":
        return {"description": _STATUS_TEXTS[code]}
    schema = {"type": "string"} if operation.answer == "string" else _VERSION_3.reference(operation.answer)
    content = {media_type: {"schema": schema} for media_type in operation.produces}
    return {"description": _STATUS_TEXTS[code], "content": content}


def _parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "in": parameter.location,
        "description": parameter.description,
        **({"required": True} if parameter.location == "path" else {}),
        "schema": {"type": parameter.type, "uniqueItems": True},
    }
