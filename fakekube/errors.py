"""What a request is refused with: one exception per reason of `metav1.Status`, and the Status that a client reads.

The exception knows code, reason, message and details; how it is sent (JSON, YAML, a watch's ERROR event) is the server's affair.
https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/

    StatusError
    ├── BadRequest 400              ├── Conflict 409 ── AlreadyExists 409     ├── UnsupportedMediaType 415
    ├── Unauthorized 401            ├── Expired 410                           ├── Invalid 422
    ├── Forbidden 403               ├── RequestEntityTooLarge 413             ├── TooManyRequests 429
    ├── NotFound 404                ├── NotAcceptable 406                     ├── InternalError 500
    └── MethodNotAllowed 405                                                  ├── ServiceUnavailable 503 ── Timeout 504
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

Cause = Mapping[str, str]
"""`{"reason": ..., "message": ..., "field": ...}`, in this order, each left out when empty."""


class StatusError(Exception):
    """A refusal as the API server words it.

    `details` holds what stands in `Status.details`, in any order; None leaves details out, `{}` writes `details: {}`.
    """

    code: ClassVar[int] = 500
    reason: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        code: int | None = None,
        reason: str | None = None,
        list_metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.status_code = self.code if code is None else code
        self.status_reason = self.reason if reason is None else reason
        self.list_metadata = list_metadata or {}

    def status(self) -> dict[str, Any]:
        """The `Status` object, keys in the order of the Go type."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": dict(self.list_metadata),
            "status": "Failure",
        }
        if self.message:
            status["message"] = self.message
        if self.status_reason:
            status["reason"] = self.status_reason
        if self.details is not None:
            status["details"] = {key: self.details[key] for key in _DETAILS_ORDER if self.details.get(key)}
        status["code"] = self.status_code
        return status


_DETAILS_ORDER = ("name", "group", "kind", "uid", "causes", "retryAfterSeconds")


class BadRequest(StatusError):
    code, reason = 400, "BadRequest"


class Unauthorized(StatusError):
    code, reason = 401, "Unauthorized"


class Forbidden(StatusError):
    code, reason = 403, "Forbidden"


class NotFound(StatusError):
    code, reason = 404, "NotFound"


class MethodNotAllowed(StatusError):
    code, reason = 405, "MethodNotAllowed"


class NotAcceptable(StatusError):
    code, reason = 406, "NotAcceptable"


class Conflict(StatusError):
    code, reason = 409, "Conflict"


class AlreadyExists(Conflict):
    reason = "AlreadyExists"


class Expired(StatusError):
    code, reason = 410, "Expired"


class RequestEntityTooLarge(StatusError):
    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaType(StatusError):
    code, reason = 415, "UnsupportedMediaType"


class Invalid(StatusError):
    code, reason = 422, "Invalid"


class TooManyRequests(StatusError):
    code, reason = 429, "TooManyRequests"


class InternalError(StatusError):
    code, reason = 500, "InternalError"


class ServiceUnavailable(StatusError):
    code, reason = 503, "ServiceUnavailable"


class Timeout(ServiceUnavailable):
    code, reason = 504, "Timeout"


def details_of(group: str, kind: str, name: str = "", causes: Sequence[Cause] = (), **more: Any) -> dict[str, Any]:
    """`Status.details` of an error about one object or collection; `kind` is the kind for Invalid, else the resource."""
    return {"name": name, "group": group, "kind": kind, "causes": list(causes), **more}


def qualified(group: str, resource: str) -> str:
    """`deployments.apps`, or `pods` for the core group: how messages name a resource."""
    return f"{resource}.{group}" if group else resource


def not_found(group: str, resource: str, name: str) -> NotFound:
    return NotFound(f'{qualified(group, resource)} "{name}" not found', details_of(group, resource, name))


def already_exists(group: str, resource: str, name: str) -> AlreadyExists:
    return AlreadyExists(f'{qualified(group, resource)} "{name}" already exists', details_of(group, resource, name))


def conflict(group: str, resource: str, name: str, text: str) -> Conflict:
    """409; `text` is what follows `Operation cannot be fulfilled on <resource> "<name>": `."""
    message = f'Operation cannot be fulfilled on {qualified(group, resource)} "{name}": {text}'
    return Conflict(message, details_of(group, resource, name))


def forbidden(group: str, resource: str, name: str, text: str) -> Forbidden:
    """403; `text` is what follows `<resource> "<name>" is forbidden: `, which is `<resource> is forbidden: ` of a collection."""
    subject = f"{qualified(group, resource)} " if resource else ""
    subject += f'"{name}" ' if name else ""
    return Forbidden(
        f"{subject}is forbidden: {text}" if subject else f"forbidden: {text}", details_of(group, resource, name)
    )


def internal(text: str) -> InternalError:
    """500 of what is the server's own fault, a webhook's or a policy's."""
    return InternalError(f"Internal error occurred: {text}", {"causes": [{"message": text}]})


def unknown_format(accepted: Sequence[str]) -> UnsupportedMediaType:
    """415 of a body in none of the `accepted` media types."""
    return UnsupportedMediaType(
        f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    )
