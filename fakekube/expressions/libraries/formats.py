"""Formats by name: `format.dns1123Label().validate(self)` has the list of what is wrong, or no value.

https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-format-library
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from fakekube.expressions.types import Type, overload
from fakekube.expressions.values import NONE, Optional
from fakekube.objects import go_urls, names
from fakekube.objects.string_formats import is_of_format


@dataclass(frozen=True, slots=True)
class Format:
    """It equals another one with the same name."""

    type: ClassVar[Type] = Type("kubernetes.NamedFormat")

    name: str
    errors: Callable[[str], list[str]] = field(compare=False)
    longest_pattern: int = field(compare=False)
    """Its length in characters, which decides what a check costs."""


def _name(rule: str, *, prefix: bool) -> Callable[[str], list[str]]:
    check = names.rule(rule)
    return lambda text: check(text, prefix)


def _of_format(name: str, error: str) -> Callable[[str], list[str]]:
    return lambda text: [] if is_of_format(text, name) else [error]


def _uri(text: str) -> list[str]:
    try:
        go_urls.parse_of_request(text)
    except go_urls.URLError as error:
        return [str(error)]
    return []


FORMATS = {
    "dns1123Label": Format("DNS1123Label", _name("label", prefix=False), 30),
    "dns1123Subdomain": Format("DNS1123Subdomain", _name("subdomain", prefix=False), 60),
    "dns1035Label": Format("DNS1035Label", _name("label 1035", prefix=False), 30),
    "qualifiedName": Format("QualifiedName", names.qualified_name, 60),
    "dns1123LabelPrefix": Format("DNS1123LabelPrefix", _name("label", prefix=True), 30),
    "dns1123SubdomainPrefix": Format("DNS1123SubdomainPrefix", _name("subdomain", prefix=True), 60),
    "dns1035LabelPrefix": Format("DNS1035LabelPrefix", _name("label 1035", prefix=True), 30),
    "labelValue": Format("LabelValue", names.label_value, 40),
    "uri": Format("URI", _uri, 1103),
    "uuid": Format("uuid", _of_format("uuid", "does not match the UUID format"), 70),
    "byte": Format("byte", _of_format("byte", "invalid base64"), 84),
    "date": Format("date", _of_format("date", "invalid date"), 71),
    "datetime": Format("datetime", _of_format("datetime", "invalid datetime"), 71),
}


def named(name: str) -> Optional:
    found = FORMATS.get(name)
    return NONE if found is None else Optional(found)


def validate(format: Format, text: str) -> Optional:
    """What is wrong, where something is."""
    errors = format.errors(text)
    return Optional(errors) if errors else NONE


def _given(format: Format) -> Callable[[], Format]:
    return lambda: format


OVERLOADS = (
    overload("format.named(string): optional_type(kubernetes.NamedFormat)", named),
    *(overload(f"format.{name}(): kubernetes.NamedFormat", _given(format)) for name, format in FORMATS.items()),
    overload("kubernetes.NamedFormat.validate(string): optional_type(list(string))", validate),
)
