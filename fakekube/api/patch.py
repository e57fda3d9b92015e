"""PATCH: part of an object, in one of the dialects.

https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
"""

from __future__ import annotations

import orjson

from fakekube.api.approval import changed
from fakekube.api.body import Body, check_name, check_place, decoded_value, from_storage, set_defaults
from fakekube.api.call import Call, WriteOptions, write_options
from fakekube.api.control_plane import ControlPlane
from fakekube.api.field_ownership import asks_for_no_tracking, own_updated
from fakekube.api.status_patch import patched_status
from fakekube.errors import BadRequest, InternalError, Invalid, UnsupportedMediaType, unknown_format
from fakekube.objects import as_sent, schemas
from fakekube.objects.field_errors import Shown, go_quoted, invalid, invalid_object
from fakekube.objects.patches import (
    APPLY_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    PATCHES,
    STRATEGIC_MERGE_PATCH,
    Patch,
    Patched,
    go_json_kind,
    strategic_merge_of,
)
from fakekube.registry.kind import Kind, Object, Subresource
from fakekube.storage.store import Stored

_EVERY_PATCH_IN_ORDER = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH)
_EVERY_PATCH = frozenset(_EVERY_PATCH_IN_ORDER)


def patch_for(kind: Kind | Subresource, content_type: str) -> Patch:
    """The function of a content type; what follows its first `;` is ignored. Raises UnsupportedMediaType.

    Routes of built-in kinds are found by lists of types too, of which one will do; but what answers there understands no list.
    """
    media_type = content_type.partition(";")[0]
    if media_type == STRATEGIC_MERGE_PATCH and kind.type_name:
        return strategic_merge_of(kind.type_name)
    function = PATCHES.get(media_type)
    if function is not None:
        return function
    if isinstance(kind, Kind) and kind.wire.patch_types:
        raise unknown_format(kind.wire.patch_types)
    if not _EVERY_PATCH.isdisjoint(each.partition(";")[0].strip() for each in content_type.split(",")):
        raise unknown_format(_EVERY_PATCH_IN_ORDER)
    raise UnsupportedMediaType("415: Unsupported Media Type", {})


async def patch(plane: ControlPlane, call: Call, body: Body, content_type: str) -> Stored:
    """Raises UnsupportedMediaType, NotFound, BadRequest (an unreadable patch), Invalid (one that cannot be done, or a bad result)."""
    kind = call.kind
    try:
        function = patch_for(kind, content_type)
    except UnsupportedMediaType:
        if kind.type_name:
            call.warnings.clear()  # the route is found by the type, and warns only then
        raise
    options = write_options(call, "PatchOptions")
    value = body if isinstance(body, dict) and call.subresource == "status" and content_type == MERGE_PATCH else None

    async def become(current: Stored) -> Object:
        new = patched_status(kind, current.value, value) if value is not None else None
        if new is None:
            text = body if isinstance(body, bytes) else orjson.dumps(body)
            present = from_storage(kind, current.copy())
            as_sent.as_written(kind.type_name, present)
            new = patched_object(kind, call, present, text, function, options)
        await own_updated(plane, call, from_storage(kind, current.value), new, options)
        check_place(call, new)
        check_name(call, new)
        return new

    return await changed(plane, call, options, become)


def patched_object(
    kind: Kind | Subresource, call: Call, present: Object, body: bytes, function: Patch, options: WriteOptions
) -> Object:
    """`present` with the patch done, decoded as the kind, with defaults. `present` may be changed."""
    strict = options.field_validation != "Ignore"
    try:
        patched = function(present, body, strict)
    except RecursionError:
        raise BadRequest("error decoding patch: exceeded max depth") from None
    document = patched.document
    unread: list[str] = []
    if not isinstance(document, dict):
        what = f"json: cannot unmarshal {go_json_kind(document)} into Go value of type {_GO_HEAD}"
        raise _not_the_kind(kind, patched, f"couldn't get version/kind; json parse error: {what}")
    if not patched.shown and kind.type_name:
        other = _no_text(document)
        if not other and not document.get("apiVersion"):
            # What has no version is read as the server's own form of the kind, which has none of these fields.
            unread, document = [name for name in document if name not in _HEAD], {}
        elif not other:
            other = schemas.why_another_kind(
                {**document, "kind": document.get("kind") or kind.kind},
                group=kind.group,
                version=kind.version,
                kind=kind.kind,
                type_name=kind.type_name,
            )
        if other:
            raise _not_the_kind(kind, patched, other)
    elif not kind.type_name:
        _check_head(kind, call, patched, document)
    elif patched.shown and _no_text(document):
        raise _not_the_kind(kind, patched, patched.why(kind.type_name, ""))
    try:
        result = decoded_value(kind, document)
    except schemas.DecodeError as error:
        raise _not_the_kind(kind, patched, patched.why(kind.type_name, str(error))) from None
    unknown = sorted(result.unknown) if patched.shown else (unread or result.unknown)
    findings = [*patched.findings, *(f"unknown field {go_quoted(path)}" for path in unknown)]
    if findings and options.field_validation == "Strict":
        raise _not_the_kind(kind, patched, f"strict decoding error: {', '.join(findings)}")
    if strict:
        call.warnings.extend(text for text in findings if text not in call.warnings)
    obj = result.object
    if kind.type_name and asks_for_no_tracking(document):
        obj["metadata"]["managedFields"] = []
    set_defaults(kind, obj)
    return obj


_HEAD = ("apiVersion", "kind")


def _check_head(kind: Kind | Subresource, call: Call, patched: Patched, document: Object) -> None:
    """That a patched custom resource still says what it is. Raises Invalid and InternalError, in the words of what reads it."""
    if why := _no_text(document):
        raise _not_the_kind(kind, patched, why)
    api_version = document.get("apiVersion") or ""
    if api_version.count("/") > 1:
        raise _not_the_kind(kind, patched, f"unexpected GroupVersion string: {api_version}")
    if not document.get("kind"):
        text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode()
        raise _not_the_kind(kind, patched, f"Object 'Kind' is missing in '{text}'")
    if not api_version:
        what = "Object 'apiVersion' is missing in 'object has no apiVersion field'"
        raise InternalError(f"Internal error occurred: {what}", {"causes": [{"message": what}]})
    if api_version != kind.api_version:
        wrong = {"kind": kind.kind, "apiVersion": kind.api_version}
        errors = [
            invalid(key, document[key], f"must be {right}") for key, right in wrong.items() if document[key] != right
        ]
        raise invalid_object(api_version.rpartition("/")[0], document["kind"], call.name, errors)


_GO_HEAD = r"""struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"""


def _no_text(document: Object) -> str:
    """Why nobody can tell what a document is: its head is something else than text. Empty where it is text, or missing."""
    for field in _HEAD:
        value = document.get(field)
        if value is not None and not isinstance(value, str):
            what = f"json: cannot unmarshal {go_json_kind(value)} into Go struct field .{field} of type string"
            return f"couldn't get version/kind; json parse error: {what}"
    return ""


def _not_the_kind(kind: Kind | Subresource, patched: Patched, why: str) -> Invalid:
    """The 422 of a patched object that is not one of the kind; its kind and name stay empty, so the message begins with a space."""
    error = invalid("patch", Shown(patched.text(in_order=not kind.type_name)), why)
    return Invalid(f' "" is invalid: {error}', {"causes": [error.cause()]})
