from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "runtimeclasses.node.k8s.io"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {"handler": "", "overhead": {"podFixed": {"cpu": -1}}},
        ["handler: Required value", 'overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_class_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts
