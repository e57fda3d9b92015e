"""Files change all at once: what is in the directory after each step, and after a step that failed."""

from __future__ import annotations

import ctypes
import os
import re
import stat
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fakekube.kubelet.volumes import atomic_writer, ownership
from fakekube.kubelet.volumes.atomic_writer import File, write

STAMPED = re.compile(r"\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d+")

CHANGING = ("mkdir", "chmod", "open", "write", "fchmod", "fchown", "chown", "symlink", "rename", "unlink", "rmdir")
"""The calls by which a writer changes a directory."""


def files(**texts: str) -> dict[str, File]:
    """Files by name; two underscores stand for a slash."""
    return {name.replace("__", "/"): File(text.encode(), 0o644) for name, text in texts.items()}


def seen(directory: Path) -> dict[str, str]:
    """What a program sees in the volume: paths and contents."""
    return {
        os.path.relpath(os.path.join(place, name), directory): Path(place, name).read_text()
        for place, directories, names in os.walk(directory, followlinks=True)
        for name in names
        if not os.path.relpath(place, directory).startswith("..")
    }


def layout(directory: Path) -> dict[str, str]:
    """Name -> target of links, `/` of directories; the stamp is written as `..STAMP`."""
    return {
        STAMPED.sub("..STAMP", path.name): STAMPED.sub("..STAMP", os.readlink(path)) if path.is_symlink() else "/"
        for path in directory.iterdir()
    }


class Died(BaseException):
    """The process is no more: nothing it wanted to do afterwards happens."""


class Watched:
    """`os`, with a list of what was changed; from the call number `fails_at` on it fails: once, or always when the writer `dies`."""

    def __init__(self, fails_at: int | None = None, *, dies: bool = False, after: Callable[[], None] | None = None):
        self.calls: list[str] = []
        self.fails_at, self.dies, self.after = fails_at, dies, after

    def __getattr__(self, name: str) -> Any:
        original = getattr(os, name)
        if name not in CHANGING:
            return original

        def call(*arguments: Any, **more: Any) -> Any:
            number = len(self.calls)
            self.calls.append(f"{name} {self._shown(name, arguments)}".strip())
            if self.fails_at is not None and (number == self.fails_at or (self.dies and number > self.fails_at)):
                raise Died if self.dies else OSError(28, "No space left on device")
            result = original(*arguments, **more)
            if self.after is not None:
                self.after()
            return result

        return call

    @staticmethod
    def _shown(name: str, arguments: tuple[Any, ...]) -> str:
        paths = [
            STAMPED.sub("..STAMP", os.path.basename(os.fspath(each))) for each in arguments if not _is_number(each)
        ]
        return " ".join(paths) if name not in ("write", "fchmod", "fchown") else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | bytes | memoryview)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Watched]]:
    def start(*arguments: Any, **more: Any) -> Watched:
        watched = Watched(*arguments, **more)
        for module in (atomic_writer, ownership):
            monkeypatch.setattr(module, "os", watched)
        return watched

    yield start
    monkeypatch.undo()


def test_files_are_seen_through_two_links(tmp_path: Path) -> None:
    write(tmp_path, files(podName="p", user__labels="l", k8s__deep__annotations="a"))

    assert layout(tmp_path) == {
        "..STAMP": "/",
        "..data": "..STAMP",
        "podName": "..data/podName",
        "user": "..data/user",
        "k8s": "..data/k8s",
    }
    assert seen(tmp_path) == {"podName": "p", "user/labels": "l", "k8s/deep/annotations": "a"}


def test_a_change_takes_these_steps_in_this_order(tmp_path: Path, watch: Callable[..., Watched]) -> None:
    write(tmp_path, files(a="1", gone="x"))
    watched = watch()

    write(tmp_path, files(a="2", new="y"))

    assert watched.calls == [
        "mkdir ..STAMP",
        "chmod ..STAMP",
        *("open a", "write", "fchmod"),
        *("open new", "write", "fchmod"),
        "symlink ..STAMP ..data_tmp",
        "rename ..data_tmp ..data",
        *("symlink a a", "symlink new new"),
        "unlink gone",
        *("unlink a", "unlink gone"),
        "rmdir ..STAMP",
    ]


def test_after_each_step_the_files_are_the_old_ones_or_the_new_ones(
    tmp_path: Path, watch: Callable[..., Watched]
) -> None:
    old, new = {"a": "1", "d/b": "1"}, {"a": "2", "d/b": "2"}
    write(tmp_path, files(a="1", d__b="1"))
    views: list[dict[str, str]] = []
    watch(after=lambda: views.append(seen(tmp_path)))

    write(tmp_path, files(a="2", d__b="2"))

    turned = views.index(new)
    assert 0 < turned < len(views) - 1
    assert views == [old] * turned + [new] * (len(views) - turned)


def test_one_rename_is_all_that_a_watching_program_needs(tmp_path: Path, watch: Callable[..., Watched]) -> None:
    write(tmp_path, files(a="1", b="1"))
    watched = watch()

    write(tmp_path, files(a="2", b="2"))

    assert [call for call in watched.calls if call.startswith("rename")] == ["rename ..data_tmp ..data"]


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_a_program_that_watches_is_told_as_by_a_kubelet(tmp_path: Path) -> None:
    write(tmp_path, files(a="1"))
    events = Inotify(tmp_path)

    write(tmp_path, files(a="2"))

    assert events.read() == [
        ("CREATE", "..STAMP"),
        ("CREATE", "..data_tmp"),
        ("MOVED_FROM", "..data_tmp"),
        ("MOVED_TO", "..data"),
        ("DELETE", "..STAMP"),
    ]


class Inotify:
    """What the kernel tells of one directory: names that come, go and move. https://man7.org/linux/man-pages/man7/inotify.7.html"""

    EVENTS: ClassVar = {0x40: "MOVED_FROM", 0x80: "MOVED_TO", 0x100: "CREATE", 0x200: "DELETE"}
    HEADER = struct.Struct("iIII")

    def __init__(self, directory: Path) -> None:
        libc = ctypes.CDLL(None)
        self.descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert libc.inotify_add_watch(self.descriptor, os.fsencode(directory), sum(self.EVENTS)) >= 0

    def read(self) -> list[tuple[str, str]]:
        """All that has happened; the kernel tells it before a call returns, so there is nothing to wait for."""
        data, told = os.read(self.descriptor, 1 << 16), []
        os.close(self.descriptor)
        while data:
            _, mask, _, length = self.HEADER.unpack_from(data)
            name = data[self.HEADER.size : self.HEADER.size + length].rstrip(b"\0").decode()
            told.append((self.EVENTS[mask & 0xFFF], STAMPED.sub("..STAMP", name)))
            data = data[self.HEADER.size + length :]
        return told


def test_equal_files_change_nothing(tmp_path: Path, watch: Callable[..., Watched]) -> None:
    write(tmp_path, files(a="1", d__b="2"))
    before = layout(tmp_path), os.readlink(tmp_path / "..data")
    watched = watch()

    changed = write(tmp_path, files(a="1", d__b="2"))

    assert not changed
    assert (layout(tmp_path), os.readlink(tmp_path / "..data")) == before
    assert [call.split()[0] for call in watched.calls] == ["symlink", "symlink"]  # of links that are there


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ({"a": "1"}, {"a": "1"}),
        ({"a": "1", "d/c": "3"}, {"a": "1", "d/c": "3"}),
        ({}, {}),
        ({"d": "now a file"}, {"d": "now a file"}),
        ({"a/x": "now a directory"}, {"a/x": "now a directory"}),
    ],
)
def test_what_is_no_longer_there_is_no_longer_seen(
    tmp_path: Path, new: dict[str, str], expected: dict[str, str]
) -> None:
    write(tmp_path, files(a="1", d__b="2", d__c="3"))

    assert write(tmp_path, {path: File(text.encode(), 0o644) for path, text in new.items()})

    assert seen(tmp_path) == expected
    assert {name for name in layout(tmp_path) if not name.startswith("..")} == {path.split("/")[0] for path in expected}
    assert sum(name == "..STAMP" for name in layout(tmp_path)) == 1


def test_no_files_are_a_volume_as_well(tmp_path: Path) -> None:
    assert write(tmp_path, {})
    assert layout(tmp_path) == {"..STAMP": "/", "..data": "..STAMP"}
    assert not write(tmp_path, {})


def test_links_that_were_removed_come_back(tmp_path: Path) -> None:
    write(tmp_path, files(a="1"))
    (tmp_path / "a").unlink()

    assert not write(tmp_path, files(a="1"))

    assert seen(tmp_path) == {"a": "1"}


def test_modes_are_exact_whatever_the_umask(tmp_path: Path) -> None:
    modes = {"a": 0o777, "d/b": 0o640, "c": 0o400, "e": 0o000}
    before = os.umask(0o077)
    try:
        write(tmp_path, {path: File(b"x", mode) for path, mode in modes.items()})
    finally:
        os.umask(before)

    data = tmp_path / "..data"
    assert {path: stat.S_IMODE((data / path).stat().st_mode) for path in modes} == modes
    assert [stat.S_IMODE(place.stat().st_mode) for place in (data, data / "d")] == [0o755, 0o755]


def test_files_that_shut_out_their_owner_are_compared_all_the_same(tmp_path: Path) -> None:
    write(tmp_path, {"a": File(b"1", 0o000)})

    assert not write(tmp_path, {"a": File(b"1", 0o000)})
    assert write(tmp_path, {"a": File(b"2", 0o000)})

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0


def test_the_group_may_read_what_its_mode_does_not_say(tmp_path: Path) -> None:
    group = os.getegid()
    entries = {"a": File(b"x", 0o600), "d/b": File(b"x", 0o400), "c": File(b"x", 0o644)}

    write(tmp_path, entries, fs_group=group)

    data = tmp_path / "..data"
    modes = {path: stat.S_IMODE((data / path).stat().st_mode) for path in ("a", "d/b", "c", "d", ".")}
    assert modes == {"a": 0o640, "d/b": 0o440, "c": 0o644, "d": 0o2755, ".": 0o2755}
    assert {(data / path).stat().st_gid for path in modes} == {group}


def test_a_group_that_cannot_be_given_still_counts_for_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)

    write(tmp_path, {"a": File(b"x", 0o600)}, fs_group=12345)

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def may_give(directory: Path, uid: int) -> bool:
    (directory / "probe").touch()
    try:
        os.chown(directory / "probe", uid, -1)
    except PermissionError:
        return False
    return True


def test_an_owner_is_given_where_that_is_allowed(tmp_path: Path, watch: Callable[..., Watched]) -> None:
    watched = watch()

    write(tmp_path, {"mine": File(b"x", 0o600, os.geteuid()), "other": File(b"x", 0o600, 12345)})

    assert watched.calls.count("fchown") == 1
    assert (tmp_path / "other").stat().st_uid == (12345 if may_give(tmp_path, 12345) else os.geteuid())
    assert stat.S_IMODE((tmp_path / "other").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", 'invalid path: must not be empty: ""'),
        ("/a", "invalid path: must be relative path: /a"),
        ("a/../b", "invalid path: must not contain '..': a/../b"),
        ("..", "invalid path: must not contain '..': .."),
        ("..a", "invalid path: must not start with '..': ..a"),
        ("a" * 256, "invalid path: filenames must be less than or equal to 255 characters"),
        ("a/" * 2048 + "b", "invalid path: must be less than or equal to 4096 characters"),
    ],
)
def test_paths_that_no_volume_may_have(tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^invalid path") as refused:
        write(tmp_path, {path: File(b"x", 0o644)})

    assert str(refused.value) == message
    assert list(tmp_path.iterdir()) == []


def test_dots_that_mean_nothing_are_cut(tmp_path: Path) -> None:
    write(tmp_path, {"./a//b": File(b"x", 0o644), "c/..d": File(b"y", 0o644)})

    assert seen(tmp_path) == {"a/b": "x", "c/..d": "y"}


def test_a_file_in_the_way_of_a_directory_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path, files(a="1"))
    before = layout(tmp_path)

    with pytest.raises(OSError, match="exists"):
        write(tmp_path, {"b": File(b"x", 0o644), "b/c": File(b"y", 0o644)})

    assert (layout(tmp_path), seen(tmp_path)) == (before, {"a": "1"})


OLD = {"kept": "1", "d/x": "1", "d/y": "1", "gone": "1"}
NEW = {"kept": "2", "d/x": "2", "new": "2"}


def as_files(texts: dict[str, str]) -> dict[str, File]:
    return {path: File(text.encode(), 0o600) for path, text in texts.items()}


def steps() -> int:
    """More than a change takes."""
    return 40


@pytest.mark.parametrize("dies", [False, True], ids=["error", "death"])
@pytest.mark.parametrize("number", range(steps()))
def test_whatever_step_fails_a_reader_finds_one_state_and_the_next_write_repairs(
    tmp_path: Path, watch: Callable[..., Watched], number: int, dies: bool
) -> None:
    write(tmp_path, as_files(OLD), fs_group=os.getegid())
    watched = watch(number, dies=dies)

    try:
        write(tmp_path, as_files(NEW), fs_group=os.getegid())
        failed = False
    except (OSError, Died):
        failed = True

    assert failed == (number < len(watched.calls))
    found = {path: text for path, text in seen_where_it_can_be(tmp_path).items() if path in OLD and path in NEW}
    assert found in ({path: OLD[path] for path in found}, {path: NEW[path] for path in found})
    assert set(found) == {"kept", "d/x"}
    watch()
    write(tmp_path, as_files(NEW), fs_group=os.getegid())
    assert seen(tmp_path) == NEW
    assert len(list(tmp_path.iterdir())) == 5
    assert layout(tmp_path) == {
        "..STAMP": "/",
        "..data": "..STAMP",
        **{name: f"..data/{name}" for name in ("kept", "d", "new")},
    }


def seen_where_it_can_be(directory: Path) -> dict[str, str]:
    """As `seen`, without links that lead nowhere."""
    return {path: (directory / path).read_text() for path in {*OLD, *NEW} if (directory / path).exists()}


def test_the_steps_that_are_made_to_fail_are_all_of_them(tmp_path: Path, watch: Callable[..., Watched]) -> None:
    write(tmp_path, as_files(OLD), fs_group=os.getegid())
    watched = watch()

    write(tmp_path, as_files(NEW), fs_group=os.getegid())

    assert 25 < len(watched.calls) < steps()


@pytest.mark.parametrize("dies", [False, True], ids=["error", "death"])
@pytest.mark.parametrize("number", range(steps()))
def test_a_first_write_that_fails_shows_nothing_or_everything(
    tmp_path: Path, watch: Callable[..., Watched], number: int, dies: bool
) -> None:
    watch(number, dies=dies)

    try:
        write(tmp_path, as_files(NEW))
    except (OSError, Died):
        found = seen_where_it_can_be(tmp_path)
        assert found == {path: NEW[path] for path in found}

    watch()
    write(tmp_path, as_files(NEW))
    assert seen(tmp_path) == NEW
    assert len(list(tmp_path.iterdir())) == 5


def test_an_error_leaves_no_traces(tmp_path: Path, watch: Callable[..., Watched]) -> None:
    write(tmp_path, as_files(OLD))
    before = layout(tmp_path)
    for number in range(steps()):
        watched = watch(number)
        try:
            write(tmp_path, as_files(NEW))
        except OSError:
            if "rename ..data_tmp ..data" in watched.calls[:-1] and watched.calls[number] != "rename ..data_tmp ..data":
                return  # from here on the new files are there
            assert layout(tmp_path) == before
    pytest.fail("no step came after the rename")
