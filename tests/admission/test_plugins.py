from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from fakekube.admission import default_tolerations, limit_ranger, namespace_lifecycle, priority, service_account
from fakekube.admission.attributes import Attributes
from fakekube.errors import Forbidden, NotFound
from fakekube.kinds import Kinds
from fakekube.registry.kind import Object
from fakekube.registry.user import User

KINDS = Kinds.builtin()
NAMESPACE = {"metadata": {"name": "shop"}}
ACCOUNT = {"metadata": {"name": "default"}}


def attributes(
    objects: Iterable[tuple[str, str, Object]] = (), operation: str = "CREATE", kind: str = "pods"
) -> Attributes:
    """Of a write in the namespace `shop` of a cluster that holds (group, resource, object)."""
    held = {(group, resource, each["metadata"]["name"]): each for group, resource, each in objects}
    return Attributes(
        operation,
        KINDS.named(kind),
        "shop",
        "p",
        "",
        User("jane"),
        False,
        lambda group, resource, namespace, name: held.get((group, resource, name)),
        lambda group, resource, namespace: [each for key, each in held.items() if key[:2] == (group, resource)],
        random_suffix=lambda length: "x" * length,
    )


def pod(**spec: Any) -> Object:
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}


def test_nothing_is_created_in_a_namespace_that_is_not_there() -> None:
    with pytest.raises(NotFound, match='namespaces "shop" not found'):
        namespace_lifecycle.mutate(pod(), None, attributes())


def test_nothing_is_created_in_a_namespace_on_its_way_out() -> None:
    going = {"metadata": {"name": "shop", "deletionTimestamp": "2026-01-01T00:00:00Z"}}

    with pytest.raises(Forbidden) as refusal:
        namespace_lifecycle.mutate(pod(), None, attributes([("", "namespaces", going)]))

    text = "unable to create new content in namespace shop because it is being terminated"
    assert refusal.value.message == f'pods "p" is forbidden: {text}'
    assert refusal.value.details is not None
    assert refusal.value.details["causes"][0]["reason"] == "NamespaceTerminating"


def test_pod_runs_as_the_default_account_and_gets_its_token() -> None:
    created = pod()

    service_account.mutate(created, None, attributes([("", "serviceaccounts", ACCOUNT)]))

    spec = created["spec"]
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("default", "default")
    assert spec["containers"][0]["volumeMounts"] == [
        {
            "name": "kube-api-access-xxxxx",
            "readOnly": True,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        }
    ]
    (volume,) = spec["volumes"]
    assert volume["projected"]["sources"][0] == {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}
    assert list(spec) == ["volumes", "containers", "serviceAccountName", "serviceAccount"]


def test_word_of_the_pod_about_its_token_wins() -> None:
    created = pod(automountServiceAccountToken=False)

    service_account.mutate(created, None, attributes([("", "serviceaccounts", ACCOUNT)]))

    assert "volumes" not in created["spec"]


def test_account_that_is_not_there_is_told_before_anything_else() -> None:
    with pytest.raises(Forbidden, match='error looking up service account shop/Bad_: serviceaccount "Bad_" not found'):
        service_account.mutate(pod(serviceAccountName="Bad_"), None, attributes())


def test_pod_without_a_class_has_priority_zero() -> None:
    created = pod()

    priority.mutate(created, None, attributes())

    assert (created["spec"]["priority"], created["spec"]["preemptionPolicy"]) == (0, "PreemptLowerPriority")


def test_priority_comes_from_the_class_and_cannot_be_sent() -> None:
    high = {"metadata": {"name": "high"}, "value": 1000, "preemptionPolicy": "Never"}

    with pytest.raises(
        Forbidden, match=r"priority \(5\) must not be provided .* computed 1000 from the given PriorityClass name"
    ):
        priority.mutate(
            pod(priorityClassName="high", priority=5), None, attributes([(priority.GROUP, priority.RESOURCE, high)])
        )


def test_tolerations_of_a_failing_node_are_added_unless_the_pod_has_its_own() -> None:
    own = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
    created = pod(tolerations=[own])

    default_tolerations.mutate(created, None, attributes())

    assert [each["key"] for each in created["spec"]["tolerations"]] == list(default_tolerations.TAINTS)
    assert created["spec"]["tolerations"][0] is own


LIMITS = {
    "metadata": {"name": "limits"},
    "spec": {
        "limits": [
            {"type": "Container", "default": {"cpu": "500m"}, "max": {"cpu": "1"}, "defaultRequest": {"cpu": "100m"}}
        ]
    },
}


def test_container_that_says_nothing_gets_the_limits_of_the_namespace() -> None:
    created = pod()

    limit_ranger.mutate(created, None, attributes([("", "limitranges", LIMITS)]))

    assert created["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "500m"}, "requests": {"cpu": "100m"}}
    assert created["metadata"]["annotations"] == {
        "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    }


def test_container_that_wants_too_much_is_refused() -> None:
    created = pod(containers=[{"name": "c", "resources": {"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}}])

    with pytest.raises(Forbidden, match='pods "p" is forbidden: maximum cpu usage per Container is 1, but limit is 2'):
        limit_ranger.validate(created, None, attributes([("", "limitranges", LIMITS)]))


def test_an_account_whose_name_can_be_none_is_not_looked_up() -> None:
    with pytest.raises(Forbidden) as refusal:
        service_account.mutate(pod(serviceAccountName="50%"), None, attributes())

    why = "invalid resource name \"50%\": [may not contain '%']"
    assert refusal.value.message == f'pods "p" is forbidden: error looking up service account shop/50%: {why}'


def limits(**item: Any) -> tuple[str, str, Object]:
    return "", "limitranges", {"metadata": {"name": "limits"}, "spec": {"limits": [{"type": "Container", **item}]}}


def test_what_is_wrong_with_several_containers_alike_is_told_once() -> None:
    container = {"name": "c", "resources": {"limits": {"cpu": "2"}}}

    with pytest.raises(Forbidden) as refusal:
        limit_ranger.validate(pod(containers=[container, container]), None, attributes([limits(max={"cpu": "1"})]))

    assert refusal.value.message == 'pods "p" is forbidden: maximum cpu usage per Container is 1, but limit is 2'


def test_a_ratio_needs_a_limit() -> None:
    created = pod(containers=[{"name": "c", "resources": {"requests": {"cpu": "1"}}}])

    with pytest.raises(Forbidden, match="request ratio per Container is 2, but no limit is specified or limit is 0"):
        limit_ranger.validate(created, None, attributes([limits(maxLimitRequestRatio={"cpu": "2"})]))


def test_what_a_pod_asks_as_a_whole_counts_for_the_pod() -> None:
    created = pod(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "3", "hugepages-2Mi": "1Gi"}})

    with pytest.raises(Forbidden, match="maximum cpu usage per Pod is 1, but limit is 3"):
        limit_ranger.validate(created, None, attributes([limits(type="Pod", max={"cpu": "1"})]))


@pytest.mark.parametrize(("subresource", "refused"), [("", False), ("resize", True), ("status", False)])
def test_of_changes_of_pods_only_other_resources_are_limited(subresource: str, refused: bool) -> None:
    changed = pod(containers=[{"name": "c", "resources": {"limits": {"cpu": "2"}}}])
    write = replace(attributes([limits(max={"cpu": "1"})], "UPDATE"), subresource=subresource)

    with pytest.raises(Forbidden) if refused else nullcontext():
        limit_ranger.validate(changed, changed, write)
