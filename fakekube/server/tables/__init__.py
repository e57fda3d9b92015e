"""Objects as the rows of a `meta.k8s.io` Table, and as their metadata alone: what `kubectl get` asks for and prints.

Which columns a kind has is a fact; what stands in them is declared in the files beside this one, a kind at a time.
https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal

from fakekube import facts
from fakekube.errors import BadRequest
from fakekube.objects.field_errors import go_quoted
from fakekube.objects.yaml import with_sorted_keys
from fakekube.registry.kind import Kind, Object, Subresource
from fakekube.server.tables import cluster, network, pods, storage, workloads
from fakekube.server.tables.cells import NAME, Cell, Rows, RowsOfKinds, get
from fakekube.server.tables.custom import custom_columns
from fakekube.server.tables.descriptions import describe
from fakekube.server.tables.printer import Column, Printer

__all__ = [
    "Column",
    "IncludeObject",
    "Printer",
    "check_include_object",
    "columns_of",
    "custom_columns",
    "partial_object_metadata",
    "printer_of",
    "table",
]

Version = Literal["v1", "v1beta1"]
IncludeObject = Literal["Metadata", "Object", "None"]


TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
"""An annotation that is a field inside the real server: it is no part of the metadata there."""

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
"""The annotation of the bookmark that ends the initial events of a watch."""


def table(
    kind: Kind | Subresource,
    objects: Sequence[Object],
    *,
    version: Version,
    include_object: IncludeObject,
    metadata: Mapping[str, Any],
    now: datetime,
    with_columns: bool = True,
    printer: Printer | None = None,
    stored: Sequence[Object] | None = None,
) -> dict[str, Any]:
    """The objects, in the form in which `kind` serves them, as one Table with a row for each.

    `stored` are the same objects as they are stored, where they are: cells and metadata are read there, and converted objects have lost
    something on the way.

    `metadata` is the table's: `resourceVersion`, for lists `continue` and `remainingItemCount` too. A watch sends the columns
    with its first event alone (`columnDefinitions: null`). `now` is an aware time. Custom resources bring their own `printer`
    (`custom_columns`).
    """
    printer = printer or printer_of(kind)
    if stored is None:
        stored_form = _stored_form(kind)
        stored = objects if stored_form is None else [stored_form(object) for object in objects]
    pairs: Iterable[tuple[Object, Object]] = zip(objects, stored, strict=True)
    if printer.order is not None:
        order = printer.order
        pairs = sorted(pairs, key=lambda pair: order(pair[1]))
    rows = []
    for object, shown in pairs:
        given = shown if printer.read is None else printer.read(shown)
        row: dict[str, Any] = {"cells": [read(given, now) for read in printer.cells]}
        if printer.conditions is not None and (conditions := printer.conditions(shown)):
            row["conditions"] = conditions
        row["object"] = (
            _whole(kind, object) if include_object == "Object" else _metadata_of(shown, version, include_object)
        )
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": metadata,
        "columnDefinitions": printer.column_definitions if with_columns else None,
        "rows": rows,
    }


def _whole(kind: Kind | Subresource, object: Object) -> Object:
    """What has no Go type is a map to the server, which writes maps in the order of their keys."""
    is_map = isinstance(kind, Kind) and not kind.wire.is_typed
    return with_sorted_keys(copy.deepcopy(object)) if is_map else object


def _metadata_of(object: Object, version: Version, include_object: IncludeObject) -> Object | None:
    annotations = (object.get("metadata") or {}).get("annotations") or {}
    if include_object == "Metadata" or annotations.get(INITIAL_EVENTS_END) == "true":
        # The mark stands in an annotation, so that it is shown to those, too, who want to see no objects.
        return partial_object_metadata(object, version)
    return None


def partial_object_metadata(object: Object, version: Version) -> dict[str, Any]:
    """The metadata of an object as it is stored."""
    metadata = object.get("metadata") or {}
    if object.get("kind") == "DaemonSet" and TEMPLATE_GENERATION in (metadata.get("annotations") or {}):
        metadata = dict(metadata)
        others = {name: value for name, value in metadata["annotations"].items() if name != TEMPLATE_GENERATION}
        if others:
            metadata["annotations"] = others
        else:
            del metadata["annotations"]
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": metadata,
    }


def check_include_object(value: str) -> IncludeObject:
    """What `?includeObject=value` means. Raises BadRequest."""
    match value:
        case "":
            return "Metadata"
        case "Metadata" | "Object" | "None":
            return value
    raise BadRequest(
        f"Unable to convert to Table as requested: includeObject: Invalid value: {go_quoted(value)}: "
        "must be 'Metadata', 'Object', 'None', or empty"
    )


def columns_of(kind: Kind | Subresource) -> tuple[Column, ...]:
    return printer_of(kind).columns


def printer_of(kind: Kind | Subresource) -> Printer:
    """The printer of a kind, or of what a subresource answers with (Scale)."""
    if isinstance(kind, Kind) and kind.wire.printer_columns is not None:
        return custom_columns(kind.wire.printer_columns)
    if isinstance(kind, Subresource) and kind.printer_columns is not None:
        return custom_columns(kind.printer_columns)
    return _builtin_printer(kind)


@cache
def _builtin_printer(kind: Kind | Subresource) -> Printer:
    rows = _rows_of(kind)
    cells = tuple(cell.read for cell in rows.cells.values())
    return Printer(tuple(_columns(kind, rows)), cells, rows.order, rows.conditions, rows.read)


def _rows_of(kind: Kind | Subresource) -> Rows:
    return _ROWS.get((_group_version(kind)[0], kind.kind), _NAME_AND_CREATION)


def _group_version(kind: Kind | Subresource) -> tuple[str, str]:
    """Two group versions of one object (events, autoscalers) share the rows of the one that is stored."""
    return kind.facts.stored_as if isinstance(kind, Kind) else (kind.group, kind.version)


def _columns(kind: Kind | Subresource, rows: Rows) -> list[Column]:
    if isinstance(kind, Kind) and kind.facts.columns:
        shapes = [(name, type, format, priority) for name, type, format, priority, *_ in kind.facts.columns]
    else:
        shapes = [(name, cell.type, "", 0) for name, cell in rows.cells.items()]
    type_name = facts.type_name_of_kind(*_group_version(kind), kind.kind)
    return [
        Column(name, type, format, _description(type_name, rows.cells.get(name)), priority)
        for name, type, format, priority in shapes
    ]


def _description(type_name: str, cell: Cell | None) -> str:
    if cell is None or not cell.about:
        return ""
    if cell.about.startswith("metadata."):
        return describe("meta.ObjectMeta", cell.about.removeprefix("metadata."))
    return describe(type_name, cell.about) if type_name else ""


def _stored_form(kind: Kind | Subresource) -> Callable[[Object], Object] | None:
    """How an object of a kind that is stored in another group version is turned into what its rows are written for."""
    return kind.strategy.to_storage if isinstance(kind, Kind) and not kind.is_stored_form else None


def _created_at(object: Object, now: datetime) -> str:
    time = get(object, "metadata", "creationTimestamp")
    return str(time) if time else "0001-01-01T00:00:00Z"


_NAME_AND_CREATION = Rows(
    {"Name": NAME, "Created At": Cell(_created_at, "metadata.creationTimestamp", "date")},
)
"""Kinds that show nothing of their own: roles, limit ranges, custom resource definitions."""

_ROWS: RowsOfKinds = {**pods.ROWS, **workloads.ROWS, **network.ROWS, **storage.ROWS, **cluster.ROWS}
