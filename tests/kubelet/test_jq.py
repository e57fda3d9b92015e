from __future__ import annotations

from typing import Any

import pytest

from fakekube.kubelet.jq import JqError, compile_jq

POD: dict[str, Any] = {
    "metadata": {"annotations": {"a.b/c": "5s"}, "ownerReferences": [{"kind": "Job"}, {"kind": "Other"}]},
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}, {"type": "X", "status": "no"}]},
    "list": [1, 2, 3],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".", [POD]),
        (".status.phase", ["Running"]),
        (".status.missing.deeper", [None]),
        ('.metadata.annotations["a.b/c"]', ["5s"]),
        ('.metadata.annotations."a.b/c"', ["5s"]),
        (".metadata.ownerReferences.[].kind", ["Job", "Other"]),
        (".metadata.ownerReferences[].kind", ["Job", "Other"]),
        ('.status.conditions.[] | select( .type == "Ready" ) | .status', ["True"]),
        ('.status.conditions[] | select(.type == "Ready" and .status != "True")', []),
        ('.status.conditions[] | select(.type == "X" or .status == "True") | .type', ["Ready", "X"]),
        (".missing.[].kind", []),
        (".status.phase[]?", []),
        (".list[1]", [2]),
        (".list[9]", [None]),
        (".list | length", [3]),
        (".list[] | select(. > 1)", [2, 3]),
        (".list | any(. == 3)", [True]),
        (".list | all(. < 3)", [False]),
        (".list | map(select(. != 2))", [[1, 3]]),
        ('.status | has("phase")', [True]),
        (".status | keys", [["conditions", "phase"]]),
        ('.missing // "other"', ["other"]),
        ('(.status.phase == "Running") | not', [False]),
    ],
)
def test_results(text: str, expected: list[Any]) -> None:
    assert compile_jq(text)(POD) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (".a |", "something is missing at the end"),
        (".a.", "a path ends in a dot"),
        ("reduce .a", "'reduce' is not supported"),
        (".a ]", "']' is not understood here"),
        (".a + {", "'+ {' is not understood"),
        ("select(.a", "expected ')', not 'the end'"),
        (".a[x]", "expected a name in quotes or a number"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, message: str) -> None:
    with pytest.raises(JqError) as refused:
        compile_jq(text)
    assert message in str(refused.value)
