"""PodSecurity: pods must be as safe as their namespace asks; writers of templates are warned.

https://kubernetes.io/docs/concepts/security/pod-security-admission/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from fakekube.admission.attributes import Attributes
from fakekube.admission.pod_security_checks import LATEST, Violation, reasons, told, violations
from fakekube.errors import Invalid
from fakekube.kinds.pod_security_labels import LEVELS, PREFIX, is_version
from fakekube.kinds.pod_security_labels import validate as validate_labels
from fakekube.objects import fields
from fakekube.objects.field_errors import invalid_object
from fakekube.registry.kind import Object

_TEMPLATES: Mapping[tuple[str, str], str] = {
    ("", "replicationcontrollers"): "spec.template",
    ("", "podtemplates"): "template",
    ("apps", "deployments"): "spec.template",
    ("apps", "replicasets"): "spec.template",
    ("apps", "statefulsets"): "spec.template",
    ("apps", "daemonsets"): "spec.template",
    ("batch", "jobs"): "spec.template",
    ("batch", "cronjobs"): "spec.jobTemplate.spec.template",
}
_NAMESPACES = ("", "namespaces")
_PODS = ("", "pods")
MOST_WARNINGS = 5


def validate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    """Raises Forbidden for a pod, Invalid for a namespace that asks for what there is not."""
    if attributes.operation not in ("CREATE", "UPDATE"):
        return
    which = (attributes.kind.group, attributes.kind.resource)
    if which == _NAMESPACES:
        if not attributes.subresource:
            _namespace(obj, old, attributes)
        return
    is_pod = which == _PODS
    if not is_pod and (which not in _TEMPLATES or attributes.subresource):
        return
    namespace = attributes.get("", "namespaces", "", attributes.namespace)
    labels = (namespace or {"metadata": {}})["metadata"].get("labels") or {}
    if not any(label.startswith(PREFIX) for label in labels):
        return
    if is_pod:
        if attributes.subresource in ("", "ephemeralcontainers", "resize") and _matters(obj, old):
            _pod(obj, labels, attributes)
        return
    template = fields.at(obj, _TEMPLATES[which]) or {}
    level, minor, name = _warned(labels)
    found = violations(template.get("metadata") or {}, template.get("spec") or {}, level, minor)
    if found:
        attributes.warn(f'would violate PodSecurity "{name}": {told(found)}')


def _pod(pod: Object, labels: Mapping[str, str], attributes: Attributes) -> None:
    level, minor, name = _asked(labels, "enforce")
    found = violations(pod["metadata"], pod["spec"], level, minor)
    if found:
        raise attributes.forbidden(f'violates PodSecurity "{name}": {told(found)}')
    level, minor, name = _warned(labels)
    found = violations(pod["metadata"], pod["spec"], level, minor)
    if found:
        attributes.warn(f'would violate PodSecurity "{name}": {told(found)}')


def _matters(pod: Object, old: Object | None) -> bool:
    """A change of a pod is looked at where it brings containers or images, and nowhere else."""
    if old is None:
        return True
    if any(_images(pod, field) != _images(old, field) for field in ("containers", "initContainers")):
        return True
    return not set(_images(pod, "ephemeralContainers")) <= set(_images(old, "ephemeralContainers"))


def _images(pod: Object, field: str) -> list[tuple[str, str]]:
    """The containers of a pod, each with its name and image."""
    return [(each.get("name", ""), each.get("image", "")) for each in pod["spec"].get(field) or ()]


def _asked(labels: Mapping[str, str], mode: str) -> tuple[str, int, str]:
    """(level, minor version, how both are told); what is wrong counts as the most that can be asked."""
    level, version = labels.get(f"{PREFIX}{mode}", "privileged"), labels.get(f"{PREFIX}{mode}-version", "latest")
    if level not in LEVELS:
        level = "restricted" if mode == "enforce" else "privileged"
    if not is_version(version):
        version = "latest"
    return level, LATEST if version == "latest" else int(version.removeprefix("v1.")), f"{level}:{version}"


def _warned(labels: Mapping[str, str]) -> tuple[str, int, str]:
    """What writers are warned of; where only `enforce` is set it is that."""
    if f"{PREFIX}warn" in labels:
        return _asked(labels, "warn")
    return _asked(labels, "enforce")


def _namespace(namespace: Object, old: Object | None, attributes: Attributes) -> None:
    labels = namespace["metadata"].get("labels") or {}
    errors = validate_labels(labels)
    if errors:
        refusal: Invalid = invalid_object("", "Namespace", namespace["metadata"]["name"], errors)
        raise refusal
    if old is None:
        return
    before = _asked(old["metadata"].get("labels") or {}, "enforce")
    level, minor, name = now = _asked(labels, "enforce")
    if now[:2] == before[:2] or level == "privileged" or LEVELS.index(level) < LEVELS.index(before[0]):
        return
    _warn_of_present_pods(namespace["metadata"]["name"], level, minor, name, attributes)


def _warn_of_present_pods(namespace: str, level: str, minor: int, name: str, attributes: Attributes) -> None:
    first: dict[str, str] = {}
    number: Counter[str] = Counter()
    for pod in attributes.list("", "pods", namespace):
        found: list[Violation] = violations(pod["metadata"], pod["spec"], level, minor)
        if found:
            first.setdefault(reasons(found), pod["metadata"]["name"])
            number[reasons(found)] += 1
    if not first:
        return
    attributes.warn(f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{name}"')
    for why, pod_name in sorted(first.items(), key=lambda each: each[1]):
        others = number[why] - 1
        more = f" (and {others} other pod{'' if others == 1 else 's'})" if others else ""
        attributes.warn(f"{pod_name}{more}: {why}")
