"""Test suites that other people wrote for real clusters, run as they were published against `fakekube serve`.

A suite comes from PyPI with its version pinned, and runs in a virtual environment of its own with all its dependencies pinned. Both are
kept under build/, so only the first run on a machine waits for pip.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import venv
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from tests.conformance.servers import Served, serve

HERE = pathlib.Path(__file__).parent
CACHE = HERE.parents[2] / "build" / "client-suites"
DOWNLOAD_TIMEOUT_S = 60
INSTALL_TIMEOUT_S = 180
RUN_TIMEOUT_S = 200
"""For all parts of a suite, which run at the same time."""


@dataclass(frozen=True)
class Suite:
    """A published package whose source archive holds its tests."""

    name: str
    version: str

    def prepare(self) -> Prepared:
        """Skips the test where pip cannot fetch the package."""
        home = CACHE / f"{self.name}-{self.version}-py{sys.version_info[0]}.{sys.version_info[1]}"
        if not home.exists():
            CACHE.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=CACHE) as unfinished:
                self._fetch(folder := pathlib.Path(unfinished) / "it")
                try:
                    folder.rename(home)  # python finds its packages wherever it lies
                except OSError:
                    if not home.exists():  # else another run was faster
                        raise
        return Prepared(home / "venv" / "bin" / "python", home / f"{self.name}-{self.version}")

    def _fetch(self, folder: pathlib.Path) -> None:
        package = f"{self.name}=={self.version}"
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "10"]
        download = [*pip, "download", "-q", "--no-deps", "--no-binary", self.name, "--dest", str(folder), package]
        try:
            done = subprocess.run(download, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip(f"pip did not fetch {package} in {DOWNLOAD_TIMEOUT_S} s")
        if done.returncode:
            pytest.skip(f"pip cannot fetch {package}: {(done.stderr.strip() or 'it says no more').splitlines()[-1]}")
        with tarfile.open(folder / f"{self.name}-{self.version}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        install = [
            *pip,
            "--python",
            str(folder / "venv/bin/python"),
            "install",
            "-q",
            "-r",
            str(HERE / f"{self.name}.txt"),
        ]
        subprocess.run(install, timeout=INSTALL_TIMEOUT_S, check=True)


@dataclass(frozen=True)
class Prepared:
    """A suite that can be run: the program that runs it, and its unpacked source."""

    python: pathlib.Path
    source: pathlib.Path


@dataclass(frozen=True)
class Outcome:
    """What became of the tests."""

    fates: Mapping[str, str]
    """By their names as pytest writes them after the last `::`: `passed`, `failed` or `skipped`."""
    output: str

    def those(self, fate: str) -> set[str]:
        return {name for name, found in self.fates.items() if found == fate}


Lay = Callable[[pathlib.Path, Served], Sequence[str]]
"""Puts what one part of a suite needs into an empty folder and says pytest's arguments, the tests to run among them."""


def run(prepared: Prepared, folder: pathlib.Path, parts: Sequence[Lay], options: Sequence[str] = ()) -> Outcome:
    """Runs all parts at the same time, each against a server of its own: these suites wait more than they compute."""
    with concurrent.futures.ThreadPoolExecutor(len(parts)) as pool:
        running = [
            pool.submit(_run_part, prepared, folder / f"part-{number}", part, options)
            for number, part in enumerate(parts)
        ]
        outcomes = [each.result() for each in running]
    fates = {name: fate for each in outcomes for name, fate in each.fates.items()}
    return Outcome(fates, "\n".join(each.output for each in outcomes))


def _run_part(prepared: Prepared, folder: pathlib.Path, lay: Lay, options: Sequence[str]) -> Outcome:
    folder.mkdir()
    with serve(options) as server:
        kubeconfig = server.ca_file.parent / "kubeconfig"
        arguments = lay(folder, server)
        common = [
            "-p",
            "no:cacheprovider",
            f"--rootdir={folder}",
            f"--junitxml={folder}/junit.xml",
            "-q",
            "-rfE",
            "--tb=short",
        ]
        programs = os.pathsep.join((str(prepared.python.parent), str(kubectl().parent), os.environ["PATH"]))
        environment = {
            "PATH": programs,
            "KUBECONFIG": str(kubeconfig),
            "HOME": str(folder),
            "PYTHONPATH": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LC_ALL": "C.UTF-8",
        }
        output = _run_bounded([str(prepared.python), "-m", "pytest", *common, *arguments], folder, environment)
        traceback = server.new_traceback()
    assert not traceback, traceback
    assert (folder / "junit.xml").exists(), output
    fates = {}
    for case in ElementTree.parse(folder / "junit.xml").iter("testcase"):
        found = {each.tag for each in case}
        fate = "failed" if found & {"failure", "error"} else "skipped" if "skipped" in found else "passed"
        fates[case.attrib["name"]] = fate
    return Outcome(fates, output)


def _run_bounded(command: Sequence[str], folder: pathlib.Path, environment: dict[str, str]) -> str:
    """What the command printed; whatever it started ends with it."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            process.wait(RUN_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            pytest.fail(f"not done in {RUN_TIMEOUT_S} s:\n{log.read_text(errors='replace')[-5000:]}")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return log.read_text(errors="replace")


def kubectl() -> pathlib.Path:
    """The one of this virtual environment, else the machine's."""
    found = shutil.which("kubectl", path=f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip("there is no kubectl")
    return pathlib.Path(found)
