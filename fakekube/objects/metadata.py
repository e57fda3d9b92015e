"""Whether `metadata` of an object is acceptable, at its creation and when it is changed.

The order of the errors and their repetition are the API server's: an update is checked by the generic registry and again by the kind,
so one bad label is told several times in `details.causes` (and once in the message).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fakekube.facts import ResourceFacts
from fakekube.objects import names
from fakekube.objects.field_errors import FieldError, forbidden, go_quoted, invalid, required, too_long

Metadata = Mapping[str, Any]

ANNOTATIONS_MOST_BYTES = 256 * 1024
ORPHAN_FINALIZER = "orphan"
FOREGROUND_FINALIZER = "foregroundDeletion"
NAMESPACE_FINALIZER = "kubernetes"
STANDARD_FINALIZERS = frozenset({ORPHAN_FINALIZER, FOREGROUND_FINALIZER, NAMESPACE_FINALIZER})
_UNFIT_OWNERS = frozenset({("v1", "Event")})
_TAKE_ANY_FINALIZER = frozenset(
    {
        ("", "events"),
        ("coordination.k8s.io", "leases"),
        ("policy", "poddisruptionbudgets"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("apiregistration.k8s.io", "apiservices"),
        ("node.k8s.io", "runtimeclasses"),
        ("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    }
)
"""Kinds that take a finalizer without a domain, as custom resources do."""

_CHANGE, _WHOLE, _NOTHING = "change", "whole", ""
_Looks = tuple[str, ...]
_USUAL_LOOKS: _Looks = (_CHANGE,)
_LOOKS: Mapping[_Looks, Mapping[str, str]] = {
    (_CHANGE, _WHOLE): {
        "": "configmaps secrets serviceaccounts pods persistentvolumeclaims endpoints",
        "apps": "controllerrevisions",
        "apiregistration.k8s.io": "apiservices",
        "networking.k8s.io": "ingresses ingressclasses",
        "storage.k8s.io": "volumeattributesclasses",
    },
    (_WHOLE,): {
        "": "limitranges",
        "admissionregistration.k8s.io": "mutatingadmissionpolicies mutatingadmissionpolicybindings "
        "mutatingwebhookconfigurations validatingadmissionpolicies validatingadmissionpolicybindings "
        "validatingwebhookconfigurations",
        "discovery.k8s.io": "endpointslices",
        "flowcontrol.apiserver.k8s.io": "flowschemas prioritylevelconfigurations",
        "storage.k8s.io": "csinodes volumeattachments",
    },
    (_WHOLE, _CHANGE): {
        "": "namespaces nodes",
        "batch": "jobs",
        "certificates.k8s.io": "certificatesigningrequests certificatesigningrequests/status "
        "certificatesigningrequests/approval",
        "networking.k8s.io": "ipaddresses",
        "node.k8s.io": "runtimeclasses",
        "rbac.authorization.k8s.io": "clusterrolebindings clusterroles rolebindings roles",
        "resource.k8s.io": "deviceclasses resourceclaims resourceclaimtemplates",
        "storage.k8s.io": "csistoragecapacities storageclasses",
    },
    (_WHOLE, _WHOLE): {"": "persistentvolumes"},
    (_NOTHING, _CHANGE): {"events.k8s.io": "events"},
    (): {"": "events", "batch": "cronjobs/status", "policy": "poddisruptionbudgets poddisruptionbudgets/status"},
}
"""How often a kind looks at changed metadata itself, and whether at what changed or at the whole as at creation. By group and resource, or
by `resource/subresource` for what is written through one; for all others it is what changed, once."""
_LOOKS_OF: Mapping[tuple[str, str], _Looks] = {
    (group, resource): looks
    for looks, groups in _LOOKS.items()
    for group, resources in groups.items()
    for resource in resources.split()
}
_CREATED_UNCHECKED = frozenset({("", "events"), ("policy", "poddisruptionbudgets")})
"""Kinds that leave the check of metadata to the generic one, which comes after theirs and only if that found nothing."""
_NAMED_ANYHOW = frozenset({("certificates.k8s.io", "certificatesigningrequests")})
"""Kinds that leave only the name to it."""
_DECLARED_NAMES = frozenset({("", "replicationcontrollers"), ("resource.k8s.io", "deviceclasses")})
"""Kinds whose names are judged by what is declared of their types."""
_IMMUTABLE = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")

_EMPTY = {"name": "", "namespace": "", "uid": ""}
"""What messages show of those of them that are texts, where there is none."""

NON_NEGATIVE_TEXT = "must be greater than or equal to 0"
IMMUTABLE_TEXT = "field is immutable"


def validate_create(facts: ResourceFacts, metadata: Metadata) -> list[FieldError]:
    """What is wrong with the metadata of a new object, its name already generated."""
    rule = "long name" if (facts.group, facts.resource) in _DECLARED_NAMES else facts.name_rule
    errors = _validate(metadata, names.rule(rule), facts.namespaced, "metadata")
    return errors + _unqualified_finalizers(facts, metadata)


def told_together(
    facts: ResourceFacts, first: Sequence[FieldError], errors: list[FieldError], others: Sequence[FieldError]
) -> Sequence[FieldError]:
    """All that is wrong with a new object: `errors` are those of the metadata, the others those that the kind finds before and after.

    Some kinds leave metadata to a generic check that comes last, and only where all else is right.
    """
    resource = (facts.group, facts.resource)
    if resource in _CREATED_UNCHECKED and (first or others):
        return [*first, *others]
    if resource in _NAMED_ANYHOW and others:
        errors = [each for each in errors if each.field != "metadata.name" or each.reason == "FieldValueRequired"]
    return [*first, *errors, *others]


def validate_update(
    facts: ResourceFacts, new: Metadata, old: Metadata, subresource: str = ""
) -> tuple[list[FieldError], list[FieldError]]:
    """What is wrong with changed metadata: what is told before all else, and what a kind tells that looks at it a second time.

    The first are those of the generic full check, of the generic check of the change, and of the kind's own first look.
    """
    errors = _validate(new, _stored_name, facts.namespaced, "metadata")
    change = _validate_change(new, old, "metadata")
    errors += change
    place = f"{facts.resource}/{subresource}" if subresource else facts.resource
    again: list[FieldError] = []
    for turn, look in enumerate(_LOOKS_OF.get((facts.group, place), _USUAL_LOOKS)):
        if look != _NOTHING:
            found = validate_create(facts, new) if look == _WHOLE else change + _unqualified_finalizers(facts, new)
            (again if turn else errors).extend(found)
    return errors, again


def _stored_name(name: str, prefix: bool) -> list[str]:
    return names.path_segment_prefix(name) if prefix else names.path_segment(name)


def _validate(metadata: Metadata, name_rule: names.NameRule, namespaced: bool, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if generate_name := metadata.get("generateName"):
        errors += [invalid(f"{path}.generateName", generate_name, text) for text in name_rule(generate_name, True)]
    name = metadata.get("name")
    if not name:
        errors.append(required(f"{path}.name", "name or generateName is required"))
    else:
        if texts := name_rule(name, False):
            errors += [invalid(f"{path}.name", name, text) for text in texts]
    namespace = metadata.get("namespace")
    if not namespaced:
        if namespace:
            errors.append(forbidden(f"{path}.namespace", "not allowed on this type"))
    elif not namespace:
        errors.append(required(f"{path}.namespace"))
    elif texts := names.label(namespace):
        errors += [invalid(f"{path}.namespace", namespace, text) for text in texts]
    if (generation := metadata.get("generation")) is not None and generation < 0:
        errors.append(invalid(f"{path}.generation", generation, NON_NEGATIVE_TEXT))
    errors += _labels_annotations_owners(metadata, path)
    if finalizers := metadata.get("finalizers"):
        errors += validate_finalizers(finalizers, f"{path}.finalizers")
    return errors


def validate_embedded(metadata: Metadata, path: str) -> list[FieldError]:
    """What is wrong with the metadata of an object within an object, which needs no name."""
    named = {**metadata, "name": metadata.get("name") or "named"}
    return _validate(named, _stored_name, bool(metadata.get("namespace")), path)


def _labels_annotations_owners(metadata: Metadata, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if labels := metadata.get("labels"):
        errors += validate_labels(labels, f"{path}.labels")
    if annotations := metadata.get("annotations"):
        errors += validate_annotations(annotations, f"{path}.annotations")
    if owners := metadata.get("ownerReferences"):
        errors += _validate_owners(owners, f"{path}.ownerReferences")
    return errors


def validate_labels(labels: Mapping[str, str], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for key, value in labels.items():
        if texts := names.qualified_name(key):
            errors += [invalid(path, key, text) for text in texts]
        if texts := names.label_value(value):
            errors += [invalid(path, value, text) for text in texts]
    return errors


def validate_annotations(annotations: Mapping[str, str], path: str) -> list[FieldError]:
    """Keys are judged in lower case, values may be anything as long as all of it is not too much."""
    errors: list[FieldError] = []
    size = 0
    for key, value in annotations.items():
        errors += [invalid(path, key, text) for text in names.qualified_name(key.lower())]
        size += len(key.encode()) + len(value.encode())
    if size > ANNOTATIONS_MOST_BYTES:
        errors.append(too_long(path, ANNOTATIONS_MOST_BYTES))
    return errors


def _validate_owners(owners: Sequence[Metadata], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    controller = ""
    for owner in owners:
        api_version = owner.get("apiVersion", "")
        kind = owner.get("kind", "")
        if api_version.count("/") > 1 or not api_version.rpartition("/")[2]:
            errors.append(invalid(f"{path}.apiVersion", api_version, "version must not be empty"))
        for field in ("kind", "name", "uid"):
            if not owner.get(field):
                errors.append(invalid(f"{path}.{field}", owner.get(field, ""), "must not be empty"))
        if (api_version, kind) in _UNFIT_OWNERS:
            group, _, version = api_version.rpartition("/")
            errors.append(
                invalid(path, _owner(owner), f"{group}/{version}, Kind={kind} is disallowed from being an owner")
            )
        if owner.get("controller"):
            name = f"{kind}/{owner.get('name', '')}"
            if controller:
                detail = f'Only one reference can have Controller set to true. Found "true" in references for {controller} and {name}'
                errors.append(invalid(path, [_owner(shown) for shown in owners], detail))
            else:
                controller = name
    return errors


_OWNER_FIELDS = ("controller", "blockOwnerDeletion")


def _owner(owner: Metadata) -> dict[str, Any]:
    """The reference as Go writes it: four fields always, the others when they are set."""
    shown = {field: owner.get(field, "") for field in ("apiVersion", "kind", "name", "uid")}
    return shown | {field: owner[field] for field in _OWNER_FIELDS if owner.get(field) is not None}


def validate_template(described: Metadata, path: str) -> list[FieldError]:
    """What is wrong with the metadata of a claim that is yet to be made from its template: it may have labels and annotations."""
    errors = validate_annotations(described.get("annotations") or {}, f"{path}.annotations")
    errors += validate_labels(described.get("labels") or {}, f"{path}.labels")
    return errors + [
        forbidden(f"{path}.{told}", "cannot be set")
        for field, told in _NOT_IN_TEMPLATES.items()
        # A grace of no seconds is a pointer to Go, and so is there.
        if described.get(field) or (field == "deletionGracePeriodSeconds" and described.get(field) is not None)
    ]


_NOT_IN_TEMPLATES = {
    field: "uID" if field == "uid" else field
    for field in (
        *("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation"),
        *("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"),
        *("ownerReferences", "finalizers", "managedFields"),
    )
}
"""By field, what messages call it: its Go name with a small letter in front."""


def validate_finalizers(finalizers: Sequence[str], path: str) -> list[FieldError]:
    errors = [invalid(path, finalizer, text) for finalizer in finalizers for text in names.qualified_name(finalizer)]
    if ORPHAN_FINALIZER in finalizers and FOREGROUND_FINALIZER in finalizers:
        detail = f"finalizer {ORPHAN_FINALIZER} and {FOREGROUND_FINALIZER} cannot be both set"
        errors.append(invalid(path, list(finalizers), detail))
    return errors


def _unqualified_finalizers(facts: ResourceFacts, metadata: Metadata) -> list[FieldError]:
    finalizers = metadata.get("finalizers")
    if not finalizers or (facts.group, facts.resource) in _TAKE_ANY_FINALIZER or not facts.type_name:
        return []
    detail = "name is neither a standard finalizer name nor is it fully qualified"
    return [
        invalid(f"metadata.finalizers[{i}]", finalizer, detail)
        for i, finalizer in enumerate(finalizers)
        if "/" not in finalizer and finalizer not in STANDARD_FINALIZERS
    ]


def _validate_change(new: Metadata, old: Metadata, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if old.get("deletionTimestamp"):
        errors += _new_finalizers(new.get("finalizers") or (), old.get("finalizers") or (), f"{path}.finalizers")
    if (new.get("generation") or 0) < (old.get("generation") or 0):
        errors.append(invalid(f"{path}.generation", new.get("generation") or 0, "must not be decremented"))
    for field in _IMMUTABLE:
        if new.get(field) != old.get(field):
            errors.append(invalid(f"{path}.{field}", new.get(field, _EMPTY.get(field)), IMMUTABLE_TEXT))
    return errors + _labels_annotations_owners(new, path)


def _new_finalizers(new: Sequence[str], old: Sequence[str], path: str) -> list[FieldError]:
    added = sorted(set(new) - set(old))
    if not added:
        return []
    listed = ", ".join(go_quoted(finalizer) for finalizer in added)
    detail = "no new finalizers can be added if the object is being deleted, found new finalizers"
    return [forbidden(path, f"{detail} []string{{{listed}}}")]


def drop_duplicate_owners(metadata: dict[str, Any]) -> list[str]:
    """Leaves one of several equal owner references; the uids that were there more than once, one for each reference left out."""
    owners = metadata.get("ownerReferences") or ()
    kept: list[Any] = []
    doubled: list[str] = []
    for owner in owners:
        if owner in kept:
            doubled.append(owner.get("uid", ""))
        else:
            kept.append(owner)
    if doubled:
        metadata["ownerReferences"] = kept
    return doubled


def duplicate_owners_warning(uids: Sequence[str], *, after_admission: bool = False) -> str:
    """`uids` as `drop_duplicate_owners` tells them. `after_admission`: a patch, whose owners are looked at late."""
    when = "after mutating admission happens" if after_admission else ""
    entries = f"duplicate entries {when}" if when else "duplicate entries"
    return (
        f".metadata.ownerReferences contains {entries}; API server dedups owner references in 1.20+, and may reject such requests as "
        f"early as 1.24; please fix your requests; duplicate UID(s) observed: {', '.join(uids)}"
    )
