"""One `fakekube serve` for all client libraries, and a namespace of its own for each test."""

from __future__ import annotations

import os
import pathlib
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.conformance.servers import Served, serve


@dataclass(frozen=True)
class Cluster:
    """What a user has: a kubeconfig with a client certificate; and what the test has beside it: plain HTTP."""

    served: Served
    kubeconfig: pathlib.Path
    http: httpx.Client

    def environment(self) -> dict[str, str]:
        """For programs that find their cluster by themselves: the tools of this virtual environment, and no other cluster."""
        programs = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
        home = str(self.kubeconfig.parent)
        return {"PATH": programs, "KUBECONFIG": str(self.kubeconfig), "HOME": home, "LC_ALL": "C.UTF-8"}

    def config_maps(self, namespace: str) -> dict[str, Any]:
        """The data of the ConfigMaps that tests make, by name."""
        items = self.http.get(f"/api/v1/namespaces/{namespace}/configmaps").raise_for_status().json()["items"]
        found = {item["metadata"]["name"]: item.get("data", {}) for item in items}
        return {name: data for name, data in found.items() if name != "kube-root-ca.crt"}


@pytest.fixture(autouse=True)
def _forgetful_libraries(forgotten_connections: None) -> None:
    """Each of them may be one."""


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with serve(options=()) as served:
        headers = {"Authorization": f"Bearer {served.token}"}
        with httpx.Client(base_url=served.url, verify=served.ssl_context, headers=headers, trust_env=False) as http:
            yield Cluster(served, served.ca_file.parent / "kubeconfig", http)
        assert not served.new_traceback()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """The name of a fresh namespace."""
    name = f"clients-{secrets.token_hex(4)}"
    cluster.http.post("/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()
    yield name
    cluster.http.delete(f"/api/v1/namespaces/{name}").raise_for_status()
