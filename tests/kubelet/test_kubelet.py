from __future__ import annotations

from typing import Any

from fakekube.controllers import job, scheduler
from fakekube.controllers.loop import Controller, Settings, Watch
from fakekube.kubelet.containers import image_id
from fakekube.kubelet.node import Node, nodes
from fakekube.kubelet.pods import Kubelet
from tests.controllers.in_memory import Cluster, named

NODE = Node(0)
NOW = "2026-01-02T03:04:05Z"


def kubelet(node: Node = NODE) -> Controller:
    runner = Kubelet(node)
    watches = (Watch("pods", key=runner.keys),)
    return Controller(name="kubelet", host=node.name, user=node.user, watches=watches, reconcile=runner.reconcile)


def cluster(*more: Controller) -> Cluster:
    return Cluster((kubelet(), *more), Settings(nodes=("fakekube-0",)))


def a_pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    common = {"nodeName": "fakekube-0", "containers": [{"name": "c", "image": "nginx:1.27"}]}
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {**common, **spec}}


def the_pod(cluster: Cluster, name: str = "p") -> dict[str, Any]:
    pod = cluster.get("pods", "shop", name)
    assert pod is not None
    return pod


def verdicts(status: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each["type"], each["status"], each.get("reason", "")) for each in status["conditions"]]


def reports(cluster: Cluster) -> list[dict[str, Any]]:
    return [
        written["status"] for verb, resource, written in cluster.writes if (verb, resource) == ("patch status", "pods")
    ]


def test_a_pod_becomes_running_by_two_reports() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("pods", a_pod())
        await cluster.settle()
        first, second = reports(cluster)
        assert first["startTime"] == NOW
        assert first["hostIPs"] == [{"ip": "172.18.0.2"}]
        assert first["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
        assert verdicts(first) == [
            ("PodReadyToStartContainers", "False", ""),
            ("Initialized", "True", ""),
            ("Ready", "False", "ContainersNotReady"),
            ("ContainersReady", "False", "ContainersNotReady"),
            ("PodScheduled", "True", ""),
        ]
        assert (second["phase"], second["podIP"]) == ("Running", "10.244.0.2")
        assert second["containerStatuses"][0]["state"] == {"running": {"startedAt": NOW}}
        assert {status for _, status, _ in verdicts(second)} == {"True"}
        assert first["observedGeneration"] == 1

    cluster().run(scenario)


def test_what_started_is_told_in_events_of_the_container() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("pods", a_pod())
        await cluster.settle()
        events = sorted(cluster.list("events"), key=lambda event: event["metadata"]["name"])
        assert [event["reason"] for event in events] == ["Pulled", "Created", "Started"]
        assert events[0]["source"] == {"component": "kubelet", "host": "fakekube-0"}
        assert events[0]["involvedObject"]["fieldPath"] == "spec.containers{c}"

    cluster().run(scenario)


def test_init_containers_end_before_the_others_start_and_sidecars_go_on() -> None:
    initial = [{"name": "i", "image": "busybox"}, {"name": "s", "image": "proxy", "restartPolicy": "Always"}]

    async def scenario(cluster: Cluster) -> None:
        await cluster.create("pods", a_pod(initContainers=initial))
        await cluster.settle()
        first, second, third = reports(cluster)
        assert first["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
        assert ("Initialized", "False", "ContainersNotInitialized") in verdicts(first)
        assert "phase" not in second
        done, sidecar = second["initContainerStatuses"]
        assert done["state"]["terminated"]["reason"] == "Completed"
        assert (done["ready"], sidecar["ready"], sidecar["started"]) == (True, True, True)
        assert third["phase"] == "Running"

    cluster().run(scenario)


def test_a_jobs_pod_completes_by_itself_and_with_it_the_job() -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {**a_pod()["spec"], "restartPolicy": "Never"}}
    work = {"selector": {"matchLabels": {"a": "b"}}, "completions": 1, "backoffLimit": 6, "template": template}

    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", {"metadata": {"name": "work", "namespace": "shop"}, "spec": work})
        await cluster.settle()
        status = cluster.list("pods")[0]["status"]
        assert status["phase"] == "Succeeded"
        assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 0
        assert ("Ready", "False", "PodCompleted") in verdicts(status)
        conditions = cluster.list("jobs.batch")[0]["status"]["conditions"]
        assert [each["type"] for each in conditions] == ["SuccessCriteriaMet", "Complete"]

    cluster(job.CONTROLLER, scheduler.CONTROLLER).run(scenario)


def test_a_deleted_pod_is_stopped_reported_and_then_removed() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("pods", a_pod())
        await cluster.settle()
        uid = the_pod(cluster)["metadata"]["uid"]
        cluster.writes.clear()
        await cluster.delete("pods", "shop", "p")
        await cluster.settle()
        last = reports(cluster)[0]
        assert last["phase"] == "Failed"
        assert last["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 143
        assert cluster.writes[-1] == ("delete", "pods", {"name": "p", "uid": uid, "grace": 0})
        assert cluster.list("pods") == []
        assert "Killing" in {event["reason"] for event in cluster.list("events")}

    cluster().run(scenario)


def test_a_deleted_pod_that_a_finalizer_keeps_is_not_deleted_again() -> None:
    async def scenario(cluster: Cluster) -> None:
        pod = a_pod()
        pod["metadata"]["finalizers"] = ["example.com/wait"]
        await cluster.create("pods", pod)
        await cluster.settle()
        await cluster.delete("pods", "shop", "p")
        await cluster.settle()
        before = len(cluster.writes)
        await cluster.patch("pods", "shop", "p", {"metadata": {"labels": {"a": "b"}}})
        await cluster.settle()
        assert len(cluster.writes) == before + 1

    cluster().run(scenario)


def test_a_status_that_somebody_writes_to_a_running_pod_stays() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("pods", a_pod())
        await cluster.settle()
        crash = [{"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
        await cluster.patch("pods", "shop", "p", {"status": {"containerStatuses": crash}}, "status")
        await cluster.settle()
        assert the_pod(cluster)["status"]["containerStatuses"] == crash

    cluster().run(scenario)


def test_a_pod_waits_for_its_readiness_gates() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("pods", a_pod(readinessGates=[{"conditionType": "example.com/go"}]))
        await cluster.settle()
        assert ("Ready", "False", "ReadinessGatesNotReady") in verdicts(the_pod(cluster)["status"])
        conditions = [*the_pod(cluster)["status"]["conditions"], {"type": "example.com/go", "status": "True"}]
        await cluster.patch("pods", "shop", "p", {"status": {"conditions": conditions}}, "status")
        await cluster.settle()
        assert ("Ready", "True", "") in verdicts(the_pod(cluster)["status"])

    cluster().run(scenario)


def test_pods_of_other_nodes_are_left_alone() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("pods", a_pod(nodeName="elsewhere"))
        await cluster.settle()
        assert the_pod(cluster)["status"] == {"phase": "Pending", "qosClass": "BestEffort"}

    cluster().run(scenario)


def test_pods_have_different_addresses_and_those_on_the_hosts_network_the_nodes() -> None:
    async def scenario(cluster: Cluster) -> None:
        for name in ("a", "b"):
            await cluster.create("pods", a_pod(name))
        await cluster.create("pods", a_pod("c", hostNetwork=True))
        await cluster.settle()
        addresses = [pod["status"]["podIP"] for pod in cluster.list("pods")]
        assert addresses == ["10.244.0.2", "10.244.0.3", "172.18.0.2"]

    cluster().run(scenario)


def test_a_node_is_registered_ready_with_its_lease() -> None:
    async def scenario(cluster: Cluster) -> None:
        for node in nodes(2):
            await node.register(cluster, cluster.clock)  # type: ignore[arg-type]
            await node.register(cluster, cluster.clock)  # type: ignore[arg-type]
        assert named(cluster.list("nodes")) == ["fakekube-0", "fakekube-1"]
        assert cluster.list("nodes")[1]["spec"]["podCIDR"] == "10.244.1.0/24"
        assert cluster.list("nodes")[0]["status"]["conditions"][3]["status"] == "True"
        lease = cluster.list("leases.coordination.k8s.io", "kube-node-lease")[0]
        assert lease["metadata"]["ownerReferences"][0]["uid"] == cluster.list("nodes")[0]["metadata"]["uid"]

    Cluster().run(scenario)


def test_image_ids_name_the_whole_repository() -> None:
    assert image_id("busybox:1.36").startswith("docker.io/library/busybox@sha256:")
    assert image_id("luksa/kubia").startswith("docker.io/luksa/kubia@sha256:")
    assert image_id("registry.example.com:5000/a/b:v1").startswith("registry.example.com:5000/a/b@sha256:")
