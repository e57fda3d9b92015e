"""StatefulSets: what they may say, and the few fields of them that may change."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.kinds import pod_volumes, pod_warnings, replica_counters
from fakekube.kinds import workload_rules as workloads
from fakekube.objects import fields, go_structs, names, rules
from fakekube.objects.field_errors import FieldError, forbidden, invalid
from fakekube.registry.kind import Object, Strategy

_MAY_CHANGE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_FROZEN = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_EARLY_ROWS = (
    ("persistentVolumeClaimRetentionPolicy.whenDeleted", rules.one_of("Retain", "Delete")),
    ("persistentVolumeClaimRetentionPolicy.whenScaled", rules.one_of("Retain", "Delete")),
)
_NUMBER_ROWS = (
    ("replicas", rules.non_negative),
    ("minReadySeconds", rules.non_negative),
    ("ordinals.start", rules.non_negative),
    ("serviceName", rules.named(names.label)),
)


def validate(stateful_set: Object) -> list[FieldError]:
    spec = stateful_set.get("spec") or {}
    errors: list[FieldError] = []
    policy = spec.get("podManagementPolicy", "")
    if policy not in ("OrderedReady", "Parallel"):
        errors.append(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    errors += _update_strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    errors += rules.check(spec, _EARLY_ROWS, "spec")
    claims = spec.get("volumeClaimTemplates") or []
    for i, claim in enumerate(claims):
        errors += pod_volumes.claim_spec(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{i}].spec")
    errors += rules.check(spec, _NUMBER_ROWS, "spec")
    selector, template = spec.get("selector"), spec.get("template") or {}
    errors += workloads.needed_selector(selector, "statefulset")
    usable = workloads.usable_selector(selector)
    if usable is None:
        return [*errors, invalid("spec.selector", selector, "invalid label selector")]
    errors += workloads.mismatch(usable, template, "spec.template")
    claimed = [fields.text_at(claim, "metadata.name") for claim in claims]
    errors += workloads.template(template, "spec.template", claims=claimed)
    return errors + workloads.long_running(template, "spec.template", "StatefulSet")


def _update_strategy(strategy: Object, path: str) -> list[FieldError]:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind == "OnDelete":
        if rolling is None:
            return []
        shown = go_structs.shown("apps.RollingUpdateStatefulSetStrategy", rolling)
        return [invalid(f"{path}.rollingUpdate", shown, "only allowed for updateStrategy 'RollingUpdate'")]
    if kind != "RollingUpdate":
        shown = go_structs.shown("apps.StatefulSetUpdateStrategy", strategy)
        return [invalid(path, shown, "must be 'RollingUpdate' or 'OnDelete'")]
    rolling = rolling or {}
    errors = rules.non_negative(rolling.get("partition"), f"{path}.rollingUpdate.partition")
    unavailable, place = rolling.get("maxUnavailable"), f"{path}.rollingUpdate.maxUnavailable"
    errors += rules.number_or_percent(unavailable, place)
    if unavailable is not None and not workloads.amount(unavailable):
        errors.append(invalid(place, unavailable, "cannot be 0"))
    return errors + rules.at_most_all(unavailable, place)


def validate_update(stateful_set: Object, old: Object) -> list[FieldError]:
    errors = validate(stateful_set)
    new, before = ({k: v for k, v in each["spec"].items() if k not in _MAY_CHANGE} for each in (stateful_set, old))
    return errors if new == before else [*errors, forbidden("spec", _FROZEN)]


validate_status = replica_counters.stateful_set


def warnings(stateful_set: Object, old: Object | None) -> Sequence[str]:
    told = pod_warnings.of_owner(stateful_set, old, "spec.template")
    spec = stateful_set.get("spec") or {}
    for i, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        # The path is that of the claim and not of its spec.
        told += pod_volumes.claim_warnings(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{i}]")
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        text = "a negative value retains all historical revisions; a value >= 0 is recommended"
        told.append(f"spec.revisionHistoryLimit: {text}")
    return told


STRATEGY = Strategy(
    validate_create=validate,
    validate_update=validate_update,
    validate_status_update=validate_status,
    warnings=warnings,
)
