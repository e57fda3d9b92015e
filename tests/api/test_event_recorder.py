from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, cast

from fakekube.api.client import Client
from fakekube.api.event_recorder import EventRecorder
from fakekube.objects import defaults, schemas
from fakekube.registry.clock import Clock
from tests.controllers.in_memory import Cluster, Object

Tell = Callable[[EventRecorder, Cluster], Coroutine[Any, Any, None]]


def about(name: str = "web") -> Object:
    metadata = {"name": name, "namespace": "shop", "uid": name, "resourceVersion": "1"}
    return {"kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": metadata}


def told(tell: Tell) -> list[tuple[str, int]]:
    """Message and count of each event that is there in the end."""
    cluster = Cluster()
    recorder = EventRecorder(cast(Client, cluster), cluster.clock, component="replicaset-controller")
    asyncio.run(tell(recorder, cluster))
    listed = sorted(cluster.list("events"), key=lambda each: str(each["metadata"]["name"].rpartition(".")[2]))
    return [(each["message"], each["count"]) for each in listed]


def test_an_event_says_about_what_by_whom_and_when() -> None:
    cluster = Cluster()
    recorder = EventRecorder(cast(Client, cluster), cluster.clock, component="replicaset-controller")
    asyncio.run(recorder.warning(about(), "FailedCreate", "Error creating: no"))
    (event,) = cluster.list("events")

    assert event["metadata"]["name"].startswith("web.")
    assert event["involvedObject"] == {
        "kind": "ReplicaSet",
        "namespace": "shop",
        "name": "web",
        "uid": "web",
        "apiVersion": "apps/v1",
        "resourceVersion": "1",
    }
    assert (event["type"], event["reason"], event["message"]) == ("Warning", "FailedCreate", "Error creating: no")
    assert event["source"] == {"component": "replicaset-controller"}
    assert event["firstTimestamp"] == event["lastTimestamp"] == cluster.clock.timestamp()


def test_the_same_event_again_is_counted() -> None:
    async def tell(recorder: EventRecorder, cluster: Cluster) -> None:
        for _ in range(3):
            await recorder.normal(about(), "Pulled", "it is there")
        await recorder.normal(about("other"), "Pulled", "it is there")

    assert told(tell) == [("it is there", 3), ("it is there", 1)]


def test_an_event_that_was_deleted_begins_anew() -> None:
    async def tell(recorder: EventRecorder, cluster: Cluster) -> None:
        await recorder.normal(about(), "Pulled", "it is there")
        await cluster.delete("events", "shop", cluster.list("events")[0]["metadata"]["name"])
        await recorder.normal(about(), "Pulled", "it is there")

    assert told(tell) == [("it is there", 1)]


def test_from_the_tenth_on_events_that_are_alike_are_one() -> None:
    async def tell(recorder: EventRecorder, cluster: Cluster) -> None:
        for number in range(12):
            await recorder.normal(about(), "SuccessfulCreate", f"Created pod: {number}")

    events = told(tell)

    assert events[:9] == [(f"Created pod: {number}", 1) for number in range(9)]
    assert events[9:] == [("(combined from similar events): Created pod: 11", 3)]


def test_after_ten_minutes_without_one_they_are_told_one_by_one_again() -> None:
    async def tell(recorder: EventRecorder, cluster: Cluster) -> None:
        for number in range(11):
            if number == 9:
                cluster.clock.advance(601)
            await recorder.normal(about(), "SuccessfulCreate", f"Created pod: {number}")

    assert [count for _, count in told(tell)] == [1] * 11


def test_about_one_object_a_burst_is_written_and_then_one_for_each_pause() -> None:
    async def tell(recorder: EventRecorder, cluster: Cluster) -> None:
        for number in range(30):
            await recorder.normal(about(), f"Reason{number}", "again")
        cluster.clock.advance(300)
        await recorder.normal(about(), "Late", "again")
        await recorder.normal(about(), "TooSoon", "again")
        await recorder.normal(about("other"), "Other", "again")

    assert len(told(tell)) == 25 + 1 + 1


def test_events_are_written_as_decoding_and_defaulting_would_make_them() -> None:
    written: list[Object] = []

    class Listener:
        async def create_canonical(self, resource: str, obj: Object) -> None:
            assert resource == ("events" if obj["apiVersion"] == "v1" else "events.events.k8s.io")
            written.append(obj)

    async def tell() -> None:
        for host in ("", "node-1"):
            recorder = EventRecorder(cast(Client, Listener()), Clock(), component="kubelet", host=host)
            await recorder.normal(about(), "Pulled", "it is there", field_path="spec.containers{web}")
            await recorder.warning(about(), "Failed", "it is not there")
            await recorder.action(about(), "Normal", "Scheduled", "Binding", "it has a place", instance="scheduler-1")

    asyncio.run(tell())

    assert len(written) == 6
    for event in written:
        version = event["apiVersion"]
        type_name = "core.v1.Event" if version == "v1" else "events.v1.Event"
        decoded = schemas.decode(type_name, event, kind="Event", version=version).object
        defaults.apply(type_name, decoded)
        assert json.dumps(decoded) == json.dumps(event)  # in this order


def test_nobody_has_reported_events_that_were_combined() -> None:
    cluster = Cluster()
    recorder = EventRecorder(cast(Client, cluster), cluster.clock, component="replicaset-controller")

    async def tell() -> None:
        for number in range(10):
            await recorder.normal(about(), "SuccessfulCreate", f"Created pod: web-{number}")

    asyncio.run(tell())

    reporters = {each["message"]: each["reportingComponent"] for each in cluster.list("events")}
    assert reporters.pop("(combined from similar events): Created pod: web-9") == ""
    assert set(reporters.values()) == {"replicaset-controller"}


def test_an_action_is_written_in_the_newer_form() -> None:
    cluster = Cluster()
    recorder = EventRecorder(cast(Client, cluster), cluster.clock, component="default-scheduler")
    asyncio.run(recorder.action(about(), "Normal", "Scheduled", "Binding", "to n", instance="default-scheduler-a"))
    (event,) = cluster.list("events")

    assert (event["reason"], event["message"], event["action"]) == ("Scheduled", "to n", "Binding")
    assert (event["source"], event["firstTimestamp"], event["reportingComponent"]) == ({}, None, "default-scheduler")
