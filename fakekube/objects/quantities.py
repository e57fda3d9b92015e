"""Amounts of resources: what `500m` and `1.5Gi` are worth, and how the server writes them.

A quantity is a decimal number of at most nine places with a unit: decimal (`n u m - k M G T P E`), binary (`Ki` to `Ei`) or an exponent
(`e3`). The server keeps the text it was sent where that was tidy and writes the number anew, in the same family of units, where it was not.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal
from functools import lru_cache
from typing import Literal

Family = Literal["decimal", "binary", "exponent"]
"""How an amount is written: with `k`, with `Ki`, or with `e3`."""

NANO = -9
"""The finest place of any quantity, as a power of ten."""
MILLI = -3
"""The finest place of the amounts in a ResourceList (requests, limits, capacity, hard ...)."""

NOT_A_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
UNKNOWN_SUFFIX = "unable to parse quantity's suffix"
NOT_A_NUMBER = "unable to parse numeric part of quantity"

_LARGEST_BINARY = Decimal(2**63 - 1)
_POWERS_OF_TEN = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_POWERS_OF_TWO = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_UNITS = {power: unit for unit, power in _POWERS_OF_TEN.items()}
_BINARY_UNITS = {power: unit for unit, power in _POWERS_OF_TWO.items()} | {0: ""}
_TEXT = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)")
_EXPONENT = re.compile(r"[eE]([-+]?[0-9]+)")
_DIGITS_OF_A_WORD = 18
"""Digits up to which the server calculates with 64-bit integers, and so may keep a text as it is."""

_EXACT = Context(prec=600)
_LARGEST_EXPONENT = 300
_LONGEST_TEXT = 250
"""Beyond these two a text is refused as no number: the real server counts on, with integers as large as the text says."""


class QuantityError(ValueError):
    """The text is no quantity; the message is the server's."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount and the family of units it is written in. Sums keep the family of the first term that is not zero."""

    value: Decimal
    family: Family = "decimal"

    def __str__(self) -> str:
        return _written(self.value, self.family)

    def __add__(self, other: Quantity) -> Quantity:
        family = self.family if self.value else other.family
        return Quantity(_EXACT.add(self.value, other.value), family)

    def __sub__(self, other: Quantity) -> Quantity:
        family = self.family if self.value else other.family
        return Quantity(_EXACT.subtract(self.value, other.value), family)


def quantity(text: str | int) -> Quantity:
    """What `text` is worth. Raises QuantityError."""
    return _read(str(text)).quantity


def parse(text: str | int) -> Decimal:
    """The number that `text` stands for: `parse("500m") == Decimal("0.5")`. Raises QuantityError."""
    return _read(str(text)).quantity.value


def compare(left: str, right: str) -> int:
    """-1, 0 or 1, as `left` is less than, equal to or greater than `right`. Raises QuantityError."""
    difference = parse(left).compare(parse(right))
    return int(difference)


@lru_cache(maxsize=2048)
def canonical(text: str, finest: int = NANO) -> str:
    """`text` as the server answers it, rounded up to the place `finest`: `1000m` is `1`, `1024Mi` is `1Gi`, `1500Mi` stays.

    Raises QuantityError.
    """
    read = _read(text)
    value = _rounded_up(read.quantity.value, finest)
    if read.kept and value == read.quantity.value:
        return text.strip(" \t\r\n")
    return _written(value, read.quantity.family)


def word(text: str) -> tuple[int, int] | None:
    """(number, power) of a text that the server calculates with in 64 bits: number * 10**power; None for what it takes more for.

    `1500m` is (1500, -3), `1Ki` (1024, 0). Raises QuantityError.
    """
    return _read(text).word


@dataclass(frozen=True, slots=True)
class _Read:
    quantity: Quantity
    kept: bool
    """The text is tidy enough to be answered as it was sent."""
    word: tuple[int, int] | None


@lru_cache(maxsize=2048)
def _read(text: str) -> _Read:
    text = text.strip(" \t\r\n")
    match = _TEXT.fullmatch(text)
    if not text or match is None:
        raise QuantityError(NOT_A_QUANTITY)
    if len(text) > _LONGEST_TEXT:
        raise QuantityError(NOT_A_NUMBER)
    sign, whole, fraction, suffix = match[1], match[2].lstrip("0"), match[3] or "", match[4]
    family, base, power = _unit(suffix)
    number = _EXACT.create_decimal(f"{sign}{match[2] or '0'}.{fraction}")
    digits = (whole or "0") + fraction
    if base == 10:
        value = number.scaleb(power, _EXACT)
        kept = (
            len(whole) + len(fraction) <= _DIGITS_OF_A_WORD
            and (power - len(fraction)) % 3 == 0
            and power - len(fraction) >= NANO
            and not digits.endswith("000")
            and not digits.startswith("0")
        )
    else:
        value = _EXACT.multiply(number, Decimal(2**power))
        kept = power <= 40 and not fraction and int(digits) % 8 != 0
    word = _in_a_word(-1 if sign == "-" else 1, digits, len(fraction), base, power)
    if word is None and not match[2] and not fraction:
        raise QuantityError(NOT_A_NUMBER)
    value = _rounded_up(value, NANO)
    if family == "binary" and abs(value) > _LARGEST_BINARY:
        value, kept = _LARGEST_BINARY.copy_sign(value), False
    if family == "binary" and 0 < abs(value) < 1:
        family = "decimal"
    return _Read(Quantity(value, family), kept or text == "0", word)


def _in_a_word(sign: int, digits: str, places: int, base: int, power: int) -> tuple[int, int] | None:
    """The server guesses from the number of digits: what has many is not tried, small as it may be."""
    if base == 10:
        fits, scale, factor = len(digits) <= _DIGITS_OF_A_WORD, power - places, 1
    else:
        fits, scale, factor = not places and len(digits) + power * 3 // 10 <= 14, 0, 2**power
    return (sign * int(digits) * factor, scale) if fits and scale >= NANO else None


def _unit(suffix: str) -> tuple[Family, int, int]:
    """The family, base and power of a suffix: `Mi` is ("binary", 2, 20)."""
    if suffix in _POWERS_OF_TEN:
        return "decimal", 10, _POWERS_OF_TEN[suffix]
    if suffix in _POWERS_OF_TWO:
        return "binary", 2, _POWERS_OF_TWO[suffix]
    exponent = _EXPONENT.fullmatch(suffix)
    if exponent is None:
        raise QuantityError(UNKNOWN_SUFFIX)
    power = int(exponent[1][:12])
    if power > _LARGEST_EXPONENT:
        raise QuantityError(NOT_A_NUMBER)
    return "exponent", 10, max(power, -_LARGEST_EXPONENT)


def _rounded_up(value: Decimal, finest: int) -> Decimal:
    """Away from zero, so that whoever asks for a little gets some."""
    place = Decimal(1).scaleb(finest)
    rounded = abs(value).quantize(place, rounding=ROUND_CEILING, context=_EXACT)
    return rounded.copy_sign(value) if rounded != abs(value) else value


def _written(value: Decimal, family: Family) -> str:
    if not value:
        return "0"
    if family == "binary" and (abs(value) < 1024 or value != value.to_integral_value(context=_EXACT)):
        family = "decimal"
    if family == "binary":
        mantissa, power = int(value), 0
        while mantissa % 1024 == 0 and power < 60:
            mantissa, power = mantissa // 1024, power + 10
        return f"{mantissa}{_BINARY_UNITS[power]}"
    mantissa, power = _without_thousands(value)
    if family == "decimal":
        while power > 18:
            mantissa, power = mantissa * 1000, power - 3
        return f"{mantissa}{_DECIMAL_UNITS[power]}"
    return f"{mantissa}e{power}" if power else str(mantissa)


def _without_thousands(value: Decimal) -> tuple[int, int]:
    """(mantissa, power): value = mantissa * 10**power, the power a multiple of three and the mantissa whole and no multiple of 1000."""
    mantissa, power = int(value.scaleb(-NANO, _EXACT)), NANO
    while mantissa % 1000 == 0:
        mantissa, power = mantissa // 1000, power + 3
    return mantissa, power
