"""When a pod's token is replaced by a new one, and what happens when none is to be had.

After pkg/kubelet/token/token_manager.go.
https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#launch-a-pod-using-service-account-token-projection
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from fakekube.kubelet.source import Token, TokenError
from fakekube.objects.go_text import quoted

LONGEST_AGE = timedelta(hours=24)
LAST_PART_PERCENT = 20
"""Of its time; in it a token is replaced."""
MOST_JITTER = timedelta(seconds=10)
"""A token is replaced up to so much earlier, so that not all pods come at once."""


class Request(Protocol):
    """Asks the API server for a token, with the parameters of `Source.token`. Raises TokenError."""

    def __call__(
        self,
        namespace: str,
        service_account: str,
        *,
        audience: str,
        expiration_seconds: int,
        pod_name: str,
        pod_uid: str,
    ) -> Token: ...


def renew_at(token: Token, expiration_seconds: int) -> datetime:
    """When the token is to be replaced at the latest: after a day, or as the last fifth of its time begins.

    `expiration_seconds` is what was asked for. The API server lets tokens of pods live for a year, and tells them that they end when
    they were meant to.
    """
    issued = token.expires_at - timedelta(seconds=expiration_seconds)
    last_part = timedelta(seconds=expiration_seconds * LAST_PART_PERCENT // 100)
    return min(issued + LONGEST_AGE, token.expires_at - last_part)


@dataclass(frozen=True, slots=True)
class _Key:
    namespace: str
    service_account: str
    audience: str
    expiration_seconds: int
    pod_name: str
    pod_uid: str

    def __str__(self) -> str:
        """As the kubelet calls it in errors, by the Go values it consists of."""
        audiences = f"[]string{{{quoted(self.audience)}}}" if self.audience else "[]string(nil)"
        bound_to = f'v1.BoundObjectReference{{Kind:"Pod", APIVersion:"v1", Name:{quoted(self.pod_name)}, UID:{quoted(self.pod_uid)}}}'
        return "/".join(
            (quoted(self.service_account), quoted(self.namespace), audiences, str(self.expiration_seconds), bound_to)
        )


class TokenManager:
    """The tokens of one node's pods. `now` is the clock, `jitter` gives how much earlier one token is replaced."""

    def __init__(
        self, request: Request, now: Callable[[], datetime], jitter: Callable[[], timedelta] = timedelta
    ) -> None:
        self._request = request
        self._now = now
        self._jitter = jitter
        self._tokens: dict[_Key, Token] = {}

    def token(
        self,
        namespace: str,
        service_account: str,
        *,
        audience: str,
        expiration_seconds: int,
        pod_name: str,
        pod_uid: str,
    ) -> Token:
        """The pod's token; a new one when it is time. Raises TokenError when there is none that still holds."""
        key = _Key(namespace, service_account, audience, expiration_seconds, pod_name, pod_uid)
        known = self._tokens.get(key)
        if known is not None and not self._is_due(known, expiration_seconds):
            return known
        try:
            fresh = self._request(
                namespace,
                service_account,
                audience=audience,
                expiration_seconds=expiration_seconds,
                pod_name=pod_name,
                pod_uid=pod_uid,
            )
        except TokenError as error:
            if known is None:
                raise TokenError(f"failed to fetch token: {error}") from None
            if self._now() > known.expires_at:
                raise TokenError(f"token {key} expired and refresh failed: {error}") from None
            return known
        self._tokens[key] = fresh
        return fresh

    def forget(self, pod_uid: str) -> None:
        """The pod is gone."""
        self._tokens = {key: token for key, token in self._tokens.items() if key.pod_uid != pod_uid}

    def _is_due(self, token: Token, expiration_seconds: int) -> bool:
        now = self._now()
        issued = token.expires_at - timedelta(seconds=expiration_seconds)
        # A token from the future says that somebody has set the clock.
        return now > renew_at(token, expiration_seconds) - self._jitter() or now < issued
