from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from fakekube.controllers import garbage_collector, stateful_set
from fakekube.controllers.stateful_set_pods import parent_and_ordinal
from fakekube.errors import Forbidden
from fakekube.storage.store import Event
from tests.controllers.in_memory import Cluster, Object, named
from tests.controllers.workloads import (
    MAKES_READY,
    NAMESPACE,
    change,
    events,
    found,
    images,
    make_ready,
    template,
    workload,
)

SETS, CLAIMS, REVISIONS = "statefulsets.apps", "persistentvolumeclaims", "controllerrevisions.apps"
CONTROLLERS = (stateful_set.CONTROLLER,)
WITH_KUBELET = (*CONTROLLERS, MAKES_READY)
DATA = {"metadata": {"name": "data", "labels": {"x": "y"}}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}


def a_set(**spec: Any) -> Object:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    return workload("db", **{"replicas": 2, "serviceName": "dbs", "updateStrategy": strategy, **spec})


async def create(cluster: Cluster, **spec: Any) -> None:
    await cluster.create(SETS, a_set(**spec))
    await cluster.settle()


def revisions(cluster: Cluster) -> list[tuple[str, int]]:
    """The image and the number of each revision, by number."""
    return sorted(
        (
            (each["data"]["spec"]["template"]["spec"]["containers"][0]["image"], each["revision"])
            for each in cluster.list(REVISIONS)
        ),
        key=lambda pair: pair[1],
    )


def status(cluster: Cluster) -> Object:
    return found(cluster, SETS, "db")["status"]  # type: ignore[no-any-return]


def test_a_pod_has_its_number_in_its_name_its_labels_and_its_claims() -> None:
    async def scenario(cluster: Cluster) -> None:
        own = {"name": "data", "emptyDir": {}}
        spec = {**template()["spec"], "hostname": "other", "volumes": [{"name": "tmp", "emptyDir": {}}, own]}
        await create(cluster, volumeClaimTemplates=[DATA], template={**template(), "spec": spec})
        pod = found(cluster, "pods", "db-0")
        assert pod["metadata"]["generateName"] == "db-"
        assert pod["metadata"]["labels"] == {
            "app": "web",
            "statefulset.kubernetes.io/pod-name": "db-0",
            "apps.kubernetes.io/pod-index": "0",
            "controller-revision-hash": status(cluster)["currentRevision"],
        }
        assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-0", "dbs")
        assert pod["spec"]["volumes"] == [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}},
            {"name": "tmp", "emptyDir": {}},
        ]
        claim = found(cluster, CLAIMS, "data-db-0")
        assert claim["metadata"]["labels"] == {"x": "y", "app": "web"}
        assert "ownerReferences" not in claim["metadata"]
        assert events(cluster) == [
            "SuccessfulCreate Create Claim data-db-0 Pod db-0 in StatefulSet db success",
            "SuccessfulCreate Create Pod db-0 in StatefulSet db successful",
        ]

    Cluster(CONTROLLERS).run(scenario)


def test_the_next_pod_comes_when_the_one_before_is_ready() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster)
        assert named(cluster.list("pods")) == ["db-0"]
        await make_ready(cluster, "db-0")
        assert named(cluster.list("pods")) == ["db-0", "db-1"]
        await make_ready(cluster, "db-1")
        assert {key: number for key, number in status(cluster).items() if "Revision" not in key} == {
            "observedGeneration": 1,
            "replicas": 2,
            "readyReplicas": 2,
            "currentReplicas": 2,
            "updatedReplicas": 2,
            "collisionCount": 0,
            "availableReplicas": 2,
        }

    Cluster(CONTROLLERS).run(scenario)


def test_in_parallel_all_come_at_once_from_the_first_ordinal_on() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, podManagementPolicy="Parallel", ordinals={"start": 3})
        assert named(cluster.list("pods")) == ["db-3", "db-4"]

    Cluster(CONTROLLERS).run(scenario)


def test_scaled_down_the_highest_goes_first_and_its_claim_stays() -> None:
    gone: list[str] = []

    async def scenario(cluster: Cluster) -> None:
        await create(cluster, replicas=3, volumeClaimTemplates=[DATA])
        cluster.store.subscribe("pods", lambda event: gone.append(event.name) if event.type == "DELETED" else None)
        await change(cluster, SETS, "db", replicas=1)
        assert gone == ["db-2", "db-1"]
        assert named(cluster.list(CLAIMS)) == ["data-db-0", "data-db-1", "data-db-2"]

    Cluster(WITH_KUBELET).run(scenario)


def test_a_pod_that_is_gone_or_has_failed_comes_back_under_its_name() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster)
        before = found(cluster, "pods", "db-0")["metadata"]["uid"]
        await cluster.patch("pods", NAMESPACE, "db-0", {"status": {"phase": "Failed"}}, "status")
        await cluster.settle()
        again = found(cluster, "pods", "db-0")["metadata"]["uid"]
        await cluster.delete("pods", NAMESPACE, "db-0", grace_period_seconds=0)
        await cluster.settle()
        assert len({before, again, found(cluster, "pods", "db-0")["metadata"]["uid"]}) == 3

    Cluster(WITH_KUBELET).run(scenario)


def test_a_new_template_goes_from_the_highest_down_one_at_a_time() -> None:
    made: list[str] = []

    async def scenario(cluster: Cluster) -> None:
        await create(cluster, replicas=3)
        old = status(cluster)["currentRevision"]
        cluster.store.subscribe("pods", lambda event: made.append(event.name) if event.type == "ADDED" else None)
        await change(cluster, SETS, "db", template=template("x:2"))
        assert made == ["db-2", "db-1", "db-0"]
        assert images(cluster) == ["x:2"] * 3
        assert status(cluster)["currentRevision"] == status(cluster)["updateRevision"] != old
        assert revisions(cluster) == [("x:1", 1), ("x:2", 2)]

    Cluster(WITH_KUBELET).run(scenario)


def test_below_the_partition_pods_keep_their_revision_and_come_back_with_it() -> None:
    async def scenario(cluster: Cluster) -> None:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
        await create(cluster, updateStrategy=strategy)
        await change(cluster, SETS, "db", template=template("x:2"))
        assert images(cluster) == ["x:1", "x:2"]
        await cluster.delete("pods", NAMESPACE, "db-0", grace_period_seconds=0)
        await cluster.settle()
        assert images(cluster) == ["x:1", "x:2"]
        assert (status(cluster)["currentReplicas"], status(cluster)["updatedReplicas"]) == (1, 1)

    Cluster(WITH_KUBELET).run(scenario)


def test_the_partition_is_counted_from_the_first_ordinal() -> None:
    async def scenario(cluster: Cluster) -> None:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
        await create(cluster, updateStrategy=strategy, ordinals={"start": 5})
        await change(cluster, SETS, "db", template=template("x:2"))
        assert named(cluster.list("pods")) == ["db-5", "db-6"]
        assert images(cluster) == ["x:1", "x:2"]

    Cluster(WITH_KUBELET).run(scenario)


def test_on_delete_a_pod_comes_back_with_the_new_revision_when_somebody_has_deleted_it() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, updateStrategy={"type": "OnDelete"})
        await change(cluster, SETS, "db", template=template("x:2"))
        assert images(cluster) == ["x:1", "x:1"]
        await cluster.delete("pods", NAMESPACE, "db-0", grace_period_seconds=0)
        await cluster.settle()
        assert images(cluster) == ["x:2", "x:1"]

    Cluster(WITH_KUBELET).run(scenario)


def test_a_pod_that_is_not_ready_holds_up_the_whole_set_even_when_the_template_is_changed_back() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster)
        await make_ready(cluster, "db-0")
        await make_ready(cluster, "db-1")
        await change(cluster, SETS, "db", template=template("broken"))
        await change(cluster, SETS, "db", template=template("x:1"))
        assert images(cluster) == ["x:1", "broken"]
        await cluster.delete("pods", NAMESPACE, "db-1", grace_period_seconds=0)
        await cluster.settle()
        assert images(cluster) == ["x:1", "x:1"]

    Cluster(CONTROLLERS).run(scenario)


def test_max_unavailable_lets_several_go_at_once() -> None:
    gone: list[str] = []

    async def scenario(cluster: Cluster) -> None:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 2}}
        await create(cluster, replicas=3, podManagementPolicy="Parallel", updateStrategy=strategy)
        await make_ready(cluster, "db-0", "db-1", "db-2")
        cluster.store.subscribe("pods", lambda event: gone.append(event.name) if event.type == "DELETED" else None)
        await change(cluster, SETS, "db", template=template("x:2"))
        assert gone == ["db-2", "db-1"]

    Cluster(CONTROLLERS).run(scenario)


def test_a_template_of_old_gets_a_new_number_and_old_revisions_are_forgotten() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, revisionHistoryLimit=1)
        for image in ("x:2", "x:1", "x:3"):
            await change(cluster, SETS, "db", template=template(image))
        assert revisions(cluster) == [("x:1", 3), ("x:3", 4)]

    Cluster(WITH_KUBELET).run(scenario)


def test_the_keys_of_a_revisions_data_are_in_order_so_that_a_patch_of_the_revision_leaves_its_text_alone() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster)
        (revision,) = cluster.list(REVISIONS)
        assert orjson.dumps(revision["data"]) == orjson.dumps(revision["data"], option=orjson.OPT_SORT_KEYS)

    Cluster(CONTROLLERS).run(scenario)


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        ({"whenScaled": "Delete"}, ["data-db-0"]),
        ({"whenScaled": "Retain"}, ["data-db-0", "data-db-1"]),
        ({"whenDeleted": "Delete"}, ["data-db-0", "data-db-1"]),
    ],
)
def test_claims_go_with_pods_that_are_no_longer_wanted_if_the_policy_says_so(
    policy: dict[str, str], left: list[str]
) -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, volumeClaimTemplates=[DATA], persistentVolumeClaimRetentionPolicy=policy)
        await change(cluster, SETS, "db", replicas=1)
        assert named(cluster.list(CLAIMS)) == left
        owners = found(cluster, CLAIMS, "data-db-0")["metadata"].get("ownerReferences", [])
        assert [each["kind"] for each in owners] == (["StatefulSet"] if "whenDeleted" in policy else [])

    Cluster((*WITH_KUBELET, garbage_collector.CONTROLLER)).run(scenario)


def test_of_a_pod_that_is_made_only_the_next_look_tells() -> None:
    async def scenario(cluster: Cluster) -> None:
        told: list[int] = []

        def note(event: Event) -> None:
            if event.new is not None and "currentRevision" in event.new.value.get("status", {}):
                told.append(event.new.value["status"]["replicas"])

        cluster.store.subscribe(SETS, note)
        await create(cluster)
        assert told == [0, 1]

    Cluster(CONTROLLERS).run(scenario)


def test_a_name_that_another_pod_has_is_no_event_and_the_status_is_written_all_the_same() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("pods", {"metadata": {"name": "db-0", "namespace": NAMESPACE}, "spec": {}})
        await create(cluster)
        assert events(cluster) == []
        assert (status(cluster)["replicas"], status(cluster)["observedGeneration"]) == (0, 1)

    Cluster(CONTROLLERS).run(scenario)


def test_a_claim_that_cannot_be_made_is_an_event_of_its_own_and_one_of_its_pod() -> None:
    class Full(Cluster):
        async def create(self, resource: str, object: Object) -> Object:
            if resource == CLAIMS:
                raise Forbidden("exceeded quota")
            return await super().create(resource, object)

    async def scenario(cluster: Cluster) -> None:
        await cluster.create(SETS, a_set(volumeClaimTemplates=[DATA]))
        while len(events(cluster)) < 2:
            await asyncio.sleep(0)
        assert events(cluster) == [
            "FailedCreate Create Claim data-db-0 for Pod db-0 in StatefulSet db failed error: exceeded quota",
            "FailedCreate Create Pod db-0 in StatefulSet db failed error: failed to create PVC data-db-0: exceeded quota",
        ]

    Full(CONTROLLERS).run(scenario)


def test_a_pod_that_was_adopted_learns_its_number_once_it_is_ready() -> None:
    async def scenario(cluster: Cluster) -> None:
        metadata = {"name": "db-0", "namespace": NAMESPACE, "labels": {"app": "web"}}
        await cluster.create("pods", {"metadata": metadata, "spec": {}})
        await create(cluster, replicas=1, updateStrategy={"type": "OnDelete"})
        assert found(cluster, "pods", "db-0")["metadata"]["labels"] == {"app": "web"}
        await make_ready(cluster, "db-0")
        assert found(cluster, "pods", "db-0")["metadata"]["labels"] == {
            "app": "web",
            "statefulset.kubernetes.io/pod-name": "db-0",
            "apps.kubernetes.io/pod-index": "0",
        }
        assert events(cluster) == ["SuccessfulUpdate Update Pod db-0 in StatefulSet db successful"]

    Cluster(CONTROLLERS).run(scenario)


def test_claims_that_go_with_another_now_are_an_event() -> None:
    async def scenario(cluster: Cluster) -> None:
        goes = {"whenDeleted": "Delete", "whenScaled": "Retain"}
        stays = {"whenDeleted": "Retain", "whenScaled": "Retain"}
        await create(cluster, replicas=1, volumeClaimTemplates=[DATA], persistentVolumeClaimRetentionPolicy=goes)
        await make_ready(cluster, "db-0")
        assert found(cluster, CLAIMS, "data-db-0")["metadata"]["ownerReferences"][0]["kind"] == "StatefulSet"
        await change(cluster, SETS, "db", persistentVolumeClaimRetentionPolicy=stays)
        assert "ownerReferences" not in found(cluster, CLAIMS, "data-db-0")["metadata"]
        assert events(cluster)[-1] == "SuccessfulUpdate Update Pod db-0 in StatefulSet db successful"

    Cluster(CONTROLLERS).run(scenario)


def test_a_pod_is_available_when_it_has_been_ready_for_long_enough() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, minReadySeconds=10)
        assert named(cluster.list("pods")) == ["db-0"]
        assert status(cluster)["availableReplicas"] == 0
        await cluster.settle(10)
        assert status(cluster)["availableReplicas"] == 1
        assert named(cluster.list("pods")) == ["db-0", "db-1"]

    Cluster(WITH_KUBELET).run(scenario)


@pytest.mark.parametrize(
    ("name", "expected"), [("db-0", ("db", 0)), ("a-b-12", ("a-b", 12)), ("db", ("db", -1)), ("db-x", ("db-x", -1))]
)
def test_the_name_of_a_pod_tells_its_set_and_number(name: str, expected: tuple[str, int]) -> None:
    assert parent_and_ordinal(name) == expected
