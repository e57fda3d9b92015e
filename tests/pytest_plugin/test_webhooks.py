"""Webhooks that a test answers itself: `kube.webhooks`."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube import FakeCluster
from fakekube.errors import StatusError

Object = dict[str, Any]
GROUP = "admissionregistration.k8s.io/v1"
CONFIG_MAP: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}


def configuration(kind: str, client_config: Object) -> Object:
    webhook = {
        "name": "guard.example.com",
        "clientConfig": client_config,
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return {"apiVersion": GROUP, "kind": kind, "metadata": {"name": "guard"}, "webhooks": [webhook]}


OF_SERVICE = {"service": {"name": "guard", "namespace": "default", "path": "/judge"}}


def test_a_function_of_the_test_refuses(kube: FakeCluster) -> None:
    kube.webhooks.serve(
        "default/guard", lambda review: {"allowed": False, "status": {"message": "not today"}}, path="/judge"
    )
    kube.create(configuration("ValidatingWebhookConfiguration", OF_SERVICE))

    with pytest.raises(StatusError, match="denied the request: not today"):
        kube.create(CONFIG_MAP)


def test_a_function_of_the_test_changes_objects_and_may_use_the_cluster(kube: FakeCluster) -> None:
    def fill(review: Object) -> Object:
        seen = kube.get("namespace", review["request"]["namespace"])
        return {"patch": [{"op": "add", "path": "/data", "value": {"phase": seen["status"]["phase"]}}]}

    kube.webhooks.serve("https://example.com/fill", fill)
    kube.create(configuration("MutatingWebhookConfiguration", {"url": "https://example.com/fill"}))

    created = kube.create(CONFIG_MAP)

    assert created["data"] == {"phase": "Active"}


def test_a_coroutine_function_answers_as_well(kube: FakeCluster) -> None:
    async def warn(review: Object) -> Object:
        return {"warnings": ["careful"]}

    kube.webhooks.serve("default/guard", warn, path="/judge")
    kube.create(configuration("ValidatingWebhookConfiguration", OF_SERVICE))

    kube.create(CONFIG_MAP)

    assert kube.requests[-1].warnings == ("careful",)


def test_what_the_function_raises_is_told_as_a_failure_of_the_webhook(kube: FakeCluster) -> None:
    def fail(review: Object) -> Object:
        raise KeyError("colour")

    kube.webhooks.serve("default/guard", fail, path="/judge")
    kube.create(configuration("ValidatingWebhookConfiguration", OF_SERVICE))

    with pytest.raises(StatusError, match=r"failed to call webhook: KeyError in the test's webhook: 'colour'"):
        kube.create(CONFIG_MAP)


def test_after_a_reset_nobody_answers(kube: FakeCluster) -> None:
    kube.webhooks.serve("default/guard", lambda review: {}, path="/judge")
    kube.reset()
    kube.create(configuration("ValidatingWebhookConfiguration", OF_SERVICE))

    with pytest.raises(StatusError, match='service "guard" not found'):
        kube.create(CONFIG_MAP)


def test_an_address_that_is_none_is_refused(kube: FakeCluster) -> None:
    with pytest.raises(ValueError, match="expected https://HOST"):
        kube.webhooks.serve("guard", lambda review: {})


def test_an_injected_container_gets_what_the_servers_own_plugins_give(kube: FakeCluster) -> None:
    def inject(review: Object) -> Object:
        sidecar = {"name": "sidecar", "image": "proxy"}
        return {"patch": [{"op": "add", "path": "/spec/containers/-", "value": sidecar}]}

    kube.webhooks.serve("default/guard", inject, path="/judge")
    made = configuration("MutatingWebhookConfiguration", OF_SERVICE)
    made["webhooks"][0]["rules"][0]["resources"] = ["pods"]
    kube.create(made)
    main = {"name": "main", "image": "nginx"}

    pod = kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [main]}})

    spec = pod["spec"]
    token = [
        {
            "name": spec["volumes"][0]["name"],
            "readOnly": True,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        }
    ]
    assert [(each["name"], each["volumeMounts"]) for each in spec["containers"]] == [
        ("main", token),
        ("sidecar", token),
    ]
    assert spec["containers"][1]["imagePullPolicy"] == "Always"
    assert len(spec["volumes"]) == 1
    assert len(spec["tolerations"]) == 2


def test_controllers_meet_webhooks_like_everyone(kube: FakeCluster) -> None:
    users: list[str] = []

    def note(review: Object) -> Object:
        users.append(review["request"]["userInfo"]["username"])
        return {}

    kube.webhooks.serve("default/guard", note, path="/judge")
    made = configuration("ValidatingWebhookConfiguration", OF_SERVICE)
    made["webhooks"][0]["rules"][0] |= {"apiGroups": ["apps"], "resources": ["replicasets"]}
    kube.create(made)
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "nginx"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    kube.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})

    kube.settle()

    assert users == ["system:serviceaccount:kube-system:deployment-controller"]
