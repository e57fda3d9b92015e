"""What expressions can do with texts."""

from __future__ import annotations

import pytest

from fakekube.expressions.values import Value
from tests.expressions.evaluation import problem_of, value_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'tacocat'.charAt(3)", "o"),
        ("'abc'.charAt(3)", ""),
        ("'héllo'.charAt(1)", "é"),
        ("'hello'.indexOf('l')", 2),
        ("'hello'.indexOf('')", 0),
        ("'hello'.indexOf('l', 3)", 3),
        ("'hello'.indexOf('l', 9)", -1),
        ("'hello'.indexOf('x')", -1),
        ("''.indexOf('x')", -1),
        ("'hello'.lastIndexOf('l')", 3),
        ("'hello'.lastIndexOf('l', 2)", 2),
        ("'hello'.lastIndexOf('lo', 4)", 3),
        ("'hello'.lastIndexOf('')", 5),
        ("'hello'.lastIndexOf('', 2)", 2),
        ("'hello'.lastIndexOf('l', 9)", -1),
        ("'TacoCÆt'.lowerAscii()", "tacocÆt"),
        ("'tacocæt'.upperAscii()", "TACOCæT"),
        ("'hello hello'.replace('he', 'we')", "wello wello"),
        ("'hello hello'.replace('he', 'we', 1)", "wello hello"),
        ("'hello'.replace('l', '', 0)", "hello"),
        ("'a,b,c'.split(',')", ["a", "b", "c"]),
        ("'a,b,c'.split(',', 2)", ["a", "b,c"]),
        ("'a,b,c'.split(',', 0)", []),
        ("'a,b,c'.split(',', 1)", ["a,b,c"]),
        ("'abc'.split('')", ["a", "b", "c"]),
        ("'abc'.split('', 2)", ["a", "bc"]),
        ("''.split(',')", [""]),
        ("'tacocat'.substring(4)", "cat"),
        ("'tacocat'.substring(0, 4)", "taco"),
        ("'abc'.substring(3)", ""),
        ("' \\t\\u2003a b\\n\\u200b'.trim()", "a b\n\u200b"),
        ("['a', 'b'].join()", "ab"),
        ("['a', 'b'].join(', ')", "a, b"),
        ("[].join('-')", ""),
        (r"""strings.quote('a"b\\\n')""", r'"a\"b\\\n"'),
        ("'abc'.contains('b') && 'abc'.startsWith('ab') && 'abc'.endsWith('bc')", True),
        ("'abc'.matches('^a.c$') && matches('abc', 'b')", True),
        ("'é'.size() + size('ab') + size(b'é')", 5),
    ],
)
def test_functions_of_texts(text: str, expected: Value) -> None:
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("'abc'.charAt(4)", "index out of range: 4"),
        ("'abc'.charAt(-1)", "index out of range: -1"),
        ("'abc'.indexOf('a', -1)", "index out of range: -1"),
        ("'abc'.lastIndexOf('a', -1)", "index out of range: -1"),
        ("'abc'.substring(4)", "index out of range: 4"),
        ("'abc'.substring(1, 4)", "index out of range: 4"),
        ("'abc'.substring(-1, 2)", "index out of range: -1"),
        ("'abc'.substring(2, 1)", "invalid substring range. start: 2, end: 1"),
        ("[dyn('a'), dyn(1)].join()", "join: invalid input: 1"),
        ("'a'.matches(dyn('['))", "error parsing regexp: missing closing ]: `[`"),
    ],
)
def test_positions_and_patterns_have_to_be_right(text: str, problem: str) -> None:
    assert problem_of(text) == problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'%s has %d, 100%%'.format(['a', 1])", "a has 1, 100%"),
        ("'%s %s %s %s'.format([true, null, 1u, b'x'])", "true null 1 x"),
        ("'%s %s'.format([1.5, 1000000.0])", "1.5 1e+06"),
        ("'%s'.format([duration('90m')])", "5400s"),
        ("'%s'.format([timestamp('2024-01-01T00:00:00Z')])", "2024-01-01T00:00:00Z"),
        ("'%s'.format([type(1)])", "int"),
        ("'%s'.format([[dyn('a'), 1.5, duration('1s'), null]])", '["a", 1.500000, duration("1s"), null]'),
        ("'%s'.format([{'b': 'x', 'a': [1]}])", '{"a":[1], "b":"x"}'),
        ("'%.2f'.format([1234.567])", "1,234.57"),
        ("'%f'.format([1.0])", "1.000000"),
        ("'%f %f'.format([double('inf'), double('NaN')])", "∞ NaN"),
        ("'%e'.format([1234.5])", "1.234500×10⁰³"),
        ("'%.20e'.format([0.00015])", "      1.500000×10⁻⁰⁴"),
        ("'%e'.format([double('-inf')])", "    -∞"),
        ("'%f'.format([-0.0])", "0.000000"),
        ("'%b %b %o %x %X'.format([5, true, 8, 255, 255])", "101 1 10 ff FF"),
        ("'%x %X'.format(['az', b'az'])", "617a 617A"),
        ("'%x'.format([-255])", "-ff"),
        ("'%s'.format(dyn([1, 2]))", "1"),
    ],
)
def test_clauses_are_replaced_by_values(text: str, expected: str) -> None:
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("clauses", "values", "problem"),
    [
        ("%d", ["a"], "error during formatting: decimal clause can only be used on integers, was given string"),
        ("%f", [1], "error during formatting: fixed-point clause can only be used on doubles, was given int"),
        ("%e", [1], "error during formatting: scientific clause can only be used on doubles, was given int"),
        ("%b", ["a"], "error during formatting: only integers and bools can be formatted as binary, was given string"),
        ("%o", [1.5], "error during formatting: octal clause can only be used on integers, was given double"),
        (
            "%x",
            [1.5],
            "error during formatting: only integers, byte buffers, and strings can be formatted as hex, was given double",
        ),
        ("%d %d", [1], "index 1 out of range"),
        ("%", [1], "unexpected end of string"),
        ("%a", [1], 'could not parse formatting clause: unrecognized formatting clause "a"'),
        (
            "%.",
            [1],
            "could not parse formatting clause: error while parsing precision: could not find end of precision specifier",
        ),
    ],
)
def test_clauses_have_to_fit_their_values(clauses: str, values: list[Value], problem: str) -> None:
    assert problem_of("clauses.format(values)", clauses=clauses, values=values) == problem


def test_a_precision_beyond_all_reason_is_cut() -> None:
    assert len(value_of("clauses.format([1.0])", clauses="%.99999999999f")) < 2000
