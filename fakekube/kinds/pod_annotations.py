"""Annotations that say something about a pod to the server or to the kubelet: what may stand in them, and that some never change.

https://kubernetes.io/docs/reference/labels-annotations-taints/
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from fakekube.kinds import volume_sources
from fakekube.objects.field_errors import FieldError, forbidden, invalid
from fakekube.registry.kind import Object

MIRROR = "kubernetes.io/config.mirror"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
SECCOMP_OF_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_OF_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
APPARMOR_OF_CONTAINER = "container.apparmor.security.beta.kubernetes.io/"
_COST = re.compile("0|-?[1-9][0-9]*").fullmatch
_SECCOMP_PROFILES = ("runtime/default", "docker/default", "unconfined")
_APPARMOR_PROFILES = ("", "runtime/default", "unconfined")
_LOCAL = "localhost/"


def validate(annotations: Mapping[str, str], spec: Object, path: str) -> list[FieldError]:
    """Of a pod with `spec`, or of a template; `path` is that of the annotations."""
    errors: list[FieldError] = []
    if MIRROR in annotations and not spec.get("nodeName"):
        detail = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(invalid(f"{path}[{MIRROR}]", annotations[MIRROR], detail))
    cost = annotations.get(DELETION_COST)
    if cost is not None and not (_COST(cost) and -(2**31) <= int(cost) < 2**31):
        errors.append(invalid(f"{path}[{DELETION_COST}]", cost, "must be a 32bit integer"))
    for key, value in annotations.items():
        if key == SECCOMP_OF_POD or key.startswith(SECCOMP_OF_CONTAINER):
            errors += _seccomp(value, f"{path}[{key}]")
    for key, value in annotations.items():
        if key.startswith(APPARMOR_OF_CONTAINER):
            errors += _apparmor(key.removeprefix(APPARMOR_OF_CONTAINER), value, spec, f"{path}[{key}]")
    return errors


def _seccomp(profile: str, path: str) -> list[FieldError]:
    if profile in _SECCOMP_PROFILES:
        return []
    if profile.startswith(_LOCAL):
        return volume_sources.relative_path(profile.removeprefix(_LOCAL), path)
    return [invalid(path, profile, "must be a valid seccomp profile")]


def _apparmor(container: str, profile: str, spec: Object, path: str) -> list[FieldError]:
    roles = ("initContainers", "containers", "ephemeralContainers")
    known = {each.get("name") for role in roles for each in spec.get(role) or ()}
    errors = [] if container in known else [invalid(path, container, "container not found")]
    if profile not in _APPARMOR_PROFILES and not profile.startswith(_LOCAL):
        errors.append(invalid(path, profile, f'invalid AppArmor profile name: "{profile}"'))
    return errors


def validate_update(new: Mapping[str, str], old: Mapping[str, str]) -> list[FieldError]:
    """A pod never becomes a mirror, nor stops to be one; its AppArmor profiles stay."""
    path = "metadata.annotations"
    errors: list[FieldError] = []
    for key, value in old.items():
        if new.get(key) != value and (what := _lasting(key)):
            errors.append(forbidden(f"{path}[{key}]", f"may not remove or update {what}"))
    for key in new:
        if key not in old and (what := _lasting(key)):
            errors.append(forbidden(f"{path}[{key}]", f"may not add {what}"))
    return errors


def _lasting(key: str) -> str:
    if key.startswith(APPARMOR_OF_CONTAINER):
        return "AppArmor annotations"
    return "mirror pod annotation" if key == MIRROR else ""
