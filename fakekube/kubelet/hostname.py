"""What a pod is called inside. After GeneratePodHostNameAndDomain of pkg/kubelet/kubelet_pods.go.

https://kubernetes.io/docs/concepts/workloads/pods/pod-hostname/
"""

from __future__ import annotations

from fakekube.kubelet import Object

CLUSTER_DOMAIN = "cluster.local"
MOST_CHARACTERS = 63
"""Of a hostname; what is longer is cut."""
FQDN_MOST_CHARACTERS = 64
"""What the kernel's field for it holds."""


class HostnameError(ValueError):
    """The pod's sandbox cannot be made (FailedCreatePodSandBox) because of its name."""


def hostname(pod: Object) -> str:
    """The kernel's hostname in the pod, which is also what HOSTNAME says. In the host's network it is the node's.

    Raises HostnameError for a full name that the kernel cannot hold.
    """
    spec = pod["spec"]
    if spec.get("hostNetwork"):
        node: str = spec.get("nodeName", "")
        return node
    name = short_hostname(pod)
    if not spec.get("setHostnameAsFQDN") or not domain(pod):
        return name
    full = f"{name}.{domain(pod)}"
    if len(full) > FQDN_MOST_CHARACTERS:
        raise HostnameError(
            f"failed to construct FQDN from pod hostname and cluster domain, FQDN {full} is too long "
            f"({FQDN_MOST_CHARACTERS} characters is the max, {len(full)} characters requested)"
        )
    return full


def short_hostname(pod: Object) -> str:
    """The name in the pod's hosts file: its hostnameOverride, else its hostname, else its name, cut where it is too long."""
    spec = pod["spec"]
    name: str = spec.get("hostnameOverride") or spec.get("hostname") or pod["metadata"]["name"]
    return name if len(name) <= MOST_CHARACTERS else name[:MOST_CHARACTERS].rstrip("-.")


def domain(pod: Object) -> str:
    """`<subdomain>.<namespace>.svc.cluster.local`; empty without a subdomain."""
    spec = pod["spec"]
    if spec.get("hostnameOverride") or not spec.get("subdomain"):
        return ""
    return f"{spec['subdomain']}.{pod['metadata']['namespace']}.svc.{CLUSTER_DOMAIN}"
