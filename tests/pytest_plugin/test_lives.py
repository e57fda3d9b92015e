"""Pods and nodes as a test has them live."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes
import pytest

from fakekube import FakeCluster
from fakekube.kubelet.node import NodeTemplateError

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "main", "image": "nginx"}]},
}
WORK = {"containers": [{"name": "main", "image": "busybox"}], "restartPolicy": "Never"}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "work"},
    "spec": {"backoffLimit": 0, "template": {"spec": WORK}},
}


def container(kube: FakeCluster, name: str = "web") -> dict[str, Any]:
    status: dict[str, Any] = kube.get("pod", name)["status"]["containerStatuses"][0]
    return status


def _log(core: Any, **options: Any) -> str:
    """The official client shows the repr of the bytes of texts."""
    response = core.read_namespaced_pod_log("web", "default", _preload_content=False, **options)
    text: str = response.data.decode()
    return text


def created(kube: FakeCluster, **spec: Any) -> None:
    kube.create({**POD, "spec": {**POD["spec"], **spec}})  # type: ignore[dict-item]
    kube.settle()


def test_a_container_of_a_server_that_fails_is_started_again(kube: FakeCluster) -> None:
    created(kube)
    kube.pods.fail("web", exit_code=137, reason="OOMKilled")
    now = container(kube)
    assert ("running" in now["state"], now["restartCount"]) == (True, 1)
    assert now["lastState"]["terminated"]["reason"] == "OOMKilled"


def test_a_pod_that_is_never_restarted_fails_or_succeeds(kube: FakeCluster) -> None:
    created(kube, restartPolicy="Never")
    kube.pods.fail("web", exit_code=3)
    assert kube.get("pod", "web")["status"]["phase"] == "Failed"

    kube.delete("pod", "web")
    kube.settle()
    created(kube, restartPolicy="Never")
    kube.pods.succeed("web")
    assert kube.get("pod", "web")["status"]["phase"] == "Succeeded"


def test_a_job_runs_until_it_is_said_to_fail(kube: FakeCluster) -> None:
    kube.pods.keep_running("work-*")
    kube.create(JOB)
    kube.settle()
    assert kube.get("job", "work")["status"]["active"] == 1
    kube.pods.fail("work-*")
    assert [each["type"] for each in kube.get("job", "work")["status"]["conditions"]] == ["FailureTarget", "Failed"]


def test_a_crash_loop_goes_on_until_it_is_over(kube: FakeCluster) -> None:
    kube.clock.freeze()
    kube.pods.crash_loop("web")
    created(kube)
    assert container(kube)["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert container(kube)["restartCount"] == 1
    kube.clock.advance(seconds=30)
    assert container(kube)["restartCount"] == 3

    kube.pods.recover("web")
    kube.clock.advance(seconds=40)
    assert "running" in container(kube)["state"]
    assert kube.get("pod", "web")["status"]["phase"] == "Running"


def test_an_image_that_cannot_be_pulled_keeps_a_pod_pending(kube: FakeCluster) -> None:
    kube.pods.image_pull_error(image="nginx*")
    created(kube)
    assert container(kube)["state"]["waiting"]["reason"] == "ImagePullBackOff"
    assert kube.get("pod", "web")["status"]["phase"] == "Pending"
    kube.pods.recover()
    assert "running" in container(kube)["state"]


def test_a_pod_that_is_not_ready_is_out_of_its_endpoints(kube: FakeCluster) -> None:
    created(kube)
    kube.pods.not_ready("web")
    conditions = {each["type"]: each for each in kube.get("pod", "web")["status"]["conditions"]}
    assert conditions["Ready"]["message"] == "containers with unready status: [main]"
    kube.pods.recover("web")
    assert kube.wait_for("pod", "web", "condition=Ready")


def test_init_containers_that_fail_hold_up_the_others(kube: FakeCluster) -> None:
    kube.clock.freeze()
    kube.pods.live("web", role="init", lasts_s=5, exit_code=1)
    created(kube, initContainers=[{"name": "first", "image": "busybox"}])
    kube.clock.advance(seconds=11)
    status = kube.get("pod", "web")["status"]
    assert status["phase"] == "Pending"
    assert status["initContainerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "PodInitializing"
    kube.pods.recover("web")
    assert kube.find("pod", "web")
    kube.clock.advance(seconds=10)
    assert kube.get("pod", "web")["status"]["phase"] == "Running"


def test_an_init_container_that_fails_for_good_fails_the_pod(kube: FakeCluster) -> None:
    kube.pods.live("web", role="init", lasts_s=0, exit_code=1)
    created(kube, initContainers=[{"name": "first", "image": "busybox"}], restartPolicy="Never")
    assert kube.get("pod", "web")["status"]["phase"] == "Failed"


def test_a_slow_end_lasts_as_long_as_it_needs_but_not_beyond_the_grace_period(kube: FakeCluster) -> None:
    kube.clock.freeze()
    kube.pods.live("web", stops_after_s=20)
    created(kube, terminationGracePeriodSeconds=5)
    kube.delete("pod", "web")
    kube.clock.advance(seconds=4)
    assert kube.find("pod", "web")
    kube.clock.advance(seconds=1)
    assert kube.find("pod", "web") is None
    last = kube.changes("pod", "web")[-1]["object"]["status"]["containerStatuses"][0]
    assert last["state"]["terminated"]["exitCode"] == 137


def test_a_pod_ends_at_its_deadline(kube: FakeCluster) -> None:
    kube.clock.freeze()
    created(kube, activeDeadlineSeconds=60)
    kube.clock.advance(seconds=59)
    assert kube.get("pod", "web")["status"]["phase"] == "Running"
    kube.clock.advance(seconds=1)
    status = kube.get("pod", "web")["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")


def test_a_life_that_does_not_exist_is_refused(kube: FakeCluster) -> None:
    with pytest.raises(TypeError, match="eternal"):
        kube.pods.live("web", eternal=True)


def test_nodes_are_added_with_what_they_offer(kube: FakeCluster) -> None:
    made = kube.nodes.add("gpu-0", labels={"gpu": "yes"}, capacity={"example.com/gpu": "2"})
    assert made["status"]["allocatable"]["example.com/gpu"] == "2"
    created(kube, nodeSelector={"gpu": "yes"})
    assert kube.get("pod", "web")["spec"]["nodeName"] == "gpu-0"
    assert kube.get("pod", "web")["status"]["phase"] == "Running"


def test_a_node_that_fails_loses_its_pods_and_comes_back(kube: FakeCluster) -> None:
    created(kube)
    kube.nodes.fail("fakekube-0")
    ready = kube.get("node", "fakekube-0")["status"]["conditions"][3]
    assert (ready["status"], ready["reason"]) == ("Unknown", "NodeStatusUnknown")
    conditions = {each["type"]: each["status"] for each in kube.get("pod", "web")["status"]["conditions"]}
    assert conditions["Ready"] == "False"
    kube.nodes.recover("fakekube-0")
    kube.wait_for("pod", "web", "condition=Ready")
    assert "taints" not in kube.get("node", "fakekube-0")["spec"]


def test_a_cordoned_node_takes_no_pods(kube: FakeCluster) -> None:
    kube.nodes.cordon("fakekube-0")
    created(kube)
    assert kube.get("pod", "web")["status"]["phase"] == "Pending"
    kube.nodes.uncordon("fakekube-0")
    assert kube.get("pod", "web")["status"]["phase"] == "Running"


def test_nodes_follow_a_template(tmp_path: Path) -> None:
    template = tmp_path / "node.yaml"
    template.write_text(
        "kind: Node\nmetadata: {name: big, labels: {size: big}}\nspec: {taints: [{key: a, effect: NoSchedule}]}\n"
        "status: {capacity: {cpu: '64'}}\n"
    )
    with FakeCluster(nodes=2, node_template=str(template)) as kube:
        nodes = kube.list("nodes")
        assert [node["metadata"]["name"] for node in nodes] == ["big-0", "big-1"]
        assert nodes[0]["metadata"]["labels"]["size"] == "big"
        assert nodes[0]["metadata"]["labels"]["kubernetes.io/hostname"] == "big-0"
        assert (nodes[0]["status"]["allocatable"]["cpu"], nodes[0]["status"]["capacity"]["pods"]) == ("64", "110")
        assert nodes[1]["spec"]["taints"] == [{"key": "a", "effect": "NoSchedule"}]

    template.write_text("kind: Pod\n")
    with pytest.raises(NodeTemplateError, match="expected one object of kind Node"):
        FakeCluster(node_template=str(template))


def test_any_node_can_be_run() -> None:
    with FakeCluster(nodes=0, run_any_node=True) as kube:
        kube.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "mine"}})
        kube.settle()
        created(kube)
        assert kube.get("pod", "web")["status"]["phase"] == "Running"


def test_controllers_can_be_left_out() -> None:
    with FakeCluster(controllers="*,-job") as kube:
        kube.create(JOB)
        kube.settle()
        assert kube.list("pods") == []
    with pytest.raises(ValueError, match="there is no controller 'jobs'"):
        FakeCluster(controllers="*,-jobs")


def test_logs_are_what_a_test_says(kube: FakeCluster) -> None:
    created(kube)
    kube.pods.set_log("web", "hello\n")
    kube.pods.append_log("web", "world\n")
    with kube.environment():
        core = kubernetes.client.CoreV1Api(kube.kubernetes())
        assert _log(core, tail_lines=1) == "world\n"
        assert _log(core) == "hello\nworld\n"
        kube.close_clients()


def test_what_is_appended_belongs_to_the_run_that_wrote_it(kube: FakeCluster) -> None:
    kube.clock.freeze()
    created(kube)
    kube.pods.set_log("web", "starting\n")
    kube.pods.append_log("web", "out of memory\n")
    kube.clock.advance(seconds=5)
    kube.pods.fail("web", exit_code=137)
    with kube.environment():
        core = kubernetes.client.CoreV1Api(kube.kubernetes())
        assert _log(core) == "starting\n"
        assert _log(core, previous=True) == "starting\nout of memory\n"
        kube.close_clients()


def lease_of(kube: FakeCluster, node: str) -> str:
    time: str = kube.get("lease", node, namespace="kube-node-lease")["spec"]["renewTime"]
    return time


def test_nodes_tell_that_they_live_and_one_that_does_not_is_doubted(kube: FakeCluster) -> None:
    kube.nodes.add("b")
    kube.clock.freeze("2030-01-02T03:04:05Z")
    kube.nodes.fail("b", noticed=False)
    before = lease_of(kube, "b")

    kube.clock.advance(seconds=49)
    assert lease_of(kube, "fakekube-0") == "2030-01-02T03:04:54.000000Z"
    assert lease_of(kube, "b") == before
    kube.wait_for("node", "b", "condition=Ready")

    kube.clock.advance(minutes=6)
    conditions = {each["type"]: each for each in kube.get("node", "b")["status"]["conditions"]}
    assert (conditions["Ready"]["status"], conditions["Ready"]["reason"]) == ("Unknown", "NodeStatusUnknown")
    well = {each["type"]: each for each in kube.get("node", "fakekube-0")["status"]["conditions"]}["Ready"]
    assert (well["status"], well["lastHeartbeatTime"]) == ("True", "2030-01-02T03:10:54Z")

    kube.nodes.recover("b")
    assert lease_of(kube, "b") == "2030-01-02T03:10:54.000000Z"
    kube.clock.advance(minutes=10)
    kube.wait_for("node", "b", "condition=Ready")


def test_a_day_costs_no_more_than_a_minute(kube: FakeCluster) -> None:
    kube.clock.freeze()
    before = int(kube.get("lease", "fakekube-0", namespace="kube-node-lease")["metadata"]["resourceVersion"])
    kube.clock.advance(days=30)
    after = int(kube.get("lease", "fakekube-0", namespace="kube-node-lease")["metadata"]["resourceVersion"])
    assert after - before < 20


def test_a_pod_waits_for_the_volumes_and_then_for_the_variables_that_are_missing(kube: FakeCluster) -> None:
    kube.nodes.add("b")  # whose kubelet must not think that nobody waits any more
    container = {"name": "c", "image": "x", "envFrom": [{"secretRef": {"name": "key"}}]}
    volumes = [{"name": "v", "configMap": {"name": "settings", "items": [{"key": "colour", "path": "c"}]}}]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}
    kube.create({**pod, "spec": {"containers": [container], "volumes": volumes}})
    kube.settle()
    assert container_state(kube) == {"reason": "ContainerCreating"}

    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}
    kube.create({**config_map, "data": {"size": "1"}})
    kube.settle()
    kube.patch("configmap", "settings", {"data": {"colour": "blue"}})
    kube.settle()
    told = [event["message"] for event in kube.list("events") if event["reason"] == "FailedMount"]
    assert told == [
        'MountVolume.SetUp failed for volume "v" : configmap "settings" not found',
        'MountVolume.SetUp failed for volume "v" : configmap references non-existent config key: colour',
    ]
    assert container_state(kube) == {"reason": "CreateContainerConfigError", "message": 'secret "key" not found'}

    kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}})
    kube.settle()
    kube.wait_for("pod", "web", "condition=Ready")
    assert 'Error: secret "key" not found' in {event["message"] for event in kube.list("events")}


def test_a_pod_that_waits_for_a_volume_fails_at_its_deadline(kube: FakeCluster) -> None:
    kube.clock.freeze()
    volumes = [{"name": "v", "secret": {"secretName": "never"}}]
    spec = {"activeDeadlineSeconds": 30, "containers": [{"name": "c", "image": "x"}], "volumes": volumes}
    kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec})
    kube.clock.advance(seconds=29)
    assert kube.get("pod", "web")["status"]["phase"] == "Pending"
    kube.clock.advance(seconds=1)
    status = kube.get("pod", "web")["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")


def test_a_deployment_may_be_applied_before_what_it_needs(kube: FakeCluster) -> None:
    container = {
        "name": "c",
        "image": "x",
        "env": [{"name": "V", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
    }
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    spec = {"replicas": 20, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    kube.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
    kube.settle()
    assert "readyReplicas" not in kube.get("deployment", "web")["status"]

    kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "v"}})
    kube.settle()
    assert kube.get("deployment", "web")["status"]["readyReplicas"] == 20


def container_state(kube: FakeCluster) -> Any:
    return container(kube)["state"]["waiting"]


def test_a_claim_that_names_no_class_gets_its_volume_with_its_pod(kube: FakeCluster) -> None:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    spec = {
        "serviceName": "db",
        "replicas": 2,
        "selector": {"matchLabels": {"a": "b"}},
        "template": template,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": wanted}],
    }
    kube.create({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec})
    kube.settle()
    assert kube.get("statefulset", "db")["status"]["readyReplicas"] == 2
    assert {claim["spec"]["storageClassName"] for claim in kube.list("pvc")} == {"standard"}
    assert {claim["status"]["phase"] for claim in kube.list("pvc")} == {"Bound"}


def test_without_machines_nobody_provides_volumes() -> None:
    with FakeCluster(nodes=0) as kube:
        assert kube.list("storageclasses") == []


def test_a_resized_pod_runs_with_its_new_resources(kube: FakeCluster) -> None:
    resources = {"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}}
    kube.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web"},
            "spec": {"containers": [{"name": "c", "image": "x", "resources": resources}]},
        }
    )
    kube.settle()
    larger = {"requests": {"cpu": "150m"}, "limits": {"cpu": "200m"}}
    kube.patch("pod", "web", {"spec": {"containers": [{"name": "c", "resources": larger}]}}, subresource="resize")
    kube.settle()
    assert container(kube)["resources"] == larger
    assert container(kube)["allocatedResources"] == {"cpu": "150m"}
    assert container(kube)["restartCount"] == 0
