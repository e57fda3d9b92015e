"""What rules cost when they run; the numbers are those of kube-apiserver."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.expressions.cost import call_cost
from fakekube.expressions.environment import Budget, Environment
from fakekube.expressions.libraries import KUBERNETES, authorizer
from fakekube.expressions.rule_environments import SELF, environment_of
from fakekube.expressions.schema_types import declaration
from fakekube.expressions.schema_values import converter
from fakekube.expressions.values import EvaluationProblem

STRING, INTEGER, NUMBER, INT_OR_STRING = (
    {"type": "string"},
    {"type": "integer"},
    {"type": "number"},
    {"x-kubernetes-int-or-string": True},
)


def an_object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def mapping(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


SCHEMA = an_object(
    i=INTEGER,
    n=NUMBER,
    s=STRING,
    rook=STRING,
    b={"type": "boolean"},
    bytes={"type": "string", "format": "byte"},
    duration={"type": "string", "format": "duration"},
    date={"type": "string", "format": "date"},
    percent=INT_OR_STRING,
    either=INT_OR_STRING,
    array=array(INTEGER),
    strings=array(STRING),
    map=mapping(INTEGER),
    objs=array(an_object(f1=STRING, f2=STRING)),
    listMap={
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
        "items": an_object(k=STRING, v=STRING, v2=STRING),
    },
    a=an_object(b=an_object(c=INTEGER), d=INTEGER),
)
SELF_VALUE: dict[str, Any] = {
    "i": 5,
    "n": 10.5,
    "s": "a",
    "rook": "Rook takes \N{CROWN}",
    "b": True,
    "bytes": "QUI=",
    "duration": "1h2m3s4ms",
    "date": "1997-07-16",
    "percent": "25%",
    "either": 1,
    "array": [1, 1, 2, 2, 3, 3, 4, 5],
    "strings": ["a", "b", "c"],
    "map": {"b": 1, "d": 2},
    "objs": [{"f1": "a", "f2": "b"}, {"f1": "a", "f2": "b"}],
    "listMap": [{"k": "a1", "v": "b1"}, {"k": "a2", "v": "b2"}, {"k": "a3", "v": "b3", "v2": "z"}],
    "a": {"b": {"c": 4}},
}
LEFT = 1_000_000


def cost(rule: str) -> int:
    declared = declaration(SCHEMA)
    assert declared is not None
    convert = converter(declared)
    value = SELF_VALUE if convert is None else convert(SELF_VALUE)
    budget = Budget(LEFT)
    environment_of(declared).program(rule).evaluate({SELF: value}, budget)
    return LEFT - budget.left


@pytest.mark.parametrize(
    ("rule", "units"),
    [
        ("self.i == self.i", 5),
        ("type(self.i) == int", 4),
        ("self.i + 1 == 3 + 1", 5),
        ("double(self.i) < self.n", 6),
        ("self.rook == self.rook", 6),
        ("self.rook.startsWith('Rook')", 4),
        ("!self.rook.startsWith('knight')", 5),
        ("self.rook.matches('^[^0-9]*$')", 8),
        ("size(self.rook) == 12", 4),
        ("self.rook.charAt(3) == 'k'", 4),
        ("self.rook.indexOf('o') == 1", 4),
        ("self.rook.replace(' ', 'x') == 'Rookxtakesx\N{CROWN}'", 7),
        ("self.rook.split(' ') == ['Rook', 'takes', '\N{CROWN}']", 6),
        ("self.rook.substring(5) == 'takes \N{CROWN}'", 5),
        ("self.rook.substring(4, 10).trim() == 'takes'", 6),
        ("self.rook.upperAscii() == 'ROOK TAKES \N{CROWN}'", 6),
        ("self.bytes == b'AB'", 3),
        ("size(self.bytes) == 2", 4),
        ("self.duration == duration('1h2m') + duration('3s4ms')", 4),
        ("self.duration.getHours() == 1", 4),
        ("self.date.getDate() == 16", 4),
        ("type(self.date) == google.protobuf.Timestamp", 4),
        ("self.s in ['Pending', 'a']", 2),
        ("self.percent == '25%'", 3),
        ("self.percent != ['anything']", 3),
        ("type(self.percent) == int ? self.percent == 1 : self.percent == '25%'", 7),
        ("type(self.percent) == string && self.percent == '25%'", 7),
        ("self.either == 1 || self.either == '25%'", 3),
        ("self.either == '25%' || self.either == 1", 6),
    ],
)
def test_scalars_cost_little_and_texts_by_their_length(rule: str, units: int) -> None:
    assert cost(rule) == units


@pytest.mark.parametrize(
    ("rule", "units"),
    [
        ("has(self.a.b)", 2),
        ("has(self.a.b.c)", 3),
        ("!(has(self.a.d) && self.a.d == 2)", 3),
        ("!has(self.a.d)", 3),
        ("'b' in self.map", 3),
        ("!('c' in self.map)", 4),
        ("!has(self.map.a)", 3),
        ("has(self.map.b)", 2),
        ("2 in self.array", 10),
        ("self.objs[0] == self.objs[1]", 7),
        ("self.strings == ['a', 'b', 'c']", 3),
        ("self.array + [4, 5] == [1, 1, 2, 2, 3, 3, 4, 5, 4, 5]", 4),
        ("self.?s.orValue('v') == 'a'", 3),
        ("self.a.?d.orValue(1) == 1", 3),
        ("self.map[?'b'] == optional.of(1)", 5),
        ("optional.of('a') != optional.of('b')", 3),
        ("optional.of('a') != optional.none()", 3),
        ("optional.of('a').hasValue()", 2),
        ("optional.of('a').or(optional.of('a')).hasValue()", 2),
        ("optional.none().or(optional.of('a')).hasValue()", 3),
        ("optional.of('a').optMap(v, v == 'value').hasValue()", 8),
    ],
)
def test_fields_and_items_cost_one_each(rule: str, units: int) -> None:
    assert cost(rule) == units


@pytest.mark.parametrize(
    ("rule", "units"),
    [
        ("self.map.all(k, self.map[k] > 0)", 17),
        ("self.map.exists_one(k, self.map[k] == 2)", 14),
        ("!self.map.exists_one(k, self.map[k] > 0)", 17),
        ("size(self.map.filter(k, self.map[k] > 1)) == 1", 26),
        ("self.listMap.all(m, m.k.startsWith('a'))", 21),
        ("self.listMap.all(m, !has(m.v2) || m.v2 == 'z')", 21),
        ("self.listMap.exists(m, m.k.endsWith('1'))", 13),
        ("self.listMap.exists_one(m, m.k == 'a3')", 15),
        ("!self.listMap.all(m, m.k.endsWith('1'))", 18),
        ("!self.listMap.exists(m, m.v == 'x')", 25),
        ("!self.listMap.exists_one(m, m.k.startsWith('a'))", 20),
        ("size(self.listMap.filter(m, m.k == 'a1')) == 1", 27),
        ("self.listMap.exists(m, m.k == 'a1' && m.v == 'b1')", 16),
        ("self.listMap.map(m, m.v).exists(v, v == 'b1')", 55),
        ("self.listMap.exists(m, has(m.v2) && m.v2 == 'z')", 21),
        ("!self.listMap.all(m, has(m.v2) && m.v2 != 'z')", 10),
        ("self.listMap.exists_one(m, has(m.v2) && m.v2 == 'z')", 12),
        ("self.listMap.filter(m, has(m.v2) && m.v2 == 'z').size() == 1", 24),
        ("self.listMap.map(m, has(m.v2) && m.v2 == 'z', m.v2).size() == 1", 25),
        ("self.listMap.filter(m, has(m.v2) && m.v2 == 'z').map(m, m.v2).size() == 1", 39),
        ("self.listMap.exists(m, m.v2 == 'z')", 24),
        ("!self.listMap.all(m, m.v2 != 'z')", 22),
        ("self.array.all(e, e > 0)", 43),
        ("self.array.exists(e, e > 2)", 36),
        ("self.array.exists_one(e, e > 4)", 22),
        ("!self.array.all(e, e < 2)", 21),
        ("!self.array.exists(e, e < 0)", 52),
        ("!self.array.exists_one(e, e == 2)", 25),
        ("size(self.array.filter(e, e%2 == 0)) == 3", 68),
        ("self.array.map(e, e * 20).filter(e, e > 50).exists(e, e == 60)", 194),
        ("self.listMap.sortBy(m, m.v)[0].k == 'a1'", 3 + 2 + 3 * 14 + 18 + 11 + 4),
        ("self.array.sortBy(e, -e) == [5, 4, 3, 3, 2, 2, 1, 1]", 3 + 2 + 8 * 14 + 128 + 11 + 1),
    ],
)
def test_loops_cost_by_what_they_came_by(rule: str, units: int) -> None:
    assert cost(rule) == units


@pytest.mark.parametrize(
    ("rule", "units"),
    [
        ("url('https:://kubernetes.io/').getScheme() == 'https'", 4 + 1),
        ("ip('192.168.0.1').family() == 4", 2 + 1 + 1),
        ("ip('2001:db8:3333:4444:5555:6666:7777:8888').isLoopback()", 4 + 1),
        ("ip.isCanonical('192.168.0.1')", 3),
        ("isIP('192.168.0.1')", 2),
        ("cidr('192.168.0.0/16').containsCIDR(cidr('192.0.0.0/30'))", 2 + 5),
        ("cidr('192.168.0.0/16').containsIP(ip('192.169.0.1'))", 2 + 3),
        ("cidr('2001:db8::/32').containsIP('2001:db8:3333:4444:5555:6666:7777:8888')", 2 + 5),
        ("'ABCDEFGHIJ abcdefghij'.lowerAscii() == 'abcdefghij ABCDEFGHIJ'.lowerAscii()", 9),
        ("'abc 123 def 123'.findAll('123').size() == 2", 2 + 1 + 1),
        ("quantity('50k').add(20).sub(quantity('100k')).sub(-50000).asInteger() > 0", 7),
        ("semver('1.0.0').compareTo(semver('1.2.3')) < 0", 4),
        ("format.named('dns1123Subdomain').value().validate('my-name').hasValue()", 17 + 1),
        ("format.named('dns1123Label').value().validate('my-name').hasValue()", 10 + 1),
    ],
)
def test_functions_of_libraries_cost_what_they_go_over(rule: str, units: int) -> None:
    assert cost(rule) == units


def test_what_costs_more_than_is_left_is_stopped() -> None:
    program = Environment({}, KUBERNETES).program("'abc'.matches('abc') && [1, 2, 3].all(x, x > 0)")
    assert program.evaluate({}, Budget(17)) is True
    with pytest.raises(EvaluationProblem, match=r"^operation cancelled: actual cost limit exceeded$"):
        program.evaluate({}, Budget(16))


def test_an_expression_can_ask_the_authorizer_twice() -> None:
    checks = [call_cost(overload) for overload in authorizer.OVERLOADS if overload.function == "check"]
    assert {found and found((), None) for found in checks} == {350_000}


@pytest.mark.parametrize(
    ("rule", "units"),
    [
        ("[self.i].map(x, x)[0] == 1", 1 + 10 + 1 + 13 + 2 + 1 + 1),
        ("self.array[self.i] == 3", 2 + 2 + 1),
        ("(self.b ? self.i : self.a.d) == 5", 2 + 1 + 1),
        ("(self.b ? self.i + 1 : self.a.d) == 6", 2 + 3 + 1),
    ],
)
def test_a_variable_in_an_index_or_a_branch_is_read_along_with_what_is_around_it(rule: str, units: int) -> None:
    assert cost(rule) == units
