"""What a kubelet may do, and why it may not do the rest."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.access.authorization import Asked
from fakekube.access.node import NodeAuthorizer
from fakekube.registry.user import User
from fakekube.storage.store import Store

Object = dict[str, Any]

KUBELET = User("system:node:n", ("system:nodes", "system:authenticated"))
UNRELATED = "no relationship found between node 'n' and this object"
KINDS = {
    "pods": ("Pod", "v1"),
    "persistentvolumes": ("PersistentVolume", "v1"),
    "volumeattachments.storage.k8s.io": ("VolumeAttachment", "storage.k8s.io/v1"),
    "resourceslices.resource.k8s.io": ("ResourceSlice", "resource.k8s.io/v1"),
    "clusterroles.rbac.authorization.k8s.io": ("ClusterRole", "rbac.authorization.k8s.io/v1"),
}


def put(store: Store, collection: str, name: str, **value: Any) -> None:
    kind, api_version = KINDS[collection]
    namespace = "shop" if kind == "Pod" else ""
    metadata = {"name": name, "namespace": namespace, **value.pop("metadata", {})}
    store.create(collection, namespace, name, {"kind": kind, "apiVersion": api_version, "metadata": metadata, **value})


SPEC: Object = {
    "nodeName": "n",
    "serviceAccountName": "robot",
    "imagePullSecrets": [{"name": "pull"}],
    "initContainers": [{"envFrom": [{"secretRef": {"name": "init"}}]}],
    "containers": [
        {
            "env": [{"valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}}],
            "envFrom": [{"configMapRef": {"name": "settings"}}],
        }
    ],
    "volumes": [
        {"secret": {"secretName": "volume"}},
        {"projected": {"sources": [{"secret": {"name": "projected"}}, {"configMap": {"name": "files"}}]}},
        {"persistentVolumeClaim": {"claimName": "data"}},
        {"csi": {"nodePublishSecretRef": {"name": "csi"}}},
        {"name": "scratch", "ephemeral": {}},
    ],
    "resourceClaims": [{"name": "c", "resourceClaimName": "shared"}],
}


@pytest.fixture
def store() -> Store:
    store = Store()
    for collection, (kind, api_version) in KINDS.items():
        store.declare(collection, kind, api_version)
    put(store, "pods", "web", spec=SPEC, status={"resourceClaimStatuses": [{"resourceClaimName": "gpu"}]})
    put(store, "pods", "elsewhere", spec={"nodeName": "m", "imagePullSecrets": [{"name": "theirs"}]})
    csi = {
        "nodeStageSecretRef": {"name": "stage", "namespace": "drivers"},
        "controllerPublishSecretRef": {"name": "root"},
    }
    put(store, "persistentvolumes", "disk", spec={"claimRef": {"namespace": "shop", "name": "data"}, "csi": csi})
    put(store, "volumeattachments.storage.k8s.io", "here", spec={"nodeName": "n"})
    put(store, "resourceslices.resource.k8s.io", "ours", spec={"nodeName": "n"})
    put(store, "resourceslices.resource.k8s.io", "theirs", spec={"nodeName": "m"})
    rules = [{"apiGroups": [""], "resources": ["nodes", "pods", "events"], "verbs": ["create", "patch"]}]
    put(store, "clusterroles.rbac.authorization.k8s.io", "system:node", rules=rules)
    return store


def asked(verb: str, resource: str, name: str = "", namespace: str = "shop", **more: Any) -> Asked:
    group = {
        "leases": "coordination.k8s.io",
        "csinodes": "storage.k8s.io",
        "volumeattachments": "storage.k8s.io",
        "resourceclaims": "resource.k8s.io",
        "resourceslices": "resource.k8s.io",
    }
    subresource = more.pop("subresource", "")
    return Asked(verb, "", True, group.get(resource, ""), "v1", namespace, resource, subresource, name, **more)


@pytest.mark.parametrize("name", ["pull", "init", "key", "volume", "projected", "csi"])
def test_a_kubelet_reads_the_secrets_that_its_pods_refer_to(store: Store, name: str) -> None:
    assert NodeAuthorizer(store).reason(KUBELET, asked("get", "secrets", name)) is None


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (asked("get", "configmaps", "settings"), None),
        (asked("watch", "configmaps", "files"), None),
        (asked("get", "persistentvolumeclaims", "data"), None),
        (asked("get", "persistentvolumes", "disk", ""), None),
        (asked("get", "persistentvolumeclaims", "web-scratch"), None),
        (asked("get", "secrets", "stage", "drivers"), None),
        (asked("get", "secrets", "root", "shop"), UNRELATED),
        (asked("get", "resourceclaims", "gpu"), None),
        (asked("get", "resourceclaims", "shared"), None),
        (
            asked("patch", "resourceclaims", "gpu", subresource="status"),
            "can only get individual resources of this type",
        ),
        (asked("get", "volumeattachments", "here", ""), None),
        (asked("list", "volumeattachments", "", ""), "can only get individual resources of this type"),
        (asked("create", "resourceslices", "", ""), None),
        (asked("delete", "resourceslices", "ours", ""), None),
        (asked("delete", "resourceslices", "theirs", ""), UNRELATED),
        (asked("deletecollection", "resourceslices", "", "", selected_node="n"), None),
        (
            asked("list", "resourceslices", "", ""),
            "can only list/watch/deletecollection resourceslices with nodeName field selector",
        ),
        (asked("create", "events"), None),
        (asked("get", "pods", "web"), None),
        (asked("get", "secrets", "theirs"), UNRELATED),
        (asked("get", "secrets", "settings"), UNRELATED),
        (asked("get", "secrets", "pull", "other"), UNRELATED),
        (asked("list", "secrets"), "No Object name found"),
        (asked("get", "secrets", "pull", ""), "can only read namespaced object of this type"),
        (asked("update", "secrets", "pull"), "can only read resources of this type"),
        (asked("get", "persistentvolumes", "another", ""), UNRELATED),
        (asked("list", "persistentvolumeclaims"), "can only get individual resources of this type"),
        (asked("patch", "persistentvolumeclaims", "data", subresource="status"), None),
        (asked("get", "nodes", "n", ""), None),
        (asked("get", "nodes", "m", ""), "node 'n' cannot read 'm', only its own Node object"),
        (asked("list", "nodes", "", ""), "node 'n' cannot read all nodes, only its own Node object"),
        (asked("create", "nodes", "", ""), None),
        (asked("delete", "nodes", "n", ""), ""),
        (asked("patch", "nodes", "m", "", subresource="status"), None),
        (asked("get", "nodes", "n", "", subresource="status"), ""),
        (asked("delete", "pods", "elsewhere"), None),
        (asked("create", "pods", "elsewhere", subresource="eviction"), None),
        (asked("patch", "pods", "web"), ""),
        (asked("list", "pods"), "can only list/watch pods with spec.nodeName field selector"),
        (asked("create", "serviceaccounts", "robot", subresource="token"), None),
        (asked("create", "serviceaccounts", "other", subresource="token"), UNRELATED),
        (asked("get", "serviceaccounts", "robot"), None),
        (asked("get", "serviceaccounts", "other"), UNRELATED),
        (asked("list", "serviceaccounts"), "can only create tokens for individual service accounts"),
        (
            asked("create", "serviceaccounts", "robot", subresource="x"),
            "can only create token subresource of serviceaccount",
        ),
        (asked("get", "persistentvolumeclaims", "data", subresource="status"), "can only get/update/patch this type"),
        (asked("update", "leases", "n", "kube-node-lease"), None),
        (asked("create", "leases", "", "kube-node-lease"), None),
        (
            asked("update", "leases", "m", "kube-node-lease"),
            "can only access node lease with the same name as the requesting node",
        ),
        (
            asked("get", "leases", "n", "shop"),
            'can only access leases in the "kube-node-lease" system namespace',
        ),
        (asked("list", "leases", "", "kube-node-lease"), "can only get, create, update, patch, or delete a node lease"),
        (asked("update", "csinodes", "n", ""), None),
        (
            asked("update", "csinodes", "m", ""),
            "can only access CSINode with the same name as the requesting node",
        ),
    ],
)
def test_what_a_kubelet_may_and_why_not(store: Store, request_: Asked, reason: str | None) -> None:
    assert NodeAuthorizer(store).reason(KUBELET, request_) == reason


def test_whoever_is_no_kubelet_is_not_judged(store: Store) -> None:
    for user in (User("jane", ("system:nodes",)), User("system:node:n", ("system:authenticated",))):
        assert NodeAuthorizer(store).reason(user, asked("get", "secrets", "pull")) == ""


def test_a_kubelet_without_a_name_may_nothing(store: Store) -> None:
    nameless = User("system:node:", ("system:nodes",))

    assert NodeAuthorizer(store).reason(nameless, asked("get", "pods")) == 'unknown node for user "system:node:"'


def test_what_is_related_changes_with_pods_and_with_volumes(store: Store) -> None:
    authorizer = NodeAuthorizer(store)
    assert authorizer.reason(KUBELET, asked("get", "secrets", "new")) == UNRELATED
    put(store, "pods", "later", spec={"nodeName": "n", "imagePullSecrets": [{"name": "new"}]})
    assert authorizer.reason(KUBELET, asked("get", "secrets", "new")) is None

    later = store.get("pods", "shop", "later")
    assert later is not None
    store.delete("pods", later)
    assert authorizer.reason(KUBELET, asked("get", "secrets", "new")) == UNRELATED

    put(store, "persistentvolumes", "larger", spec={"claimRef": {"namespace": "shop", "name": "data"}})
    assert authorizer.reason(KUBELET, asked("get", "persistentvolumes", "larger", "")) is None


def test_a_mirror_pod_gives_access_to_nothing_but_itself(store: Store) -> None:
    annotations = {"kubernetes.io/config.mirror": "x"}
    spec = {"nodeName": "n", "imagePullSecrets": [{"name": "stolen"}]}
    put(store, "pods", "static", metadata={"annotations": annotations}, spec=spec)
    authorizer = NodeAuthorizer(store)
    assert authorizer.reason(KUBELET, asked("get", "secrets", "stolen")) == UNRELATED
    assert authorizer.reason(KUBELET, asked("get", "pods", "static")) is None
