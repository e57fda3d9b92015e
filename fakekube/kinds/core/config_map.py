"""ConfigMaps: keys that can be file names, no more than a mebibyte of them, sealed when they say so."""

from __future__ import annotations

from fakekube.kinds.config_data import immutable_errors, key_errors
from fakekube.objects.field_errors import FieldError, invalid, too_long
from fakekube.objects.names import config_key
from fakekube.registry.kind import Object, Strategy

MOST_BYTES = 1024 * 1024


def validate(config_map: Object) -> list[FieldError]:
    data, binary = config_map.get("data") or {}, config_map.get("binaryData") or {}
    errors = []
    for key in data:
        errors += [invalid(f"data[{key}]", key, text) for text in config_key(key)]
        if key in binary:
            errors.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
    errors += key_errors(binary, "binaryData")
    size = sum(len(value.encode()) for value in data.values())
    size += sum(len(value) // 4 * 3 - value.count("=", -2) for value in binary.values())
    if size > MOST_BYTES:
        # The field has no name: Kubernetes gives an empty path here, which it writes so.
        errors.append(too_long("[]", MOST_BYTES))
    return errors


def validate_update(config_map: Object, old: Object) -> list[FieldError]:
    return immutable_errors(config_map, old, ("data", "binaryData")) + validate(config_map)


STRATEGY = Strategy(validate_create=validate, validate_update=validate_update)
