"""What the kinds with a pod template share: the template, the selector that must match it, numbers that may be percentages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fakekube.kinds import pod_annotations, pod_spec
from fakekube.objects import as_sent, metadata, rules
from fakekube.objects.field_errors import FieldError, forbidden, invalid, not_supported, required
from fakekube.objects.selectors import LabelSelector, label_selector_of
from fakekube.registry.kind import Object

MISMATCH = "`selector` does not match template `labels`"
_PERCENT = "[0-9]+%"


def template(value: Object, path: str, *, claims: Sequence[str] = ()) -> list[FieldError]:
    """A pod template; its metadata is told without the word metadata. `claims` are volumes that come from claim templates."""
    described = value.get("metadata") or {}
    errors = metadata.validate_labels(described.get("labels") or {}, f"{path}.labels")
    errors += metadata.validate_annotations(described.get("annotations") or {}, f"{path}.annotations")
    spec = value.get("spec") or {}
    if described.get("annotations"):
        errors += pod_annotations.validate(described["annotations"], spec, f"{path}.annotations")
    if claims:
        volumes = [
            *(spec.get("volumes") or ()),
            *({"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims),
        ]
        spec = {**spec, "volumes": volumes}
    errors += pod_spec.validate(spec, f"{path}.spec", template=True)
    if spec.get("ephemeralContainers"):
        place = f"{path}.spec.ephemeralContainers"
        errors.append(forbidden(place, "ephemeral containers not allowed in pod template"))
    return errors


def labels_of(template: Object) -> Mapping[str, str]:
    return (template.get("metadata") or {}).get("labels") or {}


def mismatch(selector: LabelSelector | None, value: Object, path: str) -> list[FieldError]:
    """Whether the template's labels are what the selector asks for; an empty selector asks for nothing."""
    if selector is None or selector.everything:
        return []
    labels = labels_of(value)
    if selector.matches(labels):
        return []
    shown = dict(sorted(labels.items())) or as_sent.shown_at(value, "metadata.labels")
    return [invalid(f"{path}.metadata.labels", shown, MISMATCH)]


def usable_selector(selector: Object | None) -> LabelSelector | None:
    """The selector, None where it is too wrong to be used."""
    if selector is not None and rules.selector(selector, ""):
        return None
    return label_selector_of(selector)


def long_running(value: Object, path: str, owner: str) -> list[FieldError]:
    """Pods of a controller that keeps them alive are always restarted and have no deadline."""
    spec = value.get("spec") or {}
    errors = []
    policy = spec.get("restartPolicy", "")
    if policy != "Always":
        errors.append(not_supported(f"{path}.spec.restartPolicy", policy, ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        detail = f"activeDeadlineSeconds in {owner} is not Supported"
        errors.append(forbidden(f"{path}.spec.activeDeadlineSeconds", detail))
    return errors


def needed_selector(selector: Object | None, word: str) -> list[FieldError]:
    """`word` is how the message calls the kind."""
    if selector is None:
        return [required("spec.selector")]
    errors = rules.selector(selector, "spec.selector")
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        errors.append(invalid("spec.selector", {}, f"empty selector is invalid for {word}"))
    return errors


def amount(value: Any) -> int:
    """The number in front: 25 of `25%`; 0 of what is neither."""
    if isinstance(value, str):
        return int(value[:-1]) if re.fullmatch(_PERCENT, value) else 0
    return int(value or 0)
