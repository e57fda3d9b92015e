"""CertificateSigningRequests: they say who asked, never change, and are approved and signed through doors of their own."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from typing import Any

from fakekube.kinds.certificates import signing_requests
from fakekube.objects import as_sent, fields, names, rules
from fakekube.objects.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    go_quoted,
    invalid,
    required,
)
from fakekube.registry.kind import Door, Object, Operation, Strategy

REQUEST = "certificates.v1.CertificateSigningRequest"
SPEC = "certificates.v1.CertificateSigningRequestSpec"
STATUS = "certificates.v1.CertificateSigningRequestStatus"
CONDITION = "certificates.v1.CertificateSigningRequestCondition"
DECISIONS = ("Approved", "Denied")
FINAL = (*DECISIONS, "Failed")
"""Conditions that are never taken back."""


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
    """Decisions stay what they are; only more or fewer of them are refused."""
    for type in DECISIONS:
        made, sent = ([each for each in _conditions_of(one) if each.get("type") == type] for one in (old, request))
        if len(made) == len(sent):
            for mine, theirs in zip(sent, made, strict=True):
                mine.clear()
                mine.update(theirs)
    _fill_in_times(request, old, operation)


def prepare_approval(request: Object, old: Object, operation: Operation) -> None:
    conditions = fields.at(request, "status.conditions")
    status = dict(old.get("status") or {})
    fields.put_or_drop(status, "conditions", conditions, STATUS)
    request["spec"] = old["spec"]
    fields.put(request, "status", status, REQUEST)
    _fill_in_times(request, old, operation)


def _conditions_of(request: Object) -> Sequence[Object]:
    return fields.at(request, "status.conditions") or ()


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


USAGES = (
    *("any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment"),
    *("decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel"),
    *("ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime"),
    *("server auth", "signing", "timestamping"),
)
LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
MOST_SIGNER_BYTES = 571
SHORTEST_S = 600


def _request(request: Object, _: str) -> list[FieldError]:
    why = signing_requests.why_no_request(base64.b64decode(fields.text_at(request, "spec.request")))
    return [invalid("spec.request", as_sent.shown_at(request, "spec.request"), why)] if why else []


def _usages(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    return rules.each_value(rules.always_one_of(*USAGES))(value, path) + rules.unique(value, path)


def _signer_name(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    if value == LEGACY_SIGNER:
        return [invalid(path, value, "the legacy signerName is not allowed via this API version")]
    domain, slash, name = value.partition("/")
    if not slash or "/" in name:
        detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [invalid(path, value, detail)]
    errors = rules.no_longer_than(names.SUBDOMAIN_MOST_CHARACTERS)(domain, path)
    for part, label, rule in (
        *((domain, label, names.label) for label in domain.split(".")),
        *((name, label, names.subdomain) for label in name.split(".")),
    ):
        errors += [invalid(path, part, f"validating label {go_quoted(label)}: {text}") for text in rule(label)]
    if "." not in domain:
        errors.append(invalid(path, domain, "should be a domain with at least two segments separated by dots"))
    return errors + rules.no_longer_than(MOST_SIGNER_BYTES)(value, path)


_SHORT = f"may not specify a duration less than {SHORTEST_S} seconds (10 minutes)"

validate_create = rules.table(
    _request,
    ("spec.usages", _usages),
    ("spec.signerName", _signer_name),
    ("spec.expirationSeconds", rules.told(_SHORT, lambda seconds: seconds >= SHORTEST_S)),
)


def validate_approval(request: Object, old: Object) -> list[FieldError]:
    """A decision is final, and there is one."""
    return _conditions(request) + _removed(request, old)


def validate_status_update(request: Object, old: Object) -> list[FieldError]:
    """Whoever signs decides nothing, and hands out certificates."""
    errors = _conditions(request)
    before, certificate = (fields.text_at(each, "status.certificate") for each in (old, request))
    text = base64.b64decode(certificate) if certificate != before else b""
    if text and (why := signing_requests.why_no_certificate(text)):
        errors.append(invalid("status.certificate", "<certificate data>", why))
    errors += _removed(request, old)
    counts, old_counts = _counts(request), _counts(old)
    errors += [_may_not("add", type) for type in DECISIONS if counts[type] > old_counts[type]]
    if before and certificate != before:
        errors.append(forbidden("status.certificate", "updates may not modify existing certificate content"))
    return errors


def _conditions(request: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, condition in enumerate(fields.at(request, "status.conditions") or ()):
        path, type = f"status.conditions[{i}]", condition.get("type", "")
        errors += rules.needed(type, f"{path}.type")
        statuses = ("True",) if type in FINAL else rules.CONDITION_STATUSES
        errors += rules.needed_one_of(*statuses)(condition.get("status"), f"{path}.status")
        if type in DECISIONS and seen & (set(DECISIONS) - {type}):
            errors.append(invalid("status.conditions", type, "Approved and Denied conditions are mutually exclusive"))
        if type in seen:
            errors.append(duplicate(f"{path}.type", type))
        seen.add(type)
    return errors


def _removed(request: Object, old: Object) -> list[FieldError]:
    counts, old_counts = _counts(request), _counts(old)
    return [_may_not("remove", type) for type in FINAL if counts[type] < old_counts[type]]


def _counts(request: Object) -> Counter[str]:
    return Counter(each.get("type", "") for each in fields.at(request, "status.conditions") or ())


def _may_not(verb: str, type: str) -> FieldError:
    return forbidden("status.conditions", f'updates may not {verb} a condition of type "{type}"')


STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    prepare_status_update=prepare_status_update,
    validate_create=validate_create,
    validate_status_update=validate_status_update,
    selectable_fields={"spec.signerName": lambda request: fields.text_at(request, "spec.signerName")},
    doors={"approval": Door(prepare=prepare_approval, validate=validate_approval)},
)
