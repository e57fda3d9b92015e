"""DaemonSets: an annotation of old counts the generations of the template."""

from __future__ import annotations

from fakekube.objects import fields
from fakekube.registry.kind import Object, Operation, Strategy

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def prepare_create(daemon_set: Object, operation: Operation) -> None:
    sent = (daemon_set["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "")
    _note(daemon_set, max(1, _number(sent)))


def prepare_update(daemon_set: Object, old: Object, operation: Operation) -> None:
    """No client changes the number; the template does."""
    before = _number((old["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, ""))
    changed = fields.at(daemon_set, "spec.template") != fields.at(old, "spec.template")
    _note(daemon_set, before + 1 if changed else before)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0


def _note(daemon_set: Object, generation: int) -> None:
    metadata = daemon_set["metadata"]
    annotations = {**(metadata.get("annotations") or {}), TEMPLATE_GENERATION: str(generation)}
    fields.put(metadata, "annotations", dict(sorted(annotations.items())), "meta.ObjectMeta")


STRATEGY = Strategy(prepare_create=prepare_create, prepare_update=prepare_update)
