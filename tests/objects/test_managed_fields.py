"""The laws of ownership: what writes take, what applies may do, and what is left when somebody lets go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given

from fakekube.objects import field_sets, managed_fields
from fakekube.objects.managed_fields import Applied, Conflicts, Entry, Managers, Writer
from fakekube.objects.schemas import decode
from fakekube.objects.typed_fields import shape_of
from tests.objects.patch_examples import pods

Json = dict[str, Any]
POD, CONFIG_MAP = shape_of("core.v1.Pod"), shape_of("core.v1.ConfigMap")
NOW = "2026-01-01T00:00:00Z"


def writer(
    manager: str, *, kind: str = "ConfigMap", subresource: str = "", now: str = NOW, version: str = "v1"
) -> Writer:
    shape = shape_of(f"core.v1.{kind}")
    return Writer(manager, version, subresource, shape, now, lambda obj, other: (obj, shape) if other == "v1" else None)


def config_map(**data: str) -> Json:
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}, "data": data}


def created(manager: str, obj: Json) -> Managers:
    return managed_fields.stored(managed_fields.created(writer(manager, kind=obj["kind"]), obj))


def apply(
    manager: str, live: Json, config: Json, managers: Managers, *, force: bool = False, now: str = NOW
) -> Applied:
    return managed_fields.applied(writer(manager, kind=live["kind"], now=now), live, config, managers, force=force)


def owners(managers: Managers, *path: str) -> list[str]:
    return sorted(entry.manager for entry in managers.values() if field_sets.has(entry.fields, path))


def test_an_update_takes_what_it_changes_and_leaves_what_it_only_repeats() -> None:
    old, new = config_map(a="1", b="2"), config_map(a="one", b="2", c="3")

    managers = managed_fields.updated(writer("bob"), old, new, created("alice", old))

    assert owners(managers, "f:data", "f:a") == ["bob"]
    assert owners(managers, "f:data", "f:b") == ["alice"]
    assert owners(managers, "f:data", "f:c") == ["bob"]


def test_what_an_update_removes_is_nobodys_and_entries_without_fields_go() -> None:
    old, new = config_map(a="1"), {**config_map(), "data": {}}

    managers = managed_fields.updated(writer("bob"), old, new, created("alice", old))

    assert owners(managers, "f:data", "f:a") == []
    assert [entry.manager for entry in managers.values()] == ["alice"]


def test_a_write_that_only_removes_leaves_the_times_alone() -> None:
    old, new = config_map(a="1", b="2"), config_map(a="1")
    before = created("alice", old)

    (entry,) = managed_fields.updated(writer("alice", now="2027-01-01T00:00:00Z"), old, new, before).values()

    assert entry.time == NOW


def test_entries_of_versions_that_nobody_knows_are_dropped() -> None:
    entry = Entry("old", "Update", "v9", {"f:data": {}})

    assert managed_fields.updated(writer("a"), config_map(), config_map(), {entry.identity: entry}) == {}


def test_the_oldest_updates_become_one_when_there_are_too_many() -> None:
    managers: Managers = {}
    obj = config_map()
    for number in range(12):
        new = {**obj, "data": {**obj["data"], f"k{number}": "1"}}
        managers = managed_fields.updated(
            writer(f"m{number:02}", now=f"2026-01-01T00:00:{number:02}Z"), obj, new, managers
        )
        obj = new

    entries = managed_fields.encode(managers)

    assert len(entries) == 10
    assert (entries[0]["manager"], entries[0]["time"]) == ("ancient-changes", "2026-01-01T00:00:02Z")
    assert {"f:k0", "f:k1", "f:k2"} <= entries[0]["fieldsV1"]["f:data"].keys()


def test_changing_what_another_owns_is_a_conflict_unless_forced() -> None:
    live = config_map(a="1", b="2")
    managers = created("dave", live)

    with pytest.raises(Conflicts) as refusal:
        apply("alice", live, config_map(a="one", b="two"), managers)
    forced = apply("alice", live, config_map(a="one", b="two"), managers, force=True)

    assert (
        refusal.value.message()
        == 'Apply failed with 2 conflicts: conflicts with "dave" using v1:\n- .data.a\n- .data.b'
    )
    assert refusal.value.causes()[1] == {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "dave" using v1',
        "field": ".data.b",
    }
    assert owners(forced.managers, "f:data", "f:a") == ["alice"]


def test_one_conflict_is_told_in_one_line_with_the_subresource() -> None:
    entry = Entry("zed", "Update", "v1", {"f:data": {"f:a": {}}}, NOW, "status")

    with pytest.raises(Conflicts) as refusal:
        apply("alice", config_map(a="1"), config_map(a="2"), {entry.identity: entry})

    assert (
        refusal.value.message()
        == 'Apply failed with 1 conflict: conflict with "zed" with subresource "status" using v1: .data.a'
    )


def test_an_equal_value_is_shared_and_sharing_gives_no_new_entry_a_time() -> None:
    live = config_map(a="1")

    shared = apply("bob", live, config_map(a="1"), created("alice", live))

    assert not shared.changed
    assert owners(shared.managers, "f:data", "f:a") == ["alice", "bob"]
    assert managed_fields.encode(shared.managers)[0].keys() == {
        "manager",
        "operation",
        "apiVersion",
        "fieldsType",
        "fieldsV1",
    }


def test_what_its_applier_no_longer_applies_goes_unless_somebody_else_owns_it() -> None:
    first = apply("alice", config_map(), config_map(a="1", b="2"), {})
    second = apply("bob", first.obj, config_map(b="2"), first.managers)

    third = apply("alice", second.obj, config_map(c="3"), second.managers)

    assert third.obj["data"] == {"b": "2", "c": "3"}


def test_what_nobody_owns_goes_with_the_map_whose_last_owner_lets_go() -> None:
    entry = Entry("alice", "Apply", "v1", {"f:data": {"f:a": {}}, "f:metadata": {"f:labels": {"f:a": {}}}}, NOW)
    live = {**config_map(a="1", b="2"), "metadata": {"name": "c", "labels": {"a": "1", "b": "2"}}}
    config = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c", "labels": {"c": "3"}}}

    applied = apply("alice", live, config, {entry.identity: entry})

    assert applied.obj == {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "c", "labels": {"b": "2", "c": "3"}},
    }


@given(pods, pods)
def test_applying_twice_changes_nothing(live: Json, config: Json) -> None:
    once = apply("alice", live, config, created("maker", live), force=True)

    again = apply("alice", once.obj, config, once.managers, now="2027-01-01T00:00:00Z")

    assert not again.changed
    assert again.managers == once.managers


@given(pods, pods)
def test_applying_ones_own_fields_and_then_nothing_gives_the_object_back(live: Json, config: Json) -> None:
    live = decode("core.v1.Pod", live, kind="Pod", version="v1").object
    before = created("maker", live)
    try:
        once = apply("alice", live, config, before)
    except Conflicts:
        assume(False)

    nothing = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}}
    back = apply("alice", once.obj, nothing, once.managers)

    assert not POD.compare(live, decode("core.v1.Pod", back.obj, kind="Pod", version="v1").object)
    assert back.managers == before


@given(pods, pods, pods)
def test_nobody_owns_what_is_not_there(one: Json, two: Json, three: Json) -> None:
    one, two = (decode("core.v1.Pod", each, kind="Pod", version="v1").object for each in (one, two))
    managers = managed_fields.updated(writer("bob", kind="Pod"), one, two, created("alice", one))
    applied = apply("carol", two, three, managers, force=True)
    there = field_sets.union(POD.created(applied.obj), POD.field_set(applied.obj))

    for entry in applied.managers.values():
        if entry.operation == "Update":
            assert field_sets.difference(entry.fields, POD.named(there)) == {}


@given(pods)
def test_entries_are_read_as_they_were_written(pod: Json) -> None:
    managers = created("alice", pod)

    listed = managed_fields.encode(managers)

    assert managed_fields.decode(listed) == managers
    assert managed_fields.encode(managed_fields.stored(listed)) == listed


@pytest.mark.parametrize(
    "entry",
    [
        {"operation": "Read", "apiVersion": "v1", "fieldsType": "FieldsV1"},
        {"operation": "Update", "fieldsType": "FieldsV1"},
        {"operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV2"},
        {"operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"k:x": {}}},
    ],
)
def test_of_entries_that_make_no_sense_the_stored_ones_stay(entry: Json) -> None:
    present = managed_fields.encode(created("alice", config_map(a="1")))

    managers = managed_fields.for_update([entry], present, through_subresource=False)

    assert managed_fields.encode(managers) == present


@pytest.mark.parametrize("sent", [[], [{}]])
def test_an_empty_list_and_one_empty_entry_clear_all_but_not_through_a_subresource(sent: Any) -> None:
    present = managed_fields.encode(created("alice", config_map(a="1")))

    assert managed_fields.for_update(sent, present, through_subresource=False) == {}
    assert managed_fields.for_update(sent, present, through_subresource=True)
    assert managed_fields.for_update(None, present, through_subresource=False)


def test_appliers_come_first_then_the_oldest() -> None:
    entries = [
        Entry("c", "Update", "v1", {"f:a": {}}, "2026-01-01T00:00:00Z"),
        Entry("b", "Update", "v1", {"f:a": {}}, "2026-01-02T00:00:00Z"),
        Entry("a", "Update", "v1", {"f:a": {}}, None),
        Entry("z", "Apply", "v1", {"f:a": {}}, "2026-01-03T00:00:00Z"),
    ]

    listed = managed_fields.encode({entry.identity: entry for entry in entries})

    assert [entry["manager"] for entry in listed] == ["z", "a", "c", "b"]


REPLICAS = ("f:spec", "f:replicas")


def test_owners_of_replicas_own_those_of_the_scale_and_lose_them_there() -> None:
    alice = Entry("alice", "Apply", "apps/v1", {"f:spec": {"f:replicas": {}, "f:selector": {}}}, NOW)
    managers = {alice.identity: alice}

    shown = managed_fields.of_scale(managers, REPLICAS)
    bob = Entry("bob", "Update", "autoscaling/v1", {"f:spec": {"f:replicas": {}}}, NOW, "scale")
    after = managed_fields.of_scaled(managers, {bob.identity: bob}, REPLICAS, "apps/v1")

    assert [(entry.manager, entry.api_version) for entry in shown.values()] == [("alice", "autoscaling/v1")]
    assert owners(after, *REPLICAS) == ["bob"]
    assert owners(after, "f:spec", "f:selector") == ["alice"]
    (entry,) = (entry for entry in after.values() if entry.manager == "bob")
    assert (entry.api_version, entry.subresource, entry.time) == ("apps/v1", "scale", None)


def test_an_updater_who_keeps_the_replicas_gets_a_second_entry_for_them() -> None:
    entry = Entry("alice", "Update", "apps/v1", {"f:spec": {"f:replicas": {}, "f:selector": {}}}, NOW)
    managers = {entry.identity: entry}

    after = managed_fields.of_scaled(managers, managed_fields.of_scale(managers, REPLICAS), REPLICAS, "apps/v1")

    assert [(each["manager"], each.get("time"), each["fieldsV1"]) for each in managed_fields.encode(after)] == [
        ("alice", None, {"f:spec": {"f:replicas": {}}}),
        ("alice", NOW, {"f:spec": {"f:selector": {}}}),
    ]


def test_an_applier_who_keeps_the_replicas_keeps_her_entry() -> None:
    entry = Entry("alice", "Apply", "apps/v1", {"f:spec": {"f:replicas": {}, "f:selector": {}}}, NOW)
    managers = {entry.identity: entry}

    after = managed_fields.of_scaled(managers, managed_fields.of_scale(managers, REPLICAS), REPLICAS, "apps/v1")

    assert after == managers


@pytest.mark.parametrize(("everywhere", "owners_left"), [(True, ["alice"]), (False, [])])
def test_a_field_that_does_not_count_here_may_count_in_another_version(
    everywhere: bool, owners_left: list[str]
) -> None:
    alice = Entry("alice", "Apply", "v2", {"f:data": {"f:a": {}}}, NOW)
    shape = CONFIG_MAP
    bob = Writer("bob", "v1", "", shape, NOW, lambda obj, _: (obj, shape), (("f:data",),), everywhere)

    managers = managed_fields.updated(bob, config_map(a="1"), config_map(a="2"), {alice.identity: alice})

    assert owners(managers, "f:data", "f:a") == owners_left
