from __future__ import annotations

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
