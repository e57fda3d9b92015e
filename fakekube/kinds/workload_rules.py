"""What the kinds with a pod template share: the template, the selector that must match it, numbers that may be percentages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fakekube.kinds import pod_annotations, pod_spec
from fakekube.objects import as_sent, metadata, rules
from fakekube.objects.field_errors import FieldError, forbidden, invalid, not_supported, required
from fakekube.objects.selectors import LabelSelector, label_selector_of
from fakekube.registry.kind import Object

MISMATCH = "`selector` does not match template `labels`"
_PERCENT = "[0-9]+%"


def template(value: Object, path: str) -> list[FieldError]:
    """A pod template."""
    spec = value.get("spec") or {}
    errors = described(value, path)
    errors += pod_spec.validate(spec, f"{path}.spec", template=True)
    if spec.get("ephemeralContainers"):
        place = f"{path}.spec.ephemeralContainers"
        errors.append(forbidden(place, "ephemeral containers not allowed in pod template"))
    return errors


def described(value: Object, path: str) -> list[FieldError]:
    """The metadata of a pod template, told without the word metadata."""
    metadata_ = value.get("metadata") or {}
    labels, annotations = metadata_.get("labels") or {}, metadata_.get("annotations") or {}
    errors = metadata.validate_labels(labels, f"{path}.labels")
    if annotations:
        errors += metadata.validate_annotations(annotations, f"{path}.annotations")
        errors += pod_annotations.validate(annotations, value.get("spec") or {}, f"{path}.annotations")
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
