"""Quantities in expressions."""

from __future__ import annotations

import pytest

from tests.expressions.libraries.evaluation import problem_of, value_of


@pytest.mark.parametrize("text", ["1.3Gi", "10000k", "500m", "1e3", "-1", "+2", ".5", "5.", "0"])
def test_quantities_are_recognised(text: str) -> None:
    assert value_of("isQuantity(self)", self=text)


@pytest.mark.parametrize("text", ["", "1,3G", "200K", "Three", " 1", "1 ", "1.2.3", "1KiB"])
def test_what_is_no_quantity_is_recognised(text: str) -> None:
    assert not value_of("isQuantity(self)", self=text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sign(quantity('-1m'))", -1),
        ("sign(quantity('0'))", 0),
        ("quantity('200M').compareTo(quantity('0.2G'))", 0),
        ("quantity('50M').compareTo(quantity('50Mi'))", -1),
        ("quantity('150Mi').isGreaterThan(quantity('100Mi'))", True),
        ("quantity('50M').isLessThan(quantity('50M'))", False),
        ("quantity('1k') == quantity('1000')", True),
        ("quantity('50k').add(quantity('20k')) == quantity('70k')", True),
        ("quantity('50k').add(20).sub(quantity('100k')).sub(-50000) == quantity('20')", True),
        ("quantity('50k').asInteger()", 50000),
        ("quantity('1Ti').add(1).asInteger()", 1099511627777),
        ("quantity('1').sub(quantity('1k')).asInteger()", -999),
        ("quantity('1.5').asApproximateFloat()", 1.5),
        ("quantity('3n').asApproximateFloat()", 3.0000000000000004e-09),
        ("quantity('9999999999999999999999999999999999999G').asApproximateFloat()", 1.0000000000000001e46),
        ("quantity('9Ei').asApproximateFloat()", 9223372036854775807.0),
        ("type(quantity('1')) == type(quantity('2k'))", True),
    ],
)
def test_quantities_are_compared_and_calculated_with(text: str, expected: object) -> None:
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50000000G", True),
        ("2000m", False),  # The server does not look whether it is a whole number all the same.
        ("1Ti", True),
        ("100Ti", False),  # Too many digits for what it guesses to fit in 64 bits.
        ("9223372036854775807", False),
        ("9999999999999999999999999999999999999G", False),
    ],
)
def test_an_integer_is_what_the_server_calculates_with_in_64_bits(text: str, expected: bool) -> None:
    assert value_of("quantity(self).isInteger()", self=text) is expected
    if not expected:
        assert problem_of("quantity(self).asInteger()", self=text) == "cannot convert value to integer"


def test_a_sum_that_outgrows_64_bits_is_no_integer_any_more() -> None:
    most = "quantity('999999999999999999')" + ".add(quantity('999999999999999999'))" * 9

    assert not value_of(f"{most}.isInteger()")
    assert value_of(f"{most}.sub(quantity('9999999999999999990')) == quantity('0')")


def test_what_is_no_quantity_is_said_in_the_words_of_the_server() -> None:
    expression = r"'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    assert problem_of("quantity('x')") == f"quantities must match the regular expression {expression}"
    assert problem_of("quantity('200K')") == "unable to parse quantity's suffix"
    assert problem_of("quantity('Ei')") == "unable to parse numeric part of quantity"


def test_what_was_calculated_is_compared_only_from_the_left() -> None:
    assert value_of("quantity('1k').add(1) == quantity('1001')") is True
    assert problem_of("quantity('1001') == quantity('1k').add(1)") == "no such overload"
    assert value_of("quantity('1001') != quantity('1k').add(1)") is True
    assert value_of("quantity('1001').compareTo(quantity('1k').add(1))") == 0


def test_a_quantity_can_be_compared_only_with_another_one() -> None:
    assert problem_of("quantity('1') == self", self=1) == "no such overload"
    assert value_of("quantity('1') != self", self=1) is True
    assert value_of("quantity('1') == self", self=None) is False
    assert value_of("self == quantity('1')", self=1) is False
    assert value_of("quantity('1') in self", self=["1"]) is False
