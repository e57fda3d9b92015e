"""CSIDrivers: what a driver can and wants. They begin without a generation and count from the first change."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.kinds.csi_names import driver_name
from fakekube.objects import fields, rules
from fakekube.objects.field_errors import FieldError, duplicate
from fakekube.registry.kind import Object, Operation, Strategy

SHORTEST_TOKEN_S, LONGEST_TOKEN_S = 600, 1 << 32
SHORTEST_UPDATE_PERIOD_S = 10


def prepare_update(driver: Object, old: Object, operation: Operation) -> None:
    if driver.get("spec") != old.get("spec"):
        generation = old["metadata"].get("generation", 0) + 1
        fields.put(driver["metadata"], "generation", generation, "meta.ObjectMeta")


def _audiences(spec: Object, path: str) -> list[FieldError]:
    audiences = [request.get("audience", "") for request in spec.get("tokenRequests") or ()]
    return [
        duplicate(f"{path}.tokenRequests[{i}].audience", audience)
        for i, audience in enumerate(audiences)
        if audience in audiences[:i]
    ]


_TOKEN_SECONDS = (
    rules.told("may not specify a duration less than 10 minutes", lambda seconds: seconds >= SHORTEST_TOKEN_S),
    rules.told("may not specify a duration larger than 2^32 seconds", lambda seconds: seconds <= LONGEST_TOKEN_S),
)
_SPEC = (
    ("attachRequired", rules.needed_part),
    ("podInfoOnMount", rules.needed_part),
    ("storageCapacity", rules.needed_part),
    ("fsGroupPolicy", rules.needed_one_of("File", "None", "ReadWriteOnceWithFSType")),
    _audiences,
    ("tokenRequests[].expirationSeconds", *_TOKEN_SECONDS),
    ("volumeLifecycleModes", rules.each_value(rules.always_one_of("Persistent", "Ephemeral"))),
    ("seLinuxMount", rules.needed_part),
    (
        "nodeAllocatableUpdatePeriodSeconds",
        rules.told("must be greater than or equal to 10 seconds", lambda seconds: seconds >= SHORTEST_UPDATE_PERIOD_S),
    ),
)


def validate(driver: Object) -> list[FieldError]:
    errors = driver_name(driver["metadata"].get("name", ""), "metadata.name")
    return errors + rules.check(driver.get("spec") or {}, _SPEC, "spec")


def validate_update(driver: Object, old: Object) -> list[FieldError]:
    new, before = driver.get("spec") or {}, old.get("spec") or {}
    # Kubernetes misspells the first of these.
    errors = rules.unchanged(new.get("attachRequired"), before.get("attachRequired"), "spec.attachedRequired")
    errors += rules.unchanged_at(driver, old, "spec.fsGroupPolicy", "spec.volumeLifecycleModes")
    return rules.check(new, _SPEC, "spec") + errors


_LOGGED = (
    "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true "
    "to prevent possible logging of tokens in volume attributes"
)


def warnings(driver: Object, old: Object | None) -> Sequence[str]:
    spec = driver.get("spec") or {}
    return [_LOGGED] if spec.get("tokenRequests") and spec.get("serviceAccountTokenInSecrets") is None else []


STRATEGY = Strategy(
    prepare_update=prepare_update,
    validate_create=validate,
    validate_update=validate_update,
    warnings=warnings,
    returns_deleted_object=True,
)
