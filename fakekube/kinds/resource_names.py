"""How resources are called that are counted and measured: `cpu`, `requests.storage`, `example.com/gpu`.

https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from __future__ import annotations

from fakekube.objects import names
from fakekube.objects.field_errors import FieldError, invalid, not_supported
from fakekube.objects.metadata import NON_NEGATIVE_TEXT
from fakekube.objects.quantities import canonical, parse

COMPUTE = frozenset({"cpu", "memory", "ephemeral-storage"})
HUGEPAGES = "hugepages-"
QUOTA_HUGEPAGES = "requests.hugepages-"
COUNTED = frozenset(
    {
        *("pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps"),
        *("persistentvolumeclaims", "services.nodeports", "services.loadbalancers"),
    }
)
"""Whole numbers."""
MEASURED_IN_QUOTAS = COMPUTE | {
    *(f"{kind}.{name}" for kind in ("requests", "limits") for name in COMPUTE),
    "requests.storage",
}
STANDARD = COUNTED | MEASURED_IN_QUOTAS | {"storage"}


def is_native(name: str) -> bool:
    """Whether Kubernetes itself knows what the resource is."""
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """Whether a resource is known only to its provider: `example.com/gpu`, of which there are whole ones."""
    if is_native(name) or name.startswith("requests."):
        return False
    return not names.qualified_name(f"requests.{name}")


def is_standard_in_quotas(name: str) -> bool:
    return name in COUNTED or name in MEASURED_IN_QUOTAS or name.startswith((HUGEPAGES, QUOTA_HUGEPAGES))


def resource_name(name: str, path: str) -> list[FieldError]:
    errors = [invalid(path, name, text) for text in names.qualified_name(name)]
    if not errors and "/" not in name and name not in STANDARD and not name.startswith((HUGEPAGES, QUOTA_HUGEPAGES)):
        errors.append(invalid(path, name, "must be a standard resource type or fully qualified"))
    return errors


def pod_resource_name(name: str, path: str) -> list[FieldError]:
    """Resources of a pod as a whole."""
    errors = resource_name(name, path)
    if not errors and name not in ("cpu", "memory") and not name.startswith(HUGEPAGES):
        errors.append(not_supported(path, name, ("cpu", HUGEPAGES, "memory")))
    return errors


def container_resource_name(name: str, path: str) -> list[FieldError]:
    errors = resource_name(name, path)
    if "/" not in name:
        if name not in COMPUTE and not name.startswith(HUGEPAGES):
            errors.append(invalid(path, name, "must be a standard resource for containers"))
    elif not is_native(name) and not is_extended(name):
        errors.append(invalid(path, name, "doesn't follow extended resource name standard"))
    return errors


def quota_resource_name(name: str, path: str) -> list[FieldError]:
    errors = resource_name(name, path)
    if "/" not in name and not is_standard_in_quotas(name):
        errors.append(invalid(path, name, "must be a standard resource for quota"))
    return errors


def resource_amount(name: str, amount: str, path: str) -> list[FieldError]:
    """Nothing is negative, and what is counted is a whole number."""
    value, text = parse(amount), canonical(amount)
    errors = [invalid(path, text, NON_NEGATIVE_TEXT)] if value < 0 else []
    if value % 1 and (name in COUNTED or is_extended(name)):
        errors.append(invalid(path, text, "must be an integer"))
    return errors
