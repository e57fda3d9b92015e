"""Requests for certificates: approved, signed, and taken away."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fakekube.access.authorization import Asked
from fakekube.controllers import certificate_approval, certificate_cleaner, certificate_signing
from fakekube.controllers.loop import Settings
from fakekube.registry.user import User
from fakekube.server.certificates import Certificates
from tests.controllers.clashes import ClashingCluster
from tests.controllers.in_memory import Cluster, Object

CONTROLLERS = (certificate_approval.CONTROLLER, certificate_signing.CONTROLLER, certificate_cleaner.CONTROLLER)
REQUESTS = "certificatesigningrequests.certificates.k8s.io"
CLIENT, KUBELET = "kubernetes.io/kube-apiserver-client", "kubernetes.io/kube-apiserver-client-kubelet"
USAGES = ["digital signature", "client auth"]
NODE = "system:node:n"

Judge = Callable[[User, Asked], bool]


@cache
def pem(common_name: str, organization: str = "", *more: x509.NameAttribute[str]) -> str:
    names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([*names, *more]))
    request = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()


def a_request(
    request: str, signer: str = CLIENT, usages: Sequence[str] = USAGES, username: str = "jane", **more: Any
) -> Object:
    spec = {"request": request, "signerName": signer, "usages": list(usages), "username": username, **more}
    return {"metadata": {"name": "r"}, "spec": spec}


def of_kubelet(username: str = NODE) -> Object:
    return a_request(pem(NODE, "system:nodes"), KUBELET, username=username)


def permits(*subresources: str) -> Judge:
    return lambda _, asked: asked.subresource in subresources and asked.resource == "certificatesigningrequests"


NOTHING = permits()


def cluster(judge: Judge = NOTHING, of: type[Cluster] = Cluster) -> Cluster:
    authority = Certificates.in_memory().ca
    settings = Settings(ca_pem=authority.certificate, ca_key_pem=authority.key)
    plane = SimpleNamespace(authorizer=SimpleNamespace(allows=judge))
    return of(CONTROLLERS, settings, plane=plane)


async def approve(cluster: Cluster, type: str = "Approved") -> None:
    condition = {"type": type, "status": "True", "lastUpdateTime": cluster.clock.timestamp()}
    await cluster.patch(REQUESTS, "", "r", {"status": {"conditions": [condition]}}, "approval")
    await cluster.settle()


def status(cluster: Cluster) -> Object:
    found = cluster.get(REQUESTS, "", "r")
    assert found is not None
    shown: Object = found["status"]
    return shown


def certificate(cluster: Cluster) -> x509.Certificate:
    return x509.load_pem_x509_certificate(base64.b64decode(status(cluster)["certificate"]))


def test_an_approved_request_is_signed_by_the_clusters_authority() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create(REQUESTS, a_request(pem("jane", "dev"), expirationSeconds=3600))
        await cluster.settle()
        assert "certificate" not in status(cluster)
        await approve(cluster)
        made = certificate(cluster)
        assert made.subject.rfc4514_string() == "CN=jane,O=dev"
        assert made.not_valid_after_utc == cluster.clock.now() + timedelta(hours=1)
        authority = x509.load_pem_x509_certificate(cluster.settings.ca_pem.encode())
        made.verify_directly_issued_by(authority)

    cluster().run(scenario)


def test_the_subject_is_written_in_an_order_of_its_own_and_without_what_go_does_not_know() -> None:
    named = x509.NameAttribute
    more = (
        named(NameOID.DOMAIN_COMPONENT, "example"),
        named(NameOID.ORGANIZATION_NAME, "ops"),
        named(NameOID.COUNTRY_NAME, "DE"),
        named(NameOID.COMMON_NAME, "jo"),
    )

    async def scenario(cluster: Cluster) -> None:
        await cluster.create(REQUESTS, a_request(pem("jane", "dev", *more)))
        await approve(cluster)
        sets = [{each.value for each in together} for together in certificate(cluster).subject.rdns]
        assert sets == [{"DE"}, {"dev", "ops"}, {"jo"}]

    cluster().run(scenario)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (a_request(pem("jane"), usages=["server auth"]), "invalid usage for client certificate: server auth"),
        (a_request(pem("jane", "dev"), KUBELET), "subject organization is not system:nodes"),
        (a_request("bm90aGluZw=="), "Unable to load PEM file"),
    ],
)
def test_what_the_signer_does_not_sign_has_failed(request_: Object, message: str) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create(REQUESTS, request_)
        await approve(cluster)
        failed = status(cluster)["conditions"][-1]
        assert (failed["type"], failed["reason"]) == ("Failed", "SignerValidationFailure")
        assert message in failed["message"]
        assert "certificate" not in status(cluster)

    cluster().run(scenario)


def test_requests_to_others_and_denied_ones_are_left_alone() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create(REQUESTS, a_request(pem("jane"), "acme.com/signer"))
        await approve(cluster)
        assert "certificate" not in status(cluster)
        await cluster.delete(REQUESTS, "", "r")
        await cluster.create(REQUESTS, a_request(pem("jane")))
        await approve(cluster, "Denied")
        assert "certificate" not in status(cluster)

    cluster().run(scenario)


@pytest.mark.parametrize(
    ("rights", "username", "message"),
    [
        (
            ("selfnodeclient",),
            NODE,
            "Auto approving self kubelet client certificate after SubjectAccessReview.",
        ),
        (("nodeclient",), "bootstrap", "Auto approving kubelet client certificate after SubjectAccessReview."),
        (("selfnodeclient",), "bootstrap", None),
        ((), NODE, None),
    ],
)
def test_what_kubelets_ask_for_is_approved_when_they_may(
    rights: tuple[str, ...], username: str, message: str | None
) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create(REQUESTS, of_kubelet(username))
        await cluster.settle()
        conditions = status(cluster).get("conditions", [])
        assert [each["message"] for each in conditions] == ([message] if message else [])
        assert ("certificate" in status(cluster)) is (message is not None)

    cluster(permits(*rights)).run(scenario)


def test_nobody_approves_what_people_ask_for() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create(REQUESTS, a_request(pem("jane")))
        await cluster.settle()
        assert "conditions" not in status(cluster)

    cluster(lambda *_: True).run(scenario)


@pytest.mark.parametrize(("decision", "hours"), [("", 24), ("Denied", 1), ("Approved", 1)])
def test_requests_go_an_hour_after_the_decision_or_a_day_without_one(decision: str, hours: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create(REQUESTS, a_request(pem("jane")))
        await cluster.settle()
        if decision:
            await approve(cluster, decision)
        await cluster.settle(hours * 3600 - 1)
        assert cluster.get(REQUESTS, "", "r") is not None
        await cluster.settle(1)
        assert cluster.get(REQUESTS, "", "r") is None

    cluster().run(scenario)


@pytest.mark.parametrize("write", range(3))
def test_a_clash_at_any_write_leaves_the_same_certificate_and_a_second_look_writes_nothing(write: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        assert isinstance(cluster, ClashingCluster)
        await cluster.create(REQUESTS, of_kubelet())
        cluster.clash_at = write
        await cluster.settle()
        cluster.clash_at = None
        assert certificate(cluster).subject.rfc4514_string() == f"CN={NODE},O=system:nodes"
        assert await cluster.writes_of_a_second_look() == []

    cluster(permits("selfnodeclient"), ClashingCluster).run(scenario)
