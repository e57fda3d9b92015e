"""What the status of a Job may say: who runs Jobs ends them in one way, once, and for good.

https://kubernetes.io/docs/concepts/workloads/controllers/job/#terminal-job-conditions
"""

from __future__ import annotations

from typing import Any

from fakekube.kinds.job_rules import IndexListError, index_list, overlap
from fakekube.objects import rules
from fakekube.objects.field_errors import FieldError, duplicate, invalid, required
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.registry.kind import Object

_LASTING = ("Failed", "Complete", "FailureTarget")


def _uncounted(value: Any, path: str) -> list[FieldError]:
    """Pods by their uid, each once in either list."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for field in ("succeeded", "failed"):
        for i, uid in enumerate((value or {}).get(field) or ()):
            if not uid:
                errors.append(invalid(f"{path}.{field}[{i}]", uid, "must not be empty"))
            elif uid in seen:
                errors.append(duplicate(f"{path}.{field}[{i}]", uid))
            seen.add(uid)
    return errors


_COUNTERS = (
    *((name, rules.non_negative) for name in ("active", "succeeded", "failed", "ready", "terminating")),
    ("uncountedTerminatedPods", _uncounted),
)


def _conditions(status: Object, value: str = "True") -> frozenset[str]:
    """The types of those that are true."""
    conditions = status.get("conditions") or ()
    return frozenset(each.get("type", "") for each in conditions if each.get("status") == value)


def _untold(field: str, detail: str) -> FieldError:
    """Kubernetes shows no value of these."""
    return FieldError("FieldValueInvalid", f"status.{field}", f"Invalid value: {detail}")


def validate_update(job: Object, old: Object) -> list[FieldError]:
    """Most rules are asked only where a report changes something of what they speak of."""
    spec, status, before = job.get("spec") or {}, job.get("status") or {}, old.get("status") or {}
    true, was_true = _conditions(status), _conditions(before)
    changed = frozenset(field for field in {*status, *before} if status.get(field) != before.get(field))
    changed |= true ^ was_true
    finished, was_finished = (not each.isdisjoint(("Complete", "Failed")) for each in (true, was_true))
    if finished != was_finished:
        changed |= {"finished"}
    errors = rules.check(status, _COUNTERS, "status")
    errors += _ending(spec, status, true, changed)
    errors += _indexes(spec, status, changed)
    if finished and changed & {"finished", "terminating"} and (status.get("terminating") or 0) > 0:
        errors.append(invalid("status.terminating", status["terminating"], "terminating>0 is invalid for finished job"))
    ready = status.get("ready")
    if changed & {"ready", "active"} and ready is not None and ready > status.get("active", 0):
        errors.append(invalid("status.ready", ready, "cannot set more ready pods than active"))
    errors += _criteria(spec, true)
    return errors + _changes(job, old, true, was_true)


def _ending(spec: Object, status: Object, true: frozenset[str], changed: frozenset[str]) -> list[FieldError]:
    complete, failed = "Complete" in true, "Failed" in true
    completed, started = status.get("completionTime"), status.get("startTime")
    errors: list[FieldError] = []
    if complete and failed and changed & {"Complete", "Failed"}:
        errors.append(_untold("conditions", "cannot set Complete=True and Failed=true conditions"))
    if complete and "FailureTarget" in true and changed & {"Complete", "FailureTarget"}:
        errors.append(_untold("conditions", "cannot set Complete=True and FailureTarget=true conditions"))
    if completed is not None and not complete and changed & {"Complete", "completionTime"}:
        detail = "cannot set completionTime when there is no Complete=True condition"
        errors.append(invalid("status.completionTime", completed, detail))
    if complete and completed is None and changed & {"Complete", "completionTime"}:
        errors.append(required("status.completionTime", "completionTime is required for Complete jobs"))
    before_start = completed is not None and started is not None and completed < started
    if before_start and changed & {"startTime", "completionTime"}:
        errors.append(invalid("status.completionTime", completed, "must be equal to or after `startTime`"))
    if failed and "FailureTarget" not in true and changed & {"Failed", "failedIndexes"}:
        errors.append(
            _untold("conditions", "cannot set Failed=True condition without the FailureTarget=true condition")
        )
    if complete and "SuccessCriteriaMet" not in true and changed & {"Complete", "SuccessCriteriaMet"}:
        detail = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
        errors.append(_untold("conditions", detail))
    if not complete and not failed:
        return errors
    if changed & {"finished", "active"} and status.get("active", 0) > 0:
        errors.append(invalid("status.active", status["active"], "active>0 is invalid for finished job"))
    never_ran = spec.get("suspend") and spec.get("completions") == 0
    if changed & {"finished", "startTime"} and started is None and not never_ran:
        errors.append(required("status.startTime", "startTime is required for finished job"))
    uncounted = status.get("uncountedTerminatedPods") or {}
    if changed & {"finished", "uncountedTerminatedPods"} and (uncounted.get("succeeded") or uncounted.get("failed")):
        shown = {"Succeeded": uncounted.get("succeeded"), "Failed": uncounted.get("failed")}
        errors.append(invalid("status.uncountedTerminatedPods", shown, "must be empty for finished job"))
    return errors


def _indexes(spec: Object, status: Object, changed: frozenset[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    completions, done = spec.get("completions"), status.get("completedIndexes", "")
    failed, per_index = status.get("failedIndexes"), spec.get("backoffLimitPerIndex") is not None
    for field, text, asked in (
        ("completedIndexes", done, True),
        ("failedIndexes", failed, per_index and failed is not None),
    ):
        if completions is not None and asked and field in changed:
            try:
                index_list(text or "", completions)
            except IndexListError as error:
                errors.append(invalid(f"status.{field}", text, f"error parsing {field}: {error}"))
    if done and spec.get("completionMode") != "Indexed" and "completedIndexes" in changed:
        detail = "cannot set non-empty completedIndexes when non-indexed completion mode"
        errors.append(invalid("status.completedIndexes", done, detail))
    if failed is not None and not per_index and "failedIndexes" in changed:
        detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        errors.append(invalid("status.failedIndexes", failed, detail))
    if changed & {"failedIndexes", "completedIndexes"} and completions is not None and done and failed:
        both = overlap(done, failed, completions)
        if both is not None:
            detail = f"failedIndexes and completedIndexes overlap at index: {both}"
            errors.append(invalid("status.failedIndexes", failed, detail))
    return errors


def _criteria(spec: Object, true: frozenset[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for other, told in (("Failed", "Failed=true"), ("FailureTarget", "FailureTarget=true")):
        if "SuccessCriteriaMet" in true and other in true:
            errors.append(_untold("conditions", f"cannot set SuccessCriteriaMet=True and {told} conditions"))
    if spec.get("successPolicy") is not None and "Complete" in true and "SuccessCriteriaMet" not in true:
        detail = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
        errors.append(_untold("conditions", detail))
    return errors


def _changes(job: Object, old: Object, true: frozenset[str], was_true: frozenset[str]) -> list[FieldError]:
    spec, status, before = job.get("spec") or {}, job.get("status") or {}, old.get("status") or {}
    errors = [_disabled(condition) for condition in _LASTING if condition in was_true and condition not in true]
    may_shrink = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")
    for counter, free in (("failed", False), ("succeeded", may_shrink)):
        if not free and status.get(counter, 0) < before.get(counter, 0):
            errors.append(
                invalid(f"status.{counter}", status.get(counter, 0), f"cannot decrease the {counter} counter")
            )
    completed = status.get("completionTime")
    if completed is not None and before.get("completionTime") not in (None, completed):
        errors.append(invalid("status.completionTime", completed, IMMUTABLE_TEXT))
    started, was = status.get("startTime"), before.get("startTime")
    resumes = "Suspended" in was_true and "Suspended" in _conditions(status, "False")
    if was is not None and started != was and not spec.get("suspend") and not resumes:
        errors.append(invalid("status.startTime", started, f"{IMMUTABLE_TEXT} for unsuspended job once set"))
    if "SuccessCriteriaMet" in was_true and "SuccessCriteriaMet" not in true:
        errors.append(_untold("conditions", "cannot disable the SuccessCriteriaMet=True condition"))
    if "Complete" in was_true and "SuccessCriteriaMet" in true - was_true:
        detail = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        errors.append(_untold("conditions", detail))
    return errors


def _disabled(condition: str) -> FieldError:
    return _untold("conditions", f"cannot disable the terminal {condition}=True condition")
