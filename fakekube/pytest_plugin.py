"""The fixtures: `kube` (a fresh cluster for each test), `in_pod` (programs and code in its pods), `kube_server` (once a session),
`kube_options` (override me).

Wiring only. Nothing of the server is imported before the first test asks for it, since pytest loads this at every start.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

import pytest

from fakekube.options import ClusterOptions

if TYPE_CHECKING:
    from fakekube.cluster import FakeCluster
    from fakekube.testing.in_pod import InPod

INI_PREFIX = "kube_"
MARKER = "kube"
REQUESTS_SHOWN = 20


def pytest_addoption(parser: pytest.Parser) -> None:
    for field in fields(ClusterOptions):
        parser.addini(f"{INI_PREFIX}{field.name}", f"fakekube: {field.name} of the clusters of `kube`", default=None)


def pytest_configure(config: pytest.Config) -> None:
    names = ", ".join(f"{field.name}={field.default!r}" for field in fields(ClusterOptions))
    config.addinivalue_line("markers", f"{MARKER}({names}): what the cluster of the fixture `kube` is to be like")


@pytest.fixture(scope="session")
def kube_options() -> ClusterOptions | Mapping[str, Any]:
    """Override me, in any scope: a dict of options, or ClusterOptions. A marker `kube` has the last word, ini keys the first."""
    return {}


@pytest.fixture(scope="session")
def _kube_servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def kube_server(
    kube_options: ClusterOptions | Mapping[str, Any], _kube_servers: Servers, request: pytest.FixtureRequest
) -> FakeCluster:
    """The running cluster of the session, as it is. Tests that use `kube` with the same options empty it."""
    return _kube_servers.running(_options(request, kube_options))


@pytest.fixture
def kube(
    kube_options: ClusterOptions | Mapping[str, Any], _kube_servers: Servers, request: pytest.FixtureRequest
) -> Iterator[FakeCluster]:
    """A fresh, empty cluster. While the test runs, KUBECONFIG and all that clients look at lead to it and to no other cluster."""
    cluster = _kube_servers.running(_options(request, kube_options, request.node))
    cluster.reset()
    with cluster.environment():
        yield cluster
        cluster.close_clients()


@pytest.fixture
def in_pod(kube: FakeCluster) -> InPod:
    """`in_pod("web").run([...])` runs a program in the view of a pod, `with in_pod("web").here():` this test's own code."""
    from fakekube.testing.in_pod import InPod

    return InPod(kube)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed shows what was asked of its cluster last."""
    report = yield
    cluster: FakeCluster | None = getattr(item, "funcargs", {}).get("kube") if report.failed else None
    requests = getattr(cluster, "requests", None)
    if requests:
        report.sections.append(("fakekube: the last requests", "\n".join(map(str, requests[-REQUESTS_SHOWN:]))))
    return report


class Servers:
    """The clusters that run, by their options: each is started once a session, in each worker of xdist."""

    def __init__(self) -> None:
        self._running: dict[ClusterOptions, FakeCluster] = {}

    def running(self, options: ClusterOptions) -> FakeCluster:
        cluster = self._running.get(options)
        if cluster is None:
            from fakekube.cluster import FakeCluster

            cluster = FakeCluster(**asdict(options))
            cluster.start()
            self._running[options] = cluster
        return cluster

    def stop(self) -> None:
        while self._running:
            self._running.popitem()[1].stop()


def _options(
    request: pytest.FixtureRequest, overridden: ClusterOptions | Mapping[str, Any], node: pytest.Item | None = None
) -> ClusterOptions:
    """From the farthest to the nearest: defaults, ini keys, `kube_options`, markers of module, class and function."""
    options = _of_ini(request.config)
    if isinstance(overridden, ClusterOptions):
        options = overridden
    elif isinstance(overridden, Mapping):
        options = _with(options, overridden, "kube_options")
    else:
        raise pytest.UsageError(f"the fixture kube_options gave {overridden!r}: expected a dict or ClusterOptions")
    for mark in reversed(list(node.iter_markers(MARKER)) if node is not None else []):
        if mark.args:
            raise pytest.UsageError(f"@pytest.mark.{MARKER} takes keywords, as in {MARKER}(nodes=3), not {mark.args!r}")
        options = _with(options, mark.kwargs, f"@pytest.mark.{MARKER}")
    return options


def _with(options: ClusterOptions, changes: Mapping[str, Any], where: str) -> ClusterOptions:
    known = [field.name for field in fields(ClusterOptions)]
    for name in changes:
        if name not in known:
            raise pytest.UsageError(f"{where} has an option {name!r}: expected {', '.join(known)}")
    return replace(options, **changes)


def _of_ini(config: pytest.Config) -> ClusterOptions:
    changes: dict[str, Any] = {}
    for field in fields(ClusterOptions):
        text = config.getini(f"{INI_PREFIX}{field.name}")
        if text:
            changes[field.name] = _INI_TYPES[str(field.type)](f"{INI_PREFIX}{field.name}", text)
    return replace(ClusterOptions(), **changes)


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise pytest.UsageError(f"{name} = {text} in pytest's ini file is no number") from None


def _boolean(name: str, text: str) -> bool:
    value = {
        "true": True,
        "1": True,
        "yes": True,
        "on": True,
        "false": False,
        "0": False,
        "no": False,
        "off": False,
    }.get(text.strip().lower())
    if value is None:
        raise pytest.UsageError(f"{name} = {text} in pytest's ini file is neither true nor false")
    return value


_INI_TYPES: dict[str, Callable[[str, str], Any]] = {
    "int": _integer,
    "int | None": _integer,
    "bool": _boolean,
    "str": lambda _, text: text,
}
