from __future__ import annotations

from typing import Any

from fakekube.kinds.core.secret import STRATEGY


def secret(**parts: Any) -> dict[str, Any]:
    return {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s"}, "type": "Opaque", **parts}


def test_strings_are_written_over_the_data_and_vanish() -> None:
    created = secret(data={"a": "MQ==", "b": "Mg=="}, stringData={"a": "one"})

    assert STRATEGY.set_defaults is not None
    STRATEGY.set_defaults(created)

    assert created["data"] == {"a": "b25l", "b": "Mg=="}
    assert "stringData" not in created


def test_type_of_a_secret_does_not_change() -> None:
    errors = STRATEGY.validate_update(secret(), secret(type="example.com/x"))

    assert [str(error) for error in errors] == ['type: Invalid value: "Opaque": field is immutable']


def test_sealed_secret_keeps_its_data_and_its_seal() -> None:
    errors = STRATEGY.validate_update(secret(data={"a": "MQ=="}), secret(immutable=True))

    assert [str(error) for error in errors] == [
        "immutable: Forbidden: field is immutable when `immutable` is set",
        "data: Forbidden: field is immutable when `immutable` is set",
    ]


def test_tls_secret_needs_its_two_keys() -> None:
    errors = STRATEGY.validate_create(secret(type="kubernetes.io/tls"))

    assert [str(error) for error in errors] == ["data[tls.crt]: Required value", "data[tls.key]: Required value"]


def test_a_secret_warns_of_a_certificate_without_its_key() -> None:
    secret = {"type": "kubernetes.io/tls", "data": {"tls.crt": "", "tls.key": ""}}

    assert STRATEGY.warnings(secret, None) == ["tls: failed to find any PEM data in certificate input"]
    assert STRATEGY.warnings({**secret, "type": "Opaque"}, None) == []
