"""What controllers ask about a pod."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

Object = dict[str, Any]

LONG_AGO = datetime.min.replace(tzinfo=UTC)


def is_finished(pod: Object) -> bool:
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def is_terminating(pod: Object) -> bool:
    """Deleted, and not ended yet."""
    return "deletionTimestamp" in pod["metadata"] and not is_finished(pod)


def is_active(pod: Object) -> bool:
    """Counts for those who want a number of pods."""
    return "deletionTimestamp" not in pod["metadata"] and not is_finished(pod)


def condition(pod: Object, type: str) -> Object | None:
    return next((each for each in pod["status"].get("conditions", ()) if each["type"] == type), None)


def is_ready(pod: Object) -> bool:
    ready = condition(pod, "Ready")
    return ready is not None and ready["status"] == "True"


def available_at(pod: Object, min_ready_s: int) -> datetime | None:
    """From when on the pod counts as available, having been ready for so long; None while that cannot be said."""
    ready = condition(pod, "Ready")
    if ready is None or ready["status"] != "True":
        return None
    if not min_ready_s:
        return LONG_AGO
    since = ready.get("lastTransitionTime")
    return time_of(since) + timedelta(seconds=min_ready_s) if since else None


def availability(pods: Iterable[Object], min_ready_s: int, now: datetime) -> tuple[int, float | None]:
    """How many pods are available, and in how many seconds the next one will be (None: none is about to)."""
    times = [each for each in (available_at(pod, min_ready_s) for pod in pods) if each is not None]
    later = [(each - now).total_seconds() for each in times if each > now]
    return len(times) - len(later), min(later, default=None)


def restarts(pod: Object) -> int:
    """Of all containers together."""
    status = pod["status"]
    statuses = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
    return sum(each.get("restartCount", 0) for each in statuses)


def finish_time(pod: Object) -> datetime:
    """When its last container ended; when no status says so, when it stopped being ready, was deleted, or was made."""
    ends = [
        each.get("state", {}).get("terminated", {}).get("finishedAt")
        for each in pod["status"].get("containerStatuses", ())
    ]
    if ends and all(ends):
        return max(time_of(end) for end in ends)
    ready = condition(pod, "Ready")
    if ready is not None and ready["status"] == "False" and ready.get("lastTransitionTime"):
        return time_of(ready["lastTransitionTime"])
    metadata = pod["metadata"]
    if "deletionTimestamp" in metadata:
        period = timedelta(seconds=metadata.get("deletionGracePeriodSeconds", 0))
        return time_of(metadata["deletionTimestamp"]) - period
    return time_of(metadata["creationTimestamp"])


def time_of(text: str) -> datetime:
    """Of metav1.Time or MicroTime."""
    return datetime.fromisoformat(text).astimezone(UTC)


def deletion_rank(pod: Object) -> tuple[bool, int, bool]:
    """Smallest first is the order in which superfluous pods go; among equals the younger one goes first."""
    phase = {"Pending": 0, "Unknown": 1}.get(pod["status"].get("phase", ""), 2)
    return ("nodeName" in pod["spec"], phase, is_ready(pod))
