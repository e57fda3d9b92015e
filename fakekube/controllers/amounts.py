"""Numbers that may be given as a part of the whole: `3` or `25%`."""

from __future__ import annotations

import math


def scaled(amount: int | str, whole: int, *, up: bool) -> int:
    """`amount` of `whole`; a percentage is rounded up or down."""
    if isinstance(amount, int):
        return amount
    exact = int(amount.removesuffix("%")) * whole
    return math.ceil(exact / 100) if up else exact // 100
