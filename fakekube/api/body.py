"""From what a client sent to an object of the kind: decoded, defaulted, in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fakekube.api.call import JSON, Call
from fakekube.errors import BadRequest
from fakekube.objects import completion, defaults, schemas
from fakekube.objects.schemas import Decoded
from fakekube.registry.kind import Kind, Object, Subresource

Body = bytes | Object
"""The text of a request, or (protobuf, and callers in this process) the JSON value it holds."""


def decoded(
    kind: Kind | Subresource,
    call: Call,
    body: Body,
    media_type: str,
    field_validation: str,
    *,
    other_versions: Sequence[str] = (),
) -> Object:
    """The object in the request's version with its defaults; what decoding warns of goes to `call.warnings`. Raises BadRequest.

    `other_versions` of the same group are read as if they were the request's.
    """
    obj, warnings = schemas.decode_body(
        body,
        media_type or JSON,
        group=kind.group,
        version=kind.version,
        kind=kind.kind,
        type_name=kind.type_name,
        field_validation=field_validation,
        other_versions=other_versions,
        decode_untyped=kind.strategy.decode if isinstance(kind, Kind) else None,
        with_defaults=True,
    )
    call.warnings.extend(warnings)
    _set_own_defaults(kind, obj)
    return obj


def set_defaults(kind: Kind | Subresource, obj: Object) -> None:
    """Fill in what an object leaves out, in place."""
    if kind.type_name:
        defaults.apply(kind.type_name, obj)
    _set_own_defaults(kind, obj)


def _set_own_defaults(kind: Kind | Subresource, obj: Object) -> None:
    if isinstance(kind, Kind) and kind.strategy.set_defaults is not None:
        kind.strategy.set_defaults(obj)


def decoded_value(kind: Kind | Subresource, value: Any) -> Decoded:
    """A JSON value as an object of the kind. Raises DecodeError."""
    if isinstance(kind, Kind) and kind.strategy.decode is not None:
        return kind.strategy.decode(value)
    return schemas.decode(kind.type_name, value, kind=kind.kind, version=kind.api_version)


def completed_value(kind: Kind | Subresource, value: Any) -> Object:
    """A JSON value as an object of the kind with its defaults. Raises DecodeError."""
    if kind.type_name and (not isinstance(kind, Kind) or kind.strategy.decode is None):
        obj = completion.complete(kind.type_name, value, kind=kind.kind, version=kind.api_version).object
        _set_own_defaults(kind, obj)
    else:
        obj = decoded_value(kind, value).object
        set_defaults(kind, obj)
    return obj


def check_place(call: Call, obj: Object) -> None:
    """The namespace of the body is that of the path; one that is left out is filled in, one of a cluster-scoped kind is dropped."""
    metadata = obj["metadata"]
    if not call.kind.namespaced:
        metadata.pop("namespace", None)
        return
    sent = metadata.get("namespace", "")
    if sent and sent != call.namespace:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
    metadata["namespace"] = call.namespace


def check_name(call: Call, obj: Object) -> None:
    """The name of the body is that of the path. Raises BadRequest."""
    name = obj["metadata"].get("name", "")
    if not name:
        raise BadRequest(f"the name of the object ({call.name} based on URL) was undeterminable: name must be provided")
    if name != call.name:
        raise BadRequest(f"the name of the object ({name}) does not match the name on the URL ({call.name})")


def to_storage(kind: Kind, obj: Object) -> Object:
    """The object as the registry takes it; those of some kinds it converts itself."""
    strategy = kind.strategy
    convert = strategy.to_storage
    return obj if kind.is_stored_form or convert is None or strategy.converts_last else convert(obj)


def from_storage(kind: Kind, obj: Object) -> Object:
    """The object as the kind's version shows it; `obj` itself when it is stored so."""
    convert = kind.strategy.from_storage
    return obj if kind.is_stored_form or convert is None else convert(obj)
