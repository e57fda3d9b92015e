"""The laws of apply, for random objects of every built-in kind: what holds for pods holds for whatever has a type."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fakekube.objects import field_sets, managed_fields
from fakekube.objects.managed_fields import Applied, Conflicts, Managers, Writer
from fakekube.objects.schemas import DecodeError, decode
from fakekube.objects.typed_fields import Mistake, shape_of
from fakekube.registry.kind import Kind
from tests.objects import random_objects

Json = dict[str, Any]

NOW, LATER = "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"
some = settings(max_examples=60, deadline=None)


def writer(kind: Kind, manager: str, now: str = NOW) -> Writer:
    shape = shape_of(kind.type_name)
    return Writer(manager, kind.api_version, "", shape, now, lambda obj, _: (obj, shape))


def decoded(kind: Kind, obj: Json) -> Json:
    return decode(kind.type_name, obj, kind=kind.kind, version=kind.api_version).object


def apply(kind: Kind, live: Json, config: Json, managers: Managers, *, force: bool = False, now: str = NOW) -> Applied:
    return managed_fields.applied(writer(kind, "alice", now), live, config, managers, force=force)


@st.composite
def live_and_config(draw: st.DrawFn) -> tuple[Kind, Json, Json, Managers]:
    """What is there, made by somebody else, and what alice applies."""
    kind = draw(st.sampled_from(random_objects.PATCHED))
    try:
        live, config = (decoded(kind, draw(random_objects.objects(kind))) for _ in range(2))
        made = managed_fields.stored(managed_fields.created(writer(kind, "maker"), live))
        mistakes = list(shape_of(kind.type_name).mistakes(config))
    except (DecodeError, Mistake):
        assume(False)
        raise
    assume(not mistakes)
    return kind, live, config, made


@some
@given(live_and_config())
def test_applying_twice_changes_nothing(drawn: tuple[Kind, Json, Json, Managers]) -> None:
    kind, live, config, managers = drawn
    once = apply(kind, live, config, managers, force=True)

    again = apply(kind, once.obj, config, once.managers, now=LATER)

    assert not again.changed
    assert again.managers == once.managers


@some
@given(live_and_config())
def test_applying_ones_own_fields_and_then_nothing_gives_the_object_back(
    drawn: tuple[Kind, Json, Json, Managers],
) -> None:
    kind, live, config, managers = drawn
    try:
        once = apply(kind, live, config, managers)
    except Conflicts:
        assume(False)
        raise

    nothing = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {"name": "x"}}
    back = apply(kind, once.obj, nothing, once.managers)

    assert not shape_of(kind.type_name).compare(live, decoded(kind, back.obj))
    assert back.managers == managers


@some
@given(live_and_config())
def test_whoever_forces_gets_all_he_says_and_takes_it_from_others(drawn: tuple[Kind, Json, Json, Managers]) -> None:
    kind, live, config, managers = drawn
    shape = shape_of(kind.type_name)

    forced = apply(kind, live, config, managers, force=True)

    said = shape.field_set(config)
    assert field_sets.difference(said, shape.named(shape.field_set(forced.obj))) == {}
    changed = shape.compare(live, forced.obj)
    others = [entry.fields for entry in forced.managers.values() if entry.operation != "Apply"]
    assert all(field_sets.intersection(fields, changed.modified) == {} for fields in others)
