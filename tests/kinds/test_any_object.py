"""Whatever fits its type is judged: no object of any kind, however odd, brings a rule out of its step."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fakekube.errors import StatusError
from fakekube.objects.field_errors import FieldError
from fakekube.registry.kind import Kind, Object
from tests.objects import random_objects

from .conftest import WriteForTests, completed
from .test_sweep import STORED, name_of

CHANGED = [kind for kind in STORED if kind in random_objects.PATCHED]


@st.composite
def two_of_a_kind(draw: st.DrawFn) -> tuple[Kind, Object, Object]:
    kind = draw(st.sampled_from(CHANGED))
    return kind, draw(random_objects.objects(kind)), draw(random_objects.objects(kind))


def begun(kind: Kind, sent: Any) -> Object:
    obj = completed(name_of(kind), copy.deepcopy(sent))
    if kind.facts.status_at_create is not None and "status" not in obj:
        obj["status"] = copy.deepcopy(kind.facts.status_at_create)
    return obj


@settings(max_examples=150, deadline=None)
@given(two_of_a_kind())
def test_any_object_and_any_change_of_it_is_judged(drawn: tuple[Kind, Object, Object]) -> None:
    kind, first, second = drawn
    strategy, operation = kind.strategy, WriteForTests()
    old, new = begun(kind, first), begun(kind, second)
    told: list[FieldError] = []
    warnings: list[str] = []
    try:
        strategy.prepare_create(old, operation)
        told += strategy.validate_create(old)
        warnings += strategy.warnings(old, None)
        if not told:  # Nothing is stored that has not been found good.
            strategy.prepare_update(new, old, operation)
            told += strategy.validate_update(new, old)
            warnings += strategy.warnings(new, old)
    except StatusError:
        pass  # Some things are told before the rest is looked at.
    if any(each.name == "status" for each in kind.facts.subresources):
        told += strategy.validate_status_update({**old, "status": new.get("status") or {}}, old)

    assert all(isinstance(each, FieldError) and each.field and each.message for each in told)
    assert all(isinstance(each, str) and each for each in warnings)
