"""Facts about Kubernetes v1.36: generated tables, read as frozen records. Nobody edits the tables; `tools/` writes them.

Each table is one compact JSON file beside this module, read when first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a type, as the server's Go struct and OpenAPI schema have it."""

    name: str
    """The JSON name."""
    shape: str
    """`one`, `list` or `map` (of strings to the element)."""
    type: str
    """The element: `string boolean integer number bytes time micro_time quantity int_or_string any object` or `ref`."""
    ref: str = ""
    """With type `ref`: the name of the type, `core.v1.Container`."""
    format: str = ""
    """`int32 int64 double date-time byte int-or-string` or empty."""
    go_type: str = ""
    """As Go's decoder names it in errors, pointers cut off: `[]v1.Container`, `map[string]string`, `v1.RestartPolicy`, `types.UID`."""
    embedded: str = ""
    """Go name of the embedded struct the field comes from (`VolumeSource`, `ProbeHandler`), which error paths show."""
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
    """Field number, 0 where the type has no protobuf form known here."""
    protobuf_within: tuple[int, ...] = ()
    """Numbers of the messages around it, outermost first: what Go embeds and JSON shows flat is a message of its own in protobuf
    (`Volume.hostPath` is field 1 of the VolumeSource in field 2: `(2,)`). `tools/data/protobuf-numbers.json` lists them."""


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
    """(group, version) in which its objects are stored."""
    name_rule: str
    """How metadata.name is checked: `subdomain`, `label`, `path segment` ... (validation-kinds.json)."""
    generation: str
    """`1` or `as sent` (defaults.yaml)."""
    generation_grows_with: tuple[str, ...]
    status_at_create: Any
    """None: the kind has no status."""
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
