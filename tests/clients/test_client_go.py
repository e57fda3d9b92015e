"""client-go, the library that every controller written in Go uses: lists, watches and writes in protobuf."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from .conftest import Cluster

SOURCE = pathlib.Path(__file__).parent / "client_go"
PROGRAM = SOURCE.parents[2] / "build" / "client-go-test"
DOWNLOAD_TIMEOUT_S = 120
BUILD_TIMEOUT_S = 600
"""Compiling all API types takes minutes of a small machine's time the first time, half a second when Go remembers it."""
RUN_TIMEOUT_S = 60


@pytest.fixture(scope="module")
def program() -> pathlib.Path:
    go = shutil.which("go")
    if go is None:
        pytest.skip("there is no go")
    environment = os.environ | {"GOFLAGS": "-mod=readonly -buildvcs=false", "GOTOOLCHAIN": "local"}
    download = [go, "mod", "download"]
    try:
        done = subprocess.run(
            download,
            cwd=SOURCE,
            env=environment,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"go did not fetch client-go in {DOWNLOAD_TIMEOUT_S} s")
    if done.returncode:
        pytest.skip(f"go cannot fetch client-go: {done.stderr.strip()}")
    PROGRAM.parent.mkdir(exist_ok=True)
    build = [go, "build", "-o", str(PROGRAM), "."]
    done = subprocess.run(
        build, cwd=SOURCE, env=environment, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False
    )
    assert not done.returncode, done.stderr
    return PROGRAM


def test_an_informer_and_a_typed_client_live_through_a_deployment(
    program: pathlib.Path, cluster: Cluster, namespace: str
) -> None:
    command = [str(program), namespace]
    done = subprocess.run(
        command, env=cluster.environment(), capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False
    )
    assert not done.returncode, done.stderr

    told = json.loads(done.stdout)
    story = told.pop("story")

    assert story[0] == "added"
    assert story.index("2 of 2 ready") < story.index("3 of 3 ready")
    assert story[-1] == "deleted"
    assert told == {
        "strategy": "RollingUpdate",
        "manager": "client-go-test",
        "patched": 3,
        "generation": 2,
        "scale": 3,
        "selector": "app=web",
        "listed": 1,
        "twice": "AlreadyExists",
        "stale": "Conflict",
        "gone": "NotFound",
    }
