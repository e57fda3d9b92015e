"""A cluster in a thread of its own, asked as a program asks it: through TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakekube import FakeCluster
from fakekube.in_pod.connection import Connection
from fakekube.server.kubeconfig import Endpoint


@pytest.fixture
def endpoint(kube: FakeCluster) -> Endpoint:
    return Endpoint(kube.url, kube.certificates.ca.certificate, token=kube.certificates.admin_token)


@pytest.fixture
def connection(endpoint: Endpoint) -> Iterator[Connection]:
    connection = Connection(endpoint)
    yield connection
    connection.close()


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the test's views lie, out of everybody else's way."""
    directory = tmp_path / "runtime"
    directory.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    return directory / "fakekube"
