"""What pods may say that differs between Linux and Windows: `spec.os`, `windowsOptions`, and what each system has no use for.

https://kubernetes.io/docs/concepts/windows/intro/#compatibility-v1-pod-spec-containers and
https://kubernetes.io/docs/tasks/configure-pod-container/configure-runasusername/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fakekube.objects import fields, names, rules
from fakekube.objects.field_errors import FieldError, forbidden, invalid, not_supported, required
from fakekube.registry.kind import Object

SYSTEMS = ("linux", "windows")
MOST_CREDENTIAL_BYTES, MOST_DOMAIN_CHARACTERS, MOST_USER_CHARACTERS = 64 * 1024, 256, 104
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_NOT_FOR_WINDOWS_PODS = (
    *("securityContext.appArmorProfile", "securityContext.seLinuxOptions", "hostUsers", "hostPID", "hostIPC"),
    *("securityContext.seccompProfile", "securityContext.fsGroup", "securityContext.fsGroupChangePolicy"),
    *("securityContext.sysctls", "shareProcessNamespace", "securityContext.runAsUser", "securityContext.runAsGroup"),
    *("securityContext.supplementalGroups", "securityContext.supplementalGroupsPolicy"),
    "securityContext.seLinuxChangePolicy",
)
_NOT_FOR_WINDOWS_CONTAINERS = (
    *("appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged"),
    *("allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup"),
)
_PLAIN_SWITCHES = frozenset({"hostPID", "hostIPC"})
"""False is as good as absent for these."""
_NOT_IN_USERS = frozenset('"/\\:;|=,+*?<>@[]')
_NETBIOS = re.compile(r"[^\\/:\*\?\"<>|\.][^\\/:\*\?\"<>|]{0,14}").fullmatch
_DOMAIN = re.compile(r"([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\.)*[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?").fullmatch


def _containers(spec: Object, path: str) -> Iterator[tuple[Object, str]]:
    for field in _CONTAINERS:
        for i, container in enumerate(spec.get(field) or ()):
            yield container, f"{path}.{field}[{i}]"


def validate(spec: Object, path: str) -> list[FieldError]:
    """A pod that names its system says nothing that only the other one knows."""
    system = spec.get("os")
    if system is None:
        return []
    name = system.get("name", "")
    if not name:
        return [required(f"{path}.os.name")]
    if name not in SYSTEMS:
        return [not_supported(f"{path}.os", name, SYSTEMS)]
    return _linux(spec, path) if name == "linux" else _windows(spec, path)


def _linux(spec: Object, path: str) -> list[FieldError]:
    contexts = [(spec, path), *_containers(spec, path)]
    return [
        forbidden(f"{place}.securityContext.windowsOptions", "windows options cannot be set for a linux pod")
        for each, place in contexts
        if fields.at(each, "securityContext.windowsOptions") is not None
    ]


def _windows(spec: Object, path: str) -> list[FieldError]:
    detail = "cannot be set for a windows pod"
    errors = [forbidden(f"{path}.{field}", detail) for field in _NOT_FOR_WINDOWS_PODS if _is_set(spec, field)]
    return errors + [
        forbidden(f"{place}.securityContext.{field}", detail)
        for container, place in _containers(spec, path)
        for field in _NOT_FOR_WINDOWS_CONTAINERS
        if fields.at(container, f"securityContext.{field}") is not None
    ]


def _is_set(spec: Object, field: str) -> bool:
    value = fields.at(spec, field)
    return bool(value) if field in _PLAIN_SWITCHES else value is not None and value != []


def _credential(value: Any, path: str) -> list[FieldError]:
    if value is None:
        return []
    if not value:
        return [invalid(path, value, "gmsaCredentialSpec cannot be an empty string")]
    if len(value.encode()) > MOST_CREDENTIAL_BYTES:
        return [invalid(path, value, f"gmsaCredentialSpec size must be under {MOST_CREDENTIAL_BYTES // 1024} KiB")]
    return []


def _user_name(value: Any, path: str) -> list[FieldError]:
    if value is None:
        return []
    if not value:
        return [invalid(path, value, "runAsUserName cannot be an empty string")]
    if re.search("[\\x00-\\x1f\\x7f]", value):
        return [invalid(path, value, "runAsUserName cannot contain control characters")]
    *domains, user = value.split("\\")
    if len(domains) > 1:
        return [invalid(path, value, "runAsUserName cannot contain more than one backslash")]
    errors: list[FieldError] = []
    for domain in domains:
        if len(domain) >= MOST_DOMAIN_CHARACTERS:
            detail = f"runAsUserName's Domain length must be under {MOST_DOMAIN_CHARACTERS} characters"
            errors.append(invalid(path, value, detail))
        if not _NETBIOS(domain) and not _DOMAIN(domain):
            errors.append(invalid(path, value, "runAsUserName's Domain doesn't match the NetBios nor the DNS format"))
    if not user:
        errors.append(invalid(path, value, "runAsUserName's User cannot be empty"))
    elif len(user) > MOST_USER_CHARACTERS:
        detail = f"runAsUserName's User length must not be longer than {MOST_USER_CHARACTERS} characters"
        errors.append(invalid(path, value, detail))
    if user and not user.strip(". "):
        errors.append(invalid(path, value, "runAsUserName's User cannot contain only periods or spaces"))
    if not _NOT_IN_USERS.isdisjoint(user):
        detail = "runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]"
        errors.append(invalid(path, value, detail))
    return errors


_OPTIONS = (
    ("gmsaCredentialSpecName", rules.told_by(names.subdomain)),
    ("gmsaCredentialSpec", _credential),
    ("runAsUserName", _user_name),
)


def windows_options(value: Any, path: str) -> list[FieldError]:
    """The `windowsOptions` of a pod or of a container."""
    return [] if value is None else rules.check(value, _OPTIONS, path)


def host_processes(spec: Object, path: str) -> list[FieldError]:
    """Containers that are processes of their Windows host are that all together, in its network."""
    contexts = [spec.get("securityContext"), *(each.get("securityContext") for each, _ in _containers(spec, path))]
    if not any(context and "windowsOptions" in context for context in contexts):
        return []
    of_pod = fields.at(spec, "securityContext.windowsOptions.hostProcess")
    errors: list[FieldError] = []
    on_host = total = 0
    for container, place in _containers(spec, path):
        total += 1
        own = fields.at(container, "securityContext.windowsOptions.hostProcess")
        if of_pod is not None and own is not None and own != of_pod:
            detail = f"pod hostProcess value must be identical if both are specified, was {str(of_pod).lower()}"
            errors.append(invalid(f"{place}.securityContext.windowsOptions.hostProcess", own, detail))
        on_host += bool(of_pod if own is None else own)
    if not on_host:
        return errors
    if on_host != total:
        detail = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        errors.append(invalid(path, "", detail))
    if not spec.get("hostNetwork"):
        detail = "hostNetwork must be true if pod contains any hostProcess containers"
        errors.append(invalid(f"{path}.hostNetwork", False, detail))
    return errors
