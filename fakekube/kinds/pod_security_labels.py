"""The labels by which a namespace says how safe its pods must be.

https://kubernetes.io/docs/concepts/security/pod-security-admission/
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from fakekube.objects.field_errors import FieldError, invalid

PREFIX = "pod-security.kubernetes.io/"
MODES = ("enforce", "audit", "warn")
LEVELS = ("privileged", "baseline", "restricted")
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)").fullmatch


def is_version(text: str) -> bool:
    return text == "latest" or _VERSION(text) is not None


def validate(labels: Mapping[str, str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for mode in MODES:
        level, version = labels.get(f"{PREFIX}{mode}"), labels.get(f"{PREFIX}{mode}-version")
        if level is not None and level not in LEVELS:
            path = f"metadata.labels[{PREFIX}{mode}]"
            errors.append(invalid(path, level, f"must be one of {', '.join(LEVELS)}"))
        if version is not None and not is_version(version):
            path = f"metadata.labels[{PREFIX}{mode}-version]"
            errors.append(invalid(path, version, 'must be "latest" or "v1.x"'))
    return errors
