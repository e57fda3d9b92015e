"""When pods get new tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fakekube.kubelet.source import Token, TokenError, TokenRequest
from fakekube.kubelet.token_manager import TokenManager, renew_at

BEGIN = datetime(2026, 1, 2, tzinfo=UTC)
KEY = '"robot"/"shop"/[]string(nil)/3607/v1.BoundObjectReference{Kind:"Pod", APIVersion:"v1", Name:"p", UID:"u-1"}'


class Cluster:
    """Issues tokens while it can, and keeps the time."""

    def __init__(self, jitter: timedelta = timedelta()) -> None:
        self.now = BEGIN
        self.issued = 0
        self.fails = ""
        self.manager = TokenManager(self.request, lambda: self.now, lambda: jitter)

    def request(self, request: TokenRequest) -> Token:
        if self.fails:
            raise TokenError(self.fails)
        self.issued += 1
        return Token(f"token-{self.issued}", self.now, self.now + timedelta(seconds=request.expiration_seconds))

    def token(self, after_s: float = 0, *, seconds: int = 3607, audience: str = "", uid: str = "u-1") -> str:
        self.now += timedelta(seconds=after_s)
        return self.manager.token(TokenRequest("shop", "robot", audience, seconds, "p", uid)).text


def test_a_token_is_kept_until_the_last_fifth_of_its_time() -> None:
    cluster = Cluster()

    # A fifth of 3607 seconds, whole seconds: 721.
    assert cluster.token() == "token-1"
    assert cluster.token(3607 - 721) == "token-1"
    assert cluster.token(1) == "token-2"


def test_a_token_is_replaced_earlier_by_the_jitter() -> None:
    cluster = Cluster(jitter=timedelta(seconds=10))
    cluster.token()

    assert cluster.token(3607 - 721 - 10) == "token-1"
    assert cluster.token(1) == "token-2"


def test_no_token_grows_older_than_a_day() -> None:
    cluster, day_s, week_s = Cluster(), 24 * 3600, 7 * 24 * 3600
    cluster.token(seconds=week_s)

    assert cluster.token(day_s, seconds=week_s) == "token-1"
    assert cluster.token(1, seconds=week_s) == "token-2"


def test_a_token_from_the_future_is_replaced() -> None:
    cluster = Cluster()
    cluster.token()

    assert cluster.token(-60) == "token-2"


@pytest.mark.parametrize(("seconds", "after_s"), [(600, 480), (3607, 2886), (86400 * 2, 86400)])
def test_the_time_of_replacement_is_known_beforehand(seconds: int, after_s: int) -> None:
    token = Token("t", BEGIN, BEGIN + timedelta(seconds=seconds))

    assert renew_at(token, seconds) == BEGIN + timedelta(seconds=after_s)


def test_each_pod_and_each_audience_has_its_own() -> None:
    cluster = Cluster()

    tokens = [cluster.token(), cluster.token(audience="vault"), cluster.token(uid="u-2"), cluster.token()]

    assert tokens == ["token-1", "token-2", "token-3", "token-1"]


def test_without_a_first_token_the_pod_is_told_why() -> None:
    cluster = Cluster()
    cluster.fails = 'serviceaccounts "robot" not found'

    with pytest.raises(TokenError) as refused:
        cluster.token()

    assert str(refused.value) == 'failed to fetch token: serviceaccounts "robot" not found'


def test_the_old_token_serves_on_until_it_expires() -> None:
    cluster = Cluster()
    cluster.token()
    cluster.fails = "connection refused"

    assert cluster.token(3607) == "token-1"
    with pytest.raises(TokenError) as refused:
        cluster.token(1)

    assert str(refused.value) == f"token {KEY} expired and refresh failed: connection refused"


def test_the_key_of_a_token_for_others_names_the_audience() -> None:
    cluster = Cluster()
    cluster.token(audience="vault")
    cluster.fails = "no"

    with pytest.raises(TokenError, match=r'^token "robot"/"shop"/\[\]string\{"vault"\}/3607/'):
        cluster.token(3608, audience="vault")


def test_tokens_of_pods_that_are_gone_are_forgotten() -> None:
    cluster = Cluster()
    cluster.token()
    cluster.token(uid="u-2")

    cluster.manager.forget("u-1")

    assert cluster.token(uid="u-2") == "token-2"
    assert cluster.token() == "token-3"


def test_no_token_shows_in_what_is_printed() -> None:
    assert "secret" not in repr(Token("secret", BEGIN, BEGIN))
