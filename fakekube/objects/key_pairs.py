"""Whether a certificate and a private key, each in PEM, belong together, in the words of Go's `tls.X509KeyPair`.

`cryptography` is imported when there are both.
"""

from __future__ import annotations

from typing import Any

from fakekube.objects import pem

CURVES = frozenset({"secp224r1", "secp256r1", "secp384r1", "secp521r1"})
"""Those that Go knows."""
_CERTIFICATE, _KEY = "CERTIFICATE", "PRIVATE KEY"
_NOT_PARSED = "tls: failed to parse private key"


def why_no_pair(certificate: bytes, key: bytes) -> str:
    """What is wrong with the two; empty when nothing is."""
    certificates = list(pem.blocks(certificate))
    leaf = next((block for block in certificates if block.label == _CERTIFICATE), None)
    if leaf is None:
        return _no_certificate([block.label for block in certificates])
    skipped: list[str] = []
    for block in pem.blocks(key):
        if block.label == _KEY or block.label.endswith(f" {_KEY}"):
            return _why_not_together(leaf.content, block.content)
        skipped.append(block.label)
    return _no_key(skipped)


def _no_certificate(skipped: list[str]) -> str:
    if not skipped:
        return "tls: failed to find any PEM data in certificate input"
    if len(skipped) == 1 and skipped[0].endswith(_KEY):
        return (
            "tls: failed to find certificate PEM data in certificate input, but did find a private key; "
            "PEM inputs may have been switched"
        )
    return (
        'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: '
        f"[{' '.join(skipped)}]"
    )


def _no_key(skipped: list[str]) -> str:
    if not skipped:
        return "tls: failed to find any PEM data in key input"
    if skipped == [_CERTIFICATE]:
        return "tls: found a certificate rather than a key in the PEM for the private key"
    return (
        'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the '
        f"following types: [{' '.join(skipped)}]"
    )


def _why_not_together(certificate: bytes, key: bytes) -> str:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        public: Any = x509.load_der_x509_certificate(certificate).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "x509: malformed certificate"
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name not in CURVES:
        return "x509: unsupported elliptic curve"
    try:
        private: Any = serialization.load_der_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return _NOT_PARSED
    kinds = (
        (rsa.RSAPrivateKey, rsa.RSAPublicKey),
        (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey),
        (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey),
    )
    is_unknown_curve = isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name not in CURVES
    if is_unknown_curve or not isinstance(private, tuple(kind for kind, _ in kinds)):
        return _NOT_PARSED
    for private_kind, public_kind in kinds:
        if isinstance(public, public_kind):
            if not isinstance(private, private_kind):
                return "tls: private key type does not match public key type"
            return "" if private.public_key() == public else "tls: private key does not match public key"
    return "tls: unknown public key algorithm"
