"""The values that expressions of admission read, and how such expressions are evaluated: by policies, and as match conditions.

The types of the variables stand in `fakekube.expressions.admission_environments`.
https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#validation-expression
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fakekube.admission import webhook_reviews
from fakekube.admission.attributes import Attributes
from fakekube.expressions import admission_environments as names
from fakekube.expressions.environment import Budget, Program
from fakekube.expressions.libraries.authorizer import Authorizer, ResourceCheck
from fakekube.expressions.values import EvaluationProblem, Value
from fakekube.registry.kind import Kind, Object

OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"

Variables = Sequence[tuple[str, Program]]
"""The variables of a policy in their order: name and program."""


class ExpressionError(Exception):
    """An expression gives no value; the message is the server's: `expression 'a.b' resulted in error: no such key: b`."""


class OutOfBudget(ExpressionError):
    """All expressions together cost too much: nothing more is evaluated."""


class Evaluation:
    """What the expressions of one policy, or of one webhook, can see of one write, and what they may still cost.

    `request` is that of a review (`request_of`); the objects are whole, in the version that the rules name, and nobody changes them.
    A variable is evaluated when it is read for the first time.
    """

    def __init__(
        self,
        request: Object,
        obj: Object | None,
        old: Object | None,
        attributes: Attributes,
        *,
        params: Object | None = None,
        namespace: Object | None = None,
        variables: Variables = (),
        cost: int = names.COST_OF_A_POLICY,
    ) -> None:
        self._left = cost
        self._known: dict[str, Value] = {
            names.OBJECT: obj,
            names.OLD_OBJECT: old,
            names.REQUEST: request,
            names.NAMESPACE_OBJECT: namespace,
            names.PARAMS: params,
        }
        self._known.update(_authorizers(attributes))
        if variables:
            self._known[names.VARIABLES] = _Variables(self, variables)

    def value(self, program: Program) -> Value:
        """Raises ExpressionError, OutOfBudget."""
        try:
            return self.value_of(program)
        except EvaluationProblem as problem:
            raise ExpressionError(f"expression '{program.checked.text}' resulted in error: {problem}") from None
        finally:
            if self._left < 0:
                raise OutOfBudget(OUT_OF_BUDGET)

    def value_of(self, program: Program) -> Value:
        """Counts what the evaluation costs. Raises EvaluationProblem."""
        budget = Budget(names.COST_OF_AN_EXPRESSION)
        try:
            return program.evaluate(self._known, budget)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            # Types were settled when it was compiled, and a value is of another one: the moments of `namespaceObject` are texts.
            raise EvaluationProblem("no such overload") from None
        finally:
            self._left -= names.COST_OF_AN_EXPRESSION - budget.left


class _Variables(dict[str, Value]):
    """`variables`: each is evaluated when it is read, once; what it gives, or its error, stays."""

    def __init__(self, evaluation: Evaluation, variables: Variables) -> None:
        super().__init__()
        self._evaluation = evaluation
        self._programs = dict(variables)
        self._problems: dict[str, str] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._programs

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self._programs else default

    def __missing__(self, name: str) -> Value:
        program = self._programs[name]
        if name not in self._problems:
            try:
                value = self[name] = self._evaluation.value_of(program)
            except EvaluationProblem as problem:
                self._problems[name] = f'composited variable "{name}" fails to evaluate: {problem}'
            else:
                return value
        raise EvaluationProblem(self._problems[name])


def request_of(shown: Kind, attributes: Attributes, obj: Object | None, old: Object | None) -> Object:
    """The value of `request` for whoever is shown the objects in the version of `shown`."""
    request: Object = webhook_reviews.review("", "v1", shown, attributes, obj, old)["request"]
    return request


def namespace_of(attributes: Attributes) -> Object | None:
    """The value of `namespaceObject`: none for what lies in no namespace, a Namespace included."""
    if not attributes.namespace or webhook_reviews.is_namespace(attributes.kind):
        return None
    namespace = attributes.get("", "namespaces", "", attributes.namespace)
    return None if namespace is None else _declared(namespace)


_METADATA = (
    *("name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"),
    *("deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "finalizers"),
)


def _declared(namespace: Object) -> Object:
    """What expressions see of a Namespace. As with the real server its moments are texts, although they are declared as moments."""
    metadata = namespace["metadata"]
    seen: Object = {"metadata": {field: metadata[field] for field in _METADATA if field in metadata}}
    for field in ("spec", "status"):
        seen[field] = namespace.get(field) or {}
    return seen


def _authorizers(attributes: Attributes) -> Mapping[str, Value]:
    """The values of `authorizer` and `authorizer.requestResource`."""
    kind, authorizer = attributes.kind, Authorizer(attributes.decide)
    check = ResourceCheck(
        authorizer, kind.group, kind.resource, attributes.subresource, attributes.namespace, attributes.name
    )
    return {names.AUTHORIZER_NAME: authorizer, names.REQUEST_RESOURCE: check}
