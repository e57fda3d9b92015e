"""What the columns of a table mean, in the words of the field they show.

The words are Kubernetes' own and none are kept here: they are read from the installed package kubernetes-validate
(the extra `fakekube[docs]`), one small file for each type that is asked about. Without it every description is empty.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from fakekube import facts


def describe(type_name: str, path: str) -> str:
    """The description of the field at `path` (`spec.clusterIP`) below an object of the type, empty if there is none."""
    if _folder() is None or not path:
        return ""
    *parents, name = path.split(".")
    for parent in parents:
        field = facts.type_of(type_name).fields.get(parent)
        if field is None or not field.ref:
            return ""
        type_name = field.ref
    return str(_properties(type_name).get(name, {}).get("description", ""))


@cache
def _folder() -> Path | None:
    """Where the package keeps a file for each type; the package itself is not imported, it would load a validator."""
    spec = find_spec("kubernetes_validate")
    for location in (spec.submodule_search_locations or []) if spec else []:
        folders = sorted(Path(location, "kubernetes-json-schema").glob("v1.36.*-local"))
        if folders:
            return folders[0]
    return None


@cache
def _properties(type_name: str) -> dict[str, Any]:
    folder = _folder()
    assert folder is not None
    try:
        schema = orjson.loads((folder / _file_name(type_name)).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    properties: dict[str, Any] = schema.get("properties") or {}
    return properties


def _file_name(type_name: str) -> str:
    """`core.v1.Pod` -> `pod-v1.json`, `apps.v1.Deployment` -> `deployment-apps-v1.json`, `meta.ObjectMeta` -> `objectmeta-meta-v1.json`."""
    group, *version, name = type_name.split(".")
    suffix = version[0] if version else "v1"
    return f"{name.lower()}-{suffix}.json" if group == "core" else f"{name.lower()}-{group}-{suffix}.json"
