"""What must be there before a pod's containers can start: the ConfigMaps and Secrets of its volumes and of their variables.

Nothing is mounted and no process gets variables here; but a pod whose Secret is missing waits for it, as it would on a real node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fakekube.kubelet import Object
from fakekube.kubelet.environment import ContainerConfigError, environment, references
from fakekube.kubelet.source import Token, TokenRequest
from fakekube.kubelet.volumes import VolumeError, files_of
from fakekube.kubelet.volumes import references as references_of_volume

if TYPE_CHECKING:
    from fakekube.api.client import Client

Key = tuple[str, str]
"""(namespace, name)"""

PUBLISHED = ("configmaps", "kube-root-ca.crt")
"""Comes to every namespace within moments: who is faster than that needs not be told."""

_OF_CLUSTER = {"configMapRef", "configMapKeyRef", "secretRef", "secretKeyRef"}


class Wanting:
    """Who waits for what, in the whole cluster."""

    def __init__(self) -> None:
        self._pods: dict[tuple[str, str, str], dict[Key, None]] = {}
        self._wanted: dict[Key, list[tuple[str, str, str]]] = {}

    def note(self, pod: Key, wanted: Sequence[tuple[str, str]]) -> None:
        """A pod waits for these (resource, name) of its namespace, and for nothing else; for nothing at all, if there are none."""
        for before in self._wanted.pop(pod, ()):
            waiting = self._pods[before]
            waiting.pop(pod, None)
            if not waiting:
                del self._pods[before]
        if wanted:
            keys = self._wanted[pod] = [(resource, pod[0], name) for resource, name in wanted]
            for key in keys:
                self._pods.setdefault(key, {})[pod] = None

    def pods_for(self, resource: str, namespace: str, name: str) -> list[Key]:
        return list(self._pods.get((resource, namespace, name), ()))


class Prerequisites:
    """Of one pod at one moment."""

    def __init__(self, client: Client, pod: Object) -> None:
        self._pod = pod
        self._namespace: str = pod["metadata"]["namespace"]
        self._source = _Stored(client)

    def volume_trouble(self) -> tuple[str, str] | None:
        """(name, what is wrong with it) of the first volume that cannot be set up."""
        for volume in self._pod["spec"].get("volumes") or ():
            if not any(_is_needed(each) for each in references_of_volume(volume, self._pod)):
                continue
            try:
                files_of(volume, self._pod, self._source)
            except VolumeError as error:
                return volume["name"], str(error)
        return None

    def container_trouble(self, container: Object) -> str:
        """Why the variables of the container cannot be had; empty when they can."""
        if not references(container):
            return ""
        asked = {
            "envFrom": container.get("envFrom") or (),
            "env": [each for each in container.get("env") or () if _OF_CLUSTER & (each.get("valueFrom") or {}).keys()],
        }
        without_services = {**self._pod, "spec": {**self._pod["spec"], "enableServiceLinks": False}}
        try:
            environment(without_services, asked, self._source)
        except ContainerConfigError as error:
            return str(error)
        return ""

    def wanted(self) -> list[tuple[str, str]]:
        """All ConfigMaps and Secrets that the pod refers to."""
        spec = self._pod["spec"]
        found = {each for volume in spec.get("volumes") or () for each in references_of_volume(volume, self._pod)}
        for key in ("initContainers", "containers", "ephemeralContainers"):
            for container in spec.get(key) or ():
                found |= references(container)
        return sorted(filter(_is_needed, found))


def _is_needed(reference: tuple[str, str]) -> bool:
    return reference[0] in ("configmaps", "secrets") and reference != PUBLISHED


class _Stored:
    """`source.Source` of what is in the cluster; tokens and directories are nobody's here."""

    def __init__(self, client: Client) -> None:
        self._get: Callable[[str, str, str], Object | None] = client.get

    def config_map(self, namespace: str, name: str) -> Object | None:
        return self._get("configmaps", namespace, name)

    def secret(self, namespace: str, name: str) -> Object | None:
        return self._get("secrets", namespace, name)

    def services(self, namespace: str) -> Sequence[Object]:
        return ()

    def node(self, name: str) -> Object | None:
        return self._get("nodes", "", name)

    def claim(self, namespace: str, name: str) -> Object | None:
        return self._get("persistentvolumeclaims", namespace, name)

    def claim_directory(self, namespace: str, claim: str) -> Path:
        return Path()

    def token(self, request: TokenRequest) -> Token:
        return _NO_TOKEN


_NO_TOKEN = Token("", datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
