"""What ConfigMaps and Secrets share: keys that can be file names, and contents that may be sealed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fakekube.objects.field_errors import FieldError, forbidden, invalid
from fakekube.objects.names import config_key
from fakekube.registry.kind import Object

SEALED = "field is immutable when `immutable` is set"


def key_errors(data: Mapping[str, str], path: str) -> list[FieldError]:
    return [invalid(f"{path}[{key}]", key, text) for key in data for text in config_key(key)]


def immutable_errors(new: Object, old: Object, sealed: Iterable[str]) -> list[FieldError]:
    """What a change breaks of an object that has `immutable: true`."""
    if not old.get("immutable"):
        return []
    errors = [] if new.get("immutable") else [forbidden("immutable", SEALED)]
    return errors + [forbidden(field, SEALED) for field in sealed if (new.get(field) or {}) != (old.get(field) or {})]
