"""What the OpenAPI documents say, whatever their version: paths, operations, parameters and schemas, read from the compact facts.

Upstream's sentences are not part of the facts. With the extra `fakekube[docs]` the descriptions of schemas and fields are read from the
installed package kubernetes-validate; without it they are left out. Operations and parameters have short descriptions of our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from fakekube import facts

Json = dict[str, Any]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
"""In the order in which a path item lists them."""

TITLE = "Kubernetes"
API_VERSION = "1.36"

GROUP_VERSIONS: Mapping[str, str] = {
    "": "v1",
    "admission.k8s.io": "v1 v1beta1",
    "admissionregistration.k8s.io": "v1 v1alpha1 v1beta1",
    "apiextensions.k8s.io": "v1 v1beta1",
    "apiregistration.k8s.io": "v1 v1beta1",
    "apps": "v1 v1beta1 v1beta2",
    "authentication.k8s.io": "v1 v1alpha1 v1beta1",
    "authorization.k8s.io": "v1 v1beta1",
    "autoscaling": "v1 v2",
    "batch": "v1 v1beta1",
    "certificates.k8s.io": "v1 v1alpha1 v1beta1",
    "coordination.k8s.io": "v1 v1alpha2 v1beta1",
    "discovery.k8s.io": "v1 v1beta1",
    "events.k8s.io": "v1 v1beta1",
    "extensions": "v1beta1",
    "flowcontrol.apiserver.k8s.io": "v1 v1beta1 v1beta2 v1beta3",
    "imagepolicy.k8s.io": "v1alpha1",
    "internal.apiserver.k8s.io": "v1alpha1",
    "networking.k8s.io": "v1 v1beta1",
    "node.k8s.io": "v1 v1alpha1 v1beta1",
    "policy": "v1 v1beta1",
    "rbac.authorization.k8s.io": "v1 v1alpha1 v1beta1",
    "resource.k8s.io": "v1 v1alpha3 v1beta1 v1beta2",
    "scheduling.k8s.io": "v1 v1alpha2 v1beta1",
    "storage.k8s.io": "v1 v1alpha1 v1beta1",
    "storagemigration.k8s.io": "v1beta1",
}
"""Every group and version that the real server's scheme knows, served or not: DeleteOptions and WatchEvent belong to each."""

IN_EVERY_GROUP = frozenset({"meta.DeleteOptions", "meta.WatchEvent"})

_TYPES: Mapping[str, str] = {"s": "string", "b": "boolean", "i": "integer", "n": "number", "o": "object"}

PARAMETERS: Mapping[str, tuple[str, str]] = {
    "allowWatchBookmarks": ("boolean", "whether a watch may send BOOKMARK events"),
    "command": ("string", "one argument of the command to run; repeated for each"),
    "container": ("string", "the container; needed where a pod has several"),
    "continue": ("string", "metadata.continue of the page before"),
    "dryRun": ("string", "All: do everything but store the result"),
    "fieldManager": ("string", "the name under which the written fields are owned"),
    "fieldSelector": ("string", "only objects with these fields, as in metadata.name=a"),
    "fieldValidation": ("string", "what to do about unknown and doubled fields: Ignore, Warn (the default) or Strict"),
    "follow": ("boolean", "keep the log open and send what is written to it"),
    "force": ("boolean", "for apply: take over fields that others own"),
    "gracePeriodSeconds": ("integer", "seconds until the object goes; 0 at once"),
    "ignoreStoreReadErrorWithClusterBreakingPotential": ("boolean", "delete even what cannot be read from the store"),
    "insecureSkipTLSVerifyBackend": ("boolean", "do not verify the certificate of the kubelet"),
    "labelSelector": ("string", "only objects with these labels, as in app=shop"),
    "limit": ("integer", "objects in one page"),
    "limitBytes": ("integer", "bytes of log at most"),
    "name": ("string", "name of the object"),
    "namespace": ("string", "name of the namespace"),
    "orphanDependents": ("boolean", "deprecated: use propagationPolicy"),
    "path": ("string", "the path to ask of the proxied server"),
    "ports": ("integer", "a port to forward; repeated for each"),
    "pretty": ("string", "true: indent the answer"),
    "previous": ("boolean", "the log of the container before its last restart"),
    "propagationPolicy": ("string", "what becomes of dependents: Orphan, Background or Foreground"),
    "resourceVersion": ("string", "the version to read at or to watch from"),
    "resourceVersionMatch": ("string", "how resourceVersion is meant: Exact or NotOlderThan"),
    "sendInitialEvents": ("boolean", "begin a watch with what exists"),
    "shardSelector": ("string", "only objects of one shard"),
    "sinceSeconds": ("integer", "only lines younger than this"),
    "stderr": ("boolean", "pass standard error on"),
    "stdin": ("boolean", "pass standard input on"),
    "stdout": ("boolean", "pass standard output on"),
    "stream": ("string", "the stream of the log: All, Stdout or Stderr"),
    "tailLines": ("integer", "only this many last lines"),
    "timeoutSeconds": ("integer", "seconds after which the request ends"),
    "timestamps": ("boolean", "write the time before each line"),
    "tty": ("boolean", "give the command a terminal"),
    "watch": ("boolean", "go on with the changes instead of ending with the list"),
}
"""Type and description of each parameter."""

_DESCRIPTIONS: Mapping[str, tuple[str, str]] = {
    "get": ("read the specified {kind}", "read {part} of the specified {kind}"),
    "list": ("list objects of kind {kind}", ""),
    "watch": ("watch one object of kind {kind} (deprecated: list with watch and a fieldSelector)", ""),
    "watchlist": ("watch objects of kind {kind} (deprecated: list with watch)", ""),
    "post": ("create {a} {kind}", "create {part} of {a} {kind}"),
    "put": ("replace the specified {kind}", "replace {part} of the specified {kind}"),
    "patch": ("partially update the specified {kind}", "partially update {part} of the specified {kind}"),
    "delete": ("delete {a} {kind}", ""),
    "deletecollection": ("delete collection of {kind}", ""),
    "connect": ("", "connect {method} requests to {part} of {kind}"),
}
"""By action: of an object, of a subresource."""

_PLAIN_DESCRIPTIONS: Mapping[str, str] = {
    "getCodeVersion": "get the version of the server",
    "getServiceAccountIssuerOpenIDConfiguration": "get the configuration of the issuer of service account tokens",
    "getServiceAccountIssuerOpenIDKeyset": "get the public keys that service account tokens are signed with",
}
_VARIANTS: Mapping[str, int] = {
    "getCodeVersion": 1,
    "getServiceAccountIssuerOpenIDConfiguration": 1,
    "getServiceAccountIssuerOpenIDKeyset": 2,
}
"""Operations whose media types are not those of the first row of their action."""


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    location: str
    """`path` (these are required) or `query`."""
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method of a path does. Schemas are short names, `string`, or empty for none."""

    method: str
    id: str
    tag: str
    description: str
    action: str
    """x-kubernetes-action; empty for discovery."""
    kind: tuple[str, str, str] | None
    """group, version, kind of the object it carries."""
    parameters: tuple[Parameter, ...]
    codes: tuple[str, ...]
    answer: str
    produces: tuple[str, ...]
    body: str
    consumes: tuple[str, ...]
    body_required: bool


@dataclass(frozen=True, slots=True)
class PathItem:
    path: str
    document: str
    """Of which document of /openapi/v3 it is part: `apis/batch/v1`."""
    parameters: tuple[Parameter, ...]
    operations: tuple[Operation, ...]


@cache
def path_items() -> Mapping[str, tuple[PathItem, ...]]:
    """The paths of each document, sorted; documents in the order of their names."""
    table = facts.openapi_operations()
    rows = table["paths"]
    documents: dict[str, list[PathItem]] = {}
    for path in sorted(rows):
        item = _path_item(path, rows, table["path_parameters"], table["actions"])
        documents.setdefault(item.document, []).append(item)
    return {document: tuple(documents[document]) for document in sorted(documents)}


def _path_item(path: str, rows: Json, parameter_sets: Json, actions: Json) -> PathItem:
    document, set_name, tag, methods = rows[path]
    kind = _kind_of_path(path, rows)
    shared = parameter_sets[set_name]
    parameters = tuple(_parameter(code, kind) for code in shared)
    operations = []
    for method in METHODS:
        if method not in methods:
            continue
        action, operation_id, carried, answer, *body = methods[method]
        variants = actions[f"{method} {action}"]
        variant = variants[_variant(operation_id, answer, action)]
        operations.append(
            Operation(
                method=method,
                id=operation_id,
                tag=tag,
                description=_description(method, action, operation_id, path, kind),
                action=action,
                kind=_group_version_kind(carried) if carried else None,
                # the path item already holds what all its methods share
                parameters=tuple(_parameter(code, kind) for code in variants[0]["parameters"] if code not in shared),
                codes=tuple(variant["codes"]),
                answer=answer,
                produces=tuple(variant["produces"]),
                body=body[0] if body else "",
                consumes=tuple(variant["consumes"]),
                body_required=variant["body_required"],
            )
        )
    return PathItem(path, document, parameters, tuple(operations))


def _variant(operation_id: str, answer: str, action: str) -> int:
    """Which row of `actions` holds an operation's media types: the documents that are JSON alone, and logs, differ."""
    if action == "get" and answer == "string":
        return 1
    return _VARIANTS.get(operation_id, 0)


def _kind_of_path(path: str, rows: Json) -> str:
    """The kind of the object that a path is about, that of the object above for a subresource; empty for discovery."""
    above = path[: path.index("/{name}") + len("/{name}")] if "/{name}" in path else path
    methods = (rows.get(above) or rows[path])[3]
    carried: str = next(iter(methods.values()))[2]
    return _group_version_kind(carried)[2] if carried else ""


@lru_cache(maxsize=512)
def _parameter(code: str, kind: str) -> Parameter:
    """`name@path` stands in the path, `limit` in the query."""
    name, _, location = code.partition("@")
    type, description = PARAMETERS[name]
    if name == "name":
        description = f"name of the {kind}"
    return Parameter(name, location or "query", type, description)


def _description(method: str, action: str, operation_id: str, path: str, kind: str) -> str:
    if not action:
        return _PLAIN_DESCRIPTIONS.get(operation_id) or (
            "get the resources of the version" if operation_id.endswith("APIResources") else "get the versions"
        )
    part = path.partition("/{name}/")[2].partition("/")[0]
    template = _DESCRIPTIONS[action][bool(part)]
    article = "an" if kind[:1] in "AEIOU" else "a"
    return template.format(kind=kind, part=part, a=article, method=method.upper())


def _group_version_kind(text: str) -> tuple[str, str, str]:
    group, version, kind = text.split("/")
    return group, version, kind


def full_name(name: str) -> str:
    """`core.v1.Pod` -> `io.k8s.api.core.v1.Pod`; what begins with a slash is full already, `/com.example.v1.Widget`."""
    if name.startswith("/"):
        return name[1:]
    if name.startswith("io."):
        return name
    if name.startswith("meta."):
        return f"io.k8s.apimachinery.pkg.apis.meta.v1.{name[5:]}"
    return f"io.k8s.api.{name}"


@cache
def schema_names() -> tuple[str, ...]:
    return tuple(facts.openapi_schemas())


@cache
def _named_in(name: str) -> frozenset[str]:
    """The schemas that one schema refers to itself."""
    return frozenset(_REFERENCE.findall(orjson.dumps(facts.openapi_schemas()[name]).decode()))


_REFERENCE = re.compile(r"#([A-Za-z][\w.-]*)")


def reachable(names: Iterable[str]) -> set[str]:
    """The schemas that are named, or are referred to by one of them, and so on."""
    found: set[str] = set()
    waiting = [name for name in names if name and name != "string" and name[0] != "/"]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _named_in(name) - found
    return found


def schemas_of(item: PathItem) -> Iterable[str]:
    for operation in item.operations:
        yield operation.answer
        yield operation.body


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one version of OpenAPI writes a schema."""

    references: str
    """What stands before the name of a schema in `$ref`."""
    has_defaults: bool
    wraps_references: bool
    """A property's `$ref` stands in an `allOf`, because nothing may stand beside it."""
    replaced: Mapping[str, Json] = field(default_factory=dict)
    """Schemas that are written differently from the facts."""

    def reference(self, name: str) -> Json:
        return {"$ref": self.references + full_name(name)}

    def schema(self, name: str, group_versions: Iterable[tuple[str, str]]) -> Json:
        """The schema called `name`; `group_versions` are those that schemas of every group are said to belong to."""
        compact = facts.openapi_schemas()[name]
        own, of_fields = descriptions().get(full_name(name), ("", {}))
        schema: Json = {"description": own} if own else {}
        if name in self.replaced:
            return {**schema, **self.replaced[name]}
        properties = compact.get("properties", {})
        if "type" in compact:
            if compact["type"]:
                schema["type"] = compact["type"]
        elif "oneOf" not in compact:
            schema["type"] = "object"
        schema.update((key, compact[key]) for key in ("format", "oneOf", "required") if key in compact)
        if properties:
            schema["properties"] = {
                key: self._property(code, of_fields.get(key, "")) for key, code in properties.items()
            }
        for key in ("map-type", "unions"):
            if key in compact:
                schema[f"x-kubernetes-{key}"] = compact[key]
        kinds = self._kinds(name, compact, group_versions)
        if kinds:
            schema["x-kubernetes-group-version-kind"] = kinds
        return schema

    def _kinds(self, name: str, compact: Json, group_versions: Iterable[tuple[str, str]]) -> list[Json]:
        if name in IN_EVERY_GROUP:
            kind = name.rpartition(".")[2]
            return [{"group": group, "kind": kind, "version": version} for group, version in group_versions]
        rows = (_group_version_kind(text) for text in compact.get("group-version-kind", ()))
        return [{"group": group, "kind": kind, "version": version} for group, version, kind in rows]

    def _property(self, code: Any, description: str = "") -> Json:
        shape, attributes = self._shape(code)
        if self.wraps_references and "$ref" in shape:
            shape = {"allOf": [shape]}
        written: Json = {"description": description} if description else {}
        written.update(shape)
        for name, value in attributes.items():
            if name in ("default", "enum"):
                if name == "enum" or self.has_defaults:
                    written[name] = value
            else:
                written[f"x-kubernetes-{name}"] = value
        return written

    def _shape(self, code: Any) -> tuple[Json, Json]:
        """The type that a compact code means, and the attributes that came with it."""
        attributes: Json = {}
        if isinstance(code, list):
            if code[0] == "[]":
                return {"type": "array", "items": self._element(code[1])}, code[2] if len(code) > 2 else attributes
            if code[0] == "{}":
                elements = {"type": "object", "additionalProperties": self._element(code[1])}
                return elements, code[2] if len(code) > 2 else attributes
            code, attributes = code
        if code[0] == "[":
            return {"type": "array", "items": self._element(code[1:-1])}, attributes
        if code[0] == "{":
            return {"type": "object", "additionalProperties": self._element(code[1:-1])}, attributes
        if code[0] == "#":
            return self.reference(code[1:]), attributes
        if code == "any":
            return {}, attributes
        type, _, format = code.partition(":")
        shape = {"type": _TYPES[type]}
        if format:
            shape["format"] = format
        return shape, attributes

    def _element(self, code: Any) -> Json:
        """What a list or map holds; a reference stands by itself."""
        shape, attributes = self._shape(code)
        return {**shape, **attributes}


@cache
def descriptions() -> Mapping[str, tuple[str, Mapping[str, str]]]:
    """schema -> (its description, those of its fields), of the package kubernetes-validate; empty where it is not installed."""
    package = find_spec("kubernetes_validate")
    if package is None or not package.submodule_search_locations:
        return {}
    for folder in package.submodule_search_locations:
        for file in sorted(Path(folder).glob(f"kubernetes-json-schema/v{API_VERSION}.*-local/_definitions.json")):
            schemas = orjson.loads(file.read_bytes()).get("$defs", {})
            return {name: (each.get("description", ""), _of_fields(each)) for name, each in schemas.items()}
    return {}


def _of_fields(schema: Json) -> Mapping[str, str]:
    return {name: each["description"] for name, each in schema.get("properties", {}).items() if "description" in each}


@cache
def every_group_version() -> tuple[tuple[str, str], ...]:
    return tuple((group, version) for group, versions in GROUP_VERSIONS.items() for version in versions.split())
