"""When a pod's token is replaced by a new one, and what happens when none is to be had.

After pkg/kubelet/token/token_manager.go.
https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#launch-a-pod-using-service-account-token-projection
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from fakekube.kubelet.source import Token, TokenError, TokenRequest
from fakekube.objects.go_text import quoted

LONGEST_AGE = timedelta(hours=24)
LAST_PART_PERCENT = 20
"""Of its time; in it a token is replaced."""
MOST_JITTER = timedelta(seconds=10)
"""A token is replaced up to so much earlier, so that not all pods come at once."""


def renew_at(token: Token, expiration_seconds: int) -> datetime:
    """When the token is to be replaced at the latest: after a day, or as the last fifth of its time begins.

    `expiration_seconds` is what was asked for. The API server lets tokens of pods live for a year, and tells them that they end when
    they were meant to.
    """
    issued = token.expires_at - timedelta(seconds=expiration_seconds)
    last_part = timedelta(seconds=expiration_seconds * LAST_PART_PERCENT // 100)
    return min(issued + LONGEST_AGE, token.expires_at - last_part)


def _told(request: TokenRequest) -> str:
    """As the kubelet calls a token in errors, by the Go values that its key consists of."""
    audiences = f"[]string{{{quoted(request.audience)}}}" if request.audience else "[]string(nil)"
    name, uid = quoted(request.pod_name), quoted(request.pod_uid)
    bound_to = f'v1.BoundObjectReference{{Kind:"Pod", APIVersion:"v1", Name:{name}, UID:{uid}}}'
    account, namespace = quoted(request.service_account), quoted(request.namespace)
    return "/".join((account, namespace, audiences, str(request.expiration_seconds), bound_to))


class TokenManager:
    """The tokens of one node's pods.

    `request` asks the API server for one, or raises TokenError; `now` is the clock, `jitter` gives how much earlier one token is replaced.
    """

    def __init__(
        self,
        request: Callable[[TokenRequest], Token],
        now: Callable[[], datetime],
        jitter: Callable[[], timedelta] = timedelta,
    ) -> None:
        self._request = request
        self._now = now
        self._jitter = jitter
        self._tokens: dict[TokenRequest, Token] = {}

    def token(self, request: TokenRequest) -> Token:
        """The pod's token; a new one when it is time. Raises TokenError when there is none that still holds."""
        known = self._tokens.get(request)
        if known is not None and not self._is_due(known, request.expiration_seconds):
            return known
        try:
            fresh = self._request(request)
        except TokenError as error:
            if known is None:
                raise TokenError(f"failed to fetch token: {error}") from None
            if self._now() > known.expires_at:
                raise TokenError(f"token {_told(request)} expired and refresh failed: {error}") from None
            return known
        self._tokens[request] = fresh
        return fresh

    def forget(self, pod_uid: str) -> None:
        """The pod is gone."""
        self._tokens = {key: token for key, token in self._tokens.items() if key.pod_uid != pod_uid}

    def _is_due(self, token: Token, expiration_seconds: int) -> bool:
        now = self._now()
        issued = token.expires_at - timedelta(seconds=expiration_seconds)
        # A token from the future says that somebody has set the clock.
        return now > renew_at(token, expiration_seconds) - self._jitter() or now < issued
