"""What a pod may know of itself: fields and resources as the text of a variable or of a file.

After pkg/fieldpath/fieldpath.go and pkg/api/v1/resource/helpers.go.
https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, Context, Decimal

from fakekube.kubelet import Object, hosts_file
from fakekube.objects import names
from fakekube.objects.go_text import quoted
from fakekube.objects.pod_fields import KNOWN_TO_PODS, WITH_SUBSCRIPT
from fakekube.objects.quantities import parse

DEFAULTED_LIMITS = ("cpu", "memory", "ephemeral-storage")
"""Where a container sets no such limit, what the node can give is its limit."""
LARGEST_VALUE = 2**63 - 1

_HUGE_PAGES = "hugepages-"
_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_EXACT = Context(prec=600)


class DownwardAPIError(ValueError):
    """There is no such field, resource or container; the message is the kubelet's."""


def subscript_of(path: str) -> tuple[str, str] | None:
    """("metadata.labels", "app") of `metadata.labels['app']`; None of a path without a subscript."""
    if not path.endswith("']"):
        return None
    field, bracket, key = path[:-2].partition("['")
    return (field, key) if bracket and field else None


def format_map(values: Mapping[str, str]) -> str:
    """`key="value"` lines, sorted, without a newline at the end; values as Go's %q writes them."""
    return "\n".join(f"{key}={quoted(values[key])}" for key in sorted(values))


def field_of_volume(pod: Object, path: str) -> str:
    """The text of a field in a volume's file. Raises DownwardAPIError."""
    metadata = pod["metadata"]
    if subscripted := subscript_of(path):
        field, key = subscripted
        if field not in WITH_SUBSCRIPT:
            raise DownwardAPIError(f"fieldPath {quoted(path)} does not support subscript")
        errors = names.qualified_name(key.lower() if field == "metadata.annotations" else key)
        if errors:
            raise DownwardAPIError(f"invalid key subscript in {path}: {';'.join(errors)}")
        value: str = (metadata.get(field.removeprefix("metadata.")) or {}).get(key, "")
        return value
    match path:
        case "metadata.labels" | "metadata.annotations":
            return format_map(metadata.get(path.removeprefix("metadata.")) or {})
        case "metadata.name" | "metadata.namespace" | "metadata.uid":
            text: str = metadata.get(path.removeprefix("metadata."), "")
            return text
    raise DownwardAPIError(f"unsupported fieldPath: {path}")


def field_of_environment(pod: Object, reference: Object, node: Object | None = None) -> str:
    """The value of a variable's fieldRef. Raises DownwardAPIError.

    `node` is the pod's, whose addresses count where the pod's status does not tell them.
    """
    path: str = reference["fieldPath"]
    version = reference.get("apiVersion", "v1")
    if version != "v1":
        raise DownwardAPIError(f"unsupported pod version: {version}")
    if subscripted := subscript_of(path):
        if subscripted[0] not in WITH_SUBSCRIPT:
            raise DownwardAPIError(f"field label does not support subscript: {path}")
        return field_of_volume(pod, path)
    if path not in KNOWN_TO_PODS:
        raise DownwardAPIError(f"field label not supported: {path}")
    known = _FIELDS_OF_ENVIRONMENT.get(path)
    return known(pod, node) if known is not None else field_of_volume(pod, path)


def _spec(name: str) -> Callable[[Object, Object | None], str]:
    return lambda pod, node: pod["spec"].get(name, "")


def _host_ips(pod: Object, node: Object | None) -> list[str]:
    status = pod.get("status") or {}
    found = [each["ip"] for each in status.get("hostIPs") or () if each.get("ip")]
    if not found and status.get("hostIP"):
        found = [status["hostIP"]]
    if not found and node is not None:
        addresses = (node.get("status") or {}).get("addresses") or ()
        found = [each["address"] for each in addresses if each["type"] == "InternalIP"]
    return found


_FIELDS_OF_ENVIRONMENT: Mapping[str, Callable[[Object, Object | None], str]] = {
    "spec.nodeName": _spec("nodeName"),
    "spec.host": _spec("nodeName"),
    "spec.serviceAccountName": _spec("serviceAccountName"),
    "status.hostIP": lambda pod, node: next(iter(_host_ips(pod, node)), ""),
    "status.hostIPs": lambda pod, node: ",".join(_host_ips(pod, node)),
    "status.podIP": lambda pod, node: next(iter(hosts_file.addresses(pod)), ""),
    "status.podIPs": lambda pod, node: ",".join(hosts_file.addresses(pod)),
}


def container_named(pod: Object, name: str) -> Object:
    """The container or init container. Raises DownwardAPIError."""
    for key in ("containers", "initContainers"):
        for container in pod["spec"].get(key) or ():
            if container["name"] == name:
                found: Object = container
                return found
    raise DownwardAPIError(f"container {name} not found")


def resource_of_volume(pod: Object, reference: Object, allocatable: Mapping[str, str]) -> str:
    """The text of a resourceFieldRef in a volume's file, which names its container. Raises DownwardAPIError."""
    return resource(container_named(pod, reference.get("containerName", "")), reference, allocatable)


def resource_of_environment(pod: Object, container: Object, reference: Object, allocatable: Mapping[str, str]) -> str:
    """The value of a variable's resourceFieldRef: of `container` unless it names another. Raises DownwardAPIError.

    `allocatable` is what the pod's node can give: `{"cpu": "8", ...}`.
    """
    name = reference.get("containerName", "")
    if not name:
        return resource(container, reference, allocatable)
    other = container_named(pod, name)
    # Of other containers only the main ones have limits where they set none.
    is_main = any(other is each for each in pod["spec"]["containers"])
    return resource(other, reference, allocatable if is_main else {})


def resource(container: Object, reference: Object, allocatable: Mapping[str, str]) -> str:
    """How many times the divisor goes into the resource, rounded up: 250m by 1 is `1`, 100M by 1Mi is `96`."""
    wanted: str = reference["resource"]
    kind, _, name = wanted.partition(".")
    if kind not in ("limits", "requests") or not (name in _RESOURCES or name.startswith(_HUGE_PAGES)):
        raise DownwardAPIError(f"unsupported container resource : {wanted}")
    amounts = (container.get("resources") or {}).get(kind) or {}
    amount = parse(amounts.get(name, "0"))
    if not amount and kind == "limits" and name in DEFAULTED_LIMITS:
        amount = parse(allocatable.get(name, "0"))
    divisor = parse(reference.get("divisor") or "0") or Decimal(1)
    # The kubelet counts in thousandths of CPUs, and in whole bytes.
    scale = 3 if name == "cpu" else 0
    number = _rounded_up(_whole(amount, scale), _whole(divisor, scale))
    return str(min(number, LARGEST_VALUE))


def _whole(value: Decimal, scale: int) -> int:
    return int(value.scaleb(scale, _EXACT).to_integral_value(ROUND_CEILING, _EXACT))


def _rounded_up(value: int, divisor: int) -> int:
    return -(-value // divisor) if value > 0 and divisor > 0 else 0
