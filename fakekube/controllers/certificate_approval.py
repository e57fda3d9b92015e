"""Approves what kubelets ask for themselves, when whoever asks may: nobody has to wait for a person.

https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/#approval
"""

from __future__ import annotations

from fakekube.access.authorization import Asked
from fakekube.access.signers import KUBELET_CLIENT, refuse_kubelet_client
from fakekube.controllers.certificate_signing import REQUESTS
from fakekube.controllers.loop import Context, Controller, Object, Watch, own
from fakekube.objects.certificate_requests import CertificateRequest, NotARequest, read
from fakekube.registry.user import User

GROUP = "certificates.k8s.io"


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    request = context.client.get(REQUESTS, namespace, name)
    if request is None or request["spec"].get("signerName") != KUBELET_CLIENT:
        return None
    status = request.get("status") or {}
    if status.get("certificate") or status.get("conditions"):
        return None
    try:
        asked = read(request["spec"]["request"])
    except NotARequest:
        return None
    if refuse_kubelet_client(asked, request["spec"].get("usages") or []):
        return None
    message = _why_approved(context, request, asked)
    if message:
        approved = {"type": "Approved", "status": "True", "reason": "AutoApproved", "message": message}
        await context.client.update(REQUESTS, {**request, "status": {"conditions": [approved]}}, "approval")
    return None


def _why_approved(context: Context, request: Object, asked: CertificateRequest) -> str:
    """Which of the two rights the requester has; empty when neither."""
    spec = request["spec"]
    extra = {key: tuple(values or ()) for key, values in (spec.get("extra") or {}).items()}
    user = User(spec.get("username", ""), tuple(spec.get("groups") or ()), spec.get("uid", ""), extra)
    if spec.get("username") == asked.common_name and _may(context, user, "selfnodeclient"):
        return "Auto approving self kubelet client certificate after SubjectAccessReview."
    if _may(context, user, "nodeclient"):
        return "Auto approving kubelet client certificate after SubjectAccessReview."
    return ""


def _may(context: Context, user: User, subresource: str) -> bool:
    authorizer = context.client.plane.authorizer
    asked = Asked("create", "", True, GROUP, "*", "", "certificatesigningrequests", subresource)
    return authorizer is None or authorizer.allows(user, asked)


CONTROLLER = Controller(
    name="certificate-controller",
    watches=(Watch(REQUESTS, key=own),),
    reconcile=reconcile,
)
