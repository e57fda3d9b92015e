"""Parts of a pattern, put together from the inside out: as a program for `linear`, as text for Python, and what decides between both.

A program is a list of instructions that say where to go on as distances, so that copies of it are copies of the list. Its end is the match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, IntEnum

from fakekube.objects.regular_expressions.characters import Characters


class Look(Enum):
    """What must be true between two characters; the value is how Python writes it."""

    START_OF_TEXT = r"\A"
    END_OF_TEXT = r"\Z"
    START_OF_LINE = "(?m:^)"
    END_OF_LINE = "(?m:$)"
    WORD_BOUNDARY = r"\b"
    NO_WORD_BOUNDARY = r"(?:(?<=\w)(?=\w)|(?<!\w)(?!\w))"


@dataclass(frozen=True, slots=True)
class Split:
    """Two ways to go on, the better one first."""

    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Jump:
    distance: int


Instruction = Characters | Look | Split | Jump
Program = Sequence[Instruction]


class Loops(IntEnum):
    """Where something can be repeated without end."""

    NONE = 0
    AT_END = 1
    """Only a character, and nothing has to follow: an attempt that gets there succeeds."""
    INSIDE = 2


@dataclass(frozen=True, slots=True)
class Fragment:
    program: tuple[Instruction, ...]
    python: str
    can_be_empty: bool = True
    is_anchored: bool = False
    """Nothing is found but at the start of the text."""
    loops: Loops = Loops.NONE
    is_characters: bool = False
    height: int = 1
    size: int = 1
    """Height of the tree and size of the program as Go counts them."""
    copies: int = 1
    """How often counts within counts repeat the innermost."""
    is_sequence: bool = False


EMPTY = Fragment((), "(?:)")


def one_of(characters: Characters) -> Fragment:
    return Fragment((characters,), characters.python(), can_be_empty=False, is_characters=True)


def look(kind: Look) -> Fragment:
    return Fragment((kind,), kind.value, is_anchored=kind is Look.START_OF_TEXT)


def captured(inner: Fragment) -> Fragment:
    """A group. What it captures is never asked for."""
    return replace(inner, is_characters=False, is_sequence=False, height=inner.height + 1, size=inner.size + 2)


def in_sequence(parts: Sequence[Fragment]) -> Fragment:
    if len(parts) <= 1:
        return parts[0] if parts else EMPTY
    before_last = max(part.loops for part in parts[:-1])
    is_literal = all(part.is_characters for part in parts)
    return Fragment(
        tuple(instruction for part in parts for instruction in part.program),
        "".join(part.python for part in parts),
        can_be_empty=all(part.can_be_empty for part in parts),
        # What can be left out does not have to be passed first.
        is_anchored=next((part.is_anchored for part in parts if part.is_anchored or not part.can_be_empty), False),
        loops=Loops.INSIDE if before_last else parts[-1].loops,
        height=1 if is_literal else 1 + max(part.height - part.is_sequence for part in parts),
        size=sum(part.size for part in parts),
        copies=max(part.copies for part in parts),
        is_sequence=True,
    )


def one_out_of(choices: Sequence[Fragment]) -> Fragment:
    if len(choices) == 1:
        return choices[0]
    program: list[Instruction] = []
    end = sum(len(choice.program) + 2 for choice in choices) - 2
    for choice in choices[:-1]:
        program += (Split(1, len(choice.program) + 2), *choice.program)
        program.append(Jump(end - len(program)))
    program += choices[-1].program
    return Fragment(
        tuple(program),
        f"(?:{'|'.join(choice.python for choice in choices)})",
        can_be_empty=any(choice.can_be_empty for choice in choices),
        is_anchored=all(choice.is_anchored for choice in choices),
        loops=max(choice.loops for choice in choices),
        height=1 + max(choice.height for choice in choices),
        size=sum(choice.size for choice in choices) + len(choices) - 1,
        copies=max(choice.copies for choice in choices),
    )


def repeated(inner: Fragment, least: int, most: int | None, *, is_lazy: bool, is_counted: bool) -> Fragment:
    """The fragment `least` times to `most` times, without end where that is None. `is_counted`: it was written with braces."""
    if most == 0:
        program: list[Instruction] = []
    elif most is not None:
        program = [*inner.program * least, *_up_to(inner.program, most - least, is_lazy)]
    elif least:
        program = [*inner.program * least, _split(-len(inner.program), 1, is_lazy)]
    else:
        program = _any_number(inner, is_lazy)
    count = (least if most is None else most) if is_counted else 1
    is_last_loop = inner.is_characters and most is None and least <= 1
    return Fragment(
        tuple(program),
        f"(?:{inner.python}){{{least},{'' if most is None else most}}}{'?' if is_lazy else ''}",
        can_be_empty=inner.can_be_empty or least == 0,
        is_anchored=inner.is_anchored and least > 0,
        loops=_loops(inner, most, is_last_loop),
        height=inner.height + 1,
        size=_size(inner.size, least, most, is_counted=is_counted),
        copies=count and count * inner.copies if is_counted else inner.copies,
    )


def _split(better: int, other: int, is_lazy: bool) -> Split:
    return Split(other, better) if is_lazy else Split(better, other)


def _any_number(inner: Fragment, is_lazy: bool) -> list[Instruction]:
    length = len(inner.program)
    if inner.can_be_empty:
        # Tried once at least, as Go does it: what matches nothing the first time is not tried again.
        return [_split(1, length + 2, is_lazy), *inner.program, _split(-length, 1, is_lazy)]
    return [_split(1, length + 2, is_lazy), *inner.program, Jump(-length - 1)]


def _up_to(program: tuple[Instruction, ...], times: int, is_lazy: bool) -> list[Instruction]:
    step = len(program) + 1
    return [instruction for left in range(times, 0, -1) for instruction in (_split(1, left * step, is_lazy), *program)]


def _loops(inner: Fragment, most: int | None, is_last_loop: bool) -> Loops:
    if is_last_loop:
        return Loops.AT_END
    if most is None:
        return Loops.INSIDE
    return inner.loops if most == 1 or not inner.loops else Loops.INSIDE


def _size(size: int, least: int, most: int | None, *, is_counted: bool) -> int:
    if most is not None:
        return max(1, most * size + most - least)
    if least:
        return 1 + (least if is_counted else 1) * size
    return 2 + size
