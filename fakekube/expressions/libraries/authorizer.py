"""What may be asked of the variable `authorizer`: `authorizer.group('apps').resource('deployments').check('create').allowed()`.

https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from fakekube.expressions.types import Type, overload
from fakekube.expressions.values import EvaluationProblem
from fakekube.objects import names


@dataclass(frozen=True, slots=True)
class Question:
    """Whether somebody may do something: to a path, or to what `group` and the fields behind it name ("" is all there are)."""

    verb: str
    service_account: tuple[str, str] | None
    """(namespace, name) of who is asked about; None is whoever sent the request."""
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    label_selector: str = ""


Decide = Callable[[Question], tuple[bool, str]]
"""Answers a question: (allowed, reason)."""


@dataclass(frozen=True, slots=True, eq=False)
class Authorizer:
    """The variable `authorizer`."""

    type: ClassVar[Type] = Type("kubernetes.authorization.Authorizer")

    decide: Decide
    service_account: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PathCheck:
    type: ClassVar[Type] = Type("kubernetes.authorization.PathCheck")

    authorizer: Authorizer
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class GroupCheck:
    type: ClassVar[Type] = Type("kubernetes.authorization.GroupCheck")

    authorizer: Authorizer
    group: str


@dataclass(frozen=True, slots=True, eq=False)
class ResourceCheck:
    """Also the variable `authorizer.requestResource`."""

    type: ClassVar[Type] = Type("kubernetes.authorization.ResourceCheck")

    authorizer: Authorizer
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    label_selector: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    type: ClassVar[Type] = Type("kubernetes.authorization.Decision")

    allowed: bool
    reason: str
    error: str = ""


def _path(authorizer: Authorizer, path: str) -> PathCheck:
    if not path.strip():
        raise EvaluationProblem("path must not be empty")
    return PathCheck(authorizer, path)


def _service_account(authorizer: Authorizer, namespace: str, name: str) -> Authorizer:
    if names.subdomain(name):
        raise EvaluationProblem("Invalid service account name")
    if names.label(namespace):
        raise EvaluationProblem("Invalid service account namespace")
    return replace(authorizer, service_account=(namespace, name))


def _resource(check: GroupCheck, resource: str) -> ResourceCheck:
    if not resource.strip():
        raise EvaluationProblem("resource must not be empty")
    return ResourceCheck(check.authorizer, check.group, resource)


def _path_decision(check: PathCheck, verb: str) -> Decision:
    return _decision(check.authorizer, Question(verb, check.authorizer.service_account, path=check.path))


def _resource_decision(check: ResourceCheck, verb: str) -> Decision:
    question = Question(
        verb,
        check.authorizer.service_account,
        group=check.group,
        resource=check.resource,
        subresource=check.subresource,
        namespace=check.namespace,
        name=check.name,
        field_selector=check.field_selector,
        label_selector=check.label_selector,
    )
    return _decision(check.authorizer, question)


def _decision(authorizer: Authorizer, question: Question) -> Decision:
    return Decision(*authorizer.decide(question))


def _set(field: str) -> Callable[[ResourceCheck, str], ResourceCheck]:
    def set_field(check: ResourceCheck, value: str) -> ResourceCheck:
        changed: dict[str, Any] = {field: value}
        return replace(check, **changed)

    return set_field


_NAMESPACE = "kubernetes.authorization"
AUTHORIZER, PATH, GROUP, RESOURCE, DECISION = (
    f"{_NAMESPACE}.{name}" for name in ("Authorizer", "PathCheck", "GroupCheck", "ResourceCheck", "Decision")
)
_SETTERS = {
    "subresource": "subresource",
    "namespace": "namespace",
    "name": "name",
    "fieldSelector": "field_selector",
    "labelSelector": "label_selector",
}

OVERLOADS = (
    overload(f"{AUTHORIZER}.path(string): {PATH}", _path),
    overload(f"{AUTHORIZER}.group(string): {GROUP}", GroupCheck),
    overload(f"{AUTHORIZER}.serviceAccount(string, string): {AUTHORIZER}", _service_account),
    overload(f"{GROUP}.resource(string): {RESOURCE}", _resource),
    *(overload(f"{RESOURCE}.{function}(string): {RESOURCE}", _set(field)) for function, field in _SETTERS.items()),
    overload(f"{PATH}.check(string): {DECISION}", _path_decision),
    overload(f"{RESOURCE}.check(string): {DECISION}", _resource_decision),
    overload(f"{DECISION}.errored(): bool", lambda decision: bool(decision.error)),
    overload(f"{DECISION}.error(): string", lambda decision: decision.error),
    overload(f"{DECISION}.allowed(): bool", lambda decision: decision.allowed),
    overload(f"{DECISION}.reason(): string", lambda decision: decision.reason),
)
