"""Defaults against what a real server answered to the same bodies (tests/conformance), and the algorithms one by one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from fakekube import facts
from fakekube.objects import defaults, schemas, structs

CONFORMANCE = Path(__file__).parents[1] / "conformance"

NOT_DEFAULTS = re.compile(
    r"""
      metadata\.(uid|creationTimestamp|resourceVersion|selfLink|deletion\w+|namespace|generation|name|ownerReferences|finalizers)
    | status
    | spec\.(clusterIPs?|ipFamil\w+|healthCheckNodePort|ports\.\d+\.nodePort)            # allocated
    | spec\.(serviceAccount(Name)?|priority(ClassName)?|preemptionPolicy|tolerations|imagePullSecrets|overhead|nodeSelector)   # admission
    | spec\.(storageClassName|ingressClassName|podCIDRs?|taints|targetPortal)
    | metadata\.annotations
    | (.*\.)?(ip|cidr|hostIP|targetPortal|timeAdded|eventTime|firstTimestamp|lastTimestamp)
    """,
    re.VERBOSE,
)
"""Paths that admission, allocation and the recordings' own placeholders change."""

OF_KINDS = {
    # Kind: what its own code does to a new object besides, and where it does.
    "CertificateSigningRequest": r"spec\.(groups|uid|username)",
    "Job": r"(metadata|spec\.template\.metadata)\.labels|spec\.selector",
    "Namespace": r"metadata\.labels|spec",
    "PersistentVolumeClaim": r"spec\.dataSource(Ref)?",
    "Pod": r".*\.(labelSelector\.matchExpressions|appArmorProfile)|.*securityContext",
    "Secret": r"data|stringData",
    "ServiceAccount": r"secrets",
}
OTHER_TESTS = {"limit_range_applied"}
"""Scenarios about admission."""


def resource_of(path: str) -> facts.ResourceFacts | None:
    """The resource that a POST to a collection is for; None for subresources."""
    match = re.fullmatch(r"/(?:api|apis/([^/]+))/([^/]+)(?:/namespaces/[^/]+)?/([^/]+)", path)
    if match is None:
        return None
    wanted = (match[1] or "", match[2], match[3])
    return next((row for row in facts.resources() if (row.group, row.version, row.resource) == wanted), None)


def recorded_creations() -> Iterator[Any]:
    for file in sorted((CONFORMANCE / "scenarios" / "defaults").glob("*.yaml")):
        if file.stem in OTHER_TESTS:
            continue
        steps = [step for step in yaml.safe_load(file.read_text())["steps"] if "do" in step and not step.get("skip")]
        answers = json.loads((CONFORMANCE / "golden" / "defaults" / f"{file.stem}.json").read_text())
        for number, (step, answer) in enumerate(zip(steps, answers, strict=True)):
            resource = resource_of(urlsplit(step["do"].split()[1]).path)
            if (
                step["do"].startswith("POST")
                and resource
                and answer["status"] == 201
                and "body" in step
                and "only" not in step
            ):
                yield pytest.param(resource, step["body"], answer["body"], id=f"{file.stem}-{number}")


def without_token(answer: dict[str, Any]) -> dict[str, Any]:
    """A pod without the volume and the mounts of its service account's token, which admission adds."""
    spec = answer["spec"] if answer["kind"] == "Pod" else {}
    containers = [*spec.get("containers", ()), *spec.get("initContainers", ())]
    for struct, field in ((spec, "volumes"), *((container, "volumeMounts") for container in containers)):
        rest = [each for each in struct.pop(field, ()) if not each["name"].startswith("kube-api-access-")]
        if rest:
            struct[field] = rest
    return answer


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            below = f"{path}.{key}" if path else key
            yield from differences(ours.get(key, "<absent>"), theirs.get(key, "<absent>"), below)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (left, right) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(left, right, f"{path}.{index}")
    elif ours != theirs or type(ours) is not type(theirs):
        yield path, ours, theirs


@pytest.mark.parametrize(("resource", "body", "answer"), list(recorded_creations()))
def test_a_new_object_has_the_fields_that_a_real_server_gives_it(
    resource: facts.ResourceFacts, body: dict[str, Any], answer: dict[str, Any]
) -> None:
    ours, _ = schemas.decode_body(
        body, group=resource.group, version=resource.version, kind=resource.kind, type_name=resource.type_name
    )

    defaults.apply(resource.type_name, ours)

    own = re.compile(OF_KINDS.get(resource.kind, r"(?!)"))
    assert [
        (path, left, right)
        for path, left, right in differences(ours, without_token(answer))
        if not NOT_DEFAULTS.match(path) and not own.match(path)
    ] == []


def defaulted(type_name: str, value: dict[str, Any]) -> dict[str, Any]:
    decoded = structs.decode(type_name, value, kind="K", version="v1").object
    defaults.apply(type_name, decoded, now=lambda: "2026-01-01T00:00:00Z")
    return decoded


@pytest.mark.parametrize("type_name", facts.type_names())
def test_defaults_change_nothing_the_second_time(type_name: str) -> None:
    struct = structs.decoder(type_name)({})
    defaults.apply(type_name, struct)
    before = json.dumps(struct)

    defaults.apply(type_name, struct)

    assert json.dumps(struct) == before


def test_new_fields_stand_in_the_order_of_the_type() -> None:
    pod = defaulted(
        "core.v1.Pod", {"spec": {"containers": [{"name": "a", "securityContext": {}}], "tolerations": [{}]}}
    )

    assert list(pod["spec"]) == [
        "containers",
        "restartPolicy",
        "terminationGracePeriodSeconds",
        "dnsPolicy",
        "securityContext",
        "schedulerName",
        "tolerations",
        "enableServiceLinks",
    ]
    assert list(pod["spec"]["containers"][0])[-2:] == ["imagePullPolicy", "securityContext"]


def test_a_volume_source_without_fields_has_its_defaults_too() -> None:
    pod = defaulted("core.v1.Pod", {"spec": {"volumes": [{"name": "a", "configMap": {}}, {"name": "b"}]}})

    assert pod["spec"]["volumes"] == [{"name": "a", "configMap": {"defaultMode": 420}}, {"name": "b", "emptyDir": {}}]


def test_two_objects_never_share_a_default() -> None:
    first, second = (defaulted("autoscaling.v2.HorizontalPodAutoscaler", {}) for _ in range(2))

    assert first["spec"]["metrics"] == second["spec"]["metrics"]
    assert first["spec"]["metrics"][0] is not second["spec"]["metrics"][0]


def test_a_container_asks_for_its_limits() -> None:
    container = {"name": "a", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}}}

    pod = defaulted("core.v1.Pod", {"spec": {"containers": [container]}})

    assert pod["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "100m", "memory": "1Gi"}


def test_a_pod_with_limits_asks_for_what_its_containers_ask_for() -> None:
    spec = {
        "resources": {"limits": {"cpu": "4", "memory": "8Gi"}},
        "containers": [{"resources": {"requests": {"cpu": "500m"}}}, {"resources": {"requests": {"cpu": "1"}}}],
        "initContainers": [
            {"restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}},
            {"resources": {"requests": {"cpu": "2"}}},
        ],
    }

    pod = defaulted("core.v1.Pod", {"spec": spec})

    assert pod["spec"]["resources"]["requests"] == {"cpu": "2100m", "memory": "8Gi"}


def test_in_the_nodes_network_ports_are_the_nodes() -> None:
    ports = [{"containerPort": 80}, {"containerPort": 81, "hostPort": 82}]

    pod = defaulted("core.v1.Pod", {"spec": {"hostNetwork": True, "containers": [{"ports": ports}]}})

    assert [port["hostPort"] for port in pod["spec"]["containers"][0]["ports"]] == [80, 82]


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ({"serviceAccountName": "a"}, "a"),
        ({"serviceAccount": "b"}, "b"),
        ({"serviceAccountName": "a", "serviceAccount": "b"}, "a"),
    ],
)
def test_the_two_names_of_the_service_account_fill_each_other(sent: dict[str, str], name: str) -> None:
    spec = defaulted("core.v1.Pod", {"spec": sent})["spec"]

    assert (spec["serviceAccountName"], spec["serviceAccount"]) == (name, name)


def test_limits_of_a_limit_range_flow_from_max_to_default_to_request() -> None:
    item = {"type": "Container", "max": {"cpu": "2", "memory": "1Gi"}, "default": {"cpu": "1"}, "min": {"x": "1"}}

    limits = defaulted("core.v1.LimitRange", {"spec": {"limits": [item, {"type": "Pod", "max": {"cpu": "2"}}]}})[
        "spec"
    ]["limits"]

    assert limits[0]["default"] == {"cpu": "1", "memory": "1Gi"}
    assert limits[0]["defaultRequest"] == {"cpu": "1", "memory": "1Gi", "x": "1"}
    assert "default" not in limits[1]


def test_a_namespace_is_labelled_with_its_name_over_anything_sent() -> None:
    label = "kubernetes.io/metadata.name"

    namespace = defaulted("core.v1.Namespace", {"metadata": {"name": "n", "labels": {label: "x", "z": "1"}}})

    assert namespace["metadata"]["labels"] == {label: "n", "z": "1"}


def test_a_custom_resource_definition_has_all_its_names() -> None:
    crd = next(row for row in facts.resources() if row.kind == "CustomResourceDefinition")

    definition = defaulted(crd.type_name, {"spec": {"names": {"plural": "widgets", "kind": "Widget"}}})

    assert definition["spec"]["names"] == {
        "plural": "widgets",
        "singular": "widget",
        "kind": "Widget",
        "listKind": "WidgetList",
    }


def test_a_taint_of_a_device_is_added_now() -> None:
    slice_ = defaulted("resource.v1.ResourceSlice", {"spec": {"devices": [{"taints": [{"key": "k"}]}]}})

    assert slice_["spec"]["devices"][0]["taints"][0]["timeAdded"] == "2026-01-01T00:00:00Z"


def test_objects_without_a_type_have_no_defaults_here() -> None:
    custom = {"kind": "Widget"}

    defaults.apply("", custom)

    assert custom == {"kind": "Widget"}


def test_a_pod_asks_for_its_limits_only_of_what_pods_as_a_whole_may_have() -> None:
    limits = {"cpu": "1", "hugepages-2Mi": "2Mi", "example.com/a": "1"}

    pod = defaulted("core.v1.Pod", {"spec": {"containers": [{"name": "a"}], "resources": {"limits": limits}}})

    assert pod["spec"]["resources"]["requests"] == {"cpu": "1", "hugepages-2Mi": "2Mi"}
