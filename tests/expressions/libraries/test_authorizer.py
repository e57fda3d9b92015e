"""What may be asked of the variable `authorizer`."""

from __future__ import annotations

import pytest

from fakekube.expressions.libraries.authorizer import AUTHORIZER, Authorizer, Question, ResourceCheck
from fakekube.expressions.types import Type
from tests.expressions.libraries.evaluation import problem_of, value_of

TYPES = {"authorizer": Type(AUTHORIZER)}


def asked(text: str) -> Question:
    """The question that an expression ends in."""
    questions: list[Question] = []

    def decide(question: Question) -> tuple[bool, str]:
        questions.append(question)
        return True, ""

    assert value_of(f"{text}.allowed()", TYPES, authorizer=Authorizer(decide)) is True
    [question] = questions
    return question


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("path('/healthz').check('get')", Question("get", None, path="/healthz")),
        (
            "group('apps').resource('deployments').check('create')",
            Question("create", None, group="apps", resource="deployments"),
        ),
        (
            "group('').resource('pods').subresource('log').namespace('a').name('b').check('get')",
            Question("get", None, resource="pods", subresource="log", namespace="a", name="b"),
        ),
        (
            "serviceAccount('a', 'robot').group('').resource('pods').check('list')",
            Question("list", ("a", "robot"), resource="pods"),
        ),
        (
            "group('').resource('pods').fieldSelector('spec.nodeName=n').labelSelector('a=b').check('list')",
            Question("list", None, resource="pods", field_selector="spec.nodeName=n", label_selector="a=b"),
        ),
    ],
)
def test_a_check_asks_what_was_named(text: str, question: Question) -> None:
    assert asked(f"authorizer.{text}") == question


def test_a_check_of_the_resource_of_the_request_begins_with_what_it_is() -> None:
    types = {"resource": Type("kubernetes.authorization.ResourceCheck")}
    check = ResourceCheck(Authorizer(lambda question: (question.name == "x", "")), "", "pods", name="x")

    assert value_of("resource.check('get').allowed()", types, resource=check) is True
    assert value_of("resource.name('y').check('get').allowed()", types, resource=check) is False


def test_a_decision_tells_its_reason() -> None:
    authorizer = Authorizer(lambda question: (False, f"no {question.verb}"))
    check = "authorizer.path('/x').check('get')"

    assert value_of(f"{check}.reason()", TYPES, authorizer=authorizer) == "no get"
    assert value_of(f"{check}.allowed()", TYPES, authorizer=authorizer) is False
    assert value_of(f"{check}.errored()", TYPES, authorizer=authorizer) is False
    assert value_of(f"{check}.error()", TYPES, authorizer=authorizer) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("path(' ').check('get')", "path must not be empty"),
        ("group('').resource('').check('get')", "resource must not be empty"),
        ("serviceAccount('a.b', 'c').path('/').check('get')", "Invalid service account namespace"),
        ("serviceAccount('a', 'c_d').path('/').check('get')", "Invalid service account name"),
    ],
)
def test_what_cannot_be_asked_is_refused(text: str, problem: str) -> None:
    assert problem_of(f"authorizer.{text}", TYPES, authorizer=Authorizer(lambda question: (True, ""))) == problem
