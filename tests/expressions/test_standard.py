"""The standard functions and operators."""

from __future__ import annotations

import math

import pytest

from fakekube.expressions.values import Duration, Timestamp, Unsigned, Value
from tests.expressions.evaluation import problem_of, value_of

SMALLEST, LARGEST = "-9223372036854775808", "9223372036854775807"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 - 4", 3),
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 % -3", 1),
        ("-7 % 3", -1),
        (f"{LARGEST} % 10", 7),
        ("-(-3)", 3),
        ("7u / 2u + 7u % 2u", 4),
        ("1.5 + 2.0 * 2.0", 5.5),
        ("1.0 / 0.0", math.inf),
        ("-1.0 / 0.0", -math.inf),
        ("1.0 / 4.0", 0.25),
        ("'a' + 'b'", "ab"),
        ("b'a' + b'b'", b"ab"),
        ("[1] + [2, 3]", [1, 2, 3]),
        ("duration('1h') + duration('30m')", Duration(5400 * 10**9)),
        ("timestamp(10) + duration('5s')", Timestamp(15 * 10**9)),
        ("duration('5s') + timestamp(10)", Timestamp(15 * 10**9)),
        ("timestamp(10) - duration('5s')", Timestamp(5 * 10**9)),
        ("timestamp(10) - timestamp(4)", Duration(6 * 10**9)),
        ("duration('1h') - duration('30m')", Duration(1800 * 10**9)),
    ],
)
def test_numbers_texts_and_times_are_calculated_with(text: str, expected: Value) -> None:
    assert value_of(text) == expected


def test_zero_by_zero_is_no_number() -> None:
    assert math.isnan(value_of("0.0 / 0.0"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{LARGEST} + 1", "integer overflow"),
        (f"{SMALLEST} - 1", "integer overflow"),
        (f"{LARGEST} * 2", "integer overflow"),
        (f"{SMALLEST} / -1", "integer overflow"),
        (f"{SMALLEST} % -1", "integer overflow"),
        (f"-dyn({SMALLEST})", "integer overflow"),
        ("1 / 0", "division by zero"),
        ("1 % 0", "modulus by zero"),
        ("1u / 0u", "division by zero"),
        ("1u % 0u", "modulus by zero"),
        ("1u - 2u", "unsigned integer overflow"),
        ("18446744073709551615u + 1u", "unsigned integer overflow"),
        ("timestamp('9999-12-31T23:59:59Z') + duration('1s')", "timestamp overflow"),
        ("timestamp('0001-01-01T00:00:00Z') - duration('1s')", "timestamp overflow"),
        ("timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z')", "integer overflow"),
        ("double('NaN') < 1.0", "NaN values cannot be ordered"),
        ("1 < double('NaN')", "NaN values cannot be ordered"),
    ],
)
def test_what_has_no_room_in_64_bits_is_a_problem(text: str, problem: str) -> None:
    assert problem_of(text) == problem


@pytest.mark.parametrize(
    "text",
    [
        "1 < 2",
        "1 < 2u",
        "1 < 1.5",
        "2u > 1.5",
        "1 <= 1.0",
        "1.5 >= 1u",
        "'a' < 'b'",
        "'Z' < 'a'",
        "b'a' < b'b'",
        "false < true",
        "duration('1s') < duration('2s')",
        "timestamp(1) >= timestamp(1)",
        "dyn(1) < dyn(2.5)",
    ],
)
def test_values_of_one_kind_have_an_order(text: str) -> None:
    assert value_of(text) is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int('-0012')", -12),
        ("int('+7')", 7),
        ("int(3.9)", 3),
        ("int(-3.9)", -3),
        ("int(7u)", 7),
        ("int(timestamp('1970-01-01T00:01:00.5Z'))", 60),
        ("uint('7')", Unsigned(7)),
        ("uint(7.9)", Unsigned(7)),
        ("double('1.5e3')", 1500.0),
        ("double('-Infinity')", -math.inf),
        ("double(3)", 3.0),
        ("bool('true') && bool('T') && bool('1')", True),
        ("bool('FALSE')", False),
        ("bytes('é')", "é".encode()),
        ("string(b'\\xc3\\xa9')", "é"),
        ("string(true)", "true"),
        ("string(-5)", "-5"),
        ("string(5u)", "5"),
        ("string(1.0)", "1"),
        ("string(0.1)", "0.1"),
        ("string(123456.0)", "123456"),
        ("string(1234567.0)", "1.234567e+06"),
        ("string(0.00001)", "1e-05"),
        ("string(0.0001)", "0.0001"),
        ("string(-0.5)", "-0.5"),
        ("string(double('inf'))", "+Inf"),
        ("string(duration('1h30m'))", "5400s"),
        ("string(duration('-1.5s'))", "-1.5s"),
        ("string(timestamp('2024-02-29T12:00:00.120Z'))", "2024-02-29T12:00:00.12Z"),
        ("string(timestamp('2024-02-29T12:00:00+02:00'))", "2024-02-29T12:00:00+02:00"),
        ("string(timestamp('2024-02-29T12:00:00-05:30') + duration('1h'))", "2024-02-29T13:00:00-05:30"),
        ("timestamp('2024-02-29T12:00:00+02:00').getHours()", 10),
        ("timestamp('1970-01-01T00:00:00.000000001Z')", Timestamp(1)),
        ("duration('1ns')", Duration(1)),
        ("duration('-1.5h')", Duration(-5400 * 10**9)),
        ("timestamp(5)", Timestamp(5 * 10**9)),
        ("dyn(1)", 1),
    ],
)
def test_values_are_converted(text: str, expected: Value) -> None:
    found = value_of(text)

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("int(text)", "type conversion error from 'string' to 'int'"),
        ("uint(text)", "type conversion error from 'string' to 'uint'"),
        ("double(text)", "type conversion error from 'string' to 'double'"),
        ("bool(text)", "type conversion error from 'string' to 'bool'"),
        ("timestamp(text)", "type conversion error from 'string' to 'google.protobuf.Timestamp'"),
        ("duration(text)", "type conversion error from 'string' to 'google.protobuf.Duration'"),
        ("int('9223372036854775808')", "type conversion error from 'string' to 'int'"),
        ("uint('+1')", "type conversion error from 'string' to 'uint'"),
        ("double('1e999')", "type conversion error from 'string' to 'double'"),
        ("int(1e30)", "integer overflow"),
        ("int(double('NaN'))", "integer overflow"),
        ("int(18446744073709551615u)", "integer overflow"),
        ("uint(-1)", "unsigned integer overflow"),
        ("uint(-1.0)", "unsigned integer overflow"),
        ("timestamp(999999999999)", "timestamp overflow"),
        ("string(b'\\xff')", "invalid UTF-8 in bytes, cannot convert to string"),
        ("duration(dyn(1))", "type conversion error from 'int' to 'google.protobuf.Duration'"),
        ("int([1])", "no such overload: int(list)"),
    ],
)
def test_what_cannot_be_converted_is_a_problem(text: str, problem: str) -> None:
    text = text.replace("[1]", "dyn([1])")

    assert problem_of(text, text="x") == problem


def test_digits_without_end_are_no_number() -> None:
    assert problem_of("int(text)", text="9" * 10_000) == "type conversion error from 'string' to 'int'"
    assert value_of("int(text)", text="0" * 10_000 + "7") == 7


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at.getFullYear()", 2024),
        ("at.getMonth()", 11),
        ("at.getDayOfYear()", 365),
        ("at.getDayOfMonth()", 30),
        ("at.getDate()", 31),
        ("at.getDayOfWeek()", 2),
        ("at.getHours()", 23),
        ("at.getMinutes()", 30),
        ("at.getSeconds()", 15),
        ("at.getMilliseconds()", 250),
        ("at.getFullYear('+01:00')", 2025),
        ("at.getHours('-02:30')", 21),
        ("at.getMinutes('-02:30')", 0),
        ("at.getDate('Asia/Tokyo')", 1),
        ("at.getHours('UTC')", 23),
        ("duration('90m').getHours()", 1),
        ("duration('90m').getMinutes()", 90),
        ("duration('-90s').getMinutes()", -1),
        ("duration('1.5s').getSeconds()", 1),
        ("duration('1.5s').getMilliseconds()", 1500),
    ],
)
def test_moments_and_spans_are_taken_apart(text: str, expected: int) -> None:
    assert value_of(text.replace("at.", "timestamp('2024-12-31T23:30:15.250Z').")) == expected


@pytest.mark.parametrize(
    ("zone", "problem"),
    [
        ("Nowhere/Else", "unknown time zone Nowhere/Else"),
        ("../etc/passwd", "unknown time zone ../etc/passwd"),
        ("+1:x", 'strconv.Atoi: parsing "x": invalid syntax'),
    ],
)
def test_zones_have_to_exist(zone: str, problem: str) -> None:
    assert problem_of("timestamp(0).getHours(zone)", zone=zone) == problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("timestamp('0001-01-01T00:00:00Z').getHours('-05:00')", 19),
        ("timestamp('0001-01-01T00:00:00Z').getFullYear('-05:00')", 0),
        ("timestamp('0001-01-01T00:00:00Z').getDate('America/New_York')", 31),
        ("timestamp('9999-12-31T23:59:59Z').getFullYear('+02:30')", 10000),
        ("timestamp('9999-12-31T23:59:59Z').getMonth('+02:30')", 0),
    ],
)
def test_clocks_go_on_where_the_years_of_moments_end(text: str, expected: int) -> None:
    assert value_of(text) == expected


def test_texts_of_long_spans_are_as_exact_as_doubles() -> None:
    assert (
        value_of("string(timestamp(1709217853) - timestamp('1969-12-31T23:59:59.876543211Z'))") == "1709217853.1234567s"
    )
    assert value_of("string(duration('1ns'))") == "0.000000001s"
