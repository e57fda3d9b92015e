"""How many controllers take a step in one turn of the event loop."""

from __future__ import annotations

import asyncio

from fakekube.controllers.pace import Pace


async def step(pace: Pace, done: list[str], name: str, times: int = 3) -> None:
    for _ in range(times):
        await pace.turn()
        done.append(name)


def test_everybody_has_their_turns_in_the_order_in_which_they_asked() -> None:
    async def play() -> list[str]:
        pace, done = Pace(), list[str]()
        await asyncio.gather(*(step(pace, done, name) for name in "abc"))
        return done

    assert asyncio.run(play()) == list("abcabcabc")


def test_long_steps_are_taken_one_in_a_turn_of_the_event_loop() -> None:
    async def play() -> int:
        pace, done = Pace(), list[str]()
        pace._step_s = 1.0
        working = asyncio.gather(*(step(pace, done, name, 1) for name in "abcdefgh"))
        most = before = 0
        while not working.done():
            await asyncio.sleep(0)
            most, before = max(most, len(done) - before), len(done)
        return most

    assert asyncio.run(play()) == 1


def test_who_is_cancelled_while_waiting_keeps_nobody_from_their_turn() -> None:
    async def play() -> list[str]:
        pace, done = Pace(), list[str]()
        first = asyncio.ensure_future(step(pace, done, "a"))
        second = asyncio.ensure_future(step(pace, done, "b"))
        await asyncio.sleep(0)
        first.cancel()
        await second
        return done

    assert asyncio.run(play()) == ["b", "b", "b"]


def test_after_a_rest_it_goes_on() -> None:
    async def play() -> list[str]:
        pace, done = Pace(), list[str]()
        await step(pace, done, "a", 1)
        for _ in range(5):
            await asyncio.sleep(0)
        await step(pace, done, "b", 2)
        return done

    assert asyncio.run(play()) == ["a", "b", "b"]


def test_one_by_one_means_one_in_a_turn_of_the_event_loop_however_short_steps_are() -> None:
    async def play() -> int:
        pace, done = Pace(lambda: True), list[str]()
        pace._step_s = 1e-9
        working = asyncio.gather(*(step(pace, done, name, 2) for name in "abcdefgh"))
        most = before = 0
        while not working.done():
            await asyncio.sleep(0)
            most, before = max(most, len(done) - before), len(done)
        return most

    assert asyncio.run(play()) == 1
