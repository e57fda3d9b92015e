"""Pods: what a new one begins with, what may change of it, and how long it has when it is deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fakekube.kinds import (
    container_spec,
    gated_fields,
    pod_annotations,
    pod_changes,
    pod_spec,
    pod_status,
    pod_templates,
    pod_warnings,
)
from fakekube.kinds.quality_of_service import quality_of_service
from fakekube.objects import fields
from fakekube.objects.field_errors import FieldError
from fakekube.registry.kind import Door, Object, Operation, Strategy

POD, POD_SPEC, POD_STATUS = "core.v1.Pod", "core.v1.PodSpec", "core.v1.PodStatus"
CONTAINER = "core.v1.Container"
GATED_MESSAGE = "Scheduling is blocked due to non-empty scheduling gates"
_TERMS = ("requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution")
_APPARMOR_TYPES = {"runtime/default": "RuntimeDefault", "unconfined": "Unconfined"}


def prepare_create(pod: Object, operation: Operation) -> None:
    spec = pod["spec"]
    gated_fields.drop_from_spec(spec)
    status: Object = {"phase": "Pending"}
    if spec.get("schedulingGates"):
        status["conditions"] = [
            {
                "type": "PodScheduled",
                "status": "False",
                "lastProbeTime": None,
                "lastTransitionTime": operation.now(),
                "reason": "SchedulingGated",
                "message": GATED_MESSAGE,
            }
        ]
    status["qosClass"] = (pod.get("status") or {}).get("qosClass") or quality_of_service(spec)
    fields.put(pod, "status", status, POD)
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        spec["terminationGracePeriodSeconds"] = 1
    _merge_match_label_keys(pod)
    _take_over_apparmor_annotations(pod)


def _merge_match_label_keys(pod: Object) -> None:
    """What `matchLabelKeys` name of the pod's own labels goes into the selectors, once, at creation."""
    spec = pod["spec"]
    labels = pod["metadata"].get("labels") or {}
    terms = list(spec.get("topologySpreadConstraints") or ())
    terms += _affinity_terms(spec.get("affinity") or {})
    for term in terms:
        selector = term.get("labelSelector")
        if selector is None:
            continue
        added = [
            {"key": key, "operator": operator, "values": [labels[key]]}
            for field, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn"))
            for key in term.get(field) or ()
            if key in labels
        ]
        if added:
            expressions = [*(selector.get("matchExpressions") or ()), *added]
            fields.put(selector, "matchExpressions", expressions, "meta.LabelSelector")


def _affinity_terms(affinity: Object) -> Iterator[Object]:
    for kind in ("podAffinity", "podAntiAffinity"):
        for field in _TERMS:
            for term in (affinity.get(kind) or {}).get(field) or ():
                yield term.get("podAffinityTerm", term)


def _take_over_apparmor_annotations(pod: Object) -> None:
    for _, container, profile in _apparmor_annotations(pod):
        if profile:
            context = container.get("securityContext") or {}
            fields.put(context, "appArmorProfile", profile, "core.v1.SecurityContext")
            fields.put(container, "securityContext", context, "core.v1.Container")


def early_warnings(pod: Object, *_: object) -> list[str]:
    """The annotations that have become fields: they are told of before they are fields."""
    return [
        f'metadata.annotations[{key}]: deprecated since v1.30; use the "appArmorProfile" field instead'
        for key, _, _ in _apparmor_annotations(pod)
    ]


def _apparmor_annotations(pod: Object) -> Iterator[tuple[str, Object, Object]]:
    """Each old annotation that counts: its key, its container, and the profile that it means; none if it means none."""
    annotations = pod["metadata"].get("annotations") or {}
    spec = pod["spec"]
    if fields.at(spec, "os.name") == "windows" or not any(
        key.startswith(pod_annotations.APPARMOR_OF_CONTAINER) for key in annotations
    ):
        return
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            key = pod_annotations.APPARMOR_OF_CONTAINER + container.get("name", "")
            if key not in annotations or fields.at(container, "securityContext.appArmorProfile") is not None:
                continue
            profile = _apparmor_profile(annotations[key])
            if not profile or profile != fields.at(spec, "securityContext.appArmorProfile"):
                yield key, container, profile


def _apparmor_profile(annotation: str) -> Object:
    if annotation in _APPARMOR_TYPES:
        return {"type": _APPARMOR_TYPES[annotation]}
    kind, _, name = annotation.partition("/")
    profile = {"type": "Localhost", "localhostProfile": name}
    return profile if kind == "localhost" and not container_spec.app_armor_profile(profile, "") else {}


def prepare_update(pod: Object, old: Object, operation: Operation) -> None:
    gated_fields.drop_from_spec(pod["spec"])


def prepare_status_update(pod: Object, old: Object, operation: Operation) -> None:
    pod_status.complete(pod, old)
    gated_fields.drop_from_status(pod.get("status"))


def _validate(pod: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    if annotations := pod["metadata"].get("annotations"):
        errors += pod_annotations.validate(annotations, pod["spec"], "metadata.annotations")
    return errors + pod_spec.validate(pod["spec"], "spec")


def validate_create(pod: Object) -> list[FieldError]:
    return _validate(pod) + pod_spec.validate_new_pod(pod["spec"])


def validate_update(pod: Object, old: Object) -> list[FieldError]:
    errors = _validate(pod)
    annotations, before = (each["metadata"].get("annotations") or {} for each in (pod, old))
    if annotations or before:
        errors += pod_annotations.validate_update(annotations, before)
    return errors + pod_changes.validate(pod["spec"], old["spec"])


def prepare_ephemeral_containers(pod: Object, old: Object, operation: Operation) -> None:
    """Through this door only new ephemeral containers come."""
    spec = dict(old["spec"])
    gated_fields.drop_from_spec(pod["spec"])
    fields.put_or_drop(spec, "ephemeralContainers", pod["spec"].get("ephemeralContainers"), POD_SPEC)
    _keep_all_but_spec(pod, old, spec)


def prepare_resize(pod: Object, old: Object, operation: Operation) -> None:
    """Through this door only resources come, and how each is resized; the rest is left aside without a word.

    Another number of containers is left to be refused, and so are others than those that are there.
    """
    sent, spec = pod["spec"], dict(old["spec"])
    if any(len(sent.get(field) or ()) != len(spec.get(field) or ()) for field in _RESIZED):
        return
    spec.pop("resources", None)
    if "resources" in sent:
        fields.put(spec, "resources", sent["resources"], POD_SPEC)
    for field in _RESIZED:
        if spec.get(field):
            fields.put(spec, field, _resized(sent[field], spec[field]), POD_SPEC)
    _keep_all_but_spec(pod, old, spec)


_RESIZED = ("initContainers", "containers")


def _resized(sent: Sequence[Object], present: Sequence[Object]) -> Sequence[Object]:
    """The present containers with the resources of those that are sent."""
    resized: list[Object] = []
    for new, old in zip(sent, present, strict=True):
        if new.get("name") != old.get("name"):
            return sent
        container = dict(old)
        for field in ("resources", "resizePolicy"):
            fields.put_or_drop(container, field, new.get(field), CONTAINER)
        if "resources" in old and "resources" not in container:
            fields.put(container, "resources", {}, CONTAINER)
        resized.append(container)
    return resized


def _keep_all_but_spec(pod: Object, old: Object, spec: Object) -> None:
    metadata = dict(old["metadata"])
    if spec != old["spec"]:
        metadata["generation"] = metadata.get("generation", 0) + 1
    pod["metadata"], pod["spec"] = metadata, spec
    fields.keep(pod, old, "status", POD)


def grace_period_s(pod: Object, asked: int | None) -> int:
    """A pod that is on no node or has ended goes at once; otherwise it has the seconds asked for or its own."""
    spec = pod["spec"]
    if not spec.get("nodeName") or fields.at(pod, "status.phase") in ("Succeeded", "Failed"):
        return 0
    period: int = spec.get("terminationGracePeriodSeconds", 0) if asked is None else asked
    return 1 if period < 0 else period


def warnings(pod: Object, old: Object | None) -> Sequence[str]:
    """Told at creation only."""
    if old is not None:
        return []
    told = pod_warnings.of_name(pod, "the Pod's hostname")
    return [*told, *pod_warnings.of_pod(pod["metadata"], pod["spec"])]


def _pod_ip(pod: Object) -> str:
    addresses = fields.at(pod, "status.podIPs")
    return str(addresses[0].get("ip", "")) if addresses else ""


_validate_create_once, _warnings_once = pod_templates.judged_once(validate_create, warnings)

STRATEGY = Strategy(
    set_defaults=pod_status.tell_address_twice,
    defaults_concern_status=False,  # who reports from within this process tells both
    prepare_create=prepare_create,
    keeps_of_sent_status=("qosClass",),
    prepare_update=prepare_update,
    prepare_status_update=prepare_status_update,
    validate_create=_validate_create_once,
    validate_update=validate_update,
    validate_status_update=pod_status.validate_update,
    early_warnings=early_warnings,
    warnings=_warnings_once,
    selectable_fields={
        "spec.nodeName": lambda pod: str(pod["spec"].get("nodeName", "")),
        "spec.host": lambda pod: str(pod["spec"].get("nodeName", "")),
        "spec.restartPolicy": lambda pod: str(pod["spec"].get("restartPolicy", "")),
        "spec.schedulerName": lambda pod: str(pod["spec"].get("schedulerName", "")),
        "spec.serviceAccountName": lambda pod: str(pod["spec"].get("serviceAccountName", "")),
        "spec.hostNetwork": lambda pod: "true" if pod["spec"].get("hostNetwork") else "false",
        "status.phase": lambda pod: fields.text_at(pod, "status.phase"),
        "status.podIP": _pod_ip,
        # Known and never filled in by the real server.
        "status.podIPs": lambda pod: "",
        "status.nominatedNodeName": lambda pod: fields.text_at(pod, "status.nominatedNodeName"),
    },
    doors={
        "ephemeralcontainers": Door(
            prepare=prepare_ephemeral_containers, validate=pod_changes.validate_ephemeral_containers
        ),
        "resize": Door(prepare=prepare_resize, validate=pod_changes.validate_resize),
        # What api/binding.py makes of a Binding is all let through.
        "binding": Door(prepare=lambda *_: None),
    },
    grace_period_s=grace_period_s,
    returns_deleted_object=True,
)
