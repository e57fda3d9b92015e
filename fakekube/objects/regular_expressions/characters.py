"""Sets of characters, and the names that patterns have for them.

https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import accumulate

from fakekube import facts

_END = sys.maxunicode + 1


class Characters:
    """A set of characters: where it begins and where it ends, in turns, as numbers that rise."""

    __slots__ = ("bounds",)

    def __init__(self, bounds: Iterable[int]) -> None:
        self.bounds = tuple(bounds)

    @classmethod
    def of(cls, first: int, last: int) -> Characters:
        return cls((first, last + 1))

    def __contains__(self, code: int) -> bool:
        return bisect_right(self.bounds, code) % 2 == 1

    def ranges(self) -> Iterator[tuple[int, int]]:
        """First and last character of each run."""
        for start in range(0, len(self.bounds), 2):
            yield self.bounds[start], self.bounds[start + 1] - 1

    def others(self) -> Characters:
        edges = (0, *self.bounds, _END)
        return Characters(
            bound
            for start in range(0, len(edges), 2)
            if edges[start] < edges[start + 1]
            for bound in edges[start : start + 2]
        )

    def meets(self, other: Characters) -> bool:
        """Whether a character is in both."""
        return any(first in other for first, _ in self.ranges()) or any(first in self for first, _ in other.ranges())

    def is_one(self) -> bool:
        return len(self.bounds) == 2 and self.bounds[0] + 1 == self.bounds[1]

    def python(self) -> str:
        """As a pattern of Python."""
        if not self.bounds:
            return "(?!)"
        if self.is_one():
            return re.escape(chr(self.bounds[0]))
        if self.bounds == (0, _END):
            return "(?s:.)"
        is_open = self.bounds[-1] == _END
        ranges = (self.others() if is_open else self).ranges()
        return f"[{'^' if is_open else ''}{''.join(f'{chr_text(first)}-{chr_text(last)}' for first, last in ranges)}]"


def chr_text(code: int) -> str:
    return chr(code) if chr(code).isascii() and chr(code).isalnum() else f"\\U{code:08X}"


def union(sets: Iterable[Characters]) -> Characters:
    bounds: list[int] = []
    for first, last in sorted(run for one in sets for run in one.ranges()):
        if bounds and first <= bounds[-1]:
            bounds[-1] = max(bounds[-1], last + 1)
        else:
            bounds += (first, last + 1)
    return Characters(bounds)


def _written(*ranges: str) -> Characters:
    """Of `az` and `09`, the first and the last of each run."""
    return union(Characters.of(ord(run[0]), ord(run[-1])) for run in ranges)


PERL = {"d": _written("09"), "s": _written("\t\n", "\f\r", " "), "w": _written("09", "AZ", "az", "_")}
"""In Go a vertical tab is no space here."""
POSIX = {
    "alnum": _written("09", "AZ", "az"),
    "alpha": _written("AZ", "az"),
    "ascii": _written("\0\x7f"),
    "blank": _written("\t", " "),
    "cntrl": _written("\0\x1f", "\x7f"),
    "digit": PERL["d"],
    "graph": _written("!~"),
    "lower": _written("az"),
    "print": _written(" ~"),
    "punct": _written("!/", ":@", "[`", "{~"),
    "space": _written("\t\r", " "),
    "upper": _written("AZ"),
    "word": PERL["w"],
    "xdigit": _written("09", "AF", "af"),
}
NO_NEWLINE = _written("\n").others()
ANY = Characters((0, _END))

_GROUPS = ("C", "L", "M", "N", "P", "S", "Z")


def unicode_class(written: str) -> Characters | None:
    """The characters of a category or a script, whose name may be written with other case, spaces, hyphens and underscores."""
    name = re.sub("[ _-]", "", written)
    name = name[:1].upper() + name[1:].lower() if name.isascii() else name
    return _unicode_class(name)


@lru_cache(maxsize=64)
def _unicode_class(name: str) -> Characters | None:
    table = facts.unicode_classes()
    match name:
        case "Any":
            return ANY
        case "Ascii":
            return POSIX["ascii"]
        case "Assigned":
            return _two_lettered("")
        case "Cn":
            return _two_lettered("").others()
        case "C":
            return union((_two_lettered("C"), _two_lettered("").others()))
        case "Lc":
            return union(_named(letters) for letters in ("Ll", "Lt", "Lu"))
        case _ if name in _GROUPS:
            return _two_lettered(name)
        case _ if isinstance(table.get(name), list):
            return _named(name)
        case _ if name in table["aliases"]:
            short: str = table["aliases"][name]
            return _unicode_class(short.capitalize())
    return None


def _named(name: str) -> Characters:
    return Characters(accumulate(facts.unicode_classes()[name]))


def _two_lettered(start: str) -> Characters:
    """The union of the categories whose names begin so."""
    names = (
        name for name in facts.unicode_classes() if len(name) == 2 and name[0] in _GROUPS and name.startswith(start)
    )
    return union(_named(name) for name in names if name != "Yi")


def in_any_case(characters: Characters) -> Characters:
    """With all that differ from one in it but for case."""
    return Characters(_in_any_case(characters.bounds))


@lru_cache(maxsize=256)
def _in_any_case(bounds: tuple[int, ...]) -> tuple[int, ...]:
    characters = Characters(bounds)
    if characters.is_one():
        added = _orbits().get(bounds[0], "")
    else:
        added = "".join(orbit for code, orbit in _orbits().items() if code in characters)
    return union((characters, *(Characters.of(ord(one), ord(one)) for one in added))).bounds


@cache
def _orbits() -> dict[int, str]:
    """For each character that has a case, all that are the same in another one, itself included."""
    return {ord(character): orbit for orbit in facts.unicode_classes()["folds"] for character in orbit}
