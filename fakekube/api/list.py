"""Reading a collection: selectors, pages, and the state at a version.

https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
"""

from __future__ import annotations

import base64
import binascii
import posixpath
from dataclasses import dataclass, replace
from typing import Any

import orjson

from fakekube.api.call import Call
from fakekube.api.control_plane import ControlPlane
from fakekube.api.get import not_older_than
from fakekube.api.list_options import EXACT, ListOptions, parse, version_of_list
from fakekube.errors import BadRequest, Expired
from fakekube.objects import go_json
from fakekube.objects.patches import go_json_kind
from fakekube.registry.conversion import all_shown
from fakekube.storage.store import Compacted, Past, Stored, View

TOKEN_VERSION = "meta.k8s.io/v1"
FROM_NOW = -1
"""The version of a token that goes on with the present state."""


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list: the objects, the revision they show, and how to go on ("" and None when nothing follows)."""

    items: list[Stored]
    revision: int
    continue_token: str = ""
    remaining: int | None = None


async def list_(plane: ControlPlane, call: Call) -> Page:
    """Raises BadRequest, Invalid (options), Timeout (a version of the future), Expired (a version that is forgotten)."""
    return await list_page(plane, call, parse(call, watch=False))


async def list_page(plane: ControlPlane, call: Call, options: ListOptions) -> Page:
    after: tuple[str, str] | None = None
    limit = max(options.limit, 0)
    revision: int | None = None
    if options.continue_token:
        token_revision, after = _read_token(options.continue_token, call)
        if options.resource_version not in ("", "0"):
            raise BadRequest("specifying resource version is not allowed when using continue")
        if token_revision != FROM_NOW:
            revision = token_revision
            await not_older_than(plane, revision)
    else:
        wanted = version_of_list(options.resource_version)
        await not_older_than(plane, wanted)
        if wanted and (options.match == EXACT or (limit and not options.match)):
            revision = wanted
        elif options.resource_version == "0":
            limit = 0
    try:
        view = plane.store.view_at(call.kind.collection, call.namespace, revision)
    except Compacted:
        raise _expired(plane, options, after) from None
    if call.kind.strategy.read is None or call.kind.is_stored_form:
        return _page(plane, call, options, view, revision, after, limit)
    if not options.selection.everything:
        # Selectors mean what is shown. What is written while it is converted belongs to no list of this revision.
        revision = plane.store.revision if revision is None else revision
        view = Past(await all_shown(call.kind, list(view.in_order(call.namespace))))
    page = _page(plane, call, options, view, revision, after, limit)
    return replace(page, items=await all_shown(call.kind, page.items)) if page.items else page


def _page(
    plane: ControlPlane,
    call: Call,
    options: ListOptions,
    view: View,
    revision: int | None,
    after: tuple[str, str] | None,
    limit: int,
) -> Page:
    store, collection, namespace = plane.store, call.kind.collection, call.namespace
    shown = store.revision if revision is None else revision
    selection = options.selection
    if (
        options.required_name is not None
        and namespace
        and revision is None
        and after is None
        and call.kind.strategy.read is None
    ):
        # Informers of one object ask so all the time: it need not cost a walk over the namespace.
        stored = store.get(collection, namespace, options.required_name)
        return Page([stored] if stored is not None and selection.matches(stored) else [], shown)
    objects = view.in_order(namespace, after)
    if not limit:
        if selection.everything:
            return Page(list(objects), shown)
        return Page([stored for stored in objects if selection.matches(stored)], shown)
    items: list[Stored] = []
    for stored in objects:
        if not selection.matches(stored):
            continue
        if len(items) == limit:
            last = (items[-1].namespace, items[-1].name)
            remaining = view.count_after(namespace, last) if selection.everything else None
            return Page(items, shown, _write_token(shown, last, call), remaining)
        items.append(stored)
    return Page(items, shown)


def _expired(plane: ControlPlane, options: ListOptions, after: tuple[str, str] | None) -> Expired:
    if after is None:
        return Expired("The resourceVersion for the provided list is too old.")
    return Expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the "
        "continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with "
        "the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the "
        "first chunk was returned and now may show up in the list.",
        list_metadata={"continue": _encode_token(FROM_NOW, _decoded(options.continue_token)[2])},
    )


def _write_token(revision: int, last: tuple[str, str], call: Call) -> str:
    key = f"/{last[0]}/{last[1]}" if last[0] and not call.namespace else f"/{last[1]}"
    return _encode_token(revision, key + "\0")


def _encode_token(revision: int, start: str) -> str:
    token = orjson.dumps({"v": TOKEN_VERSION, "rv": revision, "start": start})
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def _read_token(token: str, call: Call) -> tuple[int, tuple[str, str]]:
    """The revision and the last key (namespace, name) of a token. Raises BadRequest as the real server words it."""
    version, revision, start = _decoded(token)
    if version != TOKEN_VERSION:
        raise _bad_token(f"server does not recognize this encoded version {version}")
    if not revision:
        raise _bad_token(f"incorrect encoded start resourceVersion (version {TOKEN_VERSION})")
    if not start:
        raise _bad_token(f"encoded start key empty (version {TOKEN_VERSION})")
    key = start if start.startswith("/") else f"/{start}"
    if posixpath.normpath(key) != key or key.startswith("//"):
        raise _bad_token(start)
    return max(revision, FROM_NOW), _before(key, call)


def _decoded(token: str) -> tuple[str, int, str]:
    """Version, revision and start of a token; what is not there is empty. Raises BadRequest for what is no token."""
    try:
        fields = go_json.read(_unpadded(token.replace("\r", "").replace("\n", "")))
    except ValueError as error:
        raise _bad_token(str(error)) from None
    if fields is not None and not isinstance(fields, dict):
        raise _bad_token(f"json: cannot unmarshal {go_json_kind(fields)} into Go value of type storage.continueToken")
    found: dict[str, Any] = {"v": "", "rv": 0, "start": ""}
    for name, value in (fields or {}).items():
        name = name.lower()
        if value is None or name not in found:
            continue
        go_type = "int64" if name == "rv" else "string"
        fits = isinstance(value, int) and not isinstance(value, bool) if name == "rv" else isinstance(value, str)
        if not fits:
            what = go_json_kind(value)
            if name == "rv" and isinstance(value, go_json.Number):
                what += f" {value.text}"
            raise _bad_token(
                f"json: cannot unmarshal {what} into Go struct field continueToken.{name} of type {go_type}"
            )
        found[name] = value
    return found["v"], found["rv"], found["start"]


def _before(key: str, call: Call) -> tuple[str, str]:
    """The greatest key (namespace, name) that is less than the start of a page. Ours end in a zero byte: they begin after a name."""
    namespace, name = call.namespace, key[1:]
    if call.kind.namespaced and not call.namespace:
        namespace, _, name = name.partition("/")
    if name.endswith("\0"):
        return namespace, name[:-1]
    return namespace, f"{name[:-1]}{chr(ord(name[-1]) - 1)}\x7f" if name else ""


def _bad_token(text: str) -> BadRequest:
    return BadRequest(f"invalid continue token: continue key is not valid: {text}")


_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def _unpadded(token: str) -> bytes:
    """URL-safe base64 without padding. Raises ValueError with Go's text."""
    raw = token.encode()
    for position, byte in enumerate(raw):
        if byte not in _ALPHABET:
            message = f"illegal base64 data at input byte {position}"
            raise ValueError(message)
    if len(raw) % 4 == 1:
        message = f"illegal base64 data at input byte {len(raw) - 1}"
        raise ValueError(message)
    try:
        return base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
    except binascii.Error as error:
        raise ValueError(str(error)) from None
