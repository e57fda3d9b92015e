"""What a pod is called inside. After GeneratePodHostNameAndDomain of pkg/kubelet/kubelet_pods.go."""

from __future__ import annotations

from fakekube.kubelet import Object


def hostname(pod: Object) -> str:
    """The kernel's hostname in the pod, which is also what HOSTNAME says."""
    raise NotImplementedError


def domain(pod: Object) -> str:
    """`<subdomain>.<namespace>.svc.cluster.local`; empty without a subdomain."""
    raise NotImplementedError
