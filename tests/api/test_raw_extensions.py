"""Writes of objects that hold the text of somebody else's object: a ControllerRevision's data, a device's parameters."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.api import apply, create, patch, update
from fakekube.api.body import Body
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import Invalid
from fakekube.objects.as_sent import text_of
from fakekube.objects.patches import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from fakekube.storage.store import Clash, Stored

from .conftest import MakeCall

REVISIONS, CLAIMS = "controllerrevisions.apps", "resourceclaims.resource.k8s.io"
LABELLED = b'{"metadata": {"labels": {"a": "b"}}}'
IMMUTABLE = 'ControllerRevision.apps "r" is invalid: data: Invalid value: {}: field is immutable'


async def created(plane: ControlPlane, call: MakeCall, data: str) -> Stored:
    body = f'{{"metadata": {{"name": "r"}}, "revision": 1, "data": {data}}}'.encode()
    return await create.create(plane, call(REVISIONS), body)


@pytest.mark.parametrize(
    ("data", "media_type", "body", "shown"),
    [
        # No patch leaves the blanks: the object is written as JSON before it is patched.
        ('{"a": 1}', MERGE_PATCH, LABELLED, '{"a":1}'),
        ('{"a": 1}', STRATEGIC_MERGE_PATCH, LABELLED, '{"a":1}'),
        ('{"a": 1}', JSON_PATCH, b'[{"op": "add", "path": "/revision", "value": 2}]', '{"a":1}'),
        ('{"a":"<"}', MERGE_PATCH, LABELLED, r'{"a":"\u003c"}'),
        # A strategic merge makes maps of everything besides, and Go writes maps in the order of their keys.
        ('{"b":1,"a":2}', STRATEGIC_MERGE_PATCH, LABELLED, '{"a":2,"b":1}'),
    ],
)
async def test_a_patch_that_changes_the_text_of_the_data_is_refused(
    plane: ControlPlane, call: MakeCall, data: str, media_type: str, body: bytes, shown: str
) -> None:
    await created(plane, call, data)

    with pytest.raises(Invalid) as refused:
        await patch.patch(plane, call(REVISIONS, "r"), body, media_type)

    assert str(refused.value) == IMMUTABLE.format(shown)


@pytest.mark.parametrize("media_type", [MERGE_PATCH, STRATEGIC_MERGE_PATCH])
async def test_data_that_is_compact_and_in_order_may_be_patched_around(
    plane: ControlPlane, call: MakeCall, media_type: str
) -> None:
    await created(plane, call, '{"a":[1,"2",null,{}],"b":1.5}')

    patched = await patch.patch(plane, call(REVISIONS, "r"), LABELLED, media_type)

    assert patched.value["metadata"]["labels"] == {"a": "b"}


async def test_a_merge_patch_leaves_numbers_as_they_were_written(plane: ControlPlane, call: MakeCall) -> None:
    await created(plane, call, '{"b":1.50,"a":1e3}')

    patched = await patch.patch(plane, call(REVISIONS, "r"), LABELLED, MERGE_PATCH)

    assert b'"data":{"b":1.50,"a":1e3}' in patched.encoded()


async def put(plane: ControlPlane, call: MakeCall, body: Body, **query: str) -> Stored:
    stored, _ = await update.update(plane, call(REVISIONS, "r", **query), body)
    return stored


async def test_a_put_with_the_same_text_is_the_same_data(plane: ControlPlane, call: MakeCall) -> None:
    await created(plane, call, '{"b": 1, "a": [ ]}')

    stored = await put(plane, call, b'{"metadata":{"name":"r"},"revision":2,"data":{"b": 1, "a": [ ]}}')

    assert stored.value["revision"] == 2
    assert text_of(stored.value["data"]) == b'{"b": 1, "a": [ ]}'


async def test_a_put_that_is_tried_again_still_has_its_text(
    plane: ControlPlane, call: MakeCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    await created(plane, call, '{"a": 1}')
    tries: list[str] = []
    store = plane.store.update

    def slower_at_first(collection: str, expected: Stored, value: Any) -> Stored:
        tries.append(collection)
        if len(tries) == 1:
            raise Clash
        return store(collection, expected, value)

    monkeypatch.setattr(plane.store, "update", slower_at_first)

    stored = await put(plane, call, b'{"metadata":{"name":"r"},"revision":2,"data":{"a": 1}}')

    assert len(tries) == 2
    assert text_of(stored.value["data"]) == b'{"a": 1}'


@pytest.mark.parametrize("data", ['{"b":1,"a":2}', '{"a": 2, "b": 1}', '{"b": 1, "a": 2 }'])
async def test_a_put_with_another_text_of_the_same_value_is_refused(
    plane: ControlPlane, call: MakeCall, data: str
) -> None:
    await created(plane, call, '{"b": 1, "a": 2}')

    with pytest.raises(Invalid, match="field is immutable"):
        await put(plane, call, f'{{"metadata":{{"name":"r"}},"revision":1,"data":{data}}}'.encode())


async def test_the_order_of_keys_is_part_of_a_compact_text_too(plane: ControlPlane, call: MakeCall) -> None:
    await created(plane, call, '{"b":1,"a":2}')

    with pytest.raises(Invalid, match="field is immutable"):
        await put(plane, call, b'{"metadata":{"name":"r"},"revision":1,"data":{"a":2,"b":1}}')


async def test_the_text_outlives_a_dry_run_and_other_objects(plane: ControlPlane, call: MakeCall) -> None:
    await created(plane, call, '{"a": 1}')
    await put(plane, call, b'{"metadata":{"name":"r"},"revision":2,"data":{"a": 1}}', dryRun="All")

    stored = plane.store.get("controllerrevisions.apps", "shop", "r")

    assert stored is not None
    assert text_of(stored.value["data"]) == b'{"a": 1}'
    assert b'"data":{"a":1}' in stored.encoded()
    assert text_of(stored.copy()["data"]) == b'{"a": 1}'


async def test_an_apply_of_the_same_value_changes_nothing(plane: ControlPlane, call: MakeCall) -> None:
    config = b'{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"name":"r"},"data":{"b": 1, "a": 2},"revision":1}'
    first, _ = await apply.apply(plane, call(REVISIONS, "r", fieldManager="m"), config)

    again, _ = await apply.apply(plane, call(REVISIONS, "r", fieldManager="m"), config)

    assert text_of(first.value["data"]) == b'{"a":2,"b":1}'
    assert again.revision == first.revision


async def test_an_apply_that_does_not_touch_the_data_still_loses_its_blanks(
    plane: ControlPlane, call: MakeCall
) -> None:
    await created(plane, call, '{"a": 1}')
    config = (
        b'{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"name":"r","labels":{"a":"b"}},"revision":1}'
    )

    with pytest.raises(Invalid, match="field is immutable"):
        await apply.apply(plane, call(REVISIONS, "r", fieldManager="m"), config)


async def test_the_parameters_of_a_claims_devices_are_text_as_well(plane: ControlPlane, call: MakeCall) -> None:
    config: Any = '[{"opaque": {"driver": "d.example.com", "parameters": {"a": 1}}}]'
    body = f'{{"metadata": {{"name": "c"}}, "spec": {{"devices": {{"config": {config}}}}}}}'.encode()
    await create.create(plane, call(CLAIMS), body)

    with pytest.raises(Invalid, match=r"spec: Invalid value: .*field is immutable"):
        await patch.patch(plane, call(CLAIMS, "c"), LABELLED, MERGE_PATCH)
