"""What is planned so that a view's files stand at their paths, and what is refused."""

from __future__ import annotations

import os
import pathlib

import pytest

from fakekube.sandbox import mount_plan
from fakekube.sandbox.errors import SandboxError


@pytest.fixture
def host(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "volume").mkdir()
    (tmp_path / "file").write_text("content")
    (tmp_path / "etc" / "existing").mkdir(parents=True)
    (tmp_path / "etc" / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "etc")
    return pathlib.Path(os.path.realpath(tmp_path))


def planned(host: pathlib.Path, *targets: str, source: str = "volume", hidden: tuple[str, ...] = ()) -> mount_plan.Plan:
    mounts = [(str(host / source), f"{host}/{target}", True) for target in targets]
    return mount_plan.plan(mounts, {}, [str(host / name) for name in hidden])


def test_existing_directory_is_just_covered(host: pathlib.Path) -> None:
    plan = planned(host, "etc/existing")

    assert (plan.rebuilt, plan.made) == ({}, {})
    assert [bind.target for bind in plan.binds] == [f"{host}/etc/existing"]


def test_deepest_existing_directory_is_rebuilt(host: pathlib.Path) -> None:
    plan = planned(host, "etc/existing/a/b", "etc/existing/a/c")

    assert plan.rebuilt == {f"{host}/etc/existing": set()}
    assert plan.made == {
        f"{host}/etc/existing/a": True,
        f"{host}/etc/existing/a/b": True,
        f"{host}/etc/existing/a/c": True,
    }


def test_link_on_the_way_is_followed_on_the_host(host: pathlib.Path) -> None:
    plan = planned(host, "link/new")

    assert list(plan.rebuilt) == [f"{host}/etc"]
    assert [bind.target for bind in plan.binds] == [f"{host}/etc/new"]


def test_directory_where_the_host_has_a_file_takes_its_place(host: pathlib.Path) -> None:
    plan = planned(host, "etc/file")

    assert plan.rebuilt == {f"{host}/etc": {"file"}}
    assert plan.made == {f"{host}/etc/file": True}


def test_directory_below_a_file_of_the_host_is_refused(host: pathlib.Path) -> None:
    with pytest.raises(SandboxError, match=r"etc/file/below: .*/etc/file is not a directory"):
        planned(host, "etc/file/below")


def test_relative_target_is_taken_from_the_root(host: pathlib.Path) -> None:
    plan = mount_plan.plan([(str(host / "volume"), str(host / "etc" / "existing")[1:], True)], {}, [])

    assert [bind.target for bind in plan.binds] == [f"{host}/etc/existing"]


def test_parents_are_mounted_before_what_lies_in_them(host: pathlib.Path) -> None:
    mounts = [(str(host / "etc"), f"{host}/new/inner", True), (str(host / "volume"), f"{host}/new", True)]

    plan = mount_plan.plan(mounts, {}, [])

    assert [bind.target for bind in plan.binds] == [f"{host}/new", f"{host}/new/inner"]
    assert (host / "volume" / "inner").is_dir()


def test_mount_point_in_a_volume_may_not_leave_it(host: pathlib.Path) -> None:
    (host / "volume" / "out").symlink_to(host / "etc")
    mounts = [(str(host / "volume"), f"{host}/new", True), (str(host / "etc"), f"{host}/new/out", True)]

    with pytest.raises(SandboxError, match=r"a link in the volume mounted at .*/new leads out of it"):
        mount_plan.plan(mounts, {}, [])


def test_later_mount_at_the_same_path_wins(host: pathlib.Path) -> None:
    mounts = [(str(host / name), f"{host}/new", True) for name in ("volume", "etc")]

    plan = mount_plan.plan(mounts, {}, [])

    assert [bind.source for bind in plan.binds] == [str(host / "etc")]


@pytest.mark.parametrize("target", ["/", "/proc", "/proc/sys/new"])
def test_places_that_hold_the_view_together_are_refused(host: pathlib.Path, target: str) -> None:
    with pytest.raises(SandboxError, match="choose another mountPath"):
        mount_plan.plan([(str(host / "volume"), target, True)], {}, [])


def test_source_that_does_not_exist_is_refused(host: pathlib.Path) -> None:
    with pytest.raises(SandboxError, match="there is no such file or directory"):
        planned(host, "new", source="missing")


def test_hidden_directory_shows_nothing_but_what_is_mounted_there(host: pathlib.Path) -> None:
    plan = planned(host, "etc/existing/new", hidden=("etc", "missing"))

    assert plan.hidden == [f"{host}/etc"]
    assert plan.rebuilt == {f"{host}/etc": None}
    assert plan.made == {f"{host}/etc/existing": True, f"{host}/etc/existing/new": True}


def test_hosts_file_brings_the_order_of_name_services() -> None:
    plan = mount_plan.plan([], {"/etc/hosts": b"127.0.0.1 localhost\n"}, [])

    contents = {bind.target: bind.source for bind in plan.binds}
    switch = contents[os.path.realpath("/etc/nsswitch.conf")]
    assert isinstance(switch, bytes)
    assert [line for line in switch.splitlines() if line.startswith(b"hosts:")] == [b"hosts: files dns"]


def test_own_order_of_name_services_is_kept() -> None:
    plan = mount_plan.plan([], {"/etc/hosts": b"", "/etc/nsswitch.conf": b"own"}, [])

    assert [bind.source for bind in plan.binds if bind.target.endswith("nsswitch.conf")] == [b"own"]


def test_root_is_rebuilt_before_its_directories(host: pathlib.Path) -> None:
    mounts = [(str(host / "volume"), target, True) for target in (f"{host}/etc/new", "/fakekube-new")]

    plan = mount_plan.plan(mounts, {}, [])

    assert list(plan.rebuilt) == ["/", f"{host}/etc"]
