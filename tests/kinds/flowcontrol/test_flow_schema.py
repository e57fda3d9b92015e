from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "flowschemas.flowcontrol.apiserver.k8s.io"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {
            "spec": {
                "matchingPrecedence": 10001,
                "priorityLevelConfiguration": {"name": ""},
                "rules": [{"subjects": []}],
            }
        },
        [
            "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000",
            "spec.priorityLevelConfiguration.name: Required value: must reference a priority level",
            "spec.rules[0].subjects: Required value: subjects must contain at least one value",
            "spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty",
        ],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_schema_is_refused(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


def test_level_says_how_much_and_what_happens_beyond(refused: Refused) -> None:
    queuing = {"queues": 2, "handSize": 3, "queueLengthLimit": 5}
    limited = {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Queue", "queuing": queuing}}

    assert refused(
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io", {"spec": {"type": "Limited", "limited": limited}}
    ) == ["spec.limited.limitResponse.queuing.handSize: Invalid value: 3: should not be greater than queues (2)"]


LEVEL = "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io"
LIMITED: Any = {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}


def test_one_level_alone_is_exempt(refused: Refused) -> None:
    why = "spec.type: Invalid value: \"{}\": must be 'Exempt' if and only if `name` is 'exempt'"

    assert refused(LEVEL, {"metadata": {"name": "mine"}, "spec": {"type": "Exempt"}}) == [why.format("Exempt")]
    assert refused(LEVEL, {"metadata": {"name": "exempt"}, "spec": LIMITED})[0] == why.format("Limited")
    assert refused(LEVEL, {"metadata": {"name": "exempt"}, "spec": {"type": "Exempt"}}) == []


def test_levels_that_must_be_there_stay_as_they_are(refused_change: Refused) -> None:
    limited = {**LIMITED["limited"], "nominalConcurrencyShares": 5}
    level = {"metadata": {"name": "catch-all"}, "spec": {**LIMITED, "limited": limited}}
    wider = {
        "metadata": {"name": "catch-all"},
        "spec": {**LIMITED, "limited": {**limited, "lendablePercent": 5}},
    }

    (why,) = refused_change(LEVEL, level, wider)

    assert why.startswith('spec: Invalid value: {"Type":"Limited"')
    assert why.endswith(": spec of 'catch-all' must equal the fixed value")
    assert refused_change(LEVEL, level, level) == []


def test_shares_of_the_exempt_level_may_change(refused_change: Refused) -> None:
    level = {"metadata": {"name": "exempt"}, "spec": {"type": "Exempt"}}

    assert refused_change(LEVEL, level, {**level, "spec": {"type": "Exempt", "exempt": {"lendablePercent": 50}}}) == []
