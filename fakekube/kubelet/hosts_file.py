"""What stands in a pod's /etc/hosts. After managedHostsFileContent of pkg/kubelet/kubelet_pods.go."""

from __future__ import annotations

from fakekube.kubelet import Object

PATH = "/etc/hosts"
MODE = 0o644


def content(pod: Object, node_hosts: str = "") -> str:
    """The file as the kubelet writes it. `node_hosts` is the node's own file, which pods in the host's network see.

    Raises nothing: a pod without an address has no line of its own.
    """
    raise NotImplementedError


def with_api_names(content: str, address: str) -> str:
    """`content` with a line that leads `kubernetes` and its longer names to `address`."""
    raise NotImplementedError


def is_managed(container: Object) -> bool:
    """Whether the kubelet writes the file: not when the container mounts something there."""
    raise NotImplementedError
