"""Semantic versions: `semver('1.2.3').isLessThan(semver('2.0.0'))`; with `true` behind them, versions that are written loosely (`v1.2`).

https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-semver-library
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from fakekube.expressions.types import Type, overload
from fakekube.expressions.values import EvaluationProblem
from fakekube.objects.go_text import quoted

_NUMBER = re.compile("[0-9]*").fullmatch
_WORDS = re.compile("[0-9A-Za-z-]*").fullmatch
_LARGEST = (1 << 64) - 1
_WORD = 1 << 63

_Precedence = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


@dataclass(frozen=True, slots=True, order=True)
class SemanticVersion:
    """Compared by precedence: what follows a `+` is not looked at."""

    type: ClassVar[Type] = Type("kubernetes.Semver")

    precedence: _Precedence

    def number(self, index: int) -> int:
        """Major, minor or patch, in the 64 bits of an int."""
        found = (self.precedence[0], self.precedence[1], self.precedence[2])[index]
        return found - 2 * _WORD if found >= _WORD else found


@lru_cache(1024)
def semantic_version(text: str, is_loose: bool = False) -> SemanticVersion:
    parts = (_tightened(text) if is_loose else text).split(".", 2)
    if parts == [""]:
        raise EvaluationProblem("Version string empty")
    if len(parts) != 3:
        raise EvaluationProblem("No Major.Minor.Patch elements found")
    major = _number("major", parts[0])
    minor = _number("minor", parts[1])
    patch, plus, build = parts[2].partition("+")
    patch, minus, pre_release = patch.partition("-")
    number = _number("patch", patch)
    words = tuple(map(_pre_release, pre_release.split("."))) if minus else ()
    for word in build.split(".") if plus else ():
        if not word:
            raise EvaluationProblem("Build meta data is empty")
        if not _WORDS(word):
            raise EvaluationProblem(f"Invalid character(s) found in build meta data {quoted(word)}")
    return SemanticVersion((major, minor, number, not words, words))


def _tightened(text: str) -> str:
    """`v1.02` as `1.2.0`."""
    parts = [_without_zeros(part) for part in text.removeprefix("v").split(".", 2)]
    if len(parts) < 3:
        if re.search("[+-]", parts[-1]):
            raise EvaluationProblem("short version cannot contain PreRelease/Build meta data")
        parts += ["0"] * (3 - len(parts))
    return ".".join(parts)


def _without_zeros(part: str) -> str:
    if len(part.encode(errors="surrogatepass")) < 2:
        return part
    rest = part.lstrip("0")
    return rest if rest and rest[0] in "0123456789" else f"0{rest}"


def _number(name: str, digits: str) -> int:
    if not _NUMBER(digits):
        raise EvaluationProblem(f"Invalid character(s) found in {name} number {quoted(digits)}")
    if digits.startswith("0") and digits != "0":
        raise EvaluationProblem(f"{name.capitalize()} number must not contain leading zeroes {quoted(digits)}")
    return _unsigned(digits)


def _unsigned(digits: str) -> int:
    if not digits:
        raise EvaluationProblem('strconv.ParseUint: parsing "": invalid syntax')
    if len(digits) > 20 or int(digits) > _LARGEST:
        raise EvaluationProblem(f"strconv.ParseUint: parsing {quoted(digits)}: value out of range")
    return int(digits)


def _pre_release(word: str) -> tuple[bool, int, str]:
    """(it is no number, number, word): numbers come before words."""
    if not word:
        raise EvaluationProblem("Prerelease is empty")
    if _NUMBER(word):
        if word.startswith("0") and word != "0":
            raise EvaluationProblem(f"Numeric PreRelease version must not contain leading zeroes {quoted(word)}")
        return False, _unsigned(word), ""
    if not _WORDS(word):
        raise EvaluationProblem(f"Invalid character(s) found in prerelease {quoted(word)}")
    return True, 0, word


def is_semantic_version(text: str, is_loose: bool = False) -> bool:
    try:
        semantic_version(text, is_loose)
    except EvaluationProblem:
        return False
    return True


def compare(left: SemanticVersion, right: SemanticVersion) -> int:
    return (left > right) - (left < right)


OVERLOADS = (
    overload("semver(string): kubernetes.Semver", semantic_version),
    overload("semver(string, bool): kubernetes.Semver", semantic_version),
    overload("isSemver(string): bool", is_semantic_version),
    overload("isSemver(string, bool): bool", is_semantic_version),
    overload("kubernetes.Semver.isGreaterThan(kubernetes.Semver): bool", lambda left, right: left > right),
    overload("kubernetes.Semver.isLessThan(kubernetes.Semver): bool", lambda left, right: left < right),
    overload("kubernetes.Semver.compareTo(kubernetes.Semver): int", compare),
    overload("kubernetes.Semver.major(): int", lambda version: version.number(0)),
    overload("kubernetes.Semver.minor(): int", lambda version: version.number(1)),
    overload("kubernetes.Semver.patch(): int", lambda version: version.number(2)),
)
