"""Swagger UI in a real browser, through a proxy that brings the credentials."""

from __future__ import annotations

import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from . import browser
from .conftest import Cluster

pytestmark = pytest.mark.skipif(browser.program() is None, reason="no Chromium is installed")


@pytest.fixture(params=["fakekube", "kubectl"])
def proxy(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[str]:
    """The URL of `fakekube proxy` and of `kubectl proxy`."""
    command = [request.param, "proxy", "--port=0"]
    with subprocess.Popen(command, env=cluster.environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        yield f"http://localhost:{said.strip().rpartition(':')[2]}"
        process.terminate()


def test_try_it_out_works_in_a_browser(proxy: str, namespace: str, cluster: Cluster, tmp_path: pathlib.Path) -> None:
    made = {"metadata": {"name": "seen-in-a-browser"}}
    cluster.http.post(f"/api/v1/namespaces/{namespace}/configmaps", json=made).raise_for_status()

    with browser.browse(f"{proxy}/swagger-ui/", tmp_path) as page:
        assert page.wait_for("document.querySelectorAll('#select option').length") > 30, "documents to choose from"
        page.click("#operations-tag-core_v1 button")
        operation = "#operations-core_v1-listCoreV1NamespacedConfigMap"
        page.click(f"{operation} .opblock-summary-control")
        page.click(f"{operation} .try-out__btn")
        page.type(f"{operation} tr[data-param-name=namespace] input", namespace)
        page.click(f"{operation} .execute")

        status = page.wait_for(
            f"document.querySelector('{operation} .live-responses-table tbody .response-col_status')?.innerText"
        )
        body = page.run(f"document.querySelector('{operation} .live-responses-table .highlight-code').innerText")

    assert status.split()[0] == "200"
    assert "seen-in-a-browser" in body
