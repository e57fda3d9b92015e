"""The texts are those of the real server for the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from fakekube.objects.key_pairs import why_no_pair

RSA, OTHER_RSA = (rsa.generate_private_key(65537, 2048) for _ in range(2))
P256, OTHER_P256, K256 = (ec.generate_private_key(curve) for curve in (ec.SECP256R1(), ec.SECP256R1(), ec.SECP256K1()))
ED25519, DSA = ed25519.Ed25519PrivateKey.generate(), dsa.generate_private_key(1024)
PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"


def certificate(key: Any) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(datetime(2001, 1, 1, tzinfo=UTC))
    made = builder.not_valid_after(datetime(2002, 1, 1, tzinfo=UTC)).sign(OTHER_RSA, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def private(key: Any, form: Any = serialization.PrivateFormat.PKCS8) -> bytes:
    text: bytes = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return text


OLD = serialization.PrivateFormat.TraditionalOpenSSL


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (RSA, private(RSA)),
        (RSA, private(RSA, OLD)),
        (P256, private(P256)),
        (P256, PARAMETERS + private(P256, OLD)),
        (ED25519, private(ED25519)),
    ],
    ids=["RSA", "RSA of old", "EC", "EC of old", "Ed25519"],
)
def test_a_certificate_and_its_key_are_a_pair(key: Any, text: bytes) -> None:
    assert why_no_pair(certificate(key) + certificate(OTHER_RSA), text) == ""


@pytest.mark.parametrize(
    ("key", "text", "why"),
    [
        (RSA, private(OTHER_RSA), "tls: private key does not match public key"),
        (P256, private(OTHER_P256), "tls: private key does not match public key"),
        (RSA, private(P256), "tls: private key type does not match public key type"),
        (RSA, private(DSA), "tls: failed to parse private key"),
        (RSA, private(K256), "tls: failed to parse private key"),
        (K256, private(K256), "x509: unsupported elliptic curve"),
        (RSA, b"", "tls: failed to find any PEM data in key input"),
        (RSA, certificate(RSA), "tls: found a certificate rather than a key in the PEM for the private key"),
        (
            RSA,
            PARAMETERS,
            'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the '
            "following types: [EC PARAMETERS]",
        ),
    ],
)
def test_keys_that_fit_no_certificate_are_told_as_go_tells_them(key: Any, text: bytes, why: str) -> None:
    assert why_no_pair(certificate(key), text) == why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "tls: failed to find any PEM data in certificate input"),
        (
            private(RSA),
            "tls: failed to find certificate PEM data in certificate input, but did find a private key; "
            "PEM inputs may have been switched",
        ),
        (
            PARAMETERS,
            'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following '
            "types: [EC PARAMETERS]",
        ),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x509: malformed certificate"),
    ],
)
def test_texts_without_a_certificate_are_told_as_go_tells_them(text: bytes, why: str) -> None:
    assert why_no_pair(text, private(RSA)) == why
