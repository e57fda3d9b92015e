"""Paths into a schema: `.spec.labels['a/b']` of rules, `.spec.color` of selectable fields.

https://kubernetes.io/docs/reference/using-api/cel/#field-paths
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fakekube.objects.structural_schemas import Schema

_TOKEN = re.compile(r"'(?:.*?(?<!\\))'|'.*|[.\[\]]|[^.\[\]]+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")


class PathError(ValueError):
    """Why a text is no path into a schema."""


def followed(path: str, schema: Schema, *, allows_brackets: bool = True) -> tuple[tuple[str, ...], Schema | None]:
    """The fields and keys that a path names one behind the other, and the schema to which it leads.

    That is None where nothing is known of the values of a map. Items of lists have no paths. Raises PathError.
    """
    steps: list[str] = []
    here: Schema | None = schema
    tokens = iter(_TOKEN.findall(path))
    for token in tokens:
        name = _name(token, tokens, allows_brackets=allows_brackets)
        properties, additional = (here or {}).get("properties"), (here or {}).get("additionalProperties")
        if properties and name in properties:
            here = properties[name]
        elif not properties and additional is not None:
            # Keys of maps may stand behind dots as well as in brackets.
            here = additional if isinstance(additional, Mapping) else None
        else:
            raise PathError("does not refer to a valid field")
        if token == "[" and (closing := _next(tokens)) != "]":
            raise PathError(f"expected ] but got {closing}")
        steps.append(name)
    return tuple(steps), here


def _name(token: str, tokens: Iterator[Any], *, allows_brackets: bool) -> str:
    """What the step that begins with `token` names."""
    if token == ".":
        return _next(tokens)
    if token != "[":
        raise PathError(f"expected [ or . but got: {token}")
    if not allows_brackets:
        raise PathError("array notation is not allowed")
    text = _next(tokens)
    if len(text) < 2 or not text.startswith("'") or not text.endswith("'"):
        raise PathError(f"expected single quoted string but got {text}")
    return _ESCAPED.sub(r"\1", text[1:-1])


def _next(tokens: Iterator[Any]) -> str:
    token = next(tokens, None)
    if token is None:
        raise PathError("unexpected end of JSON path")
    return str(token)
