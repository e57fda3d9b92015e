"""Conditions of a status: one of each type, and the time at which its status last changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Condition = dict[str, Any]


def with_condition(conditions: Sequence[Condition] | None, condition: Condition) -> list[Condition]:
    """The conditions with `condition` in the place of the one of its type, or at the end.

    Its lastTransitionTime counts only if its status is another than before.
    """
    result = list(conditions or ())
    for place, present in enumerate(result):
        if present["type"] == condition["type"]:
            if present.get("status") == condition["status"]:
                condition = {**condition, "lastTransitionTime": present.get("lastTransitionTime")}
            result[place] = condition
            return result
    result.append(condition)
    return result
