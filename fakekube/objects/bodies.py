"""The body of a write as an object of the kind that its path asks for, or the 400 that says why it is none.

Order and words are the server's: the text is read, its kind and version are looked at, then its fields, and last whether the version is
that of the path. https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import orjson

from fakekube import facts
from fakekube.errors import BadRequest
from fakekube.objects import decode_messages, go_json, schemas

ContentType = Literal["json", "yaml"]

_SHOWN_BYTES = 30
"""How much of a body that is not understood stands in the message."""

_STRUCT_OF_KIND = r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'
_META_KINDS = frozenset(
    {"CreateOptions", "DeleteOptions", "GetOptions", "ListOptions", "PatchOptions", "UpdateOptions", "WatchEvent"}
)
"""Kinds that are registered in every group version."""

_LEGACY_SCHEME = "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"
_SCHEMES = {
    "apiextensions.k8s.io": "k8s.io/apiextensions-apiserver/pkg/apiserver/apiserver.go:55",
    "apiregistration.k8s.io": "k8s.io/kube-aggregator/pkg/apiserver/scheme/scheme.go:28",
}
"""The name of the scheme, the set of kinds that a server can decode, of the groups that have one of their own."""
_OPTIONS_SCHEME = "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"

_INTERNAL_PACKAGES = {"": "core", "events.k8s.io": "core", "extensions": "apps"}
"""Go packages of the types that versions are converted through, where they are not called as the group begins."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the path asks for. `type_name` is empty for custom resources, whose schema is not looked at here."""

    group: str
    version: str
    kind: str
    type_name: str

    @property
    def api_version(self) -> str:
        return _joined(self.group, self.version)


class _KindError(Exception):
    """What is wrong before any field is looked at; the caller says about what."""


def decode_body(
    body: bytes, expected: Expected, *, content_type: ContentType = "json", field_validation: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """The object in `body`, not defaulted yet, and the texts of the warnings about its fields.

    `field_validation` is `Strict`, `Ignore`, or `Warn` (also when empty). Raises BadRequest.
    """
    try:
        value, repeated = _read(body, content_type)
        group, version, kind = _gvk(value, body, expected)
    except (_KindError, _ReadError) as error:
        raise BadRequest(unrecognized(body, expected.kind, str(error))) from None
    subject = f'{kind} in version "{version}" cannot be handled as a {expected.kind}'
    if (group, version, kind) != (expected.group, expected.version, expected.kind):
        _refuse_foreign(value, group, version, kind, expected, subject, body)
    try:
        decoded = _decoded(value, expected)
        if decoded.needs_text and content_type == "json":
            decoded = _decoded(go_json.read(body), expected)
    except schemas.DecodeError as error:
        message = str(error) if content_type == "yaml" else _exact_message(body, expected, error)
        raise BadRequest(f"{subject}: {message}") from None
    if field_validation == "Ignore" or not (decoded.findings or repeated):
        return decoded.object, []
    findings = [str(finding) for finding in decoded.findings]
    if field_validation != "Strict":
        return decoded.object, [*repeated, *findings]
    if repeated:
        findings = ["yaml: unmarshal errors:" + "".join(f"\n  {text}" for text in repeated), *findings]
    raise BadRequest(f"{subject}: strict decoding error: {', '.join(findings)}")


def decode_delete_options(body: bytes, *, content_type: ContentType = "json") -> dict[str, Any]:
    """The DeleteOptions in the body of a DELETE, of whatever version; fields that it has not are ignored. Raises BadRequest."""
    expected = Expected("meta.k8s.io", "v1", "DeleteOptions", "meta.DeleteOptions")
    try:
        value, _ = _read(body, content_type)
        group, version, kind = _gvk(value, body, expected)
        if kind != expected.kind:
            raise _KindError(_not_registered(kind, _joined(group, version), _OPTIONS_SCHEME))
        return schemas.decode(expected.type_name, value, kind=kind, version=_joined(group, version)).object
    except (_KindError, _ReadError, schemas.DecodeError) as error:
        raise BadRequest(str(error)) from None


def unrecognized(body: bytes, kind: str, error: str) -> str:
    """The message about a body of which not even the kind could be read."""
    return f"the object provided is unrecognized (must be of type {kind}): {error} ({_summary(body)})"


def _summary(body: bytes) -> str:
    if not body:
        return "<empty>"
    start = body[:_SHOWN_BYTES]
    shown = start.decode("utf-8", "replace") if body.startswith(b"{") else start.hex()
    return f"{shown} ..." if len(body) > _SHOWN_BYTES else shown


class _ReadError(Exception):
    """The text cannot be read at all."""


def _read(body: bytes, content_type: ContentType) -> tuple[Any, list[str]]:
    """The value of the text, and the lines about repeated keys that a YAML reader finds by itself."""
    if content_type == "json":
        try:
            return schemas.read_json(body), []
        except go_json.JSONError as error:
            raise _ReadError(f"couldn't get version/kind; json parse error: {error}") from None
    from fakekube.objects import yaml  # not every server is sent YAML

    try:
        document = yaml.load(body)
    except yaml.YAMLError as error:
        raise _ReadError(str(error)) from None
    return yaml.with_sorted_keys(document.value), list(document.repeated)


def _gvk(value: Any, body: bytes, expected: Expected) -> tuple[str, str, str]:
    """Group, version and kind of the data; what it does not say is as the path has it. Raises _KindError."""
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise _KindError(_no_kind(f"cannot unmarshal {_json_type(value)} into Go value of type {_STRUCT_OF_KIND}"))
    kind, api_version = value.get("kind"), value.get("apiVersion")
    if kind == expected.kind and api_version == expected.api_version:
        return expected.group, expected.version, expected.kind
    for name, text in value.items():
        if name in ("kind", "apiVersion") and not isinstance(text, str | None):
            raise _KindError(
                _no_kind(f"cannot unmarshal {_json_type(text)} into Go struct field .{name} of type string")
            )
    if not expected.type_name and not (kind and api_version):
        # A custom resource's type is known by its data alone.
        missing = "apiVersion" if kind else "Kind"
        raise _KindError(f"Object '{missing}' is missing in '{_shown_json(value, body)}'")
    group, version = _group_version(api_version or "")
    if not version and group in ("", expected.group):
        group, version = expected.group, expected.version
    return group, version, kind or expected.kind


def _no_kind(error: str) -> str:
    return f"couldn't get version/kind; json parse error: json: {error}"


def _group_version(api_version: str) -> tuple[str, str]:
    if api_version in ("", "/"):
        return "", ""
    if api_version.count("/") > 1:
        raise _KindError(f"unexpected GroupVersion string: {api_version}")
    group, slash, version = api_version.partition("/")
    return (group, version) if slash else ("", group)


def _refuse_foreign(
    value: Any, group: str, version: str, kind: str, expected: Expected, subject: str, body: bytes
) -> None:
    """Raises the BadRequest about data of another kind or version than the path's; returns where custom resources may go on."""
    api_version = _joined(group, version)
    other_version = BadRequest(
        f"the API version in the data ({api_version}) does not match the expected API version ({expected.api_version})"
    )
    if not expected.type_name:
        if api_version != expected.api_version:
            raise other_version
        return  # another kind: its validation says so
    if not version:
        raise BadRequest(f"{subject}: Object 'apiVersion' is missing in '{_shown_json(value, body)}'")
    if not _is_registered(group, version, kind, expected.group):
        scheme = _SCHEMES.get(expected.group, _LEGACY_SCHEME)
        raise BadRequest(f"{subject}: {_not_registered(kind, api_version, scheme)}")
    type_name = facts.type_name_of_kind(group, version, kind)
    if type_name:
        try:
            schemas.decode(type_name, value, kind=kind, version=api_version)
        except schemas.DecodeError as error:
            raise BadRequest(f"{subject}: {error}") from None
    if kind == expected.kind and _internal_package(group) == _internal_package(expected.group):
        raise other_version
    internal = f"{_internal_package(expected.group)}.{expected.kind}"
    raise BadRequest(f"{subject}: converting ({version}.{kind}) to ({internal}): unknown conversion")


def _not_registered(kind: str, api_version: str, scheme: str) -> str:
    return f'no kind "{kind}" is registered for version "{api_version}" in scheme "{scheme}"'


def _is_registered(group: str, version: str, kind: str, path_group: str) -> bool:
    """Whether the part of the server that serves `path_group` can decode the kind."""
    api_version = _joined(group, version)
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


def _decoded(value: Any, expected: Expected) -> schemas.Decoded:
    if not expected.type_name:
        return schemas.decode_custom_resource(value)
    return schemas.decode(expected.type_name, value, kind=expected.kind, version=expected.api_version)


def _exact_message(body: bytes, expected: Expected, error: schemas.DecodeError) -> str:
    """The message with numbers as the body writes them, which orjson does not tell."""
    try:
        _decoded(go_json.read(body), expected)
    except schemas.DecodeError as exact:
        return str(exact)
    except go_json.JSONError:
        pass
    return str(error)


def _shown_json(value: Any, body: bytes) -> str:
    """The JSON that the server looked at: the body, or what YAML was turned into."""
    return body.decode("utf-8", "replace") if body.lstrip().startswith(b"{") else orjson.dumps(value).decode()


def _json_type(value: Any) -> str:
    return decode_messages.json_type(value)


def _joined(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version
