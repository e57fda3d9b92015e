"""Asks validating policies about a write: what their expressions say is a refusal, a warning, or nothing that a client sees.

https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fakekube.admission import match_conditions
from fakekube.admission.attributes import Attributes
from fakekube.admission.expression_variables import (
    Evaluation,
    ExpressionError,
    OutOfBudget,
    Variables,
    namespace_of,
    request_of,
)
from fakekube.admission.policies import Policies
from fakekube.admission.policy_matching import Candidate, Invocation, Misconfigured, invocations
from fakekube.admission.shown_objects import ShownObjects
from fakekube.errors import StatusError
from fakekube.expressions.admission_environments import COST_OF_MATCH_CONDITIONS, Composition
from fakekube.expressions.environment import Program
from fakekube.registry.kind import Object

CODES: Mapping[str, int] = {"Forbidden": 403, "RequestEntityTooLarge": 413}
"""By reason; all others: 422."""
MOST_MESSAGE_BYTES = 5 * 1024
"""A longer message that an expression gives is not heeded."""


@dataclass(frozen=True, slots=True)
class Validation:
    program: Program
    message: str
    message_program: Program | None
    reason: str


@dataclass(frozen=True, slots=True)
class Validations:
    """What a policy is made of."""

    conditions: Sequence[Program]
    variables: Variables
    validations: Sequence[Validation]
    annotations: Sequence[Program]
    """Of the audit log, which nobody sees; but what breaks refuses."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """What one validation, or what is wrong with its policy, says against a write."""

    policy: str
    binding: str
    text: str
    reason: str = "Invalid"

    def refusal(self, attributes: Attributes) -> StatusError:
        bound = f" with binding '{self.binding}'" if self.binding else ""
        text = f"ValidatingAdmissionPolicy '{self.policy}'{bound} denied request: {self.text}"
        forbidden = attributes.forbidden(text)
        details = {**(forbidden.details or {}), "causes": [{"message": text}]}
        return StatusError(str(forbidden), details, code=CODES.get(self.reason, 422), reason=self.reason)


def compiled(policy: Object) -> Validations:
    """Of a policy that has been accepted, so that all its expressions compile."""
    spec = policy["spec"]
    has_params = spec.get("paramKind") is not None
    variables = spec.get("variables") or ()
    composition = Composition(has_params=has_params, has_variables=bool(variables))
    programs = [(each["name"], composition.add_variable(each["name"], each["expression"])) for each in variables]
    validations = []
    for each in spec.get("validations") or ():
        text = each.get("messageExpression") or ""
        message = composition.message(text) if text.strip() else None
        reason = each.get("reason") or "Invalid"
        program = composition.program(each["expression"])
        validations.append(Validation(program, (each.get("message") or "").strip(), message, reason))
    annotations = [composition.program(each["valueExpression"].strip()) for each in spec.get("auditAnnotations") or ()]
    conditions = match_conditions.compiled(spec.get("matchConditions") or (), has_params=has_params)
    return Validations(conditions, programs, validations, annotations)


async def validate(
    policies: Policies[Validations],
    asked: Sequence[Candidate[Validations]],
    obj: Object | None,
    old: Object | None,
    attributes: Attributes,
) -> None:
    """Every policy is asked, whatever the others say; then the first refusal is raised, a StatusError."""
    objects = ShownObjects(obj, old, attributes)
    refusals: list[_Failure] = []
    for invocation in await invocations(asked, objects, policies.kinds):
        if isinstance(invocation, Misconfigured):
            if invocation.policy.is_needed:
                binding = invocation.binding
                refusals.append(_Failure(invocation.policy.name, binding.name if binding else "", invocation.text))
            continue
        request = await _Request.of(invocation, objects)
        failures, broken_annotations = request.failures()
        actions = invocation.binding.spec.get("validationActions") or ()
        if "Deny" in actions:
            refusals += failures
        if "Warn" in actions:
            for failure in failures:
                bound = f"'{failure.policy}' with binding '{failure.binding}'"
                attributes.warn(f"Validation failed for ValidatingAdmissionPolicy {bound}: {failure.text}")
        refusals += broken_annotations
    if refusals:
        raise refusals[0].refusal(attributes)


@dataclass(frozen=True, slots=True)
class _Request:
    """A write as one invocation of a policy sees it."""

    invocation: Invocation[Validations]
    attributes: Attributes
    request: Object
    obj: Object | None
    old: Object | None

    @classmethod
    async def of(cls, invocation: Invocation[Validations], objects: ShownObjects) -> _Request:
        obj, old = await objects.in_version_of(invocation.kind)
        attributes = objects.attributes
        return cls(invocation, attributes, request_of(invocation.kind, attributes, obj, old), obj, old)

    def failures(self) -> tuple[list[_Failure], list[_Failure]]:
        """What validations say against the write, and what refuses it whatever the binding wants to come of failures."""
        policy, params = self.invocation.policy, self.invocation.params
        made = policy.compiled
        try:
            if made.conditions:
                evaluation = self._evaluation(params=params, cost=COST_OF_MATCH_CONDITIONS)
                if not match_conditions.hold(made.conditions, evaluation):
                    return [], []
            namespace = namespace_of(self.attributes)
            evaluation = self._evaluation(params=params, namespace=namespace, variables=made.variables)
            failures = [failure for each in made.validations for failure in self._judged(each, evaluation)]
            evaluation = self._evaluation(params=params, namespace=namespace, variables=made.variables)
            return failures, self._broken(made.annotations, evaluation)
        except (match_conditions.ConditionsBroken, OutOfBudget) as error:
            return self._of_error(error), []

    def _evaluation(self, **more: Any) -> Evaluation:
        return Evaluation(self.request, self.obj, self.old, self.attributes, **more)

    def _judged(self, validation: Validation, evaluation: Evaluation) -> list[_Failure]:
        """What one validation says: at most one failure. Raises OutOfBudget."""
        try:
            if evaluation.value(validation.program) is True:
                return []
        except OutOfBudget:
            raise
        except ExpressionError as error:
            return self._of_error(error)
        text = _given(validation.message_program, evaluation) or validation.message
        text = text or f"failed expression: {validation.program.checked.text.strip()}"
        return [self._named(text, validation.reason)]

    def _broken(self, annotations: Sequence[Program], evaluation: Evaluation) -> list[_Failure]:
        failures: list[_Failure] = []
        for annotation in annotations:
            try:
                evaluation.value(annotation)
            except OutOfBudget:
                raise
            except ExpressionError as error:
                failures += self._of_error(error)
        return failures

    def _of_error(self, error: Exception) -> list[_Failure]:
        """What becomes of an error: nothing, where the policy is not needed."""
        return [self._named(str(error))] if self.invocation.policy.is_needed else []

    def _named(self, text: str, reason: str = "Invalid") -> _Failure:
        return _Failure(self.invocation.policy.name, self.invocation.binding.name, text, reason)


def _given(program: Program | None, evaluation: Evaluation) -> str:
    """The message that an expression gives; empty where it gives none that can be told. Raises OutOfBudget."""
    if program is None:
        return ""
    try:
        text = evaluation.value(program)
    except OutOfBudget as error:
        raise OutOfBudget(f"failed messageExpression: {error}") from None
    except ExpressionError:
        return ""
    text = text.strip() if isinstance(text, str) else ""
    return "" if "\n" in text or len(text.encode()) > MOST_MESSAGE_BYTES else text
