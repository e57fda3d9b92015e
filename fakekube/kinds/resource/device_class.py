"""DeviceClasses: devices that have something in common, and how they are set up."""

from __future__ import annotations

from fakekube.kinds.device_rules import DEVICE_CLASS
from fakekube.objects.rules import table
from fakekube.registry.kind import Strategy

STRATEGY = Strategy(
    validate_create=table(*DEVICE_CLASS), validate_update=table(*DEVICE_CLASS), returns_deleted_object=True
)
