"""A webhook of a configuration, and which requests its rules pick.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-rules
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fakekube.objects.selectors import LabelSelector, label_selector_of
from fakekube.registry.kind import Kind
from fakekube.registry.webhook_calls import ClientConfig, version_of

if TYPE_CHECKING:
    from fakekube.expressions.environment import Program

USUAL_TIMEOUT_S = 10


@dataclass(frozen=True)
class Hook:
    """One webhook of a configuration."""

    name: str
    configuration: str
    config: ClientConfig
    rules: Sequence[Mapping[str, Any]]
    takes_equivalents: bool
    """Whether a request in another version of a resource is converted for it."""
    namespace_selector: LabelSelector
    object_selector: LabelSelector
    conditions: Sequence[Mapping[str, Any]]
    """`name` and `expression` of each match condition."""
    is_needed: bool
    """failurePolicy: whether a failure of the webhook refuses the write."""
    timeout_s: int
    version: str
    """Of the reviews: v1 or v1beta1."""
    is_asked_again: bool
    """reinvocationPolicy."""

    @property
    def key(self) -> tuple[str, str]:
        return self.configuration, self.name

    @cached_property
    def programs(self) -> Sequence[Program]:
        """The match conditions, compiled when they are first asked."""
        from fakekube.admission.match_conditions import compiled

        return compiled(self.conditions)

    @classmethod
    def of(cls, configuration: str, webhook: Mapping[str, Any]) -> Hook:
        """From a valid, defaulted configuration."""
        return cls(
            webhook["name"],
            configuration,
            webhook["clientConfig"],
            webhook.get("rules") or (),
            webhook.get("matchPolicy") != "Exact",
            label_selector_of(webhook.get("namespaceSelector") or {}),
            label_selector_of(webhook.get("objectSelector") or {}),
            webhook.get("matchConditions") or (),
            webhook.get("failurePolicy") != "Ignore",
            webhook.get("timeoutSeconds") or USUAL_TIMEOUT_S,
            version_of(webhook["admissionReviewVersions"]),
            webhook.get("reinvocationPolicy") == "IfNeeded",
        )

    def kind_for(self, kind: Kind, equivalents: Sequence[Kind], subresource: str, operation: str) -> Kind | None:
        """The version of the resource that the webhook wants to be shown; None: it does not want to be asked."""
        for candidate in (kind, *(equivalents if self.takes_equivalents else ())):
            if any(picks(rule, candidate, subresource, operation) for rule in self.rules):
                return candidate
        return None


def picks(rule: Mapping[str, Any], kind: Kind, subresource: str, operation: str) -> bool:
    """Whether a rule picks a request, whatever the name of its object."""
    return (
        _names(rule.get("operations"), operation)
        and _names(rule.get("apiGroups"), kind.group)
        and _names(rule.get("apiVersions"), kind.version)
        and _is_in_scope(rule.get("scope"), kind)
        and any(_is_resource(text, kind.resource, subresource) for text in rule.get("resources") or ())
    )


def _names(texts: Sequence[str] | None, text: str) -> bool:
    return texts is not None and ("*" in texts or text in texts)


def _is_in_scope(scope: str | None, kind: Kind) -> bool:
    return scope in (None, "", "*") or (scope == "Namespaced") == kind.namespaced


def _is_resource(text: str, resource: str, subresource: str) -> bool:
    """`pods`, `pods/status`, `*` (no subresource), `pods/*` (the pods themselves as well), `*/scale`, `*/*`."""
    wanted, _, wanted_subresource = text.partition("/")
    return wanted in ("*", resource) and wanted_subresource in ("*", subresource)
