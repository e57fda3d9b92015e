"""Regular expressions in the syntax of Go (RE2), as patterns of Python.

https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import re
from functools import lru_cache

_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_ESCAPES = {"z": r"\Z"}
_UNKNOWN_ESCAPES = frozenset("ceghijklmopquyEFGHIJKLMNORTUVXY")
_LOOK_AROUND = re.compile(r"\(\?(=|!|<=|<!)")
_REASONS = (
    ("unterminated character set", "missing closing ]"),
    ("missing ), unterminated subpattern", "missing closing )"),
    ("unbalanced parenthesis", "unexpected )"),
    ("nothing to repeat", "missing argument to repetition operator"),
    ("multiple repeat", "invalid nested repetition operator"),
    ("bad character range", "invalid character class range"),
    ("bad escape (end of pattern)", "trailing backslash at end of expression"),
    ("bad escape", "invalid escape sequence"),
    ("min repeat greater", "invalid repeat count"),
)
"""What Python says, and what Go says."""


class PatternError(ValueError):
    """The text is no pattern; the message is Go's: ``error parsing regexp: missing closing ]: `[a` ``."""


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, to be searched for. Raises PatternError."""
    look = _LOOK_AROUND.search(pattern)
    if look:
        shown = look.group() if "<" not in look.group() else look.group()[:3]
        raise PatternError(f"error parsing regexp: invalid or unsupported Perl syntax: `{shown}`")
    try:
        return re.compile(_translated(pattern), re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        text = str(error)
        reason = next((go for python, go in _REASONS if text.startswith(python)), "invalid character class")
        start = pattern
        position = getattr(error, "pos", None)
        if reason == "missing closing ]" and position is not None:
            start = _translated(pattern)[position:]
        raise PatternError(f"error parsing regexp: {reason}: `{start}`") from None


def _translated(pattern: str) -> str:
    """Ends of text, classes by name, and what only Python knows."""
    parts: list[str] = []
    position, in_class = 0, False
    while position < len(pattern):
        character = pattern[position]
        if character == "\\" and position + 1 < len(pattern):
            escaped = pattern[position + 1]
            if escaped in _UNKNOWN_ESCAPES:
                raise PatternError(f"error parsing regexp: invalid escape sequence: `\\{escaped}`")
            parts.append(_ESCAPES.get(escaped, f"\\{escaped}"))
            position += 2
            continue
        if in_class and pattern.startswith("[:", position):
            name, colon, _ = pattern[position + 2 :].partition(":]")
            if colon and name in _CLASSES:
                parts.append(_CLASSES[name])
                position += len(name) + 4
                continue
        if character == "[" and not in_class:
            in_class = True
            if pattern.startswith("]", position + 1) or pattern.startswith("^]", position + 1):
                # A bracket that comes first is itself.
                taken = pattern[position : pattern.index("]", position) + 1]
                parts.append(taken[:-1] + r"\]")
                position += len(taken)
                continue
        elif character == "[":
            parts.append("\\")
        elif character == "]":
            in_class = False
        elif character == "$" and not in_class and "(?m" not in pattern:
            parts.append(r"\Z")
            position += 1
            continue
        parts.append(character)
        position += 1
    return "".join(parts)
