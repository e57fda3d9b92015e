"""A kind's columns and cells, ready to print rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from fakekube.registry.kind import Object
from fakekube.server.tables.cells import Read
from fakekube.server.tables.descriptions import describe


class Column(NamedTuple):
    """A `metav1.TableColumnDefinition`; columns with a priority above 0 are shown by `kubectl get -o wide` alone."""

    name: str
    type: str
    format: str
    description: str
    priority: int


@dataclass(frozen=True)
class Printer:
    columns: tuple[Column, ...]
    cells: tuple[Read, ...]
    order: Callable[[Object], Any] | None = None
    conditions: Callable[[Object], list[dict[str, str]]] | None = None
    read: Callable[[Object], Object] | None = None

    @cached_property
    def column_definitions(self) -> list[dict[str, Any]]:
        """As they are sent; shared, not to be changed."""
        return [column._asdict() for column in self.columns]


def name_column() -> Column:
    return Column("Name", "string", "name", describe("meta.ObjectMeta", "name"), 0)
