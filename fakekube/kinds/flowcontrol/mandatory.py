"""What the schemas and levels say that are always there, and always the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import orjson

EXEMPT = "exempt"
MANDATORY = (EXEMPT, "catch-all")
_WRITTEN = Path(__file__).parents[2] / "bootstrap" / "flow_control.json"


def fixed_spec(kind: str, name: str) -> Any:
    """The spec that the FlowSchema or PriorityLevelConfiguration called `name` must have; None: it may have any."""
    return _specs().get((kind, name)) if name in MANDATORY else None


@cache
def _specs() -> dict[tuple[str, str], Any]:
    return {(each["kind"], each["metadata"]["name"]): each["spec"] for each in orjson.loads(_WRITTEN.read_bytes())}
