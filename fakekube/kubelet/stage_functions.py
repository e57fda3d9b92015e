"""The functions that templates of stages call: KWOK's own, and as many of sprig's as such templates need.

https://kwok.sigs.k8s.io/docs/user/go-template/  https://masterminds.github.io/sprig/
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from fakekube.kubelet.go_template import is_true, printed
from fakekube.kubelet.node import HEALTH, KUBELET_PORT

VERSION = "v0.7.0"
"""Of KWOK, as `Version` has it."""

OF_THE_CLUSTER = ("Now", "StartTime", "NodeIP", "NodeName", "NodeIPWith", "PodIP", "PodIPWith", "uuidv4", "now")
"""What only a cluster can answer; whoever plays stages brings them."""


def quote(value: Any = "") -> str:
    """A text in quotes; of anything else its JSON in quotes."""
    if value is None:
        return '""'
    return json.dumps(value if isinstance(value, str) else printed(value), ensure_ascii=False)


def to_yaml(value: Any, indent: int = 0) -> str:
    """On lines of its own when it is indented, two spaces a step."""
    import yaml

    text = yaml.safe_dump(value, default_flow_style=False, allow_unicode=True)
    return text if not indent else f"\n{text}".replace("\n", "\n" + "  " * indent)


def _dict(*pairs: Any) -> dict[str, Any]:
    return dict(zip(map(str, pairs[::2]), pairs[1::2], strict=False))


def _default(default: Any, value: Any = None) -> Any:
    return value if is_true(value) else default


def _indented(width: int, text: str) -> str:
    return "\n".join(" " * width + line for line in text.split("\n"))


def _node_conditions() -> list[dict[str, str]]:
    return [
        {"type": type, "status": status, "reason": reason, "message": message}
        for type, status, reason, message in HEALTH
    ]


STATIC: Mapping[str, Callable[..., Any]] = {
    "Quote": quote,
    "YAML": to_yaml,
    "Version": lambda: VERSION,
    "NodeConditions": _node_conditions,
    "NodePort": lambda: KUBELET_PORT,
    "quote": lambda *values: " ".join(quote(value) for value in values if value is not None),
    "squote": lambda *values: " ".join(f"'{printed(value)}'" for value in values if value is not None),
    "dict": _dict,
    "list": lambda *values: list(values),
    "default": _default,
    "coalesce": lambda *values: next((value for value in values if is_true(value)), None),
    "ternary": lambda yes, no, test: yes if test else no,
    "empty": lambda value: not is_true(value),
    "hasKey": lambda value, key: key in (value or {}),
    "get": lambda value, key: (value or {}).get(key, ""),
    "has": lambda item, items: item in (items or ()),
    "keys": lambda value: list(value or {}),
    "first": lambda items: items[0] if items else None,
    "last": lambda items: items[-1] if items else None,
    "join": lambda separator, items: str(separator).join(map(printed, items)),
    "upper": lambda text: printed(text).upper(),
    "lower": lambda text: printed(text).lower(),
    "trim": lambda text: printed(text).strip(),
    "trimPrefix": lambda prefix, text: printed(text).removeprefix(prefix),
    "trimSuffix": lambda suffix, text: printed(text).removesuffix(suffix),
    "replace": lambda old, new, text: printed(text).replace(old, new),
    "contains": lambda part, text: part in printed(text),
    "hasPrefix": lambda prefix, text: printed(text).startswith(prefix),
    "hasSuffix": lambda suffix, text: printed(text).endswith(suffix),
    "toString": printed,
    "toJson": lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")),
    "toYaml": lambda value: to_yaml(value).rstrip("\n"),
    "int": lambda value: int(value or 0),
    "int64": lambda value: int(value or 0),
    "atoi": lambda value: int(value or 0),
    "add": lambda *values: sum(int(value) for value in values),
    "add1": lambda value: int(value) + 1,
    "sub": lambda one, other: int(one) - int(other),
    "mul": lambda one, other: int(one) * int(other),
    "div": lambda one, other: int(one) // int(other),
    "mod": lambda one, other: int(one) % int(other),
    "max": lambda *values: max(map(int, values)),
    "min": lambda *values: min(map(int, values)),
    "until": lambda count: list(range(int(count))),
    "indent": _indented,
    "nindent": lambda width, text: "\n" + _indented(width, text),
    "b64enc": lambda text: base64.b64encode(printed(text).encode()).decode(),
    "sha256sum": lambda text: hashlib.sha256(printed(text).encode()).hexdigest(),
}
"""What is the same everywhere."""

NAMES = (*STATIC, *OF_THE_CLUSTER)
