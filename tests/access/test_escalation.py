from __future__ import annotations

from typing import Any

import pytest

from fakekube.access import escalation
from fakekube.access.authorization import GROUP, Authorizer
from fakekube.access.escalation import Write
from fakekube.errors import BadRequest, Forbidden, InternalError, NotFound
from fakekube.registry.user import User
from fakekube.storage.store import Store

JANE = User("jane", ("dev", "system:authenticated"))
READ_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}


@pytest.fixture
def store() -> Store:
    store = Store()
    for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"):
        store.declare(f"{kind.lower()}s.{GROUP}", kind, f"{GROUP}/v1")
    return store


def give(store: Store, *rules: dict[str, Any], role: str = "own") -> None:
    """Bind a Role with these rules to jane in `shop`."""
    binding = {"roleRef": {"kind": "Role", "name": role}, "subjects": [{"kind": "User", "name": "jane"}]}
    for kind, name, fields in (("Role", role, {"rules": list(rules)}), ("RoleBinding", f"b-{role}", binding)):
        value = {
            "kind": kind,
            "apiVersion": f"{GROUP}/v1",
            "metadata": {"name": name, "namespace": "shop", "resourceVersion": ""},
            **fields,
        }
        store.create(f"{kind.lower()}s.{GROUP}", "shop", name, value)


def role(*rules: dict[str, Any], **fields: Any) -> Write:
    new = {"kind": "Role", "metadata": {"name": "new", "namespace": "shop"}, "rules": list(rules), **fields}
    return Write("roles", "shop", "", new, None)


def binding(name: str) -> Write:
    new = {"metadata": {"name": "new", "namespace": "shop"}, "roleRef": {"kind": "Role", "name": name}}
    return Write("rolebindings", "shop", "", new, None)


def refusal(store: Store, write: Write) -> str:
    with pytest.raises(Forbidden) as refused:
        escalation.check(Authorizer(store), JANE, write)
    return refused.value.message


def test_what_one_holds_one_may_give(store: Store) -> None:
    give(store, READ_PODS)

    escalation.check(Authorizer(store), JANE, role({**READ_PODS, "resourceNames": ["a"]}))


def test_what_is_missing_is_told_in_order(store: Store) -> None:
    give(store, READ_PODS)

    told = refusal(
        store,
        role(
            {"apiGroups": ["apps", ""], "resources": ["pods"], "verbs": ["list", "get", "delete"]},
            {"nonResourceURLs": ["/x"], "verbs": ["get"]},
        ),
    )

    assert told == (
        f'roles.{GROUP} "new" is forbidden: user "jane" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC '
        "permissions not currently held:\n"
        '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}\n'
        '{APIGroups:["apps"], Resources:["pods"], Verbs:["list" "get" "delete"]}\n'
        '{NonResourceURLs:["/x"], Verbs:["get"]}'
    )


@pytest.mark.parametrize(
    ("held", "given", "is_held"),
    [
        ({"resources": ["*"], "apiGroups": [""], "verbs": ["get"]}, {"resources": ["pods/log"]}, True),
        ({"resources": ["*/scale"], "apiGroups": [""], "verbs": ["get"]}, {"resources": ["pods/scale"]}, True),
        ({"resources": ["pods"], "apiGroups": [""], "verbs": ["get"]}, {"resources": ["*"]}, False),
        ({"resources": ["pods"], "apiGroups": [""], "verbs": ["*"]}, {"verbs": ["*"]}, True),
        ({"resources": ["pods"], "apiGroups": ["*"], "verbs": ["get"]}, {"apiGroups": ["*"]}, True),
        ({"resources": ["pods"], "apiGroups": [""], "verbs": ["get"], "resourceNames": ["a"]}, {}, False),
    ],
)
def test_a_star_is_held_by_a_star_alone(
    store: Store, held: dict[str, Any], given: dict[str, Any], is_held: bool
) -> None:
    give(store, held)
    write = role({"resources": ["pods"], "apiGroups": [""], "verbs": ["get"], **given})

    if is_held:
        escalation.check(Authorizer(store), JANE, write)
    else:
        assert "not currently held" in refusal(store, write)


def test_the_verb_escalate_lifts_the_check(store: Store) -> None:
    give(store, {"apiGroups": [GROUP], "resources": ["roles"], "verbs": ["escalate"]})

    escalation.check(Authorizer(store), JANE, role(READ_PODS))


def test_a_binding_needs_what_its_role_gives_or_the_verb_bind(store: Store) -> None:
    give(store, {"apiGroups": [GROUP], "resources": ["roles"], "resourceNames": ["free"], "verbs": ["bind"]})
    for name in ("free", "dear"):
        metadata = {"name": name, "namespace": "shop", "resourceVersion": ""}
        store.create(
            f"roles.{GROUP}",
            "shop",
            name,
            {"kind": "Role", "apiVersion": f"{GROUP}/v1", "metadata": metadata, "rules": [READ_PODS]},
        )

    escalation.check(Authorizer(store), JANE, binding("free"))

    assert 'Resources:["pods"], Verbs:["get" "list"]' in refusal(store, binding("dear"))


def test_a_binding_to_a_role_that_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match=f'rolebindings.{GROUP} "gone" not found'):
        escalation.check(Authorizer(store), JANE, binding("gone"))


@pytest.mark.parametrize(
    ("reference", "told"),
    [({"kind": "ClusterRole", "name": ""}, "Name"), ({"kind": "Role", "name": "r"}, "Namespace")],
)
def test_a_binding_to_a_role_that_cannot_be_is_refused(store: Store, reference: dict[str, str], told: str) -> None:
    new = {"metadata": {"name": "new"}, "roleRef": reference}

    with pytest.raises(BadRequest, match=f"^{told} parameter required.$"):
        escalation.check(Authorizer(store), JANE, Write("clusterrolebindings", "", "", new, None))


def test_a_binding_to_another_kind_is_not_understood(store: Store) -> None:
    new = {"metadata": {"name": "new"}, "roleRef": {"kind": "Robot", "name": "r"}}

    with pytest.raises(InternalError, match=r'^unsupported role reference kind: "Robot"$'):
        escalation.check(Authorizer(store), JANE, Write("clusterrolebindings", "", "", new, None))


def test_only_whoever_may_everything_gathers_roles(store: Store) -> None:
    write = Write("clusterroles", "", "", {"metadata": {"name": "new"}, "aggregationRule": {}}, None)

    assert "must have cluster-admin privileges to use the aggregationRule" in refusal(store, write)


def test_changed_finalizers_are_nobodys_affair_and_labels_are(store: Store) -> None:
    old = role(READ_PODS).new
    owned = {**old, "metadata": {**old["metadata"], "finalizers": ["a/b"]}}
    labelled = {**old, "metadata": {**old["metadata"], "labels": {"a": "b"}}}

    escalation.check(Authorizer(store), JANE, Write("roles", "shop", "new", owned, old))

    assert refusal(store, Write("roles", "shop", "new", labelled, old))


def test_roles_that_are_missing_among_ones_own_are_told(store: Store) -> None:
    give(store, role="lost")
    store.delete(f"roles.{GROUP}", store.list(f"roles.{GROUP}")[0])

    assert refusal(store, role(READ_PODS)).endswith(f'; resolution errors: [roles.{GROUP} "lost" not found]')
