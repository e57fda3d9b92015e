from __future__ import annotations

import pytest

from fakekube.api.component_statuses import get_component_status, list_component_statuses
from fakekube.errors import StatusError
from tests.api.conftest import MakeCall


def test_every_part_of_the_control_plane_is_well(call: MakeCall) -> None:
    components = [stored.value for stored in list_component_statuses(call("componentstatuses"))]

    assert [each["metadata"]["name"] for each in components] == ["controller-manager", "etcd-0", "scheduler"]
    assert all(each["conditions"] == [{"type": "Healthy", "status": "True", "message": "ok"}] for each in components)


def test_selectors_pick_parts(call: MakeCall) -> None:
    assert list_component_statuses(call("componentstatuses", labelSelector="none")) == []
    (only,) = list_component_statuses(call("componentstatuses", fieldSelector="metadata.name=scheduler"))
    assert only.name == "scheduler"


def test_there_is_no_other_part(call: MakeCall) -> None:
    with pytest.raises(StatusError, match="Component not found: kubelet") as refused:
        get_component_status(call("componentstatuses", "kubelet"))

    assert (refused.value.status_code, refused.value.status_reason) == (500, "")
