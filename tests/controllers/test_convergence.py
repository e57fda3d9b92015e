"""Each controller comes to the same end whatever goes wrong on the way."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fakekube.controllers import (
    cron_job,
    daemon_set,
    deployment,
    persistent_volume,
    replica_set,
    replication_controller,
    resource_quota,
    stateful_set,
)
from tests.controllers.in_memory import Cluster, Object
from tests.controllers.workloads import MAKES_READY, NAMESPACE, StormyCluster, change, template, workload

CONTROLLERS = (
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

Play = Callable[[Cluster], Awaitable[None]]


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


PLAYS: tuple[Play, ...] = (
    a_deployment,
    a_recreated_deployment,
    a_replication_controller,
    a_stateful_set,
    a_daemon_set,
    a_cron_job,
    a_claim_and_a_quota,
)

RESULTS = (
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
)

CHANCY = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "lastTransitionTime", "lastUpdateTime", "generation"}
    | {"observedGeneration"}
)
"""What chance, time and the number of writes have made of an object."""


def outcome(cluster: Cluster) -> dict[str, list[str]]:
    return {resource: sorted(repr(settled(each)) for each in cluster.list(resource)) for resource in RESULTS}


def settled(object: Object) -> Any:
    plain = without_chance(object)
    metadata = plain["metadata"]
    if "generateName" in metadata and "hostname" not in object["spec"]:
        del metadata["name"]
    return plain


def without_chance(value: Any) -> Any:
    if isinstance(value, list):
        return [without_chance(each) for each in value]
    if not isinstance(value, dict):
        return value
    plain = {key: without_chance(value[key]) for key in sorted(value) if key not in CHANCY}
    # In which order conditions were told depends on what came between.
    if "conditions" in plain:
        plain["conditions"].sort(key=lambda each: each["type"])
    return plain


def played(play: Play, **storm: Any) -> tuple[StormyCluster, dict[str, list[str]]]:
    cluster = StormyCluster(CONTROLLERS, **storm)
    ends: list[dict[str, list[str]]] = []

    async def scenario(cluster: Cluster) -> None:
        await play(cluster)
        ends.append(copy.deepcopy(outcome(cluster)))

    cluster.run(scenario)
    return cluster, ends[0]


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.__name__)
def test_a_conflict_at_any_write_changes_nothing_about_the_end(play: Play) -> None:
    calm, wanted = played(play)
    assert calm.counted > 2

    for number in range(calm.counted):
        stormy, end = played(play, refused=number)

        assert len(stormy.refusals) == 1
        assert end == wanted, f"after a conflict at write {number}"


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.__name__)
def test_controllers_that_begin_anew_after_any_write_come_to_the_same_end(play: Play) -> None:
    calm, wanted = played(play)

    for number in range(calm.counted):
        stormy, end = played(play, last=number)

        assert stormy.restarts == 1
        assert end == wanted, f"after a restart at write {number}"


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.__name__)
def test_controllers_that_begin_anew_at_the_end_write_nothing(play: Play) -> None:
    async def scenario(cluster: Cluster) -> None:
        await play(cluster)
        await cluster.loop.stop()
        cluster.writes.clear()
        cluster.new_loop()
        cluster.loop.start()
        await cluster.settle()
        # What still waits is told again, as nobody remembers that it has been.
        assert [each for each in cluster.writes if each[1] != "events"] == []

    Cluster(CONTROLLERS).run(scenario)
