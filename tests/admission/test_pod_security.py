from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from fakekube.admission import pod_security
from fakekube.admission.pod_security_checks import LATEST, told, violations
from fakekube.errors import Forbidden, Invalid
from fakekube.registry.kind import Object
from tests.admission.test_plugins import attributes

CONTAINER = {"name": "c", "image": "i"}
RESTRICTED_OF_A_PLAIN_POD = (
    'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), '
    'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), '
    'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), '
    'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
)

VIOLATIONS: list[tuple[Any, str, str]] = [
    ({"containers": [CONTAINER]}, "baseline", ""),
    ({"containers": [CONTAINER]}, "restricted", RESTRICTED_OF_A_PLAIN_POD),
    (
        {
            "hostNetwork": True,
            "hostPID": True,
            "volumes": [{"name": "v", "hostPath": {"path": "/"}}],
            "containers": [{**CONTAINER, "ports": [{"containerPort": 80, "hostPort": 80}]}],
        },
        "baseline",
        'host namespaces (hostNetwork=true, hostPID=true), hostPath volumes (volume "v"), '
        'hostPort (container "c" uses hostPort 80)',
    ),
    (
        {
            "containers": [
                {**CONTAINER, "securityContext": {"capabilities": {"add": ["NET_ADMIN", "CHOWN"]}}},
                {"name": "d", "image": "i", "securityContext": {"capabilities": {"add": ["SYS_TIME"]}}},
            ]
        },
        "baseline",
        'non-default capabilities (containers "c", "d" must not include "NET_ADMIN", "SYS_TIME" '
        "in securityContext.capabilities.add)",
    ),
    (
        {"securityContext": {"seLinuxOptions": {"type": "spc_t", "user": "u"}}, "containers": [CONTAINER]},
        "baseline",
        'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)',
    ),
]


@pytest.mark.parametrize(("spec", "level", "text"), VIOLATIONS)
def test_what_a_level_does_not_allow_is_told(spec: Any, level: str, text: str) -> None:
    assert told(violations({}, spec, level, LATEST)) == text


def test_restricted_pod_is_good() -> None:
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    spec = {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{**CONTAINER, "securityContext": context}],
    }

    assert violations({}, spec, "restricted", LATEST) == []


def namespace(**labels: str) -> Object:
    return {
        "metadata": {
            "name": "shop",
            "labels": {f"pod-security.kubernetes.io/{key}": text for key, text in labels.items()},
        }
    }


def test_pod_that_its_namespace_does_not_allow_is_refused() -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"hostNetwork": True, "containers": [CONTAINER]}}

    with pytest.raises(Forbidden) as refusal:
        pod_security.validate(pod, None, attributes([("", "namespaces", namespace(enforce="baseline"))]))

    text = 'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)'
    assert refusal.value.message == f'pods "p" is forbidden: {text}'


def test_namespace_that_asks_for_what_there_is_not_is_invalid() -> None:
    with pytest.raises(Invalid) as refusal:
        pod_security.validate(namespace(enforce="strong"), None, attributes(kind="namespaces"))

    path = "metadata.labels[pod-security.kubernetes.io/enforce]"
    text = f'{path}: Invalid value: "strong": must be one of privileged, baseline, restricted'
    assert refusal.value.message == f'Namespace "shop" is invalid: {text}'


@pytest.mark.parametrize(
    ("spec", "level", "minor", "reasons"),
    [
        ({"livenessProbe": {"httpGet": {"host": "h"}}}, "baseline", 33, ""),
        ({"livenessProbe": {"httpGet": {"host": "h"}}}, "baseline", 34, "probe or lifecycle host"),
        ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "baseline", 18, ""),
        ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "baseline", 19, "seccompProfile"),
        (
            {"securityContext": {"capabilities": {"add": ["SYS_TIME"]}}},
            "restricted",
            7,
            "non-default capabilities, runAsNonRoot != true",
        ),
    ],
)
def test_a_level_asks_what_its_version_asked(spec: Any, level: str, minor: int, reasons: str) -> None:
    found = violations({}, {"containers": [{**CONTAINER, **spec}]}, level, minor)

    assert ", ".join(each.reason for each in found) == reasons


@pytest.mark.parametrize(
    ("minor", "level", "reasons"),
    [
        (34, "baseline", ["procMount"]),
        (35, "baseline", []),
        (34, "restricted", ["procMount", "runAsNonRoot != true", "runAsUser=0"]),
        (35, "restricted", ["procMount"]),
    ],
)
def test_root_of_a_pod_with_users_of_its_own_is_free_since_1_35(minor: int, level: str, reasons: list[str]) -> None:
    container = {**CONTAINER, "securityContext": {"procMount": "Unmasked", "runAsUser": 0}}

    found = violations({}, {"hostUsers": False, "containers": [container]}, level, minor)

    ours = ("procMount", "runAsNonRoot != true", "runAsUser=0")
    assert [each.reason for each in found if each.reason in ours] == reasons


def test_annotations_for_seccomp_are_judged_by_the_versions_that_had_no_fields() -> None:
    annotations = {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}

    found = violations({"annotations": annotations}, {"containers": [CONTAINER]}, "baseline", 18)

    text = 'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")'
    assert told(found) == text


@pytest.mark.parametrize(
    ("change", "judged"),
    [
        ({"containers": [{"name": "c", "image": "other"}]}, True),
        ({"ephemeralContainers": [{"name": "e", "image": "i"}]}, True),
        ({"activeDeadlineSeconds": 5}, False),
        ({"tolerations": [{"operator": "Exists"}]}, False),
    ],
)
def test_a_change_is_judged_where_it_brings_containers_or_images(change: Any, judged: bool) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    namespace = {"metadata": {"name": "shop", "labels": labels}}
    old: Any = {"metadata": {"name": "p"}, "spec": {"hostNetwork": True, "containers": [CONTAINER]}}
    new = {**old, "spec": {**old["spec"], **change}}
    write = attributes([("", "namespaces", namespace)], "UPDATE")

    with pytest.raises(Forbidden) if judged else nullcontext():
        pod_security.validate(new, old, write)
