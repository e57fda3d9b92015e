"""Third parties verify tokens of service accounts by the issuer's documents alone, and certificates make users."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import jwt
import pytest
from joserfc import jwt as jose
from joserfc.jwk import KeySet

from fakekube.cluster import FakeCluster

ISSUER = "https://kubernetes.default.svc.cluster.local"


@pytest.fixture(scope="module", params=["ES256", "RS256"])
def kube(request: pytest.FixtureRequest) -> Iterator[FakeCluster]:
    with FakeCluster(service_account_signing_algorithm=request.param) as kube:
        yield kube


@pytest.fixture(scope="module")
def token(kube: FakeCluster) -> str:
    return kube.as_service_account("default").token


@pytest.fixture(scope="module")
def fetch(kube: FakeCluster, token: str) -> Callable[[str], Any]:
    """What any service account reads of the server."""
    context = ssl.create_default_context(cadata=kube.certificates.ca.certificate)

    def get(path: str) -> Any:
        headers = {"authorization": f"Bearer {token}"}
        return httpx.get(kube.url + path, headers=headers, verify=context).raise_for_status().json()

    return get


def keys_by_discovery(fetch: Callable[[str], Any], kube: FakeCluster) -> tuple[Any, list[str]]:
    configuration = fetch("/.well-known/openid-configuration")
    assert configuration["issuer"] == ISSUER
    assert configuration["jwks_uri"].startswith(kube.url)
    return fetch(configuration["jwks_uri"].removeprefix(kube.url)), configuration[
        "id_token_signing_alg_values_supported"
    ]


def test_pyjwt_verifies_a_token_by_discovery_alone(kube: FakeCluster, token: str, fetch: Callable[[str], Any]) -> None:
    keys, algorithms = keys_by_discovery(fetch, kube)

    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key.key, algorithms=algorithms, audience=ISSUER, issuer=ISSUER)

    assert claims["sub"] == "system:serviceaccount:default:default"
    assert claims["kubernetes.io"]["serviceaccount"]["name"] == "default"


def test_joserfc_verifies_a_token_by_discovery_alone(
    kube: FakeCluster, token: str, fetch: Callable[[str], Any]
) -> None:
    keys, algorithms = keys_by_discovery(fetch, kube)

    verified = jose.decode(token, KeySet.import_key_set(keys), algorithms=algorithms)

    rules = jose.JWTClaimsRegistry(iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": ISSUER})
    rules.validate(verified.claims)


def test_a_client_certificate_makes_a_user_of_two_groups_for_the_official_client(kube: FakeCluster) -> None:
    from kubernetes import client, config

    jane = kube.as_user("jane", "dev", "ops")
    configuration = client.Configuration()
    config.load_kube_config(str(jane.kubeconfig), client_configuration=configuration)
    with client.ApiClient(configuration) as api:
        review = client.AuthenticationV1Api(api).create_self_subject_review(client.V1SelfSubjectReview())

    who = review.status.user_info
    assert (who.username, who.groups) == ("jane", ["dev", "ops", "system:authenticated"])


def test_curl_is_the_same_user_by_the_same_certificate(kube: FakeCluster, tmp_path: Any) -> None:
    pair = kube.certificates.client("jane", ("dev", "ops"))
    for name, text in (("c.crt", pair.certificate), ("c.key", pair.key), ("ca.crt", kube.certificates.ca.certificate)):
        (tmp_path / name).write_text(text)
    body = '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
    url = f"{kube.url}/apis/authentication.k8s.io/v1/selfsubjectreviews"
    command = [
        "curl",
        "-sS",
        "--cacert",
        "ca.crt",
        "--cert",
        "c.crt",
        "--key",
        "c.key",
        "-H",
        "Content-Type: application/json",
    ]

    done = subprocess.run([*command, "-d", body, url], cwd=tmp_path, capture_output=True, check=True, timeout=20)

    who = json.loads(done.stdout)["status"]["userInfo"]
    assert (who["username"], who["groups"]) == ("jane", ["dev", "ops", "system:authenticated"])


def test_a_signed_request_is_a_certificate_that_lets_in(kube: FakeCluster, tmp_path: Any) -> None:
    import base64

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "dev"), x509.NameAttribute(NameOID.COMMON_NAME, "john")]
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, hashes.SHA256())
    pem = base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()
    spec = {"request": pem, "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]}
    kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "john"}}
    made = kube.create({**kind, "spec": spec})
    approved = {"type": "Approved", "status": "True", "reason": "Test"}
    kube.patch(made, patch={"status": {"conditions": [approved]}}, subresource="approval")

    signed = kube.wait_for(made, condition=lambda each: bool(each["status"].get("certificate")))

    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "john.pem").write_bytes(base64.b64decode(signed["status"]["certificate"]) + private)
    context = ssl.create_default_context(cadata=kube.certificates.ca.certificate)
    context.load_cert_chain(tmp_path / "john.pem")
    answer = httpx.get(f"{kube.url}/api/v1/nodes", verify=context)
    assert answer.json()["message"].startswith('nodes is forbidden: User "john" cannot list')
