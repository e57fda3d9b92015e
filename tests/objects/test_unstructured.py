from __future__ import annotations

from typing import Any

import pytest

from fakekube.facts import type_of
from fakekube.objects.unstructured import why_it_does_not_fit


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"spec": {"containers": [{"name": "a", "image": 5}]}}, "cannot convert int64 to string"),
        ({"spec": {"containers": {"name": "a"}}}, "cannot restore slice from map"),
        ({"spec": {"containers": [{"name": "a", "args": "x"}]}}, "cannot restore slice from string"),
        ({"spec": {"hostNetwork": "yes"}}, "unrecognized type: bool"),
        ({"spec": {"priority": "high"}}, "unrecognized type: int32"),
        ({"spec": {"hostname": ["a"]}}, "unrecognized type: string"),
        ({"spec": {"nodeSelector": ["a"]}}, "cannot restore map from slice"),
        ({"spec": {"restartPolicy": 1}}, "cannot convert int64 to v1.RestartPolicy"),
        ({"spec": [], "metadata": {"labels": {"a": {}}}}, "unrecognized type: string"),
        ({"spec": "x"}, "cannot restore struct from: string"),
        ({"spec": {"hostname": None, "unknown": 1}}, ""),
    ],
)
def test_the_first_misfit_is_told_as_the_servers_converter_does(value: Any, why: str) -> None:
    assert why_it_does_not_fit(type_of("core.v1.Pod"), value) == why
