from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from fakekube.controllers import replica_set, replication_controller
from fakekube.controllers.replication import rank
from fakekube.errors import Forbidden
from tests.controllers.in_memory import Cluster, named
from tests.controllers.workloads import (
    MAKES_READY,
    NAMESPACE,
    change,
    events,
    found,
    make_ready,
    template,
    workload,
)

SETS = "replicasets.apps"
CONTROLLERS = (replica_set.CONTROLLER,)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def create(cluster: Cluster, **spec: Any) -> None:
    await cluster.create(SETS, workload("web", **spec))
    await cluster.settle()


def test_a_status_tells_of_the_pods_that_were_there_when_the_controller_looked() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, replicas=1)
        told = [obj["status"] for verb, resource, obj in cluster.writes if (verb, resource) == ("update status", SETS)]
        assert [(status["replicas"], status["observedGeneration"]) for status in told] == [(0, 1), (1, 1)]

    Cluster(CONTROLLERS).run(scenario)


def test_pods_are_made_as_the_template_says_and_told_of() -> None:
    metadata = {"labels": {"app": "web"}, "annotations": {"a": "b"}, "finalizers": ["example.com/kept"]}

    async def scenario(cluster: Cluster) -> None:
        await create(cluster, replicas=2, template={**template(), "metadata": metadata})
        first, second = cluster.list("pods")
        made = first["metadata"]
        assert made["generateName"] == "web-"
        assert {key: made[key] for key in metadata} == metadata
        assert made["ownerReferences"] == [
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "web",
                "uid": found(cluster, SETS, "web")["metadata"]["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
        assert sorted(events(cluster)) == sorted(
            f"SuccessfulCreate Created pod: {each['metadata']['name']}" for each in (first, second)
        )
        assert found(cluster, SETS, "web")["status"] == {
            "replicas": 2,
            "fullyLabeledReplicas": 2,
            "terminatingReplicas": 0,
            "observedGeneration": 1,
        }

    Cluster(CONTROLLERS).run(scenario)


def test_ready_pods_are_counted_and_available_when_they_have_been_ready_for_long_enough() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, replicas=2, minReadySeconds=10)
        status = found(cluster, SETS, "web")["status"]
        assert (status["readyReplicas"], status.get("availableReplicas")) == (2, None)
        await cluster.settle(10)
        assert found(cluster, SETS, "web")["status"]["availableReplicas"] == 2

    Cluster((*CONTROLLERS, MAKES_READY)).run(scenario)


def test_a_pod_that_has_failed_is_replaced_and_stays() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, replicas=1)
        failed = cluster.list("pods")[0]["metadata"]["name"]
        await cluster.patch("pods", NAMESPACE, failed, {"status": {"phase": "Failed"}}, "status")
        await cluster.settle()
        assert len(cluster.list("pods")) == 2
        assert found(cluster, SETS, "web")["status"]["replicas"] == 1

    Cluster(CONTROLLERS).run(scenario)


def test_orphans_are_adopted_when_they_come_to_fit_and_released_when_they_do_not_fit_any_more() -> None:
    async def scenario(cluster: Cluster) -> None:
        orphan = {"metadata": {"name": "o", "namespace": NAMESPACE, "labels": {"app": "other"}}, "spec": {}}
        await cluster.create("pods", orphan)
        await create(cluster, replicas=0)
        await cluster.patch("pods", NAMESPACE, "o", {"metadata": {"labels": {"app": "web"}}})
        await change(cluster, SETS, "web", replicas=1)
        assert found(cluster, "pods", "o")["metadata"]["ownerReferences"][0]["name"] == "web"
        await cluster.patch("pods", NAMESPACE, "o", {"metadata": {"labels": {"app": "other"}}})
        await cluster.settle()
        assert "ownerReferences" not in found(cluster, "pods", "o")["metadata"]
        assert len(cluster.list("pods")) == 2

    Cluster(CONTROLLERS).run(scenario)


def test_an_orphan_that_comes_to_fit_is_one_too_many() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, replicas=1)
        made = named(cluster.list("pods"))[0]
        orphan = {"metadata": {"name": "o", "namespace": NAMESPACE, "labels": {"app": "web"}}, "spec": {}}
        orphan["metadata"]["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": "100"}
        await cluster.create("pods", orphan)
        await cluster.settle()
        assert named(cluster.list("pods")) == ["o"]
        assert events(cluster)[-1] == f"SuccessfulDelete Deleted pod: {made}"

    Cluster(CONTROLLERS).run(scenario)


def test_an_adopted_pod_without_all_labels_of_the_template_is_not_fully_labeled() -> None:
    async def scenario(cluster: Cluster) -> None:
        orphan = {"metadata": {"name": "o", "namespace": NAMESPACE, "labels": {"app": "web"}}, "spec": {}}
        await cluster.create("pods", orphan)
        await create(cluster, replicas=2, template=template(app="web", tier="front"))
        status = found(cluster, SETS, "web")["status"]
        assert (status["replicas"], status["fullyLabeledReplicas"]) == (2, 1)

    Cluster(CONTROLLERS).run(scenario)


def test_pods_that_are_refused_are_told_of_until_they_are_not() -> None:
    async def scenario(cluster: Cluster) -> None:
        cluster.failures.append(Forbidden('pods "web-" is forbidden: exceeded quota'))
        seen: list[Any] = []
        cluster.store.subscribe(SETS, lambda event: seen.append(event.new and event.new.value["status"]))
        await create(cluster, replicas=1)
        conditions = [each["conditions"][0] for each in seen if each and "conditions" in each]
        assert [(each["reason"], each["message"]) for each in conditions] == [
            ("FailedCreate", 'pods "web-" is forbidden: exceeded quota')
        ]
        assert "conditions" not in found(cluster, SETS, "web")["status"]
        assert events(cluster)[0] == 'FailedCreate Error creating: pods "web-" is forbidden: exceeded quota'

    class Refusing(Cluster):
        """Refuses the first pod."""

        def _wrote(self, verb: str, resource: str, object: dict[str, Any]) -> None:
            refusals, self.failures = self.failures, []
            super()._wrote(verb, resource, object)
            self.failures = refusals
            if (verb, resource) == ("create", "pods") and refusals:
                raise refusals.pop()

    Refusing(CONTROLLERS).run(scenario)


def test_nothing_is_made_for_one_that_is_being_deleted() -> None:
    async def scenario(cluster: Cluster) -> None:
        marked = workload("web", replicas=2)
        marked["metadata"] |= {"deletionTimestamp": "2026-01-02T03:04:05Z", "finalizers": ["orphan"]}
        await cluster.create(SETS, marked)
        await cluster.settle()
        assert cluster.list("pods") == []
        assert found(cluster, SETS, "web")["status"]["observedGeneration"] == 1

    Cluster(CONTROLLERS).run(scenario)


def pod(**parts: Any) -> dict[str, Any]:
    metadata = {"uid": "1", "creationTimestamp": "2026-01-01T00:00:00Z", "annotations": parts.get("annotations", {})}
    spec = {"nodeName": parts["node"]} if "node" in parts else {}
    status: dict[str, Any] = {"phase": parts.get("phase", "Running")}
    if "ready" in parts:
        status["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": parts["ready"]}]
    if "restarts" in parts:
        status["containerStatuses"] = [{"restartCount": parts["restarts"]}]
    return {"metadata": metadata | parts.get("metadata", {}), "spec": spec, "status": status}


LONG, SHORT = "2026-01-01T00:00:00Z", "2026-01-02T03:04:00Z"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pod(), pod(node="n")),
        (pod(phase="Pending", node="n"), pod(node="n")),
        (pod(node="n"), pod(node="n", ready=LONG)),
        (pod(node="n"), pod(node="n", annotations={"controller.kubernetes.io/pod-deletion-cost": "1"})),
        (pod(node="crowded"), pod(node="n")),
        (pod(node="n", ready=SHORT), pod(node="n", ready=LONG)),
        (pod(node="n", restarts=3), pod(node="n")),
        (pod(metadata={"creationTimestamp": SHORT}), pod()),
    ],
    ids=["unassigned", "pending", "unready", "cheaper", "crowded", "ready for less", "restarted", "younger"],
)
def test_superfluous_pods_go_in_this_order(first: dict[str, Any], second: dict[str, Any]) -> None:
    siblings = Counter({"crowded": 3, "n": 1})

    assert rank(siblings, NOW, first) < rank(siblings, NOW, second)


def test_a_replication_controller_does_the_same_with_a_plain_selector_and_tells_no_terminating_pods() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("replicationcontrollers", workload("old", replicas=2, selector={"app": "web"}))
        await cluster.settle()
        await make_ready(cluster, *named(cluster.list("pods")))
        assert found(cluster, "replicationcontrollers", "old")["status"] == {
            "replicas": 2,
            "fullyLabeledReplicas": 2,
            "readyReplicas": 2,
            "availableReplicas": 2,
            "observedGeneration": 1,
        }
        sources = {each["source"]["component"] for each in cluster.list("events")}
        assert sources == {"replication-controller"}

    Cluster((replication_controller.CONTROLLER,)).run(scenario)
