"""The slow JSON reader: Go's sentences, repeated keys, numbers as they were written."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakekube.objects.go_json import JSONError, Number, RepeatedKeys, read, texts_of_objects
from fakekube.objects.go_text import float_text, quoted

ERRORS = {
    b"": "unexpected end of JSON input",
    b'{"a": {"b": 1}': "unexpected end of JSON input",
    b'"\\u12': "unexpected end of JSON input",
    b"1e": "unexpected end of JSON input",
    b"{'m'": r"invalid character '\'' looking for beginning of object key string",
    b'{"a":1,}': "invalid character '}' looking for beginning of object key string",
    b"[1,]": "invalid character ']' looking for beginning of value",
    b"apiVersion": "invalid character 'a' looking for beginning of value",
    b"\x81": r"invalid character '\x81' looking for beginning of value",
    b"\xef\xbb\xbf{}": r"invalid character '\ufeff' looking for beginning of value",
    b'{"a":1 2}': "invalid character '2' after object key:value pair",
    b'{"a":01}': "invalid character '1' after object key:value pair",
    b'{"a" 1}': "invalid character '1' after object key",
    b"[1 2]": "invalid character '2' after array element",
    b"{} {}": "invalid character '{' after top-level value",
    b"not json": "invalid character 'o' in literal null (expecting 'u')",
    b"trux": "invalid character 'x' in literal true (expecting 'e')",
    b"-x": "invalid character 'x' in numeric literal",
    b'"\\q"': r"invalid escape sequence `\q` in string",
    b'"\\u12g4"': r"invalid escape sequence `\u12g4` in string",
    b'"\\u2\xff02"': r'invalid escape sequence "\\u2\xff02" in string',
    b"[" * 10_001: "exceeded max depth",
}


@pytest.mark.parametrize(("body", "message"), ERRORS.items(), ids=list(ERRORS.values()))
def test_what_is_no_json_is_refused_in_gos_words(body: bytes, message: str) -> None:
    with pytest.raises(JSONError) as refused:
        read(body)

    assert str(refused.value) == message


def test_ten_thousand_levels_are_read() -> None:
    assert read(b"[" * 10_000 + b"]" * 10_000)


def test_halves_of_surrogate_pairs_and_bytes_that_are_no_utf_8_become_replacement_characters() -> None:
    assert read(b'"\\ud83d\\ude00 \\ud83d \\ud83d\\u0041 \\udc00"') == "\U0001f600 \ufffd \ufffdA \ufffd"
    assert read(b'"\xe2\x82 \x80"') == "\ufffd\ufffd \ufffd"


def test_numbers_that_are_no_64_bit_integers_keep_their_text() -> None:
    numbers = read(b"[1, -9223372036854775808, 9223372036854775808, 1e3, 1.50]")

    assert numbers[:2] == [1, -(2**63)]
    assert [number.text for number in numbers[2:] if isinstance(number, Number)] == [
        "9223372036854775808",
        "1e3",
        "1.50",
    ]


def test_an_object_with_repeated_keys_has_the_last_value_and_knows_all() -> None:
    value = read(b'{"a": {"x": 1}, "b": 1, "a": {"y": 2}}')

    assert isinstance(value, RepeatedKeys)
    assert value == {"a": {"y": 2}, "b": 1}
    assert value.pairs == (("a", {"x": 1}), ("b", 1), ("a", {"y": 2}))


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_what_orjson_writes_is_read_as_it_was(value: Any) -> None:
    body = orjson.dumps(value)

    assert read(body) == orjson.loads(body)


@given(st.text(alphabet='{}[]",:\\u0019ae-+.tfn \n') | st.text())
def test_both_readers_take_the_same_texts(text: str) -> None:
    body = text.encode("utf-8", "replace")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return

    assert read(body) == value


@given(st.binary(max_size=40))
def test_any_bytes_are_a_value_or_an_error_of_their_own(body: bytes) -> None:
    with contextlib.suppress(JSONError):
        read(body)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.5, "1.5"),
        (1000.0, "1000"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (float(2**64), "18446744073709552000"),
        (float(-(2**63) - 1), "-9223372036854776000"),
        (1e-6, "0.000001"),
        (1.5e-7, "1.5e-7"),
    ],
)
def test_floats_are_written_as_go_writes_them(number: float, text: str) -> None:
    assert float_text(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_float_is_the_same_number(number: float) -> None:
    assert math.isclose(float(float_text(number)), number, rel_tol=0)


def test_strings_are_quoted_as_go_quotes_them() -> None:
    assert quoted('a"b\\\n\x01\x80é\ufeff') == '"a\\"b\\\\\\n\\x01\\u0080é\\ufeff"'


def test_the_texts_of_objects_are_found_by_their_places() -> None:
    body = b' {"a": [{}, { "b": 1 }, [{"deeper": 2}]], "c": {"d" : {"e":"\xff"}}, "c": {"d":{} } } '

    texts = texts_of_objects(body, {2})

    assert texts == {("a", 0): b"{}", ("a", 1): b'{ "b": 1 }', ("c", "d"): b"{}"}
    assert texts_of_objects(body, {1}) == {("c",): b'{"d":{} }'}
    assert texts_of_objects(b'{"a":{"b":"\xff"}}', {1}) == {("a",): '{"b":"\ufffd"}'.encode()}
