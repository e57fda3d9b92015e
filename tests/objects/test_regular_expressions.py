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
    ],
)
def test_patterns_of_go_find_what_go_finds(pattern: str, text: str) -> None:
    assert compiled(pattern).search(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("^[a-z]+$", "abc\n"), (r"^\d$", "\N{ARABIC-INDIC DIGIT THREE}"), (r"^[[:alpha:]]+$", "a1")],
)
def test_patterns_of_go_do_not_find_what_only_python_would(pattern: str, text: str) -> None:
    assert not compiled(pattern).search(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("[a", "error parsing regexp: missing closing ]: `[a`"),
        ("(a", "error parsing regexp: missing closing ): `(a`"),
        ("(?<=x)y", "error parsing regexp: invalid or unsupported Perl syntax: `(?<`"),
        ("(?=x)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"),
    ],
)
def test_bad_patterns_are_told_in_the_words_of_go(pattern: str, text: str) -> None:
    with pytest.raises(PatternError) as refused:
        compiled(pattern)
    assert str(refused.value) == text
