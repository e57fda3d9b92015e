"""LimitRanges: one without a name is called by a UUID."""

from __future__ import annotations

from fakekube.objects import fields
from fakekube.registry.kind import Object, Operation, Strategy


def prepare_create(limit_range: Object, operation: Operation) -> None:
    metadata = limit_range["metadata"]
    if not metadata.get("name"):
        metadata.pop("name", None)
        fields.put(metadata, "name", operation.new_uid(), "meta.ObjectMeta")


STRATEGY = Strategy(prepare_create=prepare_create)
