from __future__ import annotations

from typing import Any

import pytest

from fakekube.api.binding import bind
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import StatusError
from tests.api.conftest import MakeCall, Put

POD = {"containers": [{"name": "c", "image": "i"}]}


def binding(name: str = "p", node: str = "n", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}, "target": {"kind": "Node", "name": node}}


async def test_a_bound_pod_has_its_node_and_the_labels_of_the_binding(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    await put("pods", "p", {"l": "1"}, spec=POD)

    await bind(plane, call("pods", "p", "binding"), binding(labels={"l": "2"}, annotations={"by": "me"}))

    pod = plane.get("", "pods", "shop", "p")
    assert pod is not None
    assert pod["spec"]["nodeName"] == "n"
    assert (pod["metadata"]["labels"], pod["metadata"]["annotations"]) == ({"l": "2"}, {"by": "me"})
    assert pod["metadata"]["generation"] == 1
    conditions = [(each["type"], each["status"]) for each in pod["status"]["conditions"]]
    assert conditions == [("PodScheduled", "True")]


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        (binding(node=""), 500, "target.name: Required value"),
        (
            {"metadata": {"name": "p"}, "target": {"kind": "Pod", "name": "n"}},
            500,
            'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"',
        ),
        (binding("other"), 400, "name in URL does not match name in Binding object"),
    ],
)
async def test_a_binding_that_makes_no_sense_is_refused(
    plane: ControlPlane, call: MakeCall, put: Put, asked: dict[str, Any], code: int, message: str
) -> None:
    await put("pods", "p", spec=POD)

    with pytest.raises(StatusError) as refused:
        await bind(plane, call("pods", "p", "binding"), asked)

    assert (refused.value.status_code, refused.value.message) == (code, message)


async def test_a_pod_is_placed_once(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    await put("pods", "p", spec=POD)
    await bind(plane, call("pods", "p", "binding"), binding())

    with pytest.raises(StatusError, match=r'pods/binding "p": pod p is already assigned to node "n"'):
        await bind(plane, call("pods", "p", "binding"), binding(node="other"))


async def test_a_gated_pod_is_not_placed(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    await put("pods", "p", spec={**POD, "schedulingGates": [{"name": "example.com/wait"}]})

    with pytest.raises(StatusError, match=r"pod p has non-empty .spec.schedulingGates"):
        await bind(plane, call("pods", "p", "binding"), binding())


async def test_a_dry_run_places_nothing(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    await put("pods", "p", spec=POD)

    await bind(plane, call("pods", "p", "binding"), binding(), dry_run=True)

    pod = plane.get("", "pods", "shop", "p")
    assert pod is not None
    assert "nodeName" not in pod["spec"]
