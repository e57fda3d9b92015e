from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from fakekube.access.authentication import Authenticator
from fakekube.access.signing_keys import ALGORITHMS, KeyRing, create_key
from fakekube.access.tokens import ISSUER, InvalidToken, ServiceAccountTokens
from fakekube.errors import Unauthorized
from fakekube.registry.user import ANONYMOUS, User

Object = dict[str, Any]

KEYS = {algorithm: create_key(algorithm) for algorithm in ALGORITHMS}


class Cluster:
    """Objects by resource, namespace and name, and a clock that stands."""

    def __init__(self, key: str = KEYS["ES256"]) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self.tokens = ServiceAccountTokens(KeyRing(lambda: [key]), self.get, lambda: self.time, lambda: "j-1")
        self.authenticator = Authenticator({}, self.tokens)
        self.robot = self.put("serviceaccounts", "robot", "u-1")

    def get(self, group: str, resource: str, namespace: str, name: str) -> Object | None:
        return self.objects.get((resource, namespace, name))

    def put(self, resource: str, name: str, uid: str, **more: Any) -> Object:
        kind = {"serviceaccounts": "ServiceAccount", "pods": "Pod", "secrets": "Secret", "nodes": "Node"}[resource]
        namespace = "" if kind == "Node" else "shop"
        obj = {"kind": kind, "metadata": {"name": name, "namespace": namespace, "uid": uid}, **more}
        self.objects[resource, namespace, name] = obj
        return obj

    def token(
        self, bound_to: Object | None = None, *, audiences: tuple[str, ...] = (ISSUER,), seconds: int = 600
    ) -> str:
        return self.tokens.issue(self.robot, audiences, seconds, bound_to)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def refusal(cluster: Cluster, token: str) -> str:
    """Why a review refuses the token, which a request is not told."""
    with pytest.raises(Unauthorized, match=r"^Unauthorized$"):
        cluster.authenticator.by_token(token)
    with pytest.raises(InvalidToken) as refused:
        cluster.tokens.verify(token)
    return str(refused.value)


def forged(token: str, *, header: Object | None = None, signature: str | None = None, **claims: Any) -> str:
    parts = token.split(".")
    for i, changes in ((0, header or {}), (1, claims)):
        content = orjson.loads(base64.urlsafe_b64decode(parts[i] + "=="))
        parts[i] = base64.urlsafe_b64encode(orjson.dumps({**content, **changes})).rstrip(b"=").decode()
    return ".".join([*parts[:2], parts[2] if signature is None else signature])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_is_its_accounts(algorithm: str) -> None:
    cluster = Cluster(KEYS[algorithm])

    user = cluster.authenticator.by_token(cluster.token())

    groups = ("system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated")
    extra = {"authentication.kubernetes.io/credential-id": ("JTI=j-1",)}
    assert user == User("system:serviceaccount:shop:robot", groups, "u-1", extra)


def test_a_pods_token_tells_pod_and_node(cluster: Cluster) -> None:
    cluster.put("nodes", "n", "u-3")
    pod = cluster.put("pods", "p", "u-2", spec={"nodeName": "n"})

    extra = cluster.authenticator.by_token(cluster.token(pod)).extra

    told = {key.removeprefix("authentication.kubernetes.io/"): values for key, values in extra.items()}
    assert told == {
        "credential-id": ("JTI=j-1",), "pod-name": ("p",), "pod-uid": ("u-2",), "node-name": ("n",), "node-uid": ("u-3",)
    }  # fmt: skip


def test_a_pods_own_token_is_to_be_renewed_after_an_hour_and_good_for_a_year(cluster: Cluster) -> None:
    pod = cluster.put("pods", "p", "u-2", spec={})

    token = cluster.token(pod, seconds=3607)

    claims = orjson.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] == 31_536_000
    assert claims["kubernetes.io"]["warnafter"] - claims["iat"] == 3607


def test_an_expired_token_is_refused_after_a_minutes_grace(cluster: Cluster) -> None:
    token = cluster.token(seconds=600)

    cluster.time += timedelta(seconds=659)
    assert cluster.authenticator.by_token(token)
    cluster.time += timedelta(seconds=2)

    assert refusal(cluster, token) == "[invalid bearer token, service account token has expired]"


def test_a_token_of_the_future_is_refused(cluster: Cluster) -> None:
    token = cluster.token()

    cluster.time -= timedelta(seconds=61)

    assert refusal(cluster, token) == "[invalid bearer token, service account token is not valid yet]"


def test_a_token_for_others_is_refused(cluster: Cluster) -> None:
    token = cluster.token(audiences=("a", "b"))

    told = f'token audiences ["a" "b"] is invalid for the target audiences ["{ISSUER}"]'
    assert refusal(cluster, token) == f"[invalid bearer token, {told}]"
    assert cluster.tokens.verify(token, ("c", "b", "a"))[1] == ["b", "a"]


def test_a_token_of_another_cluster_is_refused(cluster: Cluster) -> None:
    other = Cluster(create_key())

    assert refusal(cluster, other.token()) == "[invalid bearer token, invalid signature, no keys found]"


def test_a_token_signed_by_another_key_in_our_keys_name_is_refused(cluster: Cluster) -> None:
    other = Cluster(create_key())
    (key,) = cluster.tokens.keys.keys
    stranger = other.tokens.keys.keys[0]
    stranger.id = key.id

    assert (
        refusal(cluster, other.token()) == "[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]"
    )


@pytest.mark.parametrize("signature", ["", None])
def test_a_token_that_says_that_it_needs_no_signature_is_refused(cluster: Cluster, signature: str | None) -> None:
    token = forged(cluster.token(), header={"alg": "none"}, signature=signature)

    assert refusal(cluster, token) == "invalid bearer token"


def test_a_signature_made_with_the_public_key_as_a_secret_is_refused(cluster: Cluster) -> None:
    assert refusal(cluster, forged(cluster.token(), header={"alg": "HS256"})) == "invalid bearer token"


def test_changed_claims_are_refused(cluster: Cluster) -> None:
    token = forged(cluster.token(), exp=1 << 40)

    assert refusal(cluster, token) == "[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]"


def test_of_a_token_every_beginning_is_refused(cluster: Cluster) -> None:
    token = cluster.token()

    for length in range(len(token)):
        assert "invalid bearer token" in refusal(cluster, token[:length])


@pytest.mark.parametrize(
    "text", ["", "x", "..", "aaa.bbb.ccc", "a.b.c.d", "ä.ö.ü", "bnVsbA.bnVsbA.", "e30.e30.e30", "W10.W10.W10"]
)
def test_what_is_no_token_is_refused(cluster: Cluster, text: str) -> None:
    assert refusal(cluster, text) == "invalid bearer token"


def test_the_token_of_an_account_that_has_gone_is_refused_at_once(cluster: Cluster) -> None:
    token = cluster.token()
    cluster.authenticator.by_token(token)

    del cluster.objects["serviceaccounts", "shop", "robot"]

    assert refusal(cluster, token) == '[invalid bearer token, serviceaccounts "robot" not found]'


def test_the_token_of_an_account_that_was_made_again_is_refused(cluster: Cluster) -> None:
    token = cluster.token()
    cluster.authenticator.by_token(token)

    cluster.put("serviceaccounts", "robot", "u-9")

    assert refusal(cluster, token) == "[invalid bearer token, service account UID (u-9) does not match claim (u-1)]"


@pytest.mark.parametrize("resource", ["pods", "secrets", "nodes"])
@pytest.mark.parametrize("again", [True, False])
def test_a_bound_token_ends_with_what_it_is_bound_to(cluster: Cluster, resource: str, again: bool) -> None:
    bound_to = cluster.put(resource, "x", "u-2", spec={})
    token = cluster.token(bound_to)
    assert cluster.authenticator.by_token(token)

    del cluster.objects[resource, bound_to["metadata"]["namespace"], "x"]
    if again:
        cluster.put(resource, "x", "u-3", spec={})

    kind = resource.removesuffix("s")
    told = f"{kind} UID (u-3) does not match service account {kind} ref claim (u-2)"
    assert refusal(cluster, token) == (
        f"[invalid bearer token, {told if again else 'service account token has been invalidated'}]"
    )


def test_an_account_that_is_being_deleted_counts_for_a_minute(cluster: Cluster) -> None:
    token = cluster.token()
    cluster.robot["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"

    assert cluster.authenticator.by_token(token)
    cluster.time += timedelta(seconds=61)

    assert refusal(cluster, token) == "[invalid bearer token, service account shop/robot has been deleted]"


def test_a_pod_that_is_being_deleted_counts_for_a_minute(cluster: Cluster) -> None:
    pod = cluster.put("pods", "p", "u-2", spec={})
    token = cluster.token(pod)
    pod["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"

    assert cluster.authenticator.by_token(token)
    cluster.time += timedelta(seconds=61)

    assert "has been invalidated" in refusal(cluster, token)


def test_the_end_of_its_node_is_not_the_end_of_a_pods_token(cluster: Cluster) -> None:
    cluster.put("nodes", "n", "u-3")
    token = cluster.token(cluster.put("pods", "p", "u-2", spec={"nodeName": "n"}))

    del cluster.objects["nodes", "", "n"]

    assert cluster.authenticator.by_token(token)


def test_a_token_in_a_secret_that_is_marked_invalid_is_refused(cluster: Cluster) -> None:
    token = cluster.tokens.issue_legacy(cluster.robot, "s")
    secret = cluster.put("secrets", "s", "u-4", data={"token": base64.b64encode(token.encode()).decode()})
    assert cluster.authenticator.by_token(token)

    secret["metadata"]["labels"] = {"kubernetes.io/legacy-token-invalid-since": "2025-01-01"}

    assert refusal(cluster, token).startswith(
        "[invalid bearer token, the token in secret shop/s for service account shop/robot has been marked invalid. Use "
    )


def test_a_review_reads_a_token_as_a_header_does() -> None:
    authenticator = Authenticator({"secret": User("jane")})

    assert authenticator.review("secret and more", [ISSUER])[0].name == "jane"
    assert authenticator.review(" secret", ["a"]) == (ANONYMOUS, ["a"])


def test_a_token_in_a_secret_is_good_as_long_as_it_lies_there(cluster: Cluster) -> None:
    token = cluster.tokens.issue_legacy(cluster.robot, "s")
    cluster.put("secrets", "s", "u-4", data={"token": base64.b64encode(token.encode()).decode()})
    told: list[tuple[str, str]] = []
    authenticator = Authenticator({}, cluster.tokens, legacy_token_used=lambda *secret: told.append(secret))

    assert authenticator.by_token(token).uid == "u-1"
    assert told == [("shop", "s")]
    del cluster.objects["secrets", "shop", "s"]

    assert refusal(cluster, token) == "[invalid bearer token, Token has been invalidated]"


def test_a_token_is_verified_once_and_then_looked_up(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    token = cluster.token()
    cluster.authenticator.by_token(token)

    monkeypatch.setattr("fakekube.access.signing_keys.SigningKey.verifies", lambda *_: pytest.fail("verified again"))

    assert cluster.authenticator.by_token(token)


def test_nothing_shows_a_key_or_a_token(cluster: Cluster) -> None:
    token = cluster.tokens.issue_legacy(cluster.robot, "s")
    cluster.put("secrets", "s", "u-4", data={"token": base64.b64encode(token.encode()).decode()})
    cluster.authenticator.by_token(token)

    shown = repr([cluster.tokens, cluster.tokens.keys, cluster.tokens.keys.keys, cluster.tokens._verified[token]])

    assert token not in shown
    assert "PRIVATE" not in shown
