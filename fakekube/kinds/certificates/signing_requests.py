"""Whether the PKCS#10 request inside a CertificateSigningRequest, and the certificate that answers it, can be read and is signed right.

The texts are those of the libraries of Go that the real server reads them with: `encoding/asn1`, `crypto/x509` and `crypto/rsa`. What is
wrong beyond the first two headers of a request that is long enough is told in general words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fakekube.objects import pem
from fakekube.objects.field_errors import go_quoted
from fakekube.objects.key_pairs import CURVES

if TYPE_CHECKING:
    from cryptography.x509 import CertificateSigningRequest

REQUEST_LABEL, CERTIFICATE_LABEL = "CERTIFICATE REQUEST", "CERTIFICATE"
_SEQUENCE = 16
_LONGEST = 1 << 23
_STRUCTS = ("certificateRequest", "tbsCertificateRequest")
"""What Go calls the sequence of a request, and the first one inside."""
_NOT_IMPLEMENTED = "x509: cannot verify signature: algorithm unimplemented"
_RSA, _ECDSA, _ED25519 = (
    "crypto/rsa: verification error",
    "x509: ECDSA verification failure",
    "x509: Ed25519 verification failure",
)
_TOLD_WHEN_WRONG = {
    "1.2.840.113549.1.1.5": _RSA,
    "1.2.840.113549.1.1.10": _RSA,
    "1.2.840.113549.1.1.11": _RSA,
    "1.2.840.113549.1.1.12": _RSA,
    "1.2.840.113549.1.1.13": _RSA,
    "1.2.840.10045.4.1": _ECDSA,
    "1.2.840.10045.4.3.2": _ECDSA,
    "1.2.840.10045.4.3.3": _ECDSA,
    "1.2.840.10045.4.3.4": _ECDSA,
    "1.3.101.112": _ED25519,
}
"""The algorithms of signatures that Go verifies, by object identifier, and what it says of a wrong signature."""
_MD5_WITH_RSA = "1.2.840.113549.1.1.4"


class _Malformed(Exception):
    pass


def why_no_request(text: bytes) -> str:
    """What is wrong with the PEM text of a request; empty when nothing is."""
    block = next(pem.blocks(text), None)
    if block is None or block.label != REQUEST_LABEL:
        return f"PEM block type must be {REQUEST_LABEL}"
    from cryptography import x509

    try:
        _check_headers(block.content)
        request = x509.load_der_x509_csr(block.content)
    except _Malformed as malformed:
        return str(malformed)
    except ValueError:
        return "asn1: structure error: malformed certificate request"
    return _why_not_signed(request)


def _why_not_signed(request: CertificateSigningRequest) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    algorithm = request.signature_algorithm_oid.dotted_string
    try:
        key = request.public_key()
        if isinstance(key, EllipticCurvePublicKey) and key.curve.name not in CURVES:
            return "x509: unsupported elliptic curve"
        if algorithm == _MD5_WITH_RSA:
            return "x509: cannot verify signature: insecure algorithm MD5-RSA"
        if algorithm not in _TOLD_WHEN_WRONG:
            return _NOT_IMPLEMENTED
        return "" if request.is_signature_valid else _TOLD_WHEN_WRONG[algorithm]
    except UnsupportedAlgorithm:
        return _NOT_IMPLEMENTED
    except ValueError:
        return "P256 point not on curve"


def _check_headers(content: bytes) -> None:
    """Raises _Malformed in the words of Go where a request does not even begin as one."""
    inside = content
    for name in _STRUCTS:
        start, length = _header(inside, name)
        if start + length > len(inside):
            raise _Malformed("asn1: syntax error: data truncated")
        if inside is content and start + length < len(content):
            raise _Malformed("asn1: syntax error: trailing data")
        inside = inside[start : start + length]


def _header(content: bytes, name: str) -> tuple[int, int]:
    """Where the value of a sequence begins, and how long it is."""
    octets = iter(content)
    first = next(octets, None)
    if first is None:
        raise _Malformed("asn1: syntax error: sequence truncated")
    tag = first & 0x1F
    if tag == 0x1F:
        tag = _long_tag(octets)
    length = _length(octets)
    kind, is_compound = first >> 6, bool(first & 0x20)
    start = len(content) - len(bytes(octets))
    if (kind, tag, is_compound) != (0, _SEQUENCE, True):
        found = f"{{class:{kind} tag:{tag} length:{length} isCompound:{str(is_compound).lower()}}}"
        wanted = (
            "{optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 "
            "timeType:0 set:false omitEmpty:false}"
        )
        raise _Malformed(f"asn1: structure error: tags don't match ({_SEQUENCE} vs {found}) {wanted} {name} @{start}")
    return start, length


def _long_tag(octets: Iterator[int]) -> int:
    tag = 0
    for place, octet in enumerate(octets):
        if place == 5:
            raise _Malformed("asn1: structure error: base 128 integer too large")
        if not tag and octet == 0x80:
            raise _Malformed("asn1: syntax error: integer is not minimally encoded")
        tag = tag << 7 | octet & 0x7F
        if not octet & 0x80:
            if tag < 0x1F:
                raise _Malformed("asn1: syntax error: non-minimal tag")
            return tag
    raise _Malformed("asn1: syntax error: truncated base 128 integer")


def _length(octets: Iterator[int]) -> int:
    truncated = _Malformed("asn1: syntax error: truncated tag or length")
    first = next(octets, None)
    if first is None:
        raise truncated
    if not first & 0x80:
        return first
    if first == 0x80:
        raise _Malformed("asn1: syntax error: indefinite length found (not DER)")
    length = 0
    for _ in range(first & 0x7F):
        octet = next(octets, None)
        if octet is None:
            raise truncated
        if length >= _LONGEST:
            raise _Malformed("asn1: structure error: length too large")
        length = length << 8 | octet
        if not length:
            raise _Malformed("asn1: structure error: superfluous leading zeros in length")
    if length < 0x80:
        raise _Malformed("asn1: structure error: non-minimal length")
    return length


def why_no_certificate(text: bytes) -> str:
    """What is wrong with the PEM text of certificates; empty when nothing is."""
    from cryptography import x509

    blocks = list(pem.blocks(text))
    for block in blocks:
        if block.label != CERTIFICATE_LABEL:
            return f"only CERTIFICATE PEM blocks are allowed, found {go_quoted(block.label)}"
        if block.has_headers:
            return "no PEM block headers are permitted"
        if not block.content:
            return "found CERTIFICATE PEM block containing 0 certificates"
        try:
            x509.load_der_x509_certificate(block.content)
        except ValueError:
            return "x509: malformed certificate"
    return "" if blocks else "must contain at least one CERTIFICATE PEM block"
