"""From method, path and query to what is asked: verb, group, resource, subresource, namespace, name.

Looks at nothing else, so that authorisation comes before everything that can be wrong with a request.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from fakekube.access.authorization import Asked
from fakekube.errors import StatusError
from fakekube.objects.selectors import parse_fields
from fakekube.server.request import Request

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_OF_THE_NAMESPACE_ITSELF = frozenset({"status", "finalize"})


def request_info(request: Request) -> Asked:
    """Raises nothing: what cannot be understood is a path like any other."""
    method, path = request.method, request.path
    if not request.scope.get("query_string"):
        return _asked(method, path, wants_watch=False)
    asked = _asked(method, path, wants_watch=_wants_watch(request))
    selector = request.query.get("fieldSelector")
    if not selector or not asked.is_resource or asked.name or method not in _SELECTING:
        return asked
    node = _required(selector, "spec.nodeName") if (asked.group, asked.resource) in _OF_NODES else ""
    name = _required(selector, "metadata.name") if method in _READING else ""
    return replace(asked, name=name, selected_node=node)


_READING = frozenset({"GET", "HEAD"})
_SELECTING = _READING | {"DELETE"}
_OF_NODES = frozenset({("", "pods"), ("resource.k8s.io", "resourceslices")})
"""What a kubelet may list if it asks for that of its own node."""


@lru_cache(maxsize=1024)
def _asked(method: str, path: str, *, wants_watch: bool) -> Asked:
    place = _place(path)
    if place is None:
        return Asked(method.lower(), path)
    group, version, namespace, resource, name, subresource, is_old_watch, _ = place
    if resource == "proxy" and name and not namespace and not is_old_watch:
        # A form that is gone: it is understood, and leads nowhere.
        return replace(_asked(method, path.replace("/proxy/", "/", 1), wants_watch=False), verb="proxy", path=path)
    if is_old_watch:
        verb = "watch"
    elif method in _READING:
        verb = "watch" if wants_watch and not name else "get" if name else "list"
    elif method == "DELETE":
        verb = "delete" if name else "deletecollection"
    else:
        verb = _VERBS.get(method, "")
    return Asked(verb, path, True, group, version, namespace, resource, subresource, name)


Place = tuple[str, str, str, str, str, str, bool, int]
"""group, version, namespace, resource, name, subresource, whether it is a path of the old /watch/ form, parts after the subresource."""


@lru_cache(maxsize=8192)
def _place(path: str) -> Place | None:
    """Where a resource path leads; None for all other paths."""
    parts = path.strip("/").split("/") if "//" not in path else path.removeprefix("/").removesuffix("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    is_old_watch = rest[0] == "watch" and len(rest) > 1
    if is_old_watch:
        rest = rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _OF_THE_NAMESPACE_ITSELF:
            rest = rest[2:]
    resource, name, subresource = (*rest, "", "", "")[:3]
    return group, version, namespace, resource, name, subresource, is_old_watch, max(len(rest) - 3, 0)


def leads_nowhere(path: str) -> bool:
    """Whether a path of the old form ends where a kind should stand: `/api/v1/watch`."""
    if not path.endswith(_BARE):
        return False
    root, _, rest = path.strip("/").partition("/")
    return rest.count("/") == {"api": 1, "apis": 2}.get(root)


_BARE = ("/watch", "/watch/", "/proxy", "/proxy/")


def place_of(path: str) -> Place | None:
    return _place(path)


def _wants_watch(request: Request) -> bool:
    query = request.query
    return "watch" in query and query["watch"].lower() not in ("false", "0")


def _required(field_selector: str, field: str) -> str:
    try:
        return parse_fields(field_selector).required(field) or ""
    except StatusError:
        return ""
