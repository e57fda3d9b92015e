"""What the status of a Job may say: who runs Jobs ends them in one way, once, and for good.

https://kubernetes.io/docs/concepts/workloads/controllers/job/#terminal-job-conditions
"""

from __future__ import annotations

from typing import Any

from fakekube.kinds.job_rules import IndexListError, index_list
from fakekube.objects import rules
from fakekube.objects.field_errors import FieldError, duplicate, invalid, required
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.registry.kind import Object

_LASTING = ("Failed", "Complete", "FailureTarget", "SuccessCriteriaMet")


def _names(value: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for i, uid in enumerate(value or ()):
        if not uid:
            errors.append(invalid(f"{path}[{i}]", uid, "must not be empty"))
        elif uid in value[:i]:
            errors.append(duplicate(f"{path}[{i}]", uid))
    return errors


_COUNTERS = (
    *((name, rules.non_negative) for name in ("active", "succeeded", "failed", "ready", "terminating")),
    ("uncountedTerminatedPods", rules.within(("succeeded", _names), ("failed", _names))),
)


def _conditions(status: Object) -> frozenset[str]:
    """The types of those that are true."""
    conditions = status.get("conditions") or ()
    return frozenset(each.get("type", "") for each in conditions if each.get("status") == "True")


def _untold(field: str, detail: str) -> FieldError:
    """Kubernetes shows no value of these."""
    return FieldError("FieldValueInvalid", f"status.{field}", f"Invalid value: {detail}")


def validate_update(job: Object, old: Object) -> list[FieldError]:
    spec, status, before = job.get("spec") or {}, job.get("status") or {}, old.get("status") or {}
    errors = rules.check(status, _COUNTERS, "status")
    errors += _ending(status, _conditions(status))
    errors += _indexes(spec, status)
    finished = not _conditions(status).isdisjoint(("Complete", "Failed"))
    if finished and status.get("terminating", 0) > 0:
        errors.append(invalid("status.terminating", status["terminating"], "terminating>0 is invalid for finished job"))
    if status.get("ready", 0) > status.get("active", 0):
        errors.append(invalid("status.ready", status["ready"], "cannot set more ready pods than active"))
    return errors + _changes(spec, status, before)


def _ending(status: Object, true: frozenset[str]) -> list[FieldError]:
    complete, failed = "Complete" in true, "Failed" in true
    completed, started = status.get("completionTime"), status.get("startTime")
    errors: list[FieldError] = []
    if complete and failed:
        errors.append(_untold("conditions", "cannot set Complete=True and Failed=true conditions"))
    if complete and "FailureTarget" in true:
        errors.append(_untold("conditions", "cannot set Complete=True and FailureTarget=true conditions"))
    if completed is not None and not complete:
        detail = "cannot set completionTime when there is no Complete=True condition"
        errors.append(invalid("status.completionTime", completed, detail))
    if complete and completed is None:
        errors.append(required("status.completionTime", "completionTime is required for Complete jobs"))
    if completed is not None and started is not None and completed < started:
        errors.append(invalid("status.completionTime", completed, "completionTime cannot be set before startTime"))
    if failed and "FailureTarget" not in true:
        errors.append(
            _untold("conditions", "cannot set Failed=True condition without the FailureTarget=true condition")
        )
    if complete and "SuccessCriteriaMet" not in true:
        detail = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
        errors.append(_untold("conditions", detail))
    if not complete and not failed:
        return errors
    if status.get("active", 0) > 0:
        errors.append(invalid("status.active", status["active"], "active>0 is invalid for finished job"))
    if started is None:
        errors.append(required("status.startTime", "startTime is required for finished job"))
    uncounted = status.get("uncountedTerminatedPods") or {}
    if uncounted.get("succeeded") or uncounted.get("failed"):
        detail = "uncountedTerminatedPods needs to be empty for finished job"
        shown = {"Succeeded": uncounted.get("succeeded"), "Failed": uncounted.get("failed")}
        errors.append(invalid("status.uncountedTerminatedPods", shown, detail))
    return errors


def _indexes(spec: Object, status: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    completions, done = spec.get("completions"), status.get("completedIndexes", "")
    failed, per_index = status.get("failedIndexes"), spec.get("backoffLimitPerIndex") is not None
    for field, text, asked in (
        ("completedIndexes", done, True),
        ("failedIndexes", failed, per_index and failed is not None),
    ):
        if completions is not None and asked:
            try:
                index_list(text or "", completions)
            except IndexListError as error:
                errors.append(invalid(f"status.{field}", text, f"error parsing {field}: {error}"))
    if done and spec.get("completionMode") != "Indexed":
        detail = "cannot set non-empty completedIndexes when non-indexed completion mode"
        errors.append(invalid("status.completedIndexes", done, detail))
    if failed is not None and not per_index:
        detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        errors.append(invalid("status.failedIndexes", failed, detail))
    return errors


def _changes(spec: Object, status: Object, before: Object) -> list[FieldError]:
    errors = [
        _untold("conditions", f"cannot disable the terminal {condition}=True condition")
        for condition in _LASTING
        if condition in _conditions(before) and condition not in _conditions(status)
    ]
    for counter in ("failed", "succeeded"):
        if status.get(counter, 0) < before.get(counter, 0):
            errors.append(
                invalid(f"status.{counter}", status.get(counter, 0), f"cannot decrease the {counter} counter")
            )
    completed = status.get("completionTime")
    if completed is not None and before.get("completionTime") not in (None, completed):
        errors.append(invalid("status.completionTime", completed, IMMUTABLE_TEXT))
    started, was = status.get("startTime"), before.get("startTime")
    if was is not None and started != was and not spec.get("suspend"):
        what = "removed" if started is None else "modified"
        errors.append(required("status.startTime", f"startTime cannot be {what} for unsuspended job"))
    return errors
