"""PATCH: part of an object, in one of the dialects.

https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
"""

from __future__ import annotations

from typing import Any

import orjson

from fakekube.api.body import check_name, check_place, from_storage, to_storage
from fakekube.api.call import Call, WriteOptions, write_options
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import Invalid, UnsupportedMediaType
from fakekube.objects import defaults, schemas
from fakekube.objects.field_errors import Shown, go_quoted, invalid
from fakekube.objects.patches import APPLY_PATCH, PATCHES, Patch
from fakekube.registry import update as registry
from fakekube.registry.kind import Kind, Object
from fakekube.storage.store import Stored


def patch_for(kind: Kind, content_type: str) -> Patch:
    """The function of a content type; what follows its first `;` is ignored. Raises UnsupportedMediaType."""
    function = PATCHES.get(content_type.partition(";")[0].strip())
    if function is None:
        raise UnsupportedMediaType("415: Unsupported Media Type", {})
    return function


async def patch(plane: ControlPlane, call: Call, body: bytes, content_type: str) -> Stored:
    """Raises UnsupportedMediaType, NotFound, BadRequest (an unreadable patch), Invalid (one that cannot be done, or a bad result)."""
    kind = call.kind
    function = patch_for(kind, content_type)
    options = write_options(call, "PatchOptions", apply=content_type.startswith(APPLY_PATCH))

    async def change(current: Stored) -> Object:
        new = patched_object(kind, call, from_storage(kind, current.copy()), body, function, options)
        check_place(call, new)
        check_name(call, new)
        new = to_storage(kind, new)
        attributes = plane.attributes(call, "UPDATE", new, dry_run=options.dry_run)
        await plane.admission.mutate(new, current.value, attributes)
        return new

    async def approve(new: Object, old: Object | None) -> None:
        attributes = plane.attributes(call, "UPDATE", new, dry_run=options.dry_run)
        await plane.admission.validate(new, old, attributes)

    operation = plane.operation(call.user, dry_run=options.dry_run)
    return await registry.update(
        plane.store,
        kind,
        call.namespace,
        call.name,
        change,
        operation,
        call.warnings,
        approve,
        subresource=call.subresource,
    )


def patched_object(
    kind: Kind, call: Call, present: Object, body: bytes, function: Patch, options: WriteOptions
) -> Object:
    """`present` with the patch done, decoded as the kind, with defaults. `present` may be changed."""
    strict = options.field_validation != "Ignore"
    patched = function(present, body, strict)
    document = patched.document
    try:
        result = schemas.decode(kind.type_name, document, kind=kind.kind, version=kind.api_version)
    except schemas.DecodeError as error:
        raise _not_the_kind(document, str(error)) from None
    _check_kind(kind, document)
    findings = [*patched.findings, *(f"unknown field {go_quoted(path)}" for path in result.unknown)]
    if findings and options.field_validation == "Strict":
        raise _not_the_kind(document, f"strict decoding error: {', '.join(findings)}")
    if strict:
        call.warnings.extend(text for text in findings if text not in call.warnings)
    obj = result.object
    defaults.apply(kind.type_name, obj)
    return obj


def _check_kind(kind: Kind, document: Any) -> None:
    if not isinstance(document, dict):
        return
    api_version, name = document.get("apiVersion", kind.api_version), document.get("kind", kind.kind)
    if (api_version, name) != (kind.api_version, kind.kind):
        scheme = "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"
        why = f'no kind "{name}" is registered for version "{api_version}" in scheme "{scheme}"'
        raise _not_the_kind(document, why)


def _not_the_kind(document: Any, why: str) -> Invalid:
    """The 422 of a patched object that is not one of the kind; its kind and name stay empty, so the message begins with a space."""
    error = invalid("patch", Shown(go_quoted(orjson.dumps(document).decode())), why)
    return Invalid(f' "" is invalid: {error}', {"causes": [error.cause()]})
