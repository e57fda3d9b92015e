from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from fakekube.controllers import deployment, replica_set
from fakekube.controllers.deployment import longer_history
from fakekube.controllers.deployment_rollout import Rollout
from fakekube.controllers.deployment_scaling import proportions, shrink_old
from fakekube.controllers.template_hash import template_hash
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

DEPLOYMENTS, SETS = "deployments.apps", "replicasets.apps"
CONTROLLERS = (deployment.CONTROLLER, replica_set.CONTROLLER)
WITH_KUBELET = (*CONTROLLERS, MAKES_READY)
REVISION = "deployment.kubernetes.io/revision"


def a_deployment(surge: int | str = 1, unavailable: int | str = 0, **spec: Any) -> Object:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    common = {"strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}, "progressDeadlineSeconds": 600}
    return workload("web", **{"replicas": 2, "revisionHistoryLimit": 10, **common, **spec})


async def create(cluster: Cluster, **spec: Any) -> None:
    await cluster.create(DEPLOYMENTS, a_deployment(**spec))
    await cluster.settle()


def sizes(cluster: Cluster) -> dict[str, int]:
    """The size of each ReplicaSet by the image of its template."""
    return {
        each["spec"]["template"]["spec"]["containers"][0]["image"]: each["spec"]["replicas"]
        for each in cluster.list(SETS)
    }


def set_of(cluster: Cluster, image: str) -> Object:
    return next(
        each for each in cluster.list(SETS) if each["spec"]["template"]["spec"]["containers"][0]["image"] == image
    )


def pods_of(cluster: Cluster, image: str) -> list[str]:
    return named(pod for pod in cluster.list("pods") if pod["spec"]["containers"][0]["image"] == image)


def conditions(cluster: Cluster) -> list[tuple[str, str, str]]:
    status = found(cluster, DEPLOYMENTS, "web")["status"]
    return [(each["type"], each["status"], each["reason"]) for each in status.get("conditions", ())]


def test_a_replica_set_is_made_with_the_hash_in_its_name_labels_and_selector() -> None:
    async def scenario(cluster: Cluster) -> None:
        applied = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "kept"}
        manifest = a_deployment()
        manifest["metadata"]["annotations"] = applied
        await cluster.create(DEPLOYMENTS, manifest)
        await cluster.settle()
        (made,) = cluster.list(SETS)
        hash = template_hash(template())
        labels = {"app": "web", "pod-template-hash": hash}
        assert made["metadata"]["name"] == f"web-{hash}"
        assert made["metadata"]["labels"] == made["spec"]["template"]["metadata"]["labels"] == labels
        assert made["spec"]["selector"]["matchLabels"] == labels
        assert made["metadata"]["annotations"] == {
            "note": "kept",
            "deployment.kubernetes.io/desired-replicas": "2",
            "deployment.kubernetes.io/max-replicas": "3",
            REVISION: "1",
        }
        assert found(cluster, DEPLOYMENTS, "web")["metadata"]["annotations"][REVISION] == "1"
        assert events(cluster, "web") == [f"ScalingReplicaSet Scaled up replica set web-{hash} from 0 to 2"]

    Cluster(CONTROLLERS).run(scenario)


def test_the_hash_is_eight_to_ten_letters_and_other_after_a_collision() -> None:
    first, second = template_hash(template()), template_hash(template(), 1)

    assert re.fullmatch("[bcdfghjklmnpqrstvwxz2456789]{8,10}", first)
    assert first == template_hash(dict(reversed(template().items())))
    assert first != second


def test_that_there_is_a_new_replica_set_is_told_at_once_and_its_numbers_after_that() -> None:
    async def scenario(cluster: Cluster) -> None:
        told: list[Object] = []

        def note(event: Event) -> None:
            if event.new is not None and event.new.value.get("status"):
                told.append(event.new.value)

        cluster.store.subscribe(DEPLOYMENTS, note)
        await create(cluster)
        assert [each["reason"] for each in told[0]["status"].pop("conditions")] == ["NewReplicaSetCreated"]
        assert (told[0]["status"], told[0]["metadata"]["annotations"][REVISION]) == ({}, "1")
        assert told[1]["status"].keys() >= {"observedGeneration", "unavailableReplicas", "terminatingReplicas"}

    Cluster(CONTROLLERS).run(scenario)


def test_a_change_of_size_is_told_first_with_the_sizes_before() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, replicas=1)
        told: list[int] = []

        def note(event: Event) -> None:
            assert event.new is not None
            if event.new.value["status"]["observedGeneration"] == 2:
                told.append(event.new.value["status"].get("unavailableReplicas", 0))

        cluster.store.subscribe(DEPLOYMENTS, note)
        await change(cluster, DEPLOYMENTS, "web", replicas=2)
        assert told[:2] == [0, 1]

    Cluster(WITH_KUBELET).run(scenario)


def test_the_conditions_tell_how_a_fresh_rollout_goes() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster)
        unavailable = ("Available", "False", "MinimumReplicasUnavailable")
        assert conditions(cluster) == [unavailable, ("Progressing", "True", "ReplicaSetUpdated")]
        await make_ready(cluster, *named(cluster.list("pods")))
        assert conditions(cluster) == [
            ("Available", "True", "MinimumReplicasAvailable"),
            ("Progressing", "True", "NewReplicaSetAvailable"),
        ]

    Cluster(CONTROLLERS).run(scenario)


def test_with_a_surge_new_pods_come_first_and_each_that_is_ready_lets_an_old_one_go() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster)
        await make_ready(cluster, *named(cluster.list("pods")))
        await change(cluster, DEPLOYMENTS, "web", template=template("x:2"))
        assert sizes(cluster) == {"x:1": 2, "x:2": 1}
        await make_ready(cluster, *pods_of(cluster, "x:2"))
        assert sizes(cluster) == {"x:1": 1, "x:2": 2}
        await make_ready(cluster, *pods_of(cluster, "x:2"))
        assert sizes(cluster) == {"x:1": 0, "x:2": 2}
        told = [text.removeprefix("ScalingReplicaSet ") for text in events(cluster, "web")]
        old, new = (set_of(cluster, image)["metadata"]["name"] for image in ("x:1", "x:2"))
        assert told == [
            f"Scaled up replica set {old} from 0 to 2",
            f"Scaled up replica set {new} from 0 to 1",
            f"Scaled down replica set {old} from 2 to 1",
            f"Scaled up replica set {new} from 1 to 2",
            f"Scaled down replica set {old} from 1 to 0",
        ]

    Cluster(CONTROLLERS).run(scenario)


def test_with_unavailability_old_pods_go_first_and_there_are_never_more() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, surge=0, unavailable="50%", replicas=4)
        await make_ready(cluster, *named(cluster.list("pods")))
        await change(cluster, DEPLOYMENTS, "web", template=template("x:2"))
        assert sizes(cluster) == {"x:1": 2, "x:2": 2}
        assert len(cluster.list("pods")) == 4

    Cluster(CONTROLLERS).run(scenario)


def test_old_pods_that_are_not_ready_go_before_ready_ones() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, unavailable=1, replicas=3)
        await make_ready(cluster, *named(cluster.list("pods"))[:2])
        await change(cluster, DEPLOYMENTS, "web", template=template("x:2"))
        ready = [pod for pod in cluster.list("pods") if pod["status"].get("conditions")]
        assert sizes(cluster) == {"x:1": 2, "x:2": 2}
        assert len(ready) == 2

    Cluster(CONTROLLERS).run(scenario)


def test_with_recreate_the_new_pods_wait_until_no_old_one_is_left() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, replicas=1, strategy={"type": "Recreate"})
        (old,) = named(cluster.list("pods"))
        await cluster.patch("pods", NAMESPACE, old, {"spec": {"nodeName": "n"}})
        await make_ready(cluster, old)
        await change(cluster, DEPLOYMENTS, "web", template=template("x:2"))
        assert "deletionTimestamp" in found(cluster, "pods", old)["metadata"]
        assert sizes(cluster) == {"x:1": 0}
        status = found(cluster, DEPLOYMENTS, "web")["status"]
        assert status["terminatingReplicas"] == 1
        assert ("Progressing", "True", "NewReplicaSetAvailable") in conditions(cluster)
        await cluster.delete("pods", NAMESPACE, old, grace_period_seconds=0)
        await cluster.settle()
        assert sizes(cluster) == {"x:1": 0, "x:2": 1}
        assert images(cluster) == ["x:2"]

    Cluster(CONTROLLERS).run(scenario)


def test_going_back_makes_an_old_replica_set_the_newest_which_remembers_its_former_revision() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster)
        await change(cluster, DEPLOYMENTS, "web", template=template("x:2"))
        await change(cluster, DEPLOYMENTS, "web", template=template("x:1"))
        annotations = set_of(cluster, "x:1")["metadata"]["annotations"]
        assert annotations[REVISION] == "3"
        assert annotations["deployment.kubernetes.io/revision-history"] == "1"
        assert len(cluster.list(SETS)) == 2
        assert found(cluster, DEPLOYMENTS, "web")["metadata"]["annotations"][REVISION] == "3"

    Cluster(WITH_KUBELET).run(scenario)


@pytest.mark.parametrize(
    ("revision", "image", "told"),
    [
        ("1", "x:1", 'DeploymentRollback Rolled back deployment "web" to revision 1'),
        ("0", "x:1", 'DeploymentRollback Rolled back deployment "web" to revision 1'),
        ("9", "x:2", "DeploymentRollbackRevisionNotFound Unable to find the revision to rollback to."),
        (
            "2",
            "x:2",
            "DeploymentRollbackTemplateUnchanged The rollback revision contains the same template as current "
            'deployment "web"',
        ),
    ],
)
def test_an_annotation_of_former_times_brings_back_a_revision_and_is_gone_then(
    revision: str, image: str, told: str
) -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, replicas=1)
        await change(cluster, DEPLOYMENTS, "web", template=template("x:2"))
        annotations = {"deprecated.deployment.rollback.to": revision}
        await cluster.patch(DEPLOYMENTS, NAMESPACE, "web", {"metadata": {"annotations": annotations}})
        await cluster.settle()
        present = found(cluster, DEPLOYMENTS, "web")
        assert present["spec"]["template"]["spec"]["containers"][0]["image"] == image
        assert "deprecated.deployment.rollback.to" not in present["metadata"]["annotations"]
        assert told in events(cluster, "web")

    Cluster(WITH_KUBELET).run(scenario)


def test_who_asks_finds_the_revision_of_the_generation_that_is_observed() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, replicas=0)
        await change(cluster, DEPLOYMENTS, "web", template=template("x:2"))
        old = found(cluster, DEPLOYMENTS, "web")
        await cluster.update(DEPLOYMENTS, {**old, "spec": {**old["spec"], "template": template("x:1")}})

        while (now := found(cluster, DEPLOYMENTS, "web"))["status"]["observedGeneration"] < 3:
            await asyncio.sleep(0)
        assert now["metadata"]["annotations"][REVISION] == "3"

    Cluster(CONTROLLERS).run(scenario)


def test_the_history_of_revisions_forgets_the_first_when_it_is_long() -> None:
    assert longer_history("", "1") == "1"
    assert longer_history("1,2", "3") == "1,2,3"
    assert longer_history(",".join(["123456789"] * 200), "1").startswith("123456789,")
    assert len(longer_history(",".join(["123456789"] * 200), "1")) <= 2000


def test_who_hears_that_a_rollout_of_no_pods_is_complete_finds_its_replica_set_looked_at() -> None:
    async def scenario(cluster: Cluster) -> None:
        seen: list[Object] = []

        def note(event: Event) -> None:
            told = event.new.value.get("status", {}).get("conditions", ()) if event.new is not None else ()
            if any(each["reason"] == "NewReplicaSetAvailable" for each in told) and not seen:
                seen.extend(cluster.list(SETS))

        cluster.store.subscribe(DEPLOYMENTS, note)
        await create(cluster, replicas=0)
        (replica_set,) = seen
        assert replica_set["status"]["observedGeneration"] == 1

    Cluster(CONTROLLERS).run(scenario)


def test_a_rollout_of_no_pods_is_complete_even_if_nobody_looks_at_replica_sets() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, replicas=0)
        assert conditions(cluster)[1] == ("Progressing", "True", "NewReplicaSetAvailable")

    Cluster((deployment.CONTROLLER,)).run(scenario)


def test_as_many_old_replica_sets_are_kept_as_are_to_be_remembered() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, revisionHistoryLimit=1)
        for image in ("x:2", "x:3", "x:4"):
            await change(cluster, DEPLOYMENTS, "web", template=template(image))
        assert sizes(cluster) == {"x:3": 0, "x:4": 2}

    Cluster(WITH_KUBELET).run(scenario)


def test_while_it_is_paused_a_deployment_is_scaled_but_takes_no_new_template() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster)
        await change(cluster, DEPLOYMENTS, "web", paused=True)
        await change(cluster, DEPLOYMENTS, "web", template=template("x:2"), replicas=3)
        assert sizes(cluster) == {"x:1": 3}
        assert ("Progressing", "Unknown", "DeploymentPaused") in conditions(cluster)
        await change(cluster, DEPLOYMENTS, "web", paused=None)
        assert sizes(cluster) == {"x:1": 0, "x:2": 3}

    Cluster(WITH_KUBELET).run(scenario)


def test_a_rollout_that_does_not_go_on_passes_its_deadline() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, progressDeadlineSeconds=10)
        assert conditions(cluster)[1] == ("Progressing", "True", "ReplicaSetUpdated")
        await cluster.settle(10)
        assert conditions(cluster)[1] == ("Progressing", "False", "ProgressDeadlineExceeded")
        await make_ready(cluster, *named(cluster.list("pods")))
        assert conditions(cluster)[1] == ("Progressing", "True", "NewReplicaSetAvailable")

    Cluster(CONTROLLERS).run(scenario)


def test_without_a_deadline_nothing_is_told_of_progress() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, progressDeadlineSeconds=2**31 - 1)
        assert [type for type, _, _ in conditions(cluster)] == ["Available"]

    Cluster(CONTROLLERS).run(scenario)


def test_the_failure_of_a_replica_set_is_that_of_its_deployment() -> None:
    class Full(Cluster):
        full = True

        def _wrote(self, verb: str, resource: str, object: Object) -> None:
            super()._wrote(verb, resource, object)
            if (verb, resource) == ("create", "pods") and self.full:
                raise Forbidden('pods "web" is forbidden: exceeded quota')

    async def scenario(cluster: Cluster) -> None:
        assert isinstance(cluster, Full)
        seen: list[str] = []
        cluster.store.subscribe(
            DEPLOYMENTS,
            lambda event: seen.extend(
                each["message"]
                for each in (event.new.value["status"].get("conditions", ()) if event.new else ())
                if each["type"] == "ReplicaFailure"
            ),
        )
        await cluster.create(DEPLOYMENTS, a_deployment())
        await cluster.settle()
        assert set(seen) == {'pods "web" is forbidden: exceeded quota'}
        cluster.full = False
        await cluster.settle(1000)
        assert "ReplicaFailure" not in [type for type, _, _ in conditions(cluster)]

    Full(CONTROLLERS).run(scenario)


def test_a_replica_set_that_was_left_behind_is_taken_up_again() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, replicas=0)
        left = dict(cluster.list(SETS)[0])
        await cluster.patch(SETS, NAMESPACE, left["metadata"]["name"], {"metadata": {"ownerReferences": None}})
        await cluster.settle()
        (taken,) = cluster.list(SETS)
        assert taken["metadata"]["uid"] == left["metadata"]["uid"]
        assert taken["metadata"]["ownerReferences"][0]["name"] == "web"

    Cluster(CONTROLLERS).run(scenario)


def test_a_name_that_is_taken_by_another_template_counts_as_a_collision() -> None:
    async def scenario(cluster: Cluster) -> None:
        name = f"web-{template_hash(template())}"
        other = {"selector": {"matchLabels": {"x": "y"}}, "template": template("other")}
        await cluster.create(SETS, {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": other})
        await create(cluster)
        assert found(cluster, DEPLOYMENTS, "web")["status"]["collisionCount"] == 1
        assert named(cluster.list(SETS)) == sorted([name, f"web-{template_hash(template(), 1)}"])

    Cluster(CONTROLLERS).run(scenario)


def a_rollout(replicas: int, sets: dict[str, int], **annotations: str) -> Rollout:
    manifest = a_deployment(surge=0, unavailable=1, replicas=replicas)

    def made(name: str, size: int) -> Object:
        metadata = {"name": name, "creationTimestamp": f"2026-01-0{name}T00:00:00Z"}
        notes = {"deployment.kubernetes.io/max-replicas": annotations.get("most", "10")}
        return {"metadata": {**metadata, "annotations": notes}, "spec": {"replicas": size, "template": template(name)}}

    return Rollout(None, manifest, [made(*each) for each in sets.items()])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("replicas", "before", "after"),
    [
        (20, {"1": 5, "2": 5}, {"1": 10, "2": 10}),
        (15, {"1": 2, "2": 8}, {"1": 3, "2": 12}),
        (11, {"1": 5, "2": 5}, {"1": 5, "2": 6}),
        (9, {"1": 5, "2": 5}, {"1": 4, "2": 5}),
        (5, {"1": 3, "2": 7}, {"1": 2, "2": 3}),
        (0, {"1": 4, "2": 6}, {"1": 0, "2": 0}),
    ],
)
def test_in_the_midst_of_a_rollout_each_replica_set_takes_its_part_of_a_change(
    replicas: int, before: dict[str, int], after: dict[str, int]
) -> None:
    assert proportions(a_rollout(replicas, before)) == after


async def test_a_replica_set_that_has_not_told_yet_of_pods_that_go_is_not_made_smaller_again() -> None:
    rollout = a_rollout(4, {"1": 3, "2": 3})
    old, new = rollout.sets
    old["status"], new["status"] = {"availableReplicas": 6}, {"availableReplicas": 3}
    assert not await shrink_old(rollout, new)
    assert old["spec"]["replicas"] == 3
