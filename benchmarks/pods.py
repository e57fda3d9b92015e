"""The objects that the benchmarks send: a pod that is about 3 KB once the server has filled it in."""

from __future__ import annotations

import json
from typing import Any

NAMESPACE = "bench"


def pod(name: str) -> dict[str, Any]:
    """What a client sends: one container with a port, a few variables, resources, a probe and two volumes."""
    labels = {"app.kubernetes.io/name": "shop", "app.kubernetes.io/component": "web", "tier": "frontend"}
    container = {
        "name": "web",
        "image": "registry.example.com/shop/web:1.27.3",
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [
            {"name": "LOG_LEVEL", "value": "info"},
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "database", "key": "password"}}},
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5},
        "volumeMounts": [{"name": "settings", "mountPath": "/etc/shop"}, {"name": "cache", "mountPath": "/cache"}],
    }
    volumes = [{"name": "settings", "configMap": {"name": "shop"}}, {"name": "cache", "emptyDir": {}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [container], "volumes": volumes},
    }


def pod_body(name: str) -> bytes:
    return _text(pod(name))


def body_like_no_other(name: str) -> bytes:
    """A pod whose container differs from that of every other."""
    obj = pod(name)
    obj["spec"]["containers"][0]["image"] = f"registry.example.com/{name}/web:1.27.3"
    return _text(obj)


def _text(obj: dict[str, Any]) -> bytes:
    return json.dumps(obj, separators=(",", ":")).encode()
