"""kopf's end-to-end tests: its examples run as operators in the test's process, and kubectl gives them something to do."""

from __future__ import annotations

import functools
import pathlib
import shutil
from collections.abc import Sequence

from tests.conformance.servers import Served

from . import suites

KOPF = suites.Suite("kopf", "1.45.2")

EXAMPLES = "tests/e2e/test_examples.py::test_all_examples_are_runnable"
PARTS = (
    [f"{EXAMPLES}[{name}]" for name in ("99-all-at-once", "01-minimal")],
    [f"{EXAMPLES}[{name}]" for name in ("13-hooks", "02-children", "06-peering")],
    [f"{EXAMPLES}[{name}]" for name in ("03-exceptions", "04-events", "05-handlers")],
    [f"{EXAMPLES}[{name}]" for name in ("07-subhandlers", "08-events", "14-daemons")],
    [f"{EXAMPLES}[{name}]" for name in ("15-timers",)] + ["examples/09-testing", "examples/10-builtins"],
    [f"{EXAMPLES}[16-indexing]", "examples/11-filtering-handlers"],
)
"""They wait for seconds at a time for nothing more to happen, so the parts are many. Each begins with one of tests/: only there is the
option `--only-e2e` defined."""

LEFT_OUT = {"test_all_examples_are_runnable[17-admission]"}
"""Its oscrypto cannot read the version number of today's OpenSSL: it fails before it asks any server."""

TEST_TIMEOUT_S = 60


def test_operators_of_kopf_work_as_on_a_real_server(tmp_path: pathlib.Path) -> None:
    kopf = KOPF.prepare()

    outcome = suites.run(kopf, tmp_path, [functools.partial(lay, kopf, tests) for tests in PARTS])

    assert outcome.those("failed") == set(), outcome.output
    assert outcome.those("skipped") == set()
    assert outcome.those("passed") == {
        *(test.partition("::")[2] for part in PARTS for test in part if "::" in test),
        *("test_resource_lifecycle", "test_pods_reacted", "test_handler_filtering"),
    }


def test_no_example_is_forgotten() -> None:
    kopf = KOPF.prepare()

    with_own_tests = {path.parent.name for path in kopf.source.glob("examples/*/test_*.py")}
    examples = {path.name for path in (kopf.source / "examples").iterdir() if path.is_dir()} - with_own_tests

    named = {test.partition("::")[2] for part in PARTS for test in part if "::" in test}
    assert named | LEFT_OUT == {f"test_all_examples_are_runnable[{name}]" for name in examples}


def lay(kopf: suites.Prepared, tests: Sequence[str], folder: pathlib.Path, _: Served) -> Sequence[str]:
    for name in ("tests", "examples"):
        shutil.copytree(kopf.source / name, folder / name)
    for name in ("peering.yaml", "pyproject.toml"):
        shutil.copy(kopf.source / name, folder / name)
    # Sockets that an operator leaves open when it is stopped are its own affair.
    return ["-W", "ignore", "--only-e2e", f"--timeout={TEST_TIMEOUT_S}", *tests]
