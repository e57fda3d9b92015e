"""HorizontalPodAutoscalers: stored as autoscaling/v2; version 1 shows one cpu percentage and puts the rest into annotations.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from fakekube.kinds import resource_names
from fakekube.objects import defaults, fields, names, rules, structs
from fakekube.objects.field_errors import FieldError, forbidden, invalid, required
from fakekube.objects.quantities import parse
from fakekube.registry.kind import Object, Operation, Strategy

_PREFIX = "autoscaling.alpha.kubernetes.io/"
METRICS, BEHAVIOR = _PREFIX + "metrics", _PREFIX + "behavior"
CURRENT_METRICS, CONDITIONS = _PREFIX + "current-metrics", _PREFIX + "conditions"
_ANNOTATIONS = (METRICS, BEHAVIOR, CURRENT_METRICS, CONDITIONS)

_METRIC_TYPES = {
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "External": "external",
}


def to_storage(autoscaler: Object) -> Object:
    """The v2 form of a v1 object."""
    metadata = dict(autoscaler.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    parts = {name: _read(annotations.pop(name, "")) for name in _ANNOTATIONS}
    if annotations:
        metadata["annotations"] = annotations
    else:
        metadata.pop("annotations", None)
    old = autoscaler.get("spec") or {}
    spec = {field: old[field] for field in ("scaleTargetRef", "minReplicas", "maxReplicas") if field in old}
    metrics = _noted("autoscaling.v2.MetricSpec", lambda metric: _metric_to_v2(metric, "target"), parts[METRICS])
    if "targetCPUUtilizationPercentage" in old:
        metrics.append(_cpu_metric(old["targetCPUUtilizationPercentage"]))
    # Only this conversion knows of all metrics, so the default is its affair, of parts of objects too.
    spec["metrics"] = metrics or [_cpu_metric(_DEFAULT_PERCENTAGE)]
    if behavior := _noted("autoscaling.v2.HorizontalPodAutoscalerBehavior", _lower_case, [parts[BEHAVIOR] or {}]):
        spec["behavior"] = behavior[0]
    converted = {"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2", "metadata": metadata, "spec": spec}
    if "status" in autoscaler:
        converted["status"] = _status_to_v2(autoscaler["status"] or {}, parts)
    return converted


def _status_to_v2(old: Object, parts: Mapping[str, Any]) -> Object:
    status: Object = {field: old[field] for field in ("observedGeneration", "lastScaleTime") if field in old}
    if old.get("currentReplicas"):
        status["currentReplicas"] = old["currentReplicas"]
    status["desiredReplicas"] = old.get("desiredReplicas", 0)
    current_metrics = parts[CURRENT_METRICS]
    metrics = _noted("autoscaling.v2.MetricStatus", lambda metric: _metric_to_v2(metric, "current"), current_metrics)
    if current_metrics is None and "currentCPUUtilizationPercentage" in old:
        # Where the annotation is, it says this as well, and more.
        current = {"averageUtilization": old["currentCPUUtilizationPercentage"]}
        metrics = [{"type": "Resource", "resource": {"name": "cpu", "current": current}}]
    status["currentMetrics"] = metrics or None
    if conditions := _noted("autoscaling.v2.HorizontalPodAutoscalerCondition", dict, parts[CONDITIONS]):
        status["conditions"] = conditions
    return status


def from_storage(autoscaler: Object) -> Object:
    """The v1 form of a v2 object."""
    metadata = dict(autoscaler.get("metadata") or {})
    new = autoscaler.get("spec") or {}
    spec = {field: new[field] for field in ("scaleTargetRef", "minReplicas", "maxReplicas") if field in new}
    percentages = [_cpu_percentage(metric, "target") for metric in new.get("metrics") or ()]
    others = [
        metric for metric, percentage in zip(new.get("metrics") or (), percentages, strict=True) if percentage is None
    ]
    if known := [each for each in percentages if each is not None]:
        spec["targetCPUUtilizationPercentage"] = known[0]
    notes: dict[str, str] = {}
    if others:
        notes[METRICS] = _written([_metric_to_v1(metric, "target") for metric in others])
    if new.get("behavior") is not None:
        notes[BEHAVIOR] = _written(_go_behavior(new["behavior"]))
    converted = {"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec}
    if "status" in autoscaler:
        converted["status"] = _status_to_v1(autoscaler["status"] or {}, notes)
    if notes:
        annotations = dict(sorted({**(metadata.get("annotations") or {}), **notes}.items()))
        fields.put(metadata, "annotations", annotations, "meta.ObjectMeta")
    return converted


def _status_to_v1(new: Object, notes: dict[str, str]) -> Object:
    status: Object = {field: new[field] for field in ("observedGeneration", "lastScaleTime") if field in new}
    status["currentReplicas"] = new.get("currentReplicas", 0)
    status["desiredReplicas"] = new.get("desiredReplicas", 0)
    metrics = new.get("currentMetrics") or ()
    percentages = [_cpu_percentage(metric, "current") for metric in metrics]
    if known := [each for each in percentages if each is not None]:
        status["currentCPUUtilizationPercentage"] = known[-1]
    if metrics:
        notes[CURRENT_METRICS] = _written([_metric_to_v1(metric, "current") for metric in metrics])
    if new.get("conditions"):
        notes[CONDITIONS] = _written(new["conditions"])
    return status


def _read(annotation: str) -> Any:
    """What an annotation holds; one that cannot be read counts as absent, as in Kubernetes."""
    try:
        return orjson.loads(annotation)
    except orjson.JSONDecodeError:
        return None


def _noted(type_name: str, convert: Callable[[Any], Any], noted: Any) -> list[Object]:
    """What an annotation noted, as objects of the type. A client may have written anything there: what does not fit counts as absent."""
    try:
        fitting = [structs.fitting(type_name, convert(each)) for each in noted or ()]
    except (AttributeError, KeyError, TypeError, ValueError):
        return []
    return [each for each in fitting if each]


def _written(value: Any) -> str:
    return orjson.dumps(value).decode()


_DEFAULT_PERCENTAGE = 80


def _cpu_metric(percentage: int) -> Object:
    target = {"type": "Utilization", "averageUtilization": percentage}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def _cpu_percentage(metric: Object, field: str) -> int | None:
    resource = metric.get("resource") or {}
    if metric.get("type") != "Resource" or resource.get("name") != "cpu":
        return None
    percentage: int | None = fields.at(resource, f"{field}.averageUtilization")
    return percentage


def _metric_to_v1(metric: Object, field: str) -> Object:
    """`field` is `target` in a spec and `current` in a status; old fields begin with it: `targetAverageValue`."""
    return {"type": metric.get("type", "")} | {
        name: _drop_empty(convert(metric[name], metric[name].get(field) or {}, field))
        for name, convert in _TO_V1.items()
        if metric.get(name) is not None
    }


def _metric_to_v2(metric: Object, field: str) -> Object:
    return {"type": metric.get("type", "")} | {
        name: _drop_empty(convert(metric[name], field))
        for name, convert in _TO_V2.items()
        if metric.get(name) is not None
    }


def _object_to_v1(source: Object, amount: Object, field: str) -> Object:
    metric = source.get("metric") or {}
    return {
        "target": source.get("describedObject"),
        "metricName": metric.get("name"),
        f"{field}Value": amount.get("value") or "0",
        "selector": metric.get("selector"),
        "averageValue": amount.get("averageValue"),
    }


def _pods_to_v1(source: Object, amount: Object, field: str) -> Object:
    metric = source.get("metric") or {}
    return {
        "metricName": metric.get("name"),
        f"{field}AverageValue": amount.get("averageValue") or "0",
        "selector": metric.get("selector"),
    }


def _resource_to_v1(source: Object, amount: Object, field: str) -> Object:
    return {
        "name": source.get("name"),
        f"{field}AverageUtilization": amount.get("averageUtilization"),
        f"{field}AverageValue": amount.get("averageValue") or _zero_if_current(field),
        "container": source.get("container"),
    }


def _external_to_v1(source: Object, amount: Object, field: str) -> Object:
    metric = source.get("metric") or {}
    return {
        "metricName": metric.get("name"),
        "metricSelector": metric.get("selector"),
        f"{field}Value": amount.get("value") or _zero_if_current(field),
        f"{field}AverageValue": amount.get("averageValue"),
    }


def _zero_if_current(field: str) -> str | None:
    """What is measured is always written in version 1."""
    return "0" if field == "current" else None


def _amount(field: str, kind: str, **values: Any) -> Object:
    """The `target` or `current` of a v2 metric; a target names its type."""
    given = _drop_empty(values)
    return {"type": kind, **given} if field == "target" else given


def _object_to_v2(source: Object, field: str) -> Object:
    average, value = source.get("averageValue"), source.get(f"{field}Value", "0")
    if field == "target" and average is not None and not parse(value):
        # Version 1 cannot leave it out.
        value = None
    return {
        "describedObject": source.get("target"),
        field: _amount(field, "Value" if average is None else "AverageValue", value=value, averageValue=average),
        "metric": _drop_empty({"name": source.get("metricName"), "selector": source.get("selector")}),
    }


def _pods_to_v2(source: Object, field: str) -> Object:
    return {
        "metric": _drop_empty({"name": source.get("metricName"), "selector": source.get("selector")}),
        field: _amount(field, "AverageValue", averageValue=source.get(f"{field}AverageValue", "0")),
    }


def _resource_to_v2(source: Object, field: str) -> Object:
    utilization = source.get(f"{field}AverageUtilization")
    amount = _amount(
        field,
        "AverageValue" if utilization is None else "Utilization",
        averageValue=source.get(f"{field}AverageValue", _zero_if_current(field)),
        averageUtilization=utilization,
    )
    return {"name": source.get("name"), field: amount, "container": source.get("container")}


def _external_to_v2(source: Object, field: str) -> Object:
    value = source.get(f"{field}Value", _zero_if_current(field))
    kind = "AverageValue" if value is None else "Value"
    amount = _amount(field, kind, value=value, averageValue=source.get(f"{field}AverageValue"))
    return {
        "metric": _drop_empty({"name": source.get("metricName"), "selector": source.get("metricSelector")}),
        field: amount,
    }


_TO_V1: Mapping[str, Callable[[Object, Object, str], Object]] = {
    "object": _object_to_v1,
    "pods": _pods_to_v1,
    "resource": _resource_to_v1,
    "containerResource": _resource_to_v1,
    "external": _external_to_v1,
}
_TO_V2: Mapping[str, Callable[[Object, str], Object]] = {
    "object": _object_to_v2,
    "pods": _pods_to_v2,
    "resource": _resource_to_v2,
    "containerResource": _resource_to_v2,
    "external": _external_to_v2,
}


def _drop_empty(value: Object) -> Object:
    return {key: part for key, part in value.items() if part is not None}


_SCALING_RULES = ("StabilizationWindowSeconds", "SelectPolicy", "Policies", "Tolerance")


def _go_behavior(behavior: Object) -> Object:
    """The annotation holds the server's own struct, in Go names with every field."""
    return {
        name: None
        if rules_ is None
        else {field: _go_rule(field, rules_.get(_lower(field))) for field in _SCALING_RULES}
        for name, rules_ in (("ScaleUp", behavior.get("scaleUp")), ("ScaleDown", behavior.get("scaleDown")))
    }


def _go_rule(field: str, value: Any) -> Any:
    if field != "Policies" or value is None:
        return value
    return [{name: policy.get(_lower(name)) for name in ("Type", "Value", "PeriodSeconds")} for policy in value]


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _lower_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {_lower(key): _lower_case(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_lower_case(part) for part in value]
    return value


def prepare_create(autoscaler: Object, operation: Operation) -> None:
    """Whichever version it came through, it begins with the status of the stored one."""
    fields.put(
        autoscaler, "status", {"desiredReplicas": 0, "currentMetrics": None}, "autoscaling.v2.HorizontalPodAutoscaler"
    )


def complete_behavior(autoscaler: Object, old: Object | None, operation: Operation) -> None:
    """A behavior that came in an annotation of version 1 gets the defaults of version 2 only as it is read from the store."""
    if fields.at(autoscaler, "spec.behavior") is not None:
        defaults.apply("autoscaling.v2.HorizontalPodAutoscaler", autoscaler)


_STABILIZATION_MOST_S, _PERIOD_MOST_S = 3600, 1800


def validate(autoscaler: Object, *_: object) -> list[FieldError]:
    spec = autoscaler.get("spec") or {}
    errors: list[FieldError] = []
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    if least is not None and least < 1:
        errors.append(invalid("spec.minReplicas", least, "must be greater than or equal to 1"))
    if not most:
        errors.append(required("spec.maxReplicas", "must be set and greater than 0"))
    elif most < 1:
        errors.append(invalid("spec.maxReplicas", most, "must be greater than or equal to 1"))
    if least is not None and most < least:
        errors.append(invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    # The only kind of the core group that can be scaled.
    core_group = fields.at(spec, "scaleTargetRef.kind") == "ReplicationController"
    errors += _reference(spec.get("scaleTargetRef") or {}, "spec.scaleTargetRef", core_group=core_group)
    for i, metric in enumerate(spec.get("metrics") or ()):
        errors += _metric_errors(metric, f"spec.metrics[{i}]")
    if least == 0 and not any(metric.get("type") in ("Object", "External") for metric in spec.get("metrics") or ()):
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(forbidden("spec.metrics", detail))
    for direction in ("scaleUp", "scaleDown"):
        errors += _scaling_errors(fields.at(spec, f"behavior.{direction}"), f"spec.behavior.{direction}")
    return errors


_REFERENCE_ROWS = (
    ("kind", rules.needed_name(names.path_segment)),
    ("name", rules.needed_name(names.path_segment)),
)


def _reference(reference: Object, path: str, *, core_group: bool) -> list[FieldError]:
    """A reference to an object of some version: what is scaled must name its group, what is measured may be of the core group."""
    errors = rules.check(reference, _REFERENCE_ROWS, path)
    api_version, place = reference.get("apiVersion", ""), f"{path}.apiVersion"
    if api_version.count("/") > 1:
        errors.append(invalid(place, api_version, f"unexpected GroupVersion string: {api_version}"))
    elif not core_group and ("/" not in api_version or api_version.startswith("/")):
        errors.append(invalid(place, api_version, "apiVersion must specify API group"))
    return errors


def _metric_errors(metric: Object, path: str) -> list[FieldError]:
    """A metric has the one source that its type names; of several the first is judged and those of other types are refused."""
    type_ = metric.get("type", "")
    errors = [] if type_ else [required(f"{path}.type", "must specify a metric source type")]
    unknown = rules.always_one_of(*sorted(_METRIC_TYPES))(type_, f"{path}.type")
    errors += unknown
    present = [source for source in _SOURCE_ORDER if metric.get(source) is not None]
    for source in present[:1]:
        errors += rules.check(metric[source], _SOURCES[source], f"{path}.{source}")
    wanted = _METRIC_TYPES.get(type_, "")
    if wanted and wanted not in present:
        errors.append(required(f"{path}.{wanted}", "must populate information for the given metric source"))
    errors += unknown
    if len(present) == 1:
        return errors
    return errors + [
        forbidden(f"{path}.{source}", "must populate the given metric source only")
        for source in present
        if source != wanted
    ]


def _positive(value: Any, path: str) -> list[FieldError]:
    return [invalid(path, str(value), "must be positive")] if value is not None and parse(value) <= 0 else []


def _target(source: Object, path: str) -> list[FieldError]:
    target, place = source.get("target") or {}, f"{path}.target"
    type_ = target.get("type", "")
    errors = [] if type_ else [required(f"{place}.type", "must specify a metric target type")]
    if type_ not in ("Utilization", "Value", "AverageValue"):
        errors.append(invalid(f"{place}.type", type_, "must be either Utilization, Value, or AverageValue"))
    return errors + rules.check(target, _TARGET, place)


def _of_containers(source: Object, path: str) -> list[FieldError]:
    target, place = source.get("target") or {}, f"{path}.target"
    utilization, average = target.get("averageUtilization"), target.get("averageValue")
    if utilization is None and average is None:
        detail = "must set either a target raw value or a target utilization"
        return [required(f"{place}.averageUtilization", detail)]
    if utilization is not None and average is not None:
        detail = "may not set both a target raw value and a target utilization"
        return [forbidden(f"{place}.averageValue", detail)]
    return []


def _of_pods(source: Object, path: str) -> list[FieldError]:
    if (source.get("target") or {}).get("averageValue") is not None:
        return []
    return [required(f"{path}.target.averageValue", "must specify a positive target averageValue")]


def _some_value(detail: str) -> rules.Rule:
    def check(source: Any, path: str) -> list[FieldError]:
        target = source.get("target") or {}
        if target.get("value") is not None or target.get("averageValue") is not None:
            return []
        return [required(f"{path}.target.averageValue", detail)]

    return check


def _one_value(source: Object, path: str) -> list[FieldError]:
    target = source.get("target") or {}
    if target.get("value") is None or target.get("averageValue") is None:
        return []
    return [forbidden(f"{path}.target.value", "may not set both a target value for metric and a per-pod target")]


def _metric_name(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path, "must specify a metric name")]
    return [invalid(path, value, text) for text in names.path_segment(value)]


def _container_resource(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path, "must specify a resource name")]
    return resource_names.container_resource_name(value, path)


def _container(value: Any, path: str) -> list[FieldError]:
    return rules.needed_because("must specify a container")(value, path) or rules.named(names.label)(value, path)


_TARGET = (
    ("value", _positive),
    ("averageValue", _positive),
    ("averageUtilization", rules.told("must be greater than 0", lambda percentage: percentage > 0)),
)
_RESOURCE_NAME = ("name", rules.needed_because("must specify a resource name"))
_SOURCE_ORDER = ("object", "external", "pods", "resource", "containerResource")
_SOURCES: Mapping[str, tuple[rules.Row, ...]] = {
    "object": (
        ("describedObject", lambda value, path: _reference(value or {}, path, core_group=True)),
        ("metric.name", _metric_name),
        _target,
        _some_value("must set either a target value or averageValue"),
    ),
    "external": (
        ("metric.name", _metric_name),
        _target,
        _some_value("must set either a target value for metric or a per-pod target"),
        _one_value,
    ),
    "pods": (("metric.name", _metric_name), _target, _of_pods),
    "resource": (_RESOURCE_NAME, _target, _of_containers),
    "containerResource": (
        ("name", _container_resource),
        ("container", _container),
        _target,
        _of_containers,
    ),
}


def _seconds_to_look_back(value: Any, path: str) -> list[FieldError]:
    if value is not None and value < 0:
        return [invalid(path, value, "must be greater than or equal to zero")]
    return rules.at_most(_STABILIZATION_MOST_S)(value, path)


def _above_zero(value: Any, path: str) -> list[FieldError]:
    return rules.positive(value or 0, path)


_POLICY = (
    ("type", rules.always_one_of("Percent", "Pods")),
    ("value", _above_zero),
    ("periodSeconds", _above_zero, rules.at_most(_PERIOD_MOST_S)),
)
_SCALING = (
    ("stabilizationWindowSeconds", _seconds_to_look_back),
    ("selectPolicy", rules.any_one_of("Disabled", "Max", "Min")),
    ("policies", rules.needed_because("must specify at least one Policy"), rules.each(*_POLICY)),
    ("tolerance", rules.quantity_non_negative),
)


def _scaling_errors(scaling: Object | None, path: str) -> list[FieldError]:
    return [] if scaling is None else rules.check(scaling, _SCALING, path)


validate_status = rules.table(
    ("status.currentReplicas", rules.non_negative), ("status.desiredReplicas", rules.non_negative)
)

STRATEGY = Strategy(
    prepare_create=prepare_create,
    validate_create=validate,
    validate_update=validate,
    validate_status_update=validate_status,
    allocate=complete_behavior,
    to_storage=to_storage,
    from_storage=from_storage,
)
