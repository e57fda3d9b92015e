from __future__ import annotations

import copy
from typing import Any

import pytest

from fakekube.admission import Chain
from fakekube.api import token_request
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import StatusError
from tests.api.conftest import MakeCall, Put


def request(*, metadata: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": metadata or {}, "spec": {"expirationSeconds": 3600, **spec}}


def bound(kind: str = "Pod", name: str = "p", **more: str) -> dict[str, Any]:
    return request(boundObjectRef={"kind": kind, "apiVersion": "v1", "name": name, **more})


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        (request(metadata={"name": "other"}), 422, "must match the service account name if specified"),
        (
            request(metadata={"uid": "u"}),
            409,
            "the UID in the token request (u) does not match the UID of the service account",
        ),
        (request(expirationSeconds=599), 422, "Invalid value: 599: may not specify a duration less than 10 minutes"),
        (request(expirationSeconds=(1 << 32) + 1), 422, "may not specify a duration larger than 2^32 seconds"),
        (bound("ConfigMap"), 400, "cannot bind token to object of type /v1, Kind=ConfigMap"),
        (
            request(boundObjectRef={"kind": "Robot", "apiVersion": "a/b/c", "name": "p"}),
            400,
            "cannot bind token to object of type /, Kind=Robot",
        ),
        (bound(name=""), 400, "Name parameter required."),
        (bound(name="missing"), 404, 'pods "missing" not found'),
        (bound("Node", "missing"), 404, 'nodes "missing" not found'),
        (bound(), 400, "to pod running with different serviceaccount name."),
        (bound("Secret", "s", uid="u"), 409, 'fulfilled on Secret "s": the UID in the bound object reference (u)'),
    ],
)
async def test_a_request_that_cannot_be_met_is_refused(
    plane: ControlPlane, call: MakeCall, put: Put, asked: dict[str, Any], code: int, message: str
) -> None:
    await put("serviceaccounts", "robot")
    await put("secrets", "s")
    await put("pods", "p", spec={"serviceAccountName": "other", "containers": [{"name": "c", "image": "i"}]})

    with pytest.raises(StatusError) as refused:
        await token_request.issue(plane, call("serviceaccounts", "robot", "token"), asked, dry_run=False)

    assert refused.value.status_code == code
    assert message in refused.value.message


async def test_a_missing_account_gets_no_token(plane: ControlPlane, call: MakeCall) -> None:
    with pytest.raises(StatusError, match='serviceaccounts "robot" not found'):
        await token_request.issue(plane, call("serviceaccounts", "robot", "token"), request(), dry_run=False)


async def test_a_request_without_audiences_gets_a_token_for_the_server_itself(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    await put("serviceaccounts", "robot")

    nothing = {"apiVersion": "authentication.k8s.io/v1", **request(boundObjectRef=None)}
    answer = await token_request.issue(plane, call("serviceaccounts", "robot", "token"), nothing, dry_run=False)

    assert answer["spec"]["expirationSeconds"] == 3600
    user, audiences = plane.service_account_tokens.verify(answer["status"]["token"])
    assert (user.name, audiences) == ("system:serviceaccount:shop:robot", answer["spec"]["audiences"])


async def test_who_judges_a_request_sees_what_the_token_will_say(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    account = (await put("serviceaccounts", "robot")).value
    seen: list[dict[str, Any]] = []

    class Watching(Chain):
        async def validate(self, obj: Any, old: Any, attributes: Any) -> None:
            seen.append(copy.deepcopy(obj))

    plane.admission = Watching(())
    nothing = {"apiVersion": "authentication.k8s.io/v1", **request(boundObjectRef=None)}
    answer = await token_request.issue(plane, call("serviceaccounts", "robot", "token"), nothing, dry_run=False)

    ((metadata, spec),) = [(each["metadata"], each["spec"]) for each in seen]
    assert (metadata["name"], metadata["namespace"], metadata["uid"]) == ("robot", "shop", account["metadata"]["uid"])
    assert spec["audiences"] == answer["spec"]["audiences"]
