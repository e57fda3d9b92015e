"""The table `types.json`: fields of every type that the server reads or writes, in the order in which it writes them.

What a type is comes from the served OpenAPI documents; order, Go types, embedding and protobuf numbers from the Go structs; which fields
keep a zero or always appear from measurements on a real server (`data/defaults-fields.yaml`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tools.go_struct_tags import GoField, GoType
from tools.openapi_types import SPECIAL_TYPES, Property, read_property

Structs = Mapping[str, tuple[GoField, ...]]
Row = dict[str, Any]

_META = "k8s.io/apimachinery/pkg/apis/meta/v1."
_API = "k8s.io/api/"

NOT_IN_OPENAPI = (
    *(f"meta.{name}Options" for name in ("Apply", "Create", "Get", "List", "Patch", "Table", "Update")),
    *(f"meta.{name}" for name in ("PartialObjectMetadata", "PartialObjectMetadataList", "List")),
    *(f"meta.{name}" for name in ("Table", "TableColumnDefinition", "TableRow", "TableRowCondition")),
    *(f"core.v1.Pod{name}Options" for name in ("Attach", "Exec", "Log", "PortForward", "Proxy")),
    *("core.v1.NodeProxyOptions", "core.v1.ServiceProxyOptions"),
    *("admission.v1.AdmissionRequest", "admission.v1.AdmissionResponse", "admission.v1.AdmissionReview"),
    *("meta.GroupVersionKind", "meta.GroupVersionResource"),
    *(f"apidiscovery.v2.{name}Discovery" for name in ("APIGroup", "APIResource", "APISubresource", "APIVersion")),
    "apidiscovery.v2.APIGroupDiscoveryList",
)
"""Types that travel between client and server although no OpenAPI document describes them: their facts come from the Go structs alone."""

GROUPS_NOT_IN_OPENAPI = {
    "admission": "admission.k8s.io",
    "apidiscovery": "apidiscovery.k8s.io",
    "core": "",
    "meta": "meta.k8s.io",
}

_SPECIAL_STRUCTS = {
    _META + "Time": "meta.Time",
    _META + "MicroTime": "meta.MicroTime",
    _META + "FieldsV1": "meta.FieldsV1",
    "k8s.io/apimachinery/pkg/api/resource.Quantity": "io.k8s.apimachinery.pkg.api.resource.Quantity",
    "k8s.io/apimachinery/pkg/util/intstr.IntOrString": "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
    "k8s.io/apimachinery/pkg/runtime.RawExtension": "io.k8s.apimachinery.pkg.runtime.RawExtension",
}

_SCALARS = {
    "string": ("string", ""),
    "bool": ("boolean", ""),
    "int": ("integer", "int64"),
    "int32": ("integer", "int32"),
    "int64": ("integer", "int64"),
    "float64": ("number", "double"),
}


class FactsDisagree(Exception):
    """Two sources tell different things about one type."""


@dataclass(frozen=True, slots=True)
class Member:
    """A field of a struct after its embedded structs have been unfolded into it."""

    name: str
    go_type: str
    """Without the pointer."""
    protobuf: int
    embedded: str = ""
    protobuf_within: tuple[int, ...] = ()
    declared: GoField | None = None


def types(
    schemas: Mapping[str, Any], structs: Structs, other_structs: Mapping[str, Any], presence: Mapping[str, Any]
) -> dict[str, Row]:
    """Each type's row by its short name: `go_name` and `map_type` where they tell something, `fields` by JSON name in order.

    `schemas` are the rows of openapi-schemas.json, `other_structs` those of go-structs.yaml, `presence` those of defaults-fields.yaml.
    Raises FactsDisagree when the struct and the schema have different fields.
    """
    rows = {}
    for name, schema in schemas.items():
        if name == "note" or name in SPECIAL_TYPES:
            continue
        properties = {field: read_property(code) for field, code in schema.get("properties", {}).items()}
        members = _members(name, structs, other_structs)
        if {member.name for member in members} != set(properties):
            raise FactsDisagree(f"{name}: {sorted({member.name for member in members} ^ set(properties))}")
        present = presence.get(long_name(name), {})
        fields = {
            member.name: _field(member, properties[member.name], member.name in schema.get("required", ()), present)
            for member in members
        }
        if name.endswith("List") and "items" in fields:
            fields["metadata"] |= {"always": True, "empty": {}}
            fields["items"] |= {"always": True, "empty": []}
        rows[name] = ({"map_type": schema["map-type"]} if "map-type" in schema else {}) | {"fields": fields}
    for name in NOT_IN_OPENAPI:
        rows[name] = {
            "fields": {member.name: _field_of_struct(member) for member in _members(name, structs, other_structs)}
        }
    return {name: rows[name] for name in sorted(rows)}


def kinds(schemas: Mapping[str, Any], rows: Mapping[str, Row]) -> dict[str, str]:
    """The type of each `group/version/Kind` (`/v1/Pod`), for kinds that are one type only."""
    found: dict[str, str] = {}
    for name, schema in schemas.items():
        kinds_of_schema = schema.get("group-version-kind") if name != "note" else None
        if isinstance(kinds_of_schema, list):
            found |= dict.fromkeys(kinds_of_schema, name)
    for name, row in rows.items():
        if row["fields"].get("kind", {}).get("embedded") == "TypeMeta" and name not in found.values():
            group, _, rest = name.partition(".")
            version, _, kind = rest.rpartition(".")
            if group == "meta" and schemas.get(name, {}).get("group-version-kind") is None:
                found[f"{'' if name in _IN_EVERY_GROUP else 'meta.k8s.io'}/v1/{kind}"] = name
            elif group in GROUPS_NOT_IN_OPENAPI and group != "meta":
                found[f"{GROUPS_NOT_IN_OPENAPI[group]}/{version}/{kind}"] = name
    return dict(sorted(found.items()))


_IN_EVERY_GROUP = {
    "meta.APIGroup",
    "meta.APIGroupList",
    "meta.APIResourceList",
    "meta.APIVersions",
    "meta.List",
    "meta.Status",
}


def long_name(name: str) -> str:
    """The OpenAPI name of a type: `io.k8s.api.core.v1.Pod` for `core.v1.Pod`."""
    if name.startswith("io.k8s."):
        return name
    if name.startswith("meta."):
        return "io.k8s.apimachinery.pkg.apis.meta.v1." + name.removeprefix("meta.")
    return "io.k8s.api." + name


def short_name(name: str) -> str:
    """The other way round."""
    for prefix, short in ("io.k8s.apimachinery.pkg.apis.meta.v1.", "meta."), ("io.k8s.api.", ""):
        if name.startswith(prefix):
            return short + name.removeprefix(prefix)
    return name


def _struct_name(name: str) -> str:
    """`k8s.io/api/core/v1.Pod` for `core.v1.Pod`."""
    parts = long_name(name).split(".")
    if name.startswith("io.k8s.apimachinery.pkg.version."):
        return "k8s.io/apimachinery/pkg/version." + parts[-1]
    if name.startswith("meta."):
        return _META + parts[-1]
    return _API + "/".join(parts[3:-1]) + "." + parts[-1]


def _members(name: str, structs: Structs, other_structs: Mapping[str, Any]) -> list[Member]:
    package, _, go_name = name.rpartition(".")
    if package in other_structs:
        members = [Member(*row) for row in other_structs[package][go_name]]
        is_kind = any(member.go_type in ("v1.ObjectMeta", "v1.ListMeta") for member in members)
        return [*_TYPE_META, *members] if is_kind else members
    return list(_unfold(structs[_struct_name(name)], structs)) if _struct_name(name) in structs else []


_TYPE_META = [Member("kind", "string", 0, "TypeMeta"), Member("apiVersion", "string", 0, "TypeMeta")]


def _unfold(
    declared: tuple[GoField, ...], structs: Structs, embedded: tuple[str, ...] = (), numbers: tuple[int, ...] = ()
) -> Iterator[Member]:
    for go_field in declared:
        number = go_field.protobuf_number
        if go_field.is_inlined:
            inner = _unfold(structs[go_field.type.struct], structs, (*embedded, go_field.name), (*numbers, number))
            yield from inner if number else (replace(member, protobuf=0, protobuf_within=()) for member in inner)
        elif go_field.json_name and go_field.json_name != "-":
            text = go_field.type.text.removeprefix("*")
            yield Member(go_field.json_name, text, number, ".".join(embedded), numbers, go_field)


def _field(member: Member, property_: Property, required: bool, present: Mapping[str, Any]) -> Row:
    """What tells this field from an optional string: attributes of `fakekube.facts.Field` that are not their defaults."""
    attributes = property_.attributes
    strategy = attributes.get("patch-strategy", "")
    row: Row = {
        "shape": property_.shape,
        "type": property_.type,
        "ref": property_.ref,
        "format": property_.format,
        "go_type": member.go_type,
        "embedded": member.embedded,
        "required": required,
        "keeps_zero": member.name in present.get("keeps_zero", ()),
        "default": attributes.get("default"),
        "enum": attributes.get("enum", []),
        "list_type": attributes.get("list-type", ""),
        "list_map_keys": attributes.get("list-map-keys", []),
        "map_type": attributes.get("map-type", ""),
        "patch_strategy": strategy.split(",") if strategy else [],
        "patch_merge_key": attributes.get("patch-merge-key", ""),
        "protobuf": member.protobuf,
        "protobuf_within": list(member.protobuf_within),
    }
    if member.name in present.get("always", {}):
        row |= {"always": True, "empty": present["always"][member.name]}
    return _without_defaults(row)


def _field_of_struct(member: Member) -> Row:
    """The same for a type that OpenAPI does not describe: pointers keep a zero, fields without `omitempty` always appear."""
    go_field = member.declared
    assert go_field is not None
    go_type = go_field.type
    shape, type_, ref, format_ = _form(go_type)
    present: dict[str, Any] = {}
    options = go_field.json_options
    if "omitzero" not in options and ("omitempty" not in options or go_type.kind == "struct"):
        nothing = {"string": "", "bool": False, "int32": 0, "int64": 0, "struct": {} if type_ == "ref" else None}
        present["always"] = {member.name: nothing.get(go_type.kind)}
    if go_type.kind == "pointer":
        present["keeps_zero"] = [member.name]
    return _field(member, Property(shape, type_, ref, format_), False, present)


def _form(go_type: GoType) -> tuple[str, str, str, str]:
    """Shape, type, ref and format of a value of this Go type."""
    if go_type.kind == "pointer" and go_type.element:
        return _form(go_type.element)
    if go_type.kind == "slice" and go_type.element:
        if go_type.element.kind == "uint8":
            return "one", "bytes", "", "byte"
        return "list", *_form(go_type.element)[1:]
    if go_type.kind == "map" and go_type.element:
        return "map", *_form(go_type.element)[1:]
    if go_type.kind == "struct":
        name = _SPECIAL_STRUCTS.get(go_type.struct)
        if name:
            type_, format_, ref = SPECIAL_TYPES[name]
            return "one", type_, ref, format_
        return "one", "ref", _short_name_of_struct(go_type.struct), ""
    if go_type.kind in _SCALARS:
        return "one", _SCALARS[go_type.kind][0], "", _SCALARS[go_type.kind][1]
    return "one", "any", "", ""


def _short_name_of_struct(name: str) -> str:
    if name.startswith(_META):
        return "meta." + name.removeprefix(_META)
    return name.removeprefix(_API).replace("/", ".")


def _without_defaults(row: Row) -> Row:
    kept = {
        name: value
        for name, value in row.items()
        if name in ("always", "empty") or (name == "default" and value is not None) or (name != "default" and value)
    }
    for name, value in ("shape", "one"), ("type", "string"), ("go_type", "string"):
        if kept.get(name) == value:
            del kept[name]
    if kept.get("type") == "ref":
        del kept["type"]
    return kept
