"""What the expressions of admission may name: those of policies, and the match conditions of webhooks.

https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#validation-expression
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from fakekube.expressions.environment import CompilationProblem, Environment, Program
from fakekube.expressions.libraries import KUBERNETES
from fakekube.expressions.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    Field,
    ObjectType,
    Overload,
    Type,
    list_of,
    map_of,
)

OBJECT, OLD_OBJECT, REQUEST, NAMESPACE_OBJECT = "object", "oldObject", "request", "namespaceObject"
PARAMS, VARIABLES, AUTHORIZER_NAME = "params", "variables", "authorizer"
REQUEST_RESOURCE = "authorizer.requestResource"

COST_OF_AN_EXPRESSION = 1_000_000
"""What one evaluation may cost."""
COST_OF_A_POLICY = 10_000_000
"""What all expressions of one policy together may cost at one write."""
COST_OF_MATCH_CONDITIONS = 2_500_000
"""What all match conditions of one webhook or policy may cost."""


def _object(name: str, /, **fields: Type) -> ObjectType:
    return ObjectType(f"kubernetes.{name}", (), {field: Field(type_, field) for field, type_ in fields.items()})


_STRINGS = list_of(STRING)
_TEXTS = map_of(STRING, STRING)
_KIND = _object("GroupVersionKind", group=STRING, version=STRING, kind=STRING)
_RESOURCE = _object("GroupVersionResource", group=STRING, version=STRING, resource=STRING)
_USER = _object("UserInfo", username=STRING, uid=STRING, groups=_STRINGS, extra=map_of(STRING, _STRINGS))
REQUEST_TYPE = _object(
    "AdmissionRequest",
    kind=_KIND,
    resource=_RESOURCE,
    subResource=STRING,
    requestKind=_KIND,
    requestResource=_RESOURCE,
    requestSubResource=STRING,
    name=STRING,
    namespace=STRING,
    operation=STRING,
    userInfo=_USER,
    dryRun=BOOL,
    options=DYN,
)
_METADATA = _object(
    "NamespaceMetadata",
    name=STRING,
    generateName=STRING,
    namespace=STRING,
    labels=_TEXTS,
    annotations=_TEXTS,
    UID=STRING,
    creationTimestamp=TIMESTAMP,
    deletionGracePeriodSeconds=INT,
    deletionTimestamp=TIMESTAMP,
    generation=INT,
    resourceVersion=STRING,
    finalizers=_STRINGS,
)
_CONDITION = _object(
    "NamespaceCondition",
    status=STRING,
    type=STRING,
    lastTransitionTime=TIMESTAMP,
    message=STRING,
    reason=STRING,
)
NAMESPACE_TYPE = _object(
    "Namespace",
    metadata=_METADATA,
    spec=_object("NamespaceSpec", finalizers=_STRINGS),
    status=_object("NamespaceStatus", conditions=list_of(_CONDITION), phase=STRING),
)
"""The UID is declared in capitals, while objects have it in small letters: nobody can read it."""


def variables_of(
    *,
    has_params: bool,
    has_authorizer: bool = True,
    has_request_resource: bool = True,
    fields_of_variables: Mapping[str, Field] | None = None,
    object_type: Type = DYN,
    params_type: Type = DYN,
) -> dict[str, Type]:
    """The names and their types. `fields_of_variables` may grow afterwards; None: there is no `variables`."""
    known: dict[str, Type] = {
        OBJECT: object_type,
        OLD_OBJECT: object_type,
        NAMESPACE_OBJECT: NAMESPACE_TYPE,
        REQUEST: REQUEST_TYPE,
    }
    if has_authorizer:
        known[AUTHORIZER_NAME] = Type("kubernetes.authorization.Authorizer")
        if has_request_resource:
            known[REQUEST_RESOURCE] = Type("kubernetes.authorization.ResourceCheck")
    if has_params:
        known[PARAMS] = params_type
    if fields_of_variables is not None:
        known[VARIABLES] = ObjectType("kubernetes.variables", (), fields_of_variables)
    return known


@cache
def plain(has_params: bool = False, has_authorizer: bool = True) -> Environment:
    """The environment of match conditions, and of policies without variables."""
    return Environment(variables_of(has_params=has_params, has_authorizer=has_authorizer), KUBERNETES)


class Composition:
    """The environment of one policy: its variables are compiled one after another, and each may name those before it.

    `object_type` and `params_type` are what is known of the objects; `functions` and `object_types` what the policy has besides, though
    not in variables.
    """

    def __init__(
        self,
        *,
        has_params: bool,
        has_variables: bool,
        functions: Sequence[Overload] = (),
        object_types: Mapping[str, ObjectType] | None = None,
        object_type: Type = DYN,
        params_type: Type = DYN,
        has_request_resource: bool = True,
    ) -> None:
        self._fields: dict[str, Field] | None = {} if has_variables else None
        is_plain = not (has_variables or functions or object_types) and object_type is DYN and params_type is DYN

        def environment(*, has_authorizer: bool = True, has_all: bool = True) -> Environment:
            if is_plain:
                return plain(has_params, has_authorizer)
            variables = variables_of(
                has_params=has_params,
                has_authorizer=has_authorizer,
                has_request_resource=has_request_resource,
                fields_of_variables=self._fields,
                object_type=object_type,
                params_type=params_type,
            )
            if not has_all:
                return Environment(variables, KUBERNETES)
            return Environment(variables, (*KUBERNETES, *functions), object_types or {})

        self._environment = environment()
        self._variables_environment = environment(has_all=False)
        self._message_environment = environment(has_authorizer=False)

    def program(self, text: str) -> Program:
        """Raises CompilationProblem."""
        return self._environment.program(text)

    def check(self, text: str) -> None:
        """Type an expression without making a program of it. Raises CompilationProblem."""
        self._environment.checked(text)

    def message(self, text: str) -> Program:
        """Of a messageExpression, which may not ask the authorizer. Raises CompilationProblem."""
        return self._message_environment.program(text)

    def add_variable(self, name: str, text: str) -> Program:
        """Compile a variable and have it known from now on: as dyn where it does not compile. Raises CompilationProblem."""
        assert self._fields is not None
        type_ = DYN
        try:
            program = self._variables_environment.program(text)
            type_ = _declared(program.checked.type)
        finally:
            self._fields[name] = Field(type_, name)
        return program


_KEPT = frozenset((BOOL, BYTES, DOUBLE, DURATION, INT, NULL, STRING, TIMESTAMP, UINT))


def _declared(type_: Type) -> Type:
    """The type of a variable, given that of its expression: objects and optionals are dyn."""
    if type_ in _KEPT:
        return type_
    if type_.name in ("list", "map"):
        return Type(type_.name, tuple(map(_declared, type_.parameters)))
    return DYN


def problem(compile_: Callable[[str], Program], text: str, *wanted: Type) -> str:
    """What a refusal says of an expression: that it does not compile, or gives a value of another type than those wanted (none: any).

    Empty: nothing is wrong with it.
    """
    try:
        found = compile_(text).checked.type
    except CompilationProblem as error:
        return error.complaint
    if found in wanted or not wanted:
        return ""
    if len(wanted) == 1:
        return f"must evaluate to {wanted[0].in_full} but got {found.in_full}"
    return f"must evaluate to one of [{' '.join(type_.in_full for type_ in wanted)}] but got {found.in_full}"
