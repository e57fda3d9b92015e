"""Follows all ways through a program at once, in one pass over the text: time grows with the text alone, for any pattern.

The places that can be reached, the better ones first, are a state; where a character leads from a state is remembered, within bounds,
so that most steps are one look-up. After Ken Thompson's and Rob Pike's machines, which https://swtch.com/~rsc/regexp/regexp2.html tells of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fakekube.objects.regular_expressions.characters import PERL, Characters
from fakekube.objects.regular_expressions.fragments import Jump, Look, Program, Split

_MOST_REMEMBERED = 20_000
"""Moves and places of a pattern, about 100 bytes each; beyond it everything is forgotten and begun anew."""

_END = ""
"""Stands for the character behind the last one and before the first one."""
_OTHER = "-"
_WORD = "w"
"""Characters that only differ from `\\n` and the ends in being of a word or not."""


@dataclass(frozen=True, slots=True)
class _State:
    places: tuple[int, ...]
    """Instructions that wait for the next character, those first whose match counts more."""
    is_seeking: bool
    """A match may also begin here; once one is found, none that begins later counts."""
    before: str
    """The character before, as far as it matters."""
    moves: dict[str, _Move] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class _Move:
    state: _State
    origins: tuple[int, ...]
    """For each of its places which one it comes from; the number behind the last is a match that begins here."""
    matched: int | None
    """The place of the state before whose match ends here."""


class Linear:
    """A pattern; see Pattern."""

    def __init__(self, program: Program) -> None:
        self._anywhere = _Machine(program, is_ordered=False)
        self._leftmost = _Machine(program, is_ordered=True)

    def is_in(self, text: str) -> bool:
        machine = self._anywhere
        state = machine.begun(_END)
        for character in text:
            move = state.moves.get(character) or machine.move(state, character)
            if move.matched is not None:
                return True
            state = move.state
        return machine.move(state, _END).matched is not None

    def span(self, text: str, start: int = 0) -> tuple[int, int] | None:
        machine = self._leftmost
        state = machine.begun(text[start - 1] if start else _END)
        begins: list[int] = []
        """Where the match of each place of the state began."""
        found = None
        for at in range(start, len(text) + 1):
            character = text[at] if at < len(text) else _END
            move = state.moves.get(character) or machine.move(state, character)
            begins.append(at)
            if move.matched is not None:
                found = begins[move.matched], at
            begins = [begins[origin] for origin in move.origins]
            state = move.state
            if not begins and not state.is_seeking:
                break
        return found


class _Machine:
    """A program and what is remembered of it. Without order there are fewer states, and it is only known that something matched."""

    def __init__(self, program: Program, *, is_ordered: bool) -> None:
        self._program = program
        self._is_ordered = is_ordered
        self._looks_around = any(isinstance(one, Look) for one in program)
        self._states: dict[_State, _State] = {}
        self._remembered = 0

    def begun(self, before: str) -> _State:
        return self._state((), True, self._kind(before))

    def _state(self, places: tuple[int, ...], is_seeking: bool, before: str) -> _State:
        state = _State(places, is_seeking, before)
        self._remembered += len(places) + 1
        return self._states.setdefault(state, state)

    def _kind(self, character: str) -> str:
        if character == _END or not self._looks_around:
            return _OTHER if character else _END
        if character == "\n":
            return character
        return _WORD if ord(character) in PERL["w"] else _OTHER

    def move(self, state: _State, character: str) -> _Move:
        if self._remembered > _MOST_REMEMBERED:
            self._states.clear()
            self._remembered = 0
        after = self._kind(character)
        reached: set[int] = set()
        places: list[int] = []
        origins: list[int] = []
        matched = None
        for origin, place in enumerate((*state.places, 0) if state.is_seeking else state.places):
            for at in self._takers(place, reached, state.before, after):
                if at == len(self._program):
                    matched = origin
                    break
                characters = self._program[at]
                if character and isinstance(characters, Characters) and ord(character) in characters:
                    places.append(at + 1)
                    origins.append(origin)
            if matched is not None:
                break
        if not self._is_ordered:
            places.sort()
        following = self._state(tuple(places), state.is_seeking and matched is None, after)
        move = _Move(following, tuple(origins), matched)
        state.moves[character] = move
        self._remembered += len(places) + 1
        return move

    def _takers(self, place: int, reached: set[int], before: str, after: str) -> Iterator[int]:
        """The instructions that take a character, and the end of the program, as they are reached from a place without taking one."""
        waiting = [place]
        while waiting:
            at = waiting.pop()
            if at in reached:
                continue
            reached.add(at)
            match self._program[at] if at < len(self._program) else None:
                case Split(first, second):
                    waiting += (at + second, at + first)
                case Jump(distance):
                    waiting.append(at + distance)
                case Look() as look:
                    if _is_true(look, before, after):
                        waiting.append(at + 1)
                case _:
                    yield at


def _is_true(look: Look, before: str, after: str) -> bool:
    match look:
        case Look.START_OF_TEXT:
            return before == _END
        case Look.END_OF_TEXT:
            return after == _END
        case Look.START_OF_LINE:
            return before in (_END, "\n")
        case Look.END_OF_LINE:
            return after in (_END, "\n")
        case Look.WORD_BOUNDARY:
            return (before == _WORD) != (after == _WORD)
        case Look.NO_WORD_BOUNDARY:
            return (before == _WORD) == (after == _WORD)
