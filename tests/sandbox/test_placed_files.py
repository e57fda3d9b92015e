"""How real files are placed and put back, in a directory of the test's own."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

from fakekube.sandbox import mount_plan, placed_files
from fakekube.sandbox.errors import SandboxError


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(placed_files, "STATE", str(tmp_path / "journal"))
    monkeypatch.setattr(placed_files, "CONTENTS", str(tmp_path / "contents"))
    monkeypatch.setattr(placed_files, "_PATIENCE_S", 0.0)
    (tmp_path / "volume").mkdir()
    (tmp_path / "etc" / "covered").mkdir(parents=True)
    (tmp_path / "etc" / "hosts").write_text("before")
    return pathlib.Path(os.path.realpath(tmp_path))


def plan_of(host: pathlib.Path) -> mount_plan.Plan:
    targets = ("new/deep", "etc/covered")
    mounts = [(str(host / "volume"), str(host / target), True) for target in targets]
    return mount_plan.plan(mounts, {str(host / "etc" / "hosts"): b"after"}, [], make_in_source=placed_files.make_parent)


def tree(host: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(host)) for path in host.rglob("*"))


def test_everything_is_undone_at_the_end(host: pathlib.Path) -> None:
    before = tree(host)

    with placed_files.placed(plan_of(host)) as missing:
        assert missing == []
        assert os.readlink(host / "new" / "deep") == str(host / "volume")
        assert os.readlink(host / "etc" / "covered") == str(host / "volume")
        assert (host / "etc" / "hosts").read_text() == "after"

    assert tree(host) == before
    assert (host / "etc" / "hosts").read_text() == "before"


def test_what_a_killed_view_left_is_healed(host: pathlib.Path) -> None:
    before = tree(host)
    with placed_files.placed(plan_of(host)):
        journal = (host / "journal").read_bytes()
        left = tree(host)
        # As after a kill: the same files, the same journal, and nobody who holds the lock.
        (host / "journal").rename(host / "kept")
        (host / "kept").rename(host / "journal")
        os.unlink(host / "journal")
        (host / "journal").write_bytes(journal)

        placed_files.heal()

        assert left != before
        assert tree(host) == before
        (host / "journal").touch()


def test_what_was_begun_but_not_done_is_no_harm(host: pathlib.Path) -> None:
    before = tree(host)
    steps = [
        ("made", str(host / "new")),
        ("moved", str(host / "etc" / "covered")),
        ("linked", str(host / "etc" / "covered"), "x"),
    ]
    lines = b"\n".join(json.dumps(step).encode() for step in steps)
    (host / "journal").write_bytes(lines + b'\n["mov')

    placed_files.heal()

    assert tree(host) == before


def test_file_that_somebody_changed_meanwhile_is_left_alone(host: pathlib.Path) -> None:
    with placed_files.placed(plan_of(host)):
        os.unlink(host / "new" / "deep")
        (host / "new" / "deep").write_text("somebody's")

    assert (host / "new" / "deep").read_text() == "somebody's"


def test_second_view_is_refused(host: pathlib.Path) -> None:
    with (
        placed_files.placed(plan_of(host)),
        pytest.raises(SandboxError, match="another view has its files on this file system"),
        placed_files.placed(plan_of(host)),
    ):
        pass


def test_file_that_cannot_be_replaced_is_overwritten_and_said(
    host: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(source: str, target: str) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(os, "rename", refused)
    plan = mount_plan.plan([], {str(host / "etc" / "hosts"): b"after"}, [])

    with placed_files.placed(plan) as missing:
        assert missing == [
            f"{host}/etc/hosts is a mount of this container, so it holds a copy that does not follow changes."
        ]
        assert (host / "etc" / "hosts").read_text() == "after"

    assert (host / "etc" / "hosts").read_text() == "before"


def test_a_journal_that_could_be_somebody_elses_is_not_followed(
    host: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (host / "journal").write_text(json.dumps(["linked", str(host / "volume")]) + "\n")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    with pytest.raises(SandboxError, match="is somebody else's: remove it"), placed_files.placed(plan_of(host)):
        pass

    (host / "journal").rename(host / "elsewhere")
    (host / "journal").symlink_to(host / "elsewhere")
    with pytest.raises(SandboxError, match="cannot be opened"), placed_files.placed(plan_of(host)):
        pass

    assert (host / "volume").is_dir()
