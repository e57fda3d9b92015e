"""FlowSchemas say whether their priority level is there."""

from __future__ import annotations

import pytest

from fakekube.controllers import flow_schema_status as controller
from tests.controllers.clashes import ClashingCluster
from tests.controllers.in_memory import Cluster, Object

FOUND = 'This FlowSchema references the PriorityLevelConfiguration object named "level" and it exists'
MISSING = 'This FlowSchema references the PriorityLevelConfiguration object named "level" but there is no such object'


def schema(level: str) -> Object:
    spec = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": 1000}
    return {"metadata": {"name": "s"}, "spec": spec, "status": {}}


def dangling(cluster: Cluster) -> Object:
    found = cluster.get(controller.SCHEMAS, "", "s")
    assert found is not None
    (condition,) = found["status"]["conditions"]
    assert isinstance(condition, dict)
    return condition


@pytest.mark.parametrize("write", range(2))
def test_a_flow_schema_dangles_while_its_level_is_not_there(write: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        assert isinstance(cluster, ClashingCluster)
        await cluster.create(controller.SCHEMAS, schema("level"))
        cluster.clash_at = write
        await cluster.settle()
        cluster.clash_at = None
        made = cluster.clock.timestamp()
        first = dangling(cluster)
        cluster.clock.advance(60)
        await cluster.create(controller.LEVELS, {"metadata": {"name": "level"}, "spec": {"type": "Exempt"}})
        await cluster.settle()
        second, later = dangling(cluster), cluster.clock.timestamp()
        await cluster.delete(controller.LEVELS, "", "level")
        await cluster.settle()

        assert first == {
            "type": "Dangling",
            "status": "True",
            "lastTransitionTime": made,
            "reason": "NotFound",
            "message": MISSING,
        }
        assert second == {
            "type": "Dangling",
            "status": "False",
            "lastTransitionTime": later,
            "reason": "Found",
            "message": FOUND,
        }
        assert dangling(cluster)["message"] == MISSING
        assert await cluster.writes_of_a_second_look() == []

    ClashingCluster((controller.CONTROLLER,)).run(scenario)


def test_a_flow_schema_that_names_another_level_tells_of_that() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create(controller.LEVELS, {"metadata": {"name": "level"}, "spec": {"type": "Exempt"}})
        await cluster.create(controller.SCHEMAS, schema("other"))
        await cluster.settle()
        await cluster.patch(controller.SCHEMAS, "", "s", {"spec": {"priorityLevelConfiguration": {"name": "level"}}})
        await cluster.settle()

        assert dangling(cluster)["message"] == FOUND

    Cluster((controller.CONTROLLER,)).run(scenario)
