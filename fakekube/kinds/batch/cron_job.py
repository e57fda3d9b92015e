"""CronJobs: when a Job is made, and after which template.

https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
"""

from __future__ import annotations

import re
from typing import Any

from fakekube.kinds import gated_fields, job_rules, pod_warnings
from fakekube.objects import cron, fields, rules
from fakekube.objects.field_errors import FieldError, invalid, not_supported, required, wrong_choice
from fakekube.registry.kind import Object, Strategy

_PART_OF_ZONE = re.compile(r"(?!-)[A-Za-z.\-_0-9+]{1,14}").fullmatch
MOST_NAME_CHARACTERS = 52
"""Eleven characters are put behind it to call a Job, whose own name must be a label."""
TEMPLATE = "spec.jobTemplate.spec"


def _name(cron_job: Object, _: str = "") -> list[FieldError]:
    name = cron_job["metadata"].get("name", "")
    if len(name) <= MOST_NAME_CHARACTERS:
        return []
    return [invalid("metadata.name", name, f"must be no more than {MOST_NAME_CHARACTERS} characters")]


def _schedule(spec: Object, path: str) -> list[FieldError]:
    text, place = spec.get("schedule", ""), f"{path}.schedule"
    if not text:
        return [required(place)]
    errors: list[FieldError] = []
    try:
        cron.parse(text)
    except cron.ScheduleError as error:
        errors.append(invalid(place, text, str(error)))
    if "TZ" in text:
        detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.append(invalid(place, text, detail))
    return errors


def _time_zone(value: Any, path: str) -> list[FieldError]:
    if value is None:
        return []
    if not value:
        return [invalid(path, value, "timeZone must be nil or non-empty string")]
    # The real server shows this string as it shows members of enums.
    unknown = [wrong_choice(path, value, f"unknown time zone {value}")]
    if not all(_PART_OF_ZONE(part) and part not in (".", "..") for part in value.split("/")):
        return unknown
    errors: list[FieldError] = []
    if value.lower() == "local":
        detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        errors.append(invalid(path, value, detail))
    return errors if cron.is_time_zone(value) else errors + unknown


def _generated(spec: Object, path: str) -> list[FieldError]:
    """What the server writes into the Jobs itself may not stand in their template."""
    job, errors = fields.at(spec, "jobTemplate.spec") or {}, list[FieldError]()
    if job.get("selector") is not None:
        errors.append(
            invalid(f"{path}.jobTemplate.spec.selector", job["selector"], "`selector` will be auto-generated")
        )
    if job.get("manualSelector"):
        errors.append(not_supported(f"{path}.jobTemplate.spec.manualSelector", True, ("nil", "false")))
    return errors


_SPEC = (
    _schedule,
    ("startingDeadlineSeconds", rules.non_negative),
    ("timeZone", _time_zone),
    ("concurrencyPolicy", rules.needed_one_of("Allow", "Forbid", "Replace")),
    ("jobTemplate", lambda template, path: job_rules.validate((template or {}).get("spec") or {}, f"{path}.spec")),
    _generated,
    ("successfulJobsHistoryLimit", rules.non_negative),
    ("failedJobsHistoryLimit", rules.non_negative),
)


def validate_create(cron_job: Object) -> list[FieldError]:
    return rules.check(cron_job.get("spec") or {}, _SPEC, "spec") + _name(cron_job)


def validate_update(cron_job: Object, _: Object) -> list[FieldError]:
    return rules.check(cron_job.get("spec") or {}, _SPEC, "spec")


def warnings(cron_job: Object, old: Object | None) -> list[str]:
    return pod_warnings.of_workload(cron_job, old, f"{TEMPLATE}.template")


_drop = gated_fields.of_template("spec.jobTemplate.spec.template")

STRATEGY = Strategy(
    prepare_create=_drop,
    prepare_update=_drop,
    validate_create=validate_create,
    validate_update=validate_update,
    warnings=warnings,
)
