from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fakekube.server import kubeconfig
from fakekube.server.certificates import Certificates, KeyPair
from fakekube.server.kubeconfig import Endpoint, KubeconfigError

CERTIFICATES = Certificates.in_memory()
URL = "https://127.0.0.1:6443"
CA = CERTIFICATES.ca.certificate


def written(path: Path, config: dict[str, Any]) -> Path:
    path.write_text(kubeconfig.to_yaml(config))
    return path


def test_what_is_written_is_what_was_meant(tmp_path: Path) -> None:
    config = kubeconfig.kubeconfig(URL, CA, CERTIFICATES.admin, namespace="shop")

    assert yaml.safe_load(kubeconfig.to_yaml(config)) == config


@pytest.mark.parametrize(
    "user", ["jane", "system:node:n1", "1e5", "yes", "null", "o'neill", 'a "b"', "a # b", "ä", "- x", "~"]
)
def test_any_user_name_survives_the_yaml(user: str) -> None:
    config = kubeconfig.kubeconfig(URL, CA, CERTIFICATES.admin, user=user, namespace=user)

    assert yaml.safe_load(kubeconfig.to_yaml(config)) == config


def test_it_is_read_back_with_authority_and_client_certificate(tmp_path: Path) -> None:
    config = kubeconfig.kubeconfig(URL, CA, CERTIFICATES.admin, namespace="shop")

    endpoint = kubeconfig.read(written(tmp_path / "kubeconfig", config))

    assert endpoint == Endpoint(URL, CA, CERTIFICATES.admin, namespace="shop")
    assert endpoint.context() is not None


def test_a_token_can_take_the_place_of_the_certificate(tmp_path: Path) -> None:
    config = kubeconfig.kubeconfig(URL, CA, "my-token")

    assert kubeconfig.read(written(tmp_path / "kubeconfig", config)) == Endpoint(URL, CA, token="my-token")


def test_the_context_names_user_and_cluster() -> None:
    config = kubeconfig.kubeconfig(URL, CA, CERTIFICATES.admin)

    assert config["current-context"] == "kubernetes-admin@fakekube"


def test_files_are_found_beside_the_kubeconfig(tmp_path: Path) -> None:
    for name, text in (("ca.crt", CA), ("c.crt", CERTIFICATES.admin.certificate), ("c.key", CERTIFICATES.admin.key)):
        (tmp_path / name).write_text(text)
    (tmp_path / "token").write_text("my-token\n")
    file = tmp_path / "kubeconfig"
    file.write_text(
        "{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}],"
        "clusters: [{name: k, cluster: {server: 'https://h:1/prefix/', certificate-authority: ca.crt}}],"
        "users: [{name: u, user: {client-certificate: c.crt, client-key: c.key, tokenFile: token}}]}"
    )

    endpoint = kubeconfig.read(file)

    assert endpoint == Endpoint("https://h:1/prefix", CA, CERTIFICATES.admin, "my-token")
    assert (endpoint.host, endpoint.port, endpoint.prefix) == ("h", 1, "/prefix")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", r"is not YAML: .*line 1"),
        ("- a", r"is not a kubeconfig: expected a mapping"),
        ("{}", r"names no current-context"),
        ("{current-context: c}", r"has no context 'c' in contexts"),
        ("{current-context: c, contexts: [{name: c, context: {cluster: k}}]}", r"has no cluster 'k' in clusters"),
        (
            "{current-context: c, contexts: [{name: c, context: {cluster: k}}], clusters: [{name: k, cluster: {server: h}}]}",
            r"server 'h' is not a URL: expected one as https://",
        ),
        (
            "{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}], clusters: [{name: k}],"
            "users: [{name: u, user: {exec: {command: aws}}}]}",
            r"user 'u' uses exec",
        ),
        (
            "{current-context: c, contexts: [{name: c, context: {cluster: k}}],"
            "clusters: [{name: k, cluster: {server: 'https://h', certificate-authority-data: '*'}}]}",
            r"certificate-authority-data is not PEM text in base64",
        ),
        (
            "{current-context: c, contexts: [{name: c, context: {cluster: k}}],"
            "clusters: [{name: k, cluster: {server: 'https://h', certificate-authority: nowhere.crt}}]}",
            r"names .*nowhere\.crt, which cannot be read",
        ),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_says_why(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)

    with pytest.raises(KubeconfigError, match=f"{file}.*{problem}"):
        kubeconfig.read(file)


def test_a_missing_kubeconfig_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match=r"cannot be read: No such file or directory\. Start `fakekube serve`"):
        kubeconfig.read(tmp_path / "kubeconfig")


def test_certificates_that_do_not_fit_say_so() -> None:
    mixed = KeyPair(CERTIFICATES.admin.certificate, CERTIFICATES.server.key)

    with pytest.raises(KubeconfigError, match="the certificates for https://127"):
        Endpoint(URL, CA, mixed).context()


def test_the_url_of_a_written_file_is_found_without_a_parser(tmp_path: Path) -> None:
    file = written(tmp_path / "kubeconfig", kubeconfig.kubeconfig(URL, CA, CERTIFICATES.admin))

    assert kubeconfig.server_of(file) == URL
    assert kubeconfig.server_of(tmp_path / "nothing") is None


def test_a_token_does_not_show_in_a_repr() -> None:
    assert "my-token" not in repr(Endpoint(URL, token="my-token"))
