"""The sample clusters are accepted whole."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import yaml

from tests.conformance.servers import Served, serve

FOLDERS = sorted(folder for folder in (pathlib.Path(__file__).parents[1] / "seed_data").iterdir() if folder.is_dir())
SEED_TIMEOUT_S = 60.0


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


def test_the_system_of_kind_becomes_ready() -> None:
    folder = next(folder for folder in FOLDERS if folder.name == "kind")

    with serve(["--seed", str(folder)]) as server:
        after_seeding(server)
        pods = poll(server, "/api/v1/pods", lambda pods: sum(is_ready(pod) for pod in pods["items"]) == 10)
        slices = "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices?labelSelector=kubernetes.io/service-name=kube-dns"
        resolvers = poll(server, slices, lambda slices: len(slices["items"][0]["endpoints"] or ()) == 2)

    components = {pod["metadata"]["labels"].get("component") for pod in pods["items"]} - {None}
    assert components == {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}
    assert {port["port"] for port in resolvers["items"][0]["ports"]} == {53, 9153}


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


def is_ready(pod: dict[str, Any]) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))


def poll(server: Served, path: str, done: Callable[[Any], bool]) -> Any:
    """The answer as soon as it is as wanted."""
    headers = {"Authorization": f"Bearer {server.token}"}
    deadline = time.monotonic() + SEED_TIMEOUT_S
    with httpx.Client(base_url=server.url, verify=server.ssl_context, headers=headers, trust_env=False) as http:
        while not done(answer := http.get(path).raise_for_status().json()):
            assert time.monotonic() < deadline, answer
            time.sleep(0.02)
    return answer
