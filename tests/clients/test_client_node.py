"""@kubernetes/client-node, the library of controllers and tools written in JavaScript."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from .conftest import Cluster

SOURCE = pathlib.Path(__file__).parent / "client_node"
INSTALLED = SOURCE.parents[2] / "build" / "client-node-test"
INSTALL_TIMEOUT_S = 120
RUN_TIMEOUT_S = 60


@pytest.fixture(scope="module")
def program() -> pathlib.Path:
    """main.mjs beside what it imports; npm fetches that once for each package-lock.json."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("there is no node, or no npm")
    lock = SOURCE / "package-lock.json"
    if not (INSTALLED / lock.name).exists() or (INSTALLED / lock.name).read_bytes() != lock.read_bytes():
        shutil.rmtree(INSTALLED, ignore_errors=True)
        INSTALLED.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=INSTALLED.parent) as unfinished:
            folder = shutil.copytree(SOURCE, pathlib.Path(unfinished) / "it")
            install(npm, folder)
            folder.rename(INSTALLED)
    shutil.copy(SOURCE / "main.mjs", INSTALLED)
    return INSTALLED / "main.mjs"


def install(npm: str, folder: pathlib.Path) -> None:
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not fetch @kubernetes/client-node in {INSTALL_TIMEOUT_S} s")
    if done.returncode:
        pytest.skip(f"npm cannot fetch @kubernetes/client-node: {done.stderr.strip()}")


def test_an_informer_and_typed_clients_live_through_a_deployment(
    program: pathlib.Path, cluster: Cluster, namespace: str
) -> None:
    command = ["node", str(program), namespace]
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
        "dated": True,
        "patched": 3,
        "pods": ["Running"] * 3,
        "twice": "409 AlreadyExists",
        "stale": "409 Conflict",
        "gone": "404 NotFound",
    }
