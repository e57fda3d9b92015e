"""Which flow schema takes a request."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.access.authorization import Asked
from fakekube.access.flow_control import FlowControl
from fakekube.registry.user import User
from fakekube.storage.store import Store

GROUP = "flowcontrol.apiserver.k8s.io"
JANE = User("jane", ("dev", "system:authenticated"))
ROBOT = User("system:serviceaccount:shop:robot", ("system:serviceaccounts",))
PODS = {"verbs": ["*"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["shop"]}


@pytest.fixture
def store() -> Store:
    store = Store()
    store.declare(f"flowschemas.{GROUP}", "FlowSchema", f"{GROUP}/v1")
    store.declare(f"prioritylevelconfigurations.{GROUP}", "PriorityLevelConfiguration", f"{GROUP}/v1")
    put(store, "prioritylevelconfigurations", "level", {})
    everybody = {"kind": "Group", "group": {"name": "*"}}
    rule = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": True}
    paths = {"verbs": ["*"], "nonResourceURLs": ["*"]}
    schema(store, "rest", 9000, everybody, resourceRules=[rule], nonResourceRules=[paths])
    return store


def put(store: Store, resource: str, name: str, spec: dict[str, Any]) -> None:
    kind = "FlowSchema" if resource == "flowschemas" else "PriorityLevelConfiguration"
    value = {"kind": kind, "apiVersion": f"{GROUP}/v1", "metadata": {"name": name, "uid": f"u-{name}"}, "spec": spec}
    store.create(f"{resource}.{GROUP}", "", name, value)


def schema(
    store: Store, name: str, precedence: int, subject: dict[str, Any], level: str = "level", **rules: Any
) -> None:
    spec = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence}
    put(store, "flowschemas", name, spec | {"rules": [{"subjects": [subject], **rules}]})


def taken_by(store: Store, user: User, asked: Asked) -> str:
    flow = FlowControl(store).flow_of(user, asked)
    assert flow is not None
    assert flow.level == "u-level"
    return flow.schema.removeprefix("u-")


def pods(namespace: str = "shop", verb: str = "get") -> Asked:
    return Asked(verb, "", True, "", "v1", namespace, "pods")


@pytest.mark.parametrize(
    ("subject", "user", "fits"),
    [
        ({"kind": "User", "user": {"name": "jane"}}, JANE, True),
        ({"kind": "User", "user": {"name": "*"}}, ROBOT, True),
        ({"kind": "User", "user": {"name": "bob"}}, JANE, False),
        ({"kind": "Group", "group": {"name": "dev"}}, JANE, True),
        ({"kind": "Group", "group": {"name": "dev"}}, ROBOT, False),
        ({"kind": "ServiceAccount", "serviceAccount": {"namespace": "shop", "name": "*"}}, ROBOT, True),
        ({"kind": "ServiceAccount", "serviceAccount": {"namespace": "shop", "name": "robot"}}, ROBOT, True),
        ({"kind": "ServiceAccount", "serviceAccount": {"namespace": "sho", "name": "*"}}, ROBOT, False),
    ],
)
def test_a_schema_is_about_its_subjects(store: Store, subject: dict[str, Any], user: User, fits: bool) -> None:
    schema(store, "own", 1, subject, resourceRules=[PODS])

    assert taken_by(store, user, pods()) == ("own" if fits else "rest")


@pytest.mark.parametrize(("asked", "fits"), [(pods(), True), (pods("other"), False), (pods(""), False)])
def test_a_schema_is_about_namespaces_or_the_cluster(store: Store, asked: Asked, fits: bool) -> None:
    schema(store, "own", 1, {"kind": "User", "user": {"name": "jane"}}, resourceRules=[PODS])

    assert taken_by(store, JANE, asked) == ("own" if fits else "rest")


@pytest.mark.parametrize(("path", "fits"), [("/livez", True), ("/livez/ping", True), ("/livezz", False)])
def test_what_lies_below_a_path_belongs_to_it(store: Store, path: str, fits: bool) -> None:
    rule = {"verbs": ["get"], "nonResourceURLs": ["/livez"]}
    schema(store, "probes", 2, {"kind": "Group", "group": {"name": "*"}}, nonResourceRules=[rule])

    assert taken_by(store, JANE, Asked("get", path)) == ("probes" if fits else "rest")


def test_the_first_by_precedence_and_name_counts_that_has_a_level(store: Store) -> None:
    subject = {"kind": "User", "user": {"name": "jane"}}
    for name, precedence, level in (("a", 1, "gone"), ("d", 2, "level"), ("c", 2, "level"), ("b", 3, "level")):
        schema(store, name, precedence, subject, level, resourceRules=[PODS])

    assert taken_by(store, JANE, pods()) == "c"


def test_changes_count_at_once(store: Store) -> None:
    control = FlowControl(store)
    before = control.flow_of(JANE, pods())
    schema(store, "own", 1, {"kind": "User", "user": {"name": "jane"}}, resourceRules=[PODS])

    after = control.flow_of(JANE, pods())

    assert before is not None
    assert after is not None
    assert (before.schema, after.schema) == ("u-rest", "u-own")
