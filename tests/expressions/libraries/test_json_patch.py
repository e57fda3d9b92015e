"""Operations of JSON patches."""

from __future__ import annotations

from fakekube.expressions.values import Constructed
from tests.expressions.libraries.evaluation import value_of


def test_keys_are_escaped_for_paths() -> None:
    assert value_of("jsonpatch.escapeKey('k8s.io/my~label')") == "k8s.io~1my~0label"


def test_an_operation_is_constructed_with_its_fields() -> None:
    [operation] = value_of("[JSONPatch{op: 'add', path: '/a', value: [1]}]")

    assert isinstance(operation, Constructed)
    assert operation.type_name == "JSONPatch"
    assert operation == {"op": "add", "path": "/a", "value": [1]}
