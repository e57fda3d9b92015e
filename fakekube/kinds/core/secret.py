"""Secrets: `stringData` is written over `data`, the type stays, some types need certain keys."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from fakekube.kinds.config_data import immutable_errors, key_errors
from fakekube.objects import fields, go_json, key_pairs
from fakekube.objects.field_errors import FieldError, invalid, required, too_long
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.objects.patches import go_json_kind
from fakekube.registry.kind import Object, Strategy

MOST_BYTES = 1024 * 1024
SERVICE_ACCOUNT_TOKEN = "kubernetes.io/service-account-token"
SERVICE_ACCOUNT_ANNOTATION = "kubernetes.io/service-account.name"

TLS = "kubernetes.io/tls"

_REQUIRED_KEYS = {
    TLS: ("tls.crt", "tls.key"),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
}
_DOCKER_TYPES = ("kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson")


def write_strings(secret: Object) -> None:
    strings = secret.pop("stringData", None)
    if not strings:
        return
    data = dict(secret.get("data") or {})
    data |= {key: base64.b64encode(value.encode()).decode() for key, value in strings.items()}
    fields.put(secret, "data", dict(sorted(data.items())), "core.v1.Secret")


def validate(secret: Object) -> list[FieldError]:
    data = secret.get("data") or {}
    errors = key_errors(data, "data")
    if sum(_decoded_bytes(value) for value in data.values()) > MOST_BYTES:
        errors.append(too_long("data", MOST_BYTES))
    return errors + _validate_type(secret, secret.get("type", ""), data)


def _validate_type(secret: Object, type_: str, data: Object) -> list[FieldError]:
    if type_ == SERVICE_ACCOUNT_TOKEN:
        annotations = secret["metadata"].get("annotations") or {}
        if not annotations.get(SERVICE_ACCOUNT_ANNOTATION):
            return [required(f"metadata.annotations[{SERVICE_ACCOUNT_ANNOTATION}]")]
        return []
    if type_ == "kubernetes.io/basic-auth":
        if "username" in data or "password" in data:
            return []
        return [required("data[username]"), required("data[password]")]
    if type_ == "kubernetes.io/ssh-auth":
        return [] if data.get("ssh-privatekey") else [required("data[ssh-privatekey]")]
    errors = [required(f"data[{key}]") for key in _REQUIRED_KEYS.get(type_, ()) if key not in data]
    if type_ in _DOCKER_TYPES and not errors:
        (key,) = _REQUIRED_KEYS[type_]
        errors = _not_json(f"data[{key}]", data[key])
    return errors


def _not_json(path: str, value: str) -> list[FieldError]:
    """Whether the bytes are no JSON object; the value is never shown."""
    try:
        content = go_json.read(base64.b64decode(value))
    except go_json.JSONError as error:
        text = str(error)
    else:
        if content is None or isinstance(content, dict):
            return []
        text = f"json: cannot unmarshal {go_json_kind(content)} into Go value of type map[string]interface {{}}"
    return [invalid(path, "<secret contents redacted>", text)]


def _decoded_bytes(text: str) -> int:
    return len(text) // 4 * 3 - text.count("=", -2)


def validate_update(secret: Object, old: Object) -> Sequence[FieldError]:
    errors = []
    if secret.get("type") != old.get("type"):
        errors.append(invalid("type", secret.get("type", ""), IMMUTABLE_TEXT))
    return [*errors, *immutable_errors(secret, old, ("data",)), *validate(secret)]


def warnings(secret: Object, old: Object | None) -> list[str]:
    """A certificate and a key that do not belong together are kept all the same."""
    if secret.get("type") != TLS:
        return []
    data = secret.get("data") or {}
    certificate, key = (base64.b64decode(data.get(name, "")) for name in _REQUIRED_KEYS[TLS])
    why = key_pairs.why_no_pair(certificate, key)
    return [why] if why else []


STRATEGY = Strategy(
    set_defaults=write_strings,
    validate_create=validate,
    validate_update=validate_update,
    warnings=warnings,
    selectable_fields={"type": lambda secret: fields.text_at(secret, "type")},
)
