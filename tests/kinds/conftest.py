from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from fakekube.errors import Invalid
from fakekube.kinds import Kinds
from fakekube.objects import defaults, schemas
from fakekube.registry.allocators import Allocators
from fakekube.registry.kind import Kind, Object
from fakekube.registry.user import User


class WriteForTests:
    """What a strategy is given during a write, with a clock and a chance that stand still."""

    dry_run = False
    verb = "patch"

    def __init__(self) -> None:
        self.user = User("jane", ("dev", "system:authenticated"))
        self.allocators = Allocators("10.96.0.0/24", Random(0))
        self.beside: dict[str, Object] = {}
        self.refused: set[str] = set()

    def now(self) -> str:
        return "2026-01-02T03:04:05Z"

    def new_uid(self) -> str:
        return "11111111-2222-3333-4444-555555555555"

    def random_suffix(self, length: int = 5) -> str:
        return "x" * length

    def refusal(self, verb: str, group: str, resource: str, subresource: str, namespace: str, name: str) -> str:
        right = f"{verb} {resource}/{subresource} {name}".strip()
        return f"not {right}" if right in self.refused else ""

    def put_beside(self, kind_name: str, obj: Object) -> None:
        self.beside[obj["metadata"]["name"]] = obj

    def drop_beside(self, kind_name: str, name: str) -> None:
        self.beside.pop(name, None)

    def get(self, group: str, resource: str, namespace: str, name: str) -> Object | None:
        return None


@pytest.fixture
def operation() -> WriteForTests:
    return WriteForTests()


KINDS = Kinds.builtin()


def completed(kind_name: str, sent: Any) -> Object:
    """What a body becomes before its kind looks at it: decoded, with defaults; it is called `x` unless it has a name."""
    kind = KINDS.named(kind_name)
    metadata = (
        {"name": "x", "uid": "u-1"} | ({"namespace": "shop"} if kind.namespaced else {}) | sent.get("metadata", {})
    )
    body = {"kind": kind.kind, "apiVersion": kind.api_version, **sent, "metadata": metadata}
    obj: Object = schemas.decode(kind.type_name, body, kind=kind.kind, version=kind.api_version).object
    defaults.apply(kind.type_name, obj)
    return obj


def why_not(kind: Kind, obj: Object, operation: WriteForTests) -> list[str]:
    """Why an object is not created, each error with its field; some are told before the rest is looked at."""
    try:
        kind.strategy.prepare_create(obj, operation)
    except Invalid as invalid:
        return causes_of(invalid)
    strategy = kind.strategy
    return [str(error) for error in [*strategy.validate_create_first(obj), *strategy.validate_create(obj)]]


def causes_of(invalid: Invalid) -> list[str]:
    return [f"{cause['field']}: {cause['message']}" for cause in (invalid.details or {}).get("causes", ())]


@pytest.fixture
def refused(operation: WriteForTests) -> Callable[[str, Any], list[str]]:
    """`refused("leases.coordination.k8s.io", {"spec": ...})`: why such an object is not created; empty for a good one."""

    def why(kind_name: str, sent: Any) -> list[str]:
        return why_not(KINDS.named(kind_name), completed(kind_name, sent), operation)

    return why


@pytest.fixture
def refused_change(operation: WriteForTests) -> Callable[..., list[str]]:
    """`refused_change("roles...", old, new)`: why what is there may not become what is sent."""

    def why(kind_name: str, old: Any, new: Any) -> list[str]:
        strategy = KINDS.named(kind_name).strategy
        before, after = completed(kind_name, old), completed(kind_name, new)
        strategy.prepare_create(before, operation)
        try:
            strategy.prepare_update(after, before, operation)
        except Invalid as invalid:
            return causes_of(invalid)
        told = [*strategy.validate_update_first(after, before), *strategy.validate_update(after, before)]
        return [str(error) for error in told]

    return why


@pytest.fixture
def refused_status() -> Callable[[str, Any], list[str]]:
    """`refused_status("jobs.batch", {"status": ...})`: why such a status may not be written."""

    def why(kind_name: str, sent: Any) -> list[str]:
        before = completed(kind_name, {key: part for key, part in sent.items() if key != "status"})
        errors = KINDS.named(kind_name).strategy.validate_status_update(completed(kind_name, sent), before)
        return [str(error) for error in errors]

    return why


@pytest.fixture
def warned() -> Callable[[str, Any], list[str]]:
    """`warned("pods", {"spec": ...})`: what the creator of such an object is told."""

    def what(kind_name: str, sent: Any) -> list[str]:
        return list(KINDS.named(kind_name).strategy.warnings(completed(kind_name, sent), None))

    return what
