"""Custom resources whose versions a webhook converts: when it is asked, and what its answers do. The caller is the test's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from fakekube.api import custom_resources
from fakekube.api.apply import apply
from fakekube.api.call import Call
from fakekube.api.client import Client
from fakekube.api.control_plane import ControlPlane
from fakekube.api.create import create
from fakekube.api.delete import delete
from fakekube.api.get import get
from fakekube.api.list import list_
from fakekube.api.list_options import parse
from fakekube.api.patch import patch
from fakekube.api.update import update
from fakekube.api.watch import Watch
from fakekube.errors import Conflict, InternalError
from fakekube.objects.patches import MERGE_PATCH
from fakekube.registry.webhook_calls import CallFailed, ClientConfig
from tests.api.conftest import ADMINISTRATOR

Object = dict[str, Any]

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
TEXT = {"type": "string"}


class Converter:
    """Between v1, which says `host`, and v2, which says `address`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        """The version that was wanted, and of how many objects."""
        self.sent: list[Object] = []
        self.spoil: Callable[[Object], Any] = lambda response: None

    async def __call__(self, config: ClientConfig, review: bytes, timeout_s: int) -> bytes:
        sent = orjson.loads(review)
        request = sent["request"]
        version = request["desiredAPIVersion"].rpartition("/")[2]
        self.asked.append((version, len(request["objects"])))
        self.sent += request["objects"]
        source, target = ("host", "address") if version == "v2" else ("address", "host")
        objects = [
            {**each, "apiVersion": request["desiredAPIVersion"], "spec": {target: each["spec"][source]}}
            for each in request["objects"]
        ]
        response = {"uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": objects}
        self.spoil(response)
        return orjson.dumps({"apiVersion": sent["apiVersion"], "kind": sent["kind"], "response": response})


@pytest.fixture
async def converter(plane: ControlPlane) -> Converter:
    """Doors, stored as v1."""
    custom_resources.follow(plane)
    schemas = {"v1": {"host": TEXT, "colour": {"type": "string", "default": "red"}}, "v2": {"address": TEXT}}
    versions = [
        {
            "name": name,
            "served": True,
            "storage": name == "v1",
            "selectableFields": [{"jsonPath": f".spec.{next(iter(properties))}"}],
            "schema": {
                "openAPIV3Schema": {
                    "type": "object",
                    "properties": {"spec": {"type": "object", "properties": properties}},
                }
            },
        }
        for name, properties in schemas.items()
    ]
    config = {"clientConfig": {"url": "https://example.com/convert"}, "conversionReviewVersions": ["v7", "v1"]}
    spec = {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "doors", "kind": "Door"},
        "versions": versions,
        "conversion": {"strategy": "Webhook", "webhook": config},
    }
    client = Client(plane, ADMINISTRATOR)
    made = await client.create(DEFINITIONS, {"metadata": {"name": "doors.example.com"}, "spec": spec})
    established = {"type": "Established", "status": "True", "reason": "x", "message": "", "lastTransitionTime": None}
    status = {**made["status"], "acceptedNames": made["spec"]["names"], "conditions": [established]}
    await client.update(DEFINITIONS, {**made, "status": status}, "status")
    converter = Converter()
    plane.webhooks.call = converter
    return converter


@pytest.fixture
def at(plane: ControlPlane) -> Callable[..., Call]:
    """`at("v2", "one")`: a call for that door in that version."""

    def make(version: str, name: str = "", **query: str) -> Call:
        kind = plane.kinds.find("example.com", version, "doors")
        assert kind is not None
        return Call(ADMINISTRATOR, kind, "shop", name, "", query, lambda key: [query[key]])

    return make


def door(version: str, name: str = "one", **spec: str) -> bytes:
    metadata = {"name": name}
    api_version = f"example.com/{version}"
    return json.dumps({"apiVersion": api_version, "kind": "Door", "metadata": metadata, "spec": spec}).encode()


async def test_an_object_is_stored_in_one_version_and_shown_in_each(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call]
) -> None:
    shown = await create(plane, at("v2"), door("v2", address="a"))

    stored = plane.store.get("doors.example.com", "shop", "one")
    assert stored is not None
    assert (stored.value["apiVersion"], stored.value["spec"]) == ("example.com/v1", {"colour": "red", "host": "a"})
    assert (shown.value["apiVersion"], shown.value["spec"]) == ("example.com/v2", {"address": "a"})
    assert (await get(plane, at("v2", "one"))).value["spec"] == {"address": "a"}


async def test_the_stored_version_asks_nobody(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call]
) -> None:
    await create(plane, at("v1"), door("v1", host="a"))
    await get(plane, at("v1", "one"))
    await list_(plane, at("v1"))
    await patch(plane, at("v1", "one"), b'{"spec":{"host":"b"}}', MERGE_PATCH)

    await delete(plane, at("v1", "one"), b"")

    assert converter.asked == []


async def test_a_list_asks_once_and_an_empty_one_not_at_all(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call]
) -> None:
    await list_(plane, at("v2"))
    for name in ("one", "two"):
        await create(plane, at("v1"), door("v1", name, host=name))

    page = await list_(plane, at("v2"))

    assert converter.asked == [("v2", 2)]
    assert [each.value["spec"] for each in page.items] == [{"address": "one"}, {"address": "two"}]


async def test_the_webhook_sees_whole_objects_without_a_resource_version(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call]
) -> None:
    await create(plane, at("v1"), door("v1", host="a"))

    await get(plane, at("v2", "one"))

    (sent,) = converter.sent
    assert "resourceVersion" not in sent["metadata"]
    assert {"name", "namespace", "uid", "generation", "creationTimestamp"} < sent["metadata"].keys()


async def test_every_way_of_changing_sees_the_version_of_the_request(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call]
) -> None:
    await create(plane, at("v1"), door("v1", host="a"))

    patched = await patch(plane, at("v2", "one"), b'{"spec":{"address":"b"}}', MERGE_PATCH)
    version = patched.value["metadata"]["resourceVersion"]
    body = json.loads(door("v2", address="c"))
    body["metadata"]["resourceVersion"] = version
    put, _ = await update(plane, at("v2", "one"), json.dumps(body).encode())
    applied, _ = await apply(plane, at("v2", "one", fieldManager="me", force="true"), door("v2", address="d"))

    assert [each.value["spec"] for each in (patched, put, applied)] == [
        {"address": "b"},
        {"address": "c"},
        {"address": "d"},
    ]
    assert (await get(plane, at("v1", "one"))).value["spec"]["host"] == "d"


async def test_a_watch_shows_its_version_and_ends_with_the_error_of_the_webhook(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call]
) -> None:
    watching = at("v2")
    watch = Watch(plane, watching, parse(watching, watch=True))
    await create(plane, at("v1"), door("v1", host="a"))
    first = await watch.next()
    converter.spoil = lambda response: response.update(result={"status": "Failed", "message": "no"})
    await create(plane, at("v1"), door("v1", "two", host="b"))

    last = await watch.next()

    assert first is not None
    assert last is not None
    assert [each.stored.value["spec"] for each in first if each.stored] == [{"address": "a"}]
    assert [str(each.error) for each in last] == ["conversion webhook for example.com/v1, Kind=Door failed: no"]
    assert await watch.next() is None


async def test_only_labels_and_annotations_of_metadata_may_change(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call]
) -> None:
    await create(plane, at("v1"), door("v1", host="a"))

    def spoil(response: Object) -> None:
        response["convertedObjects"][0]["metadata"] |= {"labels": {"new": "x"}, "finalizers": ["example.com/x"]}

    converter.spoil = spoil

    metadata = (await get(plane, at("v2", "one"))).value["metadata"]

    assert metadata["labels"] == {"new": "x"}
    assert "finalizers" not in metadata
    assert metadata["resourceVersion"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"result": {"status": "Failure"}}, "failed: response.result.status was 'Failure', not 'Success'"),
        ({"uid": "b"}, ' got "b"'),
        ({"convertedObjects": []}, "returned 0 objects, expected 1"),
        (
            {"convertedObjects": [{"apiVersion": "example.com/v1", "kind": "Door", "metadata": {}}]},
            "returned invalid object at index 0: invalid groupVersion (expected example.com/v2, received example.com/v1)",
        ),
        (
            {"convertedObjects": [{"apiVersion": "example.com/v2", "kind": "Gate", "metadata": {}}]},
            "returned invalid object at index 0: invalid kind (expected Door, received Gate)",
        ),
        (
            {"convertedObjects": [{"apiVersion": "example.com/v2", "kind": "Door", "metadata": {"name": "x"}}]},
            "returned invalid object: must have the same name: one != x",
        ),
        (
            {"convertedObjects": [{"apiVersion": "example.com/v2", "kind": "Door", "metadata": 7}]},
            "returned invalid object: must have the same name: one != ",
        ),
    ],
)
async def test_answers_that_may_not_be_so_are_told(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call], change: Object, text: str
) -> None:
    await create(plane, at("v1"), door("v1", host="a"))
    converter.spoil = lambda response: response.update(change)

    with pytest.raises(InternalError) as failed:
        await get(plane, at("v2", "one"))

    assert failed.value.message.startswith("conversion webhook for example.com/v1, Kind=Door ")
    assert text in failed.value.message
    assert failed.value.status_reason == ""


@pytest.mark.parametrize(
    ("converted", "text"),
    [
        (None, "unexpected end of JSON input"),
        (5, "json: cannot unmarshal number into Go value of type map[string]interface {}"),
        ({"a": 1}, "Object 'Kind' is missing in '{\"a\":1}'"),
    ],
)
async def test_a_converted_object_that_is_none_is_told_without_a_subject(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call], converted: Any, text: str
) -> None:
    await create(plane, at("v1"), door("v1", host="a"))
    converter.spoil = lambda response: response.update(convertedObjects=[converted])

    with pytest.raises(InternalError) as failed:
        await get(plane, at("v2", "one"))

    assert failed.value.message == text


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"labels": 7}, "invalid metadata.labels of type int64 in converted object"),
        ({"annotations": {"a": True}}, "metadata.annotations[a] must be a string, but is bool in converted object"),
        ({"labels": {"": "x"}}, '[metadata.labels: Invalid value: "": name part must be non-empty, '),
    ],
)
async def test_labels_and_annotations_that_a_webhook_changes_are_checked(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call], changed: Object, text: str
) -> None:
    await create(plane, at("v1"), door("v1", host="a"))
    converter.spoil = lambda response: response["convertedObjects"][0]["metadata"].update(changed)

    with pytest.raises(InternalError) as failed:
        await get(plane, at("v2", "one"))

    subject = "conversion webhook for example.com/v1, Kind=Door returned invalid metadata: "
    assert failed.value.message.startswith(subject + text)


async def test_an_answer_is_a_review_of_the_version_that_was_asked_for(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call]
) -> None:
    await create(plane, at("v1"), door("v1", host="a"))

    async def answer(config: ClientConfig, review: bytes, timeout_s: int) -> bytes:
        return b'{"response": {}}'

    plane.webhooks.call = answer
    with pytest.raises(InternalError) as failed:
        await get(plane, at("v2", "one"))

    expected = "expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got /, Kind="
    assert failed.value.message == f"conversion webhook for example.com/v1, Kind=Door failed: {expected}"


async def test_nothing_is_stored_when_it_cannot_be_converted(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call]
) -> None:
    async def fail(config: ClientConfig, review: bytes, timeout_s: int) -> bytes:
        raise CallFailed("go away")

    plane.webhooks.call = fail

    with pytest.raises(InternalError, match="Kind=Door failed: go away"):
        await create(plane, at("v2"), door("v2", address="a"))

    assert plane.store.list("doors.example.com") == []


async def test_who_is_faster_while_the_webhook_thinks_is_not_overwritten(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call]
) -> None:
    await create(plane, at("v1"), door("v1", host="a"))
    asked, released = asyncio.Event(), asyncio.Event()

    async def think(config: ClientConfig, review: bytes, timeout_s: int) -> bytes:
        asked.set()
        await released.wait()
        return await converter(config, review, timeout_s)

    plane.webhooks.call = think
    labels = b'{"metadata":{"labels":{"slow":"yes"}}}'
    slow = asyncio.create_task(patch(plane, at("v2", "one"), labels, MERGE_PATCH))
    await asked.wait()
    await patch(plane, at("v1", "one"), b'{"spec":{"host":"b"}}', MERGE_PATCH)
    released.set()

    stored = await slow

    assert stored.value["metadata"]["labels"] == {"slow": "yes"}
    assert stored.value["spec"] == {"address": "b"}


def owners(obj: Object) -> dict[str, Any]:
    """Who owns what of the spec: the fields by manager and version."""
    return {
        f"{each['manager']} {each['apiVersion']}": sorted(each["fieldsV1"].get("f:spec", {}).keys() - {"."})
        for each in obj["metadata"]["managedFields"]
    }


async def test_who_owns_a_field_is_known_across_versions(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call]
) -> None:
    await create(plane, at("v1", fieldManager="one"), door("v1", host="a"))

    changed = await patch(plane, at("v2", "one", fieldManager="two"), b'{"spec":{"address":"b"}}', MERGE_PATCH)

    assert owners(changed.value) == {"one example.com/v1": ["f:colour"], "two example.com/v2": ["f:address"]}


async def test_appliers_of_different_versions_conflict(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call]
) -> None:
    await apply(plane, at("v1", "one", fieldManager="one"), door("v1", host="a"))

    with pytest.raises(Conflict, match=r'conflict with "one": \.spec\.host'):
        await apply(plane, at("v2", "one", fieldManager="two"), door("v2", address="b"))

    applied, _ = await apply(plane, at("v2", "one", fieldManager="two"), door("v2", address="a"))
    assert owners(applied.value)["two example.com/v2"] == ["f:address"]


async def test_owners_are_told_though_the_webhook_fails(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call]
) -> None:
    await create(plane, at("v2", fieldManager="one"), door("v2", address="a"))

    async def fail(config: ClientConfig, review: bytes, timeout_s: int) -> bytes:
        raise CallFailed("gone")

    plane.webhooks.call = fail

    changed = await patch(plane, at("v1", "one", fieldManager="two"), b'{"spec":{"host":"b"}}', MERGE_PATCH)

    assert owners(changed.value)["two example.com/v1"] == ["f:host"]


async def test_selectors_mean_what_is_shown(plane: ControlPlane, converter: Converter, at: Callable[..., Call]) -> None:
    for name in ("one", "two"):
        await create(plane, at("v1"), door("v1", name, host=name))
    selecting = at("v2", fieldSelector="spec.address=two")

    page = await list_(plane, selecting)
    watch = Watch(plane, selecting, parse(selecting, watch=True))
    began = await watch.next()
    await patch(plane, at("v1", "two"), b'{"spec":{"host":"other"}}', MERGE_PATCH)
    await patch(plane, at("v1", "one"), b'{"spec":{"host":"two"}}', MERGE_PATCH)
    changed = await watch.next()

    assert [each.name for each in page.items] == ["two"]
    assert began is not None
    assert changed is not None
    told = [(each.type, each.stored.name, each.stored.value["spec"]) for each in [*began, *changed] if each.stored]
    assert told == [
        ("ADDED", "two", {"address": "two"}),
        ("DELETED", "two", {"address": "two"}),
        ("ADDED", "one", {"address": "two"}),
    ]


async def test_a_list_is_of_the_revision_that_it_tells_though_others_write_while_it_is_converted(
    plane: ControlPlane, converter: Converter, at: Callable[..., Call]
) -> None:
    await create(plane, at("v1"), door("v1", host="a"))
    revision = plane.store.revision

    async def meanwhile(config: ClientConfig, review: bytes, timeout_s: int) -> bytes:
        await create(plane, at("v1"), door("v1", "two", host="a"))
        return await converter(config, review, timeout_s)

    plane.webhooks.call = meanwhile

    page = await list_(plane, at("v2", fieldSelector="spec.address=a"))

    assert ([each.name for each in page.items], page.revision) == (["one"], revision)
