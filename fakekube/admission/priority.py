"""The number behind a pod's priority class; and which priority classes there may be.

https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
"""

from __future__ import annotations

from fakekube.admission.attributes import Attributes
from fakekube.objects import fields
from fakekube.registry.kind import Object

GROUP, RESOURCE = "scheduling.k8s.io", "priorityclasses"
SYSTEM_PREFIX = "system-"
DEFAULT_PRIORITY, DEFAULT_POLICY = 0, "PreemptLowerPriority"


def mutate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    """Raises Forbidden for a class that is not there, and for numbers that are not the class's own."""
    kind = attributes.kind
    if (kind.group, kind.resource) != ("", "pods") or attributes.subresource:
        return
    spec = obj["spec"]
    if attributes.operation == "UPDATE" and old is not None:
        for field in ("priority", "preemptionPolicy"):
            if field not in spec and field in old["spec"]:
                fields.put(spec, field, old["spec"][field], "core.v1.PodSpec")
        return
    if attributes.operation != "CREATE":
        return
    priority, policy = DEFAULT_PRIORITY, DEFAULT_POLICY
    name = spec.get("priorityClassName", "")
    priority_class = attributes.get(GROUP, RESOURCE, "", name) if name else _default_class(attributes)
    if priority_class is not None:
        priority, policy = priority_class.get("value", 0), priority_class.get("preemptionPolicy", DEFAULT_POLICY)
        if not name:
            fields.put(spec, "priorityClassName", priority_class["metadata"]["name"], "core.v1.PodSpec")
    elif name:
        raise attributes.forbidden(f"no PriorityClass with name {name} was found")
    computed = "must not be provided in pod spec; priority admission controller computed"
    if spec.get("priority", priority) != priority:
        text = f"the integer value of priority ({spec['priority']}) {computed} {priority} from the given PriorityClass name"
        raise attributes.forbidden(text)
    if spec.get("preemptionPolicy", policy) != policy:
        sent = spec["preemptionPolicy"]
        text = f"the string value of PreemptionPolicy ({sent}) {computed} {policy} from the given PriorityClass name"
        raise attributes.forbidden(text)
    fields.put(spec, "priority", priority, "core.v1.PodSpec")
    fields.put(spec, "preemptionPolicy", policy, "core.v1.PodSpec")


def _default_class(attributes: Attributes) -> Object | None:
    """The class that is marked as default; of several (a race of two writers) the one with the lowest value."""
    marked = [each for each in attributes.list(GROUP, RESOURCE, "") if each.get("globalDefault")]
    return min(marked, key=lambda each: each.get("value", 0), default=None)


def validate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    """Raises Forbidden for a second default class and for the deletion of a class of the system."""
    kind = attributes.kind
    if (kind.group, kind.resource) != (GROUP, RESOURCE):
        return
    if attributes.operation == "DELETE":
        if attributes.name.startswith(SYSTEM_PREFIX):
            raise attributes.forbidden("this is a system priority class and cannot be deleted")
        return
    if not obj.get("globalDefault"):
        return
    default = _default_class(attributes)
    if default is not None and default["metadata"]["name"] != obj["metadata"]["name"]:
        name = default["metadata"]["name"]
        raise attributes.forbidden(f"PriorityClass {name} is already marked as default. Only one default can exist")
