"""Signs approved requests of the built-in signers with the cluster's authority, or says why it does not.

https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
"""

from __future__ import annotations

import base64
from datetime import timedelta

from fakekube.access.signers import SIGNERS, Authority
from fakekube.controllers.loop import Context, Controller, Object, Watch, own
from fakekube.objects.certificate_requests import NotARequest, read
from fakekube.objects.times import from_datetime

REQUESTS = "certificatesigningrequests.certificates.k8s.io"


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    request = context.client.get(REQUESTS, namespace, name)
    if request is None or not is_waiting_for_signature(request):
        return None
    refuse = SIGNERS.get(request["spec"].get("signerName", ""))
    settings = context.settings
    if refuse is None or not settings.ca_key_pem:
        return None
    spec, status = request["spec"], dict(request.get("status") or {})
    usages = spec.get("usages") or []
    try:
        asked = read(spec["request"])
        refusal = refuse(asked, usages)
    except NotARequest as error:
        refusal = str(error)
    if refusal:
        status["conditions"] = [*status.get("conditions", ()), _failed(context, refusal)]
    else:
        seconds = spec.get("expirationSeconds")
        lasting = None if seconds is None else timedelta(seconds=seconds)
        certificate = Authority(settings.ca_pem, settings.ca_key_pem).sign(asked, usages, context.clock.now(), lasting)
        status["certificate"] = base64.b64encode(certificate.encode()).decode()
    await context.client.update(REQUESTS, {**request, "status": status}, "status")
    return None


def is_waiting_for_signature(request: Object) -> bool:
    status = request.get("status") or {}
    types = {each.get("type") for each in status.get("conditions") or ()}
    return "Approved" in types and not types & {"Denied", "Failed"} and not status.get("certificate")


def _failed(context: Context, message: str) -> Object:
    now = from_datetime(context.clock.now())
    return {
        "type": "Failed",
        "status": "True",
        "reason": "SignerValidationFailure",
        "message": message,
        "lastUpdateTime": now,
        "lastTransitionTime": now,
    }


CONTROLLER = Controller(
    name="certificate-controller",
    watches=(Watch(REQUESTS, key=own),),
    reconcile=reconcile,
)
