"""The nodes that fakekube runs: what a kubelet tells the cluster about the machine it is on.

https://kubernetes.io/docs/reference/node/node-status/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_DNS, uuid5

from fakekube.errors import AlreadyExists
from fakekube.kubelet import Object
from fakekube.registry.user import User

if TYPE_CHECKING:
    from fakekube.api.client import Client
    from fakekube.registry.clock import Clock

LEASE_NAMESPACE = "kube-node-lease"
LEASE_DURATION_S = 40
KUBELET_PORT = 10250

CAPACITY = {
    "cpu": "8",
    "ephemeral-storage": "102107096Ki",
    "hugepages-1Gi": "0",
    "hugepages-2Mi": "0",
    "memory": "16374188Ki",
    "pods": "110",
}
ALLOCATABLE = {**CAPACITY, "memory": "16271788Ki", "ephemeral-storage": "94101899518"}

HEALTH = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


class NodeTemplateError(ValueError):
    """A file that is no template of nodes; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Node:
    """The machine number `index`, from 0."""

    index: int
    own_name: str = ""
    template: Object = field(default_factory=dict, hash=False)
    """A Node of which metadata, spec and status are laid over what is generated; its name is what names begin with."""

    @property
    def name(self) -> str:
        if self.own_name:
            return self.own_name
        metadata = self.template.get("metadata", {})
        prefix = metadata.get("generateName") or f"{metadata.get('name') or 'fakekube'}-"
        return f"{prefix}{self.index}"

    @property
    def user(self) -> User:
        return User(f"system:node:{self.name}", ("system:nodes", "system:authenticated"))

    @property
    def address(self) -> str:
        """Addresses of machines begin at 172.18.0.2."""
        high, low = divmod(self.index + 2, 256)
        return f"172.18.{high}.{low}"

    @property
    def pod_network(self) -> str:
        """What the addresses of its pods begin with; 254 follow."""
        return f"10.{244 + self.index // 256}.{self.index % 256}."

    def object(self, now: str) -> Object:
        """The Node as its kubelet registers it."""
        identity = uuid5(NAMESPACE_DNS, self.name)
        conditions = healthy(now)
        generated = {
            "kind": "Node",
            "apiVersion": "v1",
            "metadata": {
                "name": self.name,
                "labels": {
                    "beta.kubernetes.io/arch": "amd64",
                    "beta.kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64",
                    "kubernetes.io/hostname": self.name,
                    "kubernetes.io/os": "linux",
                },
                "annotations": {
                    "node.alpha.kubernetes.io/ttl": "0",
                    "volumes.kubernetes.io/controller-managed-attach-detach": "true",
                },
            },
            "spec": {
                "podCIDR": f"{self.pod_network}0/24",
                "podCIDRs": [f"{self.pod_network}0/24"],
                "providerID": f"fakekube://{self.name}",
            },
            "status": {
                "capacity": CAPACITY,
                "allocatable": ALLOCATABLE,
                "conditions": conditions,
                "addresses": [
                    {"type": "InternalIP", "address": self.address},
                    {"type": "Hostname", "address": self.name},
                ],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
                "nodeInfo": {
                    "machineID": identity.hex,
                    "systemUUID": str(identity),
                    "bootID": str(uuid5(identity, now)),
                    "kernelVersion": "6.12.0",
                    "osImage": "Debian GNU/Linux 13 (trixie)",
                    "containerRuntimeVersion": "containerd://2.2.0",
                    "kubeletVersion": "v1.36.2",
                    "kubeProxyVersion": "",
                    "operatingSystem": "linux",
                    "architecture": "amd64",
                },
            },
        }
        status = self.template.get("status", {})
        if "capacity" in status and "allocatable" not in status:
            # As a kubelet that keeps nothing for itself.
            status = {**status, "allocatable": status["capacity"]}
        node: Object = laid_over(generated, {**self.template, "status": status})
        return node

    def lease(self, node_uid: str, now: datetime) -> Object:
        """By which a kubelet shows that it lives; `heartbeats.py` renews it."""
        owner = {"apiVersion": "v1", "kind": "Node", "name": self.name, "uid": node_uid}
        return {
            "kind": "Lease",
            "apiVersion": "coordination.k8s.io/v1",
            "metadata": {"name": self.name, "namespace": LEASE_NAMESPACE, "ownerReferences": [owner]},
            "spec": {
                "holderIdentity": self.name,
                "leaseDurationSeconds": LEASE_DURATION_S,
                "renewTime": lease_time(now),
            },
        }

    async def register(self, client: Client, clock: Clock) -> None:
        """Tell the cluster that this machine is there, once."""
        try:
            node = await client.create("nodes", self.object(clock.timestamp()))
            await client.create("leases.coordination.k8s.io", self.lease(node["metadata"]["uid"], clock.now()))
        except AlreadyExists:
            return


def lease_time(now: datetime) -> str:
    """As metav1.MicroTime writes it."""
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def healthy(now: str) -> list[Object]:
    """The conditions of a node that is well."""
    return [
        {
            "type": type,
            "status": status,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }
        for type, status, reason, message in HEALTH
    ]


def silent(conditions: list[Object], now: str) -> list[Object]:
    """What the node controller makes of them when nothing has been heard of the node for long."""
    return [
        {
            **each,
            "status": "Unknown",
            "lastTransitionTime": now,
            "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.",
        }
        for each in conditions
    ]


def nodes(count: int, template: Object | None = None) -> tuple[Node, ...]:
    """The first `count` machines."""
    return tuple(Node(index, template=template or {}) for index in range(count))


def read_template(path: Path) -> Object:
    """The one Node in a file of YAML or JSON. Raises NodeTemplateError."""
    from fakekube.objects.yaml import YAMLError, load_all

    try:
        values = [document.value for document in load_all(path.read_text()) if document.value is not None]
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise NodeTemplateError(f"{path}: {error}") from None
    if len(values) != 1 or not isinstance(values[0], dict) or values[0].get("kind") != "Node":
        raise NodeTemplateError(
            f"{path}: expected one object of kind Node, with the labels, taints and capacity that nodes shall have"
        )
    template: Object = values[0]
    return template


def laid_over(generated: Any, template: Any) -> Any:
    """Maps are merged, lists and values of the template take the place of others; names are those of the machine."""
    if not isinstance(generated, dict) or not isinstance(template, dict):
        return template
    merged = {**generated, **{key: laid_over(generated.get(key), value) for key, value in template.items()}}
    merged.pop("generateName", None)
    if "name" in generated:
        merged["name"] = generated["name"]
    return merged
