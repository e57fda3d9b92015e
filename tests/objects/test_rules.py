from __future__ import annotations

from fakekube.objects import rules
from fakekube.objects.field_errors import FieldError, not_supported


def texts(errors: list[FieldError]) -> list[str]:
    return [str(error) for error in errors]


def test_rows_are_asked_in_order_and_a_function_is_given_the_whole() -> None:
    def together(obj: dict[str, int], path: str) -> list[FieldError]:
        return rules.non_negative(obj["a"] + obj["b"], f"{path}.sum")

    rows = (("b", rules.non_negative), together, ("a", rules.non_negative))

    assert texts(rules.check({"a": -1, "b": -2}, rows, "spec")) == [
        "spec.b: Invalid value: -2: must be greater than or equal to 0",
        "spec.sum: Invalid value: -3: must be greater than or equal to 0",
        "spec.a: Invalid value: -1: must be greater than or equal to 0",
    ]


def test_of_what_is_not_there_only_rows_that_mind_are_asked() -> None:
    rows = (("a", rules.needed), ("b", rules.needed))

    assert texts(rules.check_given({"b": ""}, rows, "spec")) == ["spec.b: Required value"]


def test_each_asks_everything_of_one_element_first() -> None:
    rows = (("ports", rules.each(("name", rules.needed), ("port", rules.port))),)

    assert texts(rules.check({"ports": [{"port": 0}, {"port": 70000}]}, rows)) == [
        "ports[0].name: Required value",
        "ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        "ports[1].name: Required value",
        "ports[1].port: Invalid value: 70000: must be between 1 and 65535, inclusive",
    ]


def test_what_stands_twice_is_told_at_the_second() -> None:
    assert texts(rules.unique(["a", "b", "a"], "x")) == ['x[2]: Duplicate value: "a"']
    assert texts(rules.unique_by("name", at="name")([{"name": "a"}, {"name": "a"}], "x")) == [
        'x[1].name: Duplicate value: "a"'
    ]


def test_immutable_fields_are_told_with_the_new_value() -> None:
    new, old = {"spec": {"a": 1, "b": 2}}, {"spec": {"a": 1}}

    assert texts(rules.unchanged_at(new, old, "spec.a", "spec.b")) == ["spec.b: Invalid value: 2: field is immutable"]


def test_a_member_of_an_enum_is_told_as_json_and_a_plain_string_as_go_quotes_it() -> None:
    told = [str(not_supported("x", "<\0>", ["a"], plain=plain)) for plain in (False, True)]

    assert told == [
        r'x: Unsupported value: "\u003c\u0000\u003e": supported values: "a"',
        r'x: Unsupported value: "<\x00>": supported values: "a"',
    ]
