"""StatefulSets: what they may say, and the few fields of them that may change."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.kinds import gated_fields, pod_volumes, pod_warnings, replica_counters
from fakekube.kinds import workload_rules as workloads
from fakekube.objects import as_sent, fields, go_structs, names, rules
from fakekube.objects.field_errors import FieldError, forbidden, invalid
from fakekube.registry.kind import Object, Strategy

_drop = gated_fields.of_template("spec.template")
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
)


def prepare(stateful_set: Object, *_: object) -> None:
    """Without the features of v1.36 that are off, of which one is here."""
    _drop(stateful_set)
    rolling = fields.at(stateful_set, "spec.updateStrategy.rollingUpdate")
    if rolling:
        rolling.pop("maxUnavailable", None)


def validate(stateful_set: Object) -> list[FieldError]:
    return _validate(stateful_set.get("spec") or {}, is_new=True)


def _validate(spec: Object, *, is_new: bool) -> list[FieldError]:
    """What cannot change any more is asked of new ones only."""
    errors: list[FieldError] = []
    policy = spec.get("podManagementPolicy", "")
    if policy not in ("OrderedReady", "Parallel"):
        errors.append(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    errors += _update_strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    errors += rules.check(spec, _EARLY_ROWS, "spec")
    claims = spec.get("volumeClaimTemplates") or []
    for i, claim in enumerate(claims if is_new else ()):
        errors += pod_volumes.claim_spec(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{i}].spec")
    errors += rules.check(spec, _NUMBER_ROWS, "spec")
    if is_new:
        errors += rules.named(names.label)(spec.get("serviceName"), "spec.serviceName")
    selector, template = spec.get("selector"), spec.get("template") or {}
    errors += workloads.needed_selector(selector, "statefulset")
    usable = workloads.usable_selector(selector)
    if usable is None:
        errors.append(invalid("spec.selector", as_sent.shown_at(spec, "selector"), ""))
    else:
        errors += workloads.mismatch(usable, template, "spec.template")
        errors += workloads.template(_as_run(template, claims), "spec.template")
        # Kubernetes asks this twice.
        errors += workloads.described(template, "spec.template")
    return errors + workloads.long_running(template, "spec.template", "StatefulSet")


def _as_run(template: Object, claims: Sequence[Object]) -> Object:
    """The template as the controller will use it: volumes of the claims first, in place of their namesakes, and names of its own."""
    spec = template.get("spec") or {}
    if not claims and not spec.get("hostname") and not spec.get("subdomain"):
        return template
    claimed = list(dict.fromkeys(fields.text_at(claim, "metadata.name") for claim in claims))
    volumes = [
        *({"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claimed),
        *(volume for volume in spec.get("volumes") or () if volume.get("name", "") not in claimed),
    ]
    return {**template, "spec": {**spec, "hostname": "", "subdomain": "", "volumes": volumes}}


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
    return rules.non_negative((rolling or {}).get("partition"), f"{path}.rollingUpdate.partition")


def validate_update(stateful_set: Object, old: Object) -> list[FieldError]:
    errors = _validate(stateful_set.get("spec") or {}, is_new=False)
    new, before = ({k: v for k, v in each["spec"].items() if k not in _MAY_CHANGE} for each in (stateful_set, old))
    return errors if new == before else [*errors, forbidden("spec", _FROZEN)]


validate_status = replica_counters.stateful_set


def warnings(stateful_set: Object, old: Object | None) -> Sequence[str]:
    told = pod_warnings.of_owner(stateful_set, old, "spec.template")
    spec = stateful_set.get("spec") or {}
    for i, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        # The paths are not quite those of the spec.
        place = f"spec.volumeClaimTemplates[{i}]"
        told += pod_volumes.claim_warnings(claim.get("spec") or {}, place if old is None else f"{place}.Spec")
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        text = "a negative value retains all historical revisions; a value >= 0 is recommended"
        told.append(f"spec.revisionHistoryLimit: {text}")
    return told


STRATEGY = Strategy(
    prepare_create=prepare,
    prepare_update=prepare,
    validate_create=validate,
    validate_update=validate_update,
    validate_status_update=validate_status,
    warnings=warnings,
)
