"""References of variables and volumes to fields of their own pod: what they may name.

https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fakekube.objects import names
from fakekube.objects.field_errors import FieldError, invalid, not_supported, required
from fakekube.objects.pod_fields import KNOWN_TO_PODS, WITH_SUBSCRIPT
from fakekube.objects.quantities import parse
from fakekube.registry.kind import Object

RESOURCES = tuple(
    f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
_SUBSCRIPT = re.compile(r"(.*)\['([^']*)'\]", re.DOTALL)
_BYTE_DIVISORS = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_DIVISORS = {
    "cpu": (("1m", "1"), "cpu"),
    "memory": (_BYTE_DIVISORS, "memory"),
    "ephemeral-storage": (_BYTE_DIVISORS, "local ephemeral storage"),
}


def field(reference: Object, path: str, supported: Sequence[str]) -> list[FieldError]:
    """A fieldRef at `path`; `supported` are the plain fields that may be read there."""
    api_version, wanted = reference.get("apiVersion", ""), reference.get("fieldPath", "")
    place = f"{path}.fieldPath"
    if api_version == "v1" and wanted in supported:
        return []
    if not api_version:
        return [required(f"{path}.apiVersion")]
    if not wanted:
        return [required(place)]
    if api_version != "v1":
        return [invalid(place, wanted, f"error converting fieldPath: unsupported pod version: {api_version}")]
    if subscripted := _SUBSCRIPT.fullmatch(wanted):
        base, key = subscripted[1], subscripted[2]
        if base not in WITH_SUBSCRIPT:
            return [
                invalid(place, wanted, f"error converting fieldPath: field label does not support subscript: {wanted}")
            ]
        key = key.lower() if base == "metadata.annotations" else key
        return [invalid(path, key, text) for text in names.qualified_name(key)]
    if wanted not in KNOWN_TO_PODS:
        return [invalid(place, wanted, f"error converting fieldPath: field label not supported: {wanted}")]
    wanted = "spec.nodeName" if wanted == "spec.host" else wanted
    return [] if wanted in supported else [not_supported(place, wanted, supported)]


def resource(reference: Object, path: str, *, volume: bool) -> list[FieldError]:
    """A resourceFieldRef at `path`; in a volume it must name a container."""
    name = reference.get("resource", "")
    if volume and not reference.get("containerName"):
        return [required(f"{path}.containerName")]
    if not name:
        return [required(f"{path}.resource")]
    hugepages = name.startswith(("limits.hugepages-", "requests.hugepages-"))
    if name not in RESOURCES and not hugepages:
        return [not_supported(f"{path}.resource", name, RESOURCES)]
    divisor = reference.get("divisor")
    if divisor is None or not parse(divisor):
        return []
    divisors, subject = (_BYTE_DIVISORS, "hugepages") if hugepages else _DIVISORS[name.partition(".")[2]]
    if str(divisor) in divisors:
        return []
    detail = f"only divisor's values {_listed(divisors)} are supported with the {subject} resource"
    return [invalid(f"{path}.divisor", name, detail)]


def _listed(divisors: Sequence[str]) -> str:
    return " and ".join(divisors) if len(divisors) == 2 else ", ".join(divisors)
