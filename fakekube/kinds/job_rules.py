"""What a Job may say, alone or as the template of a CronJob."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

from fakekube.kinds import workload_rules as workloads
from fakekube.objects import as_sent, go_structs, rules
from fakekube.objects.field_errors import FieldError, duplicate, go_quoted, invalid, not_supported, required, too_many
from fakekube.objects.names import qualified_name
from fakekube.registry.kind import Object

ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
MOST_PARALLEL = 100_000
MOST_FAILED_INDEXES, MOST_MANAGER_BYTES = 100_000, 63
MANY_COMPLETIONS, MOST_OF_MANY = 100_000, 10_000
"""An indexed Job of more completions than this, with a limit per index, may run and lose only so many at a time."""
MOST_POLICY_RULES, MOST_EXIT_CODES, MOST_CONDITIONS = 20, 255, 20
MOST_SUCCESS_RULES, MOST_INDEXES_BYTES = 20, 64 * 1024
_NUMBERS = tuple(
    (name, rules.non_negative)
    for name in ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")
)


def validate(spec: Object, path: str) -> list[FieldError]:
    errors = rules.check(spec, _NUMBERS, path)
    errors += rules.non_negative(spec.get("backoffLimitPerIndex"), f"{path}.backoffLimitPerIndex")
    most_failed = spec.get("maxFailedIndexes")
    errors += rules.non_negative(most_failed, f"{path}.maxFailedIndexes")
    if most_failed is not None and spec.get("backoffLimitPerIndex") is None:
        errors.append(required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    if spec.get("managedBy") is not None:
        errors += rules.domain_prefixed_path(spec["managedBy"], f"{path}.managedBy")
    errors += rules.no_longer_than(MOST_MANAGER_BYTES)(spec.get("managedBy"), f"{path}.managedBy")
    errors += _completion_mode(spec, path)
    if spec.get("podFailurePolicy") is not None:
        errors += _failure_policy(spec, f"{path}.podFailurePolicy")
    if spec.get("successPolicy") is not None:
        if spec.get("completionMode") == "Indexed":
            errors += _success_policy(spec, f"{path}.successPolicy")
        else:
            shown = _success_policy_shown(spec["successPolicy"])
            errors.append(invalid(f"{path}.successPolicy", shown, _ONLY_INDEXED))
    errors += _replacement(spec, f"{path}.podReplacementPolicy")
    template = spec.get("template") or {}
    errors += workloads.template(template, f"{path}.template")
    return errors + _restart_policy(spec, template, f"{path}.template.spec.restartPolicy")


def _completion_mode(spec: Object, path: str) -> list[FieldError]:
    mode = spec.get("completionMode")
    if mode is not None and mode not in ("NonIndexed", "Indexed"):
        return [not_supported(f"{path}.completionMode", mode, ("NonIndexed", "Indexed"))]
    if mode == "Indexed":
        errors = []
        if spec.get("completions") is None:
            errors.append(required(f"{path}.completions", "when completion mode is Indexed"))
        if spec.get("parallelism", 0) > MOST_PARALLEL:
            detail = f"must be less than or equal to {MOST_PARALLEL} when completion mode is Indexed"
            errors.append(invalid(f"{path}.parallelism", spec["parallelism"], detail))
        return errors + _failed_indexes(spec, path)
    return [
        invalid(f"{path}.{field}", spec[field], _ONLY_INDEXED)
        for field in ("backoffLimitPerIndex", "maxFailedIndexes")
        if spec.get(field) is not None
    ]


_ONLY_INDEXED = "requires indexed completion mode"


def _failed_indexes(spec: Object, path: str) -> list[FieldError]:
    completions, failed, place = spec.get("completions"), spec.get("maxFailedIndexes"), f"{path}.maxFailedIndexes"
    errors: list[FieldError] = []
    if completions is not None and failed is not None and failed > completions:
        errors.append(invalid(place, failed, "must be less than or equal to completions"))
    errors += rules.at_most(MOST_FAILED_INDEXES)(failed, place)
    if (completions or 0) <= MANY_COMPLETIONS or spec.get("backoffLimitPerIndex") is None:
        return errors
    if failed is None:
        errors.append(required(place, f"must be specified when completions is above {MANY_COMPLETIONS}"))
    for field in ("parallelism", "maxFailedIndexes"):
        if (spec.get(field) or 0) > MOST_OF_MANY:
            detail = (
                f"must be less than or equal to {MOST_OF_MANY} when completions are above {MANY_COMPLETIONS} "
                "and used with backoff limit per index"
            )
            errors.append(invalid(f"{path}.{field}", spec[field], detail))
    return errors


def _success_policy_shown(policy: Object) -> Object:
    shown = {"SucceededIndexes": None, "SucceededCount": None}
    listed = as_sent.with_empty(policy).get("rules")
    return {
        "Rules": listed
        and [
            {**shown, "SucceededIndexes": rule.get("succeededIndexes"), "SucceededCount": rule.get("succeededCount")}
            for rule in listed
        ]
    }


def _failure_policy(spec: Object, path: str) -> list[FieldError]:
    template = (spec.get("template") or {}).get("spec") or {}
    known = {each.get("name") for field in ("initContainers", "containers") for each in template.get(field) or ()}
    policy_rules = spec["podFailurePolicy"].get("rules") or ()
    errors = rules.no_more_than(MOST_POLICY_RULES)(policy_rules, f"{path}.rules")
    for i, rule in enumerate(policy_rules):
        place, action = f"{path}.rules[{i}]", rule.get("action", "")
        if not action:
            errors.append(required(f"{place}.action", _valid(ACTIONS)))
        elif action not in ACTIONS:
            errors.append(not_supported(f"{place}.action", action, ACTIONS))
        elif action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            errors.append(invalid(f"{place}.action", action, "requires the backoffLimitPerIndex to be set"))
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
        if codes is not None:
            errors += _exit_codes(codes, f"{place}.onExitCodes", known)
        errors += rules.no_more_than(MOST_CONDITIONS)(conditions, f"{place}.onPodConditions")
        for k, condition in enumerate(conditions or ()):
            type_ = condition.get("type", "")
            errors += [invalid(f"{place}.onPodConditions[{k}].type", type_, text) for text in qualified_name(type_)]
            status = condition.get("status", "")
            if status not in ("False", "True", "Unknown"):
                errors.append(
                    not_supported(f"{place}.onPodConditions[{k}].status", status, ("False", "True", "Unknown"))
                )
        if codes is not None and conditions:
            text = "specifying both OnExitCodes and OnPodConditions is not supported"
            errors.append(FieldError("FieldValueInvalid", place, f"Invalid value: {text}"))
        elif codes is None and not conditions:
            text = "specifying one of OnExitCodes and OnPodConditions is required"
            errors.append(FieldError("FieldValueInvalid", place, f"Invalid value: {text}"))
    return errors


def _valid(choices: Sequence[str]) -> str:
    return f"valid values: [{' '.join(map(go_quoted, choices))}]"


def _exit_codes(codes: Object, path: str, known: set[str | None]) -> list[FieldError]:
    errors: list[FieldError] = []
    operator, values = codes.get("operator", ""), codes.get("values") or []
    errors += rules.needed_one_of("In", "NotIn", detail=_valid(("In", "NotIn")))(operator, f"{path}.operator")
    name = codes.get("containerName")
    if name is not None and name not in known:
        detail = "must be one of the container or initContainer names in the pod template"
        errors.append(invalid(f"{path}.containerName", name, detail))
    if not values:
        shown = as_sent.shown_at(codes, "values")
        return [*errors, invalid(f"{path}.values", shown, "at least one value is required")]
    errors += rules.no_more_than(MOST_EXIT_CODES)(values, f"{path}.values")
    for k, value in enumerate(values):
        if operator == "In" and value == 0:
            errors.append(invalid(f"{path}.values[{k}]", 0, "must not be 0 for the In operator"))
        if value in values[:k]:
            errors.append(duplicate(f"{path}.values[{k}]", value))
    if values != sorted(values):
        errors.append(invalid(f"{path}.values", values, "must be ordered"))
    return errors


def _success_policy(spec: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    rules_ = spec["successPolicy"].get("rules") or []
    if not rules_:
        return [required(f"{path}.rules", "at least one rules must be specified when the successPolicy is specified")]
    if len(rules_) > MOST_SUCCESS_RULES:
        errors.append(too_many(f"{path}.rules", len(rules_), MOST_SUCCESS_RULES))
    completions = spec.get("completions") or 0
    for i, rule in enumerate(rules_):
        count, indexes, place = rule.get("succeededCount"), rule.get("succeededIndexes"), f"{path}.rules[{i}]"
        named = 0
        if count is None and indexes is None:
            detail = "at least one of succeededCount or succeededIndexes must be specified"
            errors.append(required(place, detail))
        if indexes is not None:
            errors += rules.no_longer_than(MOST_INDEXES_BYTES)(indexes, f"{place}.succeededIndexes")
            try:
                named = index_list(indexes, completions)
            except IndexListError as error:
                errors.append(invalid(f"{place}.succeededIndexes", indexes, f"error parsing succeededIndexes: {error}"))
        if count is not None:
            errors += rules.non_negative(count, f"{place}.succeededCount")
            if count > completions:
                detail = f"must be less than or equal to {completions} (the number of specified completions)"
                errors.append(invalid(f"{place}.succeededCount", count, detail))
            if indexes is not None and count > named:
                detail = (
                    f"must be less than or equal to {named} "
                    "(the number of indexes in the specified succeededIndexes field)"
                )
                errors.append(invalid(f"{place}.succeededCount", count, detail))
    return errors


class IndexListError(Exception):
    """Why a text is no list of completion indexes."""


def index_list(text: str, completions: int) -> int:
    """How many indexes `0-2,5` names, of a Job of so many completions. Raises IndexListError."""
    total, last = 0, -1
    for part in text.split(",") if text else ():
        first, end = _interval(part, completions)
        if last >= first:
            raise IndexListError(f"non-increasing order, previous: {last}, current: {first}")
        last = end
        total += last - first + 1
    return total


def overlap(some: str, others: str, completions: int) -> int | None:
    """The first index that both lists name, as far as they can be read."""
    intervals: list[list[tuple[int, int]]] = [[], []]
    for text, found in zip((some, others), intervals, strict=True):
        for part in text.split(","):
            with contextlib.suppress(IndexListError):
                found.append(_interval(part, completions))
    left, right = intervals
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i][0] <= right[j][1] and right[j][0] <= left[i][1]:
            return max(left[i][0], right[j][0])
        if left[i][0] <= right[j][0]:
            i += 1
        else:
            j += 1
    return None


def _interval(text: str, completions: int) -> tuple[int, int]:
    ends = text.split("-")
    if len(ends) > 2:
        why = "violates the requirement that an index interval can have at most two parts separated by '-'"
        raise IndexListError(f"the fragment {go_quoted(text)} {why}")
    first, *rest = (_index(end, completions) for end in ends)
    if rest and first >= rest[0]:
        raise IndexListError(f"non-increasing order, previous: {first}, current: {rest[0]}")
    return first, rest[0] if rest else first


def _index(text: str, completions: int) -> int:
    if not re.fullmatch("[+-]?[0-9]{1,18}", text):
        raise IndexListError(f"cannot convert string to integer for index: {go_quoted(text)}")
    if int(text) >= completions:
        raise IndexListError(f"too large index: {go_quoted(text)}")
    return int(text)


def _replacement(spec: Object, path: str) -> list[FieldError]:
    policy = spec.get("podReplacementPolicy")
    if policy is None:
        return []
    known = ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
    return [] if policy in known else [not_supported(path, policy, known)]


def _restart_policy(spec: Object, template: Object, path: str) -> list[FieldError]:
    policy = (template.get("spec") or {}).get("restartPolicy", "")
    if policy in ("", "Always"):
        return [required(path, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [not_supported(path, policy, ("OnFailure", "Never"))]
    if policy == "OnFailure" and spec.get("podFailurePolicy") is not None:
        detail = 'only "Never" is supported when podFailurePolicy is specified'
        return [invalid(path, policy, detail)]
    return []


def template_shown(template: Object) -> Object:
    """A template as messages show it."""
    shown: Object = go_structs.shown("core.PodTemplateSpec", template)
    return shown
