"""JSON values as YAML, the way the API server writes it: keys in its order, nothing abbreviated, quotes where a text
would be read as something else."""

from __future__ import annotations

import re
from functools import cache, cmp_to_key
from typing import Any

from fakekube.objects.yaml import resolve

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:[Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})| [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?)?"
)
_SIXTIES = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
"""Numbers in base 60, which old readers know."""


_DIGITS = re.compile(r"\d*")
_ENDS_IN_NUMBER = re.compile(r"[1-9]\d*$")


def yaml_text(value: Any) -> bytes:
    import yaml

    text: str = yaml.dump(
        value, Dumper=_dumper(), default_flow_style=False, sort_keys=False, allow_unicode=True, width=80
    )
    return text.encode()


@cache
def _dumper() -> Any:
    """A dumper that repeats what the value holds twice, where PyYAML would write anchors."""
    import yaml

    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class WithoutAliases(base):  # type: ignore[misc]
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def represent_text(dumper: Any, text: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))

    def represent_object(dumper: Any, members: dict[str, Any]) -> Any:
        return dumper.represent_mapping("tag:yaml.org,2002:map", sorted(members.items(), key=_place))

    represent = yaml.representer.SafeRepresenter
    WithoutAliases.add_representer(dict, represent_object)
    WithoutAliases.add_representer(str, represent_text)
    for type, write in (
        (dict, represent_object),
        (str, represent_text),
        (float, represent.represent_float),
        (int, represent.represent_int),
    ):
        # Values that know how they were sent are written as what they stand for.
        WithoutAliases.add_multi_representer(type, write)
    return WithoutAliases


def _style(text: str) -> str | None:
    """How the server quotes a text: lines stand as lines, what would be read as something else stands between double quotes."""
    if "\n" in text:
        return "|"
    is_text = isinstance(resolve(text), str) and not _TIME.fullmatch(text) and not _SIXTIES.fullmatch(text)
    return None if is_text else '"'


def _compared(one: tuple[str, Any], other: tuple[str, Any]) -> int:
    """Below 0 if `one` comes first: where they differ other signs before letters, and numbers by what they count."""
    a, b = one[0], other[0]
    i = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
    if i is None:
        return len(a) - len(b)
    if a[i].isalpha() or b[i].isalpha():
        return (a[i] > b[i]) - (a[i] < b[i]) if a[i].isalpha() and b[i].isalpha() else (1 if a[i].isalpha() else -1)
    # A zero that follows other digits of the same number counts.
    before = "1" if "0" in (a[i], b[i]) and _ENDS_IN_NUMBER.search(a, 0, i) else ""
    first, second = _number(a, i, before), _number(b, i, before)
    return -1 if first < second else 1


def _number(text: str, start: int, before: str) -> tuple[int, int, str]:
    """How many the digits from a place on are, how long they are, and the first sign."""
    digits = _DIGITS.match(text, start)
    count = digits.end() - start if digits else 0
    return int(f"{before}{text[start : start + count]}" or "0"), count, text[start]


_place = cmp_to_key(_compared)
