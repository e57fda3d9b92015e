"""What stands in a pod's /etc/hosts. After managedHostsFileContent of pkg/kubelet/kubelet_pods.go.

https://kubernetes.io/docs/tasks/network/customize-hosts-file-for-pods/
"""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.kubelet import Object
from fakekube.kubelet.hostname import CLUSTER_DOMAIN, domain, short_hostname

PATH = "/etc/hosts"
MODE = 0o644

HEADER = "# Kubernetes-managed hosts file.\n"
HOST_NETWORK_HEADER = "# Kubernetes-managed hosts file (host network).\n"
ALIASES_HEADER = "# Entries added by HostAliases.\n"
LOCAL_LINES = (
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\n"
    "fe00::1\tip6-allnodes\n"
    "fe00::2\tip6-allrouters\n"
)

API_NAMES = ("kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{CLUSTER_DOMAIN}")
SHORT_API_NAME = "kubernetes"
"""This one is only known in the namespace that the Service is in, through the search list of cluster DNS."""


def content(pod: Object, node_hosts: str = "") -> str:
    """The file as the kubelet writes it. `node_hosts` is the node's own file, which pods in the host's network see.

    A pod without an address has no line of its own.
    """
    if pod["spec"].get("hostNetwork"):
        return HOST_NETWORK_HEADER + node_hosts + _aliases(pod)
    name, of_domain = short_hostname(pod), domain(pod)
    names = f"{name}.{of_domain}\t{name}" if of_domain else name
    return HEADER + LOCAL_LINES + "".join(f"{address}\t{names}\n" for address in addresses(pod)) + _aliases(pod)


def addresses(pod: Object) -> list[str]:
    """The pod's addresses, the primary one first."""
    status = pod.get("status") or {}
    found = [each["ip"] for each in status.get("podIPs") or () if each.get("ip")]
    return found or ([status["podIP"]] if status.get("podIP") else [])


def with_api_names(content: str, address: str, *, namespace: str) -> str:
    """`content` with a line that leads the names of the API server's Service to `address`, as cluster DNS would.

    `namespace` is the pod's: `kubernetes` alone is a name in `default` only.
    """
    names: Sequence[str] = (SHORT_API_NAME, *API_NAMES) if namespace == "default" else API_NAMES
    gap = "" if content.endswith("\n") or not content else "\n"
    line = "\t".join((address, *names))
    return f"{content}{gap}\n# Entry added by fakekube, in place of cluster DNS.\n{line}\n"


def is_managed(container: Object) -> bool:
    """Whether the kubelet writes the file: not when the container mounts something there."""
    return all(mount["mountPath"] != PATH for mount in container.get("volumeMounts") or ())


def _aliases(pod: Object) -> str:
    aliases = pod["spec"].get("hostAliases") or []
    lines = "".join("\t".join((each["ip"], *(each.get("hostnames") or ("",)))) + "\n" for each in aliases)
    return f"\n{ALIASES_HEADER}{lines}" if aliases else ""
