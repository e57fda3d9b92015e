"""What the OpenAPI documents say of custom resources: the paths of jobs under other names, and the schemas of their definitions.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#publish-validation-schema-in-openapi
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from fakekube.objects.structural_schemas import EMBEDDED, INT_OR_STRING, PRESERVE, RESOURCE_FIELDS
from fakekube.registry.kind import Kind
from fakekube.server import openapi_facts
from fakekube.server.openapi_facts import Dialect, Operation, Parameter, PathItem

Json = dict[str, Any]

_PATTERN = ("apis/batch/v1", "batch", "v1", "jobs", "Job")
"""A kind with a status whose paths are taken as the pattern: document, group, version, resource, kind."""
_SCALE_PATTERN = ("apis/apps/v1", "apps", "v1", "deployments", "Deployment")
_JSON_TYPES = ("application/json", "application/yaml")
_PATCHES = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")
_LIKE = "batch.v1.Job"
"""Of which type the descriptions of apiVersion, kind and metadata are taken."""

TITLE, API_VERSION = "Kubernetes CRD Swagger", "v0.1.0"
"""How the documents of custom resources call themselves."""

_FOREIGN_GROUPS = ("admission.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "imagepolicy.k8s.io")
"""Groups that the part of the server which serves custom resources knows nothing of."""

CONVENTIONS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"


def group_versions() -> tuple[tuple[str, str], ...]:
    """Those that the schemas of every group are said to belong to."""
    return tuple(each for each in openapi_facts.every_group_version() if each[0] not in _FOREIGN_GROUPS)


def document_name(kind: Kind) -> str:
    """Of which document of /openapi/v3 the kind is part: `apis/example.com/v1`."""
    return f"apis/{kind.group}/{kind.version}"


def schema_name(kind: Kind) -> str:
    """`com.example.v1.Widget`, as a name that is full already."""
    reversed_group = ".".join(reversed(kind.group.split(".")))
    return f"/{reversed_group}.{kind.version}.{kind.kind}"


def path_items(kinds: Iterable[Kind]) -> tuple[PathItem, ...]:
    """The paths of several kinds of one group and version, sorted."""
    return tuple(sorted((item for kind in kinds for item in _path_items(kind)), key=lambda item: item.path))


def _path_items(kind: Kind) -> Iterator[PathItem]:
    for names in (_PATTERN, _SCALE_PATTERN):
        for item in _patterns(names):
            door = item.path.partition("/{name}/")[2]
            if (door == "scale") != (names is _SCALE_PATTERN) or (door and door not in kind.subresource_named):
                continue
            # What lies in no namespace has the paths of what lies in one, without it.
            if kind.namespaced or "{namespace}" in item.path:
                yield _renamed(item, names, kind)


def _patterns(names: tuple[str, ...]) -> Iterator[PathItem]:
    document, group, version, resource, _ = names
    everywhere = f"/apis/{group}/{version}/{resource}"
    in_namespace = f"/apis/{group}/{version}/namespaces/{{namespace}}/{resource}"
    for item in openapi_facts.path_items()[document]:
        if item.path in (everywhere, in_namespace) or item.path.startswith(f"{in_namespace}/"):
            yield item


def _renamed(item: PathItem, names: tuple[str, ...], kind: Kind) -> PathItem:
    _, group, version, resource, _ = names
    path = item.path.replace(f"/apis/{group}/{version}/", f"/apis/{kind.group}/{kind.version}/")
    path = path.replace(f"/{resource}", f"/{kind.resource}")
    if not kind.namespaced:
        path = path.replace("/namespaces/{namespace}", "")
    return PathItem(
        path,
        document_name(kind),
        tuple(_parameters(item.parameters, kind)),
        tuple(_operation(operation, item.operations, names, kind) for operation in item.operations),
    )


def _parameters(parameters: Iterable[Parameter], kind: Kind) -> Iterator[Parameter]:
    for parameter in parameters:
        if parameter.name == "name":
            yield replace(parameter, description=f"name of the {kind.kind}")
        elif parameter.name != "namespace" or kind.namespaced:
            yield parameter


def _operation(operation: Operation, siblings: Iterable[Operation], names: tuple[str, ...], kind: Kind) -> Operation:
    """`siblings`: the operations of the same path."""
    _, group, version, _, pattern_kind = names
    camel_group = "".join(part[:1].upper() + part[1:] for part in kind.group.replace("-", ".").split("."))
    id = operation.id.replace(f"{_capital(group)}{_capital(version)}", f"{camel_group}{_capital(kind.version)}", 1)
    id = id.replace(pattern_kind, kind.kind)
    if not kind.namespaced:
        id = id.replace("Namespaced", "", 1)
    description = operation.description.replace(pattern_kind, kind.kind)
    if kind.kind[:1] in "AEIOU":
        description = description.replace(f" a {kind.kind}", f" an {kind.kind}")
    own = operation.parameters
    if operation.action == "deletecollection":
        # All that a list may be asked for.
        own = next(each.parameters for each in siblings if each.action == "list")
    has_body = bool(operation.body) and operation.action != "deletecollection"
    is_patch = operation.action == "patch"
    return replace(
        operation,
        id=id,
        tag=f"{camel_group[:1].lower()}{camel_group[1:]}_{kind.version}",
        description=description,
        kind=(kind.group, kind.version, kind.kind),
        parameters=tuple(_parameters(own, kind)),
        codes=("200", "401") if is_patch else operation.codes,
        answer=_schema_in(operation.answer, names, kind),
        produces=_JSON_TYPES,
        body=_schema_in(operation.body, names, kind) if has_body else "",
        consumes=_PATCHES if is_patch else (_JSON_TYPES if has_body else ()),
    )


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _schema_in(name: str, names: tuple[str, ...], kind: Kind) -> str:
    _, group, version, _, pattern_kind = names
    if name == f"{group}.{version}.{pattern_kind}":
        return schema_name(kind)
    if name == f"{group}.{version}.{pattern_kind}List":
        return list_schema_name(kind)
    return name


def list_schema_name(kind: Kind) -> str:
    return f"{schema_name(kind).removesuffix(kind.kind)}{kind.list_kind}"


def schemas(kind: Kind, dialect: Dialect) -> dict[str, Json]:
    """The schemas of an object and of a list of them, by full name."""
    simple = not dialect.has_defaults
    whole = _schema(kind.wire.schema, dialect, simple=simple)
    rest = {key: value for key, value in (whole.get("properties") or {}).items() if key not in RESOURCE_FIELDS}
    whole["properties"] = {**_resource_fields(dialect, _LIKE), **rest}
    whole["x-kubernetes-group-version-kind"] = [_gvk(kind, kind.kind)]
    # Selectable are, beside names and namespaces, the fields that the definition says.
    selectable = [field for field in kind.facts.field_selectors if not field.startswith("metadata.")]
    told = {"x-kubernetes-selectable-fields": [{"fieldPath": field} for field in selectable]} if selectable else {}
    return {
        openapi_facts.full_name(schema_name(kind)): dict(sorted({**whole, **told}.items())),
        openapi_facts.full_name(list_schema_name(kind)): {**_list_schema(kind, dialect), **told},
    }


def _gvk(kind: Kind, name: str) -> Json:
    return {"group": kind.group, "kind": name, "version": kind.version}


def _list_schema(kind: Kind, dialect: Dialect) -> Json:
    own = _resource_fields(dialect, "core.v1.PodList", "meta.ListMeta")
    items = {
        "description": f"List of {kind.resource}. More info: {CONVENTIONS}",
        "type": "array",
        "items": dialect.reference(schema_name(kind)),
    }
    return {
        "description": f"{kind.list_kind} is a list of {kind.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": own["apiVersion"],
            "items": items,
            "kind": own["kind"],
            "metadata": own["metadata"],
        },
        "x-kubernetes-group-version-kind": [_gvk(kind, kind.list_kind)],
    }


def _resource_fields(dialect: Dialect, like: str, metadata: str = "meta.ObjectMeta") -> Json:
    """apiVersion, kind and metadata, described as those of a built-in type."""
    told = openapi_facts.descriptions().get(openapi_facts.full_name(like), ("", {}))[1]
    reference = dialect.reference(metadata)
    fields: Json = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"allOf": [reference]} if dialect.wraps_references else dict(reference),
    }
    for name, text in told.items():
        if name in fields and text:
            fields[name] = {"description": text, **fields[name]}
    return fields


_DROPPED_IN_SIMPLE = frozenset({"nullable", "default", "anyOf", "allOf", "oneOf", "not"})


def _schema(schema: Mapping[str, Any], dialect: Dialect, *, simple: bool) -> Json:
    """A schema of a definition as OpenAPI writes it. `simple`: version 2, which knows less and whose readers trip over more."""
    written: Json = {}
    drops_content = simple and bool(schema.get("nullable") or schema.get(PRESERVE))
    for key, value in schema.items():
        if simple and key in _DROPPED_IN_SIMPLE:
            continue
        if key == "properties":
            if not drops_content:
                written[key] = {name: _schema(inner, dialect, simple=simple) for name, inner in sorted(value.items())}
        elif key in ("items", "additionalProperties", "not") and isinstance(value, Mapping):
            if not drops_content:
                written[key] = _schema(value, dialect, simple=simple)
        elif key in ("anyOf", "allOf", "oneOf"):
            written[key] = [_schema(inner, dialect, simple=simple) for inner in value]
        elif key == "type" and simple and schema.get("nullable"):
            continue
        elif key == "required" and simple:
            properties = schema.get("properties") or {}
            kept = [name for name in value if not (properties.get(name) or {}).get("nullable")]
            if kept:
                written[key] = kept
        else:
            written[key] = value
    if schema.get(INT_OR_STRING) and not simple and "anyOf" not in written and "allOf" not in written:
        written["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if schema.get(EMBEDDED) and not drops_content:
        # No package tells how apiVersion and kind are described here.
        fields = _resource_fields(dialect, _LIKE)
        fields["apiVersion"], fields["kind"] = {"type": "string"}, {"type": "string"}
        written["properties"] = dict(sorted({**written.get("properties", {}), **fields}.items()))
        required = list(written.get("required", ()))
        written["required"] = [*required, *(name for name in ("kind", "apiVersion") if name not in required)]
    return written
