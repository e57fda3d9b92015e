from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from fakekube import FakeCluster
from fakekube.in_pod.cluster_source import ClusterSource
from fakekube.in_pod.connection import Connection
from fakekube.kubelet.source import TokenError, TokenRequest


@pytest.fixture
def source(connection: Connection) -> ClusterSource:
    return ClusterSource(connection, ("127.96.0.1", 443))


def test_objects_are_asked_for_once_and_missing_ones_are_none(kube: FakeCluster, source: ClusterSource) -> None:
    data = {"password": base64.b64encode(b"x").decode()}
    kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "door"}, "data": data})

    assert [source.secret("default", "door"), source.secret("default", "door")] == [kube.get("secret", "door")] * 2
    assert source.config_map("default", "none") is None
    assert source.claim("default", "none") is None
    asked = [each.path for each in kube.requests if each.path.endswith("/secrets/door")]
    assert len(asked) == 2  # one of them is the test's own


def test_what_is_followed_takes_the_place_of_what_was_asked(source: ClusterSource) -> None:
    assert not source.learn("configmaps", "default", "colours", {"data": {"sky": "blue"}})  # nobody has asked for it
    assert source.config_map("default", "colours") is None

    assert source.learn("configmaps", "default", "colours", {"data": {"sky": "blue"}})
    assert not source.learn("configmaps", "default", "colours", {"data": {"sky": "blue"}})
    assert source.config_map("default", "colours") == {"data": {"sky": "blue"}}


def test_programs_are_told_where_the_view_reaches_the_server(source: ClusterSource) -> None:
    [service] = source.services("default")

    assert (service["spec"]["clusterIP"], service["spec"]["ports"][0]["port"]) == ("127.96.0.1", 443)


def test_a_token_is_bound_to_the_pod_and_kept(kube: FakeCluster, connection: Connection, source: ClusterSource) -> None:
    kube.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web"},
            "spec": {"containers": [{"name": "main", "image": "web"}]},
        }
    )
    uid = kube.get("pod", "web")["metadata"]["uid"]

    tokens = [source.token(TokenRequest("default", "default", "", 3607, "web", uid)) for _ in range(2)]

    assert tokens[0] == tokens[1]
    assert abs(tokens[0].expires_at - datetime.now(UTC) - timedelta(seconds=3607)) < timedelta(seconds=30)
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": tokens[0].text}}
    user = connection.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body=review)["status"]["user"]
    assert user["extra"]["authentication.kubernetes.io/pod-name"] == ["web"]


def test_a_token_that_is_not_to_be_had_is_told_as_a_kubelet_does(kube: FakeCluster, source: ClusterSource) -> None:
    with pytest.raises(TokenError, match='failed to fetch token: serviceaccounts "nobody" not found'):
        source.token(TokenRequest("default", "nobody", "", 3607, "web", "u"))
