"""What a user's own test files get from the plugin: each test here is a project of its own, run by pytest."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.pytest_plugin.sessions import INI

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def _quiet(pytester: pytest.Pytester) -> None:
    pytester.makeini(INI)


def test_each_test_gets_an_empty_cluster(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}

        @pytest.mark.parametrize("number", range(3))
        def test_first(kube, number):
            assert kube.find("configmap", "settings") is None
            assert kube.create(CONFIG)["metadata"]["namespace"] == "default"
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=3)


def test_one_server_is_started_for_a_session(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        urls = set()

        def test_one(kube): urls.add(kube.url)
        def test_two(kube, kube_server):
            assert kube is kube_server
            urls.add(kube.url)
        def test_all(): assert len(urls) == 1
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=3)


def test_the_marker_says_how_the_cluster_is(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.kube(nodes=0)

        def test_of_the_module(kube):
            assert kube.options.nodes == 0

        @pytest.mark.kube(anonymous_auth=False)
        def test_of_its_own(kube):
            assert (kube.options.nodes, kube.options.anonymous_auth) == (0, False)
        """
    )
    pytester.runpytest_inprocess("--strict-markers").assert_outcomes(passed=2)


@pytest.mark.parametrize("scope", ["function", "session"])
def test_kube_options_may_be_overridden(pytester: pytest.Pytester, scope: str) -> None:
    pytester.makeconftest(
        f"""
        import pytest

        @pytest.fixture(scope={scope!r})
        def kube_options(): return {{"nodes": 0}}
        """
    )
    pytester.makepyfile(
        """
        import pytest

        def test_overridden(kube): assert kube.options.nodes == 0

        @pytest.mark.kube(nodes=1)
        def test_the_marker_has_the_last_word(kube): assert kube.options.nodes == 1
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=2)


def test_the_ini_file_says_what_holds_for_all(pytester: pytest.Pytester) -> None:
    pytester.makeini(f"{INI}kube_nodes = 0\nkube_anonymous_auth = false\nkube_service_cidr = 10.43.0.0/16\n")
    pytester.makepyfile(
        """
        def test_ini(kube):
            options = kube.options
            assert (options.nodes, options.anonymous_auth, options.service_cidr) == (0, False, "10.43.0.0/16")
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("ini", "marker", "told"),
    [
        ("kube_nodes = many", "nodes=1", "*kube_nodes = many in pytest's ini file is no number*"),
        ("kube_anonymous_auth = perhaps", "nodes=1", "*perhaps in pytest's ini file is neither true nor false*"),
        ("", "node=1", "*@pytest.mark.kube has an option 'node': expected nodes, anonymous_auth, *"),
        ("", "3", "*takes keywords, as in kube(nodes=3)*"),
    ],
)
def test_mistaken_options_are_told(pytester: pytest.Pytester, ini: str, marker: str, told: str) -> None:
    pytester.makeini(f"{INI}{ini}\n")
    pytester.makepyfile(f"import pytest\n\n@pytest.mark.kube({marker})\ndef test_it(kube): pass\n")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([told])


def test_asyncio_and_trio_tests_use_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import anyio, httpx, pytest

        @pytest.fixture(params=["asyncio", "trio"])
        def anyio_backend(request): return request.param

        def change(kube):
            kube.create("{apiVersion: v1, kind: ConfigMap, metadata: {name: new}}")
            kube.reset()  # which ends watches

        @pytest.mark.anyio
        async def test_watch(kube):
            async with kube.httpx() as client, anyio.create_task_group() as group:
                async with client.stream("GET", "/api/v1/namespaces/default/configmaps?watch=1") as response:
                    group.start_soon(anyio.to_thread.run_sync, change, kube)
                    lines = [line async for line in response.aiter_lines()]
            assert '"name":"new"' in lines[-1]

        @pytest.mark.asyncio
        async def test_of_pytest_asyncio(kube):
            transport = httpx.ASGITransport(kube.app)
            async with httpx.AsyncClient(transport=transport, base_url=kube.url) as client:
                assert (await client.get("/api/v1/namespaces/default")).json()["kind"] == "Namespace"
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=3)


def test_each_worker_of_xdist_has_its_own_server(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_alone(kube, number, tmp_path_factory, worker_id):
            kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": worker_id}})
            names = [each["metadata"]["name"] for each in kube.list("configmaps")]
            assert set(names) <= {worker_id, "kube-root-ca.crt"}
        """
    )
    pytester.runpytest_subprocess("-n2", "-p", "no:schemathesis", "-p", "no:hypothesispytest").assert_outcomes(passed=6)


def test_a_refusal_points_at_the_line_of_the_test_and_tells_what_is_there(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(kube):
            kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "here"}})
            kube.get("configmap", "missing")
        """
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       kube.get(*",
            'E       fakekube.errors.NotFound: configmaps "missing" not found',
            "E       configmaps in namespace 'default': here*",
        ]
    )
    result.stdout.no_fnmatch_line("*handle.py*")


def test_a_failed_test_shows_what_was_asked_last(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(kube):
            assert kube.find("pod", "web") is not None
        """
    )
    result = pytester.runpytest_inprocess()
    result.stdout.fnmatch_lines(
        ["*fakekube: the last requests*", "404 GET /api/v1/namespaces/default/pods/web  (kubernetes-admin, fakekube)"]
    )


def test_a_run_without_clusters_imports_nothing_of_the_server(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            ours = {name for name in sys.modules if name.split(".")[0] == "fakekube"}
            assert ours == {"fakekube", "fakekube.options", "fakekube.pytest_plugin"}
            assert not {"uvicorn", "starlette", "trustme", "cryptography", "orjson"} & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess("-p", "no:schemathesis").assert_outcomes(passed=1)


def test_the_package_needs_no_pytest() -> None:
    program = """
import sys
sys.modules["pytest"] = None
from fakekube import FakeCluster
with FakeCluster() as kube:
    assert kube.get("namespace", "default")["kind"] == "Namespace"
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)
