"""Tokens by which machines join."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from fakekube.access.authentication import API_AUDIENCE, Authenticator, InvalidToken
from fakekube.access.bootstrap_tokens import BootstrapTokens

TOKEN = "abcdef.0123456789abcdef"
DATA = {"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true"}
USER = "system:bootstrap:abcdef"


def tokens(data: dict[str, str], **more: Any) -> BootstrapTokens:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    secret = {"metadata": {"name": "bootstrap-token-abcdef"}, "type": "bootstrap.kubernetes.io/token", "data": encoded}
    objects = {("", "secrets", "kube-system", "bootstrap-token-abcdef"): {**secret, **more}}
    return BootstrapTokens(lambda *place: objects.get(place), lambda: datetime(2026, 1, 2, tzinfo=UTC))


def test_a_token_in_a_secret_is_its_machines() -> None:
    groups = "system:bootstrappers:workers,system:bootstrappers:a"

    user = tokens(DATA | {"auth-extra-groups": groups, "expiration": "2026-01-03T00:00:00Z"}).user_of(TOKEN)

    assert user is not None
    assert user.name == USER
    assert user.groups == ("system:bootstrappers", "system:bootstrappers:a", "system:bootstrappers:workers")


@pytest.mark.parametrize(
    "data",
    [
        {"token-secret": "another"},
        {"token-id": "fedcba"},
        {"usage-bootstrap-authentication": "yes"},
        {"expiration": "2026-01-01T23:00:00Z"},
        {"expiration": "tomorrow"},
        {"auth-extra-groups": "system:masters"},
    ],
)
def test_a_secret_that_says_otherwise_gives_nobody(data: dict[str, str]) -> None:
    assert tokens(DATA | data).user_of(TOKEN) is None


@pytest.mark.parametrize("more", [{"type": "Opaque"}, {"metadata": {"deletionTimestamp": "2026-01-02T00:00:00Z"}}])
def test_another_secret_gives_nobody(more: dict[str, Any]) -> None:
    assert tokens(DATA, **more).user_of(TOKEN) is None


@pytest.mark.parametrize("token", ["abcdef", "ABCDEF.0123456789abcdef", "fedcba.0123456789abcdef", f"{TOKEN} "])
def test_what_is_no_such_token_is_left_to_others(token: str) -> None:
    assert tokens(DATA).user_of(token) is None


def test_it_is_good_for_the_server_alone() -> None:
    authenticator = Authenticator({}, bootstrap=tokens(DATA))

    assert authenticator.by_token(TOKEN).groups == ("system:bootstrappers", "system:authenticated")
    assert authenticator.review(TOKEN, ["a", API_AUDIENCE])[1] == [API_AUDIENCE]
    with pytest.raises(InvalidToken):
        authenticator.review(TOKEN, ["a"])
