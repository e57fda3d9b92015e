"""Who may write the status of a claim: the rights that are asked beside the one for the subresource."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from fakekube.errors import Invalid
from fakekube.kinds.resource.resource_claim import STRATEGY

ON_NODE = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]
ALLOCATION = {
    "devices": {"results": [{"request": "r", "driver": "d.io", "pool": "p", "device": "x"}]},
    "nodeSelector": {"nodeSelectorTerms": ON_NODE},
}
DEVICE = {"driver": "d.io", "pool": "p", "device": "x"}
ANYWHERE, HERE = "arbitrary-node:patch resourceclaims/driver d.io", "associated-node:patch resourceclaims/driver d.io"
NODE = "authentication.kubernetes.io/node-name"


def claim(**status: Any) -> dict[str, Any]:
    requests = [{"name": "r", "exactly": {"deviceClassName": "c"}}]
    made = {"metadata": {"name": "c", "namespace": "shop"}, "spec": {"devices": {"requests": requests}}}
    return {**made, "status": copy.deepcopy(status)}


def why_not(operation: Any, new: dict[str, Any], old: dict[str, Any]) -> list[str]:
    with pytest.raises(Invalid) as refused:
        STRATEGY.prepare_status_update(new, old, operation)
    return [f"{each['field']}: {each['message']}" for each in (refused.value.details or {})["causes"]]


def test_who_allocates_may_bind(operation: Any) -> None:
    operation.refused = {"patch resourceclaims/binding"}

    assert why_not(operation, claim(allocation=ALLOCATION), claim()) == [
        "status.allocation: Forbidden: changing status.allocation or status.reservedFor requires "
        'resource="resourceclaims/binding", verb="patch" permission: not patch resourceclaims/binding'
    ]


def test_who_leaves_the_allocation_alone_need_not_bind(operation: Any) -> None:
    operation.refused = {"patch resourceclaims/binding"}

    STRATEGY.prepare_status_update(
        claim(allocation=ALLOCATION, devices=[DEVICE]), claim(allocation=ALLOCATION), operation
    )


def test_who_speaks_of_a_device_may_speak_for_its_driver(operation: Any) -> None:
    operation.refused = {ANYWHERE, HERE}

    (why,) = why_not(operation, claim(allocation=ALLOCATION, devices=[DEVICE]), claim(allocation=ALLOCATION))

    assert why == (
        'status.devices: Forbidden: changing status.devices requires resource="resourceclaims/driver", '
        f'verb="[arbitrary-node:patch]" permission: not {ANYWHERE}'
    )


@pytest.mark.parametrize(("node", "may"), [("n1", True), ("n2", False)])
def test_a_pod_on_the_node_of_the_claim_needs_no_right_for_all_nodes(operation: Any, node: str, may: bool) -> None:
    operation.refused = {ANYWHERE}
    operation.user = replace(operation.user, name="system:serviceaccount:shop:default", extra={NODE: (node,)})
    new, old = claim(allocation=ALLOCATION, devices=[DEVICE]), claim(allocation=ALLOCATION)

    if may:
        STRATEGY.prepare_status_update(new, old, operation)
    else:
        assert len(why_not(operation, new, old)) == 1
