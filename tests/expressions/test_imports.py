"""Who meets no expression pays nothing for them."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from fakekube import FakeCluster

with FakeCluster() as kube:
    kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})
    containers = [{"name": "c", "image": "i"}]
    kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": containers}})
sys.exit(" ".join(name for name in sys.modules if name.startswith("fakekube.expressions")) or 0)
"""


def test_a_cluster_without_policies_and_rules_imports_nothing_of_expressions() -> None:
    finished = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)

    assert (finished.returncode, finished.stderr) == (0, "")
