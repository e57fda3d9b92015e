"""Nobody gives away what he has not: whoever writes a role or a binding must hold each of its rules.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fakekube.access.authorization import GROUP, Asked, Authorizer, RulesOfUser
from fakekube.errors import BadRequest, Forbidden, InternalError, details_of, not_found, qualified
from fakekube.objects.field_errors import go_quoted
from fakekube.registry.user import User

Object = dict[str, Any]

ROLES, BINDINGS = ("roles", "clusterroles"), ("rolebindings", "clusterrolebindings")
AGGREGATION_TEXT = "must have cluster-admin privileges to use the aggregationRule"
EVERYTHING: tuple[Object, ...] = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)

_NOT_COMPARED = frozenset(
    {"ownerReferences", "finalizers", "managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"}
)
"""In the metadata of an update: what the garbage collector changes, and what no client does."""


@dataclass(frozen=True, slots=True)
class Write:
    """What is written. `name` is that of the path, empty for a POST; `old` is what is there now."""

    resource: str
    namespace: str
    name: str
    new: Object
    old: Object | None


def check(authorizer: Authorizer, user: User, write: Write) -> None:
    """Raises Forbidden for what `user` does not hold, NotFound for a binding's role that is not there, BadRequest and
    InternalError where none can be."""
    if "system:masters" in user.groups:
        return
    if is_free(write):
        return
    if write.resource in ROLES:
        _check_role(authorizer, user, write)
    elif write.resource in BINDINGS:
        _check_binding(authorizer, user, write)


def is_free(write: Write) -> bool:
    """Whether nothing changes that gives anybody anything."""
    return write.old is not None and _compared(write.new) == _compared(write.old)


def right_of(write: Write) -> Asked:
    """The right that lifts the check."""
    if write.resource in ROLES:
        return Asked("escalate", "", True, GROUP, "v1", write.namespace, write.resource, "", write.name)
    reference = write.new["roleRef"]
    resource = "roles" if reference.get("kind") == "Role" else "clusterroles"
    return Asked("bind", "", True, GROUP, "v1", write.namespace, resource, "", reference.get("name", ""))


def _check_role(authorizer: Authorizer, user: User, write: Write) -> None:
    if authorizer.allows(user, right_of(write)):
        return
    held = authorizer.rules_of(user, write.namespace)
    name = write.new["metadata"].get("name", "")
    _confirm(user, held, write.new.get("rules") or (), write.resource, name)
    aggregates = any(role is not None and role.get("aggregationRule") is not None for role in (write.new, write.old))
    if aggregates and not all(_holds(held, piece) for piece in pieces(EVERYTHING)):
        raise _forbidden(write.resource, name, AGGREGATION_TEXT)


def _check_binding(authorizer: Authorizer, user: User, write: Write) -> None:
    reference = write.new["roleRef"]
    if reference.get("kind") not in ("Role", "ClusterRole"):
        # To masters, who are asked nothing here, validation says so.
        raise InternalError(f"unsupported role reference kind: {go_quoted(reference.get('kind', ''))}", reason="")
    if authorizer.allows(user, right_of(write)):
        return
    if not reference.get("name"):
        raise BadRequest("Name parameter required.")
    if reference["kind"] == "Role" and not write.namespace:
        raise BadRequest("Namespace parameter required.")
    role = authorizer.role(reference, write.namespace)
    if role is None:
        raise not_found(GROUP, write.resource, reference.get("name", ""))
    held = authorizer.rules_of(user, write.namespace)
    _confirm(user, held, role.get("rules") or (), write.resource, write.new["metadata"].get("name", ""))


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that a rule permits. `path` None: it is about a resource; `name` None: any of them."""

    verb: str
    group: str = ""
    resource: str = ""
    name: str | None = None
    path: str | None = None


def pieces(rules: Iterable[Mapping[str, Any]]) -> Iterator[Piece]:
    """Rules taken apart: groups, resources, verbs, names; then paths and verbs."""
    for rule in rules:
        verbs: Sequence[str] = rule.get("verbs") or ()
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                for verb in verbs:
                    for name in rule.get("resourceNames") or (None,):
                        yield Piece(verb, group, resource, name)
        for path in rule.get("nonResourceURLs") or ():
            for verb in verbs:
                yield Piece(verb, path=path)


def covers(rule: Mapping[str, Any], piece: Piece) -> bool:
    """Whether an owner of `rule` holds the piece. A `*` is held by a `*` alone."""
    verbs = rule.get("verbs") or ()
    if piece.verb not in verbs and "*" not in verbs:
        return False
    if piece.path is not None:
        return any(_covers_path(url, piece.path) for url in rule.get("nonResourceURLs") or ())
    groups, resources = rule.get("apiGroups") or (), rule.get("resources") or ()
    if piece.group not in groups and "*" not in groups:
        return False
    if piece.resource not in resources and "*" not in resources:
        _, slash, subresource = piece.resource.partition("/")
        if not slash or f"*/{subresource}" not in resources:
            return False
    names = rule.get("resourceNames")
    return not names or (piece.name is not None and piece.name in names)


def _covers_path(url: str, path: str) -> bool:
    return url in ("*", path) or (url.endswith("*") and path.startswith(url[:-1]))


def _holds(held: RulesOfUser, piece: Piece) -> bool:
    return any(covers(rule, piece) for rule in (held.resources if piece.path is None else held.paths))


def _confirm(user: User, held: RulesOfUser, rules: Iterable[Mapping[str, Any]], resource: str, name: str) -> None:
    """Raises Forbidden with all that is missing."""
    missing = [piece for piece in pieces(rules) if not _holds(held, piece)]
    if not missing:
        return
    text = (
        f"user {go_quoted(user.name)} (groups={_quoted(user.groups)}) is attempting to grant RBAC permissions not currently "
        "held:\n" + "\n".join(told(missing))
    )
    if held.missing_names:
        lost = [f'{qualified(GROUP, resource)} "{each}" not found' for each in dict.fromkeys(held.missing_names)]
        text += f"; resolution errors: [{lost[0] if len(lost) == 1 else '[' + ', '.join(lost) + ']'}]"
    raise _forbidden(resource, name, text)


def told(missing: Iterable[Piece]) -> list[str]:
    """One line for each resource (and name) with all its verbs; sorted, equal ones once."""
    verbs: dict[tuple[str, str, str | None], list[str]] = {}
    lines: set[str] = set()
    for piece in missing:
        if piece.path is not None:
            lines.add(f"{{NonResourceURLs:{_quoted([piece.path])}, Verbs:{_quoted([piece.verb])}}}")
        else:
            verbs.setdefault((piece.group, piece.resource, piece.name), []).append(piece.verb)
    for (group, resource, name), each in verbs.items():
        named = f", ResourceNames:{_quoted([name])}" if name is not None else ""
        lines.add(f"{{APIGroups:{_quoted([group])}, Resources:{_quoted([resource])}{named}, Verbs:{_quoted(each)}}}")
    return sorted(lines)


def _quoted(texts: Iterable[str]) -> str:
    return f"[{' '.join(map(go_quoted, texts))}]"


def _forbidden(resource: str, name: str, text: str) -> Forbidden:
    subject = f'{qualified(GROUP, resource)} "{name}"'
    return Forbidden(f"{subject} is forbidden: {text}", details_of(GROUP, resource, name))


def _compared(obj: Object) -> Object:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _NOT_COMPARED}
    rest = {key: value for key, value in obj.items() if key != "metadata"}
    return {**rest, "metadata": metadata}
