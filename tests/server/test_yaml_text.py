from __future__ import annotations

from fakekube.objects.as_sent import of_text
from fakekube.objects.go_json import Number
from fakekube.server.yaml_text import yaml_text


def test_values_that_know_how_they_were_sent_are_written_as_what_they_stand_for() -> None:
    data = of_text({"b": 1, "a": [None]}, b'{ "b":1, "a":[null] }')

    assert yaml_text({"data": data, "number": Number("1.50")}) == b"data:\n  a:\n  - null\n  b: 1\nnumber: 1.5\n"


def test_what_stands_twice_is_written_twice() -> None:
    shared = {"x": "y"}

    assert yaml_text({"a": shared, "b": shared}) == b"a:\n  x: y\nb:\n  x: y\n"
