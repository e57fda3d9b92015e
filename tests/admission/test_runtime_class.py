from __future__ import annotations

from typing import Any

import pytest

from fakekube.admission import runtime_class
from tests.admission.test_plugins import attributes, pod

EXISTS = {"operator": "Exists"}


@pytest.mark.parametrize(
    ("own", "of_the_class", "kept"),
    [
        ([{"key": "a", "operator": "Exists"}], [{"key": "b", "operator": "Exists"}], [0, 1]),
        ([{"key": "a", "operator": "Exists"}], [{"key": "a", "operator": "Exists"}], [0]),
        ([{"key": "a", "operator": "Equal", "value": "x"}, EXISTS], [{"key": "b", "operator": "Exists"}], [1]),
        ([{"key": "a", "operator": "Equal", "value": "x"}], [{"key": "a", "operator": "Exists"}], [1]),
        ([{"key": "a", "operator": "Exists", "effect": "NoSchedule"}], [{"key": "a", "operator": "Exists"}], [1]),
        (
            [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}],
            [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 9}],
            [1],
        ),
        ([{"key": "a", "operator": "Equal", "value": "x"}], [{"key": "a", "operator": "Equal", "value": "z"}], [0, 1]),
    ],
)
def test_of_the_tolerations_of_pod_and_class_those_stay_that_no_other_includes(
    own: list[Any], of_the_class: list[Any], kept: list[int]
) -> None:
    found = {"metadata": {"name": "fast"}, "handler": "h", "scheduling": {"tolerations": of_the_class}}
    created = pod(runtimeClassName="fast", tolerations=own)

    runtime_class.mutate(created, None, attributes([("node.k8s.io", "runtimeclasses", found)]))

    assert created["spec"]["tolerations"] == [[*own, *of_the_class][i] for i in kept]
