"""What pods are called inside."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.kubelet.hostname import HostnameError, domain, hostname, short_hostname
from tests.kubelet.sources import pod_of

LONG = "a" * 62 + ".b"


def named(name: str, **spec: Any) -> dict[str, Any]:
    pod = pod_of(**spec)
    pod["metadata"]["name"] = name
    return pod


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        (named("web-0"), "web-0"),
        (named("web-0", hostname="db"), "db"),
        (named("a" * 70), "a" * 63),
        (named(LONG), "a" * 62),
        (named("a" * 62 + "-b"), "a" * 62),
        (named("web-0", hostname="db", subdomain="dbs"), "db"),
        (named("web-0", hostname="db", subdomain="dbs", setHostnameAsFQDN=True), "db.dbs.shop.svc.cluster.local"),
        (named("web-0", setHostnameAsFQDN=True), "web-0"),
        (named("web-0", hostname="db", subdomain="dbs", hostnameOverride="db.example.com"), "db.example.com"),
        (named("web-0", hostNetwork=True), "node-1"),
    ],
)
def test_the_hostname_of_the_kernel(pod: dict[str, Any], expected: str) -> None:
    assert hostname(pod) == expected


def test_the_domain_comes_from_the_subdomain() -> None:
    assert domain(named("web-0")) == ""
    assert domain(named("web-0", subdomain="dbs")) == "dbs.shop.svc.cluster.local"
    assert domain(named("web-0", subdomain="dbs", hostnameOverride="x.y")) == ""


def test_the_short_name_is_short_even_where_the_kernel_has_the_full_one() -> None:
    assert short_hostname(named("web-0", hostname="db", subdomain="dbs", setHostnameAsFQDN=True)) == "db"


def test_a_full_name_that_the_kernel_cannot_hold_is_refused() -> None:
    name = "a" * 40
    full = f"{name}.dbs.shop.svc.cluster.local"
    pod = named("p", hostname=name, subdomain="dbs", setHostnameAsFQDN=True)

    with pytest.raises(HostnameError) as refused:
        hostname(pod)

    assert str(refused.value) == (
        f"failed to construct FQDN from pod hostname and cluster domain, FQDN {full} is too long "
        f"(64 characters is the max, {len(full)} characters requested)"
    )
