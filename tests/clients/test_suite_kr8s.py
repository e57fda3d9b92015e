"""kr8s' own tests, which want a kind cluster: kube-system is filled as kind fills it, and a stand-in `kind` says the cluster is there."""

from __future__ import annotations

import functools
import pathlib
import shutil
from collections.abc import Sequence

from tests.conformance.servers import Served

from . import suites

KR8S = suites.Suite("kr8s", "0.20.15")
SEED = pathlib.Path(__file__).parents[2] / "seed_data" / "kind"

OBJECTS = "kr8s/tests/test_objects.py"
PARTS = ([OBJECTS], ["kr8s/tests", f"--ignore={OBJECTS}"])

NEEDS_PROGRAMS = {
    # of an image, which is not there: these write into nginx' folder, or talk to it through a forwarded port
    "test_adoption",
    "test_multiple_bind_addresses_port_forward",
    "test_pod_port_forward_context_manager",
    "test_pod_port_forward_context_manager_manual",
    "test_pod_port_forward_context_manager_sync",
    "test_pod_port_forward_start_stop",
    "test_service_exec",
    "test_service_port_forward_context_manager",
    "test_service_port_forward_start_stop",
    "test_trio_port_forward",
}
RACES_THE_SERVER = {
    # wants an answer to take more than the millisecond to which the event loop rounds a timeout of 10 microseconds up
    "test_api_timeout",
    # wants a pod to be not ready yet right after it was created
    "test_pod_exec_not_ready",
}
MEANT_FOR_OTHER_VERSIONS = {
    # httpx-ws 0.9, unlike 0.7, puts their ExecError into an ExceptionGroup, which they do not expect
    "test_pod_exec_error",
    "test_pod_exec_to_file",
    # is expected to fail, since kr8s offers no protocol with which input can end
    "test_pod_exec_stdin",
}
LEFT_OUT = NEEDS_PROGRAMS | RACES_THE_SERVER | MEANT_FOR_OTHER_VERSIONS

PASSED = 228
TEST_TIMEOUT_S = 30
KIND = '#!/bin/sh\ncase "$1 $2" in "get clusters") echo pytest-kind;; esac\n'


def test_kr8s_works_as_with_a_kind_cluster(tmp_path: pathlib.Path) -> None:
    kr8s = KR8S.prepare()

    parts = [functools.partial(lay, kr8s, tests) for tests in PARTS]
    outcome = suites.run(kr8s, tmp_path, parts, options=("--seed", str(SEED), "--allow-exec"))

    assert outcome.those("failed") == set(), outcome.output
    assert outcome.those("skipped") == set()
    assert len(outcome.those("passed")) == PASSED


def lay(kr8s: suites.Prepared, tests: Sequence[str], folder: pathlib.Path, server: Served) -> Sequence[str]:
    shutil.copytree(kr8s.source / "kr8s", folder / "kr8s")
    shutil.copy(kr8s.source / "conftest.py", folder)
    programs = folder / ".pytest-kind" / "pytest-kind"
    programs.mkdir(parents=True)
    shutil.copy(server.ca_file.parent / "kubeconfig", programs / "kubeconfig")
    (programs / "kubectl-v1.25.3").symlink_to(suites.kubectl())
    (programs / "kind-v0.17.0").write_text(KIND)
    (programs / "kind-v0.17.0").chmod(0o755)
    settings = ["-c", "/dev/null", "-o", "asyncio_mode=auto", "-o", "xfail_strict=true", "--keep-cluster"]
    left_out = [f"--deselect={file}::{name}" for file in files_of(kr8s) for name in sorted(LEFT_OUT)]
    return [*settings, f"--timeout={TEST_TIMEOUT_S}", *left_out, *tests]


def files_of(kr8s: suites.Prepared) -> list[str]:
    return sorted(f"kr8s/tests/{path.name}" for path in (kr8s.source / "kr8s" / "tests").glob("test_*.py"))
