from __future__ import annotations

from typing import Any

import pytest

from fakekube.kinds.apiextensions.field_paths import PathError, followed

TEXT = {"type": "string"}
SCHEMA: dict[str, Any] = {
    "properties": {
        "a/b": TEXT,
        "labels": {"additionalProperties": TEXT},
        "any": {"additionalProperties": True},
        "items": {"type": "array", "items": TEXT},
    }
}


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("['a/b']", ("a/b",)),
        (".labels.x", ("labels", "x")),
        (".labels['x.y']", ("labels", "x.y")),
        (r".labels['it\'s']", ("labels", "it's")),
    ],
)
def test_a_path_names_fields_and_keys(path: str, steps: tuple[str, ...]) -> None:
    assert followed(path, SCHEMA) == (steps, TEXT)


def test_of_the_values_of_some_maps_nothing_is_known() -> None:
    assert followed(".any.x", SCHEMA) == (("any", "x"), None)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (".gone", "does not refer to a valid field"),
        (".items.x", "does not refer to a valid field"),
        ("labels", "expected [ or . but got: labels"),
        (".", "unexpected end of JSON path"),
        ("[", "unexpected end of JSON path"),
        ("[x]", "expected single quoted string but got x"),
        (".labels['x'y", "expected ] but got y"),
    ],
)
def test_what_is_no_path_says_why(path: str, why: str) -> None:
    with pytest.raises(PathError) as raised:
        followed(path, SCHEMA)
    assert str(raised.value) == why


def test_brackets_may_be_refused() -> None:
    with pytest.raises(PathError, match="array notation is not allowed"):
        followed(".labels['x']", SCHEMA, allows_brackets=False)
