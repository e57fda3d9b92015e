from __future__ import annotations

import pytest

from fakekube.objects.as_sent import of_text
from fakekube.objects.go_json import Number
from fakekube.server.yaml_text import yaml_text


def test_values_that_know_how_they_were_sent_are_written_as_what_they_stand_for() -> None:
    data = of_text({"b": 1, "a": [None]}, b'{ "b":1, "a":[null] }')

    assert yaml_text({"data": data, "number": Number("1.50")}) == b"data:\n  a:\n  - null\n  b: 1\nnumber: 1.5\n"


def test_what_stands_twice_is_written_twice() -> None:
    shared = {"x": "z"}

    assert yaml_text({"a": shared, "b": shared}) == b"a:\n  x: z\nb:\n  x: z\n"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain text", "plain text"),
        ("y", '"y"'),
        ("", '""'),
        ("1e3", '"1e3"'),
        ("017", '"017"'),
        ("2026-01-01", '"2026-01-01"'),
        ("2026-01-01T00:00:00Z", '"2026-01-01T00:00:00Z"'),
        ("12:30", '"12:30"'),
        ("1:99", "1:99"),
        ("a: b", "'a: b'"),
        ("a\nb\n", "|\n  a\n  b"),
    ],
)
def test_a_text_stands_in_quotes_where_something_else_would_be_read(text: str, written: str) -> None:
    assert yaml_text({"k": text}).decode() == f"k: {written}\n"


def test_long_texts_are_folded() -> None:
    lines = yaml_text({"k": "word " * 40 + "end"}).splitlines()

    assert lines == [b"k:" + b" word" * 16, b" " + b" word" * 16, b" " + b" word" * 8 + b" end"]


def test_keys_stand_in_the_order_of_their_numbers_other_signs_before_letters() -> None:
    keys = ["1", "2", "10", "_x", "A", "a2", "a10", "ab", "b", "x0", "x1", "x01", "x10", "x00"]

    written = [
        line.partition(b":")[0].strip(b'"').decode() for line in yaml_text(dict.fromkeys(keys, "v")).splitlines()
    ]

    assert written == ["_x", "1", "2", "10", "A", "a2", "a10", "ab", "b", "x0", "x00", "x1", "x01", "x10"]
