"""Asks mutating policies about a write: what their expressions make is merged into the object, or a JSON patch that is done to it.

https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from fakekube.admission import match_conditions, webhook_reviews
from fakekube.admission.attributes import Attributes
from fakekube.admission.expression_variables import Evaluation, ExpressionError, Variables, namespace_of, request_of
from fakekube.admission.passes import Passes
from fakekube.admission.policies import AdmissionPolicies
from fakekube.admission.policy_matching import Binding, Candidate, Invocation, Misconfigured, Policy, invocations
from fakekube.admission.shown_objects import ShownObjects, check_kind, check_place
from fakekube.admission.webhook_configurations import Complete
from fakekube.errors import StatusError, internal
from fakekube.expressions import mutations
from fakekube.expressions.admission_environments import COST_OF_MATCH_CONDITIONS, Composition
from fakekube.expressions.environment import Program
from fakekube.expressions.mutations import Json, MutationError
from fakekube.expressions.values import EvaluationProblem
from fakekube.facts import type_of
from fakekube.objects import structs
from fakekube.objects.decode_messages import DecodeError
from fakekube.objects.field_errors import go_quoted
from fakekube.objects.patches import PatchError, TestFailedError, go_json_kind, json_patched
from fakekube.objects.typed_fields import Shape, shape_of
from fakekube.objects.unstructured import why_it_does_not_fit
from fakekube.registry.kind import Kind, Object, Subresource
from fakekube.registry.shapes import shape_of_kind


@dataclass(frozen=True, slots=True)
class Mutation:
    program: Program
    is_patch: bool
    """patchType: whether the expression gives a JSON patch, not a part of the object."""


@dataclass(frozen=True, slots=True)
class Mutations:
    """What a policy is made of."""

    conditions: Sequence[Program]
    variables: Variables
    mutations: Sequence[Mutation]
    is_asked_again: bool
    """reinvocationPolicy."""


def compiled(policy: Object) -> Mutations:
    """Of a policy that has been accepted, so that all its expressions compile."""
    spec = policy["spec"]
    has_params, variables = spec.get("paramKind") is not None, spec.get("variables") or ()
    composition = Composition(has_params=has_params, has_variables=bool(variables), **mutations.BESIDES)
    programs = [(each["name"], composition.add_variable(each["name"], each["expression"])) for each in variables]
    conditions = match_conditions.compiled(spec.get("matchConditions") or (), has_params=has_params)
    made = []
    for each in spec["mutations"]:
        is_patch = each["patchType"] == "JSONPatch"
        content = each["jsonPatch" if is_patch else "applyConfiguration"]
        made.append(Mutation(composition.program(content["expression"]), is_patch))
    return Mutations(conditions, programs, made, spec["reinvocationPolicy"] == "IfNeeded")


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a policy refuses a write."""

    policy: Policy[Mutations]
    binding: Binding | None
    text: str
    reason: str = ""
    """In place of Forbidden."""

    def __str__(self) -> str:
        name = self.policy.name
        who = f"'{name}' with binding '{self.binding.name}'" if self.binding is not None else go_quoted(name)
        return f"policy {who} denied request: {self.text}"


async def mutate(
    policies: AdmissionPolicies,
    asked: Sequence[Candidate[Mutations]],
    obj: Object | None,
    old: Object | None,
    attributes: Attributes,
) -> None:
    """`obj` is changed in place, by one policy after another, also where one of them refuses. Raises StatusError."""
    objects = ShownObjects(obj, old, attributes)
    passes = attributes.passes = attributes.passes or Passes()
    turns = passes.policies
    if passes.is_second and turns.left != objects.fingerprint():
        # Plugins of the server have changed something since.
        turns.ask_again()
    found = await invocations(asked, objects, policies.mutating.kinds)
    failures = [_Failure(each.policy, each.binding, each.text) for each in found if isinstance(each, Misconfigured)]
    is_mutated = False
    for invocation in found:
        if isinstance(invocation, Misconfigured):
            continue
        request = await _Request.of(invocation, objects, policies.complete)
        texts = await request.run(passes)
        failures += [_Failure(invocation.policy, invocation.binding, text, "Invalid") for text in texts]
        is_mutated = is_mutated or request.is_mutated
    if is_mutated:
        turns.ask_again()
        passes.is_changed = True
    turns.left = objects.fingerprint()
    refusals = [failure for failure in failures if failure.policy.is_needed]
    if refusals:
        raise _refusal(refusals, attributes)
    if is_mutated and obj is not None:
        check_place(obj, attributes)


def _refusal(failures: Sequence[_Failure], attributes: Attributes) -> StatusError:
    forbidden = attributes.forbidden("")
    causes = [{"message": str(failure)} for failure in failures]
    first = failures[0]
    details = {**(forbidden.details or {}), "causes": causes}
    return StatusError(str(first), details, code=forbidden.status_code, reason=first.reason or forbidden.status_reason)


class _Request:
    """A write while one invocation of a policy is made of it."""

    def __init__(
        self,
        invocation: Invocation[Mutations],
        objects: ShownObjects,
        obj: Object | None,
        old: Object | None,
        complete: Complete,
    ) -> None:
        self._invocation, self._objects, self._complete = invocation, objects, complete
        self._obj, self._old = obj, old
        self._attributes = objects.attributes
        self._body = webhook_reviews.body_kind(invocation.kind, self._attributes.subresource)
        self.is_mutated = False
        """Whether a mutation has been done, be it one that changed nothing."""

    @classmethod
    async def of(cls, invocation: Invocation[Mutations], objects: ShownObjects, complete: Complete) -> _Request:
        obj, old = await objects.in_version_of(invocation.kind)
        return cls(invocation, objects, obj, old, complete)

    async def run(self, passes: Passes) -> Sequence[str]:
        """What went wrong. Raises StatusError for a patch that cannot be done whatever the failure policy."""
        made = self._invocation.policy.compiled
        try:
            conditions = made.conditions
            if conditions and not match_conditions.hold(conditions, self._evaluation(cost=COST_OF_MATCH_CONDITIONS)):
                return ()
        except match_conditions.ConditionsBroken as error:
            return (str(error),)
        turns, key = passes.policies, self._key()
        if passes.is_second and key not in turns.again:
            return ()
        before, failed = self._obj, []
        for mutation in made.mutations if before is not None else ():
            try:
                self._obj = self._mutated(mutation)
                self.is_mutated = True
            except (ExpressionError, MutationError) as error:
                failed.append(str(error))
            except RecursionError:
                failed.append("exceeded max depth")
        if before is not None and self._obj is not None and self._obj != before:
            await self._objects.put(self._invocation.kind, self._obj)
            turns.ask_again()
        if made.is_asked_again:
            turns.asked.add(key)
        return failed

    def _key(self) -> Hashable:
        params = (self._invocation.params or {}).get("metadata", {})
        names = params.get("namespace", ""), params.get("name", "")
        return self._invocation.policy.name, self._invocation.binding.name, names

    def _evaluation(self, **more: Any) -> Evaluation:
        """Of the object as it is now."""
        request = request_of(self._invocation.kind, self._attributes, self._obj, self._old)
        params = self._invocation.params
        return Evaluation(request, self._obj, self._old, self._attributes, params=params, **more)

    def _mutated(self, mutation: Mutation) -> Object:
        """The object after the mutation, with its defaults. Raises ExpressionError, MutationError, StatusError."""
        # Variables are evaluated anew for each mutation: they may read what those before it made.
        variables = self._invocation.policy.compiled.variables
        value = self._evaluation(namespace=namespace_of(self._attributes), variables=variables).value(mutation.program)
        assert self._obj is not None
        if not mutation.is_patch:
            return self._merged(self._obj, mutations.part_of(value))
        try:
            operations = mutations.operations_of(value)
        except EvaluationProblem as problem:
            text = f"expression '{mutation.program.checked.text}' resulted in error: {problem}"
            raise MutationError(text) from None
        return self._patched(self._obj, operations)

    def _merged(self, obj: Object, part: Json) -> Object:
        """As server-side apply merges, but nobody owns anything for it."""
        body = self._body
        part |= {"apiVersion": body.api_version, "kind": body.kind}
        try:
            merged = _merged(_shape_of(body), obj, part)
        except MutationError as error:
            raise MutationError(f"error applying patch: {error}") from None
        try:
            return webhook_reviews.whole(self._complete(body, merged))
        except DecodeError as error:
            why = why_it_does_not_fit(type_of(body.type_name), merged) if body.type_name else ""
            text = f"unable to convert unstructured object to {_described(body)}: {why or error}"
            raise MutationError(text) from None

    def _patched(self, obj: Object, operations: Sequence[Json]) -> Object:
        body = self._body
        try:
            patched = json_patched(obj, operations)
        except TestFailedError:
            # Then nothing is done, and nothing is wrong.
            return obj
        except PatchError as error:
            raise MutationError(f"JSON Patch: {error}") from None
        try:
            if not isinstance(patched, dict):
                raise DecodeError(f"json: cannot unmarshal {go_json_kind(patched)} into Go value of type {body.kind}")
            if body.type_name:
                _refuse_unknown(body, patched)
            after = self._complete(body, patched)
        except DecodeError as error:
            raise internal(str(error)) from None
        check_kind(after, body)
        return webhook_reviews.whole(after)


def _merged(shape: Shape, obj: Object, part: Json) -> Object:
    """Raises MutationError."""
    if mistakes := list(shape.mistakes(part)):
        raise MutationError(f"failed to convert patch object to typed object: {_joined(mistakes)}")
    if atomics := list(shape.atomics(part)):
        raise MutationError(
            f"invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {', '.join(atomics)}"
        )
    if mistakes := list(shape.mistakes(obj, may_repeat=True)):
        raise MutationError(f"failed to convert original object to typed object: {_joined(mistakes)}")
    merged: Object = shape.merge(obj, part)
    return merged


def _joined(mistakes: Sequence[str]) -> str:
    return mistakes[0] if len(mistakes) == 1 else "errors:" + "".join(f"\n  {mistake}" for mistake in mistakes)


def _refuse_unknown(body: Kind | Subresource, value: Object) -> None:
    """A patch may not make fields that the type has not got. Raises DecodeError."""
    unknown = structs.decode(body.type_name, value, kind=body.kind, version=body.api_version).unknown
    if unknown:
        fields = ", ".join(f"unknown field {go_quoted(path)}" for path in unknown)
        raise DecodeError(f"strict decoding error: {fields}")


def _shape_of(body: Kind | Subresource) -> Shape:
    """Raises MutationError for what no schema is published of: the options of a connection."""
    if isinstance(body, Kind):
        return shape_of_kind(body)
    if body.type_name and not body.kind.endswith("Options"):
        return shape_of(body.type_name)
    raise MutationError(f"failed to convert patch object to typed object: no corresponding type for {_described(body)}")


def _described(body: Kind | Subresource) -> str:
    return f"{body.api_version if body.group else '/' + body.version}, Kind={body.kind}"
