"""What the objects of a kind are to merges and field ownership."""

from __future__ import annotations

from functools import lru_cache

from fakekube.objects.typed_fields import Shape, shape_of, shape_of_schema
from fakekube.registry.kind import Kind


def shape_of_kind(kind: Kind) -> Shape:
    return shape_of(kind.type_name) if kind.type_name else _shape_of_custom(kind)


@lru_cache(maxsize=512)
def _shape_of_custom(kind: Kind) -> Shape:
    return shape_of_schema(kind.wire.schema)
