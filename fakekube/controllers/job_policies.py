"""What a Job's podFailurePolicy says about a failed pod, and when its successPolicy is met.

https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
https://kubernetes.io/docs/concepts/workloads/controllers/job/#success-policy
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fakekube.controllers import job_indexes
from fakekube.controllers.pod_states import condition

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`action` is FailJob, FailIndex, Ignore or Count; `message` says why a Job fails by it."""

    action: str
    message: str = ""


def verdict(job: Object, pod: Object) -> Verdict:
    """What the first rule that matches a failed pod says; Count without one."""
    for index, rule in enumerate(job["spec"].get("podFailurePolicy", {}).get("rules", ())):
        reason = _exit_codes_match(rule.get("onExitCodes"), pod) or _conditions_match(rule.get("onPodConditions"), pod)
        if reason:
            return Verdict(rule["action"], f"{reason} matching {rule['action']} rule at index {index}")
    return Verdict("Count")


def _exit_codes_match(requirement: Object | None, pod: Object) -> str:
    if requirement is None:
        return ""
    status = pod["status"]
    for container in (*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ())):
        terminated = container.get("state", {}).get("terminated")
        if terminated is None or not terminated.get("exitCode"):
            continue
        if requirement.get("containerName") not in (None, container["name"]):
            continue
        code = terminated["exitCode"]
        if (code in requirement["values"]) == (requirement["operator"] == "In"):
            return f"Container {container['name']} for pod {_named(pod)} failed with exit code {code}"
    return ""


def _conditions_match(patterns: list[Object] | None, pod: Object) -> str:
    for pattern in patterns or ():
        present = condition(pod, pattern["type"])
        if present is not None and present["status"] == pattern.get("status", "True"):
            return f"Pod {_named(pod)} has condition {pattern['type']}"
    return ""


def _named(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def success_rule(job: Object, succeeded: set[int]) -> int | None:
    """The first rule of the successPolicy that the succeeded indexes meet."""
    for index, rule in enumerate(job["spec"].get("successPolicy", {}).get("rules", ())):
        wanted = job_indexes.parse(rule["succeededIndexes"]) if "succeededIndexes" in rule else None
        counting = succeeded if wanted is None else succeeded & wanted
        enough = rule.get("succeededCount", 0 if wanted is None else len(wanted))
        if len(counting) >= enough:
            return index
    return None
