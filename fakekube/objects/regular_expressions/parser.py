"""What a pattern says, read from left to right as Go reads it, so that the first thing wrong is the one that Go tells of."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field

from fakekube.objects.regular_expressions.characters import (
    ANY,
    NO_NEWLINE,
    PERL,
    POSIX,
    Characters,
    in_any_case,
    unicode_class,
    union,
)
from fakekube.objects.regular_expressions.fragments import (
    Fragment,
    Look,
    captured,
    in_sequence,
    look,
    one_of,
    one_out_of,
    repeated,
)

_MOST_COPIES = 1000
_MOST_HEIGHT = 1000
_MOST_SIZE = (128 << 20) // 40
"""Go's limits: of counts within counts, of groups within groups, of instructions."""

_REPEAT = re.compile(r"(?:(?P<sign>[*+?])|\{(?P<least>0|[1-9][0-9]*)(?P<comma>,(?P<most>0|[1-9][0-9]*)?)?\})")
_SIGNS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_LOOKS = {
    r"\A": Look.START_OF_TEXT,
    r"\z": Look.END_OF_TEXT,
    r"\b": Look.WORD_BOUNDARY,
    r"\B": Look.NO_WORD_BOUNDARY,
}
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_NAMED = re.compile(r"\(\?P?<(?=.)")
_NAME = re.compile(r"[A-Za-z0-9_]+")
_OCTAL = re.compile(r"\\(0[0-7]{0,2}|[1-7][0-7]{1,2})")
_HEXADECIMAL = re.compile(r"\\x(?:\{0*([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))")
_NO_HEXADECIMAL = re.compile(r"\\x(?:\{[0-9A-Fa-f]*.?|.?.?)", re.DOTALL)


class PatternError(ValueError):
    """The text is no pattern; the message is Go's: ``error parsing regexp: missing closing ]: `[a` ``."""

    def __init__(self, reason: str, culprit: str) -> None:
        super().__init__(f"error parsing regexp: {reason}: `{culprit}`")


def parse(pattern: str) -> Fragment:
    """Raises PatternError."""
    return _Parser(pattern).parsed()


@dataclass(slots=True)
class _Group:
    """A group that is open, or the whole pattern."""

    flags: str
    """Those in force before it, of `imsU`."""
    is_captured: bool
    choices: list[Fragment] = field(default_factory=list)
    """What stands before the last `|`."""
    parts: list[Fragment] = field(default_factory=list)
    """What stands behind it."""


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._flags = ""
        self._groups = [_Group("", is_captured=False)]
        self._last_repeat: int | None = None
        """Where the repetition begins that has just been read."""

    def parsed(self) -> Fragment:
        pattern = self._pattern
        while self._at < len(pattern):
            start = self._at
            repeat = _REPEAT.match(pattern, start)
            if repeat:
                self._repeat(repeat)
            else:
                self._part(pattern[start])
            self._last_repeat = start if repeat else None
        whole = self._closed()
        if self._groups:
            raise PatternError("missing closing )", pattern)
        return whole

    def _part(self, character: str) -> None:
        match character:
            case "(":
                self._open()
            case ")":
                self._close()
            case "|":
                group = self._groups[-1]
                group.choices.append(self._checked(in_sequence(group.parts)))
                group.parts = []
                self._at += 1
            case "[":
                self._bracket()
            case "\\":
                self._escape()
            case "^":
                self._put(look(Look.START_OF_LINE if "m" in self._flags else Look.START_OF_TEXT), 1)
            case "$":
                self._put(look(Look.END_OF_LINE if "m" in self._flags else Look.END_OF_TEXT), 1)
            case ".":
                self._put(one_of(ANY if "s" in self._flags else NO_NEWLINE), 1)
            case _:
                self._put_character(character, 1)

    def _put(self, part: Fragment, taken: int) -> None:
        self._groups[-1].parts.append(self._checked(part))
        self._at += taken

    def _put_character(self, character: str, taken: int) -> None:
        self._put(one_of(self._folded(Characters.of(ord(character), ord(character)))), taken)

    def _folded(self, characters: Characters) -> Characters:
        return in_any_case(characters) if "i" in self._flags else characters

    def _checked(self, part: Fragment) -> Fragment:
        if part.size > _MOST_SIZE:
            raise PatternError("expression too large", self._pattern)
        if part.height > _MOST_HEIGHT:
            raise PatternError("expression nests too deeply", self._pattern)
        return part

    # Groups

    def _open(self) -> None:
        pattern, start = self._pattern, self._at
        if not pattern.startswith("(?", start):
            self._groups.append(_Group(self._flags, is_captured=True))
            self._at += 1
        elif named := _NAMED.match(pattern, start):
            end = pattern.find(">", start)
            if end < 0 or not _NAME.fullmatch(pattern, named.end(), end):
                raise PatternError("invalid named capture", pattern[start : end + 1 or None])
            self._groups.append(_Group(self._flags, is_captured=True))
            self._at = end + 1
        else:
            self._set_flags()

    def _set_flags(self) -> None:
        """`(?i)`, up to the end of the group around it, or `(?i-s:` for a group of its own."""
        start = self._at
        at, on, off = start + 2, "", None
        while at < len(self._pattern):
            flag = self._pattern[at]
            at += 1
            if flag in "imsU":
                on, off = (on + flag, off) if off is None else (on, off + flag)
            elif flag == "-" and off is None:
                off = ""
            elif flag in ":)" and off != "":
                if flag == ":":
                    self._groups.append(_Group(self._flags, is_captured=False))
                self._flags = "".join(
                    one for one in "imsU" if (one in self._flags or one in on) and one not in (off or "")
                )
                self._at = at
                return
            else:
                break
        raise PatternError("invalid or unsupported Perl syntax", self._pattern[start:at])

    def _close(self) -> None:
        inner = self._closed()
        if not self._groups:
            raise PatternError("unexpected )", self._pattern)
        self._put(inner, 1)

    def _closed(self) -> Fragment:
        """The innermost open group, which is open no more."""
        group = self._groups.pop()
        self._flags = group.flags
        inner = self._checked(one_out_of([*group.choices, self._checked(in_sequence(group.parts))]))
        return captured(inner) if group.is_captured else inner

    # Repetitions

    def _repeat(self, repeat: re.Match[str]) -> None:
        end = repeat.end()
        if repeat["sign"]:
            least, most = _SIGNS[repeat["sign"]]
        else:
            least = int(repeat["least"])
            most = int(repeat["most"]) if repeat["most"] else None if repeat["comma"] else least
            if max(least, most or 0) > _MOST_COPIES or (most is not None and least > most):
                raise PatternError("invalid repeat count", repeat.group())
        is_lazy = self._pattern.startswith("?", end)
        end += is_lazy
        if self._last_repeat is not None:
            raise PatternError("invalid nested repetition operator", self._pattern[self._last_repeat : end])
        parts = self._groups[-1].parts
        if not parts:
            raise PatternError("missing argument to repetition operator", self._pattern[self._at : end])
        part = repeated(parts[-1], least, most, is_lazy=is_lazy != ("U" in self._flags), is_counted=not repeat["sign"])
        parts[-1] = self._checked(part)
        if part.copies > _MOST_COPIES:
            raise PatternError("invalid repeat count", self._pattern[self._at : end])
        self._at = end

    # Escapes and brackets

    def _escape(self) -> None:
        pattern, at = self._pattern, self._at
        written = pattern[at : at + 2]
        if written == r"\Q":
            literal, _, _ = pattern[at + 2 :].partition(r"\E")
            for character in literal:
                self._put_character(character, 0)
            self._at = min(at + 4 + len(literal), len(pattern))
        elif written in _LOOKS:
            self._put(look(_LOOKS[written]), 2)
        elif found := self._escaped_class(at):
            self._put(one_of(found[0]), found[1])
        else:
            self._put_character(*self._escaped_character(at))

    def _escaped_class(self, at: int) -> tuple[Characters, int] | None:
        """The characters of `\\d`, `\\PL` or `\\p{Greek}`, and how much of the pattern says so; None where it is no such escape."""
        pattern = self._pattern
        name = pattern[at + 1 : at + 2]
        if pattern[at] != "\\" or not name:
            return None
        if name.lower() in PERL:
            characters = self._folded(PERL[name.lower()])
            return (characters.others() if name.isupper() else characters), 2
        if name not in "pP":
            return None
        end = at + 3
        if pattern.startswith("{", at + 2):
            end = pattern.find("}", at) + 1 or len(pattern)
        written = pattern[at:end]
        inner = written[3:-1] if written[2:3] == "{" and written.endswith("}") else written[2:]
        found = unicode_class(inner.removeprefix("^"))
        if found is None:
            raise PatternError("invalid character class range", written)
        characters = self._folded(found)
        return (characters.others() if (name == "P") != inner.startswith("^") else characters), len(written)

    def _escaped_character(self, at: int) -> tuple[str, int]:
        """The character that an escape is, and how much of the pattern says so."""
        pattern = self._pattern
        escaped = pattern[at + 1 : at + 2]
        if not escaped:
            raise PatternError("trailing backslash at end of expression", "")
        if escaped.isascii() and not escaped.isalnum():
            return escaped, 2
        if octal := _OCTAL.match(pattern, at):
            return chr(int(octal[1], 8)), len(octal.group())
        if code := _HEXADECIMAL.match(pattern, at):
            number = int(code[1] or code[2], 16)
            if number <= sys.maxunicode:
                return chr(number), len(code.group())
        if escaped in _CONTROLS:
            return _CONTROLS[escaped], 2
        raise PatternError("invalid escape sequence", self._no_escape(at))

    def _no_escape(self, at: int) -> str:
        """What Go has read when it finds that this is no escape."""
        if not (wrong := _NO_HEXADECIMAL.match(self._pattern, at)):
            return self._pattern[at : at + 2]
        text = wrong.group()
        if text.startswith(r"\x{"):
            for length in range(4, len(text) + 1):
                digits = text[3:length]
                if re.fullmatch("[0-9A-Fa-f]+", digits) and int(digits, 16) > sys.maxunicode:
                    return text[:length]
        return text

    def _bracket(self) -> None:
        pattern, start = self._pattern, self._at
        at = start + 1
        is_negated = pattern.startswith("^", at)
        at += is_negated
        first = at
        members: list[Characters] = []
        while at == first or not pattern.startswith("]", at):
            if at >= len(pattern):
                raise PatternError("missing closing ]", pattern[start:])
            found, taken = self._named_class(at) or self._escaped_class(at) or self._range(start, at)
            members.append(found)
            at += taken
        characters = union(members)
        self._put(one_of(characters.others() if is_negated else characters), at + 1 - start)

    def _named_class(self, at: int) -> tuple[Characters, int] | None:
        """The characters of `[:alpha:]` or `[:^alpha:]`."""
        end = self._pattern.find(":]", at + 2)
        if not self._pattern.startswith("[:", at) or end < 0:
            return None
        written = self._pattern[at : end + 2]
        name = written[2:-2]
        found = POSIX.get(name.removeprefix("^"))
        if found is None:
            raise PatternError("invalid character class range", written)
        characters = self._folded(found)
        return (characters.others() if name.startswith("^") else characters), len(written)

    def _range(self, start: int, at: int) -> tuple[Characters, int]:
        """`a-z` or a character alone."""
        pattern = self._pattern
        first, taken = self._member(start, at)
        last, hyphen = first, at + taken
        if pattern.startswith("-", hyphen) and hyphen + 1 < len(pattern) and pattern[hyphen + 1] != "]":
            last, length = self._member(start, hyphen + 1)
            taken += 1 + length
            if last < first:
                raise PatternError("invalid character class range", pattern[at : at + taken])
        return self._folded(Characters.of(ord(first), ord(last))), taken

    def _member(self, start: int, at: int) -> tuple[str, int]:
        if at >= len(self._pattern):
            raise PatternError("missing closing ]", self._pattern[start:])
        return self._escaped_character(at) if self._pattern[at] == "\\" else (self._pattern[at], 1)
