"""The verbs of a test: dicts in, dicts out, and refusals that teach."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from fakekube import (
    AlreadyExists,
    BadRequest,
    ClusterOptions,
    Conflict,
    FakeCluster,
    Forbidden,
    Invalid,
    ManifestError,
    NotFound,
)

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"colour": "blue"}}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {"containers": [{"name": "main", "image": "nginx"}]},
}


def test_create_takes_a_dict_and_leaves_it_alone(kube: FakeCluster) -> None:
    made = kube.create(CONFIG)
    assert made["metadata"]["namespace"] == "default"
    assert made["metadata"]["uid"]
    assert "namespace" not in CONFIG["metadata"]


def test_create_takes_yaml_and_files(kube: FakeCluster, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-a-file}\n")
    assert kube.create(file)["metadata"]["name"] == "of-a-file"
    assert kube.create("{apiVersion: v1, kind: ConfigMap, metadata: {name: of-text}}")["kind"] == "ConfigMap"


@pytest.mark.parametrize("name", ["ConfigMap", "configmap", "configmaps", "cm", "configmaps.v1"])
def test_kinds_are_named_as_kubectl_takes_them(kube: FakeCluster, name: str) -> None:
    kube.create(CONFIG)
    assert kube.get(name, "settings")["data"] == {"colour": "blue"}


def test_an_object_names_itself(kube: FakeCluster) -> None:
    made = kube.create(CONFIG, namespace="kube-public")
    assert kube.get(made) == made
    kube.delete(made)
    assert kube.find(made) is None


def test_list_gives_whole_objects_by_selectors(kube: FakeCluster) -> None:
    kube.create(POD)
    kube.create({**POD, "metadata": {"name": "other"}})
    assert [pod["kind"] for pod in kube.list("pods")] == ["Pod", "Pod"]
    assert [pod["metadata"]["name"] for pod in kube.list("pods", labels={"app": "web"})] == ["web"]
    assert [pod["metadata"]["name"] for pod in kube.list("pods", fields="metadata.name=other")] == ["other"]
    assert len(kube.list("configmaps", None)) > len(kube.list("configmaps"))


def test_patch_takes_merge_and_json_patches(kube: FakeCluster) -> None:
    kube.create(CONFIG)
    assert kube.patch("cm", "settings", {"data": {"size": "1"}})["data"] == {"colour": "blue", "size": "1"}
    patch = [{"op": "remove", "path": "/data/colour"}]
    assert kube.patch("cm", "settings", patch)["data"] == {"size": "1"}


@pytest.mark.kube(nodes=0)
def test_patch_reaches_subresources(kube: FakeCluster) -> None:
    kube.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "mine"}})
    patched = kube.patch("node", "mine", {"status": {"capacity": {"cpu": "4"}}}, subresource="status")
    assert patched["status"]["capacity"] == {"cpu": "4"}


def test_apply_creates_merges_and_takes_back_what_it_set(kube: FakeCluster) -> None:
    assert kube.apply(CONFIG)["data"] == {"colour": "blue"}
    kube.patch("cm", "settings", {"data": {"size": "1"}})
    assert kube.apply({**CONFIG, "data": {"shape": "round"}})["data"] == {"shape": "round", "size": "1"}
    assert kube.apply(kube.get("cm", "settings"))["data"] == {"shape": "round", "size": "1"}


def test_apply_without_a_name_creates(kube: FakeCluster) -> None:
    made = kube.apply({**CONFIG, "metadata": {"generateName": "settings-"}})
    assert made["metadata"]["name"].startswith("settings-")


def test_replace_with_an_old_version_is_a_conflict(kube: FakeCluster) -> None:
    old = kube.create(CONFIG)
    kube.replace({**old, "data": {"colour": "red"}})
    with pytest.raises(Conflict, match="the object has been modified"):
        kube.replace({**old, "data": {"colour": "green"}})


def test_load_creates_directories_in_any_order(kube: FakeCluster, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: shop}\n")
    (tmp_path / "b.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
    made = kube.load(tmp_path, CONFIG)
    assert sorted(each["kind"] for each in made) == ["ConfigMap", "ConfigMap", "Namespace"]
    assert kube.get("cm", "c", "shop")


def test_load_tells_what_was_refused_and_where(kube: FakeCluster, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: Wrong_Name}\n")
    with pytest.raises(ManifestError, match=r"wrong.yaml:\d: ConfigMap Wrong_Name: .*is invalid"):
        kube.load(file)


def notes(error: BaseException) -> str:
    return "\n".join(getattr(error, "__notes__", ()))


def test_not_found_tells_what_is_there(kube: FakeCluster) -> None:
    kube.create(CONFIG)
    kube.create({**CONFIG, "metadata": {"name": "elsewhere"}}, namespace="kube-public")
    with pytest.raises(NotFound) as refused:
        kube.get("configmap", "elsewhere")
    assert refused.value.message == 'configmaps "elsewhere" not found'
    assert "configmaps in namespace 'default': kube-root-ca.crt, settings" in notes(refused.value)
    assert "there is one of this name in namespace kube-public" in notes(refused.value)


def test_an_unknown_namespace_tells_which_there_are(kube: FakeCluster) -> None:
    with pytest.raises(NotFound, match='namespaces "shop" not found') as refused:
        kube.create(CONFIG, namespace="shop")
    assert "there are the namespaces default, kube-node-lease, kube-public, kube-system" in notes(refused.value)


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda kube: kube.list("deplyoments"), "did you mean deployments"),
        (lambda kube: kube.create({**CONFIG, "apiVersion": "apps/v1"}), "ConfigMap is served as v1"),
        (lambda kube: kube.create({**CONFIG, "kind": "ConfigMop"}), "did you mean ConfigMap"),
    ],
)
def test_a_misspelt_kind_tells_what_is_near(kube: FakeCluster, call: Any, hint: str) -> None:
    with pytest.raises(NotFound) as refused:
        call(kube)
    assert hint in notes(refused.value)


def test_unknown_fields_are_refused_and_what_was_sent_is_shown(kube: FakeCluster) -> None:
    with pytest.raises(BadRequest, match='unknown field "dat"') as refused:
        kube.create({**CONFIG, "dat": {}})
    assert "POST /api/v1/namespaces/default/configmaps was sent:" in notes(refused.value)


def test_invalid_objects_are_refused(kube: FakeCluster) -> None:
    with pytest.raises(Invalid, match="Invalid value"):
        kube.create({**CONFIG, "metadata": {"name": "Not a name"}})


def test_a_second_create_is_refused(kube: FakeCluster) -> None:
    kube.create(CONFIG)
    with pytest.raises(AlreadyExists) as refused:
        kube.create(CONFIG)
    assert "kube.apply" in notes(refused.value)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("pod.yaml", r"to read a file, give pathlib.Path\('pod.yaml'\)"),
        (Path("nowhere.yaml"), "nowhere.yaml: there is no such file"),
        ({"kind": "Pod", "metadata": {}}, "apiVersion is missing"),
        ({"apiVersion": "v1", "kind": "Pod"}, "metadata is missing"),
        ("", "expected one object, found no object"),
        ("{a: ", "this is not YAML"),
        (3, "expected a dict, a text of YAML or a Path, not int"),
    ],
)
def test_what_is_no_manifest_is_told(kube: FakeCluster, source: Any, told: str) -> None:
    with pytest.raises(ManifestError, match=told):
        kube.create(source)


def test_several_objects_are_for_load(kube: FakeCluster) -> None:
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n{apiVersion: v1, kind: Secret, metadata: {name: b}}"
    with pytest.raises(ManifestError, match=r"found 2 objects \(ConfigMap a, Secret b\).*kube.load"):
        kube.create(text)
    assert len(kube.load(text)) == 2


def test_another_user_is_held_to_rbac(kube: FakeCluster) -> None:
    jane = kube.as_user("jane", "dev")
    with pytest.raises(Forbidden, match='User "jane" cannot list resource "pods"'):
        jane.list("pods")
    kube.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "dev-views"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "dev"}],
        }
    )
    assert jane.list("pods") == []


def test_changes_are_told_as_a_watch_would(kube: FakeCluster) -> None:
    kube.create(CONFIG)
    kube.patch("cm", "settings", {"data": {"colour": "red"}})
    kube.delete("cm", "settings")
    changes = kube.changes("cm", "settings")
    assert [each["type"] for each in changes] == ["ADDED", "MODIFIED", "DELETED"]
    assert [each["object"]["data"]["colour"] for each in changes] == ["blue", "red", "red"]


def test_events_are_found_by_object_and_reason(kube: FakeCluster) -> None:
    for number, reason in enumerate(["Started", "Killed"]):
        kube.create(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"web.{number}"},
                "involvedObject": {"kind": "Pod", "namespace": "default", "name": "web"},
                "reason": reason,
                "type": "Normal",
            }
        )
    assert [each["reason"] for each in kube.events("pod", "web")] == ["Started", "Killed"]
    assert [each["reason"] for each in kube.events(reason="Killed")] == ["Killed"]
    assert kube.events("pod", "other") == []


def test_a_reset_leaves_nothing_and_takes_milliseconds(kube: FakeCluster) -> None:
    fresh = {(each["kind"], each["metadata"]["name"]) for kind in ("cm", "ns", "sa") for each in kube.list(kind, None)}
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    for number in range(100):
        kube.create({**CONFIG, "metadata": {"name": f"settings-{number}"}})
    times = []
    for _ in range(5):
        began = time.perf_counter()
        kube.reset()
        times.append(time.perf_counter() - began)
    assert fresh == {
        (each["kind"], each["metadata"]["name"]) for kind in ("cm", "ns", "sa") for each in kube.list(kind, None)
    }
    # The best of five: the machine may be busy. The promise is 5 ms.
    assert min(times) < 0.02


def test_a_reset_gives_the_same_cluster_to_one_seed() -> None:
    with FakeCluster(seed=7) as kube:
        first = kube.create(CONFIG)["metadata"]["uid"]
        kube.reset()
        assert kube.create(CONFIG)["metadata"]["uid"] == first


async def test_the_verbs_work_inside_an_event_loop(kube: FakeCluster) -> None:
    assert kube.create(CONFIG)["kind"] == "ConfigMap"


async def test_async_with_gives_the_same() -> None:
    async with FakeCluster() as kube:
        assert kube.get("namespace", "default")["status"]["phase"] == "Active"
        assert kube.options == ClusterOptions()


def test_a_verb_in_the_servers_own_loop_says_so_instead_of_hanging(kube: FakeCluster) -> None:
    async def in_the_loop() -> None:
        kube.list("pods")

    with pytest.raises(RuntimeError, match="it is called in the server's own loop"):
        kube.server.call(in_the_loop())


def test_a_verb_after_the_end_says_so() -> None:
    with FakeCluster() as kube:
        pass
    with pytest.raises(RuntimeError, match="the server is not running"):
        kube.list("pods")
