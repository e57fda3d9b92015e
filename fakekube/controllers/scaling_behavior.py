"""How fast, and how far, an autoscaler may go: its range, its rate, and what it recommended a while ago.

https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#configurable-scaling-behavior
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Object = dict[str, Any]

DOWNSCALE_STABILIZATION_S = 300
SCALE_UP_FACTOR, SCALE_UP_LEAST = 2, 4
"""Without a behavior of its own: it may double, or reach this many."""


@dataclass(slots=True)
class History:
    """What one autoscaler has recommended and done, oldest first."""

    recommendations: list[tuple[datetime, int]] = field(default_factory=list)
    scaled_up: list[tuple[datetime, int]] = field(default_factory=list)
    scaled_down: list[tuple[datetime, int]] = field(default_factory=list)

    def at_start(self, current: int, now: datetime, period_s: int) -> int:
        """How many there were when the period began that ends now."""
        return current - sum(_within(self.scaled_up, now, period_s)) + sum(_within(self.scaled_down, now, period_s))

    def scaled(self, now: datetime, before: int, after: int) -> None:
        (self.scaled_up if after > before else self.scaled_down).append((now, abs(after - before)))


Finding = tuple[str, str, str, str]
"""Of a condition: type, status, reason, message."""

READY: Finding = ("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size")


def normalized(spec: Object, history: History, current: int, desired: int, now: datetime) -> tuple[int, list[Finding]]:
    """How many replicas there shall be, and what the conditions say to that."""
    behavior = spec.get("behavior") or {}
    up, down = behavior.get("scaleUp") or {}, behavior.get("scaleDown") or {}
    if not history.recommendations:
        history.recommendations.append((now, current))
    stabilized, finding = _stabilized(history, bool(behavior), up, down, current, desired, now)
    least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
    highest, lowest = _limits(behavior, history, current, now)
    wanted, reason, message = stabilized, "DesiredWithinRange", "the desired count is within the acceptable range"
    if stabilized > min(most, highest) and stabilized > least:
        wanted = min(most, highest)
        reason, message = (
            ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
            if highest < most
            else ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
        )
    elif stabilized < max(least, lowest):
        wanted = max(least, lowest)
        reason, message = (
            ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
            if lowest > least
            else ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
        )
    limited = "False" if wanted == stabilized else "True"
    return wanted, [finding, ("ScalingLimited", limited, reason, message)]


def _stabilized(
    history: History, has_behavior: bool, up: Object, down: Object, current: int, desired: int, now: datetime
) -> tuple[int, Finding]:
    """Nothing is taken back that was recommended within the window; nothing is added that was not recommended all the time."""
    up_s, down_s = (
        up.get("stabilizationWindowSeconds", 0),
        down.get("stabilizationWindowSeconds", DOWNSCALE_STABILIZATION_S),
    )
    known = history.recommendations
    lowest_up = min([desired, *_within(known, now, up_s)])
    highest_down = max([desired, *_within(known, now, down_s)])
    history.recommendations = [
        (time, count) for time, count in known if time > now - timedelta(seconds=max(up_s, down_s))
    ]
    history.recommendations.append((now, desired))
    if not has_behavior:
        recommended = highest_down
    else:
        recommended = max(current, lowest_up) if lowest_up > current else current
        if highest_down < recommended:
            recommended = highest_down
    if recommended == desired:
        return recommended, READY
    if recommended > desired:
        text = "recent recommendations were higher than current one, applying the highest recent recommendation"
        return recommended, ("AbleToScale", "True", "ScaleDownStabilized", text)
    text = "recent recommendations were lower than current one, applying the lowest recent recommendation"
    return recommended, ("AbleToScale", "True", "ScaleUpStabilized", text)


def _within(known: Iterable[tuple[datetime, int]], now: datetime, seconds: int) -> list[int]:
    return [count for time, count in known if time > now - timedelta(seconds=seconds)]


def _limits(behavior: Object, history: History, current: int, now: datetime) -> tuple[int, int]:
    """The highest and the lowest number that the rate allows now."""
    if not behavior:
        return max(SCALE_UP_FACTOR * current, SCALE_UP_LEAST), 0
    return (
        max(current, _limit(behavior.get("scaleUp") or {}, history, current, now, _raised, max)),
        min(current, _limit(behavior.get("scaleDown") or {}, history, current, now, _lowered, min)),
    )


def _limit(
    rules: Object,
    history: History,
    current: int,
    now: datetime,
    step: Callable[[Object, int], int],
    furthest: Callable[[Iterable[int]], int],
) -> int:
    select, policies = rules.get("selectPolicy", "Max"), rules.get("policies") or ()
    if select == "Disabled" or not policies:
        return current
    reached = [step(policy, history.at_start(current, now, policy["periodSeconds"])) for policy in policies]
    return (min(reached) if furthest is max else max(reached)) if select == "Min" else furthest(reached)


def _raised(policy: Object, start: int) -> int:
    value = int(policy["value"])
    return start + value if policy["type"] == "Pods" else math.ceil(start * (1 + value / 100))


def _lowered(policy: Object, start: int) -> int:
    value = int(policy["value"])
    return start - value if policy["type"] == "Pods" else int(start * (1 - value / 100))
