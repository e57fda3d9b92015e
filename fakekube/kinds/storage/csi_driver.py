"""CSIDrivers: what a driver can and wants. They begin without a generation and count from the first change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fakekube.objects import fields, rules
from fakekube.objects.field_errors import FieldError, duplicate, invalid, not_supported
from fakekube.registry.kind import Object, Operation, Strategy

SHORTEST_TOKEN_S, LONGEST_TOKEN_S = 600, 1 << 32
SHORTEST_UPDATE_PERIOD_S = 10


_NOT_YET_SERVED = "preventPodSchedulingIfMissing"


def prepare_create(driver: Object, operation: Operation) -> None:
    (driver.get("spec") or {}).pop(_NOT_YET_SERVED, None)


def prepare_update(driver: Object, old: Object, operation: Operation) -> None:
    prepare_create(driver, operation)
    if driver.get("spec") != old.get("spec"):
        generation = old["metadata"].get("generation", 0) + 1
        fields.put(driver["metadata"], "generation", generation, "meta.ObjectMeta")


_TOKEN_SECONDS = (
    rules.told("may not specify a duration less than 10 minutes", lambda seconds: seconds >= SHORTEST_TOKEN_S),
    rules.told("may not specify a duration larger than 2^32 seconds", lambda seconds: seconds <= LONGEST_TOKEN_S),
)


def _tokens(value: Any, path: str) -> list[FieldError]:
    """Tokens for audiences; of one that was there before nothing else is looked at."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, request in enumerate(value or ()):
        audience = request.get("audience", "")
        if audience in seen:
            errors.append(duplicate(f"{path}[{i}].audience", audience))
        else:
            errors += rules.check(request, (("expirationSeconds", *_TOKEN_SECONDS),), f"{path}[{i}]")
        seen.add(audience)
    return errors


_MODES = ("Persistent", "Ephemeral")


def _modes(value: Any, path: str) -> list[FieldError]:
    return [not_supported(path, mode, _MODES) for mode in value or () if mode not in _MODES]


def _in_secrets(spec: Object, path: str) -> list[FieldError]:
    said = spec.get("serviceAccountTokenInSecrets")
    if said is None or spec.get("tokenRequests"):
        return []
    detail = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
    return [invalid(f"{path}.serviceAccountTokenInSecrets", said, detail)]


_SPEC = (
    ("podInfoOnMount", rules.needed_part),
    ("storageCapacity", rules.needed_part),
    ("fsGroupPolicy", rules.always_one_of("File", "None", "ReadWriteOnceWithFSType")),
    ("tokenRequests", _tokens),
    ("volumeLifecycleModes", _modes),
    ("seLinuxMount", rules.needed_part),
    (
        "nodeAllocatableUpdatePeriodSeconds",
        rules.told("must be greater than or equal to 10 seconds", lambda seconds: seconds >= SHORTEST_UPDATE_PERIOD_S),
    ),
    _in_secrets,
)


def validate(driver: Object) -> list[FieldError]:
    return rules.check(driver.get("spec") or {}, _SPEC, "spec")


def validate_update(driver: Object, old: Object) -> list[FieldError]:
    new, before = driver.get("spec") or {}, old.get("spec") or {}
    # Kubernetes misspells the first of these.
    errors = rules.unchanged(new.get("attachRequired"), before.get("attachRequired"), "spec.attachedRequired")
    errors += rules.unchanged_at(driver, old, "spec.volumeLifecycleModes")
    return rules.check(new, _SPEC, "spec") + errors


_LOGGED = (
    "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true "
    "to prevent possible logging of tokens in volume attributes"
)


def warnings(driver: Object, old: Object | None) -> Sequence[str]:
    spec = driver.get("spec") or {}
    requests = spec.get("tokenRequests")
    if not requests or requests == fields.at(old or {}, "spec.tokenRequests"):
        return []
    return [_LOGGED] if spec.get("serviceAccountTokenInSecrets") is None else []


STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate_create=validate,
    validate_update=validate_update,
    warnings=warnings,
    returns_deleted_object=True,
)
