"""LimitRange: what containers get that say nothing, and what nobody may exceed.

https://kubernetes.io/docs/concepts/policy/limit-range/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from fakekube.admission.attributes import Attributes
from fakekube.objects import fields
from fakekube.objects.quantities import Quantity, parse, quantity
from fakekube.registry.kind import Object

ANNOTATION = "kubernetes.io/limit-ranger"
Amounts = Mapping[str, str]


def mutate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    if not _is_of_pod(attributes):
        return
    for limit_range in attributes.list("", "limitranges", attributes.namespace):
        _fill_in(obj, limit_range)


def validate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    """Raises Forbidden with everything that is too little or too much."""
    kind = attributes.kind
    claims = (
        (kind.group, kind.resource) == ("", "persistentvolumeclaims")
        and attributes.operation in ("CREATE", "UPDATE")
        and not attributes.subresource
    )
    if not claims and not _is_of_pod(attributes):
        return
    for limit_range in attributes.list("", "limitranges", attributes.namespace):
        errors = list(dict.fromkeys(_claim_errors(obj, limit_range) if claims else _pod_errors(obj, limit_range)))
        if errors:
            raise attributes.forbidden(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")


def _is_of_pod(attributes: Attributes) -> bool:
    """Whether a pod is created, or gets other resources."""
    kind = attributes.kind
    how = (attributes.operation, attributes.subresource)
    return (kind.group, kind.resource) == ("", "pods") and how in (("CREATE", ""), ("UPDATE", "resize"))


def _items(limit_range: Object, type_: str) -> Iterator[Object]:
    return (item for item in fields.at(limit_range, "spec.limits") or () if item.get("type") == type_)


def _fill_in(pod: Object, limit_range: Object) -> None:
    defaults: dict[str, str] = {}
    default_requests: dict[str, str] = {}
    for item in _items(limit_range, "Container"):
        defaults.update(item.get("default") or {})
        default_requests.update(item.get("defaultRequest") or {})
    spec = pod["spec"]
    told = []
    for role, containers in (("container", spec.get("containers")), ("init container", spec.get("initContainers"))):
        for container in containers or ():
            resources = container.setdefault("resources", {})
            for field, filled, word in (("requests", default_requests, "request"), ("limits", defaults, "limit")):
                names = _merge(resources, field, filled)
                if names:
                    told.append(f"{', '.join(names)} {word} for {role} {container.get('name', '')}")
    if told:
        text = "LimitRanger plugin set: " + "; ".join(told)
        annotations = pod["metadata"].get("annotations") or {}
        fields.put(
            pod["metadata"], "annotations", dict(sorted({**annotations, ANNOTATION: text}.items())), "meta.ObjectMeta"
        )


def _merge(resources: Object, field: str, filled: Amounts) -> list[str]:
    """The names that were missing and are there now, sorted."""
    present = resources.get(field) or {}
    missing = sorted(set(filled) - set(present))
    if missing:
        merged = dict(sorted({**present, **{name: filled[name] for name in missing}}.items()))
        fields.put(resources, field, merged, "core.v1.ResourceRequirements")
    return missing


def _pod_errors(pod: Object, limit_range: Object) -> Iterator[str]:
    spec = pod["spec"]
    containers, init_containers = spec.get("containers") or [], spec.get("initContainers") or []
    for item in fields.at(limit_range, "spec.limits") or ():
        if item.get("type") == "Container":
            for container in [*containers, *init_containers]:
                resources = container.get("resources") or {}
                yield from _errors(item, resources.get("requests") or {}, resources.get("limits") or {})
        elif item.get("type") == "Pod":
            yield from _errors(item, _of_pod(spec, "requests"), _of_pod(spec, "limits"))


def _claim_errors(claim: Object, limit_range: Object) -> Iterator[str]:
    requests = fields.at(claim, "spec.resources.requests") or {}
    for item in _items(limit_range, "PersistentVolumeClaim"):
        yield from _errors(item, requests, {}, claim=True)


def _of_pod(spec: Object, field: str) -> dict[str, str]:
    """What the pod takes: the sum of its containers and sidecars, at least what each init container takes beside the sidecars before it."""
    total = _sum(_amounts(container, field) for container in spec.get("containers") or ())
    sidecars: dict[str, Quantity] = {}
    peaks: dict[str, Quantity] = {}
    for container in spec.get("initContainers") or ():
        amounts = _amounts(container, field)
        if container.get("restartPolicy") == "Always":
            sidecars = _sum([_texts(sidecars), amounts])
            amounts = _texts(sidecars)
        else:
            amounts = _texts(_sum([_texts(sidecars), amounts]))
        for name, text in amounts.items():
            if name not in peaks or parse(text) > peaks[name].value:
                peaks[name] = quantity(text)
    total = _sum([_texts(total), _texts(sidecars)])
    for name, peak in peaks.items():
        if name not in total or peak.value > total[name].value:
            total[name] = peak
    of_the_whole = fields.at(spec, f"resources.{field}") or {}
    return {**_texts(total), **{name: of_the_whole[name] for name in _OF_PODS if name in of_the_whole}}


_OF_PODS = ("cpu", "memory")
"""What a pod as a whole may ask for, in the place of its containers."""


def _amounts(container: Object, field: str) -> Amounts:
    return (container.get("resources") or {}).get(field) or {}


def _texts(amounts: Mapping[str, Quantity]) -> dict[str, str]:
    return {name: str(amount) for name, amount in amounts.items()}


def _sum(each: Iterable[Amounts]) -> dict[str, Quantity]:
    total: dict[str, Quantity] = {}
    for amounts in each:
        for name, text in amounts.items():
            total[name] = total[name] + quantity(text) if name in total else quantity(text)
    return total


def _errors(item: Object, requests: Amounts, limits: Amounts, *, claim: bool = False) -> Iterator[str]:
    type_ = item["type"]
    for name, least in sorted((item.get("min") or {}).items()):
        subject = f"minimum {name} usage per {type_} is {least}"
        if name not in requests:
            yield f"{subject}.  No request is specified"
        elif parse(requests[name]) < parse(least):
            yield f"{subject}, but request is {requests[name]}"
        elif name in limits and parse(limits[name]) < parse(least):
            yield f"{subject}, but limit is {limits[name]}"
    for name, most in sorted((item.get("max") or {}).items()):
        subject = f"maximum {name} usage per {type_} is {most}"
        if claim:
            if name in requests and parse(requests[name]) > parse(most):
                yield f"{subject}, but request is {requests[name]}"
        elif name not in limits:
            yield f"{subject}.  No limit is specified"
        elif parse(limits[name]) > parse(most):
            yield f"{subject}, but limit is {limits[name]}"
        elif name in requests and parse(requests[name]) > parse(most):
            yield f"{subject}, but request is {requests[name]}"
    for name, most in sorted((item.get("maxLimitRequestRatio") or {}).items()):
        subject = f"{name} max limit to request ratio per {type_} is {most}"
        request, limit = (parse(amounts.get(name, "0")) for amounts in (requests, limits))
        if not request:
            yield f"{subject}, but no request is specified or request is 0"
        elif not limit:
            yield f"{subject}, but no limit is specified or limit is 0"
        elif limit / request > parse(most):
            yield f"{subject}, but provided ratio is {limit / request:.6f}"
