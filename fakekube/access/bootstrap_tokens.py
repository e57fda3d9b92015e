"""Tokens by which a machine joins a cluster: Secrets of kube-system, as `kubeadm token create` makes them.

https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fakekube.objects.times import canonical, to_datetime
from fakekube.registry.user import User

_TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_EXTRA_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")
_TYPE = "bootstrap.kubernetes.io/token"
_NAMESPACE = "kube-system"
GROUP = "system:bootstrappers"


class BootstrapTokens:
    """`get(group, resource, namespace, name)` reads an object, `now()` the clock."""

    def __init__(
        self, get: Callable[[str, str, str, str], Mapping[str, Any] | None], now: Callable[[], datetime]
    ) -> None:
        self._get = get
        self._now = now

    def user_of(self, token: str) -> User | None:
        """None for what is no such token, or none that is good."""
        written = _TOKEN.fullmatch(token)
        if written is None:
            return None
        token_id, token_secret = written.groups()
        secret = self._get("", "secrets", _NAMESPACE, f"bootstrap-token-{token_id}")
        if secret is None or "deletionTimestamp" in secret["metadata"] or secret.get("type") != _TYPE:
            return None
        data = secret.get("data") or {}
        if not hmac.compare_digest(_text(data, "token-secret").encode(), token_secret.encode()):
            return None
        if _text(data, "token-id") != token_id or self._has_expired(_text(data, "expiration")):
            return None
        extra = _text(data, "auth-extra-groups")
        groups = set(extra.split(",")) if extra else set()
        if _text(data, "usage-bootstrap-authentication") != "true" or not all(map(_EXTRA_GROUP.fullmatch, groups)):
            return None
        return User(f"system:bootstrap:{token_id}", tuple(sorted({GROUP, *groups})))

    def _has_expired(self, expiration: str) -> bool:
        if not expiration:
            return False
        try:
            return to_datetime(canonical(expiration)) <= self._now()
        except ValueError:
            return True


def _text(data: Mapping[str, str], key: str) -> str:
    try:
        return base64.b64decode(data.get(key) or "").decode("utf-8", "replace")
    except binascii.Error:
        return ""
