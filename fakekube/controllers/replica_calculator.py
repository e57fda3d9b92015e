"""How many replicas the metrics of an autoscaler ask for.

https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from fakekube.controllers.loop import Object
from fakekube.controllers.metrics_source import MetricsSource
from fakekube.controllers.pod_states import is_ready
from fakekube.objects.quantities import parse

TOLERANCE = Decimal("0.1")
NO_API = "the server could not find the requested resource"

FAILURES = {
    "Resource": ("FailedGetResourceMetric", "failed to get {name} resource metric value"),
    "ContainerResource": (
        "FailedGetContainerResourceMetric",
        "failed to get {name} container metric value",
    ),
    "Pods": ("FailedGetPodsMetric", "failed to get pods metric value"),
    "Object": ("FailedGetObjectMetric", "failed to get object metric value"),
    "External": ("FailedGetExternalMetric", "failed to get {name} external metric value"),
}
"""Of each type of metric the reason of its failure, and how the whole sum tells of it."""


class NoMetric(Exception):
    """What cannot be computed, and why."""


@dataclass(frozen=True, slots=True)
class Proposal:
    replicas: int
    metric: str
    """As the event of the scaling tells it."""
    status: Object
    """Its entry in status.currentMetrics."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be scaled."""

    namespace: str
    replicas: int
    selector: str
    pods: list[Object]
    """All that the selector finds."""
    tolerances: tuple[Decimal, Decimal] = (TOLERANCE, TOLERANCE)
    """So much less, or more, than wanted is near enough."""

    def is_near(self, ratio: Decimal) -> bool:
        down, up = self.tolerances
        return 1 - down <= ratio <= 1 + up

    def times(self, ratio: Decimal, count: int) -> int:
        return self.replicas if self.is_near(ratio) else math.ceil(ratio * count)


def propose(source: MetricsSource, target: Target, metric: Object) -> Proposal:
    """Raises NoMetric."""
    match metric["type"]:
        case "Resource":
            return _resource(source, target, metric["resource"], "")
        case "ContainerResource":
            return _resource(source, target, metric["containerResource"], metric["containerResource"]["container"])
        case "Pods":
            return _pods(source, target, metric["pods"])
        case "Object":
            return _object(source, target, metric["object"])
        case _:
            return _external(source, target, metric["external"])


def name_of(metric: Object) -> str:
    for key in ("resource", "containerResource"):
        if key in metric:
            return metric[key]["name"]  # type: ignore[no-any-return]
    return next((metric[key]["metric"]["name"] for key in ("external", "pods", "object") if key in metric), "")


def _resource(source: MetricsSource, target: Target, metric: Object, container: str) -> Proposal:
    name, wanted = metric["name"], metric["target"]
    average = wanted.get("averageValue")
    what = "usage" if average is not None else "utilization"
    shown: Object = {"name": name, **({"container": container} if container else {})}
    try:
        if not source.is_set:
            text = f"unable to fetch metrics from resource metrics API: {NO_API} (get pods.metrics.k8s.io)"
            raise NoMetric(f"unable to get metrics for resource {name}: {text}")
        groups = _grouped(source, target, name, container)
        total = sum(groups.used.values(), Decimal(0))
        mean = total / len(groups.used)
        if average is not None:
            replicas = _replicas(target, groups, parse(average), {})
            current: Object = {"averageValue": _shown(mean)}
            label = f"{name} resource"
        else:
            percent = wanted["averageUtilization"]
            requests = {pod["metadata"]["name"]: _request(pod, name, container) for pod in target.pods}
            replicas = _replicas(target, groups, Decimal(percent) / 100, requests)
            asked = sum((requests[each] for each in groups.used), Decimal(0))
            if not asked:
                raise NoMetric("no metrics returned matched known pods")
            current = {"averageUtilization": int(total * 100 / asked), "averageValue": _shown(mean)}
            label = f"{name} resource utilization (percentage of request)"
    except NoMetric as error:
        raise NoMetric(f"failed to get {name} {what}: {error}") from None
    if container:
        label = label.replace("resource", "container resource", 1)
        return Proposal(
            replicas, label, {"type": "ContainerResource", "containerResource": {**shown, "current": current}}
        )
    return Proposal(replicas, label, {"type": "Resource", "resource": {**shown, "current": current}})


def _pods(source: MetricsSource, target: Target, metric: Object) -> Proposal:
    name = metric["metric"]["name"]
    if not source.is_set:
        text = (
            "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
        )
        raise NoMetric(f"unable to get metric {name}: {text}")
    groups = _grouped(source, target, name, "")
    replicas = _replicas(target, groups, parse(metric["target"]["averageValue"]), {})
    mean = sum(groups.used.values(), Decimal(0)) / len(groups.used)
    status = {"metric": metric["metric"], "current": {"averageValue": _shown(mean)}}
    return Proposal(replicas, f"pods metric {name}", {"type": "Pods", "pods": status})


def _object(source: MetricsSource, target: Target, metric: Object) -> Proposal:
    name, of = metric["metric"]["name"], metric["describedObject"]
    value = source.of_object(target.namespace, of["kind"], of["name"], name)
    if value is None:
        text = (
            "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
        )
        raise NoMetric(f"unable to get metric {name}: {of['kind']} on {target.namespace} {of['name']}/{text}")
    replicas, current = _of_one_value(target, value, metric["target"])
    status = {"metric": metric["metric"], "describedObject": of, "current": current}
    return Proposal(replicas, f"{of['kind']} metric {name}", {"type": "Object", "object": status})


def _external(source: MetricsSource, target: Target, metric: Object) -> Proposal:
    name = metric["metric"]["name"]
    value = source.external(target.namespace, name)
    if value is None:
        missing = f"the server could not find the requested resource (get {name}.external.metrics.k8s.io)"
        text = f"unable to fetch metrics from external metrics API: {missing}"
        raise NoMetric(f"unable to get external metric {target.namespace}/{name}/{_selector(metric['metric'])}: {text}")
    replicas, current = _of_one_value(target, value, metric["target"])
    label = f"external metric {name}({_selector(metric['metric'])})"
    return Proposal(replicas, label, {"type": "External", "external": {"metric": metric["metric"], "current": current}})


def _selector(metric: Object) -> str:
    selector = metric.get("selector")
    if selector is None:
        return "nil"
    labels = "".join(f"{key}: {value}," for key, value in sorted(selector.get("matchLabels", {}).items()))
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{}},}}"
    )


def _of_one_value(target: Target, value: Decimal, wanted: Object) -> tuple[int, Object]:
    """Of a metric that does not belong to pods."""
    if wanted["type"] == "AverageValue":
        average = parse(wanted["averageValue"])
        ratio = value / (average * target.replicas)
        replicas = target.replicas if target.is_near(ratio) else math.ceil(value / average)
        return replicas, {"averageValue": _shown(value / target.replicas)}
    ratio = value / parse(wanted["value"])
    ready = sum(is_ready(pod) and pod["status"].get("phase") == "Running" for pod in target.pods)
    return target.times(ratio, ready), {"value": _shown(value)}


@dataclass(frozen=True, slots=True)
class _Groups:
    """Pods by what can be said about their metrics."""

    used: dict[str, Decimal]
    """By name, of those that count."""
    unready: set[str]
    missing: set[str]


def _grouped(source: MetricsSource, target: Target, metric: str, container: str) -> _Groups:
    if not target.pods:
        raise NoMetric("no pods returned by selector while calculating replica count")
    used: dict[str, Decimal] = {}
    unready, missing = set(), set()
    for pod in target.pods:
        name = pod["metadata"]["name"]
        if "deletionTimestamp" in pod["metadata"] or pod["status"].get("phase") == "Failed":
            continue
        value = source.of_pod(pod, metric, container)
        if pod["status"].get("phase") == "Pending":
            unready.add(name)
        elif value is None:
            missing.add(name)
        elif metric == "cpu" and not is_ready(pod):
            unready.add(name)
        else:
            used[name] = value
    if not used:
        raise NoMetric("did not receive metrics for targeted pods (pods might be unready)")
    return _Groups(used, unready, missing)


def _replicas(target: Target, groups: _Groups, wanted: Decimal, requests: Mapping[str, Decimal]) -> int:
    """`wanted` is what each pod is to use: an amount, or the part of its request where there are requests.

    Pods of which nothing is known are reckoned so that the outcome is the more careful one.
    """
    used = dict(groups.used)
    ratio = _ratio(used, wanted, requests)
    raises = bool(groups.unready) and ratio > 1
    if not raises and not groups.missing:
        return target.times(ratio, len(used))
    for name in groups.missing:
        if ratio < 1:
            used[name] = requests[name] * max(Decimal(1), wanted) if requests else wanted
        elif ratio > 1:
            used[name] = Decimal(0)
    if raises:
        used.update(dict.fromkeys(groups.unready, Decimal(0)))
    careful = _ratio(used, wanted, requests)
    if target.is_near(careful) or (ratio < 1 < careful) or (careful < 1 < ratio):
        return target.replicas
    replicas = math.ceil(careful * len(used))
    if (careful < 1 and replicas > target.replicas) or (careful > 1 and replicas < target.replicas):
        return target.replicas
    return replicas


def _ratio(used: Mapping[str, Decimal], wanted: Decimal, requests: Mapping[str, Decimal]) -> Decimal:
    total = sum(used.values(), Decimal(0))
    if not requests:
        return total / len(used) / wanted
    asked = sum((requests[name] for name in used), Decimal(0))
    if not asked:
        raise NoMetric("no metrics returned matched known pods")
    return total / asked / wanted


def _request(pod: Object, resource: str, container: str) -> Decimal:
    spec = pod["spec"]
    sidecars = [each for each in spec.get("initContainers", ()) if each.get("restartPolicy") == "Always"]
    total = Decimal(0)
    for each in (*spec["containers"], *sidecars):
        if container and each["name"] != container:
            continue
        asked = each.get("resources", {}).get("requests", {}).get(resource)
        if asked is None:
            text = f"missing request for {resource} in container {each['name']} of Pod {pod['metadata']['name']}"
            raise NoMetric(text)
        total += parse(asked)
    return total


def _shown(amount: Decimal) -> str:
    """As a quantity, to the thousandth, without what lies beyond."""
    thousandths = int(amount * 1000)
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"
