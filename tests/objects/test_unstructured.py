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


@pytest.mark.parametrize(
    ("type_name", "value", "why"),
    [
        ("core.v1.ConfigMap", {"binaryData": {"k": ["x"]}}, "unrecognized type: uint8"),
        ("core.v1.ConfigMap", {"binaryData": {"k": [1, 1.5]}}, "cannot convert float64 to uint8"),
        (
            "core.v1.ConfigMap",
            {"binaryData": {"k": "?"}},
            "error decoding from json: illegal base64 data at input byte 0",
        ),
        (
            "coordination.v1.Lease",
            {"spec": {"renewTime": "2026-01-01"}},
            'parsing time "2026-01-01" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "" as "T"',
        ),
    ],
)
def test_values_that_read_themselves_say_why_they_cannot(type_name: str, value: Any, why: str) -> None:
    assert why_it_does_not_fit(type_of(type_name), value) == why
