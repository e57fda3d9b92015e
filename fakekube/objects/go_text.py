"""How Go writes values inside the messages that clients get to see: quoted strings and floating point numbers."""

from __future__ import annotations

_SHORT_ESCAPES = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}


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
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def float_text(number: float) -> str:
    """A number as Go's JSON encoder writes it: `1.5`, `1000`, `1e+21`, `1e-7`."""
    if number.is_integer() and abs(number) < 1e21:
        return str(int(number))
    mantissa, _, exponent = repr(number).partition("e")
    mantissa = mantissa.removesuffix(".0")
    if not exponent:
        return mantissa
    power = int(exponent)
    if power < -6 or power >= 21:
        return f"{mantissa}e{power:+d}"
    return f"{number:.{len(mantissa.replace('-', '').replace('.', '')) - 1 - power}f}"
