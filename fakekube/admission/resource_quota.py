"""ResourceQuota: nobody takes more of a namespace than there is; what is let through is counted at once.

https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.admission.attributes import Attributes
from fakekube.objects import fields, quota_usage
from fakekube.objects.pod_resources import Amounts
from fakekube.objects.quantities import quantity
from fakekube.registry.kind import Object

QUOTA, STATUS = "core.v1.ResourceQuota", "core.v1.ResourceQuotaStatus"
_NOT_COUNTED = frozenset({"events", "events.events.k8s.io", "bindings"})
_MEASURED_AGAIN = frozenset({"services", "persistentvolumeclaims"})
"""Of these a change counts as well."""
_MUST_BE_SAID = frozenset({f"{prefix}{name}" for prefix in ("", "requests.", "limits.") for name in ("cpu", "memory")})


def validate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    """Raises Forbidden with the first quota that has not enough; none is charged then."""
    if not attributes.namespace or attributes.operation not in ("CREATE", "UPDATE"):
        return
    kind = attributes.kind
    resource = f"{kind.resource}.{kind.group}" if kind.group else kind.resource
    if not _is_counted(resource, attributes):
        return
    quotas = attributes.list("", "resourcequotas", attributes.namespace)
    if not quotas or _is_there(attributes):
        return
    wanted = _wanted(obj, old, resource, attributes.operation)
    # What one quota misses is told before what another has not enough of.
    counting = [(quota, counted) for quota in quotas if (counted := _counted(quota, obj, resource, attributes))]
    charged = [(quota, asked) for quota, counted in counting if (asked := _taken(quota, counted, wanted, attributes))]
    if attributes.dry_run:
        return
    for quota, asked in charged:
        _charge(quota, asked, attributes)

    def take_back() -> None:
        for quota, asked in charged:
            now = attributes.get("", "resourcequotas", attributes.namespace, quota["metadata"]["name"])
            if now is not None:
                zero = quantity("0")
                _charge(now, {name: zero - amount for name, amount in asked.items()}, attributes)

    attributes.take_back = take_back


def _is_counted(resource: str, attributes: Attributes) -> bool:
    if attributes.subresource:
        return (resource, attributes.subresource) == ("pods", "resize")
    if attributes.operation == "CREATE":
        return resource not in _NOT_COUNTED
    return resource in _MEASURED_AGAIN


def _is_there(attributes: Attributes) -> bool:
    """Whether the create will be refused since there is one of the name: that takes nothing."""
    kind = attributes.kind
    if attributes.operation != "CREATE" or not attributes.name:
        return False
    return attributes.get(kind.group, kind.resource, attributes.namespace, attributes.name) is not None


def _wanted(obj: Object, old: Object | None, resource: str, operation: str) -> Amounts:
    wanted = quota_usage.usage(resource, obj)
    if operation != "UPDATE" or old is None:
        return {name: amount for name, amount in wanted.items() if amount.value}
    before = quota_usage.usage(resource, old)
    more = {name: amount - before[name] if name in before else amount for name, amount in wanted.items()}
    return {name: amount for name, amount in more.items() if amount.value > 0}


def _counted(quota: Object, obj: Object, resource: str, attributes: Attributes) -> list[str]:
    """What the quota counts of such an object; nothing where it does not mind it. Raises Forbidden where the object does not say it all."""
    status = quota.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    counted = sorted(name for name in hard if quota_usage.counted_resource(name) == resource)
    counted += [name for name in hard if name == f"count/{resource}" and name not in counted]
    if not counted or not quota_usage.is_in_scope(quota, resource, obj):
        return []
    name = quota["metadata"]["name"]
    if resource == "pods" and (unsaid := _unsaid(obj, counted)):
        raise attributes.forbidden(f"failed quota: {name}: must specify {unsaid}")
    if unknown := [each for each in counted if each not in used]:
        raise attributes.forbidden(f"status unknown for quota: {name}, resources: {','.join(unknown)}")
    return counted


def _taken(quota: Object, counted: list[str], wanted: Amounts, attributes: Attributes) -> Amounts:
    """What the object takes of the quota. Raises Forbidden where that is too much."""
    hard, used = quota["status"]["hard"], quota["status"]["used"]
    asked = {each: wanted[each] for each in counted if each in wanted}
    after = {each: quantity(used[each]) + amount for each, amount in asked.items()}
    exceeded = [each for each in asked if after[each].value > quantity(hard[each]).value]
    if exceeded:
        requested = _listed(exceeded, {each: str(amount) for each, amount in asked.items()})
        text = f"requested: {requested}, used: {_listed(exceeded, used)}, limited: {_listed(exceeded, hard)}"
        raise attributes.forbidden(f"exceeded quota: {quota['metadata']['name']}, {text}")
    return asked


def _unsaid(pod: Object, counted: list[str]) -> str:
    """What the quota counts and a container does not say: `limits.cpu for: a,b; requests.cpu for: a`."""
    spec = pod["spec"]
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    missing = {}
    for name in _MUST_BE_SAID.intersection(counted):
        field, _, resource = name.rpartition(".")
        silent = [
            container.get("name", "")
            for container in containers
            if resource not in (fields.at(container, f"resources.{field or 'requests'}") or {})
        ]
        if silent:
            missing[name] = ",".join(sorted(silent))
    return "; ".join(f"{name} for: {missing[name]}" for name in sorted(missing))


def _listed(names: list[str], amounts: Mapping[str, str]) -> str:
    return ",".join(f"{name}={amounts[name]}" for name in names)


def _charge(quota: Object, asked: Amounts, attributes: Attributes) -> None:
    """Note in the quota's status that so much more of it is used."""
    status = dict(quota.get("status") or {})
    used = dict(status.get("used") or {})
    for name, amount in asked.items():
        if name in used:
            used[name] = str(quantity(used[name]) + amount)
    fields.put(status, "used", dict(sorted(used.items())), STATUS)
    changed = dict(quota)
    fields.put(changed, "status", status, QUOTA)
    attributes.replace("", "resourcequotas", attributes.namespace, quota["metadata"]["name"], changed)
