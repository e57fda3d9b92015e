"""JSON patches: `JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: 'x'}`.

https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/#patch-type-json-patch
"""

from __future__ import annotations

from fakekube.expressions.types import DYN, STRING, Field, ObjectType, overload

TYPE = ObjectType(
    "JSONPatch",
    fields={
        "op": Field(STRING, "op"),
        "path": Field(STRING, "path"),
        "from": Field(STRING, "from"),
        "value": Field(DYN, "value"),
    },
)
"""What an operation is constructed as; its value is a `Constructed` map."""

_ESCAPES = str.maketrans({"~": "~0", "/": "~1"})


def escape_key(key: str) -> str:
    """A key as it stands in a path."""
    return key.translate(_ESCAPES)


OVERLOADS = (overload("jsonpatch.escapeKey(string): string", escape_key),)
