"""The body of a write as an object of the kind that its path asks for, or the 400 that says why it is none.

Order and words are the server's: the text is read, its kind and version are looked at, then its fields, and last whether the version is
that of the path. https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import orjson

from fakekube import facts
from fakekube.errors import BadRequest
from fakekube.objects import as_sent, completion, decode_messages, go_json
from fakekube.objects.decode_messages import DecodeError
from fakekube.objects.go_text import quoted, shown_text
from fakekube.objects.structs import Decoded, decode, decode_custom_resource, parse_json, read_json

__all__ = ["DecodeError", "Decoded", "decode", "decode_body", "decode_delete_options", "parse_json"]

_SHOWN_BYTES = 30
"""How much of a body that is not understood stands in the message."""

_STRUCT_OF_KIND = r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'
_META_KINDS = frozenset(
    {"CreateOptions", "DeleteOptions", "GetOptions", "ListOptions", "PatchOptions", "UpdateOptions", "WatchEvent"}
)
"""Kinds that are registered in every group version."""

_UNVERSIONED_KINDS = frozenset({"APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "Status"})
"""Kinds that are the same in every group version, also in those that there are not."""

_OTHER_VERSION = "the API version in the data ({}) does not match the expected API version ({})"

_LEGACY_SCHEME = "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"
_SCHEMES = {
    "apiextensions.k8s.io": "k8s.io/apiextensions-apiserver/pkg/apiserver/apiserver.go:55",
    "apiregistration.k8s.io": "k8s.io/kube-aggregator/pkg/apiserver/scheme/scheme.go:28",
}
"""The name of the scheme, the set of kinds that a server can decode, of the groups that have one of their own."""
_OPTIONS_SCHEME = "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"

_INTERNAL_PACKAGES = {"": "core", "events.k8s.io": "core", "extensions": "apps"}
"""Go packages of the types that versions are converted through, where they are not called as the group begins."""


@dataclass(slots=True)
class _Expected:
    """What the path asks for. `type_name` is empty for custom resources, whose schema is not looked at here."""

    group: str
    version: str
    kind: str
    type_name: str
    decode_untyped: Callable[[Any], Decoded] = decode_custom_resource
    with_defaults: bool = False

    @property
    def api_version(self) -> str:
        return _joined(self.group, self.version)


class _ReadError(Exception):
    """The text cannot be read, or not what kind it is of."""


def decode_body(
    body: bytes | dict[str, Any],
    media_type: str = "",
    *,
    group: str,
    version: str,
    kind: str,
    type_name: str,
    field_validation: str = "",
    other_versions: Sequence[str] = (),
    decode_untyped: Callable[[Any], Decoded] | None = None,
    with_defaults: bool = False,
) -> tuple[dict[str, Any], list[str]]:
    """The object in `body`, on demand with the defaults of its type, and the texts of the warnings about its fields.

    `body` is a text, YAML where `media_type` says so and else JSON, or a value that was read already (protobuf). `type_name` is empty
    for custom resources, which `decode_untyped` decodes. `field_validation` is `Strict`, `Ignore`, or `Warn` (also when empty).
    `other_versions` of the group are taken for `version`. Raises BadRequest.
    """
    expected = _Expected(group, version, kind, type_name, decode_untyped or decode_custom_resource, with_defaults)
    try:
        value, repeated = _read(body, media_type)
        gvk = _gvk(value, body, expected)
    except _ReadError as error:
        text = body if isinstance(body, bytes) else orjson.dumps(body)
        raise BadRequest(unrecognized(text, kind, str(error))) from None
    subject = f"{gvk[2]} in version {quoted(gvk[1])} cannot be handled as a {kind}"
    json_text = body if isinstance(body, bytes) and not _is_yaml(media_type) else None
    is_foreign = gvk != (group, version, kind) and not (gvk[1] in other_versions and (gvk[0], gvk[2]) == (group, kind))
    target = expected
    try:
        if is_foreign and (refusal := _why_foreign(value, gvk, expected, body, media_type)):
            raise BadRequest(f"{subject}: {refusal}")
        if is_foreign and type_name:
            target = _Expected(*gvk, facts.type_name_of_kind(*gvk) or type_name)
        if json_text is not None and type_name in as_sent.RAW_EXTENSIONS:
            as_sent.keep_texts(type_name, value, json_text)
        decoded = _decoded(value, target)
        if decoded.needs_text and json_text is not None:
            value = go_json.read(json_text)
            as_sent.keep_texts(type_name, value, json_text)
            decoded = _decoded(value, target)
    except DecodeError as error:
        raise BadRequest(f"{subject}: {_exact_message(body, media_type, target, error)}") from None
    findings = [str(finding) for finding in decoded.findings]
    if field_validation == "Strict" and (findings or repeated):
        if repeated:
            findings = ["yaml: unmarshal errors:" + "".join(f"\n  {text}" for text in repeated), *findings]
        raise BadRequest(f"{subject}: strict decoding error: {', '.join(findings)}")
    if is_foreign and (api_version := _joined(gvk[0], gvk[1])) != expected.api_version:
        raise BadRequest(_OTHER_VERSION.format(api_version, expected.api_version))
    return decoded.object, [] if field_validation == "Ignore" else [*repeated, *findings]


def decode_delete_options(body: bytes | dict[str, Any], media_type: str = "") -> dict[str, Any]:
    """The DeleteOptions in the body of a DELETE, of whatever version; fields that it has not are ignored. Raises BadRequest."""
    expected = _Expected("meta.k8s.io", "v1", "DeleteOptions", "meta.DeleteOptions")
    try:
        value, _ = _read(body, media_type)
        group, version, kind = _gvk(value, body, expected)
        if kind != expected.kind:
            raise _ReadError(_not_registered(kind, _joined(group, version), _OPTIONS_SCHEME))
        return decode(expected.type_name, value, kind=kind, version=_joined(group, version)).object
    except (_ReadError, DecodeError) as error:
        raise BadRequest(str(error)) from None


def unrecognized(body: bytes, kind: str, error: str) -> str:
    """The message about a body of which not even the kind could be read."""
    return f"the object provided is unrecognized (must be of type {kind}): {error} ({_summary(body)})"


def _summary(body: bytes) -> str:
    if not body:
        return "<empty>"
    start = body[:_SHOWN_BYTES]
    shown = shown_text(start) if body.startswith(b"{") else start.hex()
    return f"{shown} ..." if len(body) > _SHOWN_BYTES else shown


def _is_yaml(media_type: str) -> bool:
    return "yaml" in media_type


def _read(body: bytes | dict[str, Any], media_type: str) -> tuple[Any, list[str]]:
    """The value of the text, and the lines about repeated keys that a YAML reader finds by itself. Raises _ReadError."""
    if not isinstance(body, bytes):
        return body, []
    if not _is_yaml(media_type):
        try:
            return read_json(body), []
        except go_json.JSONError as error:
            raise _ReadError(f"couldn't get version/kind; json parse error: {error}") from None
    from fakekube.objects import yaml  # not every server is sent YAML

    try:
        document = yaml.load(body)
    except yaml.YAMLError as error:
        raise _ReadError(str(error)) from None
    return yaml.with_sorted_keys(document.value), list(document.repeated)


def _gvk(value: Any, body: bytes | dict[str, Any], expected: _Expected) -> tuple[str, str, str]:
    """Group, version and kind of the data; what it does not say is as the path has it. Raises _ReadError."""
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise _ReadError(
            _no_kind(f"cannot unmarshal {decode_messages.json_type(value)} into Go value of type {_STRUCT_OF_KIND}")
        )
    kind, api_version = value.get("kind"), value.get("apiVersion")
    if _tells_kind_plainly(tuple(value)) and kind == expected.kind and api_version == expected.api_version:
        return expected.group, expected.version, expected.kind
    told = {"kind": "", "apiVersion": ""}
    for key, text in decode_messages.members(value):
        name = _TYPE_META.get(key.casefold())
        if name is None or text is None:
            continue
        if not isinstance(text, str):
            raise _ReadError(
                _no_kind(
                    f"cannot unmarshal {decode_messages.json_type(text)} into Go struct field .{name} of type string"
                )
            )
        told[name] = text
    if expected.type_name:
        kind, api_version = told.values()
    if not expected.type_name and not (kind and api_version):
        # A custom resource's type is known by its data alone.
        missing = "apiVersion" if kind else "Kind"
        raise _ReadError(f"Object '{missing}' is missing in '{_shown_json(value, body)}'")
    group, version = _group_version(api_version or "")
    if not version and group in ("", expected.group):
        group, version = expected.group, expected.version
    return group, version, kind or expected.kind


@lru_cache(maxsize=1024)
def _tells_kind_plainly(keys: tuple[str, ...]) -> bool:
    """Whether no key but `kind` and `apiVersion` themselves can be meant by them."""
    return not any(key.casefold() in _TYPE_META and key not in _TYPE_META.values() for key in keys)


_TYPE_META = {"kind": "kind", "apiversion": "apiVersion"}
"""What tells of which kind an object is, by the key in small letters: this once the server does not mind the case, and the last counts."""


def _no_kind(error: str) -> str:
    return f"couldn't get version/kind; json parse error: json: {error}"


def _group_version(api_version: str) -> tuple[str, str]:
    if api_version in ("", "/"):
        return "", ""
    if api_version.count("/") > 1:
        raise _ReadError(f"unexpected GroupVersion string: {api_version}")
    group, slash, version = api_version.partition("/")
    return (group, version) if slash else ("", group)


def _why_foreign(
    value: Any, gvk: tuple[str, str, str], expected: _Expected, body: bytes | dict[str, Any], media_type: str = ""
) -> str:
    """Why data of another kind or version than the path's cannot be decoded; empty where they can, with whatever comes of it."""
    group, version, kind = gvk
    if not expected.type_name:
        return ""  # another kind: its validation says so
    if not version:
        return f"Object 'apiVersion' is missing in '{_shown_json(value, body)}'"
    api_version = _joined(group, version)
    if not _is_registered(group, version, kind, expected.group):
        return _not_registered(kind, api_version, _SCHEMES.get(expected.group, _LEGACY_SCHEME))
    is_unversioned = kind in _UNVERSIONED_KINDS
    is_old = (api_version, kind) in _old_kinds()
    same_package = _internal_package(group) == _internal_package(expected.group)
    if kind == expected.kind and not is_unversioned and (is_old or same_package):
        return ""
    type_name = f"meta.{kind}" if is_unversioned else facts.type_name_of_kind(group, version, kind)
    if type_name:
        other = _Expected(group, version, kind, type_name)
        try:
            _decoded(value, other)
        except DecodeError as error:
            return _exact_message(body, media_type, other, error)
    internal = f"{_internal_package(expected.group)}.{expected.kind}"
    return f"converting ({'v1' if is_unversioned else version}.{kind}) to ({internal}): unknown conversion"


def why_another_kind(value: dict[str, Any], *, group: str, version: str, kind: str, type_name: str) -> str:
    """Why a patched object is not one of the kind by what it calls itself; empty where it is, or says nothing, or nobody has a type."""
    expected = _Expected(group, version, kind, type_name)
    api_version, given = value.get("apiVersion", expected.api_version), value.get("kind", kind)
    if (api_version, given) == (expected.api_version, kind) or not type_name:
        return ""
    try:
        gvk = (*_group_version(api_version), given) if isinstance(api_version, str) else ("", "", given)
        return _why_foreign(value, gvk, expected, value) or _OTHER_VERSION.format(api_version, expected.api_version)
    except _ReadError as error:
        return str(error)


def _not_registered(kind: str, api_version: str, scheme: str) -> str:
    return f"no kind {quoted(kind)} is registered for version {quoted(api_version)} in scheme {quoted(scheme)}"


def _is_registered(group: str, version: str, kind: str, path_group: str) -> bool:
    """Whether the part of the server that serves `path_group` can decode the kind."""
    api_version = _joined(group, version)
    if kind in _UNVERSIONED_KINDS:
        return True
    own = _SCHEMES.get(path_group)
    if _SCHEMES.get(group) != own:
        return False
    if api_version in _served_group_versions() and kind in _META_KINDS:
        return True
    return bool(facts.type_name_of_kind(group, version, kind)) or (api_version, kind) in _old_kinds()


@cache
def _served_group_versions() -> frozenset[str]:
    return frozenset(_joined(row.group, row.version) for row in facts.resources())


@cache
def _old_kinds() -> frozenset[tuple[str, str]]:
    """(apiVersion, kind) of what is decoded though it is not served, and of their lists."""
    old = {(api_version, row.kind) for row in facts.resources() for api_version in row.other_known_versions}
    return frozenset(old | {(api_version, f"{kind}List") for api_version, kind in old})


def _internal_package(group: str) -> str:
    return _INTERNAL_PACKAGES.get(group) or group.partition(".")[0]


def _decoded(value: Any, expected: _Expected) -> Decoded:
    if not expected.type_name:
        return expected.decode_untyped(value)
    if expected.with_defaults:
        return completion.complete(expected.type_name, value, kind=expected.kind, version=expected.api_version)
    return decode(expected.type_name, value, kind=expected.kind, version=expected.api_version)


def _exact_message(body: bytes | dict[str, Any], media_type: str, expected: _Expected, error: DecodeError) -> str:
    """The message with numbers as a JSON body writes them, which orjson does not tell."""
    if not isinstance(body, bytes) or _is_yaml(media_type):
        return str(error)
    try:
        _decoded(go_json.read(body), expected)
    except DecodeError as exact:
        return str(exact)
    return str(error)


def _shown_json(value: Any, body: bytes | dict[str, Any]) -> str:
    """The JSON that the server looked at: the body, or what YAML was turned into."""
    if isinstance(body, bytes) and body.lstrip().startswith(b"{"):
        return shown_text(body)
    return orjson.dumps(value).decode()


def _joined(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version
