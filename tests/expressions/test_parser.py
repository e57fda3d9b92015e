"""What nodes the text of an expression becomes; the texts and places of problems are those of cel-go."""

from __future__ import annotations

import pytest

from fakekube.expressions.parser import parse
from fakekube.expressions.syntax import (
    Call,
    Index,
    Literal,
    Macro,
    MakeList,
    MakeMap,
    MakeObject,
    Name,
    Node,
    Select,
    SyntaxProblem,
    below,
)

OPERAND = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)

OPERAND_OR_END_OF_MAP = OPERAND.replace("'(', '.', '-', '!', ", "'}', '(', '.', ',', '-', '!', '?', ")


def shape(node: Node) -> str:
    """The node in parentheses, for comparison."""
    match node:
        case Literal():
            return repr(node.value)
        case Name():
            return node.name
        case Select():
            sign = "!" if node.is_test else ".?" if node.is_optional else "."
            return f"({shape(node.operand)} {sign}{node.field})"
        case Index():
            return f"({shape(node.operand)} {'[?]' if node.is_optional else '[]'} {shape(node.index)})"
        case Call():
            target = [] if node.target is None else [shape(node.target)]
            return f"({' '.join([*target, node.function, *map(shape, node.arguments)])})"
        case Macro():
            return (
                f"({shape(node.target)} {node.name} {','.join(node.variables)}: {' '.join(map(shape, node.arguments))})"
            )
        case MakeList():
            items = ["?" * (place in node.optional) + shape(item) for place, item in enumerate(node.items)]
            return f"[{' '.join(items)}]"
        case MakeMap() | MakeObject():
            entries = [f"{'?' * entry.is_optional}{shape(entry.key)}:{shape(entry.value)}" for entry in node.entries]
            return f"{node.type if isinstance(node, MakeObject) else ''}{{{' '.join(entries)}}}"


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(SyntaxProblem) as caught:
        parse(text)
    return [(problem.place, problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 - 4", "(_-_ (_+_ 1 (_*_ 2 3)) 4)"),
        ("a == b && c || d", "(_||_ (_&&_ (_==_ a b) c) d)"),
        ("a in b == c", "(_==_ (@in a b) c)"),
        ("a ? b : c ? d : e", "(_?_:_ a b (_?_:_ c d e))"),
        ("a || b || c || d", "(_||_ (_||_ a b) (_||_ c d))"),
        ("!!!a", "(!_ a)"),
        ("--a", "a"),
        ("-5", "-5"),
        ("1 - -1", "(_-_ 1 -1)"),
        ("!-1", "(!_ -1)"),
        ("-a.b", "(-_ (a .b))"),
        ("a.?b[?0].c()", "(((a .?b) [?] 0) c)"),
        (".a.b", "(.a .b)"),
        ("a.b{c: 1, ?d: 2}", "a.b{'c':1 ?'d':2}"),
        ("{'a': 1, ?2: x,}", "{'a':1 ?2:x}"),
        ("[1, ?x,]", "[1 ?x]"),
        ("[,]", "[]"),
        ("a.namespace", "(a .namespace)"),
        ("has(a.b.c)", "((a .b) !c)"),
        ("a.all(x, x > 1)", "(a all x: (_>_ x 1))"),
        ("a.map(x, x > 1, x)", "(a map x: (_>_ x 1) x)"),
        ("a.all(k, v, v)", "(a all k,v: v)"),
        ("a.all(x)", "(a all x)"),
        ("a.has(b)", "(a has b)"),
        ("sets.contains(a, b)", "(sets contains a b)"),
    ],
)
def test_operators_bind_and_macros_are_recognised(text: str, expected: str) -> None:
    assert shape(parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("ab + c", 3),
        ("ab.c", 2),
        ("ab(c)", 2),
        ("ab.c(d)", 4),
        ("ab[c]", 2),
        ("a ? b : c", 2),
        (" .a", 2),
        (" -5", 1),
        ("ab{}", 2),
    ],
)
def test_a_node_stands_where_problems_point_at(text: str, place: int) -> None:
    assert parse(text).place == place


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("self.a >", [(8, f"Syntax error: mismatched input '<EOF>' expecting {OPERAND}")]),
        ("object.(", [(7, "Syntax error: no viable alternative at input '.('")]),
        ("x. <", [(3, "Syntax error: no viable alternative at input '. <'")]),
        ("-)", [(1, "Syntax error: no viable alternative at input '-)'")]),
        ("x.?1", [(3, "Syntax error: mismatched input '1' expecting {IDENTIFIER, ESC_IDENTIFIER}")]),
        ("[1,", [(3, "Syntax error: missing ']' at '<EOF>'")]),
        ("{", [(1, f"Syntax error: mismatched input '<EOF>' expecting {OPERAND_OR_END_OF_MAP}")]),
        ("X{", [(2, "Syntax error: mismatched input '<EOF>' expecting {'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}")]),
        ("x.", [(2, "Syntax error: no viable alternative at input '.'")]),
        ("a b", [(2, "Syntax error: extraneous input 'b' expecting <EOF>")]),
        ("(x", [(2, "Syntax error: missing ')' at '<EOF>'")]),
        ("[1", [(2, "Syntax error: mismatched input '<EOF>' expecting {']', ','}")]),
        ("{1", [(2, "Syntax error: mismatched input '<EOF>' expecting ':'")]),
        ("{a b}", [(3, "Syntax error: missing ':' at 'b'")]),
        ("x ? 1", [(5, "Syntax error: mismatched input '<EOF>' expecting ':'")]),
        ("&& x", [(0, f"Syntax error: extraneous input '&&' expecting {OPERAND}")]),
        ("f(1 2)", [(4, "Syntax error: extraneous input '2' expecting ')'")]),
        (
            "x = 1",
            [
                (2, "Syntax error: token recognition error at: '= '"),
                (4, "Syntax error: extraneous input '1' expecting <EOF>"),
            ],
        ),
        ("x.`a`", [(2, "unsupported syntax: '`'")]),
    ],
)
def test_what_is_no_expression_is_told_as_cel_go_does(text: str, expected: list[tuple[int, str]]) -> None:
    assert problems(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".if", [(0, "reserved identifier: if")]),
        ("if", [(0, "reserved identifier: if")]),
        ("9223372036854775808", [(0, "invalid int literal")]),
        ("-9223372036854775809", [(0, "invalid int literal")]),
        ("18446744073709551616u", [(0, "invalid uint literal")]),
        ("1e999", [(0, "invalid double literal")]),
        ("has(a)", [(4, "invalid argument to has() macro")]),
        ("has(a.?b)", [(5, "invalid argument to has() macro")]),
        ("a.all(1, true)", [(6, "argument must be a simple name")]),
        ("a.map(b.c, true)", [(7, "argument is not an identifier")]),
        ("a.optMap(b.c, true)", [(10, "optMap() variable name must be a simple identifier")]),
        ("a.all(x, x, true)", [(9, "duplicate variable name: x")]),
        ("a.all(__result__, true)", [(6, "iteration variable overwrites accumulator variable")]),
        (
            "a.all(1, true) && if && has(2)",
            [
                (6, "argument must be a simple name"),
                (18, "reserved identifier: if"),
                (28, "invalid argument to has() macro"),
            ],
        ),
    ],
)
def test_every_misuse_of_names_macros_and_numbers_is_told(text: str, expected: list[tuple[int, str]]) -> None:
    assert problems(text) == expected


def test_the_smallest_number_can_be_written() -> None:
    node = parse("-9223372036854775808")

    assert shape(node) == "-9223372036854775808"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * 1000 + "1" + ")" * 1000, "expression recursion limit exceeded: 250"),
        ("true ? 1 : " * 1000 + "1", "expression recursion limit exceeded: 250"),
        ("[" * 300 + "]" * 300, "expression recursion limit exceeded: 250"),
        (" + ".join(["1"] * 252), "max recursion depth exceeded"),
        ("x" + ".a" * 251, "max recursion depth exceeded"),
        ("'" + "a" * 100_000 + "'", "expression code point size exceeds limit: size: 100002, limit 100000"),
    ],
)
def test_what_is_too_deep_or_too_long_is_refused_as_a_whole(text: str, message: str) -> None:
    assert problems(text) == [(-1, message)]


def test_long_chains_of_conditions_are_not_deep() -> None:
    node = parse(" && ".join(["a == b"] * 600))

    assert depth(node) == 12


def depth(node: Node) -> int:
    return 1 + max(map(depth, below(node)), default=0)
