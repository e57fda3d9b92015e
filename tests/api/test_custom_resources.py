from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fakekube.api import custom_resources
from fakekube.api.apply import apply
from fakekube.api.call import Call
from fakekube.api.client import Client
from fakekube.api.control_plane import ControlPlane
from fakekube.api.create import create
from fakekube.api.delete import delete
from fakekube.api.patch import patch
from fakekube.api.scale import get_scale, patch_scale
from fakekube.api.update import update
from fakekube.errors import BadRequest, Conflict, Forbidden, InternalError, Invalid, UnsupportedMediaType
from fakekube.objects.patches import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from fakekube.storage.store import Stored
from tests.api.conftest import ADMINISTRATOR, MakeCall

Object = dict[str, Any]

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
TOYS = "toys.example.com"
NUMBER = {"type": "integer"}


def version(name: str = "v1", properties: Object | None = None, **fields: Any) -> Object:
    spec = {"type": "object", "properties": properties or {"size": NUMBER, "colour": {"type": "string"}}}
    status = {"type": "object", "properties": {"phase": {"type": "string"}, "n": NUMBER}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}}
    return {"name": name, "served": True, "storage": True, "schema": schema, **fields}


async def define(plane: ControlPlane, *versions: Object, scope: str = "Namespaced") -> Object:
    """A definition as its controller leaves it."""
    names = {"plural": "toys", "kind": "Toy"}
    spec = {"group": "example.com", "scope": scope, "names": names, "versions": list(versions) or [version()]}
    client = Client(plane, ADMINISTRATOR)
    made = await client.create(DEFINITIONS, {"metadata": {"name": TOYS}, "spec": spec})
    established = {"type": "Established", "status": "True", "reason": "x", "message": "", "lastTransitionTime": None}
    status = {**made["status"], "acceptedNames": made["spec"]["names"], "conditions": [established]}
    return await client.update(DEFINITIONS, {**made, "status": status}, "status")


@pytest.fixture
def following(plane: ControlPlane) -> ControlPlane:
    custom_resources.follow(plane)
    return plane


def toy(name: str = "a", api_version: str = "example.com/v1", **fields: Any) -> bytes:
    return json.dumps({"apiVersion": api_version, "kind": "Toy", "metadata": {"name": name}, **fields}).encode()


async def change(plane: ControlPlane, call: MakeCall, body: Any, subresource: str = "") -> Stored:
    return await patch(plane, call(TOYS, "a", subresource), json.dumps(body).encode(), MERGE_PATCH)


async def test_a_definition_is_served_as_soon_as_it_is_established(following: ControlPlane, call: MakeCall) -> None:
    generation = following.kinds.generation
    await define(following)
    assert following.kinds.generation > generation
    stored = await create(following, call(TOYS), toy(spec={"size": 1}, status={"phase": "New"}))
    assert list(stored.value) == ["kind", "apiVersion", "metadata", "spec", "status"]
    assert stored.value["metadata"]["generation"] == 1


async def test_kinds_that_were_forked_are_served_on_their_own(following: ControlPlane) -> None:
    await define(following)
    forked = following.kinds.fork()
    kind = following.kinds.named(TOYS)
    following.kinds.remove(kind)
    assert forked.named(TOYS) is kind
    with pytest.raises(LookupError):
        following.kinds.named(TOYS)


async def test_unknown_fields_are_dropped_with_a_warning(following: ControlPlane, call: MakeCall) -> None:
    await define(following)
    request = call(TOYS)
    stored = await create(following, request, toy(extra=1, spec={"size": 1, "weight": 2}))
    assert stored.value["spec"] == {"size": 1}
    assert request.warnings == ['unknown field "extra"', 'unknown field "spec.weight"']


async def test_strict_validation_refuses_unknown_fields(following: ControlPlane, call: MakeCall) -> None:
    await define(following)
    with pytest.raises(BadRequest, match=r'strict decoding error: unknown field "spec\.weight"'):
        await create(following, call(TOYS, fieldValidation="Strict"), toy(spec={"weight": 2}))


async def test_another_kind_is_told_under_its_own_name(following: ControlPlane, call: MakeCall) -> None:
    await define(following)
    with pytest.raises(Invalid) as refused:
        await create(following, call(TOYS), toy().replace(b'"Toy"', b'"Top"'))
    assert refused.value.message == 'Top.example.com "a" is invalid: kind: Invalid value: "Top": must be Toy'


async def test_a_put_needs_a_version(following: ControlPlane, call: MakeCall) -> None:
    await define(following)
    await create(following, call(TOYS), toy())
    with pytest.raises(Invalid, match="must be specified for an update"):
        await update(following, call(TOYS, "a"), toy(spec={"size": 2}))


async def test_without_a_status_door_every_change_counts(following: ControlPlane, call: MakeCall) -> None:
    await define(following)
    await create(following, call(TOYS), toy())
    changed = await change(following, call, {"status": {"phase": "Old"}})
    assert changed.value["metadata"]["generation"] == 2
    labelled = await change(following, call, {"metadata": {"labels": {"a": "b"}}})
    assert labelled.value["metadata"]["generation"] == 2


async def test_through_the_status_door_nothing_but_status_changes(following: ControlPlane, call: MakeCall) -> None:
    await define(following, version(subresources={"status": {}}))
    made = await create(following, call(TOYS), toy(spec={"size": 1}, status={"phase": "New"}))
    assert "status" not in made.value
    body = {"metadata": {"labels": {"a": "b"}}, "spec": {"size": 2}, "status": {"phase": "Ready"}}
    changed = await change(following, call, body, "status")
    assert changed.value["spec"] == {"size": 1}
    assert changed.value["status"] == {"phase": "Ready"}
    assert "labels" not in changed.value["metadata"]
    assert changed.value["metadata"]["generation"] == 1
    again = await change(following, call, {"status": {"phase": "Lost"}})
    assert again.value["status"] == {"phase": "Ready"}


async def test_json_patches_are_taken_and_strategic_ones_are_not(following: ControlPlane, call: MakeCall) -> None:
    await define(following)
    await create(following, call(TOYS), toy(spec={"size": 1}))
    body = b'[{"op": "replace", "path": "/spec/size", "value": 5}]'
    assert (await patch(following, call(TOYS, "a"), body, JSON_PATCH)).value["spec"] == {"size": 5}
    with pytest.raises(UnsupportedMediaType, match="accepted media types include: application/json-patch"):
        await patch(following, call(TOYS, "a"), b"{}", STRATEGIC_MERGE_PATCH)


async def test_a_changed_schema_shows_in_old_objects_at_once(following: ControlPlane, call: MakeCall) -> None:
    definition = await define(following)
    await create(following, call(TOYS), toy(spec={"size": 1, "colour": "red"}))
    client = Client(following, ADMINISTRATOR)
    changed = {"size": NUMBER, "later": {"type": "string", "default": "late"}}
    spec = {**definition["spec"], "versions": [version(properties=changed)]}
    await client.update(DEFINITIONS, {**definition, "spec": spec})
    shown = client.get(TOYS, "shop", "a")
    assert shown is not None
    assert shown["spec"] == {"later": "late", "size": 1}


async def test_a_changed_schema_ends_watches(following: ControlPlane) -> None:
    definition = await define(following)
    watcher = following.store.watch(TOYS)
    spec = {**definition["spec"], "versions": [version(properties={"size": NUMBER})]}
    await Client(following, ADMINISTRATOR).update(DEFINITIONS, {**definition, "spec": spec})
    assert watcher.closed


async def test_an_object_written_through_a_poorer_version_loses_the_rest(following: ControlPlane) -> None:
    poor = version("v1", {"size": NUMBER}, storage=False)
    await define(following, version("v1beta1"), poor)
    client = Client(following, ADMINISTRATOR)
    await client.create(TOYS, json.loads(toy(api_version="example.com/v1beta1", spec={"size": 1, "colour": "red"})) | {
        "metadata": {"name": "a", "namespace": "shop"}
    })  # fmt: skip
    kind = following.kinds.find("example.com", "v1", "toys")
    assert kind is not None
    call = Call(ADMINISTRATOR, kind, "shop", "a")
    await patch(following, call, b'{"spec": {"size": 2}}', MERGE_PATCH)
    stored = following.store.get(TOYS, "shop", "a")
    assert stored is not None
    assert stored.value["apiVersion"] == "example.com/v1beta1"
    assert stored.value["spec"] == {"size": 2}


async def test_selectable_fields_select(following: ControlPlane) -> None:
    await define(following, version(selectableFields=[{"jsonPath": ".spec.size"}]))
    client = Client(following, ADMINISTRATOR)
    for name, size in (("a", 1), ("b", 2)):
        body = json.loads(toy(name, spec={"size": size}))
        await client.create(TOYS, {**body, "metadata": {"name": name, "namespace": "shop"}})
    found = client.list(TOYS, field_selector="spec.size=2")
    assert [each["metadata"]["name"] for each in found] == ["b"]
    with pytest.raises(BadRequest, match=r"field label not supported: spec\.colour"):
        client.list(TOYS, field_selector="spec.colour=red")


async def test_a_scale_that_was_never_said_is_made_by_a_write(following: ControlPlane, call: MakeCall) -> None:
    paths = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.n"}
    await define(following, version(subresources={"status": {}, "scale": paths}))
    await create(following, call(TOYS), toy())
    with pytest.raises(InternalError, match=r'the spec replicas field ".spec.size" does not exist'):
        await get_scale(following, call(TOYS, "a", "scale"))
    door = call(TOYS).kind.subresource_named["scale"]
    scale = await patch_scale(following, call(TOYS, "a", "scale"), door, b'{"spec": {"replicas": 3}}', MERGE_PATCH)
    assert scale["spec"] == {"replicas": 3}
    with pytest.raises(Invalid, match=r"\.spec\.size: Invalid value: -1: should be a non-negative integer"):
        await patch_scale(following, call(TOYS, "a", "scale"), door, b'{"spec": {"replicas": -1}}', MERGE_PATCH)


SMALL: Object = {
    "size": {**NUMBER, "x-kubernetes-validations": [{"rule": "self < 5", "message": "too large"}]},
    "colour": {"type": "string", "pattern": "^[a-z]+$"},
}


async def test_what_breaks_a_rule_is_not_stored(following: ControlPlane, call: MakeCall) -> None:
    await define(following, version(properties=SMALL))
    with pytest.raises(Invalid, match=r'^Toy\.example\.com "a" is invalid: spec\.size: Invalid value: 5: too large$'):
        await create(following, call(TOYS), toy(spec={"size": 5}))
    await create(following, call(TOYS), toy(spec={"size": 4}))
    with pytest.raises(Invalid, match="too large"):
        await change(following, call, {"spec": {"size": 6}})


async def test_without_a_name_no_rule_is_asked(following: ControlPlane, call: MakeCall) -> None:
    await define(following, version(properties=SMALL))
    with pytest.raises(
        Invalid, match=r"name or generateName is required, <nil>: .* some validation rules were not checked"
    ):
        await create(following, call(TOYS), toy(name="", spec={"size": 5}))


async def test_rules_are_those_of_the_definition_as_it_is_now(following: ControlPlane, call: MakeCall) -> None:
    definition = await define(following, version(properties=SMALL))
    client = Client(following, ADMINISTRATOR)
    await client.update(DEFINITIONS, {**definition, "spec": {**definition["spec"], "versions": [version()]}})
    made = await create(following, call(TOYS), toy(spec={"size": 5}))
    assert made.value["spec"] == {"size": 5}


async def test_a_rule_that_was_broken_before_it_came_is_warned_of(following: ControlPlane, call: MakeCall) -> None:
    definition = await define(following, version(subresources={"status": {}}))
    await create(following, call(TOYS), toy(spec={"size": 9}))
    ruled = version(properties=SMALL, subresources={"status": {}})
    spec = {**definition["spec"], "versions": [ruled]}
    await Client(following, ADMINISTRATOR).update(DEFINITIONS, {**definition, "spec": spec})
    warning = "spec.size: Invalid value: 9: too large"

    coloured, told = call(TOYS, "a"), call(TOYS, "a", "status")
    await patch(following, coloured, b'{"spec": {"colour": "red"}}', MERGE_PATCH)
    await patch(following, told, b'{"status": {"phase": "Ready"}}', MERGE_PATCH)
    assert (coloured.warnings, told.warnings) == ([warning], [warning])

    refused = call(TOYS, "a")
    with pytest.raises(Invalid, match=r'^Toy\.example\.com "a" is invalid: spec\.colour: [^,]*$'):
        await patch(following, refused, b'{"spec": {"colour": "R2"}}', MERGE_PATCH)
    assert refused.warnings == [warning]
    with pytest.raises(Invalid, match="Invalid value: 8: too large"):
        await patch(following, call(TOYS, "a"), b'{"spec": {"size": 8}}', MERGE_PATCH)


async def test_scales_keep_the_rules_of_what_they_scale(following: ControlPlane, call: MakeCall) -> None:
    paths = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.n"}
    await define(following, version(properties=SMALL, subresources={"scale": paths}))
    await create(following, call(TOYS), toy(spec={"size": 1}))
    door = call(TOYS).kind.subresource_named["scale"]
    with pytest.raises(Invalid, match=r"spec\.size: Invalid value: 7: too large"):
        await patch_scale(following, call(TOYS, "a", "scale"), door, b'{"spec": {"replicas": 7}}', MERGE_PATCH)


async def test_a_deleted_definition_waits_with_its_finalizer_and_takes_no_new_objects(
    following: ControlPlane, call: MakeCall
) -> None:
    await define(following)
    held = {"name": "a", "finalizers": ["example.com/hold"]}
    await create(following, call(TOYS), toy().replace(b'{"name": "a"}', json.dumps(held).encode()))
    deleted, _ = await delete(following, call(DEFINITIONS, TOYS), b"")
    marked = deleted.last.value
    assert not deleted.removed
    assert marked["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    assert marked["metadata"]["generation"] == 1
    assert "deletionGracePeriodSeconds" not in marked["metadata"]
    assert marked["status"]["conditions"][-1]["reason"] == "InstanceDeletionPending"
    with pytest.raises(Forbidden, match='"b" is forbidden: create not allowed while'):
        await create(following, call(TOYS), toy("b"))
    assert call(TOYS).kind.discovery_verbs == ("delete", "deletecollection", "get", "list", "watch")
    assert await custom_resources.delete_instances(following, ADMINISTRATOR, marked) == 1
    again, _ = await delete(following, call(DEFINITIONS, TOYS), b"")
    assert again.last.value["metadata"]["deletionGracePeriodSeconds"] == 0


async def test_with_the_definition_goes_all_that_was_served(following: ControlPlane, call: MakeCall) -> None:
    await define(following)
    watcher = following.store.watch(TOYS)
    client = Client(following, ADMINISTRATOR)
    await client.delete(DEFINITIONS, "", TOYS)
    marked = client.get(DEFINITIONS, "", TOYS)
    assert marked is not None
    freed = {**marked, "metadata": {**marked["metadata"], "finalizers": []}}
    await client.update(DEFINITIONS, freed, "status")
    assert watcher.closed
    assert following.kinds.find("example.com", "v1", "toys") is None
    assert not following.store.has_collection(TOYS)


SCALE = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.n"}


async def test_replicas_that_were_never_set_are_asked_for_before_a_scale_is_written(
    following: ControlPlane, call: MakeCall
) -> None:
    number = {**NUMBER, "default": 1}
    await define(following, version(properties={"size": NUMBER, "other": number}, subresources={"scale": SCALE}))
    await create(following, call(TOYS), toy())
    door = following.kinds.named(TOYS).subresource_named["scale"]

    with pytest.raises(BadRequest) as refusal:
        await patch_scale(following, call(TOYS, "a", "scale"), door, b"{}", MERGE_PATCH)
    await patch_scale(following, call(TOYS, "a", "scale"), door, b'{"spec": {"replicas": 2}}', MERGE_PATCH)

    assert refusal.value.message == 'the spec replicas field ".spec.size" cannot be empty'
    stored = following.store.get(TOYS, "shop", "a")
    assert stored is not None
    assert stored.value["spec"] == {"size": 2, "other": 1}


async def test_nobody_applies_to_the_scale_of_what_nobody_owns(following: ControlPlane, call: MakeCall) -> None:
    await define(following, version(subresources={"scale": SCALE}))
    await create(following, call(TOYS), toy(spec={"size": 1}))
    await change(following, call, {"metadata": {"managedFields": [{}]}})
    door = following.kinds.named(TOYS).subresource_named["scale"]
    config = b'{"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a"}, "spec": {"replicas": 2}}'

    with pytest.raises(InternalError) as refusal:
        await patch_scale(following, call(TOYS, "a", "scale", fieldManager="x"), door, config, APPLY_PATCH)

    assert refusal.value.message == (
        "failed to create manager for existing fields: failed to convert live object (/; autoscaling/v1, Kind=Scale) to proper "
        "version: request to convert CR to an invalid group/version: autoscaling/v1"
    )


async def test_an_empty_list_of_owners_is_lost_in_a_custom_resource(following: ControlPlane, call: MakeCall) -> None:
    await define(following)
    stored = await create(following, call(TOYS), toy(spec={"size": 1}))

    changed = await change(following, call, {"metadata": {"managedFields": []}})

    assert changed.value["metadata"]["managedFields"] == stored.value["metadata"]["managedFields"] != []


async def applied(plane: ControlPlane, request: Call, config: bytes) -> Stored:
    stored, _ = await apply(plane, request, config)
    return stored


async def two_versions(plane: ControlPlane, call: MakeCall) -> tuple[Call, Call]:
    """Calls of alice and bob to a toy in two versions, each of which has a field that the other has not."""
    first, second = version(properties={"a": NUMBER}), version("v2", {"b": NUMBER}, storage=False)
    await define(plane, first, second)
    newer = plane.kinds.find("example.com", "v2", "toys")
    assert newer is not None
    older = plane.kinds.find("example.com", "v1", "toys")
    assert older is not None
    alice, bob = (call(TOYS, "a", fieldManager=manager) for manager in ("alice", "bob"))
    return replace(alice, kind=older), replace(bob, kind=newer)


async def test_nobody_applies_what_the_version_of_another_owner_has_no_place_for(
    following: ControlPlane, call: MakeCall
) -> None:
    first, second = await two_versions(following, call)
    await applied(following, first, toy(spec={"a": 1}))

    with pytest.raises(InternalError) as refusal:
        await applied(following, second, toy(api_version="example.com/v2", spec={"b": 1}))

    assert refusal.value.message == "failed to convert new object: .spec.b: field not declared in schema"


async def test_an_update_that_cannot_be_told_in_the_version_of_an_owner_ends_all_tracking(
    following: ControlPlane, call: MakeCall
) -> None:
    first, second = await two_versions(following, call)
    await applied(following, first, toy(spec={"a": 1}))

    stored = await patch(following, second, b'{"spec": {"b": 1}}', MERGE_PATCH)

    assert "managedFields" not in stored.value["metadata"]


async def test_an_owner_in_a_version_that_is_not_served_ends_all_tracking(
    following: ControlPlane, call: MakeCall
) -> None:
    first, _ = await two_versions(following, call)
    await applied(following, first, toy(spec={"a": 1}))
    elsewhere = b'[{"op": "replace", "path": "/metadata/managedFields/0/apiVersion", "value": "example.com/v9"}]'

    stored = await patch(following, first, elsewhere, JSON_PATCH)

    assert "managedFields" not in stored.value["metadata"]


async def test_nulls_that_are_applied_are_judged_where_others_are_dropped(
    following: ControlPlane, call: MakeCall
) -> None:
    await define(following)

    with pytest.raises(Invalid) as refusal:
        await applied(following, call(TOYS, "a", fieldManager="alice"), toy(spec={"colour": None}))
    stored = await create(following, call(TOYS), toy(spec={"colour": None}))

    assert "spec.colour in body must be of type string" in refusal.value.message
    assert stored.value["spec"] == {}


async def test_a_status_is_applied_whichever_uid_is_said(following: ControlPlane, call: MakeCall) -> None:
    await define(following, version(subresources={"status": {}}))
    stored = await create(following, call(TOYS), toy())
    metadata = {"name": "a", "uid": "other"}
    config = toy(metadata=metadata, status={"phase": "x"})

    changed = await applied(following, call(TOYS, "a", "status", fieldManager="alice"), config)

    assert changed.value["metadata"]["uid"] == stored.value["metadata"]["uid"]
    assert changed.value["status"] == {"phase": "x"}


async def test_of_the_status_another_version_owns_an_apply_to_the_main_resource_may_not_differ(
    following: ControlPlane, call: MakeCall
) -> None:
    doors: Object = {"status": {}}
    await define(following, version(subresources=doors), version("v2", storage=False, subresources=doors))
    newer = following.kinds.find("example.com", "v2", "toys")
    assert newer is not None
    await create(following, call(TOYS), toy())
    await applied(following, call(TOYS, "a", "status", fieldManager="alice"), toy(status={"phase": "x"}))
    request = replace(call(TOYS, "a", fieldManager="bob"), kind=newer)

    with pytest.raises(Conflict) as refusal:
        await applied(following, request, toy(api_version="example.com/v2", status={"phase": "y"}))

    assert refusal.value.message.endswith('conflict with "alice" with subresource "status": .status.phase')


async def test_a_spec_that_is_null_is_another_than_none(following: ControlPlane, call: MakeCall) -> None:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    await define(following, version(schema=schema))
    await create(following, call(TOYS), toy())

    changed = await applied(following, call(TOYS, "a", fieldManager="alice"), toy(spec=None))

    assert changed.value["metadata"]["generation"] == 2


async def test_applying_to_a_scale_what_it_has_already_is_no_conversion(
    following: ControlPlane, call: MakeCall
) -> None:
    await define(following, version(subresources={"scale": SCALE}))
    await create(following, call(TOYS), toy(spec={"size": 2}))
    door = following.kinds.named(TOYS).subresource_named["scale"]
    request = call(TOYS, "a", "scale", fieldManager="x")
    config = b'{"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a"}, "spec": {"replicas": 2}}'

    scale = await patch_scale(following, request, door, config, APPLY_PATCH)

    assert scale["spec"] == {"replicas": 2}


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        ({"op": "remove", "path": "/kind"}, "Object 'Kind' is missing in '{"),
        ({"op": "replace", "path": "/kind", "value": 1}, "cannot unmarshal number into Go struct field .kind of type"),
        ({"op": "replace", "path": "/apiVersion", "value": "a/b/c"}, "unexpected GroupVersion string: a/b/c"),
        ({"op": "replace", "path": "", "value": []}, "json: cannot unmarshal array into Go value of type struct {"),
        (
            {"op": "replace", "path": "/apiVersion", "value": "v1"},
            'Toy "a" is invalid: apiVersion: Invalid value: "v1"',
        ),
    ],
)
async def test_a_patched_custom_resource_says_what_it_is(
    following: ControlPlane, call: MakeCall, operation: Object, told: str
) -> None:
    await define(following)
    await create(following, call(TOYS), toy())

    with pytest.raises(Invalid) as refusal:
        await patch(following, call(TOYS, "a"), json.dumps([operation]).encode(), JSON_PATCH)

    assert told in refusal.value.message


async def test_a_patched_custom_resource_without_a_version_is_an_error_of_the_server(
    following: ControlPlane, call: MakeCall
) -> None:
    await define(following)
    await create(following, call(TOYS), toy())

    with pytest.raises(InternalError, match="Object 'apiVersion' is missing in 'object has no apiVersion field'"):
        await change(following, call, {"apiVersion": None})


async def test_owners_follow_a_schema_in_which_many_fields_have_become_one(
    following: ControlPlane, call: MakeCall
) -> None:
    colours: Object = {"type": "object", "additionalProperties": {"type": "string"}}
    defined = await define(following, version(properties={"colours": colours}))
    await applied(following, call(TOYS, "a", fieldManager="alice"), toy(spec={"colours": {"top": "red"}}))
    await applied(following, call(TOYS, "a", fieldManager="bob"), toy(spec={"colours": {"side": "blue"}}))
    await change(following, call, {"metadata": {"labels": {"a": "1"}}})
    atomic = version(properties={"colours": {**colours, "x-kubernetes-map-type": "atomic"}})
    client = Client(following, ADMINISTRATOR)
    await client.update(DEFINITIONS, {**defined, "spec": {**defined["spec"], "versions": [atomic]}})

    stored = await change(following, call, {"metadata": {"labels": {"a": "2"}}})

    owned = {entry["manager"]: entry["fieldsV1"] for entry in stored.value["metadata"]["managedFields"]}
    assert owned["alice"] == owned["bob"] == {"f:spec": {"f:colours": {}}}


async def test_a_status_that_is_applied_as_null_is_none_and_yet_owned(following: ControlPlane, call: MakeCall) -> None:
    await define(following, version(subresources={"status": {}}))
    await create(following, call(TOYS), toy())

    stored = await applied(following, call(TOYS, "a", "status", fieldManager="alice"), toy(status=None))

    assert "status" not in stored.value
    owned = {entry["manager"]: entry["fieldsV1"] for entry in stored.value["metadata"]["managedFields"]}
    assert owned["alice"] == {"f:status": {}}
