"""ClusterRoles that are gathered from others."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.controllers import cluster_role_aggregation
from fakekube.controllers.cluster_role_aggregation import gathered
from tests.controllers.clashes import ClashingCluster
from tests.controllers.in_memory import Cluster, Object

ROLES = "clusterroles.rbac.authorization.k8s.io"
PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
JOBS = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get"]}


def a_role(name: str, *rules: Object, part_of: str = "", gathers: str = "") -> Object:
    role: dict[str, Any] = {"metadata": {"name": name, "labels": {f"to-{part_of}": "true"} if part_of else {}}}
    if gathers:
        role["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {f"to-{gathers}": "true"}}]}
    return {**role, "rules": list(rules) or None}


def rules(cluster: Cluster, name: str) -> list[Object]:
    role = cluster.get(ROLES, "", name)
    assert role is not None
    return role.get("rules") or []


def test_the_rules_of_all_that_match_are_gathered_once_each_by_the_roles_names() -> None:
    roles = [a_role("b", JOBS, part_of="all"), a_role("c", PODS, JOBS, part_of="all"), a_role("d", PODS)]
    assert gathered(a_role("all", gathers="all"), roles) == [JOBS, PODS]


def test_a_role_is_no_part_of_itself() -> None:
    role = {**a_role("all", PODS, part_of="all", gathers="all")}
    assert gathered(role, [role]) == []


def test_rules_come_and_go_with_the_roles_that_have_them() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create(ROLES, a_role("all", gathers="all"))
        await cluster.create(ROLES, a_role("pods", PODS, part_of="all"))
        await cluster.settle()
        assert rules(cluster, "all") == [PODS]
        await cluster.patch(ROLES, "", "all", {"rules": [JOBS]})
        await cluster.settle()
        assert rules(cluster, "all") == [PODS]  # what somebody has written there is overwritten
        await cluster.delete(ROLES, "", "pods")
        await cluster.settle()
        assert rules(cluster, "all") == []

    Cluster((cluster_role_aggregation.CONTROLLER,)).run(scenario)


def test_what_is_gathered_is_gathered_further() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create(ROLES, a_role("admin", gathers="admin"))
        await cluster.create(ROLES, a_role("edit", gathers="edit", part_of="admin"))
        await cluster.create(ROLES, a_role("pods", PODS, part_of="edit"))
        await cluster.settle()
        assert rules(cluster, "admin") == [PODS]

    Cluster((cluster_role_aggregation.CONTROLLER,)).run(scenario)


@pytest.mark.parametrize("write", range(2))
def test_a_clash_at_any_write_leaves_the_same_rules_and_a_second_look_writes_nothing(write: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        assert isinstance(cluster, ClashingCluster)
        await cluster.create(ROLES, a_role("admin", gathers="admin"))
        await cluster.create(ROLES, a_role("edit", gathers="edit", part_of="admin"))
        await cluster.create(ROLES, a_role("pods", PODS, part_of="edit"))
        cluster.clash_at = write
        await cluster.settle()
        cluster.clash_at = None
        assert rules(cluster, "admin") == [PODS]
        assert await cluster.writes_of_a_second_look() == []

    ClashingCluster((cluster_role_aggregation.CONTROLLER,)).run(scenario)
