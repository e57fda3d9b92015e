from __future__ import annotations

from typing import Any

import pytest

from fakekube.access.authorization import GROUP, Asked, Authorizer, Decision, refusal
from fakekube.registry.user import User
from fakekube.storage.store import Store

JANE = User("jane", ("dev",))
GET_PODS = Asked("get", "", True, namespace="shop", resource="pods")


@pytest.fixture
def store() -> Store:
    store = Store()
    for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"):
        store.declare(f"{kind.lower()}s.{GROUP}", kind, f"{GROUP}/v1")
    return store


def put(store: Store, kind: str, name: str, namespace: str = "", **fields: Any) -> None:
    metadata = {"name": name, "namespace": namespace, "resourceVersion": ""}
    value = {"kind": kind, "apiVersion": f"{GROUP}/v1", "metadata": metadata, **fields}
    store.create(f"{kind.lower()}s.{GROUP}", namespace, name, value)


def bind(store: Store, role: str, subject: dict[str, str], namespace: str = "shop", kind: str = "Role") -> None:
    binding = "RoleBinding" if namespace else "ClusterRoleBinding"
    put(store, binding, "b", namespace, roleRef={"kind": kind, "name": role}, subjects=[subject])


def test_a_review_names_the_binding_the_role_and_the_subject(store: Store) -> None:
    put(store, "Role", "r", "shop", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])
    bind(store, "r", {"kind": "Group", "name": "dev"})

    decision = Authorizer(store).decide(JANE, GET_PODS)

    assert decision == Decision(True, 'RBAC: allowed by RoleBinding "b/shop" of Role "r" to Group "dev"')


def test_a_path_is_allowed_by_a_binding_of_the_cluster(store: Store) -> None:
    put(store, "ClusterRole", "r", rules=[{"nonResourceURLs": ["/x/*"], "verbs": ["get"]}])
    bind(store, "r", {"kind": "User", "name": "jane"}, "", "ClusterRole")

    decision = Authorizer(store).decide(JANE, Asked("get", "/x/y"))

    assert decision == Decision(True, 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to User "jane"')


@pytest.mark.parametrize(
    ("names", "name", "allowed"),
    [(["a"], "a", True), (["a"], "b", False), (["a"], "", False), (["*"], "a", False), (["", "a"], "", True)],
)
def test_a_rule_with_names_is_about_these_alone(store: Store, names: list[str], name: str, allowed: bool) -> None:
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": names}
    put(store, "Role", "r", "shop", rules=[rule])
    bind(store, "r", {"kind": "User", "name": "jane"})
    asked = Asked("get", "", True, namespace="shop", resource="pods", name=name)

    assert Authorizer(store).allows(JANE, asked) is allowed
    assert Authorizer(store).decide(JANE, asked).allowed is allowed


def test_masters_need_no_binding(store: Store) -> None:
    assert Authorizer(store).decide(User("eve", ("system:masters",)), GET_PODS) == Decision(True)


def test_a_missing_role_is_the_reason_of_a_no(store: Store) -> None:
    bind(store, "gone", {"kind": "User", "name": "jane"})

    decision = Authorizer(store).decide(JANE, GET_PODS)

    assert decision == Decision(False, f'RBAC: role.{GROUP} "gone" not found')


def test_rules_are_listed_as_bindings_give_them(store: Store) -> None:
    pods = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    paths = {"nonResourceURLs": ["/x"], "verbs": ["get"]}
    put(store, "ClusterRole", "r", rules=[pods, paths])
    bind(store, "r", {"kind": "User", "name": "jane"}, kind="ClusterRole")

    rules = Authorizer(store).rules_of(JANE, "shop")

    assert (rules.resources, rules.paths, rules.missing) == ([pods], [paths], [])
    assert Authorizer(store).rules_of(JANE, "other").resources == []
    assert not Authorizer(store).allows(JANE, Asked("get", "/x")), "paths bound in a namespace give nothing"


def test_a_refusal_is_escaped_as_html_up_to_its_reason() -> None:
    told = refusal(User('r&d "<lab>"'), GET_PODS, "a < b").message

    assert told == (
        'pods is forbidden: User "r&amp;d \\"&lt;lab&gt;\\"" cannot get resource "pods" in API group "" in the namespace "shop": a < b'
    )
