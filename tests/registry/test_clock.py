from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from fakekube.registry.clock import Chance, Clock, SteeredClock, Timer


class Machine(Clock):
    """A machine whose time the test moves, with one alarm."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self.alarms: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        alarm = (self.monotonic() + delay_s, callback)
        self.alarms.append(alarm)
        machine = self

        class Alarm:
            def cancel(self) -> None:
                machine.alarms.remove(alarm)

        return Alarm()

    def pass_by(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        for alarm in [each for each in self.alarms if each[0] <= self.monotonic()]:
            self.alarms.remove(alarm)
            alarm[1]()


def test_a_clock_that_nobody_holds_calls_in_the_order_of_time_with_one_alarm_of_the_machine() -> None:
    machine, called = Machine(), []
    clock = SteeredClock(machine)
    clock.call_later(2, lambda: called.append("b"))
    clock.call_later(1, lambda: called.append("a"))
    clock.call_later(3, lambda: called.append("never")).cancel()

    assert len(machine.alarms) == 1
    machine.pass_by(1)
    assert called == ["a"]
    machine.pass_by(5)
    assert called == ["a", "b"]
    assert machine.alarms == []


def test_held_time_stands_still_and_moves_by_steps() -> None:
    machine, called = Machine(), []
    clock = SteeredClock(machine)
    clock.hold()
    clock.call_later(60, lambda: called.append(clock.timestamp()))
    machine.pass_by(1000)

    assert (clock.timestamp(), called, clock.due_in()) == ("2026-01-02T03:04:05Z", [], 60)
    clock.step(60)
    assert called == ["2026-01-02T03:05:05Z"]
    assert clock.due_in() is None


def test_of_those_due_at_one_moment_each_has_a_step_of_its_own() -> None:
    called: list[str] = []
    clock = SteeredClock(Machine())
    clock.hold()
    clock.call_later(1, lambda: called.append("first"))
    clock.call_later(1, lambda: called.append("second"))

    clock.step(1)
    assert (called, clock.due_in()) == (["first"], 0)
    clock.step(0)
    assert called == ["first", "second"]


def test_released_time_goes_on_from_where_it_stood_and_who_waited_is_called() -> None:
    machine, called = Machine(), []
    clock = SteeredClock(machine)
    clock.call_later(10, lambda: called.append("due"))
    clock.hold(datetime(2030, 1, 1, tzinfo=UTC))
    machine.pass_by(100)
    clock.release()

    assert (clock.timestamp(), called) == ("2030-01-01T00:00:00Z", [])
    machine.pass_by(10)
    assert (clock.timestamp(), called) == ("2030-01-01T00:00:10Z", ["due"])


def test_a_restored_clock_has_the_machines_time_and_nobody_waits_for_it() -> None:
    machine = Machine()
    clock = SteeredClock(machine)
    clock.call_later(10, lambda: None)
    clock.hold(datetime(2030, 1, 1, tzinfo=UTC))
    clock.restore()

    assert clock.now() == machine.now()
    assert (machine.alarms, clock.due_in(), clock.is_held) == ([], None, False)


def test_a_clock_of_an_event_loop_calls_in_real_time() -> None:
    async def play() -> None:
        done = asyncio.get_running_loop().create_future()
        SteeredClock().call_later(0.001, lambda: done.set_result(None))
        await asyncio.wait_for(done, 5)

    asyncio.run(play())


def test_the_same_seed_gives_the_same_uids_and_suffixes() -> None:
    one, other = Chance(7), Chance(7)
    assert (one.uid(), one.suffix()) == (other.uid(), other.suffix())
    assert Chance(8).uid() != Chance(7).uid()


def test_a_held_clock_calls_once_for_all_the_intervals_that_it_is_moved_over() -> None:
    clock, called = SteeredClock(Machine()), []
    clock.every(10, lambda: called.append(clock.now()))
    clock.hold()
    start = clock.now()
    clock.step(9)
    assert called == []
    clock.step(60)
    assert called == [start + timedelta(seconds=69)]
    clock.step(9)
    assert len(called) == 1
    clock.step(1)
    assert len(called) == 2
    assert clock.due_in() is None  # nobody who waits for rest waits for it


def test_a_clock_that_runs_calls_at_every_interval_until_it_is_restored() -> None:
    machine, called = Machine(), []
    clock = SteeredClock(machine)
    clock.every(10, lambda: called.append(clock.now()))
    for _ in range(3):
        machine.pass_by(10)
    assert len(called) == 3
    clock.restore()
    machine.pass_by(10)
    assert len(called) == 3
    assert machine.alarms == []
