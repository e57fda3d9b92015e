"""Regular expressions in the syntax of Go (RE2), as patterns of Python.

https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import re
import sys
import unicodedata
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
_PERL_CLASSES = {"d": "0-9", "s": r"\t\n\f\r ", "w": "0-9A-Za-z_"}
"""In Go a vertical tab is no space."""
_ANCHORS = {"A": r"\A", "z": r"\Z", "b": r"\b", "B": r"\B"}
_KNOWN_ESCAPES = frozenset("afnrtvxDSWdsw01234567") | frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_CATEGORY = re.compile("C[cfos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?")
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
_MOST_REPEATS = 1000

_GROUP = re.compile(r"\((?:\?(?:P?<(?P<name>[^>]*)>|(?P<flags>[imsU]*(?:-[imsU]+)?)(?P<end>[:)])))?")
_NAME = re.compile(r"[A-Za-z0-9_]+")
_PROPERTY = re.compile(r"\\(?P<sign>[pP])(?:\{(?P<not>\^?)(?P<long>[A-Za-z_]+)\}|(?P<short>[A-Za-z]))")
_HEXADECIMAL = re.compile(r"\\x\{([0-9A-Fa-f]+)\}")
_CODE = re.compile(r"\\(?:x\{([0-9A-Fa-f]{1,5})\}|x([0-9A-Fa-f]{2})|(0[0-7]{0,2}|[1-7][0-7]{1,2}))")
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "": ""}
_CLASS_ESCAPES = (r"\d", r"\D", r"\w", r"\W", r"\S")
_REPEAT = re.compile(r"(?:[*+?]|\{(?P<least>[0-9]+)(?:,(?P<most>[0-9]*))?\})(?P<lazy>\??)")


class PatternError(ValueError):
    """The text is no pattern; the message is Go's: ``error parsing regexp: missing closing ]: `[a` ``."""

    def __init__(self, reason: str, culprit: str) -> None:
        super().__init__(f"error parsing regexp: {reason}: `{culprit}`")


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, to be searched for. Raises PatternError."""
    translated = _Translator(pattern).translated()
    try:
        return re.compile(translated, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        text = str(error)
        reason = next((go for python, go in _REASONS if text.startswith(python)), "invalid character class")
        position = getattr(error, "pos", None)
        culprit = translated[position:] if reason == "missing closing ]" and position is not None else pattern
        raise PatternError(reason, culprit) from None


class _Translator:
    """Writes a pattern once more, for Python.

    What differs: flags in the middle of a group (`a(?i)b|c`) hold up to its end, across `|`; `$` is the end of the text alone; classes have
    names; a bracket within brackets is itself; `(?U)` exchanges greedy and lazy.
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._parts: list[str] = []
        self._flags = ""
        """The flags in force, of `imsU`."""
        self._groups: list[str] = []
        """For each open group the flags that were in force before it."""
        self._scopes: list[list[str]] = [[]]
        """For each open group, and the whole, the openings of the scopes that flags in its middle have begun."""
        self._to_open = ""
        """Those that nothing has followed yet: what is repeated next is what stands before them."""
        self._can_repeat = False

    def translated(self) -> str:
        pattern = self._pattern
        while self._at < len(pattern):
            character = pattern[self._at]
            if character == "(":
                self._open()
            elif character == ")":
                self._close()
            elif character == "|":
                scopes = self._scopes[-1]
                self._put(f"{')' * len(scopes)}|", 1, can_repeat=False)
                self._to_open = "".join(scopes)
            elif character == "[":
                self._bracket()
            elif character == "\\":
                self._escape()
            elif repeat := _REPEAT.match(pattern, self._at):
                self._repeat(repeat)
            elif character == "{":
                self._put(r"\{", 1)
            elif character in "^$":
                self._anchor(r"\Z" if character == "$" and "m" not in self._flags else character, 1)
            else:
                self._put(character, 1)
        if self._groups:
            raise PatternError("missing closing )", pattern)
        self._put(")" * len(self._scopes[0]), 0)
        return "".join(self._parts)

    def _put(self, text: str, taken: int, *, can_repeat: bool = True) -> None:
        self._parts += (self._to_open, text)
        self._to_open = ""
        self._at += taken
        self._can_repeat = can_repeat

    def _anchor(self, text: str, taken: int) -> None:
        """In a group of its own where it is repeated, which Python does not take otherwise."""
        is_repeated = _REPEAT.match(self._pattern, self._at + taken)
        self._put(f"(?:{text})" if is_repeated else text, taken)

    def _open(self) -> None:
        group = _GROUP.match(self._pattern, self._at)
        rest = self._pattern[self._at :]
        if group is None or (not group["end"] and group["name"] is None and rest.startswith("(?")):
            raise _bad_group(rest)
        if group["end"] == ")":
            self._set_flags(group["flags"])
            opening = f"(?{_of_python(self._flags)}:" if _of_python(self._flags) else "(?:"
            self._scopes[-1].append(opening)
            self._to_open += opening
            self._at += len(group.group())
            return
        self._groups.append(self._flags)
        self._scopes.append([])
        if group["name"] is not None:
            if not _NAME.fullmatch(group["name"]):
                raise PatternError("invalid named capture", group.group())
            # What is captured is never asked for: names may be what Python does not take for one.
            self._put("(", len(group.group()), can_repeat=False)
        elif group["end"]:
            self._set_flags(group["flags"])
            self._put(f"(?{_of_python(group['flags'])}:", len(group.group()), can_repeat=False)
        else:
            self._put("(", 1, can_repeat=False)

    def _close(self) -> None:
        if not self._groups:
            raise PatternError("unexpected )", self._pattern)
        self._flags = self._groups.pop()
        self._put(")" * (len(self._scopes.pop()) + 1), 1)

    def _set_flags(self, written: str) -> None:
        on, _, off = written.partition("-")
        self._flags = "".join(flag for flag in "imsU" if (flag in self._flags or flag in on) and flag not in off)

    def _repeat(self, repeat: re.Match[str]) -> None:
        text = repeat.group()
        counts = [int(count) for count in (repeat["least"], repeat["most"]) if count]
        if any(count > _MOST_REPEATS for count in counts) or (len(counts) == 2 and counts[0] > counts[1]):
            raise PatternError("invalid repeat count", text.removesuffix("?"))
        if not self._can_repeat:
            raise PatternError("missing argument to repetition operator", text)
        end = repeat.end()
        following = _REPEAT.match(self._pattern, end)
        if following:
            raise PatternError("invalid nested repetition operator", self._pattern[self._at : following.end()])
        if "U" in self._flags:
            text = text[:-1] if repeat["lazy"] else f"{text}?"
        self._parts.append(text)
        self._at = end

    def _escape(self) -> None:
        pattern, at = self._pattern, self._at
        escaped = pattern[at + 1 : at + 2]
        if escaped == "Q":
            literal, _, _ = pattern[at + 2 :].partition(r"\E")
            self._put(re.escape(literal), min(len(literal) + 4, len(pattern) - at))
        elif escaped in _ANCHORS:
            self._anchor(_ANCHORS[escaped], 2)
        elif escaped in ("s", "S"):
            self._put(f"[{'^' if escaped == 'S' else ''}{_PERL_CLASSES['s']}]", 2)
        elif escaped in ("p", "P"):
            members, taken = self._property(at)
            self._put(f"[{members}]", taken)
        else:
            text, taken = self._plain_escape(at)
            self._put(text, taken)

    def _plain_escape(self, at: int) -> tuple[str, int]:
        """An escape that means the same within brackets and without, and how long it is."""
        if code := _HEXADECIMAL.match(self._pattern, at):
            number = int(code[1], 16)
            if number > sys.maxunicode:
                raise PatternError("invalid escape sequence", code.group())
            return re.escape(chr(number)), len(code.group())
        escaped = self._pattern[at + 1 : at + 2]
        if not escaped:
            raise PatternError("trailing backslash at end of expression", "")
        is_back_reference = escaped in "123456789" and not self._pattern[at + 2 : at + 3].isdigit()
        if is_back_reference or escaped not in _KNOWN_ESCAPES:
            raise PatternError("invalid escape sequence", f"\\{escaped}")
        return f"\\{escaped}", 2

    def _property(self, at: int) -> tuple[str, int]:
        """The members of a class such as `\\p{Lu}`, to stand between brackets."""
        found = _PROPERTY.match(self._pattern, at)
        name = (found["long"] or found["short"]) if found else ""
        if found is None or not _CATEGORY.fullmatch(name):
            raise PatternError("invalid character class range", found.group() if found else self._pattern[at : at + 2])
        return _members(name, (found["sign"] == "P") != bool(found["not"])), len(found.group())

    def _bracket(self) -> None:
        pattern, start = self._pattern, self._at
        at = start + 1
        parts = ["["]
        if pattern.startswith("^", at):
            parts.append("^")
            at += 1
        first = at
        while at < len(pattern) and (pattern[at] != "]" or at == first):
            if pattern.startswith("[:", at) and (end := pattern.find(":]", at)) > 0:
                members = self._named_class(pattern[at : end + 2])
                taken = end + 2 - at
            elif pattern.startswith((r"\p", r"\P"), at):
                members, taken = self._property(at)
            elif pattern.startswith(r"\s", at):
                members, taken = _PERL_CLASSES["s"], 2
            elif pattern.startswith(_CLASS_ESCAPES, at):
                members, taken = pattern[at : at + 2], 2
            else:
                members, taken = self._range(at)
            parts.append(members)
            at += taken
        if at >= len(pattern):
            raise PatternError("missing closing ]", pattern[start:])
        self._put("".join(parts) + "]", at + 1 - start)

    def _range(self, at: int) -> tuple[str, int]:
        """`a-z` or a character alone between brackets, and how long it is."""
        pattern = self._pattern
        first, taken = self._member(at)
        hyphen = at + taken
        if not pattern.startswith("-", hyphen) or pattern[hyphen + 1 : hyphen + 2] in ("", "]"):
            return re.escape(first), taken
        last, length = self._member(hyphen + 1)
        taken += 1 + length
        if first > last:
            raise PatternError("invalid character class range", pattern[at : at + taken])
        return f"{re.escape(first)}-{re.escape(last)}", taken

    def _member(self, at: int) -> tuple[str, int]:
        """The character that stands between brackets, and how much of the pattern says so."""
        if self._pattern[at] != "\\":
            return self._pattern[at], 1
        if code := _CODE.match(self._pattern, at):
            return chr(int(code[1] or code[2], 16) if code[1] or code[2] else int(code[3], 8)), len(code.group())
        escaped = self._pattern[at + 1 : at + 2]
        if escaped in "afnrtv":
            return _CONTROLS[escaped], self._plain_escape(at)[1]
        if escaped == "x":
            raise PatternError("invalid escape sequence", self._pattern[at : at + 4])
        if f"\\{escaped}" in _CLASS_ESCAPES:
            raise PatternError("invalid escape sequence", f"\\{escaped}")
        return escaped, self._plain_escape(at)[1]

    def _named_class(self, written: str) -> str:
        """The members of `[:alpha:]` or `[:^alpha:]`."""
        name = written[2:-2]
        members = _CLASSES.get(name.removeprefix("^"))
        if members is None:
            raise PatternError("invalid character class range", written)
        return _others(members) if name.startswith("^") else members


def _of_python(flags: str) -> str:
    """Flags of a group without `U`, and without a minus that nothing follows."""
    on, _, off = flags.replace("U", "").partition("-")
    return f"{on}-{off}" if off else on


def _bad_group(rest: str) -> PatternError:
    if rest.startswith(("(?<", "(?P<")):
        name, closing, _ = rest.partition(">")
        return PatternError("invalid named capture", name + closing)
    wrong = re.match(r"\(\?[imsU-]*.?", rest)
    return PatternError("invalid or unsupported Perl syntax", wrong.group() if wrong else rest)


@lru_cache(maxsize=128)
def _members(category: str, is_complement: bool) -> str:
    """The characters of a Unicode category, or all others, as ranges between brackets."""
    inside = [
        unicodedata.category(chr(code)).startswith(category) != is_complement for code in range(sys.maxunicode + 1)
    ]
    return _ranges(inside)


def _others(members: str) -> str:
    """All characters but those between the brackets."""
    fits = re.compile(f"[{members}]").fullmatch
    inside = [fits(chr(code)) is None for code in range(128)]
    return _ranges(inside) + "\\x80-\\U0010FFFF"


def _ranges(inside: list[bool]) -> str:
    parts, start = [], None
    for code, is_in in enumerate([*inside, False]):
        if is_in and start is None:
            start = code
        elif not is_in and start is not None:
            parts.append(f"\\U{start:08X}-\\U{code - 1:08X}")
            start = None
    return "".join(parts)
