"""What a cluster holds before anybody uses it.

The JSON files beside this module, one object a line, are what a fresh v1.36 control plane was seen to write; `<...>` in
them are the places that differ from cluster to cluster, filled in here.
"""

from __future__ import annotations

import hashlib
import ipaddress
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

Object = dict[str, Any]

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")

FILES = (
    "namespaces",
    "priority_classes",
    "flow_control",
    "rbac",
    "api_services",
    "services",
    "service_accounts",
    "config_maps",
    "leases",
)
"""In the order of creation."""

ROOT_CA_NAME = "kube-root-ca.crt"

_HERE = Path(__file__).parent


def objects(*, ca_pem: str, service_cidr: str, server_address: str, now: datetime) -> Iterator[Object]:
    """The objects of a fresh cluster in the order of their creation.

    They are new dicts, `kind` and `apiVersion` first, without uid, resourceVersion and creationTimestamp.
    `service_cidr` is `10.96.0.0/16`; `server_address` is `host:port`, where a host that is no address to dial becomes the
    loopback address.
    """
    values = _values(ca_pem, service_cidr, server_address, now)
    for name in FILES:
        text = _HERE.joinpath(f"{name}.json").read_text("utf-8")
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        yield from orjson.loads(text)
    for namespace in NAMESPACES:
        yield root_ca_config_map(namespace, ca_pem)


def root_ca_config_map(namespace: str, ca_pem: str) -> Object:
    """The ConfigMap by which pods of a namespace know the server: each namespace has one."""
    description = (
        "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
        "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
        "clusters."
    )
    return {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {
            "name": ROOT_CA_NAME,
            "namespace": namespace,
            "annotations": {"kubernetes.io/description": description},
        },
        "data": {"ca.crt": ca_pem},
    }


def default_storage_class() -> Object:
    """What claims get that name no class, where machines are: as in the clusters that people run on their own."""
    return {
        "kind": "StorageClass",
        "apiVersion": "storage.k8s.io/v1",
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "rancher.io/local-path",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _values(ca_pem: str, service_cidr: str, server_address: str, now: datetime) -> dict[str, str]:
    """What stands for each placeholder, as it is written inside a JSON string."""
    host, _, port = server_address.rpartition(":")
    advertise = _advertised(host.strip("[]"))
    network = ipaddress.ip_network(service_cidr)
    hostname = socket.gethostname()
    return {
        # The quotes go: a port is a number.
        '"<server port>"': port,
        "<server port>": port,
        "<advertise address>": str(advertise),
        "<advertise family>": f"IPv{advertise.version}",
        "<service address>": str(network[1]),
        "<service cidr>": str(network),
        "<service family>": f"IPv{network.version}",
        "<hostname>": hostname,
        "<hash>": hashlib.sha256(hostname.encode()).hexdigest()[:26],
        "<uid>": hashlib.md5(f"{hostname} {now}".encode(), usedforsecurity=False).hexdigest(),
        "<pem>": orjson.dumps(ca_pem).decode()[1:-1],
        "<time>": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "<microtime>": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "<today>": now.strftime("%Y-%m-%d"),
    }


def _advertised(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ipaddress.IPv4Address("127.0.0.1")
    if address.is_unspecified:
        return ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return address
