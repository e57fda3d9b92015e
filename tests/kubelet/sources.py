"""A Source that holds what a test puts into it, and pods for the kubelet's rules to be applied to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fakekube.kubelet.source import Token, TokenError, TokenRequest

Object = dict[str, Any]

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NODE: Object = {
    "metadata": {"name": "node-1"},
    "status": {
        "allocatable": {"cpu": "8", "memory": "16271788Ki", "ephemeral-storage": "94101899518"},
        "addresses": [{"type": "Hostname", "address": "node-1"}, {"type": "InternalIP", "address": "172.18.0.2"}],
    },
}
API_SERVICE: Object = {
    "metadata": {"name": "kubernetes", "namespace": "default"},
    "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "protocol": "TCP"}]},
}


@dataclass
class Held:
    """Objects by (namespace, name); the API server's Service and one node are there from the start."""

    config_maps: dict[tuple[str, str], Object] = field(default_factory=dict)
    secrets: dict[tuple[str, str], Object] = field(default_factory=dict)
    all_services: list[Object] | None = field(default_factory=lambda: [API_SERVICE])
    nodes: dict[str, Object] = field(default_factory=lambda: {"node-1": NODE})
    claims: dict[tuple[str, str], Object] = field(default_factory=dict)
    claims_directory: Path = Path("/nowhere")
    token_error: str = ""
    asked: list[Object] = field(default_factory=list)
    """What tokens were asked for."""

    def config_map(self, namespace: str, name: str) -> Object | None:
        return self.config_maps.get((namespace, name))

    def secret(self, namespace: str, name: str) -> Object | None:
        return self.secrets.get((namespace, name))

    def services(self, namespace: str) -> Sequence[Object] | None:
        if self.all_services is None:
            return None
        return [service for service in self.all_services if service["metadata"]["namespace"] == namespace]

    def node(self, name: str) -> Object | None:
        return self.nodes.get(name)

    def claim(self, namespace: str, name: str) -> Object | None:
        return self.claims.get((namespace, name))

    def claim_directory(self, namespace: str, claim: str) -> Path:
        place = self.claims_directory / namespace / claim
        place.mkdir(parents=True, exist_ok=True)
        return place

    def token(self, request: TokenRequest) -> Token:
        self.asked.append(asdict(request))
        if self.token_error:
            raise TokenError(self.token_error)
        return Token(f"token-{len(self.asked)}", NOW, NOW + timedelta(seconds=request.expiration_seconds))


def pod_of(container: Object | None = None, **spec: Any) -> Object:
    """The pod `p` in `shop`, with one container `c`."""
    return {
        "metadata": {"name": "p", "namespace": "shop", "uid": "u-1", "labels": {"app": "web"}},
        "spec": {
            "containers": [{"name": "c", "image": "i", **(container or {})}],
            "enableServiceLinks": True,
            "nodeName": "node-1",
            "serviceAccountName": "default",
            **spec,
        },
        "status": {"hostIP": "172.18.0.2", "podIP": "10.244.0.5", "podIPs": [{"ip": "10.244.0.5"}, {"ip": "fd00::5"}]},
    }
