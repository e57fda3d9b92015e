from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "roles.rbac.authorization.k8s.io"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {"rules": [{}, {"verbs": ["get"], "nonResourceURLs": ["/x"]}]},
        [
            "rules[0].verbs: Required value: verbs must contain at least one value",
            "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
            "rules[0].resources: Required value: resource rules must supply at least one resource",
            'rules[1].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
        ],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_role_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


def test_binding_is_refused_as_the_real_server_refuses_it(refused: Refused) -> None:
    sent = {
        "roleRef": {"kind": "User", "name": "a"},
        "subjects": [{}, {"kind": "User", "name": "u", "apiGroup": "apps"}],
    }

    assert refused("rolebindings.rbac.authorization.k8s.io", sent) == [
        'roleRef.kind: Unsupported value: "User": supported values: "Role", "ClusterRole"',
        "subjects[0].name: Required value",
        'subjects[0].kind: Unsupported value: "": supported values: "ServiceAccount", "User", "Group"',
        'subjects[1].apiGroup: Unsupported value: "apps": supported values: "rbac.authorization.k8s.io"',
    ]


def test_binding_keeps_its_role(refused_change: Refused) -> None:
    old, new = ({"roleRef": {"kind": "ClusterRole", "name": name}} for name in ("view", "edit"))

    assert refused_change("clusterrolebindings.rbac.authorization.k8s.io", old, new) == [
        'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"edit"}: cannot change roleRef'
    ]
