"""Namespaces: `kubernetes` holds them until they are empty, and only /finalize lets go."""

from __future__ import annotations

from fakekube.objects import fields
from fakekube.objects.field_errors import FieldError, invalid
from fakekube.objects.metadata import FOREGROUND_FINALIZER, NAMESPACE_FINALIZER, ORPHAN_FINALIZER
from fakekube.objects.names import qualified_name
from fakekube.registry.kind import Door, Object, Operation, Strategy

NAMESPACE = "core.v1.Namespace"
NAME_LABEL = "kubernetes.io/metadata.name"
_STANDARD_FINALIZERS = (NAMESPACE_FINALIZER, ORPHAN_FINALIZER, FOREGROUND_FINALIZER)


def prepare_create(namespace: Object, operation: Operation) -> None:
    finalizers = fields.at(namespace, "spec.finalizers") or []
    if NAMESPACE_FINALIZER not in finalizers:
        fields.put(namespace, "spec", {"finalizers": [*finalizers, NAMESPACE_FINALIZER]}, NAMESPACE)
    _label(namespace)


def prepare_update(namespace: Object, old: Object, operation: Operation) -> None:
    fields.keep(namespace, old, "spec", NAMESPACE)
    _label(namespace)


def _label(namespace: Object) -> None:
    """The label is always there and always right; a generated name is known only now. A name that is missing is refused later."""
    metadata = namespace["metadata"]
    labels, name = metadata.get("labels") or {}, metadata.get("name", "")
    if labels.get(NAME_LABEL) != name:
        labels = dict(sorted({**labels, NAME_LABEL: name}.items()))
        fields.put(metadata, "labels", labels, "meta.ObjectMeta")


def finalize(namespace: Object, old: Object, operation: Operation) -> None:
    fields.keep(namespace, old, "status", NAMESPACE)
    _label(namespace)


def validate_create(namespace: Object) -> list[FieldError]:
    return _validate_finalizers(namespace, indexed=False)


def validate_update_first(namespace: Object, old: Object) -> list[FieldError]:
    return validate_create(namespace)


def validate_finalize(namespace: Object, old: Object) -> list[FieldError]:
    return _validate_finalizers(namespace, indexed=True)


def _validate_finalizers(namespace: Object, *, indexed: bool) -> list[FieldError]:
    errors = []
    for i, finalizer in enumerate(fields.at(namespace, "spec.finalizers") or ()):
        path = f"spec.finalizers[{i}]" if indexed else "spec.finalizers"
        errors += [invalid(path, finalizer, text) for text in qualified_name(finalizer)]
        if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
            errors.append(
                invalid(path, finalizer, "name is neither a standard finalizer name nor is it fully qualified")
            )
    return errors


def validate_status_update(namespace: Object, old: Object) -> list[FieldError]:
    phase = fields.text_at(namespace, "status.phase")
    if "deletionTimestamp" in namespace["metadata"]:
        if phase == "Terminating":
            return []
        return [invalid("status.Phase", phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")]
    if phase == "Active":
        return []
    return [invalid("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty")]


def mark_deleted(namespace: Object) -> None:
    namespace["metadata"].pop("deletionGracePeriodSeconds", None)
    fields.put(namespace, "status", {**(namespace.get("status") or {}), "phase": "Terminating"}, NAMESPACE)


def holds_deletion(namespace: Object) -> bool:
    return bool(fields.at(namespace, "spec.finalizers"))


STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate_create=validate_create,
    validate_update_first=validate_update_first,
    validate_status_update=validate_status_update,
    selectable_fields={"status.phase": lambda namespace: fields.text_at(namespace, "status.phase")},
    doors={"finalize": Door(prepare=finalize, validate=validate_finalize)},
    mark_deleted=mark_deleted,
    holds_deletion=holds_deletion,
    returns_deleted_object=True,
)
