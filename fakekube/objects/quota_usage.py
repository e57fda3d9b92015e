"""What objects take of ResourceQuotas, under the names by which quotas count.

https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fakekube.objects.pod_resources import Amounts, pod_resources
from fakekube.objects.quantities import Quantity, quantity

Object = dict[str, Any]

ONE = Quantity(Decimal(1))
ZERO = Quantity(Decimal(0))

COUNTED_BY_NAME = frozenset(
    {"configmaps", "secrets", "services", "persistentvolumeclaims", "replicationcontrollers", "resourcequotas"}
)
"""Resources that `configmaps` counts as well as `count/configmaps`."""

PLAIN_REQUESTS = frozenset({"cpu", "memory", "ephemeral-storage"})
"""Of these the plain name says the same as `requests.<name>`; so it does of huge pages."""

CLASS_SUFFIX = ".storageclass.storage.k8s.io/"

SERVICE_NAMES = frozenset({"services.loadbalancers", "services.nodeports"})


def usage(resource: str, object: Object) -> Amounts:
    """What one object takes, by all names that may count it. `resource` is the plural with its group: `deployments.apps`."""
    amounts = {f"count/{resource}": ONE}
    if resource in COUNTED_BY_NAME:
        amounts[resource] = ONE
    measure = MEASURES.get(resource)
    return amounts | measure(object) if measure is not None else amounts


def _pod(pod: Object) -> Amounts:
    if pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return {}
    amounts = {"pods": ONE}
    for name, amount in pod_resources(pod, "requests").items():
        amounts[f"requests.{name}"] = amount
        if name in PLAIN_REQUESTS or name.startswith("hugepages-"):
            amounts[name] = amount
    amounts |= {f"limits.{name}": amount for name, amount in pod_resources(pod, "limits").items()}
    return amounts


def _service(service: Object) -> Amounts:
    spec = service["spec"]
    ports = spec.get("ports", ())
    match spec.get("type"):
        case "NodePort":
            return {"services.nodeports": _count(len(ports))}
        case "LoadBalancer":
            if spec.get("allocateLoadBalancerNodePorts") is False:
                ports = [port for port in ports if port.get("nodePort")]
            return {"services.loadbalancers": ONE, "services.nodeports": _count(len(ports))}
    return {}


def _claim(claim: Object) -> Amounts:
    spec = claim["spec"]
    amounts = {}
    storage = spec.get("resources", {}).get("requests", {}).get("storage")
    if storage is not None:
        amounts["requests.storage"] = quantity(storage)
    name = spec.get("storageClassName")
    if name:
        amounts |= {f"{name}{CLASS_SUFFIX}{each}": amount for each, amount in amounts.items()}
        amounts[f"{name}{CLASS_SUFFIX}persistentvolumeclaims"] = ONE
    return amounts


MEASURES: Mapping[str, Callable[[Object], Amounts]] = {
    "pods": _pod,
    "services": _service,
    "persistentvolumeclaims": _claim,
}


def _count(number: int) -> Quantity:
    return Quantity(Decimal(number))


def counted_resource(name: str) -> str:
    """The resource that an entry of `spec.hard` counts: `count/jobs.batch` counts `jobs.batch`, `limits.cpu` counts `pods`."""
    if name.startswith("count/"):
        return name.removeprefix("count/")
    if name in COUNTED_BY_NAME:
        return name
    if name in SERVICE_NAMES:
        return "services"
    if name == "requests.storage" or CLASS_SUFFIX in name:
        return "persistentvolumeclaims"
    return "pods"


def is_in_scope(quota: Object, resource: str, object: Object) -> bool:
    """Whether all scopes of the quota hold; a quota that has any counts pods alone."""
    spec = quota["spec"]
    expressions = spec.get("scopeSelector", {}).get("matchExpressions", ())
    scopes = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes", ())]
    if not scopes and not expressions:
        return True
    return resource == "pods" and all(_scope_holds(each, object) for each in (*scopes, *expressions))


def _scope_holds(requirement: Object, pod: Object) -> bool:
    spec = pod["spec"]
    match requirement["scopeName"]:
        case "BestEffort":
            return _is_best_effort(pod)
        case "NotBestEffort":
            return not _is_best_effort(pod)
        case "Terminating":
            return spec.get("activeDeadlineSeconds") is not None
        case "NotTerminating":
            return spec.get("activeDeadlineSeconds") is None
        case "CrossNamespacePodAffinity":
            return any(map(_leaves_namespace, _affinity_terms(spec.get("affinity", {}))))
        case "PriorityClass":
            return _is_among(spec.get("priorityClassName", ""), requirement)
    return False


def _is_best_effort(pod: Object) -> bool:
    containers = (*pod["spec"].get("initContainers", ()), *pod["spec"].get("containers", ()))
    return not any(
        name in ("cpu", "memory") and quantity(amount).value
        for container in containers
        for amounts in (container.get("resources", {}).get(kind, {}) for kind in ("requests", "limits"))
        for name, amount in amounts.items()
    )


def _is_among(value: str, requirement: Object) -> bool:
    values = requirement.get("values", ())
    match requirement["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "DoesNotExist":
            return not value
    return bool(value)


def _affinity_terms(affinity: Object) -> list[Object]:
    terms: list[Object] = []
    for key in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(key, {})
        terms += rules.get("requiredDuringSchedulingIgnoredDuringExecution", ())
        terms += [each["podAffinityTerm"] for each in rules.get("preferredDuringSchedulingIgnoredDuringExecution", ())]
    return terms


def _leaves_namespace(term: Object) -> bool:
    return bool(term.get("namespaces")) or "namespaceSelector" in term
