"""Quantities: `quantity('1.5Gi').isLessThan(quantity('2Gi'))`.

https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-quantity-library
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Context
from functools import lru_cache
from typing import ClassVar

from fakekube.expressions.types import Type, overload
from fakekube.expressions.values import EvaluationProblem
from fakekube.objects import quantities
from fakekube.objects.quantities import NANO, QuantityError

_EXACT = Context(prec=1000)
_WORD = 1 << 63


@dataclass(frozen=True, slots=True, order=True)
class Quantity:
    """`number * 10**power`, which equals and is less than others by its amount.

    The server calculates with numbers of 64 bits as long as it can (`is_word`); what has once been larger is no integer any more.
    With what was calculated (`is_result`) it compares nothing by `==`, unless it stands on the left: it knows it by another type there.
    """

    type: ClassVar[Type] = Type("kubernetes.Quantity")

    nanos: int = field(init=False)
    """The amount."""
    number: int = field(compare=False)
    power: int = field(compare=False)
    """Not below that of NANO."""
    is_word: bool = field(compare=False)
    is_result: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nanos", self.number * 10 ** (self.power - NANO))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Quantity):
            return False
        if other.is_result:
            raise EvaluationProblem("no such overload")
        return self.nanos == other.nanos

    def __hash__(self) -> int:
        return hash(self.nanos)


@lru_cache(1024)
def quantity(text: str) -> Quantity:
    if text != text.strip():
        raise EvaluationProblem(quantities.NOT_A_QUANTITY)
    try:
        word, read = quantities.word(text), quantities.quantity(text)
    except QuantityError as error:
        raise EvaluationProblem(str(error)) from None
    if word is not None:
        return Quantity(*word, is_word=True)
    if read.family == "binary" and abs(read.value) == _WORD - 1:
        # What is larger is cut to this.
        return Quantity(int(read.value), 0, is_word=False)
    return Quantity(int(read.value.scaleb(-NANO, _EXACT)), NANO, is_word=False)


def is_quantity(text: str) -> bool:
    try:
        quantity(text)
    except EvaluationProblem:
        return False
    return True


def _integer(amount: Quantity) -> int | None:
    if not amount.is_word or amount.power < 0:
        return None
    number = amount.number * 10**amount.power
    return number if _fits(number) else None


def as_integer(amount: Quantity) -> int:
    number = _integer(amount)
    if number is None:
        raise EvaluationProblem("cannot convert value to integer")
    return number


def as_approximate_float(amount: Quantity) -> float:
    """Calculated as the server does, to the same last digit."""
    try:
        number = float(amount.number)
    except OverflowError:
        number = float("inf") if amount.number > 0 else float("-inf")
    return number * _power_of_ten(amount.power)


def _power_of_ten(power: int) -> float:
    """As Go's math.Pow10 gives it, which is not always the nearest float."""
    if power < 0:
        return 1 / _power_of_ten(-power)
    return float(f"1e{power // 32 * 32}") * float(f"1e{power % 32}")


def sign(amount: Quantity) -> int:
    return (amount.nanos > 0) - (amount.nanos < 0)


def compare(left: Quantity, right: Quantity) -> int:
    return (left.nanos > right.nanos) - (left.nanos < right.nanos)


def add(left: Quantity, right: Quantity) -> Quantity:
    if left.is_word and right.is_word and not (left.number and right.number):
        term = right if right.number else left
        return Quantity(term.number, term.power, is_word=True, is_result=True)
    power = min(left.power, right.power)
    numbers = [term.number * 10 ** (term.power - power) for term in (left, right)]
    total = sum(numbers)
    is_word = left.is_word and right.is_word and all(map(_fits, (*numbers, total)))
    return Quantity(total, power, is_word, is_result=True)


def subtract(left: Quantity, right: Quantity) -> Quantity:
    return add(left, Quantity(-right.number, right.power, right.is_word))


def _whole(number: int) -> Quantity:
    return Quantity(number, 0, is_word=True)


def _fits(number: int) -> bool:
    return -_WORD <= number < _WORD


OVERLOADS = (
    overload("quantity(string): kubernetes.Quantity", quantity),
    overload("isQuantity(string): bool", is_quantity),
    # The one function of a quantity that is called as sign(q).
    overload("sign(kubernetes.Quantity): int", sign),
    overload("kubernetes.Quantity.isGreaterThan(kubernetes.Quantity): bool", lambda left, right: left > right),
    overload("kubernetes.Quantity.isLessThan(kubernetes.Quantity): bool", lambda left, right: left < right),
    overload("kubernetes.Quantity.compareTo(kubernetes.Quantity): int", compare),
    overload("kubernetes.Quantity.asApproximateFloat(): double", as_approximate_float),
    overload("kubernetes.Quantity.asInteger(): int", as_integer),
    overload("kubernetes.Quantity.isInteger(): bool", lambda amount: _integer(amount) is not None),
    overload("kubernetes.Quantity.add(kubernetes.Quantity): kubernetes.Quantity", add),
    overload("kubernetes.Quantity.add(int): kubernetes.Quantity", lambda left, number: add(left, _whole(number))),
    overload("kubernetes.Quantity.sub(kubernetes.Quantity): kubernetes.Quantity", subtract),
    overload("kubernetes.Quantity.sub(int): kubernetes.Quantity", lambda left, number: subtract(left, _whole(number))),
)
