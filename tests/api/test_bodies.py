"""Bodies that decoding takes and other readers of the same bytes might not."""

from __future__ import annotations

from fakekube.api import create
from fakekube.api.control_plane import ControlPlane

from .conftest import MakeCall


async def test_half_a_surrogate_pair_beside_managed_fields_is_no_error(plane: ControlPlane, call: MakeCall) -> None:
    body = rb'{"metadata": {"name": "a", "managedFields": []}, "data": {"x": "\ud800"}}'

    stored = await create.create(plane, call("configmaps"), body, "application/json")

    assert stored.name == "a"
