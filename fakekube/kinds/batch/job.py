"""Jobs: the server writes the selector and the labels that tie pods to their Job, and lets little change.

https://kubernetes.io/docs/concepts/workloads/controllers/job/
"""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.kinds import gated_fields, job_rules, job_status, pod_warnings
from fakekube.kinds import workload_rules as workloads
from fakekube.objects import as_sent, fields, go_structs, names, rules
from fakekube.objects.field_errors import FieldError, invalid, required
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.objects.selectors import label_selector_of
from fakekube.registry.kind import Object, Operation, Strategy

_drop = gated_fields.of_template("spec.template")
SPEC, META = "batch.v1.JobSpec", "meta.ObjectMeta"
UID_LABEL, NAME_LABEL = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"
OLD_UID_LABEL, OLD_NAME_LABEL = "controller-uid", "job-name"
_FREE_WHILE_SUSPENDED = ("nodeSelector", "tolerations", "schedulingGates")
_NODES, _AFFINITY = "nodeAffinity", "core.v1.Affinity"


def generated_labels(job: Object) -> dict[str, str]:
    metadata = job["metadata"]
    uid, name = metadata["uid"], metadata.get("name", "")
    return {OLD_UID_LABEL: uid, OLD_NAME_LABEL: name, UID_LABEL: uid, NAME_LABEL: name}


def prepare_create(job: Object, operation: Operation) -> None:
    spec, metadata = job["spec"], job["metadata"]
    _drop(job)
    if spec.get("manualSelector"):
        return
    template = spec.get("template") or {}
    described = dict(template.get("metadata") or {})
    sent = described.get("labels") or {}
    labels = dict(sorted({**generated_labels(job), **sent}.items()))
    fields.put(described, "labels", labels, META)
    fields.put(template, "metadata", described, "core.v1.PodTemplateSpec")
    fields.put(spec, "template", template, SPEC)
    if sent and metadata.get("labels") == sent:
        # A Job without labels of its own shares those of its template.
        fields.put(metadata, "labels", dict(labels), META)
    selector = dict(spec.get("selector") or {})
    matched = {UID_LABEL: metadata["uid"], **(selector.get("matchLabels") or {})}
    fields.put(selector, "matchLabels", dict(sorted(matched.items())), "meta.LabelSelector")
    fields.put(spec, "selector", selector, SPEC)


def share_labels(job: Object, old: Object | None, operation: Operation) -> None:
    """A Job that has no labels has those of its template once it is read again, be they bad ones."""
    labels = fields.at(job, "spec.template.metadata.labels")
    if labels and not job["metadata"].get("labels"):
        fields.put(job["metadata"], "labels", dict(labels), META)


def validate_create(job: Object) -> list[FieldError]:
    return _generated(job) + validate_spec(job["spec"]) + _pod_names(job)


def _generated(job: Object, *, prefixed: bool = True) -> list[FieldError]:
    """What ties the pods to the Job; without the labels of today where the Job has been without."""
    spec = job["spec"]
    if spec.get("manualSelector") or spec.get("selector") is None:
        return []
    errors: list[FieldError] = []
    labels = workloads.labels_of(spec.get("template") or {})
    expected = {
        key: value for key, value in generated_labels(job).items() if prefixed or key in (OLD_UID_LABEL, OLD_NAME_LABEL)
    }
    for key, value in expected.items():
        place = f"spec.template.metadata.labels[{key}]"
        if key not in labels:
            errors.append(required(place, f"must be '{value}'"))
        elif labels[key] != value:
            errors.append(invalid(place, dict(sorted(labels.items())), f"must be '{value}'"))
    usable = workloads.usable_selector(spec["selector"])
    if usable is not None and not usable.matches(expected):
        errors.append(invalid("spec.selector", spec["selector"], "`selector` not auto-generated"))
    return errors


def validate_spec(spec: Object) -> list[FieldError]:
    errors = job_rules.validate(spec, "spec")
    selector = spec.get("selector")
    if selector is None:
        errors.append(required("spec.selector"))
    else:
        errors += rules.selector(selector, "spec.selector")
    usable = workloads.usable_selector(selector)
    return errors + workloads.mismatch(usable or label_selector_of({}), spec.get("template") or {}, "spec.template")


def _pod_names(job: Object) -> list[FieldError]:
    """The last pod of an indexed Job must be able to have its name."""
    spec, name = job["spec"], job["metadata"].get("name", "")
    completions = spec.get("completions") or 0
    if spec.get("completionMode") != "Indexed" or completions <= 0:
        return []
    pod = f"{name}-{completions - 1}"
    if not names.label(pod):
        return []
    return [invalid("metadata.name", name, f"will not able to create pod with invalid DNS label: {pod}")]


def validate_update_first(job: Object, old: Object) -> list[FieldError]:
    labels = workloads.labels_of(old["spec"].get("template") or {})
    errors = _generated(job, prefixed=UID_LABEL in labels and NAME_LABEL in labels)
    return errors + validate_spec(job["spec"]) + _pod_names(job)


def validate_update(job: Object, old: Object) -> list[FieldError]:
    spec, before = job["spec"], old["spec"]
    errors = validate_spec(spec)  # once more
    errors += _completions(spec, before)
    errors += rules.unchanged(spec.get("selector"), before.get("selector"), "spec.selector")
    errors += _template(spec, before, _waits(old))
    for field in ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"):
        if spec.get(field) != before.get(field):
            shown = as_sent.shown_at(spec, field)
            if field in _SHOWN_AS and shown is not None:
                shown = go_structs.shown(_SHOWN_AS[field], shown)
            errors.append(invalid(f"spec.{field}", shown, IMMUTABLE_TEXT))
    return errors


_SHOWN_AS = {"podFailurePolicy": "batch.PodFailurePolicy", "successPolicy": "batch.SuccessPolicy"}


def _completions(spec: Object, before: Object) -> list[FieldError]:
    new, old = spec.get("completions"), before.get("completions")
    if new == old:
        return []
    if spec.get("completionMode") != "Indexed":
        return [invalid("spec.completions", new, IMMUTABLE_TEXT)]
    if new is None or new == spec.get("parallelism"):
        return []
    return [invalid("spec.completions", new, "can only be modified in tandem with spec.parallelism")]


def _waits(job: Object) -> bool:
    """Whether a Job is suspended and its controller has seen it: then it has no pods."""
    status = job.get("status") or {}
    seen = any(
        each.get("type") == "Suspended" and each.get("status") == "True" for each in status.get("conditions") or ()
    )
    return bool(job["spec"].get("suspend")) and seen and not status.get("active")


def _template(spec: Object, before: Object, waits: bool) -> list[FieldError]:
    new, old = spec.get("template") or {}, before.get("template") or {}
    if new == old:
        return []
    if not waits:
        return [invalid("spec.template", job_rules.template_shown(new), IMMUTABLE_TEXT)]
    pod, was = dict(new.get("spec") or {}), old.get("spec") or {}
    for field in _FREE_WHILE_SUSPENDED:
        fields.keep(pod, was, field, "core.v1.PodSpec")
    # Of the affinity only where pods go is free; one that speaks of nodes alone is as good as none.
    affinity = dict(pod.get("affinity") or {})
    fields.keep(affinity, was.get("affinity") or {}, _NODES, _AFFINITY)
    fields.put_or_drop(pod, "affinity", affinity or was.get("affinity"), "core.v1.PodSpec")
    for field in ("containers", "initContainers"):
        if pod.get(field) and len(pod[field]) == len(was.get(field) or ()):
            pod[field] = [
                {**each, "resources": other.get("resources", {})} if each.get("name") == other.get("name") else each
                for each, other in zip(pod[field], was[field], strict=True)
            ]
    if pod == was:
        return []
    return [invalid("spec.template.spec", go_structs.shown("core.PodSpec", new.get("spec")), IMMUTABLE_TEXT)]


def warnings(job: Object, old: Object | None) -> Sequence[str]:
    return pod_warnings.of_workload(job, old, "spec.template")


STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_update=_drop,
    allocate=share_labels,
    validate_create=validate_create,
    validate_update_first=validate_update_first,
    validate_update=validate_update,
    validate_status_update=job_status.validate_update,
    warnings=warnings,
    selectable_fields={"status.successful": lambda job: fields.text_at(job, "status.succeeded") or "0"},
    default_propagation="Orphan",
)
