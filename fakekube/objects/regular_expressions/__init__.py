"""Regular expressions as Go knows them: RE2's syntax, its error texts, its leftmost matches, and time that grows with the text alone.

https://github.com/google/re2/wiki/Syntax

Python's `re` serves the patterns that it cannot lose itself in; the others are followed by `linear`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Protocol

from fakekube.objects.regular_expressions.ambiguity import is_unambiguous
from fakekube.objects.regular_expressions.fragments import Fragment, Loops
from fakekube.objects.regular_expressions.parser import PatternError, parse

__all__ = ["Pattern", "PatternError", "compiled"]


class Pattern(Protocol):
    """What can be asked of a pattern."""

    def is_in(self, text: str) -> bool:
        """Whether the pattern matches anywhere."""

    def span(self, text: str, start: int = 0) -> tuple[int, int] | None:
        """Where the leftmost match from `start` on begins and ends. What stands before `start` still counts for `^` and `\\b`."""


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Pattern:
    """Raises PatternError."""
    fragment = parse(pattern)
    if _suits_python(fragment):
        try:
            return _Backtracking(re.compile(fragment.python, re.ASCII))
        except (RecursionError, OverflowError):
            pass
    # Few patterns need it.
    from fakekube.objects.regular_expressions.linear import Linear

    return Linear(fragment.program)


_LARGEST_TRIED_EVERYWHERE = 64
"""Instructions of a pattern that Python tries anew at every character of the text."""


def _suits_python(fragment: Fragment) -> bool:
    """Whether Python's search needs time in proportion to the text, whatever the text is.

    There must be few ways to match what has been read so far, and few places to begin: the start of the text alone, or any if an attempt
    ends soon.
    """
    is_short = fragment.loops is not Loops.INSIDE and len(fragment.program) <= _LARGEST_TRIED_EVERYWHERE
    return (fragment.is_anchored or is_short) and is_unambiguous(fragment.program)


class _Backtracking:
    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._search = pattern.search

    def is_in(self, text: str) -> bool:
        return self._search(text) is not None

    def span(self, text: str, start: int = 0) -> tuple[int, int] | None:
        found = self._search(text, start)
        return found.span() if found else None
