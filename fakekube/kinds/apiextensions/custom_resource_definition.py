"""CustomResourceDefinitions: status is the server's, the storage version is remembered, and a deleted one waits for its objects.

https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/
"""

from __future__ import annotations

from typing import Any

from fakekube.kinds.apiextensions import definition_rules
from fakekube.objects import fields
from fakekube.registry.kind import Object, Operation, Strategy

TYPE = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"
FINALIZER = "customresourcecleanup.apiextensions.k8s.io"


def prepare_create(definition: Object, operation: Operation) -> None:
    status = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": None}
    fields.put(definition, "status", status, TYPE)
    _remember_storage_version(definition)


def prepare_update(definition: Object, old: Object, operation: Operation) -> None:
    _remember_storage_version(definition)


def prepare_status_update(definition: Object, old: Object, operation: Operation) -> None:
    if not fields.at(definition, "status.storedVersions"):
        _remember_storage_version(definition)


def _remember_storage_version(definition: Object) -> None:
    """Every version that ever was the storage version stands in status."""
    versions = fields.at(definition, "spec.versions") or ()
    storage = next((version.get("name", "") for version in versions if version.get("storage")), None)
    status = definition.get("status") or {}
    stored = status.get("storedVersions") or []
    if storage is not None and storage not in stored:
        definition["status"] = {**status, "storedVersions": [*stored, storage]}


def set_condition(status: Object, type: str, value: str, reason: str, message: str, now: str) -> list[Object]:
    """The conditions with one of them set: at its place, or behind the others. Its time stays as long as its value does."""
    conditions: list[Object] = list(status.get("conditions") or ())
    present: Any = next((each for each in conditions if each["type"] == type), None)
    since = present["lastTransitionTime"] if present is not None and present["status"] == value else now
    condition = {"type": type, "status": value, "lastTransitionTime": since, "reason": reason, "message": message}
    if present is None:
        return [*conditions, condition]
    return [condition if each is present else each for each in conditions]


def mark_deleted(definition: Object) -> None:
    """The finalizer comes only now, behind those of others."""
    metadata = definition["metadata"]
    metadata.pop("deletionGracePeriodSeconds", None)
    # Unlike other objects a definition does not count its end as a change.
    metadata["generation"] -= 1
    finalizers = metadata.get("finalizers", [])
    if FINALIZER not in finalizers:
        fields.put(metadata, "finalizers", [*finalizers, FINALIZER], "meta.ObjectMeta")
    message = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    status = definition["status"]
    conditions = set_condition(
        status, "Terminating", "True", "InstanceDeletionPending", message, metadata["deletionTimestamp"]
    )
    definition["status"] = {**status, "conditions": conditions}


STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    prepare_status_update=prepare_status_update,
    validate_create=definition_rules.validate_create,
    validate_update=definition_rules.validate_update,
    validate_status_update=definition_rules.validate_status_update,
    warnings=definition_rules.warnings,
    mark_deleted=mark_deleted,
)
