"""DeviceClasses: a delete answers with the object that went."""

from __future__ import annotations

from fakekube.registry.kind import Strategy

STRATEGY = Strategy(returns_deleted_object=True)
