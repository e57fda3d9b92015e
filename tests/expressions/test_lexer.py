"""How the text of an expression falls into words; the texts of problems are those of cel-go."""

from __future__ import annotations

import pytest

from fakekube.expressions.lexer import tokens
from fakekube.expressions.syntax import Constant
from fakekube.expressions.values import Unsigned


def words(text: str) -> list[str]:
    found, problems = tokens(text)
    assert problems == []
    return [token.text for token in found[:-1]]


def value(text: str) -> Constant:
    found, problems = tokens(text)
    assert problems == []
    assert [token.kind for token in found] == ["literal", "end"]
    return found[0].value


def problems(text: str) -> list[tuple[int, str]]:
    return [(problem.place, problem.message) for problem in tokens(text)[1]]


def no_word(text: str) -> str:
    return f"Syntax error: token recognition error at: '{text}'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b==1", ["a", ".", "b", "==", "1"]),
        ("a<=b&&c||!d", ["a", "<=", "b", "&&", "c", "||", "!", "d"]),
        ("x // what follows\n+1", ["x", "+", "1"]),
        ("in inside", ["in", "inside"]),
        ("1.a", ["1", ".", "a"]),
        ("1.5.a", ["1.5", ".", "a"]),
        ("-1", ["-", "1"]),
        ("a\t\r\n\fb", ["a", "b"]),
        ("`a-b/c.d`", ["`a-b/c.d`"]),
    ],
)
def test_words_are_told_apart(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("0x1F", 31),
        ("2u", Unsigned(2)),
        ("0xFFU", Unsigned(255)),
        ("1.5", 1.5),
        (".5e1", 5.0),
        ("1e-2", 0.01),
        ("true", True),
        ("null", None),
        ("'a'", "a"),
        ('"it\'s"', "it's"),
        ('"""two\n"lines" end"""', 'two\n"lines" end'),
        (r"'\a\b\f\n\r\t\v\\\?\"\'\`'", "\a\b\f\n\r\t\v\\?\"'`"),
        (r"'\x41\u00e9\U0001F600\101'", "Aé😀A"),
        (r"r'\d+'", r"\d+"),
        ("b'é'", "é".encode()),
        (r"b'\xff\377'", b"\xff\xff"),
        (r"br'\x'", rb"\x"),
        ("'''a\r\nb'''", "a\nb"),
    ],
)
def test_literals_have_the_values_that_they_say(text: str, expected: Constant) -> None:
    found = value(text)

    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x # y", [(2, no_word("#"))]),
        ("x = 1", [(2, no_word("= "))]),
        ("a & b | c", [(2, no_word("& ")), (6, no_word("| "))]),
        ("'abc", [(0, no_word("'abc"))]),
        (r"'a\q'", [(0, no_word(r"'a\q")), (4, no_word("'"))]),
        ("'a\nb'", [(0, no_word("'a\n")), (4, no_word("'"))]),
        (r"'\uD800'", [(0, "invalid unicode code point")]),
        (r"'\U00110000'", [(0, "invalid unicode code point")]),
        (r"b'\u00e9'", [(0, "unable to unescape string")]),
    ],
)
def test_what_is_no_word_is_told_and_the_rest_is_read(text: str, expected: list[tuple[int, str]]) -> None:
    assert problems(text) == expected


def test_the_last_word_is_the_end_of_the_text() -> None:
    found, _ = tokens("ab ")

    assert [(token.kind, token.place) for token in found] == [("name", 0), ("end", 3)]


def test_digits_without_end_are_read() -> None:
    assert value("0" * 5000 + "1") == 1
    assert int(value("9" * 5000) or 0) >= 1 << 64
