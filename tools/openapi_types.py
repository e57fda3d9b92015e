"""What do the OpenAPI documents say about a type? Reads the short codes of `data/openapi-schemas.json` (its `note` explains them)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_SCALARS = {"s": "string", "b": "boolean", "i": "integer", "n": "number", "o": "object", "any": "any"}

_JSON_SCHEMA = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."

SPECIAL_TYPES: dict[str, tuple[str, str, str]] = {
    "meta.Time": ("time", "date-time", ""),
    "meta.MicroTime": ("micro_time", "date-time", ""),
    "meta.Patch": ("object", "", ""),
    "meta.FieldsV1": ("object", "", ""),
    "io.k8s.apimachinery.pkg.api.resource.Quantity": ("quantity", "", ""),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": ("int_or_string", "int-or-string", ""),
    "io.k8s.apimachinery.pkg.runtime.RawExtension": ("object", "", ""),
    _JSON_SCHEMA + "JSON": ("any", "", ""),
    _JSON_SCHEMA + "JSONSchemaPropsOrArray": ("any", "", _JSON_SCHEMA + "JSONSchemaProps"),
    _JSON_SCHEMA + "JSONSchemaPropsOrBool": ("any", "", _JSON_SCHEMA + "JSONSchemaProps"),
    _JSON_SCHEMA + "JSONSchemaPropsOrStringArray": ("any", "", _JSON_SCHEMA + "JSONSchemaProps"),
}
"""Schemas that stand for a value of a special form, not for a struct: type, format and ref of a field."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a schema. `shape`, `type`, `ref` and `format` are those of `fakekube.facts.Field`."""

    shape: str
    type: str
    ref: str
    format: str
    attributes: dict[str, Any] = field(default_factory=dict)
    """`default enum list-type list-map-keys map-type patch-strategy patch-merge-key`, those of elements among them."""


def read_property(code: str | list[Any]) -> Property:
    """The property that `code` stands for: a string, `[code, attributes]` or `["[]", code of the element, attributes]`."""
    if isinstance(code, list):
        if code[0] in ("[]", "{}"):
            element, attributes = read_property(code[1]), code[2]
            shape = "list" if code[0] == "[]" else "map"
            inner = {name: value for name, value in element.attributes.items() if name == "enum"}
            return Property(shape, element.type, element.ref, element.format, inner | attributes)
        bare = read_property(code[0])
        return Property(bare.shape, bare.type, bare.ref, bare.format, code[1])
    for opening, closing, shape in ("[", "]", "list"), ("{", "}", "map"):
        if code.startswith(opening) and code.endswith(closing):
            element = read_property(code[1:-1])
            if element.shape != "one":
                shape = f"{shape}_of_{element.shape}s"
            return Property(shape, element.type, element.ref, element.format)
    if code.startswith("#"):
        name = code[1:]
        type_, format_, ref = SPECIAL_TYPES.get(name, ("ref", "", name))
        return Property("one", type_, ref, format_)
    scalar, _, format_ = code.partition(":")
    if format_ == "byte":
        return Property("one", "bytes", "", format_)
    return Property("one", _SCALARS[scalar], "", format_)
