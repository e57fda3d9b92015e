"""Who may approve and sign which certificates, and which may not be asked for at all.

Kubernetes has three plugins for this: CertificateApproval, CertificateSigning and CertificateSubjectRestriction.
https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization
"""

from __future__ import annotations

import base64
import binascii

from fakekube.admission.attributes import Attributes
from fakekube.objects import fields
from fakekube.registry.kind import Object

GROUP = "certificates.k8s.io"
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
MASTERS = "system:masters"


def validate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    """Raises Forbidden."""
    kind = attributes.kind
    if (kind.group, kind.resource) != (GROUP, "certificatesigningrequests"):
        return
    signer = fields.text_at(obj, "spec.signerName")
    if attributes.operation == "CREATE" and not attributes.subresource:
        if signer == CLIENT_SIGNER and MASTERS in _organizations(fields.text_at(obj, "spec.request")):
            raise attributes.forbidden(f"use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed")
    elif attributes.subresource == "approval":
        if not _may(attributes, "approve", signer):
            raise attributes.forbidden(f'user not permitted to approve requests with signerName "{signer}"')
    elif attributes.subresource == "status" and _signs(obj, old) and not _may(attributes, "sign", signer):
        raise attributes.forbidden(f'user not permitted to sign requests with signerName "{signer}"')


def _may(attributes: Attributes, verb: str, signer: str) -> bool:
    """By the signer's own name or by its whole domain."""
    domain = signer.partition("/")[0]
    return any(attributes.permits(verb, GROUP, "signers", "", name) for name in (signer, f"{domain}/*"))


def _signs(request: Object, old: Object | None) -> bool:
    """Whether a status brings a certificate, or says that there will be none."""
    if fields.at(request, "status.certificate") != fields.at(old, "status.certificate"):
        return True
    return _failed(request) != _failed(old)


def _failed(request: Object | None) -> list[Object]:
    return [each for each in fields.at(request, "status.conditions") or () if each.get("type") == "Failed"]


def _organizations(request: str) -> list[str]:
    """Those of the subject of a request in base64."""
    from cryptography import x509

    try:
        parsed = x509.load_pem_x509_csr(base64.b64decode(request))
    except (ValueError, binascii.Error):
        return []
    attributes = parsed.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    return [str(attribute.value) for attribute in attributes]
