"""APIServices: one without a service is the server's own, and available."""

from __future__ import annotations

from fakekube.registry.kind import Object, Operation, Strategy


def prepare_create(api_service: Object, operation: Operation) -> None:
    if (api_service.get("spec") or {}).get("service") is None:
        condition = {
            "type": "Available",
            "status": "True",
            "lastTransitionTime": operation.now(),
            "reason": "Local",
            "message": "Local APIServices are always available",
        }
        api_service["status"] = {"conditions": [condition]}


STRATEGY = Strategy(prepare_create=prepare_create)
