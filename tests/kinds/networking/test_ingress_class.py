from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "ingressclasses.networking.k8s.io"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {"spec": {"controller": "no slash", "parameters": {"kind": "", "name": "", "scope": "Galaxy"}}},
        [
            'spec.controller: Invalid value: "no slash": must be a domain-prefixed path (such as "acme.io/foo")',
            "spec.parameters.kind: Required value",
            "spec.parameters.name: Required value",
            'spec.parameters.scope: Unsupported value: "Galaxy": supported values: "Cluster", "Namespace"',
        ],
    ),
    (
        {"spec": {"controller": "acme.io/foo", "parameters": {"kind": "K", "name": "n", "scope": "Namespace"}}},
        ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_class_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


def test_controller_of_a_class_stays(refused_change: Refused) -> None:
    old, new = ({"spec": {"controller": f"acme.io/{name}"}} for name in ("a", "b"))

    assert refused_change(KIND, old, new) == ['spec.controller: Invalid value: "acme.io/b": field is immutable']
