"""What the expressions of admission may name."""

from __future__ import annotations

import pytest

from fakekube.expressions.admission_environments import Composition, plain, problem
from fakekube.expressions.environment import CompilationProblem
from fakekube.expressions.types import BOOL, INT, NULL, STRING


def first_line(text: str, *, has_params: bool = False) -> str:
    return problem(plain(has_params).program, text).partition("\n")[0]


@pytest.mark.parametrize(
    "text",
    [
        "object.a.b[0] == oldObject.c",
        "request.userInfo.extra['a'].size() + request.requestKind.version.size()",
        "request.options.whatever == 1",
        "namespaceObject.status.conditions.all(c, c.type == 'a' && c.lastTransitionTime < timestamp('2026-01-01T00:00:00Z'))",
        "namespaceObject.metadata.deletionGracePeriodSeconds + 1",
        "authorizer.requestResource.check('get').allowed() && authorizer.path('/a').check('get').allowed()",
        "quantity(object.a).isLessThan(quantity('1'))",
    ],
)
def test_what_every_expression_may_name(text: str) -> None:
    assert first_line(text) == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("params.a", "1:1: undeclared reference to 'params' (in container '')"),
        ("variables.a", "1:1: undeclared reference to 'variables' (in container '')"),
        ("request.uid", "1:8: undefined field 'uid'"),
        ("request.object", "1:8: undefined field 'object'"),
        ("namespaceObject.metadata.managedFields", "1:25: undefined field 'managedFields'"),
        ("request.name + 1", "1:14: found no matching overload for '_+_' applied to '(string, int)'"),
        ("jsonpatch.escapeKey('a')", "1:1: undeclared reference to 'jsonpatch' (in container '')"),
    ],
)
def test_what_they_may_not(text: str, message: str) -> None:
    assert first_line(text) == f"compilation failed: ERROR: <input>:{message}"


def test_params_are_whatever_they_are() -> None:
    assert first_line("params.a.b > 1", has_params=True) == ""


def test_a_message_may_not_ask_the_authorizer() -> None:
    with pytest.raises(CompilationProblem, match="undeclared reference to 'authorizer'"):
        Composition(has_params=False, has_variables=False).message("authorizer.path('/a').check('get').reason()")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1", "must evaluate to bool but got int"),
        ("object.a", "must evaluate to bool but got dyn"),
        ("[object.a]", "must evaluate to bool but got list(dyn)"),
        ("timestamp('2026-01-01T00:00:00Z')", "must evaluate to bool but got google.protobuf.Timestamp"),
        ("object.a == 1", ""),
    ],
)
def test_the_type_of_the_value_must_be_the_one_that_is_wanted(text: str, told: str) -> None:
    assert problem(plain().program, text, BOOL) == told


def test_of_several_types_one_will_do() -> None:
    assert problem(plain().program, "null", STRING, NULL) == ""
    assert problem(plain().program, "1", STRING, NULL) == "must evaluate to one of [string null_type] but got int"
    assert problem(plain().program, "true", INT, BOOL) == ""


def test_a_variable_may_name_those_before_it() -> None:
    composition = Composition(has_params=False, has_variables=True)
    with pytest.raises(CompilationProblem, match="undefined field 'size'"):
        composition.add_variable("twice", "variables.size * 2")
    composition.add_variable("size", "object.spec.size")

    assert str(composition.add_variable("small", "variables.size < 3").checked.type) == "bool"


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("1", "int"),
        ("[[1]]", "list(list(int))"),
        ("{'a': [duration('1s')]}", "map(string, list(duration))"),
        ("object.?a", "dyn"),
        ("namespaceObject", "dyn"),
        ("[request.kind]", "list(dyn)"),
        ("object.a", "dyn"),
        ("type(1)", "dyn"),
    ],
)
def test_variables_keep_plain_types_and_lists_and_maps_of_such(text: str, type_: str) -> None:
    composition = Composition(has_params=False, has_variables=True)
    composition.add_variable("a", text)

    assert str(composition.program("variables.a").checked.type) == type_


def test_a_variable_that_does_not_compile_is_whatever_it_is() -> None:
    composition = Composition(has_params=False, has_variables=True)
    with pytest.raises(CompilationProblem):
        composition.add_variable("broken", "nothing")

    assert str(composition.program("variables.broken").checked.type) == "dyn"
