"""The texts are those of the real server for the same bytes."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from fakekube.kinds.certificates.signing_requests import why_no_certificate, why_no_request

NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "jane")])
SHA256 = hashes.SHA256()
SHA256_WITH_RSA, MD5_WITH_RSA = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "04"))
MISMATCH = (
    "asn1: structure error: tags don't match (16 vs {%s}) {optional:false explicit:false application:false private:false "
    "defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false} %s"
)


def request(key: Any, algorithm: Any = SHA256) -> bytes:
    signed = x509.CertificateSigningRequestBuilder().subject_name(NAME).sign(key, algorithm)
    return signed.public_bytes(serialization.Encoding.DER)


def pem(content: bytes, label: str = "CERTIFICATE REQUEST") -> bytes:
    return f"-----BEGIN {label}-----\n{base64.b64encode(content).decode()}\n-----END {label}-----\n".encode()


RSA, P256 = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize("key", [RSA, P256, ec.generate_private_key(ec.SECP224R1())], ids=["RSA", "P-256", "P-224"])
def test_a_request_that_its_own_key_has_signed_is_good(key: Any) -> None:
    assert why_no_request(pem(request(key))) == ""


@pytest.mark.parametrize(
    ("key", "algorithm", "why"),
    [
        (RSA, SHA256, "crypto/rsa: verification error"),
        (P256, SHA256, "x509: ECDSA verification failure"),
        (ed25519.Ed25519PrivateKey.generate(), None, "x509: Ed25519 verification failure"),
    ],
    ids=["RSA", "ECDSA", "Ed25519"],
)
def test_a_request_whose_name_was_changed_is_not_signed(key: Any, algorithm: Any, why: str) -> None:
    assert why_no_request(pem(request(key, algorithm).replace(b"jane", b"june"))) == why


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (request(ec.generate_private_key(ec.SECP256K1())), "x509: unsupported elliptic curve"),
        (
            request(ed448.Ed448PrivateKey.generate(), None),
            "x509: cannot verify signature: algorithm unimplemented",
        ),
        (
            request(RSA).replace(SHA256_WITH_RSA, MD5_WITH_RSA),
            "x509: cannot verify signature: insecure algorithm MD5-RSA",
        ),
    ],
    ids=["curve", "algorithm", "digest"],
)
def test_a_signature_that_go_does_not_verify_is_refused(content: bytes, why: str) -> None:
    assert why_no_request(pem(content)) == why


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "asn1: syntax error: sequence truncated"),
        (b"x", "asn1: syntax error: truncated tag or length"),
        (b"\x30\x00", "asn1: syntax error: sequence truncated"),
        (request(P256)[:-1], "asn1: syntax error: data truncated"),
        (request(P256) + b"x", "asn1: syntax error: trailing data"),
        (b"\x30\x80\x00\x00", "asn1: syntax error: indefinite length found (not DER)"),
        (b"\x30\x84\xff\xff\xff\xff", "asn1: structure error: length too large"),
        (b"\xff\xff\xff", "asn1: syntax error: truncated base 128 integer"),
        (b"hello", MISMATCH % ("class:1 tag:8 length:101 isCompound:true", "certificateRequest @2")),
        (
            b"\x30\x03\x02\x01\x00",
            MISMATCH % ("class:0 tag:2 length:1 isCompound:false", "tbsCertificateRequest @2"),
        ),
    ],
)
def test_bytes_that_are_no_request_are_told_as_go_tells_them(content: bytes, why: str) -> None:
    assert why_no_request(pem(content)) == why


@pytest.mark.parametrize("text", [b"", b"hello", pem(request(P256), "CERTIFICATE"), pem(request(P256))[:-10]])
def test_a_request_is_the_first_block_of_its_text(text: bytes) -> None:
    assert why_no_request(text) == "PEM block type must be CERTIFICATE REQUEST"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"hello", "must contain at least one CERTIFICATE PEM block"),
        (pem(b"x", "PRIVATE KEY"), 'only CERTIFICATE PEM blocks are allowed, found "PRIVATE KEY"'),
        (
            b"-----BEGIN CERTIFICATE-----\na: b\n\nAAAA\n-----END CERTIFICATE-----\n",
            "no PEM block headers are permitted",
        ),
        (pem(b"", "CERTIFICATE"), "found CERTIFICATE PEM block containing 0 certificates"),
        (pem(b"x", "CERTIFICATE"), "x509: malformed certificate"),
    ],
)
def test_what_is_handed_out_is_certificates(text: bytes, why: str) -> None:
    assert why_no_certificate(text) == why


def test_a_certificate_can_be_handed_out() -> None:
    builder = x509.CertificateBuilder().subject_name(NAME).issuer_name(NAME).public_key(P256.public_key())
    builder = builder.serial_number(1).not_valid_before(datetime(2001, 1, 1, tzinfo=UTC))
    made = builder.not_valid_after(datetime(2002, 1, 1, tzinfo=UTC)).sign(P256, SHA256)

    assert why_no_certificate(made.public_bytes(serialization.Encoding.PEM)) == ""
