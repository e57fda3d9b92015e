"""Quantities: spelling, worth and order, with what kubectl and a real server made of many texts."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakekube.objects.quantities import MILLI, QuantityError, canonical, compare, parse, quantity, word

REWRITTEN = {
    "1000m": "1",
    "0.5": "500m",
    "1.5Gi": "1536Mi",
    "1024Mi": "1Gi",
    "0.1m": "100u",
    "0.5Mi": "512Ki",
    "0.5Gi": "512Mi",
    "0.1Ki": "102400m",
    "1000": "1k",
    "1000k": "1M",
    "2000M": "2G",
    "1000000000000": "1T",
    "5.000M": "5M",
    ".5": "500m",
    "0.002k": "2",
    "4e-1": "400e-3",
    "12e1": "120",
    "1E2": "100",
    "1e-10": "1e-9",
    "1e-400": "1e-9",
    "-1.5Gi": "-1536Mi",
    "100000000000000000000": "100E",
    "1000000Ei": "9223372036854775807",
    "0Mi": "0",
    "-0": "0",
    "00": "0",
    ".": "0",
    " 1000m ": "1",
}
KEPT = [
    "1",
    "1.",
    "+5",
    "00012",
    "00012Ki",
    "1024",
    "1048576",
    "1e3",
    "1E3",
    "10e3",
    "10E3",
    "2e-3",
    "5e0",
    "1500e-3",
    "1000Ki",
    "12345Ki",
    "1025Mi",
    "1500Mi",
    "1536Mi",
    "1100k",
    "-1500m",
    "123456789012345678901",
]
NO_QUANTITIES = ("", " ", "abc", "1KB", "1 Gi", "1_000", "NaN", "1e2m", "1,5", "true", "1GB", "1.2.3", "0x10", "１")
NO_SUFFIXES = ("1mi", "2e", "2E-", "1Ee", "1kk")


@pytest.mark.parametrize(("sent", "answered"), REWRITTEN.items())
def test_untidy_quantities_are_written_anew(sent: str, answered: str) -> None:
    assert canonical(sent) == answered


@pytest.mark.parametrize("text", KEPT)
def test_tidy_quantities_stay_as_they_were_sent(text: str) -> None:
    assert canonical(text) == text


@pytest.mark.parametrize(
    ("sent", "answered"), [("100u", "1m"), ("1n", "1m"), ("0.0001", "1m"), ("1.0000001Mi", "1048576105m")]
)
def test_amounts_in_resource_lists_are_rounded_up_to_thousandths(sent: str, answered: str) -> None:
    assert canonical(sent, MILLI) == answered


@pytest.mark.parametrize("text", NO_QUANTITIES)
def test_what_is_no_quantity_is_refused_with_the_regular_expression(text: str) -> None:
    with pytest.raises(QuantityError, match="quantities must match the regular expression"):
        canonical(text)


@pytest.mark.parametrize("text", NO_SUFFIXES)
def test_unknown_units_are_refused(text: str) -> None:
    with pytest.raises(QuantityError, match="unable to parse quantity's suffix"):
        canonical(text)


@pytest.mark.parametrize("text", ["1e999999999999", "9" * 5000, "1e301"])
def test_numbers_beyond_all_reason_are_refused_at_once(text: str) -> None:
    with pytest.raises(QuantityError):
        canonical(text)


def test_quantities_are_compared_by_what_they_are_worth() -> None:
    assert parse("1.5Gi") == Decimal(1536 * 1024 * 1024)
    assert compare("1000m", "1") == 0
    assert compare("1Gi", "1G") == 1
    assert compare("-1", "0") == -1


def test_sums_keep_the_units_of_the_first_amount_that_is_not_zero() -> None:
    assert str(quantity("1Gi") - quantity("512Mi")) == "512Mi"
    assert str(quantity("0") + quantity("1Gi") + quantity("1G")) == "2073741824"
    assert str(quantity("100m") + quantity("900m")) == "1"


UNITS = st.sampled_from(
    ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "e3", "E-3", "e1", "e-7"]
)
NUMBERS = st.one_of(
    st.integers(-(10**15), 10**15).map(str),
    st.decimals(-(10**6), 10**6, places=4).map(lambda number: f"{number:f}"),
)


@given(number=NUMBERS, unit=UNITS)
def test_the_canonical_text_is_worth_the_same_and_stays_as_it_is(number: str, unit: str) -> None:
    answered = canonical(number + unit)

    assert parse(answered) == parse(number + unit)
    assert canonical(answered) == answered


@given(st.text(max_size=12))
def test_any_text_is_a_quantity_or_an_error_of_its_own(text: str) -> None:
    with contextlib.suppress(QuantityError):
        assert parse(canonical(text)) == parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1500m", (1500, -3)), ("-1Ki", (-1024, 0)), ("1e3", (1, 3)), ("0.5", (5, -1)), ("1Ti", (1 << 40, 0))],
)
def test_what_is_short_is_calculated_with_in_64_bits(text: str, expected: tuple[int, int]) -> None:
    assert word(text) == expected


@pytest.mark.parametrize("text", ["100Ti", "0.5Gi", "9223372036854775807"])
def test_what_is_long_takes_more_than_64_bits(text: str) -> None:
    assert word(text) is None
