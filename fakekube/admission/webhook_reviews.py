"""AdmissionReviews: what a webhook is told of a write, and what may come back.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#webhook-request-and-response
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fakekube.admission.attributes import Attributes
from fakekube.errors import StatusError
from fakekube.objects.field_errors import go_quoted
from fakekube.objects.patches import go_json_kind
from fakekube.registry.kind import Kind, Object, Subresource
from fakekube.registry.user import User
from fakekube.registry.webhook_calls import CallFailed

KIND = "AdmissionReview"
GROUP = "admission.k8s.io"
JSON_PATCH = "JSONPatch"

_OPTIONS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


def body_kind(kind: Kind, subresource: str) -> Kind | Subresource:
    """The kind of the object that is judged: what the subresource takes, or the kind itself."""
    door = kind.subresource_named.get(subresource) if subresource else None
    return kind if door is None or (door.group, door.kind) == (kind.group, kind.kind) else door


def review(
    uid: str, version: str, shown: Kind, attributes: Attributes, obj: Object | None, old: Object | None
) -> Object:
    """The review that is sent. `obj` and `old` are whole, in the version of the kind `shown`."""
    kind, subresource = attributes.kind, attributes.subresource
    request: Object = {"uid": uid, "kind": _kind(shown, subresource), "resource": _resource(shown)}
    if subresource:
        request["subResource"] = subresource
    request |= {"requestKind": _kind(kind, subresource), "requestResource": _resource(kind)}
    if subresource:
        request["requestSubResource"] = subresource
    name = attributes.name or ((obj or {}).get("metadata") or {}).get("name", "")
    if name:
        request["name"] = name
    # A Namespace stands in itself.
    namespace = name if is_namespace(kind) else attributes.namespace
    if namespace:
        request["namespace"] = namespace
    request |= {
        "operation": attributes.operation,
        "userInfo": user_info(attributes.user),
        "object": obj,
        "oldObject": old,
        "dryRun": attributes.dry_run,
        "options": options_of(attributes),
    }
    return {"kind": KIND, "apiVersion": f"{GROUP}/{version}", "request": request}


def is_namespace(kind: Kind) -> bool:
    return (kind.group, kind.resource) == ("", "namespaces")


def _kind(kind: Kind, subresource: str) -> Object:
    body = body_kind(kind, subresource)
    return {"group": body.group, "version": body.version, "kind": body.kind}


def _resource(kind: Kind) -> Object:
    return {"group": kind.group, "version": kind.version, "resource": kind.resource}


def user_info(user: User) -> Object:
    info: Object = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info


def options_of(attributes: Attributes) -> Object | None:
    """The options of the request; a patch has those of an update."""
    kind = _OPTIONS.get(attributes.operation)
    if kind is None:
        return attributes.options
    options: Object = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    if attributes.options is not None:
        return options | attributes.options
    for parameter in ("fieldManager", "fieldValidation"):
        if value := attributes.query.get(parameter):
            options[parameter] = value
    if attributes.dry_run:
        options["dryRun"] = ["All"]
    return options


def whole(obj: Object) -> Object:
    """An object as it is sent: without what is still to be filled in."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        return obj
    return obj | {"metadata": {key: value for key, value in metadata.items() if value not in ("", None)}}


@dataclass(frozen=True, slots=True)
class Answer:
    is_allowed: bool
    status: Mapping[str, Any]
    """Of a refusal; empty if the webhook did not say."""
    warnings: Sequence[str]
    patch: bytes
    """b"": none."""
    patch_type: str


class InvalidAnswer(Exception):
    """It can be read, but may not be so; the message says why."""


_TYPES: Mapping[str, tuple[type, str]] = {
    "uid": (str, "types.UID"),
    "allowed": (bool, "bool"),
    "status": (dict, "v1.Status"),
    "patch": (str, "[]uint8"),
    "patchType": (str, "v1.PatchType"),
    "auditAnnotations": (dict, "map[string]string"),
    "warnings": (list, "[]string"),
}
_STATUS_TYPES: Mapping[str, tuple[type, str]] = {
    "message": (str, "string"),
    "reason": (str, "v1.StatusReason"),
    "code": (int, "int32"),
    "details": (dict, "v1.StatusDetails"),
}


def read(answer: Object, uid: str, version: str, *, may_patch: bool) -> Answer:
    """The answer in a review that came back. Raises CallFailed (wrong types), InvalidAnswer."""
    response = answer.get("response")
    if response is None:
        raise InvalidAnswer("webhook response was absent")
    if not isinstance(response, dict):
        what = go_json_kind(response)
        raise CallFailed(
            f"json: cannot unmarshal {what} into Go struct field AdmissionReview.response of type {version}.AdmissionResponse"
        )
    _check_types(response, _TYPES, "AdmissionResponse.response")
    status = response.get("status") or {}
    _check_types(status, _STATUS_TYPES, "Status.response.status")
    try:
        patch = base64.b64decode(response.get("patch") or "", validate=True)
    except binascii.Error:
        raise CallFailed("illegal base64 data at input byte 0") from None
    patch_type = response.get("patchType")
    if version == "v1":
        _check_head(answer, response.get("uid", ""), uid)
        _check(patch, patch_type, may_patch=may_patch)
    elif not may_patch:
        patch = b""
    # What is told in several lines cannot be a header, and nothing is none.
    warnings = [text for text in response.get("warnings") or () if isinstance(text, str) and text and "\n" not in text]
    return Answer(bool(response.get("allowed")), status, warnings, patch, patch_type or JSON_PATCH)


def _check_head(answer: Object, sent: str, uid: str) -> None:
    if sent != uid:
        raise InvalidAnswer(f"expected response.uid={go_quoted(uid)}, got {go_quoted(sent)}")
    api_version, kind = answer.get("apiVersion") or "/", answer.get("kind") or ""
    if (api_version, kind) != (f"{GROUP}/v1", KIND):
        raise InvalidAnswer(f"expected webhook response of {GROUP}/v1, Kind={KIND}, got {api_version}, Kind={kind}")


def _check(patch: bytes, patch_type: str | None, *, may_patch: bool) -> None:
    if not may_patch:
        for field, value in (("patch", patch), ("patchType", patch_type)):
            if value:
                raise InvalidAnswer(f"validating webhook may not return response.{field}")
    elif patch and patch_type is None:
        raise InvalidAnswer("webhook returned response.patch but not response.patchType")
    elif patch and not patch_type:
        raise InvalidAnswer('webhook returned invalid response.patchType of ""')
    elif patch_type is not None and not patch:
        raise InvalidAnswer("webhook returned response.patchType but not response.patch")


def _check_types(value: Mapping[str, Any], types: Mapping[str, tuple[type, str]], place: str) -> None:
    for field, (type_, go_type) in types.items():
        found = value.get(field)
        if found is not None and (not isinstance(found, type_) or (isinstance(found, bool) and type_ is int)):
            raise CallFailed(
                f"json: cannot unmarshal {go_json_kind(found)} into Go struct field {place}.{field} of type {go_type}"
            )


_ERRORS = range(400, 1000)


def denial(name: str, status: Mapping[str, Any]) -> StatusError:
    """What the client is told when the webhook `name` says no: its status, never with a code that is no error."""
    denied = f'admission webhook "{name}" denied the request'
    why = status.get("message") or status.get("reason")
    code = status.get("code") or 0
    return StatusError(
        f"{denied}: {why}" if why else f"{denied} without explanation",
        status.get("details"),
        code=code if code in _ERRORS else 400,
        reason=status.get("reason") or "",
    )
