"""CSIDrivers: they begin without a generation and count from the first change."""

from __future__ import annotations

from fakekube.objects import fields
from fakekube.registry.kind import Object, Operation, Strategy


def prepare_update(driver: Object, old: Object, operation: Operation) -> None:
    if driver.get("spec") != old.get("spec"):
        generation = old["metadata"].get("generation", 0) + 1
        fields.put(driver["metadata"], "generation", generation, "meta.ObjectMeta")


STRATEGY = Strategy(prepare_update=prepare_update, returns_deleted_object=True)
