"""ResourceSlices: found by the node and the driver that offer them."""

from __future__ import annotations

from fakekube.objects import fields
from fakekube.registry.kind import Strategy

STRATEGY = Strategy(
    selectable_fields={
        "spec.nodeName": lambda each: fields.text_at(each, "spec.nodeName"),
        "spec.driver": lambda each: fields.text_at(each, "spec.driver"),
    },
    returns_deleted_object=True,
)
