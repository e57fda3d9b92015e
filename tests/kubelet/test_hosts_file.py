"""What stands in a pod's /etc/hosts."""

from __future__ import annotations

import pytest

from fakekube.kubelet.hosts_file import content, is_managed, with_api_names
from tests.kubelet.sources import pod_of

LOCAL = """\
# Kubernetes-managed hosts file.
127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::0	ip6-localnet
fe00::0	ip6-mcastprefix
fe00::1	ip6-allnodes
fe00::2	ip6-allrouters
"""
ALIASES = [{"ip": "10.1.2.3", "hostnames": ["foo.local", "bar.local"]}, {"ip": "10.1.2.4", "hostnames": ["one"]}]
ALIAS_LINES = """
# Entries added by HostAliases.
10.1.2.3	foo.local	bar.local
10.1.2.4	one
"""


def test_a_pod_finds_itself_at_each_of_its_addresses() -> None:
    assert content(pod_of()) == f"{LOCAL}10.244.0.5\tp\nfd00::5\tp\n"


def test_with_a_subdomain_the_full_name_comes_first() -> None:
    pod = pod_of(hostname="db", subdomain="dbs")
    pod["status"] = {"podIP": "10.244.0.5"}

    assert content(pod) == f"{LOCAL}10.244.0.5\tdb.dbs.shop.svc.cluster.local\tdb\n"


def test_aliases_come_last_one_line_for_each_address() -> None:
    pod = pod_of(hostAliases=ALIASES)
    del pod["status"]

    assert content(pod) == f"{LOCAL}{ALIAS_LINES}"


def test_in_the_network_of_the_host_the_file_of_the_node_is_shown() -> None:
    pod = pod_of(hostNetwork=True, hostAliases=ALIASES)

    assert content(pod, "127.0.0.1 localhost\n") == (
        f"# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n{ALIAS_LINES}"
    )


@pytest.mark.parametrize(
    ("namespace", "names"),
    [
        ("default", "kubernetes\tkubernetes.default\tkubernetes.default.svc\tkubernetes.default.svc.cluster.local"),
        ("shop", "kubernetes.default\tkubernetes.default.svc\tkubernetes.default.svc.cluster.local"),
    ],
)
def test_the_api_server_has_the_names_that_cluster_dns_would_find(namespace: str, names: str) -> None:
    file = with_api_names("127.0.0.1 localhost", "127.96.0.1", namespace=namespace)

    assert file.splitlines()[0] == "127.0.0.1 localhost"
    assert file.splitlines()[-1] == f"127.96.0.1\t{names}"
    assert file.endswith("\n")


def test_a_mount_on_it_takes_the_place_of_the_managed_file() -> None:
    assert is_managed({"name": "c"})
    assert is_managed({"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/etc/hosts.d"}]})
    assert not is_managed({"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/etc/hosts"}]})
