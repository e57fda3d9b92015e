from __future__ import annotations

from dataclasses import replace

import pytest

from fakekube.admission import pod_topology_labels
from fakekube.registry.kind import Object
from tests.admission.test_plugins import attributes, pod

PLACE = {"topology.kubernetes.io/region": "r", "topology.kubernetes.io/zone": "z"}
NODE: Object = {"metadata": {"name": "n", "labels": {**PLACE, "kubernetes.io/hostname": "n"}}}
ASKED = attributes([("", "nodes", NODE)])


def test_a_pod_on_a_node_says_where_that_is_whatever_it_said_itself() -> None:
    new = pod(nodeName="n")
    new["metadata"]["labels"] = {"x": "y", "topology.kubernetes.io/zone": "elsewhere"}
    pod_topology_labels.mutate(new, None, ASKED)
    assert list(new["metadata"]["labels"].items()) == [*PLACE.items(), ("x", "y")]


@pytest.mark.parametrize("spec", [{}, {"nodeName": "gone"}])
def test_a_pod_on_no_node_says_nothing(spec: Object) -> None:
    new = pod(**spec)
    pod_topology_labels.mutate(new, None, ASKED)
    assert "labels" not in new["metadata"]


@pytest.mark.parametrize(("kind", "labels"), [("Node", PLACE), ("", None)])
def test_a_binding_to_a_node_brings_the_labels(kind: str, labels: Object | None) -> None:
    binding: Object = {"metadata": {"name": "p"}, "target": {"kind": kind, "name": "n"}}
    pod_topology_labels.mutate(binding, None, replace(ASKED, subresource="binding"))
    assert binding["metadata"].get("labels") == labels


def test_a_change_of_a_pod_changes_nothing_about_it() -> None:
    new = pod(nodeName="n")
    pod_topology_labels.mutate(new, new, replace(ASKED, operation="UPDATE"))
    assert "labels" not in new["metadata"]
