"""What a writer of a pod or of a pod template is told although it is accepted, in the order of the API server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import orjson

from fakekube.kinds import node_labels, pod_volumes
from fakekube.kinds.pod_annotations import APPARMOR_OF_CONTAINER, SECCOMP_OF_CONTAINER, SECCOMP_OF_POD
from fakekube.objects import fields, names
from fakekube.objects.repeated import Repeated
from fakekube.registry.kind import Object

_NULL_SELECTOR = "a null labelSelector results in matching no pod"
_OLD_ANNOTATIONS: Mapping[str, str] = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_NO_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_NO_APPARMOR = 'deprecated since v1.30; use the "appArmorProfile" field instead'
_TERMS = ("requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution")
_IN_BYTES = ("memory", "ephemeral-storage")


def of_name(obj: Object, used_in: str) -> list[str]:
    """The name of a pod, or of what makes pods, should be a label; `used_in` says what it becomes part of."""
    reasons = names.label(obj["metadata"].get("name", ""))
    if not reasons:
        return []
    return [
        f"metadata.name: this is used in {used_in}, which can result in surprising behavior; "
        f"a DNS label is recommended: [{' '.join(reasons)}]"
    ]


def of_owner(owner: Object, old: Object | None, path: str) -> list[str]:
    """Of the template at `path` (`spec.template`) of an object; an update that leaves the generation alone is told nothing."""
    if old is not None and owner["metadata"].get("generation") == old["metadata"].get("generation"):
        return []
    template = fields.at(owner, path) or {}
    return of_pod(template.get("metadata") or {}, template.get("spec") or {}, f"{path}.")


def of_workload(workload: Object, old: Object | None, path: str) -> list[str]:
    """Of what makes pods: of its template, and at creation of its name, which theirs begin with."""
    told = of_name(workload, "Pod names and hostnames") if old is None else []
    return told + of_owner(workload, old, path)


def of_pod(metadata: Object, spec: Object, path: str = "") -> list[str]:
    """`path` ends with a dot: `spec.template.`; it is empty for a pod itself."""
    annotations = metadata.get("annotations") or {}
    told: list[str] = []
    if spec.get("nodeSelector") or spec.get("affinity") or spec.get("topologySpreadConstraints"):
        told += _placement(spec, path)
    if annotations:
        told += [
            f"{path}metadata.annotations[{key}]: {why}" for key, why in _OLD_ANNOTATIONS.items() if key in annotations
        ]
    if spec.get("volumes"):
        told += _volumes(spec["volumes"], f"{path}spec.volumes")
    if spec.get("hostAliases") or spec.get("imagePullSecrets"):
        told += _doubles(spec, path)
    if spec.get("overhead"):
        told += pod_volumes.fractional_bytes(spec["overhead"], f"{path}spec.overhead", _IN_BYTES)
    if SECCOMP_OF_POD in annotations and not fields.at(spec, "securityContext.seccompProfile"):
        told.append(f"{path}metadata.annotations[{SECCOMP_OF_POD}]: {_NO_SECCOMP}")
    containers = list(_containers(spec, f"{path}spec"))
    for place, container in containers:
        told += _container(place, container, annotations, path)
    told += _ports(containers)
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        text = "must be >= 0; negative values are invalid and will be treated as 1"
        told.append(f"{path}spec.terminationGracePeriodSeconds: {text}")
    if spec.get("affinity"):
        told += _null_selectors(spec["affinity"], f"{path}spec.affinity")
    for i, address in enumerate(fields.at(spec, "dnsConfig.nameservers") or ()):
        told += names.ip_warnings(address, f"{path}spec.dnsConfig.nameservers[{i}]")
    for i, alias in enumerate(spec.get("hostAliases") or ()):
        told += names.ip_warnings(alias.get("ip", ""), f"{path}spec.hostAliases[{i}].ip")
    return told


def _placement(spec: Object, path: str) -> list[str]:
    told = [
        f"{path}spec.nodeSelector[{label}]: {why}"
        for label in spec.get("nodeSelector") or ()
        if (why := node_labels.deprecation(label))
    ]
    required, preferred = (fields.at(spec, f"affinity.nodeAffinity.{term}") for term in _TERMS)
    place = f"{path}spec.affinity.nodeAffinity"
    for i, term in enumerate((required or {}).get("nodeSelectorTerms") or ()):
        told += node_labels.term_warnings(term, f"{place}.{_TERMS[0]}.nodeSelectorTerms[{i}]")
    for i, term in enumerate(preferred or ()):
        told += node_labels.term_warnings(term.get("preference") or {}, f"{place}.{_TERMS[1]}[{i}].preference")
    for i, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        place, key = f"{path}spec.topologySpreadConstraints[{i}]", constraint.get("topologyKey", "")
        if why := node_labels.deprecation(key):
            told.append(f"{place}.topologyKey: {key} is {why}")
        if constraint.get("labelSelector") is None:
            told.append(f"{place}.labelSelector: {_NULL_SELECTOR}")
    return told


def _null_selectors(affinity: Object, path: str) -> list[str]:
    told: list[str] = []
    for kind in ("podAffinity", "podAntiAffinity"):
        required, preferred = (fields.at(affinity, f"{kind}.{term}") or () for term in _TERMS)
        for i, term in enumerate(required):
            if term.get("labelSelector") is None:
                told.append(f"{path}.{kind}.{_TERMS[0]}[{i}].labelSelector: {_NULL_SELECTOR}")
        for i, weighted in enumerate(preferred):
            if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
                told.append(f"{path}.{kind}.{_TERMS[1]}[{i}].podAffinityTerm.labelSelector: {_NULL_SELECTOR}")
    return told


def _volumes(volumes: Sequence[Object], path: str) -> list[str]:
    told: list[str] = []
    for i, volume in enumerate(volumes):
        told += pod_volumes.old_sources(volume, f"{path}[{i}]")
        if "ephemeral" in volume and (claim := fields.at(volume, "ephemeral.volumeClaimTemplate.spec")) is not None:
            told += pod_volumes.claim_warnings(claim, f"{path}[{i}].ephemeral.volumeClaimTemplate.spec")
    for volume in volumes:
        if not _WITH_FILES.isdisjoint(volume):
            told += _overlaps(volume)
    return told


_WITH_FILES = frozenset({"configMap", "secret", "downwardAPI", "projected"})


_Files = Sequence[tuple[str, str]]
"""(path, what it comes from or "")."""


def _overlaps(volume: Object) -> Iterator[str]:
    """Files of one volume that lie in each other's way."""
    for source, name, title in (
        ("configMap", "name", "ConfigMap"),
        ("secret", "secretName", "Secret"),
        ("downwardAPI", "", "DownwardAPI"),
    ):
        if (content := volume.get(source)) is not None and content.get("items"):
            described = f'{title} "{content.get(name, "")}"' if name else title
            for text in _colliding([[(item.get("path", ""), "") for item in content.get("items") or ()]]):
                yield f'volume "{volume.get("name", "")}" ({described}): overlapping paths: {text}'
    if (projected := volume.get("projected")) is not None and not _are_known_to_be_apart(projected):
        sources = projected.get("sources") or ()
        for source in sources:
            if not source:
                yield f'volume "{volume.get("name", "")}" (Projected) has no sources provided'
        for text in _colliding([_projected_files(source) for source in sources]):
            yield f'volume "{volume.get("name", "")}" (Projected): overlapping paths: {text}'


_apart: Repeated[bytes, bool] = Repeated(256)
"""Projections of which there is nothing to tell, by their text."""
_LONGEST_REMEMBERED = 4096


def _are_known_to_be_apart(projected: Object) -> bool:
    """Whether there is nothing to tell; the volume with the token of its service account is in nearly every pod."""
    text = orjson.dumps(projected)
    known = _apart.get(text)
    if known is None and len(text) < _LONGEST_REMEMBERED and not _apart.is_new(text):
        sources = projected.get("sources") or ()
        known = all(sources) and not any(_colliding([_projected_files(source) for source in sources]))
        _apart.put(text, known)
    return bool(known)


def _projected_files(source: Object) -> _Files:
    for kind, title in (("configMap", "ConfigMap"), ("secret", "Secret")):
        if (content := source.get(kind)) is not None:
            return [
                (item.get("path", ""), f'{title} "{content.get("name", "")}"') for item in content.get("items") or ()
            ]
    if (content := source.get("downwardAPI")) is not None:
        return [(item.get("path", ""), "DownwardAPI") for item in content.get("items") or ()]
    if (content := source.get("serviceAccountToken")) is not None:
        return [(content.get("path", ""), "ServiceAccountToken")]
    if (content := source.get("clusterTrustBundle")) is not None:
        return [
            (content.get("path", ""), f'ClusterTrustBundle "{content.get("name") or content.get("signerName", "")}"')
        ]
    return []


def _colliding(groups: Sequence[_Files]) -> Iterator[str]:
    seen: list[tuple[str, str]] = []
    for files in groups:
        for text, origin in files:
            path = text.rstrip("/")
            if not path:
                continue
            for other, other_origin in seen:
                if f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/"):
                    yield f"{_file(path, origin)} with {_file(other, other_origin)}"
            seen.append((path, origin))


def _file(path: str, origin: str) -> str:
    return f'"{path}" ({origin})' if origin else f'"{path}"'


def _doubles(spec: Object, path: str) -> list[str]:
    told: list[str] = []
    addresses: set[str] = set()
    for i, alias in enumerate(spec.get("hostAliases") or ()):
        address = alias.get("ip", "")
        if address in addresses:
            told.append(f'{path}spec.hostAliases[{i}].ip: duplicate ip "{address}"')
        addresses.add(address)
    secrets: set[str] = set()
    references = spec.get("imagePullSecrets") or ()
    for i, reference in enumerate(references):
        name = reference.get("name", "")
        if name in secrets:
            told.append(f'{path}spec.imagePullSecrets[{i}].name: duplicate name "{name}"')
        secrets.add(name)
    return told + [
        f'{path}spec.imagePullSecrets[{i}].name: invalid empty name ""'
        for i, reference in enumerate(references)
        if not reference.get("name")
    ]


def _containers(spec: Object, path: str) -> Iterator[tuple[str, Object]]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for i, container in enumerate(spec.get(field) or ()):
            yield f"{path}.{field}[{i}]", container


def _container(place: str, container: Object, annotations: Object, path: str) -> list[str]:
    told: list[str] = []
    if annotations:
        name, context = container.get("name", ""), container.get("securityContext") or {}
        for key, field, why in (
            (f"{SECCOMP_OF_CONTAINER}{name}", "seccompProfile", _NO_SECCOMP),
            # A pod itself is told of it when the annotation becomes a field.
            *(((f"{APPARMOR_OF_CONTAINER}{name}", "appArmorProfile", _NO_APPARMOR),) if path else ()),
        ):
            if key in annotations and not context.get(field):
                told.append(f"{path}metadata.annotations[{key}]: {why}")
    if resources := container.get("resources"):
        for name in _IN_BYTES:
            for field in ("limits", "requests"):
                if (amounts := resources.get(field)) and name in amounts:
                    told += pod_volumes.fractional_bytes(amounts, f"{place}.resources.{field}", (name,))
    variables = container.get("env") or ()
    if len(variables) > 1:
        seen: set[str] = set()
        for i, variable in enumerate(variables):
            name = variable.get("name", "")
            if name in seen and f"$({name})" not in variable.get("value", ""):
                text = f'hides previous definition of "{name}", which may be dropped when using apply'
                told.append(f"{place}.env[{i}]: {text}")
            seen.add(name)
    return told


def _ports(containers: Sequence[tuple[str, Object]]) -> list[str]:
    told: list[str] = []
    by_number: dict[tuple[int, str], list[tuple[str, Object]]] = {}
    named: dict[str, str] = {}
    named_twice: list[str] = []
    for place, container in containers:
        for i, port in enumerate(container.get("ports") or ()):
            path = f"{place}.ports[{i}]"
            if port.get("hostIP") and not port.get("hostPort"):
                told.append(f"{path}: hostIP set without hostPort: {_port_text(port)}")
            others = by_number.setdefault((port.get("containerPort", 0), port.get("protocol", "")), [])
            told += [f"{path}: {how} port definition with {other}" for other, it in others if (how := _clash(port, it))]
            others.append((path, port))
            if name := port.get("name"):
                first = named.setdefault(name, path)
                if first != path:
                    named_twice.append(
                        f'{path}: duplicate port name "{name}" with {first}, '
                        f"services and probes that select ports by name will use {first}"
                    )
    return told + named_twice


def _clash(port: Object, other: Object) -> str:
    """How two definitions of one container port get into each other's way; empty if they do not."""
    number, other_number = port.get("hostPort", 0), other.get("hostPort", 0)
    address, other_address = port.get("hostIP", ""), other.get("hostIP", "")
    if (number, address) == (other_number, other_address):
        return "duplicate"
    if not number or not other_number:
        return "overlapping"
    return "dangerously ambiguous" if number == other_number and bool(address) != bool(other_address) else ""


def _port_text(port: Object) -> str:
    """The struct as Go prints it."""
    return (
        f"{{Name:{port.get('name', '')} HostPort:{port.get('hostPort', 0)} ContainerPort:{port.get('containerPort', 0)} "
        f"Protocol:{port.get('protocol', '')} HostIP:{port.get('hostIP', '')}}}"
    )
