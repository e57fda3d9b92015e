"""CertificateSigningRequests: they say who asked, never change, and are approved and signed through doors of their own."""

from __future__ import annotations

from fakekube.objects import fields
from fakekube.registry.kind import Door, Object, Operation, Strategy

REQUEST = "certificates.v1.CertificateSigningRequest"
SPEC = "certificates.v1.CertificateSigningRequestSpec"
STATUS = "certificates.v1.CertificateSigningRequestStatus"
CONDITION = "certificates.v1.CertificateSigningRequestCondition"
DECISIONS = ("Approved", "Denied")


def prepare_create(request: Object, operation: Operation) -> None:
    """Whoever sends the request is the one who asks, whatever is written in it."""
    spec, user = request["spec"], operation.user
    fields.put_or_drop(spec, "username", user.name, SPEC)
    fields.put_or_drop(spec, "uid", user.uid, SPEC)
    fields.put_or_drop(spec, "groups", list(user.groups), SPEC)
    fields.put_or_drop(spec, "extra", {key: list(values) for key, values in sorted(user.extra.items())}, SPEC)


def prepare_update(request: Object, old: Object, operation: Operation) -> None:
    request["spec"] = old["spec"]


def prepare_status_update(request: Object, old: Object, operation: Operation) -> None:
    """Decisions are made at /approval: here they stay as they were."""
    conditions = fields.at(request, "status.conditions") or []
    decided = [each for each in fields.at(old, "status.conditions") or () if each.get("type") in DECISIONS]
    others = [each for each in conditions if each.get("type") not in DECISIONS]
    status = request.get("status") or {}
    fields.put_or_drop(status, "conditions", [*decided, *others], STATUS)
    fields.put(request, "status", status, REQUEST)
    _fill_in_times(request, old, operation)


def prepare_approval(request: Object, old: Object, operation: Operation) -> None:
    conditions = fields.at(request, "status.conditions")
    status = dict(old.get("status") or {})
    fields.put_or_drop(status, "conditions", conditions, STATUS)
    request["spec"] = old["spec"]
    fields.put(request, "status", status, REQUEST)
    _fill_in_times(request, old, operation)


def _fill_in_times(request: Object, old: Object, operation: Operation) -> None:
    before = {each.get("type"): each for each in fields.at(old, "status.conditions") or ()}
    for condition in fields.at(request, "status.conditions") or ():
        known = before.get(condition.get("type"))
        if known == condition:
            continue
        if not condition.get("lastUpdateTime"):
            fields.put(condition, "lastUpdateTime", operation.now(), CONDITION)
        if not condition.get("lastTransitionTime"):
            same = known is not None and known.get("status") == condition.get("status")
            time = known.get("lastTransitionTime") if known is not None and same else None
            fields.put(condition, "lastTransitionTime", time or operation.now(), CONDITION)


STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    prepare_status_update=prepare_status_update,
    selectable_fields={"spec.signerName": lambda request: fields.text_at(request, "spec.signerName")},
    doors={"approval": Door(prepare=prepare_approval)},
)
