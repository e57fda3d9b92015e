"""metadata.managedFields of a write: who writes, in which version, and what becomes of everybody's fields.

The rules are in objects/managed_fields.py; this tells them about kinds and versions. Every write calls `own_created` or `own_updated` once,
with the object decoded and defaulted in the version of the request, before admission.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import orjson

from fakekube.api.body import Body, from_storage, to_storage
from fakekube.api.call import FIELD_MANAGER_BYTES, Call, WriteOptions
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import StatusError
from fakekube.kinds import Kinds
from fakekube.objects import managed_fields, repeated_changes, schemas, yaml
from fakekube.objects.managed_fields import Managers, Unconvertible, Writer
from fakekube.objects.typed_fields import Mistake, Shape, shape_of
from fakekube.registry.kind import Kind, Object, Subresource
from fakekube.registry.reset_fields import reset_fields
from fakekube.registry.shapes import shape_of_kind

UNKNOWN_MANAGER = "unknown"

T = TypeVar("T")


def manager_of(call: Call, options: WriteOptions) -> str:
    """The name in the options, else how the program calls itself in its User-Agent before the first `/`."""
    return options.field_manager or _program(call.user_agent) or UNKNOWN_MANAGER


@lru_cache(maxsize=256)
def _program(user_agent: str) -> str:
    printable = "".join(filter(str.isprintable, user_agent.partition("/")[0]))
    return printable.encode("utf-8", "surrogatepass")[:FIELD_MANAGER_BYTES].decode("utf-8", "ignore")


def writer_of(plane: ControlPlane, call: Call, options: WriteOptions, converted: Converted | None = None) -> Writer:
    """`converted` is what `asking` has learnt; without it webhooks that convert are not asked."""
    kind = call.kind
    return Writer(
        manager=manager_of(call, options),
        api_version=kind.api_version,
        subresource=call.subresource,
        shape=shape_of_kind(kind),
        now=plane.clock.timestamp(),
        convert=_Versions(plane.kinds, kind, converted).convert,
        reset=reset_fields(kind, call.subresource),
        resets_everywhere=bool(kind.type_name) or call.subresource == "status",
    )


Converted = dict[tuple[str, bytes], Object]
"""By version and the object as JSON with sorted keys: the object in that version."""


class _NotConverted(Exception):
    """A webhook has to be asked first."""

    def __init__(self, obj: Object, target: Kind, key: tuple[str, bytes]) -> None:
        super().__init__(key[0])
        self.obj, self.target, self.key = obj, target, key


async def asking(own: Callable[[Converted], T]) -> T:
    """What `own` gives, which says who owns what: repeated until webhooks have converted all objects that it compares.

    Where a webhook fails the write goes on, and owners are told as if nothing but apiVersion differed between versions.
    """
    converted: Converted = {}
    while True:
        try:
            return own(converted)
        except _NotConverted as missing:
            read = missing.target.strategy.read
            assert read is not None
            try:
                (converted[missing.key],) = await read([missing.obj])
            except StatusError:
                converted[missing.key] = from_storage(missing.target, missing.obj)


class _Versions:
    """The objects of one resource in all versions of its group that it is served in: events of the other group are not converted."""

    __slots__ = ("_converted", "_kind", "_kinds")

    def __init__(self, kinds: Kinds, kind: Kind, converted: Converted | None) -> None:
        self._kinds = kinds
        self._kind = kind
        self._converted = converted

    def convert(self, obj: Object, api_version: str) -> tuple[Object, Shape] | None:
        target, source = self._served(api_version), self._served(obj.get("apiVersion", ""))
        if target is None and not self._kind.type_name:
            raise Mistake(f"request to convert CR to an invalid group/version: {api_version}")
        if target is None or source is None:
            return None
        if source is not target and self._converted is not None and target.strategy.read is not None:
            key = (api_version, orjson.dumps(obj, option=orjson.OPT_SORT_KEYS))
            known = self._converted.get(key)
            if known is None:
                raise _NotConverted(obj, target, key)
            return known, shape_of_kind(target)
        if source is not target and not target.type_name:
            # Nothing else differs where no webhook says so; what a field of the one version is to the other is for its schema to say.
            obj = {**obj, "apiVersion": api_version}
        elif source is not target:
            to_storage = source.strategy.to_storage
            if not source.is_stored_form and to_storage is not None:
                obj = to_storage(obj)
            obj = from_storage(target, obj)
            # A part of an object, too, has the fields that its version always shows.
            obj = schemas.decode(target.type_name, obj, kind=target.kind, version=api_version).object
        shape = shape_of_kind(target)
        if source is not target and (mistakes := list(shape.mistakes(obj))):
            raise Mistake(managed_fields.told(mistakes))
        return obj, shape

    def _served(self, api_version: str) -> Kind | None:
        if api_version == self._kind.api_version:
            return self._kind
        group, _, version = api_version.rpartition("/")
        if group != self._kind.group:
            return None
        kind = self._kinds.find(group, version, self._kind.resource)
        return kind if kind is not None and kind.collection == self._kind.collection else None


def own_created(plane: ControlPlane, call: Call, obj: Object, options: WriteOptions) -> None:
    """Write into a fresh object who owns what of it. A client may bring entries of its own."""
    _own_new(writer_of(plane, call, options), obj, lambda: _converted_back(call.kind, obj))


def own_posted(plane: ControlPlane, call: Call, body: Kind | Subresource, obj: Object, options: WriteOptions) -> None:
    """The same for an object of a built-in type that is only asked with, and kept nowhere."""
    _own_new(writer_of_body(plane, call, body, options), obj, lambda: obj)


def writer_of_body(plane: ControlPlane, call: Call, body: Kind | Subresource, options: WriteOptions) -> Writer:
    """Who writes an object of a built-in type that is no kind of the store, a Scale or a review: it has one version, nothing is reset."""
    shape = shape_of(body.type_name)
    return Writer(
        manager=manager_of(call, options),
        api_version=body.api_version,
        subresource=call.subresource,
        shape=shape,
        now=plane.clock.timestamp(),
        convert=lambda obj, api_version: (obj, shape) if api_version == body.api_version else None,
    )


def _own_new(writer: Writer, obj: Object, seen_by: Callable[[], Object]) -> None:
    metadata = obj["metadata"]
    sent = metadata.pop("managedFields", None)
    try:
        seen = seen_by()
        if sent is None:
            listed = managed_fields.created(writer, seen)
        else:
            managers = managed_fields.for_update(sent, None, through_subresource=False)
            listed = managed_fields.encode(managed_fields.updated(writer, None, seen, managers))
    except Mistake:
        return  # Items that cannot be told apart: validation will say so.
    if listed:
        metadata["managedFields"] = listed


async def own_updated(plane: ControlPlane, call: Call, old: Object, new: Object, options: WriteOptions) -> None:
    """Write into `new` who owns what after this change of `old`, which is in the same version."""
    if call.kind.strategy.read is None:
        _own_updated(plane, call, old, new, options)
        return
    sent = new["metadata"].get("managedFields")

    def own(converted: Converted) -> None:
        if sent is not None:
            new["metadata"]["managedFields"] = sent
        _own_updated(plane, call, old, new, options, converted)

    await asking(own)


def _own_updated(
    plane: ControlPlane,
    call: Call,
    old: Object,
    new: Object,
    options: WriteOptions,
    converted: Converted | None = None,
) -> None:
    metadata = new["metadata"]
    present = old["metadata"].get("managedFields")
    sent = metadata.pop("managedFields", None)
    writer = writer_of(plane, call, options, converted)
    try:
        seen = _converted_back(call.kind, new)
        if present and (call.subresource or sent == present):
            listed = repeated_changes.updated(writer, untracked(old), seen, present)
        else:
            managers = managed_fields.for_update(sent, present, through_subresource=bool(call.subresource))
            if not managers:
                return  # Nobody is tracked until the next apply.
            listed = managed_fields.encode(managed_fields.updated(writer, untracked(old), seen, managers))
    except (Mistake, Unconvertible):
        return
    if listed:
        metadata["managedFields"] = listed


def _converted_back(kind: Kind, obj: Object) -> Object:
    """An object as its own version shows it once it has been converted to the form of storage: an autoscaler of version 1 then has the
    annotations that hold what this version has no fields for."""
    if not kind.type_name:
        # A custom resource may have been sent with what its schema does not allow, though never where it would be stored. Nothing is known
        # then of its owners any more.
        for mistake in shape_of_kind(kind).mistakes(obj, may_repeat=True):
            raise Mistake(mistake)
    if kind.is_stored_form or not kind.type_name or kind.strategy.to_storage is None:
        return obj
    return from_storage(kind, to_storage(kind, obj))


def untracked(obj: Object) -> Object:
    """The object without managedFields; `obj` is left as it is."""
    metadata = obj["metadata"]
    if "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}


def tracked(obj: Object, managers: Managers) -> Object:
    """Write the entries into the object's metadata."""
    metadata = obj["metadata"]
    metadata.pop("managedFields", None)
    if managers:
        metadata["managedFields"] = managed_fields.encode(managers)
    return obj


def asks_for_no_tracking(document: Any) -> bool:
    """Whether a document has an empty list of managedFields, which decoding does not tell from none."""
    metadata = document.get("metadata") if isinstance(document, dict) else None
    return isinstance(metadata, dict) and metadata.get("managedFields") == []


def _as_lenient_as_decoding(body: bytes) -> Any:
    """The value of JSON, which may hold halves of surrogate pairs, or of YAML; None of protobuf, which cannot say an empty list."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        try:
            return yaml.load(body).value
        except yaml.YAMLError:
            return None


def keep_empty_list(kind: Kind, obj: Object, body: Body) -> None:
    """Give a decoded object the empty list of managedFields that its client sent. In a custom resource it is lost."""
    if "managedFields" in obj["metadata"] or not kind.type_name:
        return
    if isinstance(body, bytes):
        if b"managedFields" not in body:
            return
        document = _as_lenient_as_decoding(body)
    else:
        document = body
    if asks_for_no_tracking(document):
        obj["metadata"]["managedFields"] = []
