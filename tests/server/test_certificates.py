from __future__ import annotations

import datetime
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fakekube.server import certificates
from fakekube.server.certificates import Certificates, CertificatesError, KeyPair


def test_everything_is_made_once_and_read_back_the_same(tmp_path: Path) -> None:
    made = Certificates.load_or_create(tmp_path / "certs")

    read = Certificates.load_or_create(tmp_path / "certs")

    assert read == made


def test_only_the_owner_may_read_what_is_kept(tmp_path: Path) -> None:
    directory = tmp_path / "certs"

    Certificates.load_or_create(directory)

    assert {path.name for path in directory.iterdir()} == {
        "ca.crt", "ca.key", "server.crt", "server.key", "admin.crt", "admin.key", "admin.token", "service-account.key"
    }  # fmt: skip
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_the_token_file_has_no_newline_for_clients_that_send_it_as_it_is(tmp_path: Path) -> None:
    made = Certificates.load_or_create(tmp_path)

    assert (tmp_path / "admin.token").read_bytes() == made.admin_token.encode()


def test_a_new_ca_replaces_everything(tmp_path: Path) -> None:
    old = Certificates.load_or_create(tmp_path)

    new = Certificates.load_or_create(tmp_path, new_ca=True)

    assert new.ca != old.ca
    assert new.server != old.server
    assert new.admin != old.admin
    assert new.admin_token != old.admin_token
    assert Certificates.load_or_create(tmp_path) == new


def test_reading_back_imports_neither_trustme_nor_cryptography(tmp_path: Path) -> None:
    Certificates.load_or_create(tmp_path)
    program = (
        "import sys; from fakekube.server.certificates import Certificates; Certificates.load_or_create(sys.argv[1]);"
        "sys.exit(' '.join({'trustme', 'cryptography'} & sys.modules.keys()) or 0)"
    )

    finished = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=False)

    assert (finished.returncode, finished.stderr) == (0, "")


def test_the_server_is_known_by_the_names_of_the_service_kubernetes() -> None:
    names = server_names_of(Certificates.in_memory().server)

    assert names == {
        "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local", "127.0.0.1", "127.96.0.1", "::1", "10.96.0.1",
    }  # fmt: skip


def test_a_new_host_renews_the_server_certificate_and_nothing_else(tmp_path: Path) -> None:
    old = Certificates.load_or_create(tmp_path)

    new = Certificates.load_or_create(tmp_path, host="192.168.7.7", service_address="10.200.0.1")

    assert {"192.168.7.7", "10.200.0.1"} <= server_names_of(new.server)
    assert (new.ca, new.admin, new.admin_token) == (old.ca, old.admin, old.admin_token)


def test_a_wildcard_host_is_known_by_the_name_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "my-laptop")

    assert "my-laptop" in certificates.server_names("0.0.0.0")
    assert "0.0.0.0" not in certificates.server_names("0.0.0.0")


def test_a_client_certificate_carries_user_and_groups_in_order() -> None:
    pair = Certificates.in_memory().client("jane", ["dev", "ops", "audit"])

    subject = x509.load_pem_x509_certificate(pair.certificate.encode()).subject
    assert [name.value for name in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["jane"]
    assert [name.value for name in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["dev", "ops", "audit"]


def test_a_client_certificate_is_for_clients_only() -> None:
    certificate = x509.load_pem_x509_certificate(Certificates.in_memory().admin.certificate.encode())

    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_the_administrator_is_a_master() -> None:
    certificate = x509.load_pem_x509_certificate(Certificates.in_memory().admin.certificate.encode())

    assert certificate.subject.rfc4514_string() == "CN=kubernetes-admin,O=system:masters"


@pytest.mark.parametrize("user", ["", "x" * 65])
def test_a_user_that_no_certificate_can_carry_is_refused(user: str) -> None:
    with pytest.raises(CertificatesError, match="1 to 64 characters"):
        Certificates.in_memory().client(user)


def test_certificates_in_memory_are_made_once_a_process() -> None:
    assert Certificates.in_memory() is Certificates.in_memory()


def test_secrets_do_not_show_in_a_repr() -> None:
    made = Certificates.in_memory()

    assert made.admin_token not in repr(made)
    assert "PRIVATE" not in repr(made)
    assert "PRIVATE" not in repr(made.ca)


def test_a_lost_server_certificate_or_token_is_made_again(tmp_path: Path) -> None:
    old = Certificates.load_or_create(tmp_path)
    for name in ("server.crt", "server.key", "admin.crt", "admin.key", "admin.token"):
        (tmp_path / name).unlink()

    new = Certificates.load_or_create(tmp_path)

    assert new.ca == old.ca
    assert new.admin_token
    assert Certificates.load_or_create(tmp_path) == new


def test_certificates_near_their_end_are_renewed(tmp_path: Path) -> None:
    old = Certificates.load_or_create(tmp_path)
    aging_server = certificates.issue_server_certificate(old.ca, certificates.server_names("127.0.0.1"), days=3)
    aging_admin = old.client("kubernetes-admin", ["system:masters"], days=3)
    write(tmp_path, "server", aging_server)
    write(tmp_path, "admin", aging_admin)

    new = Certificates.load_or_create(tmp_path)

    assert new.server != aging_server
    assert new.admin != aging_admin


def test_a_token_written_by_hand_may_end_in_a_newline(tmp_path: Path) -> None:
    Certificates.load_or_create(tmp_path)
    (tmp_path / "admin.token").write_text("my-own-token\n")

    assert Certificates.load_or_create(tmp_path).admin_token == "my-own-token"


@pytest.mark.parametrize("text", ["", "  \n", "two words", "two\nlines"])
def test_a_token_that_could_not_be_presented_is_refused(tmp_path: Path, text: str) -> None:
    Certificates.load_or_create(tmp_path)
    (tmp_path / "admin.token").write_text(text)

    with pytest.raises(CertificatesError, match=r"admin\.token must hold one token"):
        Certificates.load_or_create(tmp_path)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("ca.crt", r"ca\.crt does not hold a PEM certificate.*--new-ca"),
        ("ca.key", r"ca\.key does not hold an unencrypted PEM private key.*--new-ca"),
        ("server.crt", r"server\.crt does not hold a PEM certificate.*remove both server\.crt and server\.key"),
        ("server.key", r"server\.key does not hold an unencrypted PEM private key.*remove both"),
        ("admin.crt", r"admin\.crt does not hold a PEM certificate.*remove both admin\.crt and admin\.key"),
    ],
)
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, name: str, problem: str) -> None:
    Certificates.load_or_create(tmp_path)
    (tmp_path / name).write_text("damaged")

    with pytest.raises(CertificatesError, match=problem):
        Certificates.load_or_create(tmp_path)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("ca.key", r"ca\.key is missing while .*ca\.crt is there.*--new-ca"),
        ("ca.crt", r"ca\.crt is missing while .*ca\.key is there.*--new-ca"),
        ("server.key", r"server\.key is missing while .*server\.crt is there.*remove both"),
    ],
)
def test_half_of_a_pair_is_not_replaced_silently(tmp_path: Path, name: str, problem: str) -> None:
    Certificates.load_or_create(tmp_path)
    (tmp_path / name).unlink()

    with pytest.raises(CertificatesError, match=problem):
        Certificates.load_or_create(tmp_path)


def test_a_key_of_another_certificate_is_found(tmp_path: Path) -> None:
    Certificates.load_or_create(tmp_path)
    (tmp_path / "ca.key").write_text(Certificates.in_memory().ca.key)

    with pytest.raises(CertificatesError, match=r"ca\.key is not the key of .*ca\.crt"):
        Certificates.load_or_create(tmp_path)


@pytest.mark.parametrize("name", ["server", "admin"])
def test_a_certificate_of_another_authority_is_found(tmp_path: Path, name: str) -> None:
    Certificates.load_or_create(tmp_path)
    write(tmp_path, name, getattr(Certificates.in_memory(), name))

    with pytest.raises(
        CertificatesError, match=rf"{name}\.crt is not accepted with .*ca\.crt: .*remove both {name}\.crt"
    ):
        Certificates.load_or_create(tmp_path)


def test_a_server_certificate_that_has_expired_is_named(tmp_path: Path) -> None:
    made = Certificates.load_or_create(tmp_path)
    write(tmp_path, "server", certificates.issue_server_certificate(made.ca, ["localhost"], days=-1))

    with pytest.raises(CertificatesError, match=r"server\.crt is not accepted .*: certificate has expired"):
        Certificates.load_or_create(tmp_path)


def test_an_authority_that_has_expired_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Certificates.load_or_create(tmp_path)
    after = datetime.datetime(3001, 1, 1, tzinfo=datetime.UTC).timestamp()
    monkeypatch.setattr("time.time", lambda: after)

    with pytest.raises(CertificatesError, match=r"ca\.crt expired on Jan  1 00:00:00 3000 GMT.*--new-ca"):
        Certificates.load_or_create(tmp_path)


def test_a_certificate_that_is_no_authority_is_named(tmp_path: Path) -> None:
    made = Certificates.load_or_create(tmp_path)
    write(tmp_path, "ca", made.server)

    with pytest.raises(CertificatesError, match=r"ca\.crt is not the certificate of an authority"):
        Certificates.load_or_create(tmp_path)


def test_a_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "certs").write_text("")

    with pytest.raises(CertificatesError, match=r"the directory .*certs cannot be used: .*--certs-dir"):
        Certificates.load_or_create(tmp_path / "certs")


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.replace", refuse)

    with pytest.raises(CertificatesError, match=r"cannot be written: Permission denied\. .*--certs-dir"):
        Certificates.load_or_create(tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(CertificatesError, match="No space left on device"):
        certificates.write_secret(tmp_path / "file", "new")

    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "old")]


def test_the_server_asks_for_a_certificate_but_takes_none() -> None:
    context = Certificates.in_memory().server_context()

    assert context.verify_mode is ssl.CERT_OPTIONAL


def write(directory: Path, name: str, pair: KeyPair) -> None:
    (directory / f"{name}.crt").write_text(pair.certificate)
    (directory / f"{name}.key").write_text(pair.key)


def server_names_of(pair: KeyPair) -> set[str]:
    certificate = x509.load_pem_x509_certificate(pair.certificate.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}
