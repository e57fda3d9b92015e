"""HorizontalPodAutoscalers: stored as autoscaling/v2; version 1 shows one cpu percentage and puts the rest into annotations.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from fakekube.objects import fields, names, rules, structs
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
    if metrics:
        spec["metrics"] = metrics
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
    if "currentCPUUtilizationPercentage" in old:
        current = {"averageUtilization": old["currentCPUUtilizationPercentage"]}
        metrics.insert(0, {"type": "Resource", "resource": {"name": "cpu", "current": current}})
    status["currentMetrics"] = metrics or None
    if conditions := _noted("autoscaling.v2.HorizontalPodAutoscalerCondition", dict, parts[CONDITIONS]):
        status["conditions"] = conditions
    return status


def from_storage(autoscaler: Object) -> Object:
    """The v1 form of a v2 object."""
    metadata = dict(autoscaler["metadata"])
    new = autoscaler.get("spec") or {}
    spec = {field: new[field] for field in ("scaleTargetRef", "minReplicas", "maxReplicas") if field in new}
    percentage, others = _without_cpu(new.get("metrics") or (), "target")
    if percentage is not None:
        spec["targetCPUUtilizationPercentage"] = percentage
    notes: dict[str, str] = {}
    if others:
        notes[METRICS] = _written([_metric_to_v1(metric, "target") for metric in others])
    if new.get("behavior"):
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
    percentage, others = _without_cpu(new.get("currentMetrics") or (), "current")
    if percentage is not None:
        status["currentCPUUtilizationPercentage"] = percentage
    if others:
        notes[CURRENT_METRICS] = _written([_metric_to_v1(metric, "current") for metric in others])
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


def _cpu_metric(percentage: int) -> Object:
    target = {"type": "Utilization", "averageUtilization": percentage}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def _without_cpu(metrics: Any, field: str) -> tuple[int | None, list[Object]]:
    """The percentage of the first cpu metric that has one, and the other metrics."""
    percentage: int | None = None
    others = []
    for metric in metrics:
        resource = metric.get("resource") or {}
        found = fields.at(resource, f"{field}.averageUtilization")
        if percentage is None and resource.get("name") == "cpu" and found is not None:
            percentage = found
        else:
            others.append(metric)
    return percentage, others


def _metric_to_v1(metric: Object, field: str) -> Object:
    """`field` is `target` in a spec and `current` in a status; old fields begin with it: `targetAverageValue`."""
    name = _METRIC_TYPES.get(metric.get("type", ""), "")
    source = metric.get(name) or {}
    return (
        {"type": metric.get("type", ""), name: _drop_empty(_TO_V1[name](source, source.get(field) or {}, field))}
        if name
        else metric
    )


def _metric_to_v2(metric: Object, field: str) -> Object:
    name = _METRIC_TYPES.get(metric.get("type", ""), "")
    return (
        {"type": metric.get("type", ""), name: _drop_empty(_TO_V2[name](metric.get(name) or {}, field))}
        if name
        else metric
    )


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
        f"{field}AverageValue": amount.get("averageValue"),
        "selector": metric.get("selector"),
    }


def _resource_to_v1(source: Object, amount: Object, field: str) -> Object:
    return {
        "name": source.get("name"),
        f"{field}AverageUtilization": amount.get("averageUtilization"),
        f"{field}AverageValue": amount.get("averageValue"),
        "container": source.get("container"),
    }


def _external_to_v1(source: Object, amount: Object, field: str) -> Object:
    metric = source.get("metric") or {}
    return {
        "metricName": metric.get("name"),
        "metricSelector": metric.get("selector"),
        f"{field}Value": amount.get("value"),
        f"{field}AverageValue": amount.get("averageValue"),
    }


def _amount(field: str, **values: Any) -> Object:
    """The `target` or `current` of a v2 metric; a target names its type."""
    kinds = {"averageUtilization": "Utilization", "averageValue": "AverageValue", "value": "Value"}
    given = {name: value for name, value in values.items() if value is not None}
    if field == "target":
        kind = next((kind for name, kind in kinds.items() if name in given), "")
        return {"type": kind, **given}
    return given


def _object_to_v2(source: Object, field: str) -> Object:
    average = source.get("averageValue")
    value = source.get(f"{field}Value") if average is None else None
    return {
        "describedObject": source.get("target"),
        field: _amount(field, value=value, averageValue=average),
        "metric": _drop_empty({"name": source.get("metricName"), "selector": source.get("selector")}),
    }


def _pods_to_v2(source: Object, field: str) -> Object:
    return {
        "metric": _drop_empty({"name": source.get("metricName"), "selector": source.get("selector")}),
        field: _amount(field, averageValue=source.get(f"{field}AverageValue")),
    }


def _resource_to_v2(source: Object, field: str) -> Object:
    amount = _amount(
        field,
        averageValue=source.get(f"{field}AverageValue"),
        averageUtilization=source.get(f"{field}AverageUtilization"),
    )
    return {"name": source.get("name"), field: amount, "container": source.get("container")}


def _external_to_v2(source: Object, field: str) -> Object:
    amount = _amount(field, value=source.get(f"{field}Value"), averageValue=source.get(f"{field}AverageValue"))
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


_REFERENCE_ROWS = (
    ("spec.scaleTargetRef.kind", rules.needed_name(names.path_segment)),
    ("spec.scaleTargetRef.name", rules.needed_name(names.path_segment)),
)
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
    errors += rules.check(autoscaler, _REFERENCE_ROWS)
    api_version = fields.text_at(spec, "scaleTargetRef.apiVersion")
    if api_version.count("/") > 1:
        path = "spec.scaleTargetRef.apiVersion"
        errors.append(invalid(path, api_version, f"unexpected GroupVersion string: {api_version}"))
    elif "/" not in api_version:
        errors.append(invalid("spec.scaleTargetRef.apiVersion", api_version, "apiVersion must specify API group"))
    for i, metric in enumerate(spec.get("metrics") or ()):
        errors += _metric_errors(metric, f"spec.metrics[{i}]")
    if least == 0 and not any(metric.get("type") in ("Object", "External") for metric in spec.get("metrics") or ()):
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(forbidden("spec.metrics", detail))
    for direction in ("scaleUp", "scaleDown"):
        errors += _scaling_errors(fields.at(spec, f"behavior.{direction}"), f"spec.behavior.{direction}")
    return errors


def _metric_errors(metric: Object, path: str) -> list[FieldError]:
    type_ = metric.get("type", "")
    if not type_:
        return [required(f"{path}.type", "must specify a metric source type")]
    errors = rules.one_of(*sorted(_METRIC_TYPES))(type_, f"{path}.type")
    if type_ not in _METRIC_TYPES:
        return errors + errors
    name = _METRIC_TYPES[type_]
    source = metric.get(name)
    if source is None:
        return [required(f"{path}.{name}", "must populate information for the given metric source")]
    return _source_errors(name, source, f"{path}.{name}")


def _source_errors(name: str, source: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    target = source.get("target") or {}
    if name in ("resource", "containerResource"):
        if not source.get("name"):
            errors.append(required(f"{path}.name", "must specify a resource name"))
        if name == "containerResource":
            errors += rules.needed_name(names.label)(source.get("container"), f"{path}.container")
    elif not fields.at(source, "metric.name"):
        errors.append(required(f"{path}.metric.name", "must specify a metric name"))
    type_ = target.get("type", "")
    if not type_:
        errors.append(required(f"{path}.target.type", "must specify a metric target type"))
    elif type_ not in ("Utilization", "Value", "AverageValue"):
        errors.append(invalid(f"{path}.target.type", type_, "must be either Utilization, Value, or AverageValue"))
    utilization = target.get("averageUtilization")
    if utilization is not None and utilization < 1:
        errors.append(invalid(f"{path}.target.averageUtilization", utilization, "must be greater than 0"))
    for field in ("value", "averageValue"):
        if target.get(field) is not None and parse(target[field]) <= 0:
            errors.append(invalid(f"{path}.target.{field}", str(target[field]), "must be positive"))
    if name == "pods" and target.get("averageValue") is None:
        errors.append(required(f"{path}.target.averageValue", "must specify a positive target averageValue"))
    if name in ("resource", "containerResource"):
        average = target.get("averageValue")
        if utilization is None and average is None:
            detail = "must set either a target raw value or a target utilization"
            errors.append(required(f"{path}.target.averageUtilization", detail))
        if utilization is not None and average is not None:
            detail = "may not set both a target raw value and a target utilization"
            errors.append(forbidden(f"{path}.target.averageValue", detail))
    if name in ("object", "external") and target.get("value") is None and target.get("averageValue") is None:
        detail = "must set either a target value for metric or a per-pod target"
        errors.append(required(f"{path}.target.{'averageValue' if name == 'object' else 'value'}", detail))
    if name == "external" and target.get("value") is not None and target.get("averageValue") is not None:
        detail = "may not set both a target value for metric and a per-pod target"
        errors.append(forbidden(f"{path}.target.value", detail))
    return errors


def _scaling_errors(scaling: Object | None, path: str) -> list[FieldError]:
    if scaling is None:
        return []
    errors: list[FieldError] = []
    window = scaling.get("stabilizationWindowSeconds")
    if window is not None and window < 0:
        errors.append(invalid(f"{path}.stabilizationWindowSeconds", window, "must be greater than or equal to zero"))
    elif window is not None and window > _STABILIZATION_MOST_S:
        detail = f"must be less than or equal to {_STABILIZATION_MOST_S}"
        errors.append(invalid(f"{path}.stabilizationWindowSeconds", window, detail))
    errors += rules.check(scaling, [("selectPolicy", rules.one_of("Disabled", "Max", "Min"))], path)
    policies = scaling.get("policies") or []
    if not policies:
        errors.append(required(f"{path}.policies", "must specify at least one Policy"))
    for i, policy in enumerate(policies):
        place = f"{path}.policies[{i}]"
        rows = [("type", rules.one_of("Percent", "Pods")), ("value", rules.positive), ("periodSeconds", rules.positive)]
        errors += rules.check(policy, rows, place)
        if policy.get("periodSeconds", 0) > _PERIOD_MOST_S:
            detail = f"must be less than or equal to {_PERIOD_MOST_S}"
            errors.append(invalid(f"{place}.periodSeconds", policy["periodSeconds"], detail))
    return errors


STRATEGY = Strategy(
    prepare_create=prepare_create,
    validate_create=validate,
    validate_update=validate,
    to_storage=to_storage,
    from_storage=from_storage,
)
