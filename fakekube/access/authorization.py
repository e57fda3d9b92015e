"""May you: the chain of authorizers over what a request asks, and the words of a refusal.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

from fakekube.errors import Forbidden, details_of, qualified
from fakekube.objects.field_errors import go_quoted
from fakekube.registry.user import User
from fakekube.storage.store import Event, Store

SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"
GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks to do, understood from method, path and query alone."""

    verb: str
    path: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""

    @property
    def rule_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True, slots=True)
class Decision:
    """What a review is told. `reason` says which binding allows it, or why nothing does; often empty."""

    allowed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RulesOfUser:
    """All that bindings give a user, the cluster's first; `missing` are roles that are named and not there."""

    resources: list[dict[str, Any]]
    paths: list[dict[str, Any]]
    missing: list[str]


@dataclass(frozen=True, slots=True)
class _Grant:
    """A binding with the first of its subjects that is the user. `role` None: there is none of that name."""

    binding: dict[str, Any]
    subject: dict[str, Any]
    role: dict[str, Any] | None

    @property
    def rules(self) -> Iterable[dict[str, Any]]:
        return () if self.role is None else self.role.get("rules") or ()

    @property
    def missing_role(self) -> str:
        reference = self.binding["roleRef"]
        resource = "role" if reference["kind"] == "Role" else "clusterrole"
        return f'{resource}.{GROUP} "{reference["name"]}" not found'

    def __str__(self) -> str:
        binding, reference, subject = self.binding, self.binding["roleRef"], self.subject
        name, namespace = binding["metadata"]["name"], binding["metadata"].get("namespace", "")
        who = subject["name"]
        if subject["kind"] == "ServiceAccount":
            who = f"{who}/{subject.get('namespace') or namespace}"
        return (
            f"{binding['kind']} {go_quoted(f'{name}/{namespace}' if namespace else name)} of {reference['kind']} "
            f"{go_quoted(reference['name'])} to {subject['kind']} {go_quoted(who)}"
        )


@dataclass(slots=True)
class _Rules:
    """What one user may do in one namespace (or in the cluster), gathered from the bindings."""

    resources: list[dict[str, Any]] = field(default_factory=list)
    paths: list[dict[str, Any]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Roles that bindings name and that are not there; a refusal tells them."""


class Authorizer:
    """Decides from the RBAC objects in the store. What a user may do is gathered once and forgotten when any of them changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rules: dict[tuple[str, tuple[str, ...], str], _Rules] = {}
        for resource in ("roles", "rolebindings", "clusterroles", "clusterrolebindings"):
            store.subscribe(f"{resource}.{GROUP}", self._forget)

    def allows(self, user: User, asked: Asked) -> bool:
        return self.reason(user, asked) is None

    def check(self, user: User, asked: Asked) -> None:
        """Raises Forbidden."""
        if "system:masters" in user.groups:
            return
        reason = self.reason(user, asked)
        if reason is not None:
            raise refusal(user, asked, reason)

    def reason(self, user: User, asked: Asked) -> str | None:
        """None when it is allowed, else why not (mostly nothing to say: empty)."""
        if "system:masters" in user.groups:
            return None
        missing: list[str] = []
        for namespace in ("", asked.namespace) if asked.namespace else ("",):
            rules = self._rules_for(user, namespace)
            if asked.is_resource:
                if any(_allows_resource(rule, asked) for rule in rules.resources):
                    return None
            elif any(_allows_path(rule, asked) for rule in rules.paths):
                return None
            missing.extend(rules.missing)
        return f"RBAC: {listed(missing)}" if missing else ""

    def decide(self, user: User, asked: Asked) -> Decision:
        """The answer to a review, which is told more than a request."""
        reason = self.reason(user, asked)
        if reason is not None:
            return Decision(False, reason)
        if "system:masters" in user.groups:
            return Decision(True)
        allows = _allows_resource if asked.is_resource else _allows_path
        for namespace in ("", asked.namespace) if asked.is_resource and asked.namespace else ("",):
            for grant in self._grants(user, namespace):
                fields = "resources" if asked.is_resource else "nonResourceURLs"
                if any(rule.get(fields) and allows(rule, asked) for rule in grant.rules):
                    return Decision(True, f"RBAC: allowed by {grant}")
        return Decision(True)

    def rules_of(self, user: User, namespace: str) -> RulesOfUser:
        """Everything that `user` may do in `namespace`, as bindings give it: nothing is merged."""
        rules = RulesOfUser([], [], [])
        for place in ("", namespace):
            for grant in self._grants(user, place):
                if grant.role is None:
                    rules.missing.append(grant.missing_role)
                rules.resources.extend(rule for rule in grant.rules if rule.get("resources"))
                rules.paths.extend(rule for rule in grant.rules if rule.get("nonResourceURLs"))
        return rules

    def _rules_for(self, user: User, namespace: str) -> _Rules:
        """The rules that bindings of `namespace`, or ("") of the cluster, give to `user`."""
        key = (user.name, user.groups, namespace)
        rules = self._rules.get(key)
        if rules is None:
            if len(self._rules) > 4096:
                self._rules.clear()
            rules = self._rules[key] = self._gathered(user, namespace)
        return rules

    def _gathered(self, user: User, namespace: str) -> _Rules:
        rules = _Rules()
        for grant in self._grants(user, namespace):
            if grant.role is None:
                rules.missing.append(grant.missing_role)
            for rule in grant.rules:
                if rule.get("resources"):
                    rules.resources.append(rule)
                if rule.get("nonResourceURLs") and not namespace:
                    rules.paths.append(rule)
        return rules

    def _grants(self, user: User, namespace: str) -> Iterator[_Grant]:
        """The bindings of `namespace`, or ("") of the cluster, that name `user`."""
        resource = "rolebindings" if namespace else "clusterrolebindings"
        for stored in self._store.list(f"{resource}.{GROUP}", namespace):
            binding = stored.value
            subjects = binding.get("subjects") or ()
            subject = next((each for each in subjects if _is_subject(user, each, namespace)), None)
            if subject is None:
                continue
            reference = binding["roleRef"]
            is_role = reference["kind"] == "Role"
            role = self._store.get(
                f"{'roles' if is_role else 'clusterroles'}.{GROUP}", namespace if is_role else "", reference["name"]
            )
            yield _Grant(binding, subject, None if role is None else role.value)

    def _forget(self, event: Event) -> None:
        self._rules.clear()


def refusal(user: User, asked: Asked, reason: str = "") -> Forbidden:
    """The 403, its words and details as kube-apiserver has them."""
    who = f"User {go_quoted(user.name)} cannot {asked.verb}"
    if asked.is_resource:
        where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
        subject = qualified(asked.group, asked.resource)
        if asked.name:
            subject = f'{subject} "{asked.name}"'
        what = f'resource "{asked.rule_resource}" in API group "{asked.group}" {where}'
        told = f"{subject} is forbidden: {who} {what}"
        details = details_of(asked.group, asked.resource, asked.name)
    else:
        told, details = f"forbidden: {who} path {go_quoted(asked.path)}", {}
    # Up to the reason the server takes its words for HTML.
    told = escape(told, quote=False)
    return Forbidden(f"{told}: {reason}" if reason else told, details)


def _is_subject(user: User, subject: dict[str, Any], namespace: str) -> bool:
    match subject.get("kind"):
        case "User":
            return bool(subject["name"] == user.name)
        case "Group":
            return subject["name"] in user.groups
        case "ServiceAccount":
            account = f"{SERVICE_ACCOUNT_PREFIX}{subject.get('namespace') or namespace}:{subject['name']}"
            return user.name == account
    return False


def _allows_resource(rule: dict[str, Any], asked: Asked) -> bool:
    verbs, groups, resources = rule["verbs"], rule.get("apiGroups") or (), rule["resources"]
    if asked.verb not in verbs and "*" not in verbs:
        return False
    if asked.group not in groups and "*" not in groups:
        return False
    fitting = {"*", asked.rule_resource}
    if asked.subresource:
        fitting.add(f"*/{asked.subresource}")
    if fitting.isdisjoint(resources):
        return False
    names = rule.get("resourceNames")
    return not names or asked.name in names


def _allows_path(rule: dict[str, Any], asked: Asked) -> bool:
    verbs = rule["verbs"]
    if asked.verb not in verbs and "*" not in verbs:
        return False
    return any(_path_fits(url, asked.path) for url in rule["nonResourceURLs"])


def _path_fits(url: str, path: str) -> bool:
    if url in ("*", path):
        return True
    return url.endswith("*") and path.startswith(url[:-1])


def listed(errors: Iterable[str]) -> str:
    told = list(dict.fromkeys(errors))
    return told[0] if len(told) == 1 else f"[{', '.join(told)}]"
