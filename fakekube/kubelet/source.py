"""Where the kubelet's rules read from: the objects of the cluster that a pod refers to, as they are at this moment.

The rules themselves neither fetch nor watch; whoever applies them hands in a Source and asks again when something has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from fakekube.kubelet import Object


@dataclass(frozen=True, slots=True)
class Token:
    """A service account's token as a TokenRequest answers it; both times are aware."""

    text: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a token is to be like; it is bound to the pod. The audience "" is the API server's own."""

    namespace: str
    service_account: str
    audience: str
    expiration_seconds: int
    pod_name: str
    pod_uid: str

    @classmethod
    def of_pod(cls, pod: Object, expiration_seconds: int, audience: str = "") -> TokenRequest:
        """For the pod's own service account."""
        metadata = pod["metadata"]
        account = pod["spec"].get("serviceAccountName") or "default"
        return cls(metadata["namespace"], account, audience, expiration_seconds, metadata["name"], metadata["uid"])


class TokenError(Exception):
    """No token could be had; the message is what a pod's event tells of it."""


class Source(Protocol):
    """What a kubelet knows of the cluster. None stands for an object that is not there."""

    def config_map(self, namespace: str, name: str) -> Object | None: ...

    def secret(self, namespace: str, name: str) -> Object | None: ...

    def services(self, namespace: str) -> Sequence[Object] | None:
        """All Services of the namespace; None before they have been read once."""

    def node(self, name: str) -> Object | None: ...

    def claim(self, namespace: str, name: str) -> Object | None:
        """The PersistentVolumeClaim."""

    def claim_directory(self, namespace: str, claim: str) -> Path:
        """Where the data of the claim lie on this machine; the directory is there."""

    def token(self, request: TokenRequest) -> Token:
        """Raises TokenError.

        `token_manager.TokenManager.token` is one: it hands out the same token until it is time for a new one.
        """
