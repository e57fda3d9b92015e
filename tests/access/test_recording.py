from __future__ import annotations

from fakekube.access.authorization import Asked
from fakekube.access.recording import Recorder, rules_for
from fakekube.registry.user import User

ROBOT = User("system:serviceaccount:shop:robot")


def asked(verb: str, resource: str, namespace: str = "shop", name: str = "", *, group: str = "") -> Asked:
    resource, _, subresource = resource.partition("/")
    return Asked(verb, "/whatever", True, group, "v1", namespace, resource, subresource, name)


def test_resources_with_the_same_verbs_share_a_rule() -> None:
    rules = rules_for(
        [asked("list", "pods"), asked("list", "secrets"), asked("get", "pods/log"), asked("get", "pods/log")]
    )

    assert rules == [
        {"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    ]


def test_names_are_told_only_where_a_rule_can_and_when_wanted() -> None:
    what = [asked("get", "pods", name="b"), asked("get", "pods", name="a"), asked("create", "pods")]

    assert rules_for(what) == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "create"]}]
    assert rules_for(what, resource_names=True) == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["pods"], "resourceNames": ["a", "b"], "verbs": ["get"]},
    ]


def test_each_place_has_a_role_and_what_is_allowed_everywhere_none_besides() -> None:
    recorder = Recorder(lambda name: None)
    for each in (asked("list", "pods", ""), asked("list", "pods"), asked("get", "jobs", group="batch")):
        recorder.note(ROBOT, each)

    told = [(each["kind"], each["metadata"], each.get("rules")) for each in recorder.objects()]

    cluster, shop = {"name": "shop:robot:recorded"}, {"name": "shop:robot:recorded", "namespace": "shop"}
    assert told == [
        ("ClusterRole", cluster, [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]),
        ("ClusterRoleBinding", cluster, None),
        ("Role", shop, [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get"]}]),
        ("RoleBinding", shop, None),
    ]


def test_what_everybody_may_and_what_the_test_does_is_left_out() -> None:
    discovery = {"rules": [{"nonResourceURLs": ["/api/*"], "verbs": ["get"]}]}
    recorder = Recorder(lambda name: discovery if name == "system:discovery" else None)

    recorder.note(ROBOT, Asked("get", "/api/v1"))
    recorder.note(ROBOT, asked("list", "pods"), "fakekube")

    assert recorder.identities == [ROBOT.name]
    assert recorder.objects() == []
