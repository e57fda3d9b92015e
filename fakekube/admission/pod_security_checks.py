"""The Pod Security Standards: what a pod does that the levels `baseline` and `restricted` do not allow.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from fakekube.kinds.pod_annotations import SECCOMP_OF_CONTAINER, SECCOMP_OF_POD
from fakekube.objects import fields
from fakekube.objects.field_errors import go_quoted
from fakekube.registry.kind import Object

LATEST = 10**6
"""The minor version that `latest` stands for here: higher than any."""

BASELINE_CAPABILITIES = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP"),
        *("SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
RESTRICTED_CAPABILITIES = frozenset({"NET_BIND_SERVICE"})
VOLUME_TYPES = (
    *(
        "hostPath",
        "gcePersistentDisk",
        "awsElasticBlockStore",
        "gitRepo",
        "nfs",
        "iscsi",
        "glusterfs",
        "rbd",
        "flexVolume",
    ),
    *("cinder", "cephfs", "flocker", "fc", "azureFile", "vsphereVolume", "quobyte", "azureDisk", "portworxVolume"),
    *("photonPersistentDisk", "scaleIO", "storageos"),
)
"""Those that restricted pods may not have, in the order in which they are looked for."""
SELINUX_TYPES = frozenset({"", "container_t", "container_init_t", "container_kvm_t"})
SELINUX_TYPES_SINCE_31 = SELINUX_TYPES | {"container_engine_t"}
SYSCTLS = frozenset(
    {
        *(
            "kernel.shm_rmid_forced",
            "net.ipv4.ip_local_port_range",
            "net.ipv4.tcp_syncookies",
            "net.ipv4.ping_group_range",
        ),
        "net.ipv4.ip_unprivileged_port_start",
    }
)
SYSCTLS_SINCE = {
    27: frozenset({"net.ipv4.ip_local_reserved_ports"}),
    29: frozenset(
        {
            *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
            "net.ipv4.tcp_keepalive_probes",
        }
    ),
    32: frozenset({"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"}),
}
APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
_HANDLERS = ("httpGet", "tcpSocket")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


@dataclass(frozen=True, slots=True)
class Violation:
    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


@dataclass(frozen=True, slots=True)
class Pod:
    """What is judged: metadata and spec of a pod or of a template."""

    metadata: Object
    spec: Object

    def containers(self) -> Iterator[Object]:
        """Init containers first."""
        for field in ("initContainers", "containers", "ephemeralContainers"):
            yield from self.spec.get(field) or ()

    @property
    def context(self) -> Object:
        context: Object = self.spec.get("securityContext") or {}
        return context

    @property
    def is_windows(self) -> bool:
        return fields.text_at(self.spec, "os.name") == "windows"


def _context(container: Object) -> Object:
    context: Object = container.get("securityContext") or {}
    return context


def _name(container: Object) -> str:
    return str(container.get("name", ""))


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _plural(noun: str, number: int) -> str:
    return noun if number == 1 else f"{noun}s"


def _containers(names: Sequence[str]) -> str:
    return f"{_plural('container', len(names))} {_quoted(names)}"


def _setters(pod_sets: bool, containers: Sequence[str]) -> str:
    """`pod`, `container "c"`, `pod and containers "c", "d"`."""
    parts = (["pod"] if pod_sets else []) + ([_containers(containers)] if containers else [])
    return " and ".join(parts)


def _app_armor(pod: Pod, minor: int) -> Violation | None:
    def bad(context: Object) -> bool:
        return fields.text_at(context, "appArmorProfile.type") not in ("", "RuntimeDefault", "Localhost")

    values: list[str] = []
    setters: list[str] = []
    named = [_name(container) for container in pod.containers() if bad(_context(container))]
    if bad(pod.context) or named:
        types = [fields.text_at(pod.context, "appArmorProfile.type")] if bad(pod.context) else []
        types += [
            fields.text_at(_context(each), "appArmorProfile.type") for each in pod.containers() if bad(_context(each))
        ]
        values += [f'"{each}"' for each in dict.fromkeys(types)]
        setters.append(f"{_setters(bad(pod.context), named)} must not set AppArmor profile type to {', '.join(values)}")
    annotations = pod.metadata.get("annotations") or {}
    forbidden = [
        f'{key}="{value}"'
        for key, value in sorted(annotations.items())
        if key.startswith(APPARMOR_ANNOTATION)
        and value not in ("", "runtime/default")
        and not value.startswith("localhost/")
    ]
    if forbidden:
        setters.append(f"{_plural('annotation', len(forbidden))} {', '.join(forbidden)}")
    if not setters:
        return None
    return Violation(f"forbidden AppArmor {_plural('profile', len(values) + len(forbidden))}", "; ".join(setters))


def _added(pod: Pod, allowed: frozenset[str]) -> tuple[list[str], list[str]]:
    """(containers, capabilities that they add and may not)."""
    containers, capabilities = [], set()
    for container in pod.containers():
        bad = set(fields.at(_context(container), "capabilities.add") or ()) - allowed
        if bad:
            containers.append(_name(container))
            capabilities |= bad
    return containers, sorted(capabilities)


def _must_not_add(containers: Sequence[str], capabilities: Sequence[str]) -> str:
    return f"{_containers(containers)} must not include {_quoted(capabilities)} in securityContext.capabilities.add"


def _capabilities_baseline(pod: Pod, minor: int) -> Violation | None:
    containers, capabilities = _added(pod, BASELINE_CAPABILITIES)
    return Violation("non-default capabilities", _must_not_add(containers, capabilities)) if containers else None


def _host_namespaces(pod: Pod, minor: int) -> Violation | None:
    used = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(field)]
    return Violation("host namespaces", ", ".join(used)) if used else None


def _host_path_volumes(pod: Pod, minor: int) -> Violation | None:
    volumes = [each.get("name", "") for each in pod.spec.get("volumes") or () if each.get("hostPath") is not None]
    return Violation("hostPath volumes", f"{_plural('volume', len(volumes))} {_quoted(volumes)}") if volumes else None


def _host_ports(pod: Pod, minor: int) -> Violation | None:
    containers, ports = [], set()
    for container in pod.containers():
        used = {port["hostPort"] for port in container.get("ports") or () if port.get("hostPort")}
        if used:
            containers.append(_name(container))
            ports |= used
    if not containers:
        return None
    uses = "uses" if len(containers) == 1 else "use"
    numbers = ", ".join(map(str, sorted(ports, key=str)))
    return Violation("hostPort", f"{_containers(containers)} {uses} {_plural('hostPort', len(ports))} {numbers}")


def _probe_hosts(pod: Pod, minor: int) -> Violation | None:
    containers, hosts = [], set()
    for container in pod.containers():
        handlers = [container.get(probe) or {} for probe in _PROBES]
        handlers += [fields.at(container, f"lifecycle.{hook}") or {} for hook in ("postStart", "preStop")]
        used = {host for each in handlers for kind in _HANDLERS if (host := fields.text_at(each, f"{kind}.host"))}
        if used:
            containers.append(_name(container))
            hosts |= used
    if not containers:
        return None
    uses = "uses" if len(containers) == 1 else "use"
    told = f"{uses} probe or lifecycle {_plural('host', len(hosts))} {_quoted(sorted(hosts))}"
    return Violation("probe or lifecycle host", f"{_containers(containers)} {told}")


def _privileged(pod: Pod, minor: int) -> Violation | None:
    named = [_name(each) for each in pod.containers() if _context(each).get("privileged")]
    return (
        Violation("privileged", f"{_containers(named)} must not set securityContext.privileged=true") if named else None
    )


def _proc_mount(pod: Pod, minor: int) -> Violation | None:
    return None if _has_own_users(pod, minor) else _proc_mount_anyhow(pod, minor)


def _has_own_users(pod: Pod, minor: int) -> bool:
    """Then root is not the root of the node, of which version 1.35 began to make something."""
    return minor >= 35 and pod.spec.get("hostUsers") is False


def _proc_mount_anyhow(pod: Pod, minor: int) -> Violation | None:
    found = [
        (_name(each), _context(each)["procMount"])
        for each in pod.containers()
        if _context(each).get("procMount", "Default") != "Default"
    ]
    if not found:
        return None
    types = _quoted(sorted({type_ for _, type_ in found}))
    return Violation(
        "procMount", f"{_containers([name for name, _ in found])} must not set securityContext.procMount to {types}"
    )


def _selinux(pod: Pod, minor: int) -> Violation | None:
    allowed = SELINUX_TYPES_SINCE_31 if minor >= 31 else SELINUX_TYPES
    types: list[str] = []
    users = roles = False

    def bad(context: Object) -> bool:
        nonlocal users, roles
        options = context.get("seLinuxOptions") or {}
        wrong = False
        if (type_ := options.get("type", "")) not in allowed:
            types.append(type_)
            wrong = True
        if options.get("user"):
            users = wrong = True
        if options.get("role"):
            roles = wrong = True
        return wrong

    pod_sets = bad(pod.context)
    named = [_name(each) for each in pod.containers() if bad(_context(each))]
    if not pod_sets and not named:
        return None
    told = []
    if types:
        unique = sorted(set(types))
        told.append(f"{_plural('type', len(unique))} {_quoted(unique)}")
    told += ["user may not be set"] if users else []
    told += ["role may not be set"] if roles else []
    return Violation(
        "seLinuxOptions", f"{_setters(pod_sets, named)} set forbidden securityContext.seLinuxOptions: {'; '.join(told)}"
    )


def _old_seccomp(pod: Pod, minor: int) -> Violation | None:
    """The annotations of the time before there were fields."""
    annotations = pod.metadata.get("annotations") or {}
    keys = [SECCOMP_OF_POD, *(f"{SECCOMP_OF_CONTAINER}{_name(container)}" for container in pod.containers())]
    forbidden = sorted(
        f"{key}={go_quoted(value)}"
        for key in set(keys)
        if (value := annotations.get(key)) is not None
        and value not in ("runtime/default", "docker/default")
        and not value.startswith("localhost/")
    )
    if not forbidden:
        return None
    return Violation("seccompProfile", f"forbidden {_plural('annotation', len(forbidden))} {', '.join(forbidden)}")


def _seccomp_baseline(pod: Pod, minor: int) -> Violation | None:
    def bad(context: Object) -> bool:
        return fields.text_at(context, "seccompProfile.type") not in ("", "RuntimeDefault", "Localhost")

    pod_sets = bad(pod.context)
    named = [_name(each) for each in pod.containers() if bad(_context(each))]
    if not pod_sets and not named:
        return None
    contexts = ([pod.context] if pod_sets else []) + [
        _context(each) for each in pod.containers() if bad(_context(each))
    ]
    types = _quoted(sorted({fields.text_at(each, "seccompProfile.type") for each in contexts}))
    return Violation(
        "seccompProfile", f"{_setters(pod_sets, named)} must not set securityContext.seccompProfile.type to {types}"
    )


def _sysctls(pod: Pod, minor: int) -> Violation | None:
    allowed = SYSCTLS.union(*(names for since, names in SYSCTLS_SINCE.items() if minor >= since))
    used = [each.get("name", "") for each in pod.context.get("sysctls") or () if each.get("name", "") not in allowed]
    return Violation("forbidden sysctls", ", ".join(used)) if used else None


def _host_process(pod: Pod, minor: int) -> Violation | None:
    def bad(context: Object) -> bool:
        return bool(fields.at(context, "windowsOptions.hostProcess"))

    named = [_name(each) for each in pod.containers() if bad(_context(each))]
    if not bad(pod.context) and not named:
        return None
    detail = f"{_setters(bad(pod.context), named)} must not set securityContext.windowsOptions.hostProcess=true"
    return Violation("hostProcess", detail)


def _escalation(pod: Pod, minor: int) -> Violation | None:
    if minor >= 25 and pod.is_windows:
        return None
    named = [_name(each) for each in pod.containers() if _context(each).get("allowPrivilegeEscalation") is not False]
    if not named:
        return None
    detail = f"{_containers(named)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", detail)


def _capabilities_restricted(pod: Pod, minor: int) -> Violation | None:
    if minor >= 25 and pod.is_windows:
        return None
    keeping = [
        _name(each) for each in pod.containers() if "ALL" not in (fields.at(_context(each), "capabilities.drop") or ())
    ]
    told = [f'{_containers(keeping)} must set securityContext.capabilities.drop=["ALL"]'] if keeping else []
    adding, capabilities = _added(pod, RESTRICTED_CAPABILITIES)
    if adding:
        told.append(_must_not_add(adding, capabilities))
    return Violation("unrestricted capabilities", "; ".join(told)) if told else None


def _restricted_volumes(pod: Pod, minor: int) -> Violation | None:
    bad = [
        (volume.get("name", ""), type_)
        for volume in pod.spec.get("volumes") or ()
        for type_ in [next((type_ for type_ in VOLUME_TYPES if volume.get(type_) is not None), "")]
        if type_
    ]
    if not bad:
        return None
    types = sorted({type_ for _, type_ in bad})
    uses = "uses" if len(bad) == 1 else "use"
    told = f"{uses} restricted volume {_plural('type', len(types))} {_quoted(types)}"
    return Violation(
        "restricted volume types", f"{_plural('volume', len(bad))} {_quoted(name for name, _ in bad)} {told}"
    )


def _non_root(pod: Pod, minor: int) -> Violation | None:
    if _has_own_users(pod, minor):
        return None
    whole = pod.context.get("runAsNonRoot")
    explicit = [_name(each) for each in pod.containers() if _context(each).get("runAsNonRoot") is False]
    silent = [_name(each) for each in pod.containers() if _context(each).get("runAsNonRoot") is None]
    pod_bad = whole is False and (bool(explicit) or bool(silent) or not list(pod.containers()))
    if whole is not False:
        pod_bad = False
    if explicit or whole is False:
        return Violation(
            "runAsNonRoot != true",
            f"{_setters(pod_bad or whole is False, explicit)} must not set securityContext.runAsNonRoot=false",
        )
    if whole or not silent:
        return None
    return Violation("runAsNonRoot != true", f"pod or {_containers(silent)} must set securityContext.runAsNonRoot=true")


def _root_user(pod: Pod, minor: int) -> Violation | None:
    if _has_own_users(pod, minor):
        return None
    pod_sets = pod.context.get("runAsUser") == 0
    named = [_name(each) for each in pod.containers() if _context(each).get("runAsUser") == 0]
    if not pod_sets and not named:
        return None
    return Violation("runAsUser=0", f"{_setters(pod_sets, named)} must not set runAsUser=0")


def _seccomp_restricted(pod: Pod, minor: int) -> Violation | None:
    if minor >= 25 and pod.is_windows:
        return None

    def type_of(context: Object) -> str:
        return fields.text_at(context, "seccompProfile.type")

    good = ("RuntimeDefault", "Localhost")
    pod_type = type_of(pod.context)
    pod_sets = pod_type not in ("", *good)
    explicit = [
        (_name(each), type_of(_context(each)))
        for each in pod.containers()
        if type_of(_context(each)) not in ("", *good)
    ]
    silent = [_name(each) for each in pod.containers() if not type_of(_context(each))]
    if pod_sets or explicit:
        types = sorted({*([pod_type] if pod_sets else []), *(type_ for _, type_ in explicit)})
        setters = _setters(pod_sets, [name for name, _ in explicit])
        return Violation(
            "seccompProfile", f"{setters} must not set securityContext.seccompProfile.type to {_quoted(types)}"
        )
    if pod_type or not silent:
        return None
    detail = (
        f'pod or {_containers(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    )
    return Violation("seccompProfile", detail)


Check = Callable[[Pod, int], Violation | None]

BASELINE: Mapping[Check, int] = {
    _app_armor: 0,
    _capabilities_baseline: 0,
    _host_namespaces: 0,
    _host_path_volumes: 0,
    _probe_hosts: 34,
    _host_ports: 0,
    _privileged: 0,
    _proc_mount: 0,
    _old_seccomp: 0,
    _seccomp_baseline: 19,
    _selinux: 0,
    _sysctls: 0,
    _host_process: 0,
}
"""In the order of their ids, with the minor version that asks first."""
RESTRICTED: Mapping[Check, int] = {
    _escalation: 8,
    _capabilities_restricted: 22,
    _proc_mount_anyhow: 35,
    _restricted_volumes: 0,
    _non_root: 0,
    _root_user: 23,
    _seccomp_restricted: 19,
}
_GOES_BEYOND: Mapping[Check, Check] = {
    _seccomp_baseline: _old_seccomp,
    _capabilities_restricted: _capabilities_baseline,
    _proc_mount_anyhow: _proc_mount,
    _restricted_volumes: _host_path_volumes,
    _seccomp_restricted: _seccomp_baseline,
}
"""Checks that make another one needless."""
LEVELS: Mapping[str, Mapping[Check, int]] = {
    "privileged": {},
    "baseline": BASELINE,
    "restricted": {**BASELINE, **RESTRICTED},
}


@cache
def _checks(level: str, minor: int) -> tuple[Check, ...]:
    asked = [check for check, since in LEVELS[level].items() if minor >= since]
    needless = {_GOES_BEYOND[check] for check in asked if check in _GOES_BEYOND}
    return tuple(check for check in asked if check not in needless)


def violations(metadata: Object, spec: Object, level: str, minor: int) -> list[Violation]:
    """Of the metadata and the spec of a pod, against a level as of version 1.`minor`."""
    pod = Pod(metadata, spec)
    return [found for check in _checks(level, minor) if (found := check(pod, minor)) is not None]


def told(found: Sequence[Violation]) -> str:
    return ", ".join(map(str, found))


def reasons(found: Sequence[Violation]) -> str:
    return ", ".join(each.reason for each in found)


__all__: list[Any] = ["LATEST", "LEVELS", "Violation", "reasons", "told", "violations"]
