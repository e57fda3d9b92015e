"""What does this server serve? The documents below /api and /apis, plain and aggregated, the list of paths at / and /version.

https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cached_property
from hashlib import sha512
from typing import Any

import orjson

from fakekube.errors import MethodNotAllowed, NotFound
from fakekube.kinds import Kinds
from fakekube.kinds.custom import version_place
from fakekube.registry.kind import Kind, Subresource
from fakekube.server.accept import Clause, parse_accept
from fakekube.server.content_types import JSON, PROTOBUF, SERVED, YAML, negotiate, refuse_route
from fakekube.server.health import HEALTH_PATHS
from fakekube.server.request import Request
from fakekube.server.responses import Response, page_not_found
from fakekube.server.yaml_text import yaml_text

Document = dict[str, Any]

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def _platform() -> str:
    """`linux/amd64`, the words of Go."""
    system = os.uname()
    return f"{system.sysname.lower()}/{_MACHINES.get(system.machine, system.machine)}"


VERSION: Document = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2",
    "gitCommit": "0" * 40,
    "gitTreeState": "clean",
    "buildDate": "2026-06-01T00:00:00Z",
    "goVersion": "go1.26",
    "compiler": "gc",
    "platform": _platform(),
}
"""The release whose behaviour is served. Tools compare these numbers, so the release is named as it names itself."""

OTHER_PATHS = (
    "/.well-known/openid-configuration",
    "/api",
    "/apis",
    "/apis/",
    "/flagz",
    "/metrics",
    "/metrics/slis",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/",
    "/openid/v1/jwks",
    "/statusz",
    "/version",
)

AGGREGATED = {"g": "apidiscovery.k8s.io", "v": "v2", "as": "APIGroupDiscoveryList"}
_AGGREGATED_MEDIA_TYPES = (JSON, YAML)


class Discovery:
    """The discovery documents of the kinds that are served just now; they are built again when the kinds change.

    `server_address` gives `host:port` as the cluster advertises it.
    """

    def __init__(self, kinds: Kinds, server_address: Callable[[], str]) -> None:
        self._kinds = kinds
        self._server_address = server_address
        self._cached: _Documents | None = None

    def handle(self, request: Request) -> Response | None:
        """The answer, or None where the path is none of discovery's (a resource's, or of another document).

        Raises StatusError: MethodNotAllowed, NotAcceptable, NotFound.
        """
        path = request.path
        if path in ("/", "/index.html"):
            return Response(orjson.dumps(self._documents.paths, option=orjson.OPT_INDENT_2))
        parts = path.removesuffix("/").split("/")[1:]
        match parts:
            case ["version", _, *_]:
                raise NotFound("the server could not find the requested resource", {})
            case ["version"]:
                return _version(request)
            case ["api"]:
                _only_get(request)
                return self._root(request, self._documents.api, self._documents.aggregated_api, is_route=True)
            case ["apis"]:
                return self._root(request, self._documents.apis, self._documents.aggregated_apis, is_route=False)
            case ["api", version]:
                return self._group_version(request, "", version)
            case ["apis", group]:
                found = self._documents.groups.get(group)
                return page_not_found() if found is None else _plain(request, found, is_route=False)
            case ["apis", group, version]:
                documents = self._documents
                if group not in documents.typed_groups and (group, version) not in documents.resources:
                    return page_not_found()
                return self._group_version(request, group, version)
        return None

    def knows_group_of(self, path: str) -> bool:
        """Whether a path that leads nowhere lies in a group of built-in kinds: there a Status says 404, elsewhere plain text."""
        parts = path.split("/")
        if len(parts) < 2:
            return False
        return parts[1] in ("api", "version") or (
            parts[1] == "apis" and len(parts) > 3 and parts[2] in self._documents.typed_groups
        )

    @property
    def _documents(self) -> _Documents:
        cached = self._cached
        if cached is None or cached.generation != self._kinds.generation:
            cached = self._cached = _Documents(self._kinds, self._server_address)
        return cached

    def _group_version(self, request: Request, group: str, version: str) -> Response:
        found = self._documents.resources.get((group, version))
        if found is None:
            raise NotFound("the server could not find the requested resource", {})
        _only_get(request)
        return _plain(request, found, is_route=group in self._documents.typed_groups or not group)

    def _root(self, request: Request, plain: _Written, aggregated: _Written, *, is_route: bool) -> Response:
        for clause in parse_accept(request.headers.get("accept", "")):
            if AGGREGATED.items() <= clause.parameters.items():
                for media_type in _AGGREGATED_MEDIA_TYPES:
                    if clause.fits(media_type):
                        return _aggregated(request, aggregated, media_type, clause)
        return _plain(request, plain, is_route=is_route)


class _Documents:
    """All documents of one generation of kinds, each made when it is first asked for."""

    def __init__(self, kinds: Kinds, server_address: Callable[[], str]) -> None:
        self.generation = kinds.generation
        self._server_address = server_address
        self._kinds: dict[str, dict[str, list[Kind]]] = {}
        """group -> version -> its kinds, in the order of the documents."""
        builtin = [kind for kind in kinds if kind.type_name]
        custom = sorted((kind for kind in kinds if not kind.type_name), key=_place_of_custom)
        for kind in (*builtin, *custom):
            self._kinds.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
        self.typed_groups = frozenset(kind.group for kind in builtin)

    @cached_property
    def api(self) -> _Written:
        address = {"clientCIDR": "0.0.0.0/0", "serverAddress": self._server_address()}
        return _Written({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [address]})

    @cached_property
    def apis(self) -> _Written:
        groups = [self._group(group) for group in self._kinds if group]
        return _Written({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})

    @cached_property
    def groups(self) -> dict[str, _Written]:
        return {
            group: _Written({"kind": "APIGroup", "apiVersion": "v1", **self._group(group)})
            for group in self._kinds
            if group
        }

    @cached_property
    def resources(self) -> dict[tuple[str, str], _Written]:
        return {
            (group, version): _Written(_resource_list(group, version, kinds))
            for group, versions in self._kinds.items()
            for version, kinds in versions.items()
        }

    @cached_property
    def aggregated_api(self) -> _Written:
        return _Written(self._group_discovery_list([""]))

    @cached_property
    def aggregated_apis(self) -> _Written:
        return _Written(self._group_discovery_list(group for group in self._kinds if group))

    @cached_property
    def paths(self) -> Document:
        paths = [*OTHER_PATHS, *HEALTH_PATHS]
        for group, versions in self._kinds.items():
            root = f"/apis/{group}" if group else "/api"
            paths += [f"{root}/{version}" for version in versions]
            if group:
                paths.append(root)
        return {"paths": sorted(paths)}

    def _group(self, group: str) -> Document:
        versions = [{"groupVersion": f"{group}/{version}", "version": version} for version in self._kinds[group]]
        return {"name": group, "versions": versions, "preferredVersion": versions[0]}

    def _group_discovery_list(self, groups: Iterable[str]) -> Document:
        items = [
            {
                "metadata": {"name": group} if group else {},
                "versions": [
                    {
                        "version": version,
                        "resources": [_resource_discovery(kind) for kind in kinds],
                        "freshness": "Current",
                    }
                    for version, kinds in self._kinds[group].items()
                ],
            }
            for group in groups
        ]
        return {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": "apidiscovery.k8s.io/v2",
            "metadata": {},
            "items": items,
        }


class _Written:
    """A document and the texts it has been sent as."""

    def __init__(self, document: Document) -> None:
        self.document = document

    @cached_property
    def json(self) -> bytes:
        return orjson.dumps(self.document, option=orjson.OPT_APPEND_NEWLINE)

    @cached_property
    def indented_json(self) -> bytes:
        return orjson.dumps(self.document, option=orjson.OPT_INDENT_2)

    @cached_property
    def yaml(self) -> bytes:
        return yaml_text(orjson.loads(self.json))

    @cached_property
    def protobuf(self) -> bytes:
        from fakekube.server import protobuf

        return protobuf.encode(f"meta.{self.document['kind']}", self.document)

    @cached_property
    def etag(self) -> str:
        return f'"{sha512(self.json).hexdigest().upper()}"'

    def text(self, media_type: str, *, indented: bool) -> bytes:
        if media_type == YAML:
            return self.yaml
        if media_type == PROTOBUF:
            return self.protobuf
        return self.indented_json if indented else self.json


def _place_of_custom(kind: Kind) -> tuple[str, tuple[int, int, int, str], str]:
    """Custom resources stand behind all others, by group; the best version of a group first; by plural."""
    return kind.group, version_place(kind.version), kind.resource


def _resource_list(group: str, version: str, kinds: list[Kind]) -> Document:
    resources = []
    for kind in kinds:
        resource: Document = {
            "name": kind.resource,
            "singularName": kind.singular,
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": kind.discovery_verbs,
        }
        if kind.short_names:
            resource["shortNames"] = kind.short_names
        if kind.categories:
            resource["categories"] = kind.categories
        if kind.facts.storage_version_hash:
            resource["storageVersionHash"] = kind.facts.storage_version_hash
        resources.append(resource)
        resources += [_subresource(kind, each) for each in _in_order(kind)]
    # the real document of the core group leaves apiVersion out
    head = {"kind": "APIResourceList", "apiVersion": "v1"} if group else {"kind": "APIResourceList"}
    return {**head, "groupVersion": f"{group}/{version}" if group else version, "resources": resources}


def _subresource(kind: Kind, subresource: Subresource) -> Document:
    foreign = (subresource.group, subresource.version) != (kind.group, kind.version)
    return {
        "name": f"{kind.resource}/{subresource.name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        **({"group": subresource.group, "version": subresource.version} if foreign else {}),
        "kind": subresource.kind,
        "verbs": subresource.verbs,
    }


def _resource_discovery(kind: Kind) -> Document:
    resource: Document = {
        "resource": kind.resource,
        "responseKind": _response_kind(kind, kind.group, kind.version, kind.kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": kind.discovery_verbs,
    }
    if kind.short_names:
        resource["shortNames"] = kind.short_names
    if kind.categories:
        resource["categories"] = kind.categories
    if kind.subresources:
        resource["subresources"] = [
            {
                "subresource": each.name,
                "responseKind": _response_kind(kind, each.group, each.version, each.kind),
                "verbs": each.verbs,
            }
            for each in _in_order(kind)
        ]
    return resource


def _response_kind(of: Kind, group: str, version: str, kind: str) -> Document:
    """Group and version stay empty where they are the document's own, save in the documents of custom resources."""
    if of.type_name and (group, version) == (of.group, of.version):
        group = version = ""
    return {"group": group, "version": version, "kind": kind}


def _in_order(kind: Kind) -> Iterable[Subresource]:
    """By name; those of custom resources as they were declared."""
    if not kind.wire.is_typed:
        return kind.subresources
    return sorted(kind.subresources, key=lambda subresource: subresource.name)


def _only_get(request: Request) -> None:
    if request.method != "GET":
        raise MethodNotAllowed("the server does not allow this method on the requested resource", {})


def _version(request: Request) -> Response:
    _only_get(request)
    refuse_route(request.headers.get("accept", ""), (JSON,))
    return Response(orjson.dumps(VERSION, option=orjson.OPT_INDENT_2))


def _plain(request: Request, written: _Written, *, is_route: bool) -> Response:
    """`is_route`: a go-restful route upstream, which refuses unknown media types in words of its own."""
    accept = request.headers.get("accept", "")
    if is_route:
        refuse_route(accept, SERVED)
    chosen = negotiate(accept, tables=False, metadata=False)
    text = written.text(chosen.media_type, indented=chosen.indented or request.wants_indented())
    return Response(text, content_type=chosen.media_type.encode())


def _aggregated(request: Request, written: _Written, media_type: str, clause: Clause) -> Response:
    headers = [(b"etag", written.etag.encode()), (b"vary", b"Accept")]
    if request.headers.get("if-none-match") == written.etag:
        return Response(status=304, content_type=None, headers=headers, cache_control=b"public")
    parameters = ";".join(f"{name}={value}" for name, value in AGGREGATED.items())
    text = written.text(media_type, indented=clause.parameters.get("pretty") == "1" or request.wants_indented())
    return Response(text, content_type=f"{media_type};{parameters}".encode(), headers=headers, cache_control=b"public")
