"""Policies and their bindings: which of them have to do with a request, and with which parameters they are asked.

https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#parameter-resources
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from fakekube.admission.attributes import Attributes
from fakekube.admission.shown_objects import ShownObjects
from fakekube.admission.webhook_matching import picks
from fakekube.admission.webhook_reviews import is_namespace
from fakekube.kinds import Kinds
from fakekube.objects.selectors import LabelSelector, label_selector_of
from fakekube.registry.kind import Kind, Object

Compiled = TypeVar("Compiled")

NO_PARAMS = "no params found for policy binding with `Deny` parameterNotFoundAction"


@dataclass(frozen=True, slots=True)
class Matching:
    """What `matchConstraints` of a policy or `matchResources` of a binding say."""

    rules: Sequence[Mapping[str, Any]]
    """Empty: every request."""
    excluded: Sequence[Mapping[str, Any]]
    takes_equivalents: bool
    """Whether a request in another version of a resource is converted."""
    namespace_selector: LabelSelector
    object_selector: LabelSelector

    @classmethod
    def of(cls, resources: Mapping[str, Any]) -> Matching:
        """From a valid, defaulted object."""
        return cls(
            resources.get("resourceRules") or (),
            resources.get("excludeResourceRules") or (),
            resources.get("matchPolicy") != "Exact",
            label_selector_of(resources.get("namespaceSelector") or {}),
            label_selector_of(resources.get("objectSelector") or {}),
        )

    def may_pick(self, kind: Kind, equivalents: Sequence[Kind], subresource: str, operation: str) -> bool:
        """Whether there are names and labels with which a request is picked."""
        if not self.rules:
            return True
        versions = (kind, *equivalents) if self.takes_equivalents else (kind,)
        return any(picks(rule, version, subresource, operation) for rule in self.rules for version in versions)

    def kind_for(self, objects: ShownObjects, equivalents: Sequence[Kind]) -> Kind | None:
        """The version of the resource in which a request is picked; None: it is not."""
        if not (objects.are_in(self.namespace_selector) and objects.are_picked_by(self.object_selector)):
            return None
        attributes = objects.attributes
        if self._version(self.excluded, attributes, equivalents) is not None:
            return None
        return self._version(self.rules, attributes, equivalents) if self.rules else attributes.kind

    def _version(
        self, rules: Sequence[Mapping[str, Any]], attributes: Attributes, equivalents: Sequence[Kind]
    ) -> Kind | None:
        for version in (attributes.kind, *(equivalents if self.takes_equivalents else ())):
            for rule in rules:
                names = rule.get("resourceNames")
                if names and attributes.name not in names:
                    continue
                if picks(rule, version, attributes.subresource, attributes.operation):
                    return version
        return None


@dataclass(frozen=True, slots=True)
class Binding:
    name: str
    spec: Mapping[str, Any]
    matching: Matching | None
    """None: wherever the policy matches."""


@dataclass(frozen=True)
class Policy(Generic[Compiled]):
    """A policy with its bindings, by name."""

    name: str
    key: tuple[str, int]
    """uid and generation."""
    stored: Object
    matching: Matching
    bindings: Sequence[Binding]
    compile: Callable[[Object], Compiled]

    @property
    def is_needed(self) -> bool:
        """failurePolicy: whether what goes wrong refuses the write."""
        is_ignored: bool = self.stored["spec"].get("failurePolicy") == "Ignore"
        return not is_ignored

    @property
    def param_kind(self) -> Mapping[str, str] | None:
        param_kind: Mapping[str, str] | None = self.stored["spec"].get("paramKind")
        return param_kind

    @cached_property
    def compiled(self) -> Compiled:
        """Made when the first request comes that the policy is asked about."""
        return self.compile(self.stored)


Candidate = tuple[Policy[Compiled], Sequence[Kind]]
"""A policy that may have to do with a request, and the other versions of the requested resource."""


@dataclass(frozen=True, slots=True)
class Invocation(Generic[Compiled]):
    """One time that a policy is asked about a write: for one binding and one object of parameters."""

    policy: Policy[Compiled]
    binding: Binding
    kind: Kind
    """In whose version it is shown the objects."""
    params: Object | None


@dataclass(frozen=True, slots=True)
class Misconfigured(Generic[Compiled]):
    """A policy that cannot be asked, with the text that a refusal tells."""

    policy: Policy[Compiled]
    binding: Binding | None
    text: str


def read(
    policies: Iterable[Object],
    bindings: Iterable[Object],
    compile_: Callable[[Object], Compiled],
    known: Iterable[Policy[Compiled]],
) -> tuple[Policy[Compiled], ...]:
    """The policies that are bound; what has been compiled of those `known` is kept."""
    bound: dict[str, list[Binding]] = {}
    for binding in bindings:
        spec = binding["spec"]
        resources = spec.get("matchResources")
        matching = None if resources is None else Matching.of(resources)
        bound.setdefault(spec["policyName"], []).append(Binding(binding["metadata"]["name"], spec, matching))
    compiled = {policy.key: policy.__dict__["compiled"] for policy in known if "compiled" in policy.__dict__}
    found = []
    for policy in policies:
        metadata, spec = policy["metadata"], policy["spec"]
        if metadata["name"] not in bound:
            continue
        key = metadata["uid"], metadata.get("generation", 0)
        matching = Matching.of(spec.get("matchConstraints") or {})
        made = Policy(metadata["name"], key, policy, matching, bound[metadata["name"]], compile_)
        if key in compiled:
            made.__dict__["compiled"] = compiled[key]
        found.append(made)
    return tuple(found)


def candidates(
    policies: Iterable[Policy[Compiled]], kind: Kind, equivalents: Sequence[Kind], subresource: str, operation: str
) -> tuple[Candidate[Compiled], ...]:
    return tuple(
        (policy, equivalents)
        for policy in policies
        if policy.matching.may_pick(kind, equivalents, subresource, operation)
    )


async def invocations(
    asked: Iterable[Candidate[Compiled]], objects: ShownObjects, kinds: Kinds
) -> list[Invocation[Compiled] | Misconfigured[Compiled]]:
    """Policies by name, for each its bindings by name, for each the parameters by name."""
    found: list[Invocation[Compiled] | Misconfigured[Compiled]] = []
    for policy, equivalents in asked:
        kind = policy.matching.kind_for(objects, equivalents)
        if kind is None:
            continue
        params_kind = None
        if policy.param_kind is not None:
            params_kind = _kind_of(policy.param_kind, kinds)
            if params_kind is None:
                named = f"{policy.param_kind['apiVersion']}, Kind={policy.param_kind['kind']}"
                text = f"failed to configure policy: failed to find resource referenced by paramKind: '{named}'"
                found.append(Misconfigured(policy, None, text))
                continue
        for binding in policy.bindings:
            if binding.matching is not None and binding.matching.kind_for(objects, equivalents) is None:
                continue
            try:
                params = await _params(binding.spec.get("paramRef"), params_kind, objects.attributes)
            except _ConfigurationError as error:
                found.append(Misconfigured(policy, binding, f"failed to configure binding: {error}"))
                continue
            found += [Invocation(policy, binding, kind, each) for each in params]
    return found


class _ConfigurationError(Exception):
    """The parameters of a binding cannot be had; the message says why."""


def _kind_of(param_kind: Mapping[str, str], kinds: Kinds) -> Kind | None:
    group, _, version = param_kind["apiVersion"].rpartition("/")
    kind = kinds.of_kind(group, version, param_kind["kind"])
    return kind if kind is not None and kind.is_stored else None


async def _params(
    reference: Mapping[str, Any] | None, kind: Kind | None, attributes: Attributes
) -> Sequence[Object | None]:
    """The objects of parameters for which a policy is asked; (None,): once, without any. Raises _ConfigurationError."""
    if kind is None or reference is None:
        return (None,)
    namespace = reference.get("namespace") or ""
    if kind.namespaced and not namespace:
        namespace = _namespace_of(attributes)
        if not namespace:
            raise _ConfigurationError(
                "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
            )
    if namespace and not kind.namespaced:
        raise _ConfigurationError("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
    group, resource = kind.facts.stored_as[0], kind.resource
    if name := reference.get("name"):
        stored = attributes.get(group, resource, namespace, name)
        found = [] if stored is None else [stored]
    else:
        selector = label_selector_of(reference.get("selector"))
        found = [
            each
            for each in attributes.list(group, resource, namespace)
            if selector.matches(each["metadata"].get("labels"))
        ]
    if not found and reference.get("parameterNotFoundAction") == "Deny":
        raise _ConfigurationError(NO_PARAMS)
    return [await _shown(each, kind) for each in found]


def _namespace_of(attributes: Attributes) -> str:
    """The namespace of a request; a Namespace that is there already stands in itself."""
    if is_namespace(attributes.kind):
        return "" if attributes.operation == "CREATE" else attributes.name
    return attributes.namespace


async def _shown(stored: Object, kind: Kind) -> Object:
    if kind.is_stored_form:
        return stored
    if kind.strategy.read is not None:
        return (await kind.strategy.read([stored]))[0]
    convert = kind.strategy.from_storage
    return stored if convert is None else convert(stored)
