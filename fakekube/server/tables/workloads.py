"""The rows of what runs pods: deployments, sets, jobs, autoscalers and budgets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fakekube.objects import times
from fakekube.registry.kind import Object
from fakekube.server.tables.cells import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    UNSET,
    Cell,
    Rows,
    RowsOfKinds,
    count,
    field,
    get,
    is_deleted,
    is_true,
    items,
    labels,
    selector,
    selector_text,
    since,
    text,
    time_since,
    with_name_and_age,
)


def _of_containers(pod_spec: str, key: str) -> Cell:
    """The names or the images of the containers; init containers are not told."""
    path = pod_spec.split(".")
    return text(lambda whole: ",".join(container.get(key) or "" for container in items(whole, *path, "containers")))


def _containers(pod_spec: str) -> dict[str, Cell]:
    return {"Containers": _of_containers(pod_spec, "name"), "Images": _of_containers(pod_spec, "image")}


TEMPLATE = "spec.template.spec"


def _ready_of_wanted(object: Object) -> str:
    return f"{get(object, 'status', 'readyReplicas') or 0}/{get(object, 'spec', 'replicas') or 0}"


def _deployment_selector(deployment: Object) -> str:
    try:
        return selector_text(get(deployment, "spec", "selector"))
    except ValueError:
        return ""


_JOB_STATES = ("Complete", "Failed", "", "Suspended", "FailureTarget", "SuccessCriteriaMet")
"""Conditions in the order in which they count; the empty one is the place of a job that is being deleted."""


def _job_status(job: Object) -> str:
    for state in _JOB_STATES:
        if not state and is_deleted(job):
            return "Terminating"
        if state and is_true(job, state):
            return state
    return "Running"


def _job_completions(job: Object) -> str:
    succeeded = get(job, "status", "succeeded") or 0
    completions = get(job, "spec", "completions")
    if completions is not None:
        return f"{succeeded}/{completions}"
    parallelism = get(job, "spec", "parallelism") or 0
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _job_duration(job: Object, now: datetime) -> str:
    """The duration of a job that failed goes on growing: only a complete one has an end."""
    started = get(job, "status", "startTime")
    ended = get(job, "status", "completionTime")
    return since(started, times.to_datetime(ended) if ended else now) if started else ""


def _suspend(cron_job: Object) -> str:
    suspended = get(cron_job, "spec", "suspend")
    return UNSET if suspended is None else str(bool(suspended))


def _controller(revision: Object) -> str:
    for owner in items(revision, "metadata", "ownerReferences"):
        if owner.get("controller"):
            group, _, _ = (owner.get("apiVersion") or "").rpartition("/")
            kind = (owner.get("kind") or "").lower()
            return f"{kind}.{group.lower()}/{owner.get('name')}" if group else f"{kind}/{owner.get('name')}"
    return NONE


def _int_or_percent(path: str) -> Cell:
    keys = path.split(".")

    def show(object: Object) -> str:
        value = get(object, *keys)
        return "N/A" if value is None else str(value)

    return text(show)


def _percent(value: Any, unknown: str) -> str:
    return unknown if value is None else f"{value}%"


def _resource_metric(target: dict[str, Any], current: dict[str, Any], name: str) -> str:
    if (wanted := target.get("averageValue")) is not None:
        return f"{name}: {current.get('averageValue') or UNKNOWN}/{wanted}"
    utilization = _percent(current.get("averageUtilization"), UNKNOWN)
    return f"{name}: {utilization}/{_percent(target.get('averageUtilization'), '<auto>')}"


def _pods_metric(target: dict[str, Any], current: dict[str, Any], name: str) -> str:
    return f"{current.get('averageValue') or UNKNOWN}/{target.get('averageValue') or 0}"


def _value_metric(target: dict[str, Any], current: dict[str, Any], name: str) -> str:
    if (wanted := target.get("averageValue")) is not None:
        return f"{current.get('averageValue') or UNKNOWN}/{wanted} (avg)"
    return f"{current.get('value') or UNKNOWN}/{target.get('value') or 0}"


_METRICS = {
    "Resource": ("resource", _resource_metric),
    "ContainerResource": ("containerResource", _resource_metric),
    "Pods": ("pods", _pods_metric),
    "Object": ("object", _value_metric),
    "External": ("external", _value_metric),
}
"""Type of a metric: the field that holds it, and how it is shown."""


def _metric(metric: dict[str, Any], status: dict[str, Any]) -> str:
    if metric.get("type") not in _METRICS:
        return "<unknown type>"
    key, show = _METRICS[metric["type"]]
    return show(get(metric, key, "target") or {}, get(status, key, "current") or {}, get(metric, key, "name") or "")


def _targets(autoscaler: Object) -> str:
    metrics = items(autoscaler, "spec", "metrics")
    statuses = items(autoscaler, "status", "currentMetrics")
    shown = [_metric(metric, statuses[i] if i < len(statuses) else {}) for i, metric in enumerate(metrics)]
    more = f" + {len(shown) - 2} more..." if len(shown) > 2 else ""
    return ", ".join(shown[:2]) + more if shown else NONE


def _scaled(autoscaler: Object) -> str:
    target = get(autoscaler, "spec", "scaleTargetRef") or {}
    return f"{target.get('kind') or ''}/{target.get('name') or ''}"


def _fewest(autoscaler: Object) -> str:
    fewest = get(autoscaler, "spec", "minReplicas")
    return UNSET if fewest is None else str(fewest)


ROWS: RowsOfKinds = {
    ("apps", "Deployment"): Rows(
        {
            "Name": NAME,
            "Ready": text(_ready_of_wanted),
            "Up-to-date": field("status.updatedReplicas", 0),
            "Available": field("status.availableReplicas", 0),
            "Age": AGE,
            **_containers(TEMPLATE),
            "Selector": text(_deployment_selector, "spec.selector"),
        }
    ),
    ("apps", "ReplicaSet"): Rows(
        {
            "Name": NAME,
            "Desired": field("spec.replicas", 0),
            "Current": field("status.replicas", 0),
            "Ready": field("status.readyReplicas", 0),
            "Age": AGE,
            **_containers(TEMPLATE),
            "Selector": selector("spec.selector"),
        }
    ),
    ("", "ReplicationController"): Rows(
        {
            "Name": NAME,
            "Desired": field("spec.replicas", 0),
            "Current": field("status.replicas", 0),
            "Ready": field("status.readyReplicas", 0),
            "Age": AGE,
            **_containers(TEMPLATE),
            "Selector": labels("spec.selector"),
        }
    ),
    ("apps", "StatefulSet"): Rows(
        {"Name": NAME, "Ready": text(_ready_of_wanted), "Age": AGE, **_containers(TEMPLATE)},
    ),
    ("apps", "DaemonSet"): Rows(
        {
            "Name": NAME,
            "Desired": field("status.desiredNumberScheduled", 0),
            "Current": field("status.currentNumberScheduled", 0),
            "Ready": field("status.numberReady", 0),
            "Up-to-date": field("status.updatedNumberScheduled", 0),
            "Available": field("status.numberAvailable", 0),
            "Node Selector": labels("spec.template.spec.nodeSelector"),
            "Age": AGE,
            **_containers(TEMPLATE),
            "Selector": selector("spec.selector"),
        }
    ),
    ("apps", "ControllerRevision"): with_name_and_age(
        {"Controller": text(_controller), "Revision": field("revision", 0)}
    ),
    ("batch", "Job"): Rows(
        {
            "Name": NAME,
            "Status": text(_job_status),
            "Completions": text(_job_completions, "status.succeeded"),
            "Duration": Cell(_job_duration),
            "Age": AGE,
            **_containers(TEMPLATE),
            "Selector": selector("spec.selector"),
        }
    ),
    ("batch", "CronJob"): Rows(
        {
            "Name": NAME,
            "Schedule": field("spec.schedule"),
            "Timezone": field("spec.timeZone", NONE),
            "Suspend": text(_suspend, "spec.suspend"),
            "Active": count("status.active"),
            "Last Schedule": time_since("status.lastScheduleTime", NONE),
            "Age": AGE,
            **_containers(f"spec.jobTemplate.{TEMPLATE}"),
            "Selector": selector("spec.jobTemplate.spec.selector"),
        }
    ),
    ("", "PodTemplate"): Rows(
        {"Name": NAME, **_containers("template.spec"), "Pod Labels": labels("template.metadata.labels", about="")}
    ),
    ("policy", "PodDisruptionBudget"): with_name_and_age(
        {
            "Min Available": _int_or_percent("spec.minAvailable"),
            "Max Unavailable": _int_or_percent("spec.maxUnavailable"),
            "Allowed Disruptions": field("status.disruptionsAllowed", 0, about=""),
        }
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): with_name_and_age(
        {
            "Reference": text(_scaled, "spec.scaleTargetRef"),
            "Targets": text(_targets, "spec.metrics"),
            "MinPods": text(_fewest, "spec.minReplicas"),
            "MaxPods": field("spec.maxReplicas", 0),
            "Replicas": field("status.currentReplicas", 0),
        }
    ),
    ("autoscaling", "Scale"): with_name_and_age(
        {
            "Desired": field("spec.replicas", 0, type="integer"),
            "Available": field("status.replicas", 0, type="integer"),
        }
    ),
}
