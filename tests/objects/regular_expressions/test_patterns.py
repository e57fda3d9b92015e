from __future__ import annotations

import pytest

from fakekube.objects.regular_expressions import PatternError, compiled


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^[a-z]+$", "abc"),
        ("b", "abc"),
        (r"^[[:alpha:]]+\z", "abc"),
        (r"^\d+$", "123"),
        ("[]a]+", "]a"),
        (r"^a\.b$", "a.b"),
        (r"^(?i)a\.?[b-d]+$", "A.bCd"),
        ("^(?:x|a(?i)b|c)$", "C"),
        ("(?s:a.b)", "a\nb"),
        ("(?m)^b$", "a\nb\nc"),
        (r"^[\pL\p{Nd}-]+$", "é1-"),
        (r"^\p{^L}$", "1"),
        (r"^[[:^alpha:]]+$", "1é"),
        (r"^\Qa.b\E$", "a.b"),
        (r"^\x{e9}$", "é"),
        ("^(?P<n>a)(?<m>b)$", "ab"),
        ("^a{,2}$", "a{,2}"),
        (r"\b*a(?i)+", "ba"),
        (r"^\p{Greek}+\P{Greek}$", "αΩa"),
        (r"^\p{Han}\p{letter}\p{ Lu }$", "漢bC"),
        (r"^[\p{Cyrillic}\pN]+$", "Ж1"),
        ("^(?i)k[s]É$", "\u212a\u017fé"),
        (r"^\B$", ""),
    ],
)
def test_patterns_of_go_find_what_go_finds(pattern: str, text: str) -> None:
    assert compiled(pattern).is_in(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^[a-z]+$", "abc\n"),
        ("^(?:a(?i)b|c)D$", "abd"),
        (r"^\s$", "\v"),
        (r"^\d$", "\N{ARABIC-INDIC DIGIT THREE}"),
        (r"^[[:alpha:]]+$", "a1"),
        (r"^\p{Greek}$", "b"),
        (r"[^\x00-\x{10FFFF}]", "a"),
    ],
)
def test_patterns_of_go_do_not_find_what_only_python_would(pattern: str, text: str) -> None:
    assert not compiled(pattern).is_in(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("[a", "error parsing regexp: missing closing ]: `[a`"),
        ("(a", "error parsing regexp: missing closing ): `(a`"),
        ("a)", "error parsing regexp: unexpected ): `a)`"),
        ("*a", "error parsing regexp: missing argument to repetition operator: `*`"),
        ("a**", "error parsing regexp: invalid nested repetition operator: `**`"),
        ("a{1001}", "error parsing regexp: invalid repeat count: `{1001}`"),
        (r"\p{Foo}", r"error parsing regexp: invalid character class range: `\p{Foo}`"),
        ("[[:foo:]]", "error parsing regexp: invalid character class range: `[:foo:]`"),
        (r"(a)\1", r"error parsing regexp: invalid escape sequence: `\1`"),
        ("a\\", "error parsing regexp: trailing backslash at end of expression: ``"),
        ("[a\\", "error parsing regexp: trailing backslash at end of expression: ``"),
        ("(a{100}){11}", "error parsing regexp: invalid repeat count: `{11}`"),
        ("a{2,1}", "error parsing regexp: invalid repeat count: `{2,1}`"),
        (r"\p{Old_Italic}", r"error parsing regexp: invalid character class range: `\p{Old_Italic}`"),
        (r"\x{110000}", r"error parsing regexp: invalid escape sequence: `\x{110000`"),
        ("a*+?", "error parsing regexp: invalid nested repetition operator: `*+?`"),
        ("(?<=x)y", "error parsing regexp: invalid named capture: `(?<=x)y`"),
        ("(?P<a b>x)", "error parsing regexp: invalid named capture: `(?P<a b>`"),
        ("(?#x)", "error parsing regexp: invalid or unsupported Perl syntax: `(?#`"),
        ("(?=x)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"),
    ],
)
def test_bad_patterns_are_told_in_the_words_of_go(pattern: str, text: str) -> None:
    with pytest.raises(PatternError) as refused:
        compiled(pattern)
    assert str(refused.value) == text


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("[+--]", "+,-", "."),
        ("[--a]", "-Aa", "b,"),
        ("[a-b-c]", "ab-c", "d"),
        (r"[\x41-\x43]", "ABC", "D41-"),
        (r"[\101-\x{43}]", "ABC", "D"),
        (r"[\n-\r]", "\n\v\r", "n-\t"),
        ("[~~||&&]", "~|&", "-"),
        ("(?:[a-z&&[b]])", "a]&]z]", "a"),
        (r"[\d-z]", "7-z", "a"),
    ],
)
def test_ranges_between_brackets_are_those_of_go(pattern: str, good: str, bad: str) -> None:
    assert compiled(f"^{pattern}*$").is_in(good)
    assert not compiled(pattern).is_in(bad)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[z-a]", "invalid character class range: `z-a`"),
        ("[a--b]", "invalid character class range: `a--`"),
        (r"[a-\d]", r"invalid escape sequence: `\d`"),
        (r"[\x4]", r"invalid escape sequence: `\x4]`"),
    ],
)
def test_what_is_no_range_is_said_in_the_words_of_go(pattern: str, reason: str) -> None:
    with pytest.raises(PatternError) as raised:
        compiled(pattern)

    assert str(raised.value) == f"error parsing regexp: {reason}"


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(" * 1000 + "a" + ")" * 1000, "expression nests too deeply"),
        ("(abcdefghij){1000}" * 336, "expression too large"),
    ],
)
def test_what_is_too_large_for_go_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(PatternError, match=f"error parsing regexp: {reason}: "):
        compiled(pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "span"),
    [
        ("a|ab", "xab", (1, 2)),
        ("(a|ab)(c|bcd)", "abcd", (0, 4)),
        ("(a+)+?", "baaa", (1, 4)),
        ("(?U)(a+)+b*", "baab", (1, 2)),
        ("(|a)*", "aa", (0, 0)),
        ("(a|b*)*", "abba", (0, 4)),
        ("(a*)*", "b", (0, 0)),
        (r"(?m)^b+$", "a\nbb\na", (2, 4)),
        ("a+b", "aaac", None),
    ],
)
def test_the_leftmost_match_that_go_prefers_is_found(pattern: str, text: str, span: tuple[int, int] | None) -> None:
    assert compiled(pattern).span(text) == span


@pytest.mark.parametrize("pattern", ["^a", r"\Aa", "^(?:a*)*a"])
def test_what_stands_before_the_place_to_begin_at_still_counts(pattern: str) -> None:
    assert compiled(pattern).span("aaa", 1) is None
