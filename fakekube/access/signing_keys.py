"""The keys of service account tokens: how a JWT is signed and verified, and what a third party must know to verify one.

A JWT of two algorithms is three pieces of base64 and one signature, for which `cryptography` (which makes our certificates anyway) is
enough; nothing here needs a library for JWTs, and nothing here knows what the claims mean. Libraries are imported when the first
token is made or looked at.

https://www.rfc-editor.org/rfc/rfc7515  https://www.rfc-editor.org/rfc/rfc7517
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

ES256, RS256 = "ES256", "RS256"
ALGORITHMS = (ES256, RS256)
ACCEPTED = frozenset({"RS256", "ES256", "ES384", "ES512"})
"""The algorithms that kube-apiserver looks at; what names another one, or none, is no token of ours."""

_P256_BYTES = 32


class NotAToken(ValueError):
    """The text is no signed JWT."""


def create_key(algorithm: str = ES256) -> str:
    """A new private key as PEM text (PKCS 8)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key: Any
    if algorithm == ES256:
        key = ec.generate_private_key(ec.SECP256R1())
    elif algorithm == RS256:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    else:
        raise ValueError(f"no algorithm {algorithm!r}: expected one of {', '.join(ALGORITHMS)}")
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return str(key.private_bytes(encoding, form, serialization.NoEncryption()).decode())


class SigningKey:
    """One private key. Its algorithm follows from its type: P-256 is ES256, RSA is RS256. Raises ValueError for anything else."""

    def __init__(self, pem: str) -> None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec, rsa

        key = serialization.load_pem_private_key(pem.encode(), password=None)
        if isinstance(key, rsa.RSAPrivateKey):
            self.algorithm = RS256
        elif isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            self.algorithm = ES256
        else:
            raise ValueError("a signing key must be an RSA key or an elliptic curve key on P-256")
        self._key: Any = key
        self._public: Any = key.public_key()
        der = self._public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.id = _text(hashlib.sha256(der).digest())
        """`kid`: what a token names its key by."""

    def __repr__(self) -> str:
        return f"SigningKey({self.algorithm}, {self.id})"

    def sign(self, claims: Mapping[str, Any]) -> str:
        """The JWT, in its compact form."""
        import orjson

        header = _text(orjson.dumps({"alg": self.algorithm, "kid": self.id}))
        signed = f"{header}.{_text(orjson.dumps(claims))}"
        return f"{signed}.{_text(self._signature(signed.encode()))}"

    def verifies(self, token: Token) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

        if token.algorithm != self.algorithm:
            return False
        signature = token.signature
        try:
            if self.algorithm == RS256:
                self._public.verify(signature, token.signed, padding.PKCS1v15(), hashes.SHA256())
                return True
            if len(signature) != 2 * _P256_BYTES:
                return False
            r, s = (int.from_bytes(half, "big") for half in (signature[:_P256_BYTES], signature[_P256_BYTES:]))
            der = utils.encode_dss_signature(r, s)
            self._public.verify(der, token.signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def web_key(self) -> dict[str, str]:
        """The public half as a JSON Web Key."""
        numbers = self._public.public_numbers()
        if self.algorithm == RS256:
            n, e = (number.to_bytes((number.bit_length() + 7) // 8, "big") for number in (numbers.n, numbers.e))
            own = {"n": _text(n), "e": _text(e)}
            return {"use": "sig", "kty": "RSA", "kid": self.id, "alg": RS256, **own}
        x, y = (_text(number.to_bytes(_P256_BYTES, "big")) for number in (numbers.x, numbers.y))
        return {"use": "sig", "kty": "EC", "kid": self.id, "crv": "P-256", "alg": ES256, "x": x, "y": y}

    def _signature(self, signed: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

        if self.algorithm == RS256:
            return bytes(self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256()))
        r, s = utils.decode_dss_signature(self._key.sign(signed, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")


class Token:
    """A JWT in its parts, not verified. Raises NotAToken."""

    __slots__ = ("algorithm", "claims", "key_id", "signature", "signed")

    def __init__(self, text: str) -> None:
        parts = text.split(".")
        if len(parts) != 3:
            raise NotAToken
        header, claims = _json(parts[0]), _json(parts[1])
        algorithm, key_id = header.get("alg"), header.get("kid", "")
        if algorithm not in ACCEPTED or not isinstance(key_id, str):
            raise NotAToken
        self.algorithm: str = algorithm
        self.key_id = key_id
        self.claims: dict[str, Any] = claims
        self.signed = f"{parts[0]}.{parts[1]}".encode()
        self.signature = _bytes(parts[2])

    def __repr__(self) -> str:
        return "Token(...)"


class KeyRing:
    """The keys of one cluster, read at first use: the first of them signs, all of them verify."""

    def __init__(self, pems: Callable[[], Sequence[str]]) -> None:
        self._pems = pems
        self._keys: tuple[SigningKey, ...] = ()

    def __repr__(self) -> str:
        return "KeyRing(...)"

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        if not self._keys:
            self._keys = tuple(SigningKey(pem) for pem in self._pems())
        return self._keys

    def sign(self, claims: Mapping[str, Any]) -> str:
        return self.keys[0].sign(claims)

    def for_id(self, key_id: str) -> Sequence[SigningKey]:
        """Those by which a token may be signed that names this key; all, when it names none."""
        return [key for key in self.keys if not key_id or key.id == key_id]


def _json(part: str) -> dict[str, Any]:
    import orjson

    try:
        value = orjson.loads(_bytes(part))
    except orjson.JSONDecodeError:
        raise NotAToken from None
    if not isinstance(value, dict):
        raise NotAToken
    return value


def _bytes(part: str) -> bytes:
    """Unpadded base64url, strictly."""
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise NotAToken from None


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
