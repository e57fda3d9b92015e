from __future__ import annotations

from fakekube.objects.repeated import Repeated


def test_a_key_is_new_once() -> None:
    repeated: Repeated[str, int] = Repeated(2)

    assert [repeated.is_new("a"), repeated.is_new("a"), repeated.is_new("b")] == [True, False, True]


def test_of_more_keys_than_there_is_room_for_the_last_ones_stay() -> None:
    repeated: Repeated[str, int] = Repeated(2)
    for number, key in enumerate("abc"):
        repeated.put(key, number)

    assert [repeated.get(key) for key in "abc"] == [None, 1, 2]
    assert len(repeated) == 2


def test_keys_that_came_once_are_forgotten_when_there_are_too_many() -> None:
    repeated: Repeated[int, int] = Repeated(2)
    for number in range(1000):
        repeated.is_new(number)

    assert repeated.is_new(0)
