"""Server-side apply: a configuration becomes part of an object, and whoever applied it its owner.

https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from fakekube.api.approval import changed
from fakekube.api.body import check_name, check_place, completed_value, from_storage, set_defaults
from fakekube.api.call import Call, WriteOptions, write_options
from fakekube.api.control_plane import ControlPlane
from fakekube.api.create import create_decoded, forget_version
from fakekube.api.field_ownership import Converted, asking, tracked, untracked, writer_of
from fakekube.errors import AlreadyExists, BadRequest, Conflict, InternalError, conflict
from fakekube.facts import type_of
from fakekube.objects import as_sent, field_sets, go_json, managed_fields, schemas, structural_schemas, yaml
from fakekube.objects.decode_messages import DecodeError
from fakekube.objects.managed_fields import Applied, Conflicts, Managers, Unconvertible, Writer
from fakekube.objects.metadata import ANNOTATIONS_MOST_BYTES
from fakekube.objects.patches import go_json_kind
from fakekube.objects.structs import decode_custom_resource
from fakekube.objects.typed_fields import Mistake
from fakekube.objects.unstructured import why_it_does_not_fit
from fakekube.registry.kind import Kind, Object, Subresource
from fakekube.registry.missing import check_usable, missing
from fakekube.storage.store import Stored

KUBECTL = "kubectl"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


async def apply(plane: ControlPlane, call: Call, body: bytes) -> tuple[Stored, bool]:
    """What is stored then, and whether it was created.

    Raises BadRequest (an unreadable configuration, another kind), InternalError (fields that the kind has not got), Conflict (fields of
    others), NotFound (through a subresource), and what updates and creates raise.
    """
    kind = call.kind
    options = write_options(call, "PatchOptions", apply=True)
    while plane.store.get(kind.collection, call.namespace, call.name) is None:
        if call.subresource:
            raise missing(kind, call.name)
        check_usable(call.name)
        try:
            return await _create(plane, call, body, options), True
        except AlreadyExists:
            continue  # somebody was faster

    config, repeated = configuration(kind, body)

    async def become(current: Stored) -> Object:
        def owned(converted: Converted | None) -> Object:
            live = from_storage(kind, current.copy())
            return _applied(writer_of(plane, call, options, converted), kind, live, config, options)

        new = owned(None) if kind.strategy.read is None else await asking(owned)
        tell_repeated_keys(call, repeated, options)
        check_place(call, new)
        check_name(call, new)
        return new

    return await changed(plane, call, options, become), False


async def _create(plane: ControlPlane, call: Call, body: bytes, options: WriteOptions) -> Stored:
    kind = call.kind
    config, repeated = configuration(kind, body)
    empty = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {}}
    new = _applied(writer_of(plane, call, options), kind, empty, config, options)
    tell_repeated_keys(call, repeated, options)
    check_place(call, new)
    check_name(call, new)
    uid = new["metadata"].get("uid", "")
    if uid:
        what = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise conflict(kind.group, kind.resource, call.name, what)
    forget_version(new, dry_run=options.dry_run)
    return await create_decoded(plane, call, new, options, other_verb=True)


def configuration(kind: Kind | Subresource, body: bytes) -> tuple[Object, tuple[str, ...]]:
    """What is applied, as it was sent, and the lines that say which keys stand there twice. Raises BadRequest."""
    value, repeated = _read(body)
    if value is not None and not isinstance(value, dict):
        raise BadRequest(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: "
            f"json: cannot unmarshal {go_json_kind(value)} into Go value of type map[string]interface {{}}"
        )
    config: Object = value or {}
    given = _group_version_kind(config.get("apiVersion"), config.get("kind"))
    if given != _group_version_kind(kind.api_version, kind.kind):
        raise BadRequest(f"invalid object type: {given}")
    metadata = config.get("metadata")
    if isinstance(metadata, dict):
        # A null stays: it makes another object of the configuration, though nothing comes of it.
        listed = metadata.get("managedFields")
        if isinstance(listed, list) and all(isinstance(entry, dict) for entry in listed):
            raise BadRequest("metadata.managedFields must be nil")
    return config, repeated


def _read(body: bytes) -> tuple[Any, tuple[str, ...]]:
    """Most configurations are JSON, which is read much faster; whatever is to be told about a text the YAML reader tells."""
    if body.startswith(b"{"):
        try:
            value, duplicates = schemas.parse_json(body, strict=True)
        except go_json.JSONError:
            duplicates = ["?"]
        if not duplicates:
            return value, ()
    try:
        document = yaml.load(body)
    except yaml.YAMLError as error:
        raise BadRequest(f"error decoding YAML: error converting YAML to JSON: {error}") from None
    return document.value, document.repeated


def tell_repeated_keys(call: Call, repeated: Sequence[str], options: WriteOptions) -> None:
    """Raises BadRequest where the options want it so."""
    if not repeated or options.field_validation == "Ignore":
        return
    if options.field_validation == "Strict":
        lines = "".join(f"\n  {line}" for line in repeated)
        raise BadRequest(f"error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:{lines}")
    call.warnings.extend(line for line in repeated if line not in call.warnings)


def _applied(writer: Writer, kind: Kind, live: Object, config: Object, options: WriteOptions) -> Object:
    """The object after the apply: decoded, defaulted, its owners written into it. `live` may be changed."""
    listed = live["metadata"].get("managedFields")
    live = untracked(live)
    managers = managed_fields.stored(listed)
    if not managers and live["metadata"].get("uid"):
        with _telling_of_live(
            "failed to create manager for existing fields: failed to convert new object ({}) to smd typed: ",
            writer,
            kind,
            live,
        ):
            managers = managed_fields.before_first_apply(writer, live)
    check_fields(writer, kind, config)
    with _telling_of_live("failed to create typed live object ({}): ", writer, kind, live):
        applied = merged(writer, as_sent.as_go_maps(kind.type_name, live), config, managers, force=options.force)
    new = decoded_result(kind, config, applied.obj) if applied.changed else live
    tracked(new, applied.managers)
    if writer.manager == KUBECTL and new["metadata"].get("annotations", {}).get(LAST_APPLIED):
        _remember_last_applied(new, config)
    return new


def check_fields(writer: Writer, kind: Kind | Subresource, config: Object) -> None:
    """Raises InternalError for what the kind has no place for."""
    try:
        mistakes = [] if writer.shape.fits(config) else list(writer.shape.mistakes(config))
    except RecursionError:
        raise BadRequest("error decoding YAML: exceeded max depth") from None
    if mistakes:
        raise InternalError(
            f"failed to create typed patch object ({described(kind, config)}): {managed_fields.told(mistakes)}",
            reason="",
        )


@contextmanager
def _telling_of_live(words: str, writer: Writer, kind: Kind, live: Object) -> Iterator[None]:
    """Has a stored list whose items cannot be told apart be told in the server's words, `{}` being what it is called by."""
    try:
        yield
    except Mistake as mistake:
        told = managed_fields.told(list(writer.shape.mistakes(live, may_repeat=True)) or [str(mistake)])
        raise InternalError(f"{words.format(described(kind, live))}{told}", reason="") from None


def merged(writer: Writer, live: Object, config: Object, managers: Managers, *, force: bool) -> Applied:
    """Raises Conflict (409) with every field and owner."""
    try:
        return managed_fields.applied(writer, live, config, managers, force=force)
    except RecursionError:
        raise BadRequest("error decoding YAML: exceeded max depth") from None
    except Unconvertible as error:
        raise InternalError(str(error), reason="") from None
    except Conflicts as conflicts:
        if writer.manager == KUBECTL:
            conflicts.conflicts = _not_applied_by_client(writer, live, conflicts)
            if not conflicts.conflicts:
                return managed_fields.applied(writer, live, config, managers, force=True)
        raise Conflict(conflicts.message(), {"causes": conflicts.causes()}) from None


def decoded_result(kind: Kind | Subresource, config: Object, value: Object) -> Object:
    """What a merge has made, as an object of the kind with its defaults."""
    try:
        if not isinstance(kind, Kind) or kind.type_name:
            return completed_value(kind, as_sent.as_go_maps(kind.type_name, value))
        # There is nothing unknown in what has been merged, and nulls are for validation to judge.
        decoded = decode_custom_resource(value).object
        obj, _ = structural_schemas.pruned(decoded, kind.wire.schema, is_stored=True, keeps_nulls=True)
        set_defaults(kind, obj)
        return obj
    except DecodeError as error:
        why = why_it_does_not_fit(type_of(kind.type_name), value) if kind.type_name else ""
        what = f"failed to convert new object ({described(kind, config)}) to proper version"
        told = f"unable to convert unstructured object to {_group_version_kind(kind.api_version, kind.kind)}"
        raise InternalError(f"{what}: {told}: {why or error}", reason="") from None


def _not_applied_by_client(writer: Writer, live: Object, conflicts: Conflicts) -> list[managed_fields.Conflict]:
    """The conflicts that remain for kubectl, which may change what it once applied itself, if that is still as it was."""
    last = _last_applied(writer, live)
    if last is None:
        return conflicts.conflicts
    try:
        known = managed_fields.unchanged_since(writer, last, live)
    except Mistake:
        return conflicts.conflicts
    return [each for each in conflicts.conflicts if not field_sets.has(known, each.path)]


def _last_applied(writer: Writer, live: Object) -> Object | None:
    text = live["metadata"].get("annotations", {}).get(LAST_APPLIED, "")
    try:
        last = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(last, dict) or last.get("apiVersion") != writer.api_version:
        return None
    return None if any(writer.shape.mistakes(last)) else last


def _remember_last_applied(new: Object, config: Object) -> None:
    """Keep the annotation of client-side apply up to date for those who go back to it; it stays the property of who owns it."""
    metadata = dict(config.get("metadata") or {})
    annotations = {
        key: value for key, value in (metadata.pop("annotations", None) or {}).items() if key != LAST_APPLIED
    }
    if annotations:
        metadata["annotations"] = annotations
    text = orjson.dumps({**config, "metadata": metadata}, default=float, option=orjson.OPT_SORT_KEYS).decode() + "\n"
    kept = new["metadata"]["annotations"]
    kept[LAST_APPLIED] = text
    if sum(len(key.encode()) + len(value.encode()) for key, value in kept.items()) > ANNOTATIONS_MOST_BYTES:
        del kept[LAST_APPLIED]


def described(kind: Kind | Subresource, config: Object) -> str:
    """How errors call a configuration: `shop/web; apps/v1, Kind=Deployment`."""
    metadata = config.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    namespace, name = (metadata.get(field) for field in ("namespace", "name"))
    place = f"{namespace if isinstance(namespace, str) else ''}/{name if isinstance(name, str) else ''}"
    return f"{place}; {_group_version_kind(kind.api_version, kind.kind)}"


def _group_version_kind(api_version: Any, kind: Any) -> str:
    """As Go prints it: `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`."""
    api_version = api_version if isinstance(api_version, str) else ""
    kind = kind if isinstance(kind, str) else ""
    if api_version.count("/") > 1:
        return "/, Kind="
    group, _, version = api_version.rpartition("/")
    return f"{group}/{version}, Kind={kind}"
