"""Types the expressions of ValidatingAdmissionPolicies against the kinds that their rules name; what does not fit stands in the status.

https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#type-checking
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fakekube.controllers.loop import Context, Controller, Object, Watch, own
from fakekube.registry.kind import Kind

if TYPE_CHECKING:
    from fakekube.expressions.types import Type
    from fakekube.kinds import Kinds

RESOURCE = "validatingadmissionpolicies.admissionregistration.k8s.io"

MOST_KINDS = 10
"""So many kinds of one rule are looked at; behind the rule that has more, no further ones."""


async def reconcile(context: Context, _: str, name: str) -> float | None:
    policy = context.client.get(RESOURCE, "", name)
    if policy is None:
        return None
    generation, status = policy["metadata"].get("generation", 0), policy.get("status") or {}
    if status.get("observedGeneration", 0) >= generation:
        return None
    found = warnings(policy, context.client.plane.kinds)
    checked = {"expressionWarnings": found} if found else {}
    configuration = {
        "kind": policy["kind"],
        "apiVersion": policy["apiVersion"],
        "metadata": {"name": name},
        "status": {"observedGeneration": generation, "typeChecking": checked},
    }
    await context.client.apply(RESOURCE, configuration, "status")
    return None


def warnings(policy: Object, kinds: Kinds) -> list[Object]:
    """What the compiler has to say when it knows the objects' types: of each expression, kind by kind."""
    spec = policy["spec"]
    compilers = [(_shown(kind), _compiler(spec, kind, kinds)) for kind in kinds_of(spec, kinds)]
    found = []
    for i, validation in enumerate(spec.get("validations") or ()):
        for field in ("expression", "messageExpression"):
            text = validation.get(field)
            if not text:
                continue
            problems = [f"{kind}: {problem}\n" for kind, compile_ in compilers if (problem := compile_(text))]
            if problems:
                found.append({"fieldRef": f"spec.validations[{i}].{field}", "warning": "\n".join(problems)})
    return found


def kinds_of(spec: Mapping[str, Any], kinds: Kinds) -> list[Kind]:
    """The kinds that the rules of a policy name, without those that they mean by `*`; by group, version and kind."""
    found: dict[tuple[str, str, str], Kind] = {}
    for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
        named = list(_named(rule, kinds))[:MOST_KINDS]
        found.update(((kind.group, kind.version, kind.kind), kind) for kind in named)
        if len(named) == MOST_KINDS:
            break
    return [found[key] for key in sorted(found)]


def _named(rule: Mapping[str, Any], kinds: Kinds) -> Iterator[Kind]:
    groups, versions = rule.get("apiGroups") or (), rule.get("apiVersions") or ()
    if any("*" in text for text in (*groups, *versions)):
        return
    resources = sorted(text for text in rule.get("resources") or () if "*" not in text and "/" not in text)
    for group in sorted(groups):
        for version in sorted(versions):
            for resource in resources:
                kind = kinds.find(group, version, resource)
                if kind is not None:
                    yield kind


def _shown(kind: Kind) -> str:
    """As Go shows a GroupVersionKind."""
    return f"{kind.group}/{kind.version}, Kind={kind.kind}"


def _compiler(spec: Mapping[str, Any], kind: Kind, kinds: Kinds) -> Callable[[str], str]:
    """What says what is wrong with an expression about objects of a kind; empty: nothing."""
    from fakekube.expressions.admission_environments import Composition
    from fakekube.expressions.environment import CompilationProblem
    from fakekube.expressions.types import DYN

    params = _type_of_params(spec.get("paramKind"), kinds)
    composition = Composition(
        has_params="paramKind" in spec,
        has_variables=True,
        object_type=_type_of(kind),
        params_type=params or DYN,
        # Of its two variables about rights the real controller knows one, and warns of the other.
        has_request_resource=False,
    )
    for variable in spec.get("variables") or ():
        try:
            composition.add_variable(variable["name"], variable["expression"])
        except CompilationProblem:
            # Told where it is read, if at all: the variable is dyn.
            continue

    def problem(text: str) -> str:
        try:
            composition.check(text)
        except CompilationProblem as error:
            return str(error)
        return ""

    return problem


def _type_of(kind: Kind) -> Type:
    from fakekube.expressions.kind_types import type_of_facts, type_of_schema

    return type_of_facts(kind.type_name, kind.kind) if kind.type_name else type_of_schema(kind.wire.schema, kind.kind)


def _type_of_params(param_kind: Mapping[str, str] | None, kinds: Kinds) -> Type | None:
    if param_kind is None:
        return None
    group, _, version = param_kind["apiVersion"].rpartition("/")
    kind = kinds.of_kind(group, version, param_kind["kind"])
    return None if kind is None else _type_of(kind)


CONTROLLER = Controller(
    name="validatingadmissionpolicy-status-controller",
    watches=(Watch(RESOURCE, key=own),),
    reconcile=reconcile,
    field_manager="validatingadmissionpolicy-status",
)
