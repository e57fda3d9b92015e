"""A test that uses `kube` cannot reach a real cluster by mistake, and leaves everything as it was."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes
import kubernetes_asyncio
import lightkube
import pytest
import yaml

from fakekube import FakeCluster

OFFICIAL = [kubernetes, kubernetes_asyncio]


def test_the_environment_leads_to_the_fake_and_back(kube: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/real/kubeconfig")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("HELM_KUBECONTEXT", "production")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    before = dict(os.environ)
    with kube.environment():
        assert os.environ["KUBECONFIG"] == str(kube.kubeconfig)
        assert not {"KUBERNETES_SERVICE_HOST", "HELM_KUBECONTEXT"} & set(os.environ)
        assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == "intranet.example,127.0.0.1,localhost,::1"
    assert dict(os.environ) == before


def test_the_environment_is_put_back_after_an_exception(kube: FakeCluster) -> None:
    before = dict(os.environ)
    with pytest.raises(ZeroDivisionError), kube.environment():
        raise ZeroDivisionError
    assert dict(os.environ) == before


@pytest.mark.parametrize("module", OFFICIAL)
def test_where_a_library_looks_was_read_at_its_import_and_is_changed(kube: FakeCluster, module: Any) -> None:
    before = module.config.KUBE_CONFIG_DEFAULT_LOCATION
    with kube.environment():
        assert str(kube.kubeconfig) == module.config.KUBE_CONFIG_DEFAULT_LOCATION
        assert str(kube.kubeconfig) == module.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION
    assert (
        before == module.config.KUBE_CONFIG_DEFAULT_LOCATION == module.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION
    )


@pytest.mark.parametrize("module", OFFICIAL)
def test_a_default_configuration_of_another_cluster_is_not_used(kube: FakeCluster, module: Any) -> None:
    real = module.client.Configuration()
    real.host = "https://real.example:6443"
    module.client.Configuration.set_default(real)
    try:
        with kube.environment():
            assert module.client.Configuration.get_default_copy().host == kube.url
        assert module.client.Configuration.get_default_copy().host == "https://real.example:6443"
    finally:
        module.client.Configuration.set_default(None)


def test_what_a_test_loads_is_forgotten_after_it(kube: FakeCluster) -> None:
    with kube.environment():
        kubernetes.config.load_kube_config()
        assert kubernetes.client.CoreV1Api().list_namespaced_pod("default").items == []
    assert kubernetes.client.Configuration._default is None


def test_load_config_finds_the_fake(kube: FakeCluster) -> None:
    with kube.environment():
        kubernetes.config.load_config()
        assert kubernetes.client.VersionApi().get_code().major == "1"


def test_in_cluster_configuration_is_refused(kube: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with kube.environment(), pytest.raises(kubernetes.config.ConfigException):
        kubernetes.config.load_incluster_config()


def test_lightkube_takes_kubeconfig_even_in_a_pod(kube: FakeCluster) -> None:
    with kube.environment():
        config = lightkube.KubeConfig.from_env()
    assert [cluster.server for cluster in config.clusters.values()] == [kube.url]
    from_env: Any = lightkube.KubeConfig.from_env
    assert "/var/run/secrets" in from_env.__func__.__defaults__[0]


def test_libraries_imported_during_the_test_forget_the_fake() -> None:
    program = """
import os, json
from fakekube import FakeCluster
os.environ["KUBECONFIG"] = "/real/kubeconfig"
with FakeCluster() as kube:
    with kube.environment():
        import kubernetes
        kubernetes.config.load_kube_config()
        inside = kubernetes.client.Configuration.get_default_copy().host == kube.url
print(json.dumps([inside, kubernetes.config.KUBE_CONFIG_DEFAULT_LOCATION, kubernetes.client.Configuration._default]))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=60, text=True)
    assert json.loads(result.stdout) == [True, "/real/kubeconfig", None]


def test_the_kubeconfig_is_for_its_owner_alone_and_restored_by_a_reset(kube: FakeCluster) -> None:
    path = kube.kubeconfig
    written = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.write_text("changed")
    (path.parent / "cache").mkdir()
    kube.reset()
    assert path.read_text() == written
    assert sorted(each.name for each in path.parent.iterdir()) == ["admin.crt", "admin.key", "ca.crt", "kubeconfig"]


def test_the_files_go_with_the_cluster() -> None:
    with FakeCluster() as kube:
        directory = kube.ca_file.parent
        assert directory.is_dir()
    assert not directory.exists()


def test_other_users_get_kubeconfigs_of_their_own(kube: FakeCluster) -> None:
    path = kube.kubeconfig_for("jane", "dev", namespace="shop")
    config = yaml.safe_load(path.read_text())
    assert config["contexts"][0]["context"]["namespace"] == "shop"
    api = kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(str(path)))
    with pytest.raises(kubernetes.client.ApiException) as refused:
        api.list_namespaced_pod("default")
    assert 'User \\"jane\\" cannot list resource \\"pods\\"' in refused.value.body


def test_the_dict_says_what_the_file_says(kube: FakeCluster) -> None:
    assert yaml.safe_load(Path(kube.kubeconfig).read_text()) == kube.kubeconfig_dict()
