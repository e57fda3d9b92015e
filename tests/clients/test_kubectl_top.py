"""`kubectl top`, where a test has said what is used."""

from __future__ import annotations

import os
import subprocess

from fakekube import FakeCluster

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "main", "image": "nginx"}, {"name": "proxy", "image": "envoy"}]},
}


def test_kubectl_top_shows_what_was_said() -> None:
    with FakeCluster() as kube:

        def top(*arguments: str) -> subprocess.CompletedProcess[str]:
            command = ["kubectl", "top", *arguments, "--no-headers"]
            environment = {**os.environ, "KUBECONFIG": str(kube.kubeconfig)}
            return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

        assert top("pods").stderr == "error: Metrics API not available\n"
        kube.create(POD)
        kube.settle()
        kube.set_metrics("pod/web", container="main", cpu="1", memory="1Gi")
        kube.set_metrics("pod/web", container="proxy", cpu="50m", memory="64Mi")

        assert top("pods").stdout.split() == ["web", "1050m", "1088Mi"]
        lines = top("pods", "--containers").stdout.splitlines()
        assert [line.split() for line in lines] == [["web", "main", "1000m", "1024Mi"], ["web", "proxy", "50m", "64Mi"]]
        assert top("nodes").stdout.split() == ["fakekube-0", "1050m", "13%", "1088Mi", "6%"]
