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
        ({**STRING, "maxLength": 50}, 'matches(self, "x")', 2),
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


@pytest.mark.parametrize(
    ("expression", "least", "most"),
    [
        ("[1, 2, 3, 4, 5].sum()", 15, 15),
        ("[uint(1), uint(2), uint(3), uint(4), uint(5)].isSorted()", 20, 20),
        ("'01234567890123456789012345678901234567890123456789'.indexOf('123')", 5, 5),
        ("url('https:://kubernetes.io/').getHost()", 4, 4),
        ("url('https:://kubernetes.io/') == url('https:://kubernetes.io/')", 7, 9),
        ("url('https:://kubernetes.io/') == url('http://x.b')", 5, 5),
        ("ip('192.168.0.1')", 2, 2),
        ("ip('2001:db8:3333:4444:5555:6666:7777:8888').family()", 5, 5),
        ("ip('192.168.0.1') == ip('192.168.0.1')", 5, 5),
        ("ip.isCanonical('2001:db8:3333:4444:5555:6666:7777:8888')", 8, 8),
        ("cidr('192.168.0.0/16').ip()", 3, 3),
        ("cidr('192.168.0.0/16').containsCIDR(cidr('192.0.0.0/30'))", 7, 11),
        ("cidr('192.168.0.0/16').containsCIDR('192.0.0.0/30')", 7, 11),
        ("cidr('192.168.0.0/16').containsIP(ip('192.0.0.1'))", 4, 7),
        ("cidr('192.168.0.0/16').containsIP('192.169.0.1')", 5, 8),
        ("'ABCDEFGHIJ abcdefghij'.lowerAscii() == 'abcdefghij ABCDEFGHIJ'.lowerAscii()", 7, 9),
        ("strings.quote('ABCDEFGHIJ abcdefghij') == strings.quote('ABCDEFGHIJ abcdefghij')", 7, 11),
        ("'abc 123 def 123'.split(' ', 1)", 3, 3),
        ("'  abc 123 def 123  '.trim()", 2, 2),
        ("'abc 123 def 123'.findAll('123', 1)", 2, 2),
        ("quantity('200M') == quantity('0.2G') && quantity('0.2G') == quantity('200M')", 3, 6),
        ("quantity('50k').add(20).sub(quantity('100k')).asInteger() > 0", 6, 6),
        ("format.named('dns1123Label').value().validate('my-name')", 34, 34),
        ("format.named('dns1123Label').value() == format.named('dns1123Label').value()", 5, 11),
        ("sets.contains([1, 2, 3, 4], [2, 3])", 29, 29),
        ("sets.equivalent([1, 2, 3], [3, 2, 1])", 39, 39),
        ("!sets.intersects([1], [2])", 23, 23),
        ("semver('1234.56789012345.67890123456789')", 4, 4),
        ("semver('1.0.0').compareTo(semver('1.2.3'))", 3, 3),
        ("{'a': 1, 'b': 2}.all(k, v, v > 0)", 37, 41),
        ("{'a': 1, 'b': 2}.exists(k, v, v > 0)", 39, 43),
        ("{'a': 1, 'b': 2}.existsOne(k, v, v > 0)", 38, 40),
        ("{'a': 1, 'b': 2}.transformMap(k, v, v + 1)", 71, 71),
        ("{'a': 1, 'b': 2}.transformMap(k, v, v < 5, v + 1)", 67, 75),
        ("{'a': 1, 'b': 2}.transformMapEntry(k, v, {k: v + 1})", 131, 131),
        ("{'a': 1, 'b': 2}.transformMapEntry(k, v, v < 5, {k: v + 1})", 67, 135),
        ("[1, 2].all(i, v, v > 0)", 17, 21),
        ("[1, 2].transformList(i, v, v + 1)", 49, 49),
        ("[1, 2].transformList(i, v, v < 5, v + 1)", 27, 53),
    ],
)
def test_what_is_written_in_an_expression_has_its_own_size(expression: str, least: int, most: int) -> None:
    assert cost({"type": "object"}, expression) == Range(least, most)


def test_texts_whose_length_nothing_tells_are_endless() -> None:
    numbers = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert cost(numbers, "'a' + string(self.a) == 'a1'").most > ENDLESS // 100
    assert cost(numbers, "'%d is too much'.format([self.a]) == ''").most < 100


def test_an_optional_value_costs_its_target_twice() -> None:
    # 2 for the target and 1 for the question; 10, the target, 1, the size and 1 for the optional made of it; 1 to take it, 1 to compare.
    texts = {"type": "object", "properties": {"a": STRING}}
    assert cost(texts, "self.?a.optMap(x, x.size()).orValue(0) == 1").most == 3 + (10 + 3 + 2 + 1) + 1 + 1


def test_sorting_by_a_key_compares_each_key_with_each() -> None:
    a_list = array({"type": "object", "properties": {"n": NUMBER}}, maxItems=3)
    # Kept in a list, read twice; 3 keys at 14 in a list that costs 10 and 1; 9 comparisons at 2, and 11 for the list.
    assert (
        cost(a_list, "self.sortBy(x, x.n).size() == 1").most
        == 10 + 1 + 1 + (1 + 10 + 3 * 14 + 1) + (9 * 2 + 11) + 1 + 1
    )


def test_a_variable_may_be_called_as_another_one() -> None:
    assert cost(array(NUMBER, maxItems=2), "self.map(self, self + 1.0).size() == 2").most == 1 + 10 + 2 * 14 + 1 + 2
