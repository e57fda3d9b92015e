"""Paths into JSON values, variables in them, and what two of them do not share."""

from __future__ import annotations

import json
import re
from typing import Any


def dig(value: Any, path: str) -> Any:
    """What stands at `path` (`items[0].metadata.name`), None if nothing does."""
    for part in re.findall(r"[^.\[\]]+", path):
        if isinstance(value, list):
            value = value[int(part)] if int(part) < len(value) else None
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return None
    return value


def expand(value: Any, variables: dict[str, str]) -> Any:
    """A copy with `$NAME` and `${NAME}` replaced in every string; names that are not known stay."""
    if isinstance(value, str):
        return re.sub(r"\$\{?(\w+)\}?", lambda m: variables.get(m[1], m[0]), value)
    if isinstance(value, list):
        return [expand(v, variables) for v in value]
    if isinstance(value, dict):
        return {expand(k, variables): expand(v, variables) for k, v in value.items()}
    return value


def drop(value: Any, path: str) -> None:
    """Take away what stands at `path`, where `*` means every item of a list."""
    parts = re.findall(r"[^.\[\]]+", path)
    for index, part in enumerate(parts[:-1]):
        if part == "*":
            for item in value if isinstance(value, list) else []:
                drop(item, ".".join(parts[index + 1 :]))
            return
        value = dig(value, part)
        if value is None:
            return
    if isinstance(value, dict):
        value.pop(parts[-1], None)


def drop_everywhere(value: Any, key: str) -> None:
    if isinstance(value, dict):
        value.pop(key, None)
        for item in value.values():
            drop_everywhere(item, key)
    elif isinstance(value, list):
        for item in value:
            drop_everywhere(item, key)


def differences(want: Any, got: Any, path: str = "") -> list[str]:
    """A line for each value of `want` that `got` lacks (-), has beside (+) or has otherwise (~)."""
    if isinstance(want, dict) and isinstance(got, dict):
        out: list[str] = []
        for key in sorted(want.keys() | got.keys()):
            here = f"{path}.{key}" if path else key
            if key not in got:
                out.append(f"- {here}: {short(want[key])}")
            elif key not in want:
                out.append(f"+ {here}: {short(got[key])}")
            else:
                out += differences(want[key], got[key], here)
        return out
    if isinstance(want, list) and isinstance(got, list):
        out = [f"~ {path}: {len(want)} items, got {len(got)}"] if len(want) != len(got) else []
        for index, (a, b) in enumerate(zip(want, got, strict=False)):
            out += differences(a, b, f"{path}[{index}]")
        return out
    return [] if want == got else [f"~ {path}: want {short(want)}, got {short(got)}"]


def short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 160 else text[:157] + "..."
