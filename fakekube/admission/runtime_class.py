"""RuntimeClass: what running a pod costs, where it can run, and what it must tolerate there.

https://kubernetes.io/docs/concepts/containers/runtime-class/
"""

from __future__ import annotations

from fakekube.admission.attributes import Attributes
from fakekube.objects import as_sent, fields
from fakekube.objects.field_errors import go_quoted
from fakekube.objects.quantities import parse
from fakekube.registry.kind import Object

POD_SPEC = "core.v1.PodSpec"


def mutate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    """Raises Forbidden for a class that is not there or does not fit the pod."""
    if not _is_new_pod(attributes):
        return
    spec = obj["spec"]
    runtime_class = _class_of(spec, attributes)
    if runtime_class is None:
        return
    overhead = fields.at(runtime_class, "overhead.podFixed")
    if overhead:
        if spec.get("overhead") and not _same(spec["overhead"], overhead):
            text = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
            raise attributes.forbidden(text)
        fields.put(spec, "overhead", dict(overhead), POD_SPEC)
    scheduling = runtime_class.get("scheduling") or {}
    if wanted := scheduling.get("nodeSelector"):
        fields.put(spec, "nodeSelector", _merged(spec.get("nodeSelector") or {}, wanted, attributes), POD_SPEC)
    if tolerations := scheduling.get("tolerations"):
        fields.put(spec, "tolerations", _needed([*(spec.get("tolerations") or ()), *tolerations]), POD_SPEC)


def validate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    """Raises Forbidden for a pod that claims a cost of its own."""
    if not _is_new_pod(attributes):
        return
    spec = obj["spec"]
    asks = as_sent.with_empty(spec).get("overhead") is not None  # {} does as well
    if asks and not fields.at(_class_of(spec, attributes), "overhead.podFixed"):
        text = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
        raise attributes.forbidden(text)


def _is_new_pod(attributes: Attributes) -> bool:
    kind = attributes.kind
    if attributes.operation != "CREATE" or attributes.subresource:
        return False
    return (kind.group, kind.resource) == ("", "pods")


def _class_of(spec: Object, attributes: Attributes) -> Object | None:
    name = spec.get("runtimeClassName")
    if not name:
        return None
    found = attributes.get("node.k8s.io", "runtimeclasses", "", name)
    if found is None:
        raise attributes.forbidden(f"pod rejected: RuntimeClass {go_quoted(name)} not found")
    return found


def _same(overhead: Object, other: Object) -> bool:
    return overhead.keys() == other.keys() and all(parse(overhead[name]) == parse(other[name]) for name in other)


def _merged(selector: Object, wanted: Object, attributes: Attributes) -> Object:
    for key, value in sorted(wanted.items()):
        if selector.get(key, value) != value:
            mine = f"runtimeClass.scheduling.nodeSelector[{key}] = {value}"
            raise attributes.forbidden(f"conflict: {mine}; pod.spec.nodeSelector[{key}] = {selector[key]}")
    return dict(sorted({**selector, **wanted}.items()))


def _needed(tolerations: list[Object]) -> list[Object]:
    """Those that say something of their own: what an earlier or a later one includes is left out; of equal ones the first stays."""
    needed: list[Object] = []
    for i, each in enumerate(tolerations):
        later = (other for other in tolerations[i + 1 :] if other != each)
        if not any(_includes(other, each) for other in (*needed, *later)):
            needed.append(dict(each))
    return needed


def _includes(wider: Object, toleration: Object) -> bool:
    if wider == toleration:
        return True
    operator = wider.get("operator", "Equal")
    if wider.get("key", "") != toleration.get("key", "") and (wider.get("key") or operator != "Exists"):
        return False
    if wider.get("effect") and wider["effect"] != toleration.get("effect"):
        return False
    if wider.get("effect") == "NoExecute" and wider.get("tolerationSeconds") is not None:
        seconds = toleration.get("tolerationSeconds")
        if seconds is None or seconds > wider["tolerationSeconds"]:
            return False
    if operator == "Exists":
        return True
    # One without an operator is never included here, though it means Equal.
    same = toleration.get("operator") == "Equal" and toleration.get("value", "") == wider.get("value", "")
    return bool(operator == "Equal" and same)
