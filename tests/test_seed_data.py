"""The sample clusters are accepted whole."""

from __future__ import annotations

import pathlib
import time

import httpx
import pytest
import yaml

from tests.conformance.servers import Served, serve

FOLDERS = sorted(folder for folder in (pathlib.Path(__file__).parents[1] / "seed_data").iterdir() if folder.is_dir())
SEED_TIMEOUT_S = 20.0


def after_seeding(server: Served) -> str:
    """What `fakekube serve` has printed when it says that it serves."""
    assert server.log is not None
    deadline = time.monotonic() + SEED_TIMEOUT_S
    while "fakekube serves on" not in (said := server.log.read_text()):
        assert time.monotonic() < deadline, said
        time.sleep(0.02)
    return said


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_sample_cluster_is_accepted_whole(folder: pathlib.Path) -> None:
    written = [document for file in folder.rglob("*.yaml") for document in yaml.safe_load_all(file.read_text())]

    with serve(["--seed", str(folder)]) as server:
        said = after_seeding(server)
        missing = [str(each["metadata"]) for each in written if not exists(server, each)]

    assert "seed:" not in said
    assert not missing


def test_names_of_a_sample_cluster_are_taken_once() -> None:
    for folder in FOLDERS:
        written = [document for file in folder.rglob("*.yaml") for document in yaml.safe_load_all(file.read_text())]
        keys = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in written]

        assert len(keys) == len(set(keys)), folder


def exists(server: Served, manifest: dict[str, object]) -> bool:
    headers = {"Authorization": f"Bearer {server.token}"}
    with httpx.Client(base_url=server.url, verify=server.ssl_context, headers=headers, trust_env=False) as http:
        version, kind = manifest["apiVersion"], manifest["kind"]
        root = f"/api/{version}" if version == "v1" else f"/apis/{version}"
        resources = http.get(root).raise_for_status().json()["resources"]
        resource = next(each for each in resources if each["kind"] == kind and "/" not in each["name"])
        metadata = manifest["metadata"]
        assert isinstance(metadata, dict)
        where = f"/namespaces/{metadata.get('namespace', 'default')}" if resource["namespaced"] else ""
        return http.get(f"{root}{where}/{resource['name']}/{metadata['name']}").status_code == 200
