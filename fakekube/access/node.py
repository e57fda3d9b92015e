"""What a kubelet may do: read what its own pods need, write about its own node. The Node authorizer, which says why not.

https://kubernetes.io/docs/reference/access-authn-authz/node/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fakekube.access.authorization import GROUP, NODE_PREFIX, Asked, allows_resource
from fakekube.objects.field_errors import go_quoted
from fakekube.registry.user import User
from fakekube.storage.store import Store

Object = dict[str, Any]
Thing = tuple[str, str, str]
"""(resource, namespace, name)."""

NODES = "system:nodes"
ROLE = "system:node"
"""The ClusterRole that says what any node may do besides."""
LEASE_NAMESPACE = "kube-node-lease"
MIRROR_ANNOTATION = "kubernetes.io/config.mirror"

READ = frozenset({"get", "list", "watch"})
OWN = frozenset({"get", "create", "update", "patch", "delete"})

REFERENCES: Mapping[str, tuple[str, str]] = {
    "secret": ("secrets", "secretName"),
    "secretRef": ("secrets", "name"),
    "secretKeyRef": ("secrets", "name"),
    "nodePublishSecretRef": ("secrets", "name"),
    "configMap": ("configmaps", "name"),
    "configMapRef": ("configmaps", "name"),
    "configMapKeyRef": ("configmaps", "name"),
    "persistentVolumeClaim": ("persistentvolumeclaims", "claimName"),
}
"""How a pod's spec refers to what it needs: key -> resource, field of the name. In projected volumes a secret has a `name` too."""


class NodeAuthorizer:
    """Reads the pods in the store. What is related to which node is found anew after pods have changed, when a node asks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._related: dict[str, set[Thing]] = {}
        self._related_at = -1
        """The revision of the pods that were looked at."""

    def reason(self, user: User, asked: Asked) -> str | None:
        """None when it is allowed, else why not; empty for whoever is no node and for what no node is told about."""
        if not self.is_about(user):
            return ""
        node = user.name.removeprefix(NODE_PREFIX)
        if not node:
            return f"unknown node for user {go_quoted(user.name)}"
        if asked.is_resource:
            judge = _JUDGES.get((asked.group, asked.resource))
            if judge is not None:
                reason = judge(self, node, asked)
                if reason is not _RULES:
                    return reason
        return None if self._rules_allow(asked) else ""

    @staticmethod
    def is_about(user: User) -> bool:
        """Whether it decides about this user, whose rules cannot be listed then."""
        return user.name.startswith(NODE_PREFIX) and NODES in user.groups

    def is_related(self, node: str, asked: Asked) -> bool:
        place = "" if asked.resource == "persistentvolumes" else asked.namespace
        return (asked.resource, place, asked.name) in self._things_of(node)

    def _rules_allow(self, asked: Asked) -> bool:
        role = self._store.get(f"clusterroles.{GROUP}", "", ROLE)
        rules = (role.value.get("rules") or ()) if role is not None and asked.is_resource else ()
        return any(rule.get("resources") and allows_resource(rule, asked) for rule in rules)

    def _things_of(self, node: str) -> set[Thing]:
        revision = self._store.collection("pods").revision
        if self._related_at != revision:
            self._related.clear()
            self._related_at = revision
            for stored in self._store.list("pods"):
                name = stored.value["spec"].get("nodeName")
                if name:
                    self._related.setdefault(name, set()).update(_things(stored.value))
        things = self._related.get(node, set())
        # Volumes are bound to claims behind the pods' back.
        volumes = set()
        for resource, namespace, name in things:
            if resource == "persistentvolumeclaims":
                claim = self._store.get("persistentvolumeclaims", namespace, name)
                if claim is not None and (volume := claim.value["spec"].get("volumeName")):
                    volumes.add(("persistentvolumes", "", volume))
        return things | volumes


def _things(pod: Object) -> Iterator[Thing]:
    """The pod, and all that it refers to."""
    namespace, spec = pod["metadata"]["namespace"], pod["spec"]
    yield "pods", namespace, pod["metadata"]["name"]
    if MIRROR_ANNOTATION in (pod["metadata"].get("annotations") or {}):
        return
    if account := spec.get("serviceAccountName"):
        yield "serviceaccounts", namespace, account
    for secret in spec.get("imagePullSecrets") or ():
        yield "secrets", namespace, secret.get("name", "")
    for resource, name in _references(spec):
        yield resource, namespace, name
    for claim in (pod.get("status") or {}).get("resourceClaimStatuses") or ():
        yield "resourceclaims", namespace, claim.get("resourceClaimName", "")


def _references(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            known = REFERENCES.get(key)
            if known is not None and isinstance(each, dict):
                name = each.get(known[1]) or each.get("name")
                if name:
                    yield known[0], name
            yield from _references(each)


_RULES = "by the rules"
"""What a judge says who leaves it to the rules of the ClusterRole."""

Judge = Callable[[NodeAuthorizer, str, Asked], str | None]


def _judge_node(authorizer: NodeAuthorizer, node: str, asked: Asked) -> str | None:
    if asked.subresource or asked.verb not in READ:
        return _RULES
    if asked.name == node:
        return None
    what = f"'{asked.name}'" if asked.name else "all nodes"
    return f"node '{node}' cannot read {what}, only its own Node object"


def _judge_read(authorizer: NodeAuthorizer, node: str, asked: Asked) -> str | None:
    if asked.verb not in READ:
        return "can only read resources of this type"
    if asked.subresource:
        return "cannot read subresource"
    if not asked.namespace:
        return "can only read namespaced object of this type"
    return _judge_relation(authorizer, node, asked)


def _judge_get(authorizer: NodeAuthorizer, node: str, asked: Asked) -> str | None:
    if asked.subresource == "status" and asked.verb in ("update", "patch"):
        return _judge_relation(authorizer, node, asked)
    if asked.verb != "get":
        return "can only get individual resources of this type"
    if asked.subresource:
        return "cannot get subresource"
    return _judge_relation(authorizer, node, asked)


def _judge_pod(authorizer: NodeAuthorizer, node: str, asked: Asked) -> str | None:
    if asked.verb == "get" and not asked.subresource:
        return _judge_relation(authorizer, node, asked)
    if asked.verb in ("list", "watch") and not asked.subresource:
        if asked.selected_node == node:
            return None
        if asked.name:
            return _judge_relation(authorizer, node, asked)
        return "can only list/watch pods with spec.nodeName field selector"
    return _RULES


def _judge_token(authorizer: NodeAuthorizer, node: str, asked: Asked) -> str | None:
    if asked.subresource != "token":
        return "only token subresource allowed for service account" if asked.verb == "create" else _RULES
    if asked.verb != "create" or not asked.name:
        return "can only create tokens for individual service accounts"
    return _judge_relation(authorizer, node, asked)


def _judge_lease(authorizer: NodeAuthorizer, node: str, asked: Asked) -> str | None:
    if asked.verb not in OWN:
        return "can only get, create, update, patch, or delete a node lease"
    if asked.namespace != LEASE_NAMESPACE:
        return f'can only access leases in the "{LEASE_NAMESPACE}" system namespace'
    if asked.verb != "create" and asked.name != node:
        return "can only access node lease with the same name as the requesting node"
    return None


def _judge_csi_node(authorizer: NodeAuthorizer, node: str, asked: Asked) -> str | None:
    if asked.verb not in OWN:
        return "can only get, create, update, patch, or delete a CSINode"
    if asked.subresource:
        return "cannot authorize CSINode subresources"
    if asked.verb != "create" and asked.name != node:
        return "can only access CSINode with the same name as the requesting node"
    return None


def _judge_relation(authorizer: NodeAuthorizer, node: str, asked: Asked) -> str | None:
    if not asked.name:
        return "No Object name found"
    if authorizer.is_related(node, asked):
        return None
    return f"no relationship found between node '{node}' and this object"


_JUDGES: Mapping[tuple[str, str], Judge] = {
    ("", "nodes"): _judge_node,
    ("", "secrets"): _judge_read,
    ("", "configmaps"): _judge_read,
    ("", "persistentvolumeclaims"): _judge_get,
    ("", "persistentvolumes"): _judge_get,
    ("", "pods"): _judge_pod,
    ("", "serviceaccounts"): _judge_token,
    ("resource.k8s.io", "resourceclaims"): _judge_get,
    ("coordination.k8s.io", "leases"): _judge_lease,
    ("storage.k8s.io", "csinodes"): _judge_csi_node,
}
"""What is about particular objects; all else follows the rules."""
