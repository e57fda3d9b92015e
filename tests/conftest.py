"""What holds for all tests: nothing is left to chance, and in CI nothing is skipped unnoticed."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import warnings
from collections.abc import Generator, Iterator

import hypothesis
import pytest

hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.load_profile("steady")

NEEDS = {
    "tests/clients/test_client_go.py": "go",  # newer than Debian's
    "tests/clients/test_client_node.py": "npm",  # likewise
    "tests/clients/test_in_pod_programs.py::test_nodes_own_resolver_finds_the_server": "node",
    "tests/clients/test_in_pod_programs.py::test_javas_own_resolver_finds_the_server": "javac",
}
NEEDS_RIGHTS = ("tests/in_pod/test_supervisor.py", "tests/docs/")
"""Skip themselves where the machine lets nobody build a view, which no installation changes."""
MAY_SKIP = (*(path for path, program in NEEDS.items() if shutil.which(program) is None), *NEEDS_RIGHTS)
"""Tests that CI does not install the programs for: they run where those are."""

SKIPPED = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SKIPPED] = []
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        # A job in the background of a shell ignores them, and so would every program that tests start.
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and not item.nodeid.startswith(MAY_SKIP):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        item.config.stash[SKIPPED].append(f"{item.nodeid}: {reason}")
    return report


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple) and not report.nodeid.startswith(MAY_SKIP):
        _skipped_modules.append(f"{report.nodeid}: {report.longrepr[2]}")


_skipped_modules: list[str] = []


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test fails the run, because there everything that a test could want is installed."""
    if os.environ.get("CI") and (session.config.stash[SKIPPED] or _skipped_modules) and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    skipped = config.stash[SKIPPED] + _skipped_modules
    if os.environ.get("CI") and skipped:
        terminalreporter.section("skipped although CI is set")
        for line in skipped:
            terminalreporter.write_line(line)


@pytest.fixture
def forgotten_connections() -> Iterator[None]:
    """Some client libraries leave connections to the garbage collector, whose complaint would meet any later test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
