from __future__ import annotations

import copy
from typing import Any

import pytest

from fakekube.kinds.core.pod import STRATEGY
from fakekube.kinds.quality_of_service import quality_of_service


def pod(**spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "busybox", "imagePullPolicy": "Always", "terminationMessagePolicy": "File"}
    base = {
        "containers": [container],
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "terminationGracePeriodSeconds": 30,
    }
    return {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "namespace": "shop"}, "spec": {**base, **spec}}


def texts(errors: Any) -> list[str]:
    return [str(error) for error in errors]


def test_new_pod_is_pending_and_knows_its_class_of_service(operation: Any) -> None:
    created = pod()

    STRATEGY.prepare_create(created, operation)

    assert created["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_gated_pod_says_why_it_is_not_scheduled(operation: Any) -> None:
    created = pod(schedulingGates=[{"name": "example.com/wait"}])

    STRATEGY.prepare_create(created, operation)

    (condition,) = created["status"]["conditions"]
    assert (condition["reason"], condition["lastProbeTime"]) == ("SchedulingGated", None)
    assert list(created["status"]) == ["phase", "conditions", "qosClass"]


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ([{}], "BestEffort"),
        ([{"requests": {"cpu": "1"}}], "Burstable"),
        ([{"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1000m", "memory": "1024Mi"}}], "Guaranteed"),
        ([{"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}, {}], "Burstable"),
        ([{"limits": {"example.com/gpu": "1"}, "requests": {"example.com/gpu": "1"}}], "BestEffort"),
        ([{"requests": {"cpu": "0"}}], "BestEffort"),
    ],
)
def test_class_of_service_follows_from_requests_and_limits(resources: Any, quality: str) -> None:
    assert quality_of_service({"containers": [{"resources": each} for each in resources]}) == quality


@pytest.mark.parametrize(
    ("spec", "status", "asked", "seconds"),
    [
        ({"nodeName": "n"}, {"phase": "Running"}, None, 30),
        ({"nodeName": "n"}, {"phase": "Running"}, 5, 5),
        ({"nodeName": "n"}, {"phase": "Running"}, -1, 1),
        ({"nodeName": "n"}, {"phase": "Succeeded"}, 5, 0),
        ({}, {"phase": "Pending"}, 5, 0),
    ],
)
def test_grace_period_is_the_one_asked_for_while_the_pod_runs(spec: Any, status: Any, asked: Any, seconds: int) -> None:
    assert STRATEGY.grace_period_s is not None
    assert STRATEGY.grace_period_s({**pod(**spec), "status": status}, asked) == seconds


def test_pod_without_containers_is_refused() -> None:
    assert texts(STRATEGY.validate_create(pod(containers=[]))) == ["spec.containers: Required value"]


@pytest.mark.parametrize(
    ("container", "error"),
    [
        ({"image": ""}, "image: Required value"),
        (
            {"imagePullPolicy": "Often"},
            'imagePullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"',
        ),
        ({"ports": [{"containerPort": 0}]}, "ports[0].containerPort: Required value"),
        ({"volumeMounts": [{"name": "nope", "mountPath": "/a"}]}, 'volumeMounts[0].name: Not found: "nope"'),
        ({"livenessProbe": {}}, "livenessProbe: Required value: must specify a handler type"),
        (
            {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}},
            'resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        ),
        (
            {"env": [{"name": "X", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.nope"}}}]},
            'env[0].valueFrom.fieldRef.fieldPath: Invalid value: "metadata.nope": error converting fieldPath: '
            "field label not supported: metadata.nope",
        ),
    ],
)
def test_container_is_refused_as_the_real_server_refuses_it(container: Any, error: str) -> None:
    created = pod()
    created["spec"]["containers"][0] |= container

    assert texts(STRATEGY.validate_create(created)) == [f"spec.containers[0].{error}"]


def test_image_of_a_pod_may_change_and_little_else() -> None:
    old = pod()
    new = copy.deepcopy(old)
    new["spec"]["containers"][0]["image"] = "busybox:2"
    assert texts(STRATEGY.validate_update(new, old)) == []

    new["spec"]["hostname"] = "x"
    (error,) = STRATEGY.validate_update(new, old)

    assert error.field == "spec"
    assert error.message.startswith(
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    )
    assert '\n- "Hostname": "",\n+ "Hostname": "x",\n' in error.message


def test_what_may_change_is_no_part_of_the_difference_that_is_told() -> None:
    old, new = pod(), pod(activeDeadlineSeconds=5, hostname="x")

    (error,) = STRATEGY.validate_update(new, old)

    assert '+ "Hostname": "x",' in error.message
    assert '+ "ActiveDeadlineSeconds"' not in error.message


def test_tolerations_may_be_added_but_not_taken_away() -> None:
    old = pod(tolerations=[{"key": "a", "operator": "Exists"}])
    more = pod(tolerations=[{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}])

    assert texts(STRATEGY.validate_update(more, old)) == []
    assert texts(STRATEGY.validate_update(pod(), old)) == [
        "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"
    ]


def test_pod_is_found_by_its_fields() -> None:
    found = {**pod(nodeName="n", hostNetwork=True), "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}]}}

    values = {field: read(found) for field, read in STRATEGY.selectable_fields.items()}

    assert values["spec.host"] == values["spec.nodeName"] == "n"
    assert (values["spec.hostNetwork"], values["status.podIP"], values["status.nominatedNodeName"]) == (
        "true",
        "10.0.0.1",
        "",
    )


APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


@pytest.mark.parametrize(
    ("value", "spec", "told"),
    [
        ("unconfined", {}, True),
        ("nonsense", {}, True),
        ("unconfined", {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}, False),
        ("unconfined", {"os": {"name": "windows"}}, False),
    ],
)
def test_old_annotations_of_containers_are_told_of_before_the_pod_is_judged(value: str, spec: Any, told: bool) -> None:
    created = pod(**spec)
    created["metadata"]["annotations"] = {f"{APPARMOR}main": value, f"{APPARMOR}nobody": value}

    text = f'metadata.annotations[{APPARMOR}main]: deprecated since v1.30; use the "appArmorProfile" field instead'
    assert list(STRATEGY.early_warnings(created)) == [text] * told
