"""Which objects of a collection a list, a watch or a deletecollection means."""

from __future__ import annotations

from fakekube.objects.selectors import FieldSelector, LabelSelector
from fakekube.registry.kind import Kind
from fakekube.storage.store import Stored


class Selection:
    """Label and field selectors of one request, applied to stored objects."""

    __slots__ = ("_fields", "_kind", "_labels", "everything")

    def __init__(self, kind: Kind, labels: LabelSelector, fields: FieldSelector) -> None:
        self._kind = kind
        self._labels = labels
        self._fields = fields
        self.everything = labels.everything and fields.everything

    def matches(self, stored: Stored) -> bool:
        if self.everything:
            return True
        if not self._labels.everything and not self._labels.matches(stored.labels):
            return False
        return self._fields.everything or self._fields.matches(lambda field: self._value(stored, field))

    def _value(self, stored: Stored, field: str) -> str:
        if field == "metadata.name":
            return stored.name
        if field == "metadata.namespace":
            return stored.namespace
        return self._kind.strategy.selectable_fields[field](stored.value)
