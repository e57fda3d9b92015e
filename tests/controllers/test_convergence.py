"""Each controller comes to the same end whatever goes wrong on the way."""

from __future__ import annotations

import copy
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from fakekube.controllers import (
    CONTROLLERS,
    certificate_approval,
    certificate_cleaner,
    certificate_signing,
    cluster_role_aggregation,
    cron_job,
    daemon_set,
    deployment,
    disruption,
    endpoint_slice,
    endpoint_slice_mirroring,
    endpoints,
    ephemeral_volume,
    garbage_collector,
    horizontal_pod_autoscaler,
    job,
    namespace,
    node_lifecycle,
    persistent_volume,
    pod_garbage_collector,
    pv_protection,
    pvc_protection,
    replica_set,
    replication_controller,
    resource_quota,
    root_ca,
    scheduler,
    service_account,
    stateful_set,
    taint_eviction,
    token_secrets,
    ttl_after_finished,
    volume_provisioner,
)
from fakekube.controllers.loop import Context, Controller, Settings, Watch, own
from fakekube.objects.selectors import label_selector_of
from fakekube.server.certificates import Certificates
from tests.controllers.in_memory import Cluster, Object
from tests.controllers.test_certificates import a_request, of_kubelet, pem
from tests.controllers.workloads import MAKES_READY, NAMESPACE, StormyCluster, change, file_of, template, workload

Scenario = Callable[[Cluster], Awaitable[None]]

WORKLOADS = (
    MAKES_READY,
    *(
        module.CONTROLLER
        for module in (
            cron_job,
            daemon_set,
            deployment,
            persistent_volume,
            replica_set,
            replication_controller,
            resource_quota,
            stateful_set,
        )
    ),
)


async def a_deployment(cluster: Cluster) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
    await cluster.create("deployments.apps", workload("web", replicas=3, strategy=strategy, revisionHistoryLimit=1))
    await cluster.settle()
    await change(cluster, "deployments.apps", "web", template=template("x:2"))
    await change(cluster, "deployments.apps", "web", replicas=2, template=template("x:3"))


async def a_recreated_deployment(cluster: Cluster) -> None:
    await cluster.create("deployments.apps", workload("web", replicas=2, strategy={"type": "Recreate"}))
    await cluster.settle()
    await change(cluster, "deployments.apps", "web", template=template("x:2"))


async def a_replication_controller(cluster: Cluster) -> None:
    await cluster.create("replicationcontrollers", workload("web", replicas=3, selector={"app": "web"}))
    await cluster.settle()
    await change(cluster, "replicationcontrollers", "web", replicas=1)


async def a_stateful_set(cluster: Cluster) -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    await cluster.create(
        "statefulsets.apps",
        workload("db", replicas=3, serviceName="db", volumeClaimTemplates=[claim], updateStrategy=strategy),
    )
    await cluster.settle()
    await change(cluster, "statefulsets.apps", "db", template=template("x:2"), replicas=2)


async def a_daemon_set(cluster: Cluster) -> None:
    for name in ("a", "b"):
        await cluster.create("nodes", {"metadata": {"name": name}})
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}
    await cluster.create("daemonsets.apps", workload("agent", updateStrategy=strategy))
    await cluster.settle()
    await change(cluster, "daemonsets.apps", "agent", template=template("x:2"))


async def a_cron_job(cluster: Cluster) -> None:
    job = {"spec": {"template": template()}}
    spec = {"schedule": "* * * * *", "concurrencyPolicy": "Replace", "jobTemplate": job}
    await cluster.create("cronjobs.batch", {"metadata": {"name": "tick", "namespace": NAMESPACE}, "spec": spec})
    await cluster.settle()
    await cluster.settle(60)
    await cluster.settle(60)


async def a_claim_and_a_quota(cluster: Cluster) -> None:
    hard = {"persistentvolumeclaims": "5", "requests.storage": "10Gi"}
    await cluster.create("resourcequotas", {"metadata": {"name": "q", "namespace": NAMESPACE}, "spec": {"hard": hard}})
    offered = {"capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"]}
    await cluster.create("persistentvolumes", {"metadata": {"name": "v"}, "spec": offered})
    wanted = {"resources": {"requests": {"storage": "1Gi"}}, "accessModes": ["ReadWriteOnce"]}
    await cluster.create("persistentvolumeclaims", {"metadata": {"name": "c", "namespace": NAMESPACE}, "spec": wanted})
    await cluster.settle()


async def _make_done(context: Context, namespace: str, name: str) -> None:
    pod = context.client.get("pods", namespace, name)
    if pod is not None and pod["status"].get("phase") == "Pending":
        failed = pod["metadata"]["labels"].get("fate") == "fails"
        phase = "Failed" if failed else "Succeeded"
        await context.client.patch("pods", namespace, name, {"status": {"phase": phase}}, "status")


MAKES_DONE = Controller(name="test-kubelet", watches=(Watch("pods", key=own),), reconcile=_make_done)


def named(name: str, **more: Any) -> Object:
    return {"metadata": {"name": name, "namespace": NAMESPACE, **more}}


async def create(cluster: Cluster, resource: str, name: str, spec: Object | None = None, **metadata: Any) -> Object:
    return await cluster.create(resource, {**named(name, **metadata), **({"spec": spec} if spec is not None else {})})


async def a_job(cluster: Cluster) -> None:
    pod = {"metadata": {"labels": {"app": "work"}}, "spec": {"containers": [{"name": "c"}], "restartPolicy": "Never"}}
    spec = {
        "completions": 3,
        "parallelism": 2,
        "backoffLimit": 6,
        "selector": {"matchLabels": {"app": "work"}},
        "template": pod,
        "ttlSecondsAfterFinished": 60,
    }
    indexed = {**spec, "completionMode": "Indexed", "ttlSecondsAfterFinished": 3600}
    await create(cluster, "jobs.batch", "gone", spec)
    await cluster.settle()
    await cluster.settle(61)
    await create(cluster, "jobs.batch", "stays", indexed)
    await cluster.settle()


async def a_job_that_fails(cluster: Cluster) -> None:
    labels = {"app": "work", "fate": "fails"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c"}], "restartPolicy": "Never"}}
    spec = {"backoffLimit": 1, "completions": 1, "parallelism": 1, "selector": {"matchLabels": labels}, "template": pod}
    await create(cluster, "jobs.batch", "fails", spec)
    await cluster.settle()
    await cluster.settle(11)
    await cluster.settle(21)


async def a_service(cluster: Cluster) -> None:
    for number in range(3):
        pod = await create(cluster, "pods", f"p{number}", {"containers": [{"name": "c"}]}, labels={"app": "web"})
        status = {"phase": "Running", "podIP": f"10.0.0.{number}", "podIPs": [{"ip": f"10.0.0.{number}"}]}
        condition = {"type": "Ready", "status": "True", "lastTransitionTime": cluster.clock.timestamp()}
        await cluster.patch(
            "pods", NAMESPACE, pod["metadata"]["name"], {"status": {**status, "conditions": [condition]}}, "status"
        )
    ports = [{"port": 80, "targetPort": 8080, "protocol": "TCP"}]
    await create(cluster, "services", "web", {"selector": {"app": "web"}, "ports": ports, "ipFamilies": ["IPv4"]})
    await create(cluster, "services", "outside", {"ports": ports, "ipFamilies": ["IPv4"]})
    subsets = [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80, "protocol": "TCP"}]}]
    await cluster.create("endpoints", {**named("outside"), "subsets": subsets})
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    await cluster.create("poddisruptionbudgets.policy", {**named("b"), "spec": budget, "status": {}})
    await cluster.settle()
    await cluster.delete("pods", NAMESPACE, "p1")
    await cluster.settle()


async def an_autoscaler(cluster: Cluster) -> None:
    await create(cluster, "replicasets.apps", "web", {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}})
    requests = {"requests": {"cpu": "100m"}}
    for number in range(2):
        spec = {"containers": [{"name": "c", "resources": requests}]}
        await create(cluster, "pods", f"p{number}", spec, labels={"app": "web"})
    await cluster.settle()
    cluster.settings.metrics.set_pods(NAMESPACE, label_selector_of({"matchLabels": {"app": "web"}}), {"cpu": "100m"})
    target = {"type": "Utilization", "averageUtilization": 50}
    autoscaler = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web"},
        "minReplicas": 1,
        "maxReplicas": 4,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    status = {"desiredReplicas": 0, "currentMetrics": None}
    await cluster.create("horizontalpodautoscalers.autoscaling", {**named("web"), "spec": autoscaler, "status": status})
    await cluster.settle()
    await cluster.settle(16)


async def nodes_that_fail_and_go(cluster: Cluster) -> None:
    for name in ("a", "b"):
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        await cluster.create("nodes", {"metadata": {"name": name}, "spec": {}, "status": ready})
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        spec = {"nodeName": name, "containers": [{"name": "c"}], "terminationGracePeriodSeconds": 30}
        await cluster.create("pods", {**named(f"on-{name}"), "spec": spec, "status": status})
    await cluster.settle()
    failed = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    await cluster.patch("nodes", "", "a", failed, "status")
    await cluster.settle()
    await cluster.delete("nodes", "", "b")
    await cluster.settle()
    for _ in range(2):  # who begins anew does not know since when the node is missing
        await cluster.settle(41)


async def pods_with_volumes(cluster: Cluster) -> None:
    status = {
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    await cluster.create("nodes", {"metadata": {"name": "a"}, "spec": {}, "status": status})
    mode = {"volumeBindingMode": "WaitForFirstConsumer", "reclaimPolicy": "Delete"}
    made = {"metadata": {"name": "made"}, "provisioner": "example.com/disks", **mode}
    await cluster.create("storageclasses.storage.k8s.io", made)
    wanted = {
        "storageClassName": "made",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    volume = {"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": wanted}}}
    await create(cluster, "pods", "db", {"containers": [{"name": "c"}], "volumes": [volume]})
    await cluster.settle()
    protected = ["kubernetes.io/pvc-protection"]
    await create(cluster, "persistentvolumeclaims", "unused", wanted, finalizers=protected)
    await cluster.delete("persistentvolumeclaims", NAMESPACE, "unused")
    free = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
    await cluster.create(
        "persistentvolumes", {"metadata": {"name": "free", "finalizers": ["kubernetes.io/pv-protection"]}, "spec": free}
    )
    await cluster.settle()
    await cluster.delete("persistentvolumes", "", "free")
    await cluster.settle()


async def a_namespace_that_goes(cluster: Cluster) -> None:
    for name in ("stays", NAMESPACE):
        await cluster.create("namespaces", {"metadata": {"name": name}})
    await cluster.settle()
    owner = await create(cluster, "configmaps", "owner", namespace="stays")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    for number in range(2):
        await create(cluster, "secrets", f"s{number}", namespace="stays", ownerReferences=[reference])
    await create(cluster, "secrets", "inside")
    await cluster.settle()
    await cluster.delete("configmaps", "stays", "owner")
    await cluster.delete("namespaces", "", NAMESPACE)
    await cluster.settle()


async def certificates_roles_and_tokens(cluster: Cluster) -> None:
    requests = "certificatesigningrequests.certificates.k8s.io"
    await cluster.create(requests, of_kubelet())
    roles = "clusterroles.rbac.authorization.k8s.io"
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    gathers = {"clusterRoleSelectors": [{"matchLabels": {"to-all": "true"}}]}
    await cluster.create(roles, {"metadata": {"name": "all"}, "aggregationRule": gathers, "rules": None})
    await cluster.create(roles, {"metadata": {"name": "pods", "labels": {"to-all": "true"}}, "rules": [rule]})
    await create(cluster, "serviceaccounts", "robot")
    annotations = {"kubernetes.io/service-account.name": "robot"}
    secret = {**named("token", annotations=annotations), "type": "kubernetes.io/service-account-token"}
    await cluster.create("secrets", secret)
    old = a_request(pem("jane"))
    await cluster.create(requests, {**old, "metadata": {"name": "old"}})
    await cluster.settle()
    await cluster.settle(24 * 3600)


@dataclass(frozen=True)
class Play:
    scenario: Scenario
    controllers: tuple[Controller, ...] = WORKLOADS
    nodes: tuple[str, ...] = ()

    @property
    def settings(self) -> Settings:
        authority = Certificates.in_memory().ca
        return Settings(ca_pem=authority.certificate, ca_key_pem=authority.key, nodes=self.nodes)

    @property
    def plane(self) -> Any:
        """Everybody may everything, and tokens are signed by nobody."""
        tokens = SimpleNamespace(issue_legacy=lambda account, secret: f"token in {secret}")
        return SimpleNamespace(authorizer=None, service_account_tokens=tokens)

    def cluster(self, of: type[Cluster] = Cluster, **storm: Any) -> Any:
        return of(self.controllers, self.settings, plane=self.plane, **storm)


def of(*modules: Any) -> tuple[Controller, ...]:
    return tuple(module.CONTROLLER for module in modules)


PLAYS: tuple[Play, ...] = (
    Play(a_deployment),
    Play(a_recreated_deployment),
    Play(a_replication_controller),
    Play(a_stateful_set),
    Play(a_daemon_set),
    Play(a_cron_job),
    Play(a_claim_and_a_quota),
    Play(a_job, (MAKES_DONE, *of(job, ttl_after_finished, garbage_collector))),
    Play(a_job_that_fails, (MAKES_DONE, *of(job))),
    Play(a_service, of(endpoints, endpoint_slice, endpoint_slice_mirroring, disruption)),
    Play(an_autoscaler, (MAKES_READY, *of(horizontal_pod_autoscaler))),
    Play(nodes_that_fail_and_go, of(node_lifecycle, taint_eviction, pod_garbage_collector), ("a", "b")),
    Play(
        pods_with_volumes,
        of(scheduler, persistent_volume, volume_provisioner, ephemeral_volume, pv_protection, pvc_protection),
        ("a",),
    ),
    Play(a_namespace_that_goes, of(namespace, service_account, root_ca, garbage_collector)),
    Play(
        certificates_roles_and_tokens,
        of(
            certificate_approval,
            certificate_signing,
            certificate_cleaner,
            cluster_role_aggregation,
            token_secrets,
        ),
    ),
)

ELSEWHERE = {"custom_resource_definitions", "flow_schema_status", "service_cidr", "validating_admission_policy_status"}
"""What needs more of a control plane than there is here: their own files interrupt them at every write."""

RESULTS = (
    "namespaces",
    "nodes",
    "deployments.apps",
    "replicasets.apps",
    "replicationcontrollers",
    "statefulsets.apps",
    "daemonsets.apps",
    "controllerrevisions.apps",
    "cronjobs.batch",
    "jobs.batch",
    "pods",
    "persistentvolumes",
    "persistentvolumeclaims",
    "resourcequotas",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "poddisruptionbudgets.policy",
    "horizontalpodautoscalers.autoscaling",
    "serviceaccounts",
    "configmaps",
    "secrets",
    "certificatesigningrequests.certificates.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
)

CHANCY = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "lastTransitionTime", "lastUpdateTime", "generation"}
    | {"observedGeneration", "certificate"}
    | {"lastScaleTime", "endpoints.kubernetes.io/last-change-trigger-time"}
)
"""What chance, time and the number of writes have made of an object; and what only those know who live to tell it."""

UID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SUFFIX_LENGTH = 5


def outcome(cluster: Cluster) -> dict[str, list[str]]:
    return {resource: sorted(repr(settled(each)) for each in cluster.list(resource)) for resource in RESULTS}


def settled(object: Object) -> Any:
    plain = without_chance(object)
    metadata = plain["metadata"]
    name, beginning = metadata["name"], metadata.get("generateName", "")
    if beginning and len(name) == len(beginning) + SUFFIX_LENGTH:
        del metadata["name"]
    return plain


def without_chance(value: Any) -> Any:
    if isinstance(value, list):
        return [without_chance(each) for each in value]
    if isinstance(value, str):
        return UID.sub("UID", value)
    if not isinstance(value, dict):
        return value
    plain = {key: without_chance(value[key]) for key in sorted(value) if key not in CHANCY}
    # In which order conditions were told depends on what came between.
    if isinstance(plain.get("conditions"), list):
        plain["conditions"].sort(key=lambda each: each["type"])
    return plain


def played(play: Play, **storm: Any) -> tuple[StormyCluster, dict[str, list[str]]]:
    cluster: StormyCluster = play.cluster(StormyCluster, **storm)
    ends: list[dict[str, list[str]]] = []

    async def scenario(cluster: Cluster) -> None:
        await play.scenario(cluster)
        ends.append(copy.deepcopy(outcome(cluster)))

    cluster.run(scenario)
    return cluster, ends[0]


each_play = pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.scenario.__name__)


@each_play
def test_a_conflict_at_any_write_changes_nothing_about_the_end(play: Play) -> None:
    calm, wanted = played(play)
    assert calm.counted > 2

    for number in range(calm.counted):
        stormy, end = played(play, refused=number)

        # How many looks become one depends on the machine: the last writes may be fewer.
        assert len(stormy.refusals) == (stormy.counted > number)
        assert end == wanted, f"after a conflict at write {number}"


@each_play
def test_controllers_that_begin_anew_after_any_write_come_to_the_same_end(play: Play) -> None:
    calm, wanted = played(play)

    for number in range(calm.counted):
        stormy, end = played(play, last=number)

        assert stormy.restarts == (stormy.counted > number)
        assert end == wanted, f"after a restart at write {number}"


@each_play
def test_controllers_that_begin_anew_at_the_end_write_nothing(play: Play) -> None:
    async def scenario(cluster: Cluster) -> None:
        await play.scenario(cluster)
        await cluster.loop.stop()
        cluster.writes.clear()
        cluster.new_loop()
        cluster.loop.start()
        await cluster.settle()
        # What still waits is told again, as nobody remembers that it has been.
        assert [each for each in cluster.writes if each[1] != "events"] == []

    play.cluster().run(scenario)


def test_every_controller_writes_in_some_play() -> None:
    writers = set[str]()
    for play in PLAYS:
        calm, _ = played(play)
        writers |= calm.writers

    assert {file_of(controller) for controller in CONTROLLERS} - writers == ELSEWHERE


def test_a_controller_that_does_not_come_to_the_same_end_is_noticed() -> None:
    async def reconcile(context: Context, namespace: str, name: str) -> None:
        """Makes two Secrets and remembers how many it has made instead of looking."""
        made = context.memory.get("made", 0)
        if made < 2:
            context.memory["made"] = made + 1
            await context.client.create("secrets", {"metadata": {"generateName": "made-", "namespace": namespace}})
            context.wake((namespace, name))

    async def a_config_map(cluster: Cluster) -> None:
        await create(cluster, "configmaps", "c")
        await cluster.settle()

    forgetful = Controller(name="forgetful", watches=(Watch("configmaps", key=own),), reconcile=reconcile)
    play = Play(a_config_map, (forgetful,))
    with pytest.raises(AssertionError, match="after a restart at write"):
        test_controllers_that_begin_anew_after_any_write_come_to_the_same_end(play)
