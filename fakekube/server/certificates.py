"""Who signs, and what is shown: the certificate authority, the server's and clients' certificates, the administrator's token.

trustme makes the authority and the server's certificate. It cannot give a client certificate several organizations (which
are Kubernetes' groups), so those are signed with `cryptography`. Both are imported only when something has to be made:
reading a directory back costs a few milliseconds and is checked by a TLS handshake in memory, server against administrator,
which finds in one go what is expired, signed by another authority or does not belong together.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from fakekube.access.signing_keys import ES256, RS256, create_key

ADMINISTRATOR = "kubernetes-admin"
ADMINISTRATOR_GROUPS = ("system:masters",)

SERVER_NAMES = (
    "localhost",
    "127.0.0.1",
    "::1",
    "127.96.0.1",  # where programs in a pod's view find the server
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
FIRST_SERVICE_ADDRESS = "10.96.0.1"

VALID_DAYS = 365
RENEW_DAYS = 30
"""A certificate of ours with fewer days left is replaced when the directory is read."""

_DAY_S = 24 * 60 * 60
_ANY_ADDRESS = ("0.0.0.0", "::")

CA_CERTIFICATE, CA_KEY = "ca.crt", "ca.key"
SERVER_CERTIFICATE, SERVER_KEY = "server.crt", "server.key"
ADMIN_CERTIFICATE, ADMIN_KEY = "admin.crt", "admin.key"
ADMIN_TOKEN = "admin.token"
SERVICE_ACCOUNT_KEY = "service-account.key"


class CertificatesError(Exception):
    """The files in a certs directory cannot be used. The message names the file and says what to do."""


@dataclass(frozen=True, repr=False)
class KeyPair:
    """A certificate and its private key, both PEM text; `files` when that is where they were read from."""

    certificate: str
    key: str
    files: tuple[Path, Path] | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return "KeyPair(...)"


@dataclass(frozen=True, repr=False)
class Certificates:
    """All that a server needs to be trusted and to know its administrator.

    `directory` is where they are kept, None for those that live in memory alone.
    """

    ca: KeyPair
    server: KeyPair
    admin: KeyPair
    admin_token: str
    directory: Path | None = None
    service_account_key: str = ""
    """PEM of the private key that signs tokens of service accounts."""

    def __repr__(self) -> str:
        return f"Certificates(directory={self.directory!r})"

    @classmethod
    def load_or_create(
        cls,
        directory: str | os.PathLike[str],
        *,
        new_ca: bool = False,
        host: str = "127.0.0.1",
        service_address: str = FIRST_SERVICE_ADDRESS,
        token_algorithm: str = ES256,
    ) -> Certificates:
        """What `directory` holds, completed by what it lacks; all of it anew with `new_ca`.

        `host` (where the server listens) and `service_address` (of the Service `kubernetes`) are names that the server's
        certificate must carry; one that lacks them, or has few days left, is renewed. The key that signs tokens of service accounts
        is one for `token_algorithm` (ES256, RS256); one for another algorithm is replaced, and tokens signed by it end. Two processes
        may call this at once.

        Raises CertificatesError.
        """
        path = Path(directory)
        names = server_names(host, service_address)
        with _locked(path):
            if new_ca or not _any_exists(path, CA_CERTIFICATE, CA_KEY):
                certificates = _create_all(path, names)
                certificates = replace(certificates, service_account_key=_create_signing_key(path, token_algorithm))
            else:
                certificates = _load(path, names)
                certificates = replace(certificates, service_account_key=_signing_key(path, token_algorithm))
            return certificates

    @classmethod
    def in_memory(cls, token_algorithm: str = ES256) -> Certificates:
        """Certificates without files, the same for every caller in this process: the second cluster costs nothing."""
        return _in_memory_with(token_algorithm)

    def client(self, user: str, groups: Sequence[str] = (), *, days: int = VALID_DAYS) -> KeyPair:
        """A client certificate by this authority: `user` is its common name, each group an organization, in order."""
        return issue_client_certificate(self.ca, user, groups, days=days)

    def server_context(self) -> ssl.SSLContext:
        """TLS for the listening side: shows the server's certificate and asks for a client's, which may be withheld."""
        return server_context(self.ca.certificate, self.server)


def server_context(ca_certificate: str, server: KeyPair) -> ssl.SSLContext:
    """Raises ssl.SSLError when the parts are not what they should be."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_verify_locations(cadata=ca_certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    load_key_pair(context, server)
    context.set_alpn_protocols(["http/1.1"])
    # Clients of a test live too short to resume a session; without tickets every handshake is 500 bytes shorter.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    return context


def client_context(ca_certificate: str | None, client: KeyPair | None = None) -> ssl.SSLContext:
    """TLS for the asking side; without `ca_certificate` the system's authorities are trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_certificate is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cadata=ca_certificate)
    if client is not None:
        load_key_pair(context, client)
    return context


def load_key_pair(context: ssl.SSLContext, pair: KeyPair) -> None:
    """`ssl` takes certificates from files only: their own, or one that only its owner may read and that is gone at once.

    Raises ssl.SSLError when they do not belong together.
    """
    # An encrypted key must fail instead of asking on the terminal, hence the empty password.
    if pair.files is not None:
        context.load_cert_chain(*pair.files, password="")
        return
    text = f"{pair.key}\n{pair.certificate}"
    if hasattr(os, "memfd_create"):
        # A file without a place; Linux alone has such.
        handle = os.memfd_create("fakekube")
        try:
            os.write(handle, text.encode("ascii"))
            context.load_cert_chain(f"/proc/self/fd/{handle}", password="")
        finally:
            os.close(handle)
        return
    import tempfile

    handle, name = tempfile.mkstemp(prefix="fakekube-", suffix=".pem")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
        context.load_cert_chain(name, password="")
    finally:
        os.unlink(name)


def server_names(host: str, service_address: str = FIRST_SERVICE_ADDRESS) -> tuple[str, ...]:
    """The names under which a server that listens on `host` is reached. A wildcard is reached by the machine's own name."""
    names = [*SERVER_NAMES, service_address]
    own = socket.gethostname() if host in _ANY_ADDRESS else host.strip("[]").partition("%")[0]
    if own and own not in names:
        names.append(own)
    return tuple(names)


def create_ca() -> KeyPair:
    import trustme

    ca = trustme.CA(organization_name="fakekube", organization_unit_name="a local fake Kubernetes cluster")
    return KeyPair(ca.cert_pem.bytes().decode(), ca.private_key_pem.bytes().decode())


def issue_server_certificate(ca: KeyPair, names: Sequence[str], *, days: int = VALID_DAYS) -> KeyPair:
    """Raises CertificatesError for a name that cannot stand in a certificate."""
    import trustme

    authority = trustme.CA.from_pem(ca.certificate.encode(), ca.key.encode())
    try:
        leaf = authority.issue_cert(
            *names, common_name="kube-apiserver", organization_name="fakekube", not_after=_days_from_now(days)
        )
    except ValueError as error:
        raise CertificatesError(f"no certificate can be made for the names {', '.join(names)}: {error}") from None
    chain = "".join(blob.bytes().decode() for blob in leaf.cert_chain_pems)
    return KeyPair(chain, leaf.private_key_pem.bytes().decode())


def issue_client_certificate(ca: KeyPair, user: str, groups: Sequence[str], *, days: int = VALID_DAYS) -> KeyPair:
    """Raises CertificatesError when user or group is empty or longer than X.509 allows (64 characters)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    for what, name in (("user", user), *(("group", group) for group in groups)):
        if not 1 <= len(name) <= 64:
            raise CertificatesError(f"{what} {name!r} cannot stand in a certificate: it must have 1 to 64 characters")
    issuer = x509.load_pem_x509_certificate(ca.certificate.encode())
    issuer_key = serialization.load_pem_private_key(ca.key.encode(), password=None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise CertificatesError(f"{CA_KEY} must hold an elliptic curve or RSA key")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups),
            x509.NameAttribute(NameOID.COMMON_NAME, user),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=True,
        key_encipherment=False,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_days_from_now(-1))
        .not_valid_after(_days_from_now(days))
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    return KeyPair(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )


def create_token() -> str:
    """Letters and digits alone: a token that begins with `-` would be an option on somebody's command line."""
    import secrets

    return secrets.token_hex(32)


def _days_from_now(days: int) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)


@cache
def _in_memory() -> Certificates:
    ca = create_ca()
    return Certificates(
        ca=ca,
        server=issue_server_certificate(ca, server_names("127.0.0.1")),
        admin=issue_client_certificate(ca, ADMINISTRATOR, ADMINISTRATOR_GROUPS),
        admin_token=create_token(),
    )


@cache
def _in_memory_with(token_algorithm: str) -> Certificates:
    return replace(_in_memory(), service_account_key=create_key(token_algorithm))


def _signing_key(directory: Path, algorithm: str) -> str:
    """The key in the directory; a new one when there is none, or one for another algorithm. Raises CertificatesError."""
    path = directory / SERVICE_ACCOUNT_KEY
    pem = _read_text(path)
    if pem is None:
        return _create_signing_key(directory, algorithm)
    # Told by length, so that a start need not import what reads keys: a PKCS 8 key on P-256 has 138 bytes, one of RSA over 1,000.
    found = RS256 if len(pem) > 600 else ES256
    if "PRIVATE KEY-----" not in pem:
        raise CertificatesError(f"{path} does not hold an unencrypted PEM private key. Remove it: a new one is made.")
    return pem if found == algorithm else _create_signing_key(directory, algorithm)


def _create_signing_key(directory: Path, algorithm: str) -> str:
    pem = create_key(algorithm)
    write_secret(directory / SERVICE_ACCOUNT_KEY, pem)
    return pem


def _create_all(directory: Path, names: Sequence[str]) -> Certificates:
    ca = create_ca()
    certificates = Certificates(
        ca=ca,
        server=issue_server_certificate(ca, names),
        admin=issue_client_certificate(ca, ADMINISTRATOR, ADMINISTRATOR_GROUPS),
        admin_token=create_token(),
        directory=directory,
    )
    _write_pair(directory, SERVER_CERTIFICATE, SERVER_KEY, certificates.server)
    _write_pair(directory, ADMIN_CERTIFICATE, ADMIN_KEY, certificates.admin)
    write_secret(directory / ADMIN_TOKEN, certificates.admin_token)
    # Last, because a directory counts as made once it holds an authority: whoever is interrupted before begins again.
    _write_pair(directory, CA_CERTIFICATE, CA_KEY, ca)
    return certificates


def _load(directory: Path, names: Sequence[str]) -> Certificates:
    ca = _read_ca(directory)
    server = _read_pair(directory, SERVER_CERTIFICATE, SERVER_KEY)
    admin = _read_pair(directory, ADMIN_CERTIFICATE, ADMIN_KEY)
    token = _read_token(directory / ADMIN_TOKEN)

    if server is None:
        server = _renew_server(directory, ca, names)
    if admin is None:
        admin = _renew_admin(directory, ca)
    shown = _handshake(directory, ca, server, admin)
    if shown.server_days < RENEW_DAYS or not _carries(shown.server_names, names):
        server = _renew_server(directory, ca, names)
    if shown.admin_days < RENEW_DAYS:
        admin = _renew_admin(directory, ca)
    if token is None:
        token = create_token()
        write_secret(directory / ADMIN_TOKEN, token)
    return Certificates(ca=ca, server=server, admin=admin, admin_token=token, directory=directory)


def _renew_server(directory: Path, ca: KeyPair, names: Sequence[str]) -> KeyPair:
    pair = issue_server_certificate(ca, names)
    _write_pair(directory, SERVER_CERTIFICATE, SERVER_KEY, pair)
    return pair


def _renew_admin(directory: Path, ca: KeyPair) -> KeyPair:
    pair = issue_client_certificate(ca, ADMINISTRATOR, ADMINISTRATOR_GROUPS)
    _write_pair(directory, ADMIN_CERTIFICATE, ADMIN_KEY, pair)
    return pair


def _read_ca(directory: Path) -> KeyPair:
    pair = _read_pair(directory, CA_CERTIFICATE, CA_KEY)
    assert pair is not None  # asked before
    path = directory / CA_CERTIFICATE
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pair.certificate)
    authorities = context.get_ca_certs()
    if not authorities:
        raise CertificatesError(f"{path} is not the certificate of an authority (CA:TRUE). {_START_ANEW}")
    for authority in authorities:
        if _days_left(str(authority["notAfter"])) <= 0:
            raise CertificatesError(f"{path} expired on {authority['notAfter']}. {_START_ANEW}")
    return pair


_START_ANEW = "Restore it, or start with --new-ca to make all certificates anew (copies of the old ones stop working)."


def _read_pair(directory: Path, certificate_name: str, key_name: str) -> KeyPair | None:
    """None when neither file is there."""
    certificate_path, key_path = directory / certificate_name, directory / key_name
    advice = _START_ANEW
    if certificate_name != CA_CERTIFICATE:
        advice = f"Restore it, or remove both {certificate_name} and {key_name}: new ones are made."
    certificate, key = _read_text(certificate_path), _read_text(key_path)
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        there, missing = (key_path, certificate_path) if certificate is None else (certificate_path, key_path)
        raise CertificatesError(f"{missing} is missing while {there} is there. {advice}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=certificate)
    except (ssl.SSLError, ValueError):
        raise CertificatesError(f"{certificate_path} does not hold a PEM certificate. {advice}") from None
    pair = KeyPair(certificate, key, (certificate_path, key_path))
    try:
        load_key_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), pair)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            problem = f"{key_path} is not the key of {certificate_path}"
        else:
            problem = f"{key_path} does not hold an unencrypted PEM private key"
        raise CertificatesError(f"{problem}. {advice}") from None
    return pair


def _read_token(path: Path) -> str | None:
    text = _read_text(path)
    if text is None:
        return None
    token = text.strip()
    # The header is read up to the first blank, so a token with one could never be presented.
    if not token or not token.isprintable() or " " in token:
        raise CertificatesError(
            f"{path} must hold one token, without blanks. Correct it, or remove it: a new one is made."
        )
    return token


@dataclass(frozen=True)
class _Shown:
    """What both sides saw in the handshake: days until the end of each certificate, and the server's names."""

    server_days: float
    server_names: frozenset[str]
    admin_days: float


def _handshake(directory: Path, ca: KeyPair, server: KeyPair, admin: KeyPair) -> _Shown:
    """Let the administrator connect to the server, in memory. Raises CertificatesError if one does not trust the other."""
    serving_context = server_context(ca.certificate, server)
    asking_context = client_context(ca.certificate, admin)
    asking_context.check_hostname = False
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = asking_context.wrap_bio(to_client, to_server)
    serving = serving_context.wrap_bio(to_server, to_client, server_side=True)
    sides = ((asking, directory / SERVER_CERTIFICATE), (serving, directory / ADMIN_CERTIFICATE))
    for _ in range(4):
        for side, shown_by_the_other in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                name = shown_by_the_other.stem
                raise CertificatesError(
                    f"{shown_by_the_other} is not accepted with {directory / CA_CERTIFICATE}: {error.verify_message}. "
                    f"Restore it, or remove both {name}.crt and {name}.key: new ones are made."
                ) from None
    server_certificate, admin_certificate = asking.getpeercert(), serving.getpeercert()
    assert server_certificate is not None  # the handshake is over
    assert admin_certificate is not None
    names: Any = server_certificate.get("subjectAltName", ())
    return _Shown(
        server_days=_days_left(str(server_certificate["notAfter"])),
        server_names=frozenset(_normal(name) for _, name in names),
        admin_days=_days_left(str(admin_certificate["notAfter"])),
    )


def _carries(names: frozenset[str], wanted: Sequence[str]) -> bool:
    return all(_normal(name) in names for name in wanted)


def _normal(name: str) -> str:
    """One spelling of an IPv6 address: OpenSSL says 0:0:0:0:0:0:0:1."""
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(name))
    return name.lower()


def _days_left(not_after: str) -> float:
    return (ssl.cert_time_to_seconds(not_after) - time.time()) / _DAY_S


def write_secret(path: Path, text: str) -> None:
    """Replace the file in one step; only its owner may read it. Raises CertificatesError."""
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise CertificatesError(f"{path} cannot be written: {error.strerror}. {_ANOTHER_DIRECTORY}") from None


_ANOTHER_DIRECTORY = "Make it accessible, or name another directory with --certs-dir."


def _write_pair(directory: Path, certificate_name: str, key_name: str, pair: KeyPair) -> None:
    write_secret(directory / key_name, pair.key)
    write_secret(directory / certificate_name, pair.certificate)


def _read_text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise CertificatesError(f"{path} is not a text file. Restore it, or start with --new-ca.") from None
    except OSError as error:
        raise CertificatesError(f"{path} cannot be read: {error.strerror}. {_ANOTHER_DIRECTORY}") from None


def _any_exists(directory: Path, *names: str) -> bool:
    return any((directory / name).exists() for name in names)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Make the directory, and keep other processes from filling it at the same time."""
    import fcntl

    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise CertificatesError(
            f"the directory {directory} cannot be used: {error.strerror}. {_ANOTHER_DIRECTORY}"
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
