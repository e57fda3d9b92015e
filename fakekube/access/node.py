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
WRITE = frozenset({"update", "patch"})
OWN = frozenset({"get", "create", "delete"}) | WRITE

REFERENCES: Mapping[str, tuple[str, str]] = {
    "secret": ("secrets", "secretName"),
    "secretRef": ("secrets", "name"),
    "secretKeyRef": ("secrets", "name"),
    "nodePublishSecretRef": ("secrets", "name"),
    "azureFile": ("secrets", "secretName"),
    "configMap": ("configmaps", "name"),
    "configMapRef": ("configmaps", "name"),
    "configMapKeyRef": ("configmaps", "name"),
    "persistentVolumeClaim": ("persistentvolumeclaims", "claimName"),
}
"""How a pod's spec refers to what it needs: key -> resource, field of the name. In projected volumes a secret has a `name` too."""


LOOKED_AT = ("pods", "persistentvolumes", "volumeattachments.storage.k8s.io", "resourceslices.resource.k8s.io")


class NodeAuthorizer:
    """Reads pods and volumes in the store. What is related to which node is found anew after they have changed, when a node asks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._related: dict[str, set[Thing]] = {}
        self._related_at: tuple[int, ...] = ()
        """The revisions of the collections that were looked at."""

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
                return judge(self, node, asked)
        return None if self._rules_allow(asked) else ""

    @staticmethod
    def is_about(user: User) -> bool:
        """Whether it decides about this user, whose rules cannot be listed then."""
        return user.name.startswith(NODE_PREFIX) and NODES in user.groups

    def is_related(self, node: str, asked: Asked) -> bool:
        return (asked.resource, asked.namespace, asked.name) in self._things_of(node)

    def _rules_allow(self, asked: Asked) -> bool:
        role = self._store.get(f"clusterroles.{GROUP}", "", ROLE)
        rules = (role.value.get("rules") or ()) if role is not None and asked.is_resource else ()
        return any(rule.get("resources") and allows_resource(rule, asked) for rule in rules)

    def _things_of(self, node: str) -> set[Thing]:
        revisions = tuple(self._store.collection(name).revision for name in LOOKED_AT)
        if self._related_at != revisions:
            self._related = self._relations()
            self._related_at = revisions
        return self._related.get(node, set())

    def _relations(self) -> dict[str, set[Thing]]:
        related: dict[str, set[Thing]] = {}
        for pod in self._objects("pods"):
            if name := pod["spec"].get("nodeName"):
                related.setdefault(name, set()).update(_things(pod))
        by_claim: dict[Thing, list[set[Thing]]] = {}
        for things in related.values():
            for thing in things:
                if thing[0] == "persistentvolumeclaims":
                    by_claim.setdefault(thing, []).append(things)
        for volume in self._objects("persistentvolumes"):
            claim = volume["spec"].get("claimRef") or {}
            namespace = claim.get("namespace", "")
            for things in by_claim.get(("persistentvolumeclaims", namespace, claim.get("name", "")), ()):
                things.add(("persistentvolumes", "", volume["metadata"]["name"]))
                things.update(_secrets_of_volume(volume["spec"], namespace))
        for collection in ("volumeattachments.storage.k8s.io", "resourceslices.resource.k8s.io"):
            for each in self._objects(collection):
                if name := each["spec"].get("nodeName"):
                    thing = (collection.partition(".")[0], "", each["metadata"]["name"])
                    related.setdefault(name, set()).add(thing)
        return related

    def _objects(self, collection: str) -> Iterator[Object]:
        return (stored.value for stored in self._store.list(collection))


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
    for volume in spec.get("volumes") or ():
        if volume.get("ephemeral") is not None:
            yield "persistentvolumeclaims", namespace, f"{pod['metadata']['name']}-{volume['name']}"
    status = pod.get("status") or {}
    extended = status.get("extendedResourceClaimStatus")
    claims = (spec.get("resourceClaims"), status.get("resourceClaimStatuses"), [extended] if extended else None)
    for claim in (claim for each in claims for claim in each or ()):
        if name := claim.get("resourceClaimName"):
            yield "resourceclaims", namespace, name


def _secrets_of_volume(spec: Object, namespace: str) -> Iterator[Thing]:
    """What a kubelet needs to mount a volume; `namespace` is that of the claim. What controllers need is not for it."""
    for source in spec.values():
        if not isinstance(source, dict):
            continue
        for key in ("secretRef", "nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef"):
            if name := (source.get(key) or {}).get("name"):
                yield "secrets", source[key].get("namespace") or namespace, name
        if name := source.get("secretName"):
            yield "secrets", source.get("secretNamespace") or namespace, name


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


Judge = Callable[[NodeAuthorizer, str, Asked], str | None]


def _judge_node(authorizer: NodeAuthorizer, node: str, asked: Asked) -> str | None:
    if asked.verb in (WRITE if asked.subresource else WRITE | {"create"}) and asked.subresource in ("", "status"):
        return None
    if asked.subresource or asked.verb not in READ:
        return ""
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
    if asked.verb != "get":
        return "can only get individual resources of this type"
    if asked.subresource:
        return "cannot get subresource"
    return _judge_relation(authorizer, node, asked)


def _judge_claim(authorizer: NodeAuthorizer, node: str, asked: Asked) -> str | None:
    if asked.subresource != "status":
        return _judge_get(authorizer, node, asked)
    if asked.verb not in WRITE:
        return "can only get/update/patch this type"
    return _judge_relation(authorizer, node, asked)


def _judge_pod(authorizer: NodeAuthorizer, node: str, asked: Asked) -> str | None:
    match asked.subresource, asked.verb:
        case "", "get":
            return _judge_relation(authorizer, node, asked)
        case "", "list" | "watch":
            if asked.selected_node == node:
                return None
            if asked.name:
                return _judge_relation(authorizer, node, asked)
            return "can only list/watch pods with spec.nodeName field selector"
        case ("", "create" | "delete") | ("status", "update" | "patch") | ("eviction", "create"):
            return None
    return ""


def _judge_account(authorizer: NodeAuthorizer, node: str, asked: Asked) -> str | None:
    if asked.verb == "get" and not asked.subresource:
        return _judge_read(authorizer, node, asked)
    if asked.verb != "create" or not asked.name:
        return "can only create tokens for individual service accounts"
    if asked.subresource != "token":
        return "can only create token subresource of serviceaccount"
    return _judge_relation(authorizer, node, asked)


def _judge_slice(authorizer: NodeAuthorizer, node: str, asked: Asked) -> str | None:
    if asked.subresource:
        return "cannot authorize ResourceSlice subresources"
    match asked.verb:
        case "create":
            return None
        case "get" | "update" | "patch" | "delete":
            return _judge_relation(authorizer, node, asked)
        case "watch" | "list" | "deletecollection":
            told = "can only list/watch/deletecollection resourceslices with nodeName field selector"
            return None if asked.selected_node == node else told
    return (
        "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, "
        "deletecollection"
    )


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
    ("", "persistentvolumeclaims"): _judge_claim,
    ("", "persistentvolumes"): _judge_get,
    ("", "pods"): _judge_pod,
    ("", "serviceaccounts"): _judge_account,
    ("resource.k8s.io", "resourceclaims"): _judge_get,
    ("resource.k8s.io", "resourceslices"): _judge_slice,
    ("coordination.k8s.io", "leases"): _judge_lease,
    ("storage.k8s.io", "csinodes"): _judge_csi_node,
    ("storage.k8s.io", "volumeattachments"): _judge_get,
}
"""What is about particular objects; all else follows the rules."""
