"""t"""

from __future__ import annotations

from typing import Any


def validate_create(d: Any) -> list[Any]:
    return []


def validate_update(d: Any, o: Any) -> list[Any]:
    return []


def validate_status_update(d: Any, o: Any) -> list[Any]:
    return []
