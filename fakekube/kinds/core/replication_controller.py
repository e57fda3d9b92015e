"""ReplicationControllers: deleting one leaves its pods."""

from __future__ import annotations

from fakekube.objects import fields
from fakekube.registry.kind import Strategy

STRATEGY = Strategy(
    default_propagation="Orphan",
    selectable_fields={"status.replicas": lambda controller: fields.text_at(controller, "status.replicas") or "0"},
)
