"""A token that lies in a Secret is used: the Secret says on which day it was last.

https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#legacy-serviceaccount-token-tracking
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fakekube.errors import StatusError
from fakekube.registry.user import User

if TYPE_CHECKING:
    from fakekube.api.control_plane import ControlPlane

LAST_USED_LABEL = "kubernetes.io/legacy-token-last-used"
LOOPBACK = User("system:apiserver", ("system:masters", "system:authenticated"))


class LegacyTokenUse:
    """Writes the label, at most once a day for each Secret."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._writing: dict[tuple[str, str], asyncio.Task[None]] = {}

    def note(self, namespace: str, name: str) -> None:
        """The token in this Secret was shown; the label is written behind the request."""
        secret = self._plane.get("", "secrets", namespace, name)
        today = self._plane.clock.now().strftime("%Y-%m-%d")
        if secret is None or (secret["metadata"].get("labels") or {}).get(LAST_USED_LABEL) == today:
            return
        key = (namespace, name)
        if key not in self._writing:
            task = asyncio.get_running_loop().create_task(self._write(namespace, name, today))
            self._writing[key] = task
            task.add_done_callback(lambda _: self._writing.pop(key, None))

    async def _write(self, namespace: str, name: str, today: str) -> None:
        from fakekube.api.client import Client

        patch = {"metadata": {"labels": {LAST_USED_LABEL: today}}}
        try:
            await Client(self._plane, LOOPBACK).patch("secrets", namespace, name, patch)
        except StatusError:
            return  # it has gone meanwhile
