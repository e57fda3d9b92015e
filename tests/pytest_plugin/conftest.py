"""One cluster for the tests of what a test does with a cluster, emptied before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakekube import FakeCluster


@pytest.fixture(scope="module")
def running() -> Iterator[FakeCluster]:
    with FakeCluster() as cluster:
        yield cluster


@pytest.fixture
def kube(running: FakeCluster) -> FakeCluster:
    running.reset()
    return running
