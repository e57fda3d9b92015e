"""Secrets that hold the token of a service account."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import pytest

from fakekube.controllers import token_secrets
from tests.controllers.clashes import ClashingCluster
from tests.controllers.in_memory import Cluster, Object

TYPE = "kubernetes.io/service-account-token"
NAME, UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"


def cluster(of: type[Cluster] = Cluster) -> Cluster:
    def issue(account: Object, secret: str) -> str:
        return f"token of {account['metadata']['uid']} in {secret}"

    plane = SimpleNamespace(service_account_tokens=SimpleNamespace(issue_legacy=issue))
    return of((token_secrets.CONTROLLER,), plane=plane)


def a_secret(name: str = "robot-token", **more: Any) -> Object:
    metadata = {"name": name, "namespace": "shop", "annotations": {NAME: "robot", **more.pop("annotations", {})}}
    return {"metadata": metadata, "type": TYPE, **more}


async def an_account(cluster: Cluster) -> str:
    account = await cluster.create("serviceaccounts", {"metadata": {"name": "robot", "namespace": "shop"}})
    uid: str = account["metadata"]["uid"]
    return uid


def decoded(secret: Object | None) -> dict[str, str]:
    assert secret is not None
    return {key: base64.b64decode(text).decode() for key, text in secret["data"].items()}


def test_a_secret_gets_token_authority_namespace_and_the_uid_of_the_account() -> None:
    async def scenario(cluster: Cluster) -> None:
        uid = await an_account(cluster)
        await cluster.create("secrets", a_secret(data={"mine": base64.b64encode(b"x").decode()}))
        await cluster.settle()
        secret = cluster.get("secrets", "shop", "robot-token")
        told = {"token": f"token of {uid} in robot-token", "ca.crt": "PEM", "namespace": "shop", "mine": "x"}
        assert decoded(secret) == told
        assert secret is not None
        assert secret["metadata"]["annotations"][UID] == uid

    cluster().run(scenario)


def test_a_secret_goes_with_its_account_and_one_for_an_account_that_is_not_there_at_once() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("secrets", a_secret("early"))
        await cluster.settle()
        assert cluster.list("secrets") == []
        await an_account(cluster)
        await cluster.create("secrets", a_secret())
        await cluster.create("secrets", {**a_secret("other"), "type": "Opaque"})
        await cluster.settle()
        await cluster.delete("serviceaccounts", "shop", "robot")
        await cluster.settle()
        assert [each["metadata"]["name"] for each in cluster.list("secrets")] == ["other"]

    cluster().run(scenario)


def test_another_certificate_is_put_right_and_another_namespace_stays() -> None:
    async def scenario(cluster: Cluster) -> None:
        await an_account(cluster)
        wrong = base64.b64encode(b"wrong").decode()
        await cluster.create("secrets", a_secret(data={"ca.crt": wrong, "namespace": wrong}))
        await cluster.settle()
        data = decoded(cluster.get("secrets", "shop", "robot-token"))
        assert (data["ca.crt"], data["namespace"]) == ("PEM", "wrong")

    cluster().run(scenario)


def test_a_secret_of_an_account_that_was_made_again_goes() -> None:
    async def scenario(cluster: Cluster) -> None:
        await an_account(cluster)
        await cluster.create("secrets", a_secret(annotations={UID: "another"}))
        await cluster.settle()
        assert cluster.list("secrets") == []

    cluster().run(scenario)


def test_what_somebody_takes_out_of_the_secret_comes_back() -> None:
    async def scenario(cluster: Cluster) -> None:
        await an_account(cluster)
        await cluster.create("secrets", a_secret())
        await cluster.settle()
        before = decoded(cluster.get("secrets", "shop", "robot-token"))
        await cluster.patch("secrets", "shop", "robot-token", {"data": {"token": None, "ca.crt": "AA=="}})
        await cluster.settle()
        assert decoded(cluster.get("secrets", "shop", "robot-token")) == before

    cluster().run(scenario)


@pytest.mark.parametrize("write", range(2))
def test_a_clash_at_any_write_leaves_the_same_secret_and_a_second_look_writes_nothing(write: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        assert isinstance(cluster, ClashingCluster)
        await an_account(cluster)
        cluster.clash_at = write + 1  # the first one is the test's
        await cluster.create("secrets", a_secret())
        await cluster.settle()
        cluster.clash_at = None
        assert set(decoded(cluster.get("secrets", "shop", "robot-token"))) == {"token", "ca.crt", "namespace"}
        assert await cluster.writes_of_a_second_look() == []

    cluster(ClashingCluster).run(scenario)
