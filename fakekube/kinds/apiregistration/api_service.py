"""APIServices: which server answers for a group version. One without a service is the server's own, and available.

https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/
"""

from __future__ import annotations

from typing import Any

from fakekube.kinds.webhook_rules import port
from fakekube.objects import names, rules
from fakekube.objects.field_errors import FieldError, go_quoted, invalid, required
from fakekube.registry.kind import Object, Operation, Strategy

HIGHEST_GROUP_PRIORITY, HIGHEST_VERSION_PRIORITY = 20000, 1000


def prepare_create(api_service: Object, operation: Operation) -> None:
    if (api_service.get("spec") or {}).get("service") is None:
        condition = {
            "type": "Available",
            "status": "True",
            "lastTransitionTime": operation.now(),
            "reason": "Local",
            "message": "Local APIServices are always available",
        }
        api_service["status"] = {"conditions": [condition]}


def _name(api_service: Object, *_: Any) -> list[FieldError]:
    """Told where others tell of their names, of what could be one."""
    spec, metadata = api_service.get("spec") or {}, api_service["metadata"]
    wanted = f"{spec.get('version', '')}.{spec.get('group', '')}"
    detail = f'must be `spec.version+"."+spec.group`: {go_quoted(wanted)}'
    return [
        invalid(f"metadata.{field}", name, detail)
        for field in ("generateName", "name")
        if (name := metadata.get(field)) and name != wanted and not names.path_segment(name)
    ]


def _group(spec: Object, path: str) -> list[FieldError]:
    group = spec.get("group", "")
    if group:
        return [invalid(f"{path}.group", group, text) for text in names.subdomain(group)]
    if spec.get("version") == "v1":
        return []
    return [required(f"{path}.group", "only v1 may have an empty group and it better be legacy kube")]


def _priority(most: int) -> rules.Rule:
    detail = f"must be positive and less than {most}"
    return lambda value, path: [] if 0 < (value or 0) <= most else [invalid(path, value or 0, detail)]


def _connection(spec: Object, path: str) -> list[FieldError]:
    bundle, insecure = spec.get("caBundle") or "", spec.get("insecureSkipTLSVerify")
    if spec.get("service") is None:
        errors: list[FieldError] = []
        if bundle:
            size = len(bundle) // 4 * 3 - bundle.count("=", -2)
            errors.append(invalid(f"{path}.caBundle", f"{size} bytes", "local APIServices may not have a caBundle"))
        if insecure:
            detail = "local APIServices may not have insecureSkipTLSVerify"
            errors.append(invalid(f"{path}.insecureSkipTLSVerify", True, detail))
        return errors
    errors = rules.check(spec["service"], _SERVICE, f"{path}.service")
    if insecure and bundle:
        errors.append(invalid(f"{path}.insecureSkipTLSVerify", True, "may not be true if caBundle is present"))
    return errors


_SERVICE = (("namespace", rules.needed), ("name", rules.needed), ("port", port))

_validate_spec = rules.table(
    (
        "spec",
        rules.within(
            _group,
            ("version", rules.always_named(names.label_1035)),
            ("groupPriorityMinimum", _priority(HIGHEST_GROUP_PRIORITY)),
            ("versionPriority", _priority(HIGHEST_VERSION_PRIORITY)),
            _connection,
        ),
    ),
)


STRATEGY = Strategy(
    prepare_create=prepare_create,
    validate_create_first=_name,
    validate_create=_validate_spec,
    validate_update_first=_name,
    validate_update=_validate_spec,
)
