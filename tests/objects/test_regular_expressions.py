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
    ],
)
def test_patterns_of_go_find_what_go_finds(pattern: str, text: str) -> None:
    assert compiled(pattern).search(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^[a-z]+$", "abc\n"),
        ("^(?:a(?i)b|c)D$", "abd"),
        (r"^\s$", "\v"),
        (r"^\d$", "\N{ARABIC-INDIC DIGIT THREE}"),
        (r"^[[:alpha:]]+$", "a1"),
    ],
)
def test_patterns_of_go_do_not_find_what_only_python_would(pattern: str, text: str) -> None:
    assert not compiled(pattern).search(text)


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
        ("[a-z&&[b]]", "a]&]z]", "a"),
        (r"[\d-z]", "7-z", "a"),
    ],
)
def test_ranges_between_brackets_are_those_of_go(pattern: str, good: str, bad: str) -> None:
    found = compiled(pattern).findall(good)

    assert "".join(found) == good
    assert not compiled(pattern).search(bad)


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
