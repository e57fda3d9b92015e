"""Rules of pods that follow from the real validation and that no recording shows; each refusal word for word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fakekube.kinds import gated_fields, pod_changes
from fakekube.objects.pod_amounts import together

Refused = Callable[..., list[str]]

MAIN = {"name": "main", "image": "i"}
NO_PAGES = "0 is not positive integer multiple of hugepages-"
REQUEST = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
EMPTY = "must be one of the names in pod.spec.resourceClaims which is empty"


def mounted(**source: Any) -> Any:
    return {"volumes": [{"name": "v", **source}]}


SPECS: list[tuple[Any, list[str]]] = [
    (
        {"os": {"name": "windows"}, "resources": {"limits": {"pods": "1"}}},
        ["spec.resources: Forbidden: may not be set for a windows pod"],
    ),
    (
        {"resources": {"limits": {"pods": "1"}, "requests": {"cpu": "1"}}},
        ['spec.resources.limits[pods]: Unsupported value: "pods": supported values: "cpu", "hugepages-", "memory"'],
    ),
    (
        {"resources": {"claims": [{"name": "c", "request": "R"}]}},
        [
            "spec.resources.claims: Forbidden: claims may not be set for Resources at pod-level",
            f'spec.resources.claims[0].request: Invalid value: "R": {REQUEST}',
            f'spec.resources.claims[0]: Not found: "c": {EMPTY}',
        ],
    ),
    (
        {"containers": [{**MAIN, "resources": {"claims": [{"name": "c", "request": "r"}, {"name": "c"}, {}]}}]},
        [
            f'spec.containers[0].resources.claims[0]: Not found: "c": {EMPTY}',
            'spec.containers[0].resources.claims[1]: Duplicate value: "c"',
            f'spec.containers[0].resources.claims[1]: Not found: "c": {EMPTY}',
            "spec.containers[0].resources.claims[2]: Required value",
        ],
    ),
    (
        {"containers": [{"image": "i"}, {"image": "i"}]},
        [
            "spec.containers[0].name: Required value",
            "spec.containers[1].name: Required value",
            'spec.containers[1].name: Duplicate value: ""',
        ],
    ),
    (
        {
            "initContainers": [
                {**MAIN, "name": "a", "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]}
            ]
        },
        [
            'spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: "RestartContainer": '
            "must not be set to 'RestartContainer' for non-sidecar initContainers"
        ],
    ),
    (
        mounted(hostPath={"path": "/"}, cephfs={"monitors": ["m"]}, downwardAPI={}),
        [
            "spec.volumes[0].cephFS: Forbidden: may not specify more than 1 volume type",
            "spec.volumes[0].downwarAPI: Forbidden: may not specify more than 1 volume type",
        ],
    ),
    (
        mounted(awsElasticBlockStore={"volumeID": "i", "partition": -1}),
        ["spec.volumes[0].awsElasticBlockStore.partition: Invalid value: -1: must be between 1 and 255, inclusive"],
    ),
    (mounted(gcePersistentDisk={}), ["spec.volumes[0].persistentDisk.pdName: Required value"]),
    (
        mounted(flexVolume={"driver": "d", "options": {"k8s.io": "x"}}),
        [
            'spec.volumes[0].flexVolume.options[k8s.io]: Invalid value: "k8s.io": '
            "kubernetes.io and k8s.io namespaces are reserved"
        ],
    ),
    (
        mounted(csi={"driver": "d", "nodePublishSecretRef": {}}),
        ["spec.volumes[0].csi.nodePublishSecretRef.name: Required value"],
    ),
    (
        {
            "hostUsers": False,
            "containers": [{**MAIN, "volumeDevices": [{"name": "v", "devicePath": "/d"}]}],
            **mounted(persistentVolumeClaim={"claimName": "c"}),
        },
        ["spec.containers[0].volumeDevices: Forbidden: when `hostUsers` is false"],
    ),
    (
        {"hostNetwork": True, "hostnameOverride": "h"},
        ["spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true"],
    ),
    (
        {"securityContext": {"seccompProfile": {}}},
        ["spec.securityContext.seccompProfile.type: Required value: type is required when seccompProfile is set"],
    ),
    (
        {"securityContext": {"appArmorProfile": {"type": "Unconfined", "localhostProfile": ""}}},
        [
            'spec.securityContext.appArmorProfile.localhostProfile: Invalid value: "": '
            "can only be set when AppArmor type is Localhost"
        ],
    ),
    (
        {"securityContext": {"windowsOptions": {"runAsUserName": "a:b"}}},
        [
            'spec.securityContext.windowsOptions.runAsUserName: Invalid value: "a:b": '
            "runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]"
        ],
    ),
]


@pytest.mark.parametrize(("spec", "why"), SPECS)
def test_pods_are_refused_as_the_real_server_refuses_them(refused: Refused, spec: Any, why: list[str]) -> None:
    assert refused("pods", {"spec": {"containers": [MAIN], **spec}}) == why


def test_huge_pages_of_no_size_are_never_whole(refused: Refused) -> None:
    resources = {"limits": {"hugepages-": "0", "cpu": "1"}}

    why = refused("pods", {"spec": {"containers": [{**MAIN, "resources": resources}]}})

    assert f'spec.containers[0].resources.limits[hugepages-]: Invalid value: "0": {NO_PAGES}' in why


def test_templates_need_not_name_the_image_of_a_volume(refused: Refused) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [MAIN], **mounted(image={})}}

    assert refused("replicasets.apps", {"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}) == []
    assert refused("pods", {"spec": template["spec"]}) == ["spec.volumes[0].image.reference: Required value"]


def test_fields_of_features_that_are_off_are_dropped() -> None:
    spec = {
        "schedulingGroup": {"podGroupName": "g"},
        "containers": [{**MAIN, "lifecycle": {"stopSignal": "SIGTERM"}}],
        "volumes": [{"name": "v", "projected": {"sources": [{"podCertificate": {}}, {"configMap": {"name": "c"}}]}}],
    }

    gated_fields.drop_from_spec(spec)

    assert spec == {
        "containers": [MAIN],
        "volumes": [{"name": "v", "projected": {"sources": [{}, {"configMap": {"name": "c"}}]}}],
    }


def test_a_pod_needs_what_its_containers_need_at_once() -> None:
    def container(cpu: str, **more: Any) -> Any:
        return {"resources": {"requests": {"cpu": cpu}}, **more}

    sidecar = container("1", restartPolicy="Always")
    total = together({"containers": [container("1")], "initContainers": [sidecar, container("4")]}, "requests")

    assert str(total["cpu"]) == "5"


def resized(before: Any, after: Any) -> list[str]:
    def pod(resources: Any) -> Any:
        spec = {
            "containers": [
                {**MAIN, "terminationMessagePolicy": "File", "imagePullPolicy": "Always", "resources": resources}
            ],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
        }
        return {"metadata": {"name": "p"}, "spec": spec, "status": {"qosClass": "Burstable"}}

    return [str(error) for error in pod_changes.validate_resize(pod(after), pod(before))]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ({"requests": {"cpu": "1"}}, {"requests": {"cpu": "2"}}, []),
        (
            {"requests": {"cpu": "1", "ephemeral-storage": "1"}},
            {"requests": {"cpu": "1"}},
            [
                "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
                "spec: Forbidden: only cpu and memory resources are mutable",
            ],
        ),
    ],
)
def test_only_cpu_and_memory_are_resized(before: Any, after: Any, why: list[str]) -> None:
    assert resized(before, after) == why
