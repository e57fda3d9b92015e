"""The official client's own tests of its dynamic client against a live server; they come with the installed package."""

from __future__ import annotations

import importlib.util
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from .conftest import Cluster

STAND_IN = '''\
"""kubernetes.e2e_test.base, which the package leaves out and its tests ask for a configuration."""

import sys
import types

from kubernetes import client, config


def get_e2e_configuration():
    configuration = client.Configuration()
    config.load_kube_config(client_configuration=configuration)
    return configuration


sys.modules["kubernetes.e2e_test"] = types.ModuleType("kubernetes.e2e_test")
sys.modules["kubernetes.e2e_test.base"] = base = types.ModuleType("kubernetes.e2e_test.base")
sys.modules["kubernetes.e2e_test"].base = base
base.get_e2e_configuration = get_e2e_configuration
'''

NEEDS_NO_SERVER = ["TestDynamicClientSerialization"]
GONE_FROM_REAL_SERVERS = [  # they create definitions of apiextensions.k8s.io/v1beta1, which 1.22 dropped
    "TestDynamicClient::test_cluster_custom_resources",
    "TestDynamicClient::test_namespaced_custom_resources",
    "TestDynamicClient::test_async_namespaced_custom_resources",
]
FAILS_ON_A_REAL_SERVER = {"test_cache_decoder_resource_and_subresource"}


def test_the_official_dynamic_client_passes_as_on_a_real_server(cluster: Cluster, tmp_path: pathlib.Path) -> None:
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    left_out = [
        f"--deselect=kubernetes/dynamic/test_client.py::{name}" for name in NEEDS_NO_SERVER + GONE_FROM_REAL_SERVERS
    ]
    found = importlib.util.find_spec("kubernetes")
    assert found is not None
    assert found.origin is not None
    package = pathlib.Path(found.origin).parent
    command = [
        *(
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "stand_in",
            "-p",
            "no:fakekube",
            "-p",
            "no:cacheprovider",
            "-c",
            "/dev/null",
        ),
        *(f"--rootdir={package.parent}", f"--junitxml={tmp_path}/junit.xml", "--tb=short", "-q", *left_out),
        *(str(package / "dynamic" / name) for name in ("test_client.py", "test_discovery.py")),
    ]
    environment = cluster.environment() | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}

    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )

    cases = list(ElementTree.parse(tmp_path / "junit.xml").iter("testcase"))
    failed = {case.get("name") for case in cases if case.find("failure") is not None or case.find("error") is not None}
    assert len(cases) == 8, done.stdout
    assert failed == FAILS_ON_A_REAL_SERVER, done.stdout
