"""Whether a pattern can be matched in few ways only, whatever the text: then one that tries them one after the other does not take long.

A way is the sequence of instructions that have taken a character each. Wherever two ways through the same text part, they must not come
together again, and must end soon. What is refused in error costs time only; what is let through takes time that grows with the text alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

from fakekube.objects.regular_expressions.characters import Characters
from fakekube.objects.regular_expressions.fragments import Jump, Look, Program, Split

_LARGEST = 4000
_MOST_STEPS = 20_000
_MOST_PAIRS = 2000
"""Programs with more than that are not looked at: the answer must be cheap."""

_Pair = tuple[int, int]


def is_unambiguous(program: Program) -> bool:
    if len(program) > _LARGEST:
        return False
    following = _following(program)
    return following is not None and _Pairs(program, following).all_end()


def _following(program: Program) -> dict[int, list[int]] | None:
    """For each instruction that takes a character, and for -1, the start: those that can come next. None: one of them in two ways."""
    following, steps = {}, 0
    for start in (-1, *(at for at, instruction in enumerate(program) if isinstance(instruction, Characters))):
        next_, reached, waiting = [], set(), [start + 1]
        while waiting:
            at = waiting.pop()
            if at in reached:
                return None
            reached.add(at)
            if at == len(program):
                continue
            match program[at]:
                case Split(first, second):
                    waiting += (at + first, at + second)
                case Jump(distance):
                    waiting.append(at + distance)
                case Look():
                    waiting.append(at + 1)
                case Characters():
                    next_.append(at)
        following[start] = next_
        steps += len(reached)
        if steps > _MOST_STEPS:
            return None
    return following


class _Pairs:
    """Two ways that have parted: the instructions that have taken the same character."""

    def __init__(self, program: Program, following: dict[int, list[int]]) -> None:
        self._program = program
        self._following = following
        self._ended: set[_Pair] = set()
        """Those from which all ways part for good, and end."""

    def all_end(self) -> bool:
        return all(
            self._ends(pair)
            for next_ in self._following.values()
            for pair in combinations(next_, 2)
            if self._is_possible(pair)
        )

    def _ends(self, pair: _Pair) -> bool:
        """Depth first; a pair that leads to itself can go on for ever."""
        path = {pair}
        waiting: list[tuple[_Pair, Iterator[_Pair]]] = [(pair, self._after(pair))]
        while waiting:
            above, below = waiting[-1]
            following = next(below, None)
            if following is None:
                waiting.pop()
                path.remove(above)
                self._ended.add(above)
            elif following in path or following[0] == following[1] or len(self._ended) > _MOST_PAIRS:
                return False
            elif following not in self._ended:
                path.add(following)
                waiting.append((following, self._after(following)))
        return True

    def _after(self, pair: _Pair) -> Iterator[_Pair]:
        pairs = product(self._following[pair[0]], self._following[pair[1]])
        return ((min(both), max(both)) for both in pairs if self._is_possible(both))

    def _is_possible(self, pair: _Pair) -> bool:
        one, other = self._program[pair[0]], self._program[pair[1]]
        return isinstance(one, Characters) and isinstance(other, Characters) and one.meets(other)
