"""May you: the chain of authorizers over what a request asks, and the words of a refusal.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any, Protocol

from fakekube.errors import Forbidden, details_of, qualified
from fakekube.objects.field_errors import go_quoted
from fakekube.registry.user import User
from fakekube.storage.store import Event, Store

SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"
NODE_PREFIX = "system:node:"
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
    selected_node: str = ""
    """Of many pods or resource slices: the spec.nodeName that the field selector requires."""

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
    missing_names: list[str] = field(default_factory=list)
    """Their names alone."""
    not_listed: str = ""
    """Why there may be more that is not listed."""


@dataclass(frozen=True, slots=True)
class Grant:
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


class _Rules:
    """What one user may do in one namespace (or in the cluster), gathered from the bindings.

    The first time that something is asked all rules are looked through; from then on the answer is one look-up, however many rules there
    are.
    """

    __slots__ = ("_cells", "_paths", "missing", "paths", "resources")

    def __init__(self) -> None:
        self.resources: list[dict[str, Any]] = []
        self.paths: list[dict[str, Any]] = []
        self.missing: list[str] = []
        """Roles that bindings name and that are not there; a refusal tells them."""
        self._cells: dict[tuple[str, str, str], frozenset[str] | None] = {}
        self._paths: dict[tuple[str, str], bool] = {}

    def allow_resource(self, asked: Asked) -> bool:
        cell = (asked.verb, asked.group, asked.rule_resource)
        try:
            names = self._cells[cell]
        except KeyError:
            _make_room(self._cells)
            names = self._cells[cell] = _names_allowed(self.resources, asked)
        return names is None or asked.name in names

    def allow_path(self, asked: Asked) -> bool:
        key = (asked.verb, asked.path)
        allowed = self._paths.get(key)
        if allowed is None:
            _make_room(self._paths)
            allowed = self._paths[key] = any(allows_path(rule, asked) for rule in self.paths)
        return allowed


MOST_ANSWERS = 1024
MOST_USERS = 1024
"""What clients may ask without end, in each namespace, must not fill the memory."""


def _make_room(answers: dict[Any, Any]) -> None:
    if len(answers) >= MOST_ANSWERS:
        answers.clear()


def _names_allowed(rules: Iterable[dict[str, Any]], asked: Asked) -> frozenset[str] | None:
    """The names for which a verb on a resource is allowed; None for all."""
    allowed: set[str] = set()
    for rule in rules:
        if _fits_resource(rule, asked):
            names = rule.get("resourceNames")
            if not names:
                return None
            # A request without a name is allowed by no list of names, except by an empty one among them.
            allowed.update(names)
    return frozenset(allowed)


class Bindings:
    """The bindings of one namespace, or of the cluster, by whom they name: a user has few of many."""

    __slots__ = ("_by_subject",)

    def __init__(self, bindings: Iterable[dict[str, Any]], namespace: str) -> None:
        self._by_subject: dict[tuple[bool, str], dict[int, tuple[dict[str, Any], int]]] = {}
        for number, binding in enumerate(bindings):
            for position, subject in enumerate(binding.get("subjects") or ()):
                key = _subject_key(subject, namespace)
                if key is not None:
                    self._by_subject.setdefault(key, {}).setdefault(number, (binding, position))

    def of(self, user: User) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """The bindings that name `user`, in order, each with the first of its subjects that does."""
        found: dict[int, tuple[dict[str, Any], int]] = {}
        for key in ((False, user.name), *((True, group) for group in user.groups)):
            for number, (binding, position) in self._by_subject.get(key, {}).items():
                known = found.get(number)
                if known is None or position < known[1]:
                    found[number] = (binding, position)
        for number in sorted(found):
            binding, position = found[number]
            yield binding, binding["subjects"][position]


def _subject_key(subject: dict[str, Any], namespace: str) -> tuple[bool, str] | None:
    """(whether it is a group, name)."""
    match subject.get("kind"):
        case "User":
            return False, subject["name"]
        case "Group":
            return True, subject["name"]
        case "ServiceAccount":
            return False, f"{SERVICE_ACCOUNT_PREFIX}{subject.get('namespace') or namespace}:{subject['name']}"
    return None


class NodeDecisions(Protocol):
    """The authorizer of nodes."""

    def reason(self, user: User, asked: Asked) -> str | None:
        """None when it is allowed, else why not; empty for whoever is no node."""

    def is_about(self, user: User) -> bool:
        """Whether it may allow this user something."""


NOT_LISTED = "node authorizer does not support user rule resolution"


class Authorizer:
    """Decides from the RBAC objects in the store, and asks `node` before.

    What a user may do in a namespace is gathered once and forgotten when something changes that could matter to it. What is asked for the
    second time costs two look-ups, whatever the number of roles, bindings and users.
    """

    def __init__(self, store: Store, *, node: NodeDecisions | None = None) -> None:
        self._store = store
        self._node = node
        self._rules: dict[str, dict[tuple[str, tuple[str, ...]], _Rules]] = {}
        self._bindings: dict[str, Bindings] = {}
        for resource in ("roles", "rolebindings", "clusterroles", "clusterrolebindings"):
            store.subscribe(f"{resource}.{GROUP}", self._forget_bindings if "bind" in resource else self._forget_rules)

    def allows(self, user: User, asked: Asked) -> bool:
        return self.reason(user, asked) is None

    def check(self, user: User, asked: Asked) -> None:
        """Raises Forbidden."""
        reason = None if "system:masters" in user.groups else self.reason(user, asked)
        if reason is not None:
            raise refusal(user, asked, reason)

    def reason(self, user: User, asked: Asked) -> str | None:
        """None when it is allowed, else why not (mostly nothing to say: empty)."""
        if "system:masters" in user.groups:
            return None
        of_node = ""
        if self._node is not None and user.name.startswith(NODE_PREFIX):
            decision = self._node.reason(user, asked)
            if decision is None:
                return None
            of_node = decision
        missing: list[str] = []
        rules = self._rules_for(user, "")
        if asked.is_resource:
            if rules.allow_resource(asked):
                return None
            missing.extend(rules.missing)
            if asked.namespace:
                rules = self._rules_for(user, asked.namespace)
                if rules.allow_resource(asked):
                    return None
                missing.extend(rules.missing)
        else:
            if rules.allow_path(asked):
                return None
            missing.extend(rules.missing)
        reasons = (of_node, f"RBAC: {listed(missing)}" if missing else "")
        return "\n".join(filter(None, reasons))

    def decide(self, user: User, asked: Asked) -> Decision:
        """The answer to a review, which is told more than a request."""
        reason = self.reason(user, asked)
        if reason is not None:
            return Decision(False, reason)
        if "system:masters" in user.groups:
            return Decision(True)
        if self._node is not None and self._node.reason(user, asked) is None:
            return Decision(True)
        allows = allows_resource if asked.is_resource else allows_path
        for namespace in ("", asked.namespace) if asked.is_resource and asked.namespace else ("",):
            for grant in self.grants(user, namespace):
                fields = "resources" if asked.is_resource else "nonResourceURLs"
                if any(rule.get(fields) and allows(rule, asked) for rule in grant.rules):
                    return Decision(True, f"RBAC: allowed by {grant}")
        return Decision(True)

    def rules_of(self, user: User, namespace: str) -> RulesOfUser:
        """Everything that `user` may do in `namespace` ("" is the cluster), as bindings give it: nothing is merged."""
        is_node = self._node is not None and self._node.is_about(user)
        rules = RulesOfUser([], [], [], not_listed=NOT_LISTED if is_node else "")
        for place in ("", namespace) if namespace else ("",):
            for grant in self.grants(user, place):
                if grant.role is None:
                    rules.missing.append(grant.missing_role)
                    rules.missing_names.append(grant.binding["roleRef"]["name"])
                rules.resources.extend(rule for rule in grant.rules if rule.get("resources"))
                rules.paths.extend(rule for rule in grant.rules if rule.get("nonResourceURLs"))
        return rules

    def role(self, reference: dict[str, Any], namespace: str) -> dict[str, Any] | None:
        """The Role or ClusterRole that a binding in `namespace` refers to."""
        is_role = reference["kind"] == "Role"
        resource = "roles" if is_role else "clusterroles"
        stored = self._store.get(f"{resource}.{GROUP}", namespace if is_role else "", reference["name"])
        return None if stored is None else stored.value

    def _rules_for(self, user: User, namespace: str) -> _Rules:
        """The rules that bindings of `namespace`, or ("") of the cluster, give to `user`."""
        users = self._rules.get(namespace)
        if users is None:
            if len(self._rules) >= MOST_USERS:
                self._rules.clear()
            users = self._rules[namespace] = {}
        key = (user.name, user.groups)
        rules = users.get(key)
        if rules is None:
            if len(users) >= MOST_USERS:
                users.clear()
            rules = users[key] = self._gathered(user, namespace)
        return rules

    def _gathered(self, user: User, namespace: str) -> _Rules:
        rules = _Rules()
        for grant in self.grants(user, namespace):
            if grant.role is None:
                rules.missing.append(grant.missing_role)
            for rule in grant.rules:
                if rule.get("resources"):
                    rules.resources.append(rule)
                if rule.get("nonResourceURLs") and not namespace:
                    rules.paths.append(rule)
        return rules

    def grants(self, user: User, namespace: str) -> Iterator[Grant]:
        """The bindings of `namespace`, or ("") of the cluster, that name `user`."""
        bindings = self._bindings.get(namespace)
        if bindings is None:
            if len(self._bindings) >= MOST_USERS:
                self._bindings.clear()
            resource = "rolebindings" if namespace else "clusterrolebindings"
            stored = self._store.list(f"{resource}.{GROUP}", namespace)
            bindings = self._bindings[namespace] = Bindings((each.value for each in stored), namespace)
        for binding, subject in bindings.of(user):
            yield Grant(binding, subject, self.role(binding["roleRef"], namespace))

    def _forget_bindings(self, event: Event) -> None:
        self._bindings.pop(event.namespace, None)
        self._rules.pop(event.namespace, None)

    def _forget_rules(self, event: Event) -> None:
        if event.namespace:
            self._rules.pop(event.namespace, None)
        else:
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
        told = f"{subject} is forbidden: {who} {what}" if asked.resource else f"forbidden: {who} {what}"
        details = details_of(asked.group, asked.resource, asked.name)
    else:
        told, details = f"forbidden: {who} path {go_quoted(asked.path)}", {}
    # Up to the reason the server takes its words for HTML.
    told = escape(told, quote=False)
    return Forbidden(f"{told}: {reason}" if reason else told, details)


def allows_resource(rule: dict[str, Any], asked: Asked) -> bool:
    """Whether one rule about resources allows what is asked."""
    names = rule.get("resourceNames")
    return _fits_resource(rule, asked) and (not names or asked.name in names)


def _fits_resource(rule: dict[str, Any], asked: Asked) -> bool:
    """Whether the rule is about the verb and the resource, names aside."""
    verbs, groups, resources = rule["verbs"], rule.get("apiGroups") or (), rule["resources"]
    if asked.verb not in verbs and "*" not in verbs:
        return False
    if asked.group not in groups and "*" not in groups:
        return False
    fitting = {"*", asked.rule_resource}
    if asked.subresource:
        fitting.add(f"*/{asked.subresource}")
    return not fitting.isdisjoint(resources)


def allows_path(rule: dict[str, Any], asked: Asked) -> bool:
    """Whether one rule about paths allows what is asked."""
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
