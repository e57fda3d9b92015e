"""What is kept for a time only."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fakekube.registry.clock import SteeredClock
from fakekube.registry.expiry import Expiry, TimeToLiveError, time_to_live_s
from fakekube.storage.store import Event, Store


def new_store() -> Store:
    store = Store()
    store.declare("events", "Event", "v1")
    return store


def put(store: Store, name: str) -> None:
    value = {"kind": "Event", "apiVersion": "v1", "metadata": {"name": name, "namespace": "shop"}}
    present = store.get("events", "shop", name)
    if present is None:
        store.create("events", "shop", name, value)
    else:
        store.update("events", present, value)


def names(store: Store) -> list[str]:
    return [stored.name for stored in store.list("events")]


def held() -> tuple[SteeredClock, Callable[[float], None]]:
    clock = SteeredClock()
    clock.hold()

    def advance(seconds: float) -> None:
        until = clock.monotonic() + seconds
        while (due_in := clock.due_in()) is not None and clock.monotonic() + due_in <= until:
            clock.step(due_in)
        clock.step(until - clock.monotonic())

    return clock, advance


def test_an_event_is_gone_an_hour_after_it_was_last_written() -> None:
    store, (clock, advance) = new_store(), held()
    Expiry(store, clock, 3600).start()
    put(store, "first")
    put(store, "counted")
    advance(1800)
    put(store, "counted")
    advance(1799)
    assert names(store) == ["counted", "first"]

    advance(1)
    assert names(store) == ["counted"]
    advance(1800)
    assert names(store) == []


def test_whoever_watches_is_told() -> None:
    store, (clock, advance) = new_store(), held()
    Expiry(store, clock, 3600).start()
    put(store, "a")
    told: list[Event] = []
    store.subscribe("events", told.append)

    advance(3600)

    assert [(event.type, event.name) for event in told] == [("DELETED", "a")]


def test_what_was_there_before_counts_from_the_start() -> None:
    store, (clock, advance) = new_store(), held()
    put(store, "seeded")
    advance(1000)
    Expiry(store, clock, 3600).start()
    advance(3599)
    assert names(store) == ["seeded"]
    advance(1)
    assert names(store) == []


def test_an_event_that_is_made_again_lives_as_long_as_a_new_one() -> None:
    store, (clock, advance) = new_store(), held()
    Expiry(store, clock, 3600).start()
    put(store, "a")
    advance(3000)
    present = store.get("events", "shop", "a")
    assert present is not None
    store.delete("events", present)
    put(store, "a")
    advance(3599)
    assert names(store) == ["a"]


def test_nobody_waits_while_there_is_nothing_and_after_the_end() -> None:
    store, (clock, advance) = new_store(), held()
    expiry = Expiry(store, clock, 3600)
    expiry.start()
    assert clock.due_in() is None
    put(store, "a")
    assert clock.due_in() == pytest.approx(3600)
    expiry.stop()
    assert clock.due_in() is None
    advance(7200)
    assert names(store) == ["a"]


def test_times_to_live_are_durations_as_go_writes_them() -> None:
    assert time_to_live_s("1h30m") == 5400
    for wrong in ("an hour", "60", "0", "-1h"):
        with pytest.raises(TimeToLiveError, match="such as 1h or 30m"):
            time_to_live_s(wrong)
