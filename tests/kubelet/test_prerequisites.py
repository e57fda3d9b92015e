"""What a pod waits for before it starts."""

from __future__ import annotations

from typing import Any, cast

import pytest

from fakekube.api.client import Client
from fakekube.kubelet.prerequisites import Prerequisites, Wanting

Object = dict[str, Any]

PRESENT: dict[tuple[str, str], Object] = {
    ("configmaps", "settings"): {"data": {"colour": "blue"}},
    ("secrets", "key"): {"data": {"password": "eA=="}},
}


class Stored:
    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        assert namespace == "shop"
        return PRESENT.get((resource, name))


def prerequisites(*volumes: Object) -> Prerequisites:
    metadata = {"name": "web", "namespace": "shop", "uid": "u"}
    pod = {"metadata": metadata, "spec": {"volumes": list(volumes), "containers": [{"name": "c"}]}, "status": {}}
    return Prerequisites(cast(Client, Stored()), pod)


def variable(kind: str, name: str, key: str, **more: Any) -> Object:
    return {"env": [{"name": "V", "valueFrom": {kind: {"name": name, "key": key, **more}}}]}


@pytest.mark.parametrize(
    ("container", "trouble"),
    [
        ({"env": [{"name": "A", "value": "b"}]}, ""),
        ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]}, ""),
        (variable("configMapKeyRef", "settings", "colour"), ""),
        (variable("configMapKeyRef", "settings", "size"), "couldn't find key size in ConfigMap shop/settings"),
        (variable("configMapKeyRef", "nope", "size"), 'configmap "nope" not found'),
        (variable("configMapKeyRef", "nope", "size", optional=True), ""),
        (variable("secretKeyRef", "key", "user"), "couldn't find key user in Secret shop/key"),
        (variable("secretKeyRef", "nope", "user"), 'secret "nope" not found'),
        (
            {"envFrom": [{"secretRef": {"name": "key"}}, {"configMapRef": {"name": "nope"}}]},
            'configmap "nope" not found',
        ),
        ({"envFrom": [{"configMapRef": {"name": "nope", "optional": True}}]}, ""),
    ],
)
def test_variables(container: Object, trouble: str) -> None:
    assert prerequisites().container_trouble({"name": "c", **container}) == trouble


TOKEN = {
    "projected": {
        "sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
        ]
    }
}


@pytest.mark.parametrize(
    ("volume", "trouble"),
    [
        ({"emptyDir": {}}, None),
        ({"configMap": {"name": "settings"}}, None),
        ({"configMap": {"name": "nope"}}, 'configmap "nope" not found'),
        ({"configMap": {"name": "nope", "optional": True}}, None),
        (
            {"configMap": {"name": "settings", "items": [{"key": "size", "path": "s"}]}},
            "configmap references non-existent config key: size",
        ),
        ({"secret": {"secretName": "nope"}}, 'secret "nope" not found'),
        ({"projected": {"sources": [{"secret": {"name": "nope"}}]}}, 'secret "nope" not found'),
        (TOKEN, None),
        (
            {"projected": {"sources": [*TOKEN["projected"]["sources"], {"secret": {"name": "nope"}}]}},
            '[configmap "kube-root-ca.crt" not found, secret "nope" not found]',
        ),
        ({"persistentVolumeClaim": {"claimName": "nope"}}, None),
    ],
)
def test_volumes(volume: Object, trouble: str | None) -> None:
    found = prerequisites({"name": "v", **volume}).volume_trouble()
    assert found == (None if trouble is None else ("v", trouble))


def test_who_waits_is_found_by_what_is_wanted_until_it_wants_it_no_more() -> None:
    wanting = Wanting()
    wanting.note(("shop", "a"), [("secrets", "x"), ("configmaps", "y")])
    wanting.note(("shop", "b"), [("secrets", "x")])
    assert wanting.pods_for("secrets", "shop", "x") == [("shop", "a"), ("shop", "b")]
    assert wanting.pods_for("secrets", "other", "x") == []

    wanting.note(("shop", "a"), [("configmaps", "y")])
    wanting.note(("shop", "b"), ())
    assert wanting.pods_for("secrets", "shop", "x") == []
    assert wanting.pods_for("configmaps", "shop", "y") == [("shop", "a")]
