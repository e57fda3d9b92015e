"""What admission policies and their bindings may say.

https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from fakekube.kinds.webhook_rules import MATCH_RESOURCES, given_one_of, match_conditions
from fakekube.objects import go_structs, names, rules
from fakekube.objects.field_errors import FieldError, duplicate, forbidden, invalid, not_supported, required
from fakekube.registry.kind import Object

if TYPE_CHECKING:
    from fakekube.expressions.admission_environments import Composition
    from fakekube.expressions.environment import Program

REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
MOST_MESSAGE_BYTES, MOST_MESSAGE_EXPRESSION_BYTES, MOST_VALUE_EXPRESSION_BYTES = 5 * 1024, 5 * 1024, 5 * 1024
MOST_ANNOTATIONS = 20
_IDENTIFIER = re.compile("[_a-zA-Z][_a-zA-Z0-9]*").fullmatch
_RESERVED = frozenset(
    {
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"),
        *("namespace", "null", "package", "return", "true", "var", "void", "while"),
    }
)


def _api_version(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    if value.count("/") > 1:
        return [invalid(path, value, f"unexpected GroupVersion string: {value}")]
    group, _, version = value.rpartition("/")
    errors = [invalid(path, group, ",".join(texts))] if group and (texts := names.subdomain(group)) else []
    if not version:
        errors.append(invalid(path, value, "version must be specified"))
    elif texts := names.label_1035(version):
        errors.append(invalid(path, version, ",".join(texts)))
    return errors


def _kind(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    texts = names.label_1035(value.lower())
    return (
        [invalid(path, value, "may have mixed case, but should otherwise match: " + ",".join(texts))] if texts else []
    )


_PARAM_KIND = rules.within(("apiVersion", _api_version), ("kind", _kind))


class Expressions:
    """Compiles the expressions of one policy as it is written; nothing is made of them here but errors.

    `functions` and `object_types` are what its environment has besides (as of `Composition`), asked for when there is an expression.
    """

    def __init__(
        self, spec: Mapping[str, Any], besides: Callable[[], Mapping[str, Any]] = dict, *, has_variables: bool
    ) -> None:
        self.has_params = spec.get("paramKind") is not None
        self._has_variables = has_variables
        self._besides = besides

    @cached_property
    def composition(self) -> Composition:
        from fakekube.expressions.admission_environments import Composition

        return Composition(has_params=self.has_params, has_variables=self._has_variables, **self._besides())

    def rule(self, *wanted: str, missing: str = "expression is not specified") -> rules.Rule:
        """An expression that must be there, of one of these types."""

        def check(value: Any, path: str) -> list[FieldError]:
            if not (value or "").strip():
                return [required(path, missing)]
            return self.errors(value, path, self.composition.program, *wanted)

        return check

    def message(self, value: Any, path: str) -> list[FieldError]:
        if not value:
            return []
        if not value.strip():
            return [invalid(path, value, "must be non-empty if specified")]
        if errors := rules.no_longer_than(MOST_MESSAGE_EXPRESSION_BYTES)(value, path):
            return errors
        return self.errors(value, path, self.composition.message, "string")

    def annotation(self, value: Any, path: str) -> list[FieldError]:
        text = (value or "").strip()
        if not text:
            return [required(path, "valueExpression is not specified")]
        if len(text.encode()) > MOST_VALUE_EXPRESSION_BYTES:
            return [required(path, f"must not exceed {MOST_VALUE_EXPRESSION_BYTES} bytes in length")]
        return self.errors(value, path, lambda _: self.composition.program(text), "string", "null_type")

    def mutation(self, patch_type: str, value: Any, path: str) -> list[FieldError]:
        text = (value or "").strip()
        if not text:
            return [required(path)]
        from fakekube.expressions.admission_environments import problem
        from fakekube.expressions.mutations import OBJECT, PATCH

        found = problem(self.composition.program, text, PATCH if patch_type == "JSONPatch" else OBJECT)
        return [invalid(path, text, found)] if found else []

    def variables(self, value: Any, path: str) -> list[FieldError]:
        errors: list[FieldError] = []
        for i, variable in enumerate(value or ()):
            name, place, text = variable.get("name", ""), f"{path}[{i}]", variable.get("expression") or ""
            if not name.strip():
                errors.append(required(f"{place}.name", "name is not specified"))
            elif not _IDENTIFIER(name) or name in _RESERVED:
                errors.append(invalid(f"{place}.name", name, "must be a valid CEL identifier"))
            if text.strip():
                errors += self.errors(text, f"{place}.expression", partial(self.composition.add_variable, name))
            else:
                errors.append(required(f"{place}.expression", "expression is not specified"))
        return errors

    def errors(self, text: str, path: str, compile_: Callable[[str], Program], *wanted: str) -> list[FieldError]:
        from fakekube.expressions.admission_environments import problem
        from fakekube.expressions.types import parsed

        found = problem(compile_, text, *map(parsed, wanted))
        return [invalid(path, text, found)] if found else []


def _message(value: Any, path: str) -> list[FieldError]:
    if not value:
        return []
    if not value.strip():
        return [invalid(path, value, "must be non-empty if specified")]
    if "\n" in value.strip():
        return [invalid(path, value, "must not contain line breaks")]
    return rules.no_longer_than(MOST_MESSAGE_BYTES)(value, path)


def _something_to_do(spec: Object, path: str) -> list[FieldError]:
    if spec.get("validations") or spec.get("auditAnnotations"):
        return []
    detail = "validations or auditAnnotations must contain at least one item"
    return [required(f"{path}.{field}", detail) for field in ("validations", "auditAnnotations")]


def _annotations(policy: str, expressions: Expressions) -> rules.Rule:
    def check(value: Any, path: str) -> list[FieldError]:
        errors: list[FieldError] = []
        if value and len(value) > MOST_ANNOTATIONS:
            shown = [go_structs.shown_type("admissionregistration.v1.AuditAnnotation", each) for each in value]
            errors.append(invalid(path, shown, f"must not have more than {MOST_ANNOTATIONS} auditAnnotations"))
        seen: set[str] = set()
        for i, annotation in enumerate(value or ()):
            key, place = annotation.get("key", ""), f"{path}[{i}]"
            whole = f"{policy}/{key}"
            errors += [invalid(f"{place}.key", whole, text) for text in names.qualified_name(whole)]
            errors += expressions.annotation(annotation.get("valueExpression"), f"{place}.valueExpression")
            if key in seen:
                errors.append(duplicate(f"{place}.key", key))
            seen.add(key)
        return errors

    return check


def _constraints(spec: Object, path: str) -> list[FieldError]:
    constraints, place = spec.get("matchConstraints"), f"{path}.matchConstraints"
    if constraints is None:
        return [required(place)]
    errors = rules.check(constraints, MATCH_RESOURCES, place)
    return errors if constraints.get("resourceRules") else [*errors, required(f"{place}.resourceRules")]


def validating(policy: Object) -> list[FieldError]:
    spec = policy.get("spec") or {}
    expressions = Expressions(spec, has_variables=bool(spec.get("variables")))
    validation = (
        ("expression", expressions.rule("bool")),
        ("messageExpression", expressions.message),
        ("message", _message),
        ("reason", given_one_of(*REASONS)),
    )
    rows = (
        ("failurePolicy", rules.needed_part, given_one_of("Fail", "Ignore")),
        ("paramKind", _PARAM_KIND),
        _constraints,
        ("matchConditions", partial(match_conditions, has_params=expressions.has_params)),
        ("variables", expressions.variables),
        _something_to_do,
        ("validations", rules.each(*validation)),
        ("auditAnnotations", _annotations(policy["metadata"].get("name", ""), expressions)),
    )
    return rules.check(spec, rows, "spec")


_MUTATING_OPERATIONS = ("*", "CONNECT", "CREATE", "UPDATE")


def _operations(place: str) -> rules.Rule:
    """What goes is not changed, so no rule at `place` may pick deletions."""

    def check(spec: Object, path: str) -> list[FieldError]:
        resource_rules = (spec.get(place) or {}).get("resourceRules") or ()
        return [
            not_supported(f"{path}.{place}.resourceRules.operations", operation, _MUTATING_OPERATIONS)
            for rule in resource_rules
            for operation in rule.get("operations") or ()
            if operation not in _MUTATING_OPERATIONS
        ]

    return check


_MUTATIONS = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}


def _mutation(expressions: Expressions) -> rules.Rule:
    def check(value: Object, path: str) -> list[FieldError]:
        type_ = value.get("patchType", "")
        if not type_:
            return [required(f"{path}.patchType")]
        if type_ not in _MUTATIONS:
            return [not_supported(f"{path}.patchType", type_, tuple(_MUTATIONS))]
        own = _MUTATIONS[type_]
        if value.get(own) is None:
            errors = [required(f"{path}.{own}", f"must be specified when patchType is {type_}")]
        else:
            errors = expressions.mutation(type_, value[own].get("expression"), f"{path}.{own}.expression")
        detail = f"must not be specified when patchType is {type_}"
        others = (field for field in _MUTATIONS.values() if field != own and value.get(field) is not None)
        return errors + [invalid(f"{path}.{field}", f"{{{field}}}", detail) for field in others]

    return check


def _of_mutations() -> Mapping[str, Any]:
    from fakekube.expressions.mutations import BESIDES

    return BESIDES


def mutating(policy: Object) -> list[FieldError]:
    spec = policy.get("spec") or {}
    # `variables` is known here even where there are none.
    expressions = Expressions(spec, _of_mutations, has_variables=True)
    rows = (
        ("failurePolicy", rules.needed_part, given_one_of("Fail", "Ignore")),
        ("paramKind", _PARAM_KIND),
        _constraints,
        _operations("matchConstraints"),
        ("matchConditions", partial(match_conditions, has_params=expressions.has_params)),
        ("variables", expressions.variables),
        (
            "mutations",
            rules.needed_because("mutations must contain at least one item"),
            rules.each(_mutation(expressions)),
        ),
        ("reinvocationPolicy", rules.needed_one_of("IfNeeded", "Never")),
    )
    return rules.check(spec, rows, "spec")


def _param_ref(value: Any, path: str) -> list[FieldError]:
    if value is None:
        return []
    name, selector = value.get("name"), value.get("selector")
    detail = "name and selector are mutually exclusive"
    errors: list[FieldError] = []
    if name:
        errors += [invalid(f"{path}.name", name, text) for text in names.path_segment(name)]
        if selector is not None:
            errors.append(forbidden(f"{path}.name", detail))
    if selector is not None:
        errors += rules.selector(selector, f"{path}.selector")
        if name:
            errors.append(forbidden(f"{path}.selector", detail))
    elif not name:
        errors.append(required(path, "one of name or selector must be specified"))
    return errors + rules.needed_one_of("Deny", "Allow")(
        value.get("parameterNotFoundAction"), f"{path}.parameterNotFoundAction"
    )


def _actions(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path, "at least one validation action is required")]
    errors: list[FieldError] = []
    for i, action in enumerate(value):
        if action not in ("Deny", "Warn", "Audit"):
            errors.append(not_supported(f"{path}[{i}]", action, ("Audit", "Deny", "Warn")))
        if action in value[:i]:
            errors.append(duplicate(f"{path}[{i}]", action))
    if "Deny" in value and "Warn" in value:
        errors.append(
            invalid(
                path,
                value,
                "must not contain both Deny and Warn (repeating the same validation failure information in the API response "
                "and headers serves no purpose)",
            )
        )
    return errors


_WARNING = (("warning", rules.needed), ("fieldRef", rules.needed))
VALIDATING_STATUS: tuple[rules.Row, ...] = (
    ("status.typeChecking.expressionWarnings", rules.each(*_WARNING)),
    ("status.conditions", rules.conditions),
)
"""What the controller that types the expressions reports."""

_BINDING = (
    ("policyName", rules.needed_name(names.subdomain)),
    ("paramRef", _param_ref),
    ("matchResources", rules.within(*MATCH_RESOURCES)),
)
MUTATING_BINDING: tuple[rules.Row, ...] = (("spec", rules.within(*_BINDING, _operations("matchResources"))),)
VALIDATING_BINDING: tuple[rules.Row, ...] = (("spec", rules.within(*_BINDING, ("validationActions", _actions))),)
