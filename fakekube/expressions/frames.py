"""What closures run on: a frame, whose first item is what may still be spent, and whose others are the values of variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fakekube.expressions.values import Value

Frame = list[Any]
Run = Callable[[Frame], Value]
"""What a node of an expression becomes."""
LEFT = 0
"""Where in a frame the units stand that are left."""


class Spent(Exception):
    """Nothing is left to spend; no operator absorbs this."""


def charge(frame: Frame, units: int) -> None:
    left = frame[LEFT] - units
    frame[LEFT] = left
    if left < 0:
        raise Spent
