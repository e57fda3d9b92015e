"""The built-in signers of certificates: on what each insists, and the certificate it makes.

https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fakekube.objects.certificate_requests import CertificateRequest

if TYPE_CHECKING:
    from cryptography import x509

CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"

NODES, NODE_PREFIX = "system:nodes", "system:node:"
LONGEST = timedelta(days=365)
BACKDATED = timedelta(minutes=5)
"""Clocks may differ."""

_SIGNATURE, _ENCIPHERMENT = "digital signature", "key encipherment"

Refusal = Callable[[CertificateRequest, Sequence[str]], str]
"""(request, usages) -> what is wrong with it for a signer; empty when nothing is."""


def refuse_client(request: CertificateRequest, usages: Sequence[str]) -> str:
    for usage in usages:
        if usage not in ("client auth", _SIGNATURE, _ENCIPHERMENT):
            return f"invalid usage for client certificate: {usage}"
    return "" if "client auth" in usages else "missing required usage for client certificate: client auth"


def refuse_kubelet_client(request: CertificateRequest, usages: Sequence[str]) -> str:
    if request.organizations != (NODES,):
        return _ORGANIZATION
    for what, names in (
        ("DNS", request.dns_names),
        ("Email", request.email_addresses),
        ("IP", request.ip_addresses),
        ("URI", request.uris),
    ):
        if names:
            return f"{what} subjectAltNames are not allowed"
    return _refuse_common_name(request) or _refuse_usages(usages, "client auth")


def refuse_kubelet_serving(request: CertificateRequest, usages: Sequence[str]) -> str:
    if request.organizations != (NODES,):
        return _ORGANIZATION
    if not request.dns_names and not request.ip_addresses:
        return "DNS or IP subjectAltName is required"
    if request.email_addresses:
        return "Email subjectAltNames are not allowed"
    if request.uris:
        return "URI subjectAltNames are not allowed"
    return _refuse_usages(usages, "server auth") or _refuse_common_name(request)


_ORGANIZATION = f"subject organization is not {NODES}"


def _refuse_common_name(request: CertificateRequest) -> str:
    return (
        "" if request.common_name.startswith(NODE_PREFIX) else f"subject common name does not begin with {NODE_PREFIX}"
    )


def _refuse_usages(usages: Sequence[str], needed: str) -> str:
    with_rsa = {needed, _SIGNATURE, _ENCIPHERMENT}
    if set(usages) in (with_rsa, with_rsa - {_ENCIPHERMENT}):
        return ""
    return f"usages did not match [{' '.join(sorted(with_rsa))}]"


SIGNERS: Mapping[str, Refusal] = {
    CLIENT: refuse_client,
    KUBELET_CLIENT: refuse_kubelet_client,
    KUBELET_SERVING: refuse_kubelet_serving,
}
"""Signers of the controller manager; requests to others wait for somebody else."""

_KEY_USAGES = {
    "signing": "digital_signature",
    _SIGNATURE: "digital_signature",
    "content commitment": "content_commitment",
    _ENCIPHERMENT: "key_encipherment",
    "key agreement": "key_agreement",
    "data encipherment": "data_encipherment",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
    "encipher only": "encipher_only",
    "decipher only": "decipher_only",
}
_EXTENDED_USAGES = {
    "any": "2.5.29.37.0",
    "server auth": "1.3.6.1.5.5.7.3.1",
    "client auth": "1.3.6.1.5.5.7.3.2",
    "code signing": "1.3.6.1.5.5.7.3.3",
    "email protection": "1.3.6.1.5.5.7.3.4",
    "s/mime": "1.3.6.1.5.5.7.3.4",
    "ipsec end system": "1.3.6.1.5.5.7.3.5",
    "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp signing": "1.3.6.1.5.5.7.3.9",
    "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
    "netscape sgc": "2.16.840.1.113730.4.1",
}


class Authority:
    """Who signs: a CA certificate and its key, PEM texts."""

    def __init__(self, certificate: str, key: str) -> None:
        self._certificate = certificate
        self._key = key

    def __repr__(self) -> str:
        return "Authority(...)"

    def sign(
        self, request: CertificateRequest, usages: Sequence[str], now: datetime, lasting: timedelta | None = None
    ) -> str:
        """The certificate, PEM: for the subject and the names that are asked for, good from `now` for `lasting`, at most for a year."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization

        issuer = x509.load_pem_x509_certificate(self._certificate.encode())
        issuer_key: Any = serialization.load_pem_private_key(self._key.encode(), password=None)
        ends = min(now + min(lasting or LONGEST, LONGEST), issuer.not_valid_after_utc)
        asked = request.x509
        builder = (
            x509.CertificateBuilder()
            .subject_name(_subject(asked.subject))
            .issuer_name(issuer.subject)
            .public_key(asked.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(ends)
        )
        keys = {_KEY_USAGES[usage] for usage in usages if usage in _KEY_USAGES}
        if keys:
            # These two can only stand beside a key agreement.
            if "key_agreement" not in keys:
                keys -= {"encipher_only", "decipher_only"}
            flags = {name: name in keys for name in _KEY_USAGES.values()}
            builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
        extended = dict.fromkeys(_EXTENDED_USAGES[usage] for usage in usages if usage in _EXTENDED_USAGES)
        if extended:
            purposes = x509.ExtendedKeyUsage([x509.ObjectIdentifier(each) for each in extended])
            builder = builder.add_extension(purposes, critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
        builder = builder.add_extension(authority, critical=False)
        try:
            names = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except x509.ExtensionNotFound:
            pass
        else:
            builder = builder.add_extension(names.value, critical=names.critical)
        certificate = builder.sign(issuer_key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM).decode()


_SUBJECT = ("2.5.4.6", "2.5.4.8", "2.5.4.7", "2.5.4.9", "2.5.4.17", "2.5.4.10", "2.5.4.11")
"""Country, province, locality, street, postal code, organizations and their units: of each several."""

_NAME_AND_NUMBER = ("2.5.4.3", "2.5.4.5")
"""Common name and serial number: of each the last."""


def _subject(asked: x509.Name) -> x509.Name:
    """What a certificate says of whom it is for: these attributes in this order, those of one type in one set; others are left out."""
    from cryptography import x509

    of_type = {oid: [each for each in asked if each.oid.dotted_string == oid] for oid in (*_SUBJECT, *_NAME_AND_NUMBER)}
    sets = [dict.fromkeys(of_type[oid]) for oid in _SUBJECT] + [of_type[oid][-1:] for oid in _NAME_AND_NUMBER]
    return x509.Name([x509.RelativeDistinguishedName(each) for each in sets if each])
