"""How Go writes values inside the messages that clients get to see: quoted strings and floating point numbers."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

_SHORT_ESCAPES = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}


def shown_text(data: bytes) -> str:
    """Bytes as Go shows them in JSON: each that is no UTF-8 as U+FFFD."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _SURROGATES.sub("\ufffd", data.decode("utf-8", "surrogateescape"))


_SURROGATES = re.compile(r"[\ud800-\udfff]")


def quoted(text: str) -> str:
    """`text` as Go's %q writes it, in double quotes."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(_escaped(character, chr(34)) for character in text)}"'


def quoted_character(character: str) -> str:
    """One character in single quotes, as strconv.QuoteRune does."""
    return f"'{_escaped(character, chr(39))}'"


def _escaped(character: str, quote: str) -> str:
    if character in (quote, "\\"):
        return f"\\{character}"
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    if 0xDC80 <= code < 0xDD00:  # a byte that is no UTF-8, as Python's surrogateescape keeps it
        return f"\\x{code - 0xDC00:x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def float_text(number: float) -> str:
    """A number as Go's JSON encoder writes it: `1.5`, `1000`, `18446744073709552000`, `1e+21`, `1e-7`."""
    if number.is_integer() and abs(number) < 2**53:
        return str(int(number))
    if abs(number) < 1e21 and number.is_integer():
        return f"{Decimal(repr(number)):f}".removesuffix(".0")  # no more digits than tell it from its neighbours
    mantissa, _, exponent = repr(number).partition("e")
    mantissa = mantissa.removesuffix(".0")
    if not exponent:
        return mantissa
    power = int(exponent)
    if power < -6 or power >= 21:
        return f"{mantissa}e{power:+d}"
    return f"{number:.{len(mantissa.replace('-', '').replace('.', '')) - 1 - power}f}"


def general_text(number: float) -> str:
    """A number as Go's %v writes it: `1.5`, `100000`, `1.5e+06`, `1e-05`."""
    digits = Decimal(repr(float(number))).normalize()
    if not digits or -4 <= digits.adjusted() < 6:
        return float_text(number)
    mantissa, _, power = f"{digits:E}".partition("E")
    return f"{mantissa}e{int(power):+03d}"


def plain_text(value: Any) -> str:
    """A JSON value as Go's %v prints what its decoder made of it: `map[a:1 b:[x y] c:<nil>]`, keys sorted."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{plain_text(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(plain_text, value))}]"
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return general_text(value)
    return str(value)


def type_text(value: Any) -> str:
    """What Go calls the type of a decoded JSON value."""
    return next(name for kind, name in _TYPES if isinstance(value, kind))


_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (int, "int64"),
    (float, "float64"),
    (str, "string"),
    (list, "[]interface {}"),
    (dict, "map[string]interface {}"),
    (type(None), "%!s(<nil>)"),
)
