from __future__ import annotations

from typing import Any

import pytest

from fakekube.api.control_plane import ControlPlane
from fakekube.api.eviction import evict
from fakekube.errors import StatusError
from fakekube.storage.store import Stored
from tests.api.conftest import MakeCall, Put

REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
READY = [{"type": "Ready", "status": "True", "lastProbeTime": None, "lastTransitionTime": None}]


def eviction(name: str = "p", **options: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "deleteOptions": options}


@pytest.fixture
def run(plane: ControlPlane, put: Put) -> Any:
    """`await run("p", ready=True)`: a pod on a node, whose containers run."""

    async def one(name: str, *, ready: bool = True, phase: str = "Running") -> None:
        await put("pods", name, {"app": "web"}, spec={"nodeName": "n", "containers": [{"name": "c", "image": "i"}]})
        pod = plane.store.get("pods", "shop", name)
        assert pod is not None
        new = pod.copy()
        new["status"] = {"phase": phase, "conditions": READY if ready else [], "qosClass": "BestEffort"}
        plane.store.update("pods", pod, new)

    return one


@pytest.fixture
def budget(plane: ControlPlane, put: Put) -> Any:
    """`await budget("web", disruptionsAllowed=1)`: a budget of all pods, as its controller has left it."""

    async def one(name: str, policy: str = "IfHealthyBudget", **status: Any) -> None:
        selector = {"matchLabels": {"app": "web"}}
        spec = {"minAvailable": 1, "selector": selector, "unhealthyPodEvictionPolicy": policy}
        await put("poddisruptionbudgets.policy", name, spec=spec)
        stored = plane.store.get("poddisruptionbudgets.policy", "shop", name)
        assert stored is not None
        new = stored.copy()
        new["status"] = {
            "observedGeneration": 1,
            "disruptionsAllowed": 0,
            "currentHealthy": 1,
            "desiredHealthy": 1,
            "expectedPods": 1,
            **status,
        }
        plane.store.update("poddisruptionbudgets.policy", stored, new)

    return one


def pod(plane: ControlPlane, name: str = "p") -> Any:
    return plane.get("", "pods", "shop", name)


async def refusal_of(plane: ControlPlane, call: MakeCall) -> StatusError:
    with pytest.raises(StatusError) as refused:
        await evict(plane, call("pods", "p", "eviction"), eviction(), dry_run=False)
    return refused.value


async def test_a_pod_without_a_budget_is_deleted_gracefully_and_says_why(
    plane: ControlPlane, call: MakeCall, run: Any
) -> None:
    await run("p")

    await evict(plane, call("pods", "p", "eviction"), eviction(gracePeriodSeconds=7), dry_run=False)

    assert pod(plane)["metadata"]["deletionGracePeriodSeconds"] == 7
    condition = pod(plane)["status"]["conditions"][-1]
    assert (condition["type"], condition["reason"]) == ("DisruptionTarget", "EvictionByEvictionAPI")


async def test_an_allowed_eviction_is_charged_to_the_budget(
    plane: ControlPlane, call: MakeCall, run: Any, budget: Any
) -> None:
    await run("p")
    await budget("web", disruptionsAllowed=1, currentHealthy=2)

    await evict(plane, call("pods", "p", "eviction"), eviction(), dry_run=False)

    status = (plane.get("policy", "poddisruptionbudgets", "shop", "web") or {})["status"]
    assert (status["disruptionsAllowed"], list(status["disruptedPods"])) == (0, ["p"])
    assert [(each["status"], each["reason"]) for each in status["conditions"]] == [("False", "InsufficientPods")]
    assert "deletionTimestamp" in pod(plane)["metadata"]


async def test_what_an_eviction_charges_is_the_api_servers_own(
    plane: ControlPlane, call: MakeCall, run: Any, budget: Any
) -> None:
    await run("p")
    await budget("web", disruptionsAllowed=1, currentHealthy=2)

    await evict(plane, call("pods", "p", "eviction"), eviction(), dry_run=False)

    entries = (plane.get("policy", "poddisruptionbudgets", "shop", "web") or {})["metadata"]["managedFields"]
    charged = next(each for each in entries if each["manager"] == "kube-apiserver")
    assert charged["subresource"] == "status"
    assert {"f:disruptionsAllowed", "f:disruptedPods"} <= charged["fieldsV1"]["f:status"].keys()


async def test_a_dry_run_neither_deletes_nor_charges(
    plane: ControlPlane, call: MakeCall, run: Any, budget: Any
) -> None:
    await run("p")
    await budget("web", disruptionsAllowed=1)
    before = plane.store.revision

    await evict(plane, call("pods", "p", "eviction"), eviction(dryRun=["All"]), dry_run=False)

    assert plane.store.revision == before


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({}, "The disruption budget web needs 1 healthy pods and has 1 currently"),
        ({"currentHealthy": 3}, "The disruption budget web does not allow evicting pods currently"),
        (
            {"conditions": [{"type": "DisruptionAllowed", "reason": "SyncFailed", "message": "lost"}]},
            "The disruption budget web does not allow evicting pods currently because it failed sync: lost",
        ),
        ({"observedGeneration": 0}, "The disruption budget web is still being processed by the server."),
    ],
)
async def test_a_budget_in_the_way_is_429_and_says_what_it_needs(
    plane: ControlPlane, call: MakeCall, run: Any, budget: Any, status: dict[str, Any], message: str
) -> None:
    await run("p")
    await budget("web", **status)

    refused = await refusal_of(plane, call)

    assert (refused.status_code, refused.message) == (429, REFUSED)
    assert (refused.details or {})["causes"] == [{"reason": "DisruptionBudget", "message": message}]
    assert "deletionTimestamp" not in pod(plane)["metadata"]


async def test_two_budgets_are_one_too_many(plane: ControlPlane, call: MakeCall, run: Any, budget: Any) -> None:
    await run("p")
    await budget("web")
    await budget("again")

    refused = await refusal_of(plane, call)

    assert (refused.status_code, refused.status_reason) == (500, "")


@pytest.mark.parametrize(
    ("policy", "status", "goes"),
    [
        ("AlwaysAllow", {"currentHealthy": 0}, True),
        ("IfHealthyBudget", {"currentHealthy": 1}, True),
        ("IfHealthyBudget", {"currentHealthy": 0}, False),
        ("IfHealthyBudget", {"currentHealthy": 0, "desiredHealthy": 0}, False),
    ],
)
async def test_a_pod_that_is_not_ready_goes_when_the_others_suffice(
    plane: ControlPlane, call: MakeCall, run: Any, budget: Any, policy: str, status: dict[str, Any], goes: bool
) -> None:
    await run("p", ready=False)
    await budget("web", policy, **status)

    if not goes:
        await refusal_of(plane, call)
    else:
        await evict(plane, call("pods", "p", "eviction"), eviction(), dry_run=False)

    assert ("deletionTimestamp" in pod(plane)["metadata"]) is goes


async def test_a_pending_pod_goes_whatever_budgets_say(
    plane: ControlPlane, call: MakeCall, run: Any, budget: Any
) -> None:
    await run("p", phase="Pending")
    await budget("web")

    await evict(plane, call("pods", "p", "eviction"), eviction(gracePeriodSeconds=0), dry_run=False)

    assert pod(plane) is None


async def test_another_pod_of_the_name_stays(plane: ControlPlane, call: MakeCall, run: Any) -> None:
    await run("p")

    with pytest.raises(
        StatusError, match=r'fulfilled on Pod "p": the UID in the precondition \(other\) does not match'
    ):
        await evict(plane, call("pods", "p", "eviction"), eviction(preconditions={"uid": "other"}), dry_run=False)

    assert pod(plane)["status"]["conditions"] == READY


async def test_a_version_that_was_asked_for_may_be_that_of_the_pod(
    plane: ControlPlane, call: MakeCall, run: Any
) -> None:
    await run("p")
    stored: Stored | None = plane.store.get("pods", "shop", "p")
    assert stored is not None
    precondition = {"resourceVersion": str(stored.revision)}

    await evict(plane, call("pods", "p", "eviction"), eviction(preconditions=precondition), dry_run=False)

    assert "deletionTimestamp" in pod(plane)["metadata"]


async def test_the_name_in_the_body_is_that_of_the_path(plane: ControlPlane, call: MakeCall) -> None:
    with pytest.raises(StatusError, match="name in URL does not match name in Eviction object"):
        await evict(plane, call("pods", "p", "eviction"), eviction("other"), dry_run=False)


async def test_options_of_the_delete_are_judged_like_those_of_any(
    plane: ControlPlane, run: Any, call: MakeCall
) -> None:
    await run("p")

    with pytest.raises(StatusError) as refused:
        await evict(plane, call("pods", "p", "eviction"), eviction(propagationPolicy="Bad"), dry_run=False)

    assert refused.value.message.startswith('DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported')
    assert "deletionTimestamp" not in pod(plane)["metadata"]
