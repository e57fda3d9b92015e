from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fakekube.in_pod import runtime_directory
from fakekube.in_pod.runtime_directory import RuntimeDirectoryError

HOLDER = """\
import sys
from fakekube.in_pod.runtime_directory import ViewDirectory

view = ViewDirectory("pod-uid", sys.argv[1])
view.volume("scratch", is_shared=True).mkdir(exist_ok=True)
view.volume("keys", is_shared=False).mkdir()
view.write_record({"container": sys.argv[1]})
print("ready", flush=True)
sys.stdin.read()
view.remove()
"""
ROOT = Path(__file__).parents[2]


@pytest.fixture
def hold() -> Callable[[str], subprocess.Popen[str]]:
    """A process with a view of a container."""

    def hold(container: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, container],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    return hold


def end(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=30)


def below(directory: Path) -> list[str]:
    """All paths; some may vanish meanwhile."""
    return sorted(
        os.path.relpath(os.path.join(here, name), directory)
        for here, directories, files in os.walk(directory)
        for name in (*directories, *files)
    )


def test_it_is_closed_to_others_wherever_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, runtime: Path) -> None:
    assert runtime_directory.root() == runtime
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    runtime.chmod(0o755)
    assert stat.S_IMODE(runtime_directory.root().stat().st_mode) == 0o700

    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert runtime_directory.root() == tmp_path / f"fakekube-{os.getuid()}"


def test_a_directory_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "runtime" / "fakekube").symlink_to(tmp_path)

    with pytest.raises(RuntimeDirectoryError, match="is not a directory of this user"):
        runtime_directory.root()


def test_views_of_a_pod_share_its_place_and_the_last_one_removes_it(
    hold: Callable[[str], subprocess.Popen[str]], runtime: Path
) -> None:
    main, side = hold("main"), hold("side")
    assert {view["container"] for view in runtime_directory.views("pod-uid")} == {"main", "side"}
    assert (runtime / "pods/pod-uid/volumes/scratch").is_dir()
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o700 for path in runtime.glob("pods/pod-uid/views/*"))

    end(main)
    assert [view["container"] for view in runtime_directory.views("pod-uid")] == ["side"]
    assert (runtime / "pods/pod-uid/volumes/scratch").is_dir()

    end(side)
    assert below(runtime) == ["pods"]


def test_what_a_killed_process_had_is_removed_by_its_child(
    hold: Callable[[str], subprocess.Popen[str]], runtime: Path
) -> None:
    process = hold("main")

    process.send_signal(signal.SIGKILL)
    end(process)

    deadline = time.monotonic() + 30
    while below(runtime) != ["pods"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_nobody_could_remove_goes_with_the_next_view(
    hold: Callable[[str], subprocess.Popen[str]], runtime: Path
) -> None:
    abandoned = runtime_directory.root() / "pods" / "other-uid"
    abandoned.mkdir(parents=True)
    (abandoned / "lock").touch()
    (abandoned / "secret").touch()

    process = hold("main")

    assert not abandoned.exists()
    end(process)


def test_claims_stay(runtime: Path) -> None:
    claim = runtime_directory.claim_directory("claim-uid")

    assert claim == runtime / "claims" / "claim-uid"
    assert runtime_directory.claim_directory("claim-uid") == claim
    assert list(runtime_directory.views("claim-uid")) == []


def test_claims_of_a_server_of_the_commands_own_go_with_it(runtime: Path) -> None:
    own = runtime_directory.claim_directory("claim-uid", runtime / "server-1" / "kubeconfig")
    others = runtime_directory.claim_directory("claim-uid", runtime / "elsewhere" / "certs" / "kubeconfig")

    assert own == runtime / "server-1" / "claims" / "claim-uid"
    assert others == runtime / "claims" / "claim-uid"
