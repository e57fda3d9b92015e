from __future__ import annotations

import base64
from typing import Any

import pytest

from fakekube.kinds.certificates.certificate_signing_request import STRATEGY, validate_approval, validate_status_update


def request(*types: str, status: str = "True", **more: Any) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": type, "status": status} for type in types], **more}}


@pytest.mark.parametrize(
    ("new", "old", "errors"),
    [
        (request("Approved"), request(), []),
        (request("Approved", "Mine"), request("Approved"), []),
        (
            request(),
            request("Approved"),
            ['status.conditions: Forbidden: updates may not remove a condition of type "Approved"'],
        ),
        (
            request("Approved", "Denied"),
            request("Approved"),
            ['status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive'],
        ),
        (
            request("Denied", status="False"),
            request(),
            ['status.conditions[0].status: Unsupported value: "False": supported values: "True"'],
        ),
        (request(""), request(), ["status.conditions[0].type: Required value"]),
        (request("A", "A"), request(), ['status.conditions[1].type: Duplicate value: "A"']),
    ],
)
def test_a_decision_is_one_and_final(new: dict[str, Any], old: dict[str, Any], errors: list[str]) -> None:
    assert [str(error) for error in validate_approval(new, old)] == errors


def test_whoever_signs_does_not_decide() -> None:
    (error,) = validate_status_update(request("Approved"), request())

    assert str(error) == 'status.conditions: Forbidden: updates may not add a condition of type "Approved"'


@pytest.mark.parametrize(
    ("pem", "errors"),
    [
        ("", []),
        ("hello", ["must contain at least one CERTIFICATE PEM block"]),
        ("-----BEGIN PRIVATE KEY-----\n", ["must contain at least one CERTIFICATE PEM block"]),
    ],
)
def test_a_certificate_is_pem(pem: str, errors: list[str]) -> None:
    new = request(certificate=base64.b64encode(pem.encode()).decode())

    told = [f'status.certificate: Invalid value: "<certificate data>": {text}' for text in errors]
    assert [str(error) for error in validate_status_update(new, request())] == told


def test_whoever_signs_leaves_decisions_as_they_are(operation: Any) -> None:
    old = {"spec": {}, **request("Approved")}
    new = {"spec": {}, **request("Approved", "Mine")}
    new["status"]["conditions"][0]["reason"] = "mine"

    STRATEGY.prepare_status_update(new, old, operation)

    decision, mine = new["status"]["conditions"]
    assert (decision["type"], decision.get("reason")) == ("Approved", None)
    assert mine["lastUpdateTime"] == operation.now()
