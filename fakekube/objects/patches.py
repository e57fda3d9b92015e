"""What a patch makes of an object: JSON patch and merge patch, as kube-apiserver's json-patch library (version 4) reads them, and the
door to strategic merges.

JSON patch follows that library where it leaves RFC 6902: `replace` adds a missing key, `test` of a missing key equals null, list
indices may be negative. Nothing here changes the document that is passed in; the result shares what the patch did not touch.
https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from fakekube.errors import BadRequest, Invalid, RequestEntityTooLarge
from fakekube.facts import type_of
from fakekube.objects import as_sent, go_json, schemas
from fakekube.objects.field_errors import go_quoted
from fakekube.objects.go_text import plain_text
from fakekube.objects.strategic_merge import strategic_merge
from fakekube.objects.unstructured import why_it_does_not_fit

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

MOST_OPERATIONS = 10_000
MOST_COPIED_BYTES = 3 * 1024 * 1024
"""How much all `copy` operations of one JSON patch may add together."""


@dataclass(frozen=True, slots=True)
class Patched:
    """The patched document, keys sorted in every object that the patch walked into, and what strict reading of the patch found."""

    document: Any
    findings: tuple[str, ...] = ()
    """Texts such as `duplicate field "data.a"` and `json patch unknown field "[0].comment"`, in order."""
    shown: str = ""
    """The patch itself as errors about the document show it, Go-quoted; empty where they show the document."""

    def text(self, *, in_order: bool = False) -> str:
        """`in_order`: with the keys of all objects sorted, as the server has those without a Go type."""
        option = orjson.OPT_SORT_KEYS if in_order else 0
        return self.shown or go_quoted(orjson.dumps(self.document, option=option).decode())

    def why(self, type_name: str, error: str) -> str:
        """What is told when the document does not decode: `error` of the JSON decoder, or the words of what converts a merged map."""
        return why_it_does_not_fit(type_of(type_name), self.document) or error if self.shown else error


Patch = Callable[[Any, bytes, bool], Patched]
"""(document, body, strict). `strict` is false only with fieldValidation=Ignore: unknown and doubled fields are then not looked for."""


class _OpenDict(dict[str, Any]):
    """A private copy of an object of the document, which may be changed."""


class _OpenList(list[Any]):
    """A private copy of a list of the document, which may be changed."""


_Open = _OpenDict | _OpenList


class PatchError(Exception):
    """An operation that cannot be done, in the words of the library. Clients are not told, webhooks are."""


class TestFailedError(PatchError):
    """The document is not as a `test` operation wants it."""


def _opened(value: Any) -> _Open:
    if isinstance(value, _Open):
        return value
    if isinstance(value, dict):
        return _OpenDict(value)
    if isinstance(value, list):
        return _OpenList(value)
    raise PatchError("missing value")


def _opened_wholly(value: Any) -> Any:
    if isinstance(value, dict):
        return _OpenDict((key, _opened_wholly(item)) for key, item in value.items())
    if isinstance(value, list):
        return _OpenList(map(_opened_wholly, value))
    return value


def _closed(value: Any) -> Any:
    """Plain values again; objects that were opened have their keys sorted, as Go writes a map."""
    if isinstance(value, _OpenDict):
        return {key: _closed(value[key]) for key in sorted(value)}
    if isinstance(value, _OpenList):
        return [_closed(item) for item in value]
    return value


_INDEX = re.compile("[+-]?[0-9]{1,18}").fullmatch


def _index(key: str, length: int) -> int:
    """The place that `key` names among `length`; negative ones count from the end."""
    if not _INDEX(key):
        raise PatchError(f"strconv.Atoi: parsing {go_quoted(key)}: invalid syntax")
    index = int(key)
    if not -length <= index < length:
        raise PatchError(f"Unable to access invalid index: {index}: invalid index referenced")
    return index % length


def _child(container: _Open, key: str) -> Any:
    """The value there; a missing key of an object reads as None."""
    if isinstance(container, dict):
        return container.get(key)
    return container[_index(key, len(container))]


def _put(container: _Open, key: str, value: Any) -> None:
    if isinstance(container, dict):
        container[key] = value
    else:
        container[_index(key, len(container))] = value


def _add(container: _Open, key: str, value: Any) -> None:
    if isinstance(container, dict):
        container[key] = value
    elif key == "-":
        container.append(value)
    else:
        container.insert(_index(key, len(container) + 1), value)


def _remove(container: _Open, key: str) -> Any:
    if isinstance(container, dict):
        if key not in container:
            raise PatchError(f"Unable to remove nonexistent key: {key}: missing value")
        return container.pop(key)
    return container.pop(_index(key, len(container)))


class _JsonPatch:
    """One document while the operations are done to it."""

    def __init__(self, document: Any) -> None:
        self.root = _opened(document)
        self.copied_bytes = 0

    def place(self, path: Any, does_not_apply: str) -> tuple[_Open, str]:
        """The object or list that the path ends in, opened, and the key there.

        `does_not_apply` is what is said when there is none: `remove operation does not apply: doc is missing path: "{}"`.
        """
        if not isinstance(path, str):
            raise PatchError(f"{does_not_apply.partition(' ')[0]} operation failed to decode path: missing value")
        parts = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")]
        container = self.root
        try:
            if len(parts) < 2:
                raise PatchError("missing value")
            for part in parts[1:-1]:
                child = _opened(_child(container, part))
                _put(container, part, child)
                container = child
        except PatchError:
            raise PatchError(f"{does_not_apply.format(path)}: missing value") from None
        return container, parts[-1]

    def add(self, operation: dict[str, Any]) -> None:
        path = operation.get("path")
        container, key = self.place(path, 'add operation does not apply: doc is missing path: "{}"')
        with _told(f"error in add for path: '{path}'"):
            _add(container, key, operation.get("value"))

    def remove(self, operation: dict[str, Any]) -> None:
        path = operation.get("path")
        container, key = self.place(path, 'remove operation does not apply: doc is missing path: "{}"')
        with _told(f"error in remove for path: '{path}'"):
            _remove(container, key)

    def replace(self, operation: dict[str, Any]) -> None:
        path = operation.get("path")
        if path == "":
            self.root = _opened(operation.get("value"))
            return
        container, key = self.place(path, "replace operation does not apply: doc is missing path: {}")
        try:
            _put(container, key, operation.get("value"))
        except PatchError:
            raise PatchError(f"replace operation does not apply: doc is missing key: {path}: missing value") from None

    def move(self, operation: dict[str, Any]) -> None:
        source, path = operation.get("from"), operation.get("path")
        container, key = self.place(source, "move operation does not apply: doc is missing from path: {}")
        with _told(f"error in move for path: '{key}'"):
            value = _remove(container, key)
        container, key = self.place(path, "move operation does not apply: doc is missing destination path: {}")
        with _told(f"error in move for path: '{path}'"):
            _add(container, key, value)

    def copy(self, operation: dict[str, Any]) -> None:
        source, path = operation.get("from"), operation.get("path")
        origin, name = self.place(source, "copy operation does not apply: doc is missing from path: {}")
        with _told(f"error in copy for from: '{source}'"):
            _child(origin, name)
        container, key = self.place(path, "copy operation does not apply: doc is missing destination path: {}")
        # The way to the destination may lead through what is copied.
        value = _closed(_child(origin, name))
        self.copied_bytes += len(orjson.dumps(value))
        if self.copied_bytes > MOST_COPIED_BYTES:
            raise PatchError(
                f"Unable to complete the copy, the accumulated size increase of copy is {self.copied_bytes}, exceeding the limit "
                f"{MOST_COPIED_BYTES}"
            )
        with _told(f"error while adding value during copy: '{path}'"):
            _add(container, key, value)

    def test(self, operation: dict[str, Any]) -> None:
        path = operation.get("path")
        if path == "":
            found: Any = self.root
        else:
            container, key = self.place(path, "test operation does not apply: is missing path: {}")
            with _told(f"error in test for path: '{path}'"):
                found = _child(container, key)
        if not _equal(found, operation.get("value")):
            raise TestFailedError(f"testing value {path} failed: test failed")
        # To compare a value is to walk into all of it.
        if path == "":
            self.root = _opened_wholly(found)
        elif found is not None:
            _put(container, key, _opened_wholly(found))


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Has an error say where it was."""
    try:
        yield
    except PatchError as error:
        raise PatchError(f"{where}: {error}") from None


def _equal(one: Any, other: Any) -> bool:
    """As JSON texts, the order of keys apart: 1 and 1.0 differ, and so do true and 1."""
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(_equal(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return isinstance(one, float) == isinstance(other, float) and bool(one == other)


_OPERATIONS: dict[str, Callable[[_JsonPatch, dict[str, Any]], None]] = {
    "add": _JsonPatch.add,
    "remove": _JsonPatch.remove,
    "replace": _JsonPatch.replace,
    "move": _JsonPatch.move,
    "copy": _JsonPatch.copy,
    "test": _JsonPatch.test,
}


def json_patch(document: Any, operations: Sequence[Any]) -> Any:
    """The document after all operations.

    Raises RequestEntityTooLarge for more than MOST_OPERATIONS, Invalid (422, the same sentence for every cause) if one fails.
    """
    if len(operations) > MOST_OPERATIONS:
        detail = f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {len(operations)}"
        raise RequestEntityTooLarge(f"Request entity too large: {detail}")
    try:
        return json_patched(document, operations)
    except PatchError:
        raise Invalid("the server rejected our request due to an error in our request", {}) from None


def json_patched(document: Any, operations: Sequence[Any]) -> Any:
    """The document after all operations. Raises PatchError."""
    patch = _JsonPatch(document)
    for operation in operations:
        name = operation.get("op") if isinstance(operation, dict) else None
        if not isinstance(name, str) or name not in _OPERATIONS:
            raise PatchError(f"Unexpected kind: {name if isinstance(name, str) else 'unknown'}")
        _OPERATIONS[name](patch, operation)
    return _closed(patch.root)


def merge_patch(document: Any, patch: dict[str, Any]) -> dict[str, Any]:
    """The document with `patch` merged into it (RFC 7396); nulls inside what is new or replaced are left out."""
    merged = dict(document)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge_patch(merged[key], value)
        elif isinstance(merged.get(key), dict):
            # json-patch hands on a list that takes an object's place as it is, with its nulls.
            merged[key] = value
        else:
            merged[key] = _without_nulls(value)
    return {key: merged[key] for key in sorted(merged)}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(value[key]) for key in sorted(value) if value[key] is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _read(body: bytes, strict: bool) -> tuple[Any, list[str]]:
    try:
        return schemas.parse_json(body, strict)
    except go_json.JSONError as error:
        raise BadRequest(_decoding(str(error), strict)) from None


def _decoding(error: str, strict: bool) -> str:
    return f"error decoding patch: {error}" if strict else error


def go_json_kind(value: Any) -> str:
    """What Go calls the JSON value."""
    return next(name for kind, name in _GO_NAMES if isinstance(value, kind))


_GO_NAMES = ((bool, "bool"), ((int, float), "number"), (str, "string"), (list, "array"), (dict, "object"))
_TEXT_FIELDS = ("op", "path", "from")
_OPERATION_FIELDS = frozenset({*_TEXT_FIELDS, "value"})


def _json_patch_of(document: Any, body: bytes, strict: bool) -> Patched:
    operations, duplicates = _read(body, strict)
    patch_type, operation_type = "jsonpatch.Patch", "jsonpatch.Operation"
    if strict:
        patch_type, operation_type = "[]handlers.jsonPatchOp", "handlers.jsonPatchOp"
    if operations is None:
        operations = []
    if not isinstance(operations, list):
        what = go_json_kind(operations)
        raise BadRequest(_decoding(f"json: cannot unmarshal {what} into Go value of type {patch_type}", strict))
    findings: list[str] = [f'json patch duplicate field "{path}"' for path in duplicates] if strict else []
    for position, operation in enumerate(operations):
        if operation is not None and not isinstance(operation, dict):
            place = "Go value" if strict else f"Patch.{position}"
            what = f"json: cannot unmarshal {go_json_kind(operation)} into {place} of type {operation_type}"
            raise BadRequest(_decoding(what, strict))
        if not strict or operation is None:
            continue
        for field, value in operation.items():
            if field in _TEXT_FIELDS and value is not None and not isinstance(value, str):
                what = go_json_kind(value)
                error = f"json: cannot unmarshal {what} into Go struct field jsonPatchOp.{field} of type string"
                raise BadRequest(_decoding(error, strict))
            if field not in _OPERATION_FIELDS:
                findings.append(f'json patch unknown field "[{position}].{field}"')
    return Patched(json_patch(document, operations), tuple(findings))


def _merge_patch_of(document: Any, body: bytes, strict: bool) -> Patched:
    try:
        patch, duplicates = _read(body, strict)
    except BadRequest:
        if strict:
            raise
        raise BadRequest("Invalid JSON Patch") from None
    if patch is None or (not strict and not isinstance(patch, dict | list)):
        raise BadRequest("Invalid JSON Patch")
    if isinstance(patch, list) and not strict:
        return Patched(_without_nulls(patch))
    if not isinstance(patch, dict):
        what = go_json_kind(patch)
        raise BadRequest(
            _decoding(f"json: cannot unmarshal {what} into Go value of type map[string]interface {{}}", strict)
        )
    findings = [f'duplicate field "{path}"' for path in duplicates] if strict else []
    return Patched(merge_patch(document, patch), tuple(findings))


def strategic_merge_of(type_name: str) -> Patch:
    """The strategic merge of objects of a type. `kind` and `apiVersion` of a patch are ignored; the document is changed."""

    def patched(document: Any, body: bytes, strict: bool) -> Patched:
        try:
            value, duplicates = schemas.parse_json(body, strict)
        except go_json.JSONError as error:
            raise BadRequest(str(error)) from None
        if value is not None and not isinstance(value, dict):
            raise BadRequest(
                f"json: cannot unmarshal {go_json_kind(value)} into Go value of type map[string]interface {{}}"
            )
        patch = _plain(value or {})
        head = {key: document[key] for key in ("kind", "apiVersion") if key in document}
        merged = strategic_merge(type_name, as_sent.as_go_maps(type_name, document), patch)
        merged = as_sent.as_go_maps(type_name, merged)
        findings = tuple(f'duplicate field "{path}"' for path in duplicates) if strict else ()
        # Another version or kind is not heard; what is none is not converted.
        head = {key: text for key, text in head.items() if isinstance(merged.get(key, text), str)}
        return Patched({**merged, **head}, findings, go_quoted(plain_text(patch)))

    return patched


def is_apply(content_type: str) -> bool:
    """Whether a body of this media type is a configuration to apply, which is no patch of a document."""
    return content_type.partition(";")[0] == APPLY_PATCH


def _plain(value: Any) -> Any:
    """Without what the slow JSON reader remembers of the text; of equal keys the last counts."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, float) else value


PATCHES: dict[str, Patch] = {JSON_PATCH: _json_patch_of, MERGE_PATCH: _merge_patch_of}
"""By media type, for what can be done from the document and the body alone; `strategic_merge_of` needs the type of the object besides,
apply (fakekube.objects.managed_fields) the owners of its fields."""
