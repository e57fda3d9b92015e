"""What is written in a certificate signing request (PKCS 10): who wants to be called what.

`cryptography` is imported when the first request is read.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any


class NotARequest(ValueError):
    """The bytes are no certificate signing request, or it is not signed by its own key."""


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    common_name: str
    """Of several the last, as in Go."""
    organizations: tuple[str, ...]
    dns_names: tuple[str, ...]
    email_addresses: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    uris: tuple[str, ...]
    x509: Any
    """The request itself, as `cryptography` has it."""


def read(encoded: str) -> CertificateRequest:
    """The request in the base64 text of `spec.request`. Raises NotARequest."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509.oid import NameOID

    try:
        request = x509.load_pem_x509_csr(base64.b64decode(encoded))
        if not request.is_signature_valid:
            raise NotARequest("the request is not signed by its key")
        names = _alternative_names(request)
    except (ValueError, binascii.Error, UnsupportedAlgorithm) as error:
        raise NotARequest(str(error)) from None
    common_names = [str(each.value) for each in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    organizations = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)

    def of(kind: Any) -> tuple[str, ...]:
        return tuple(str(each) for each in names.get_values_for_type(kind)) if names is not None else ()

    return CertificateRequest(
        common_names[-1] if common_names else "",
        tuple(str(each.value) for each in organizations),
        of(x509.DNSName),
        of(x509.RFC822Name),
        of(x509.IPAddress),
        of(x509.UniformResourceIdentifier),
        request,
    )


def _alternative_names(request: Any) -> Any:
    from cryptography import x509

    try:
        return request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
