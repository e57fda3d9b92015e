"""find and findAll: what of a text a regular expression matches.

https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-regex-library
"""

from __future__ import annotations

from fakekube.expressions.types import overload
from fakekube.expressions.values import EvaluationProblem
from fakekube.objects.regular_expressions import Pattern, PatternError, compiled


def _pattern(text: str) -> Pattern:
    try:
        return compiled(text)
    except PatternError as error:
        raise EvaluationProblem(f"Illegal regex: {error}") from None


def find(text: str, pattern: str) -> str:
    """The first match, or nothing."""
    span = _pattern(pattern).span(text)
    return text[slice(*span)] if span else ""


def find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    """Matches from left to right, at most `limit` of them where that is not negative.

    Behind an empty match Go goes on with the next character, and an empty match right behind another one is none.
    """
    compiled_pattern = _pattern(pattern)
    found: list[str] = []
    start, end = 0, -1
    while start <= len(text) and len(found) != limit:
        span = compiled_pattern.span(text, start)
        if span is None:
            break
        is_empty = span[1] == start
        if not is_empty or span[0] != end:
            found.append(text[slice(*span)])
        end = span[1]
        start = end + is_empty
    return found


OVERLOADS = (
    overload("string.find(string): string", find),
    overload("string.findAll(string): list(string)", find_all),
    overload("string.findAll(string, int): list(string)", find_all),
)
