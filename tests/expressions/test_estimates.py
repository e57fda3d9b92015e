"""What rules can cost at most; the numbers are those of kube-apiserver."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.expressions import checker, parser
from fakekube.expressions.estimates import estimated
from fakekube.expressions.ranges import ENDLESS, Range
from fakekube.expressions.rule_environments import environment_of
from fakekube.expressions.schema_types import declaration

STRING, NUMBER = {"type": "string"}, {"type": "number"}
DATE_TIME = {"type": "string", "format": "date-time"}
INT_OR_STRING = {"x-kubernetes-int-or-string": True}


def array(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


def mapping(values: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values, **more}


def cost(schema: dict[str, Any], rule: str) -> Range:
    declared = declaration(schema)
    assert declared is not None
    return estimated(checker.check(rule, parser.parse(rule), environment_of(declared)), declared)


@pytest.mark.parametrize(
    ("schema", "rule", "most"),
    [
        (array(NUMBER), "self.all(x, true)", 4718591),
        (array(NUMBER, maxItems=10), "self.all(x, true)", 32),
        (array(STRING), "self.all(x, true)", 3145727),
        (array({"type": "boolean"}), "self.all(x, true)", 1887437),
        (array(array(NUMBER)), "self.all(x, true)", 3145727),
        (array(INT_OR_STRING), "self.all(x, true)", 4718591),
        (array({"type": "string", "format": "duration"}), "self.all(x, true)", 2359295),
        (array({"type": "string", "format": "date"}), "self.all(x, true)", 725936),
        (array(DATE_TIME), "self.all(x, true)", 428963),
        (mapping(NUMBER), "self.all(x, true)", 1348169),
        (mapping(STRING, maxProperties=3), "self.all(x, true)", 11),
        (mapping(mapping(NUMBER)), "self.all(x, true)", 1179647),
        (array(NUMBER, maxItems=10), "self.all(x, self.all(y, true))", 352),
        (array(NUMBER, maxItems=10), "self.all(x, self.all(y, self.all(z, true)))", 3552),
        (array(NUMBER), "self.all(x, x == 0.0)", 6291454),
        (array(NUMBER, maxItems=3 * 1024 * 2048), "self.all(x, x == 0.0)", 25165826),
        (array(mapping(NUMBER)), "self.all(x, x.y == 25.2)", 6291452),
        (mapping(STRING), "self.all(x, x.contains(self[x]))", 2752507),
    ],
)
def test_a_loop_costs_as_often_as_there_can_be_items(schema: dict[str, Any], rule: str, most: int) -> None:
    assert cost(schema, rule).most == most


@pytest.mark.parametrize(
    ("schema", "rule", "most"),
    [
        (STRING, "self.contains('test')", 314574),
        ({**STRING, "maxLength": 10}, "self.contains('test')", 5),
        (STRING, "self.startsWith('test')", 2),
        (STRING, 'size(self + "hello") > size("hello")', 314578),
        ({**STRING, "maxLength": 4}, 'size(self + "hello") > size("hello")', 7),
        (STRING, 'self.matches("x")', 314574),
        ({**STRING, "maxLength": 50}, 'self.matches("x")', 22),
        (STRING, '"".matches("(((((((((())))))))))[0-9]")', 7),
        (STRING, 'self.matches("")', 1),
        (STRING, 'self == "x"', 2),
        ({**STRING, "maxLength": 0}, 'self == "x"', 1),
        ({**STRING, "enum": ["A", "B", "LongValue"]}, "self.contains('A')", 2),
        (array(STRING), "self[1] == self[1]", 314577),
        (array(NUMBER), "self[1] == 0.0", 2),
        (array(INT_OR_STRING), "self[0] == 5", 3),
        (array(array(NUMBER)), "self[0][0] == -1.0", 3),
        (array(mapping(NUMBER)), "self[0].x > 2.0", 4),
        (array(DATE_TIME), "self[2].getMinutes() == 45", 4),
        (mapping(DATE_TIME), 'self["a"] == self["b"]', 8),
        (mapping({"type": "integer"}), "oldSelf.size() == self.size()", 5),
        (mapping(NUMBER), "has(self.x)", 1),
    ],
)
def test_a_call_costs_what_its_longest_values_do(schema: dict[str, Any], rule: str, most: int) -> None:
    assert cost(schema, rule).most == most


@pytest.mark.parametrize(
    ("schema", "rule", "most"),
    [
        ({**STRING, "maxLength": 10}, "self.find('[0-9]+') == ''", 11),
        (array(STRING), "self.join(' ') == 'aa bb'", 329853068905),
        (array({**STRING, "maxLength": 10}, maxItems=10), "self.join(' ') == 'aa bb'", 43),
        (array(STRING), "self.isSorted() == true", 329854432052),
        (array({**STRING, "maxLength": 10}, maxItems=10), "self.isSorted() == true", 52),
        (STRING, "self.lowerAscii() == 'lower!'", 314575),
        ({**STRING, "maxLength": 10}, "self.lowerAscii() == 'lower!'", 6),
        (array(STRING, maxItems=4), "sets.contains(self, ['a', 'b'])", 1 + 10 + 8 + 1),
        (array(STRING, maxItems=4), "sets.equivalent(self, ['a', 'b'])", 1 + 10 + 16 + 1),
        (array(NUMBER, maxItems=4), "self.distinct().size() == 1", 1 + 2 * 16 + 11 + 2),
    ],
)
def test_functions_of_libraries_know_how_much_they_go_over(schema: dict[str, Any], rule: str, most: int) -> None:
    assert cost(schema, rule).most == most


def test_replacing_knows_how_long_its_result_can_become() -> None:
    short = {"before": {**STRING, "maxLength": 2}, "after": {**STRING, "maxLength": 4}}
    unbounded = {"type": "object", "properties": {"str": STRING, **short}}
    bounded = {"type": "object", "properties": {"str": {**STRING, "maxLength": 4}, **short}}
    rule = "self.str.replace(self.before, self.after) == 'does not matter'"
    assert (cost(unbounded, rule).most, cost(bounded, rule).most) == (629154, 12)
