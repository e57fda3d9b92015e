from __future__ import annotations

from typing import Any

import pytest

from fakekube.admission import runtime_class
from fakekube.errors import Forbidden
from fakekube.objects import as_sent
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


def test_a_pod_claims_no_cost_of_its_own_and_be_it_none_at_all() -> None:
    created = pod()
    created["spec"] = as_sent.Emptied(created["spec"], {"overhead": {}})

    with pytest.raises(Forbidden, match="Pod Overhead set without corresponding RuntimeClass defined Overhead"):
        runtime_class.validate(created, None, attributes())


def test_a_class_that_is_not_there_is_told_as_go_quotes_it() -> None:
    with pytest.raises(Forbidden) as refusal:
        runtime_class.mutate(pod(runtimeClassName="\0"), None, attributes())

    assert refusal.value.message == r'pods "p" is forbidden: pod rejected: RuntimeClass "\x00" not found'
