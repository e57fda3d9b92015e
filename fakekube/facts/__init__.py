"""Facts about Kubernetes v1.36: generated tables, read as frozen records. Nobody edits the tables; `tools/` writes them.

Each table is one compact JSON file beside this module, read when first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a type, as the server's Go struct and OpenAPI schema have it."""

    name: str
    """The JSON name."""
    shape: str
    """`one`, `list`, `map` (of strings to the element) or `map_of_lists` (of strings to lists of it)."""
    type: str
    """The element: `string boolean integer number bytes time micro_time quantity int_or_string any object` or `ref`."""
    ref: str = ""
    """With type `ref`: the name of the type, `core.v1.Container`.
    With type `any`: that of an object which stands there (items and additionalProperties of a JSONSchemaProps, which may be a list or
    a boolean as well); unknown fields below it are dropped without a word."""
    format: str = ""
    """`int32 int64 double date-time byte int-or-string` or empty."""
    go_type: str = ""
    """As Go's decoder names it in errors, pointers cut off: `[]v1.Container`, `map[string]string`, `v1.RestartPolicy`, `types.UID`."""
    embedded: str = ""
    """Go name of the embedded struct the field comes from (`VolumeSource`, `ProbeHandler`, `TypeMeta`), which error paths show;
    with two levels `RuleWithOperations.Rule`."""
    required: bool = False
    keeps_zero: bool = False
    """Zero and absent are told apart (a Go pointer): a sent 0, false, "" or {} stays."""
    always: bool = False
    """The field stands in every answer, also when nothing was sent; `empty` is what stands there then."""
    empty: Any = None
    default: Any = None
    """The default declared in OpenAPI (`TCP`), None without one."""
    enum: tuple[str, ...] = ()
    list_type: str = ""
    """`atomic`, `set`, `map` or empty."""
    list_map_keys: tuple[str, ...] = ()
    map_type: str = ""
    patch_strategy: tuple[str, ...] = ()
    patch_merge_key: str = ""
    protobuf: int = 0
    """Field number, 0 where the field does not travel in protobuf (`kind` and `apiVersion`, Tables)."""
    protobuf_within: tuple[int, ...] = ()
    """Numbers of the messages around it, outermost first: what Go embeds and JSON shows flat is a message of its own in protobuf
    (`Volume.hostPath` is field 1 of the VolumeSource in field 2: `(2,)`)."""


@dataclass(frozen=True, slots=True)
class Type:
    """A struct type. `fields` stand in the order in which the server writes them."""

    name: str
    """`core.v1.Pod`, `meta.ObjectMeta`: the OpenAPI name without `io.k8s.api.` / `io.k8s.apimachinery.pkg.apis.meta.v1.`."""
    go_name: str
    """`Pod`, as decoding errors show it."""
    fields: Mapping[str, Field]
    map_type: str = ""


@dataclass(frozen=True, slots=True)
class SubresourceFacts:
    name: str
    kind: str
    group: str
    version: str
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResourceFacts:
    """A row of discovery, with what the server knows of the resource besides."""

    group: str
    version: str
    resource: str
    singular: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...]
    short_names: tuple[str, ...]
    categories: tuple[str, ...]
    storage_version_hash: str
    subresources: tuple[SubresourceFacts, ...]
    type_name: str
    stored_as: tuple[str, str]
    """(group, version) of the served resource whose objects it shows: its own, but `("", "v1")` for events.k8s.io."""
    name_rule: str
    """How metadata.name is checked: `subdomain`, `label`, `path segment` ... (validation-kinds.json)."""
    generation: str
    """`1` or `as sent` (defaults.yaml)."""
    generation_grows_with: tuple[str, ...]
    status_at_create: Any
    """What a fresh object's status is whatever was sent, without the members that the kind's code computes (`qosClass`); None: the kind
    has no status."""
    put_creates: bool
    put_needs_resource_version: bool
    status_write_takes_metadata: tuple[str, ...]
    field_selectors: tuple[str, ...]
    field_selector_error: str
    """With `{field}` for the field that is not known."""
    empty: Mapping[str, Any]
    """What an empty object of the kind always writes, as bookmarks show it."""
    columns: tuple[tuple[str, str, str, int, str], ...]
    """Table columns: name, type, format, priority, description (empty: no upstream sentence is kept)."""
    keeps_status_at_create: bool = False
    """A status that is sent stays (nodes), `status_at_create` stands only where none was."""
    other_known_versions: tuple[str, ...] = ()
    """Group versions of the kind that the server decodes although it does not serve them."""


@cache
def resources() -> tuple[ResourceFacts, ...]:
    """What the server serves, in the order of discovery: core first, then the groups as `/apis` has them."""
    return tuple(_resource(row) for row in _load("resources.json"))


@cache
def type_of(name: str) -> Type:
    """The type called `name`, `core.v1.Pod`. Raises KeyError where there is none."""
    row = _types()[name]
    fields = {field: _field(field, attributes) for field, attributes in row["fields"].items()}
    return Type(name=name, go_name=name.rpartition(".")[2], fields=fields, map_type=row.get("map_type", ""))


def has_type(name: str) -> bool:
    return name in _types()


def type_names() -> tuple[str, ...]:
    return tuple(_types())


def type_name_of_kind(group: str, version: str, kind: str) -> str:
    """The name of the type of a kind or of its list: `autoscaling.v1.Scale` for ("autoscaling", "v1", "Scale"); empty where there is none.

    Kinds that are the same in every group (DeleteOptions, WatchEvent) are called `meta.DeleteOptions` and are not looked up here.
    """
    return _kinds().get(f"{group}/{version}/{kind}", "")


def defaults(name: str) -> tuple[Mapping[str, Any], ...]:
    """The rules that fill in what an object of a type leaves out, in order; `fakekube.objects.defaults` knows their words."""
    return tuple(_defaults().get(name, ()))


def type_names_with_defaults() -> tuple[str, ...]:
    return tuple(_defaults())


@cache
def openapi_operations() -> Mapping[str, Any]:
    """Paths, parameters and actions of the OpenAPI documents: `path_parameters paths actions ...` of tools/data/openapi-operations.json."""
    table: Mapping[str, Any] = _load("openapi_operations.json")
    return table


@cache
def openapi_schemas() -> Mapping[str, Any]:
    """Every schema of the OpenAPI documents by short name, its properties as short codes (the note in tools/data/openapi-schemas.json)."""
    table: Mapping[str, Any] = _load("openapi_schemas.json")
    return table


def struct(name: str) -> Sequence[Sequence[str]]:
    """The fields of the server's own Go struct `core.PodSpec`, which error messages show: [Go name, type], in order.

    A type is `string`, `*int32`, `[]core.Container`, `map` ...; an empty name is an embedded struct. Raises KeyError.
    """
    fields: Sequence[Sequence[str]] = _structs()[name]
    return fields


def has_struct(name: str) -> bool:
    return name in _structs()


@cache
def unicode_classes() -> Mapping[str, Any]:
    """What Go's regular expressions know of Unicode: `version aliases folds` and each category and script by its name.

    `folds` are the texts of characters that are one but for case (`KkK`), `aliases` longer names (`Letter`: `L`). A class is a list of
    numbers in pairs: how many characters are skipped, how many follow that are in it.
    """
    table: Mapping[str, Any] = _load("unicode.json")
    return table


@cache
def _structs() -> dict[str, Any]:
    table: dict[str, Any] = _load("structs.json")
    return table


def _load(table: str) -> Any:
    return orjson.loads((_FOLDER / table).read_bytes())


@cache
def _types() -> dict[str, Any]:
    table: dict[str, Any] = _load("types.json")
    return table


@cache
def _kinds() -> dict[str, str]:
    table: dict[str, str] = _load("kinds.json")
    return table


@cache
def _defaults() -> dict[str, list[dict[str, Any]]]:
    table: dict[str, list[dict[str, Any]]] = _load("defaults.json")
    return table


def _field(name: str, attributes: Mapping[str, Any]) -> Field:
    """The record of a row, in which an optional string has no attributes; `empty` and `default` keep their JSON values."""
    type_ = attributes.get("type") or ("ref" if "ref" in attributes else "string")
    given = {
        attribute: tuple(value) if attribute in _TUPLES else value
        for attribute, value in attributes.items()
        if attribute != "type"
    }
    return Field(name=name, **({"shape": "one", "type": type_, "go_type": "string"} | given))


_TUPLES = frozenset({"enum", "list_map_keys", "patch_strategy", "protobuf_within"})


def _resource(row: Mapping[str, Any]) -> ResourceFacts:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    values["subresources"] = tuple(
        SubresourceFacts(**(entry | {"verbs": tuple(entry["verbs"])})) for entry in row["subresources"]
    )
    values["columns"] = tuple(tuple(column) for column in row["columns"])
    return ResourceFacts(**values)
