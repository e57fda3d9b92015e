"""What is mounted where."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from fakekube.kubelet.environment import ContainerConfigError
from fakekube.kubelet.mounts import Mount, mounts
from fakekube.kubelet.volumes.atomic_writer import File, write
from tests.kubelet.sources import pod_of

VOLUMES: list[dict[str, Any]] = [
    {"name": "data", "emptyDir": {}},
    {"name": "settings", "configMap": {"name": "settings"}},
    {"name": "login", "secret": {"secretName": "login"}},
    {"name": "self", "downwardAPI": {}},
    {"name": "all", "projected": {"sources": []}},
    {"name": "claim", "persistentVolumeClaim": {"claimName": "c", "readOnly": True}},
    {"name": "tools", "image": {"reference": "i"}},
]


class Node:
    """The volumes of one pod, each in a directory of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        for volume in VOLUMES:
            (self.root / volume["name"]).mkdir()

    def directory(self, name: str) -> Path:
        return self.root / name

    def mounts(self, *wanted: dict[str, Any], **environment: str) -> list[Mount]:
        pod = pod_of({"volumeMounts": list(wanted)}, volumes=VOLUMES)
        return mounts(pod, pod["spec"]["containers"][0], environment, self.directory)

    def error(self, wanted: dict[str, Any], **environment: str) -> str:
        with pytest.raises(ContainerConfigError) as refused:
            self.mounts(wanted, **environment)
        return str(refused.value)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_mounts_come_in_their_order(node: Node) -> None:
    found = node.mounts({"name": "data", "mountPath": "/data"}, {"name": "settings", "mountPath": "/etc/settings"})

    assert found == [
        Mount(node.directory("data"), "/data", read_only=False, is_subpath=False),
        Mount(node.directory("settings"), "/etc/settings", read_only=True, is_subpath=False),
    ]


def test_a_relative_path_is_taken_from_the_root(node: Node) -> None:
    assert [each.target for each in node.mounts({"name": "data", "mountPath": "data/x"})] == ["/data/x"]


@pytest.mark.parametrize(
    ("name", "asked", "read_only"),
    [
        ("data", False, False),
        ("data", True, True),
        ("settings", False, True),
        ("login", False, True),
        ("self", False, True),
        ("all", False, True),
        ("claim", False, True),
        ("tools", False, True),
    ],
)
def test_what_the_api_gives_can_only_be_read(node: Node, name: str, asked: bool, read_only: bool) -> None:
    assert node.mounts({"name": name, "mountPath": "/m", "readOnly": asked})[0].read_only is read_only


def test_a_volume_that_the_pod_has_not_cannot_be_mounted(node: Node) -> None:
    assert node.error({"name": "v", "mountPath": "/m"}) == 'cannot find volume "v" to mount into container "c"'


def test_a_sub_path_of_a_file_is_the_file_of_this_moment(node: Node) -> None:
    write(node.directory("settings"), {"app.conf": File(b"old", 0o644)})

    found = node.mounts({"name": "settings", "mountPath": "/etc/app.conf", "subPath": "app.conf"})[0]
    write(node.directory("settings"), {"app.conf": File(b"new", 0o644)})

    assert found.is_subpath
    assert found.source.parent.name.startswith("..2")
    assert not found.source.exists()  # a bind mount would keep it alive


def test_a_sub_path_that_is_not_there_becomes_a_directory_with_the_mode_of_the_root(node: Node) -> None:
    node.directory("data").chmod(0o2771)

    found = node.mounts({"name": "data", "mountPath": "/m", "subPath": "a/b"})[0]

    assert found.source == node.directory("data") / "a" / "b"
    assert [stat.S_IMODE(place.stat().st_mode) for place in (found.source, found.source.parent)] == [0o2771, 0o2771]


def test_an_expression_names_variables_of_the_container(node: Node) -> None:
    found = node.mounts({"name": "data", "mountPath": "/m", "subPathExpr": "logs/$(POD)/$$(POD)"}, POD="p")[0]

    assert found.source == node.directory("data") / "logs" / "p" / "$(POD)"


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        ({"subPathExpr": "$(B)/$(A)/$(EMPTY)/$(POD)"}, "missing value for A, B, EMPTY"),
        ({"subPath": "/abs"}, "error SubPath `/abs` must not be an absolute path"),
        ({"subPathExpr": "$(ROOT)/x"}, "error SubPath `/root/x` must not be an absolute path"),
        ({"subPath": "a/../b"}, "unable to provision SubPath `a/../b`: must not contain '..'"),
        ({"subPath": "out/of"}, 'failed to prepare subPath for volumeMount "data" of container "c"'),
        ({"subPath": "out/new"}, 'failed to create subPath directory for volumeMount "data" of container "c"'),
        ({"subPath": "file/x"}, 'failed to create subPath directory for volumeMount "data" of container "c"'),
        ({"subPath": "loop"}, 'failed to create subPath directory for volumeMount "data" of container "c"'),
    ],
)
def test_why_a_sub_path_cannot_be_had(node: Node, mount: dict[str, str], message: str) -> None:
    (node.root / "outside" / "of").mkdir(parents=True)
    (node.directory("data") / "out").symlink_to("../outside")
    (node.directory("data") / "loop").symlink_to("loop")
    (node.directory("data") / "file").touch()

    told = node.error({"name": "data", "mountPath": "/m", **mount}, POD="p", EMPTY="", ROOT="/root")

    assert told == message
    assert sorted(each.name for each in (node.root / "outside").iterdir()) == ["of"]


def test_a_link_within_the_volume_is_followed(node: Node) -> None:
    (node.directory("data") / "real").mkdir()
    (node.directory("data") / "link").symlink_to("real")

    found = node.mounts({"name": "data", "mountPath": "/m", "subPath": "link"})[0]

    assert found.source == node.directory("data") / "real"
