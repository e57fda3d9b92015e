"""What was really asked, and the least roles that permit just that; and of one refusal, what was missing.

A recorder is told of everything that was permitted, second checks within a request included. What every authenticated user may by
default (discovery, asking about oneself) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fakekube.access.authorization import GROUP, SERVICE_ACCOUNT_PREFIX, Asked, Authorizer, allows_path, allows_resource
from fakekube.errors import qualified
from fakekube.registry.user import User

Object = dict[str, Any]

OF_EVERYBODY = ("system:basic-user", "system:discovery", "system:public-info-viewer")
OF_SERVICE_ACCOUNTS = "system:service-account-issuer-discovery"
"""ClusterRoles that are bound in every cluster."""

HAND_OF_TESTS = "fakekube"
"""The user agent of a test's own verbs: what the test does to set up is nothing that its program needs."""


class Recorder:
    """Collects what identities were permitted. `role` finds a ClusterRole by name: `Authorizer.role`."""

    def __init__(self, cluster_role: Callable[[str], Object | None]) -> None:
        self._cluster_role = cluster_role
        self._asked: dict[str, dict[Asked, None]] = {}

    def note(self, user: User, asked: Asked, user_agent: str = "") -> None:
        if user_agent == HAND_OF_TESTS or (asked.is_resource and not asked.verb):
            return
        self._asked.setdefault(user.name, {})[_essential(asked)] = None

    @property
    def identities(self) -> list[str]:
        return sorted(self._asked)

    def objects(self, identity: str | None = None, *, resource_names: bool = False) -> list[Object]:
        """Roles, ClusterRoles and their bindings for one identity, or for all; in the order in which they can be applied.

        With `resource_names` rules name the objects, where that is possible: they fit these tests, and not the next names.
        """
        objects: list[Object] = []
        for name in self.identities if identity is None else (identity,):
            if name == "system:anonymous":
                continue
            objects.extend(_roles(name, self._needed(name), resource_names))
        return objects

    def _needed(self, identity: str) -> list[Asked]:
        """What is not anybody's."""
        names: tuple[str, ...] = OF_EVERYBODY
        if identity.startswith(SERVICE_ACCOUNT_PREFIX):
            names = (*names, OF_SERVICE_ACCOUNTS)
        common = [rule for name in names for rule in (self._cluster_role(name) or {}).get("rules") or ()]
        return [asked for asked in self._asked.get(identity, ()) if not any(_covers(rule, asked) for rule in common)]


def _covers(rule: Mapping[str, Any], asked: Asked) -> bool:
    if asked.is_resource:
        return bool(rule.get("resources")) and allows_resource(dict(rule), asked)
    return bool(rule.get("nonResourceURLs")) and allows_path(dict(rule), asked)


def _essential(asked: Asked) -> Asked:
    """What a rule can tell apart."""
    if not asked.is_resource:
        return Asked(asked.verb, asked.path)
    return Asked(asked.verb, "", True, asked.group, "", asked.namespace, asked.resource, asked.subresource, asked.name)


def _roles(identity: str, asked: Iterable[Asked], resource_names: bool) -> Iterator[Object]:
    places: dict[str, list[Asked]] = {}
    for each in asked:
        places.setdefault(each.namespace if each.is_resource else "", []).append(each)
    # What is allowed everywhere need not be allowed again in one namespace.
    everywhere = rules_for(places.get("", ()), resource_names)
    for namespace in sorted(places):
        here = [each for each in places[namespace] if not namespace or not any(_covers(r, each) for r in everywhere)]
        rules = rules_for(here, resource_names)
        if rules:
            yield from _role_and_binding(identity, namespace, rules)


def rules_for(asked: Iterable[Asked], resource_names: bool = False) -> list[Object]:
    """The fewest rules that permit each, and nothing that was not asked for together."""
    verbs: dict[tuple[str, str, str], set[str]] = {}
    paths: dict[str, set[str]] = {}
    for each in asked:
        if not each.is_resource:
            paths.setdefault(each.path, set()).add(each.verb)
            continue
        named = each.name if resource_names and each.name and each.verb != "create" else ""
        verbs.setdefault((each.group, each.rule_resource, named), set()).add(each.verb)
    # What is allowed for all names need not be allowed for one.
    for (group, resource, name), own in list(verbs.items()):
        if name:
            own -= verbs.get((group, resource, ""), set())
    return [
        *_resource_rules({key: own for key, own in verbs.items() if own}),
        *(
            {"nonResourceURLs": sorted(urls), "verbs": list(own)}
            for own, urls in _by_value({path: tuple(sorted(each)) for path, each in paths.items()}).items()
        ),
    ]


def _resource_rules(verbs: Mapping[tuple[str, str, str], set[str]]) -> Iterator[Object]:
    """Names with the same verbs share a rule, and so do resources of a group with the same verbs and names."""
    names: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (group, resource, name), own in sorted(verbs.items()):
        key = (group, resource, _in_order(own))
        if name:
            names.setdefault(key, []).append(name)
    rules: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (group, resource, name), own in sorted(verbs.items()):
        told = _in_order(own)
        of = tuple(names[group, resource, told]) if name else ()
        resources = rules.setdefault((group, told, of), [])
        if resource not in resources:
            resources.append(resource)
    for (group, told, of), resources in rules.items():
        rule: Object = {"apiGroups": [group], "resources": resources, "verbs": list(told)}
        if of:
            rule = {"apiGroups": [group], "resources": resources, "resourceNames": list(of), "verbs": list(told)}
        yield rule


_ORDER = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")


def _in_order(verbs: Iterable[str]) -> tuple[str, ...]:
    """As people write them."""
    return tuple(sorted(verbs, key=lambda verb: (_ORDER.index(verb) if verb in _ORDER else len(_ORDER), verb)))


def _by_value(table: Mapping[str, tuple[str, ...]]) -> dict[tuple[str, ...], list[str]]:
    turned: dict[tuple[str, ...], list[str]] = {}
    for key, value in sorted(table.items()):
        turned.setdefault(value, []).append(key)
    return turned


def _role_and_binding(identity: str, namespace: str, rules: list[Object], suffix: str = "recorded") -> Iterator[Object]:
    name = re.sub(r"[^A-Za-z0-9.:-]+", "-", identity.removeprefix(SERVICE_ACCOUNT_PREFIX)) + f":{suffix}"
    kind = "Role" if namespace else "ClusterRole"
    metadata: Object = {"name": name, "namespace": namespace} if namespace else {"name": name}
    yield {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": metadata, "rules": rules}
    yield {
        "apiVersion": f"{GROUP}/v1",
        "kind": f"{kind}Binding",
        "metadata": dict(metadata),
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": name},
        "subjects": [subject_of(identity)],
    }


def subject_of(identity: str) -> Object:
    if identity.startswith(SERVICE_ACCOUNT_PREFIX):
        namespace, _, name = identity.removeprefix(SERVICE_ACCOUNT_PREFIX).partition(":")
        return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    return {"apiGroup": GROUP, "kind": "User", "name": identity}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one thing was refused: what was missing and what came near, and the role and binding that would have allowed it."""

    words: tuple[str, ...]
    objects: tuple[Object, ...]

    def in_one_line(self) -> str:
        import orjson

        rules = orjson.dumps(self.objects[0]["rules"]).decode()
        return f"{'; '.join(self.words)}; the smallest {self.objects[0]['kind']} that allows it has the rules {rules}"

    def __str__(self) -> str:
        """With the objects as YAML."""
        return "\n".join((*self.words, "the smallest role that allows it:", to_yaml(self.objects).rstrip()))


def to_yaml(objects: Iterable[Object]) -> str:
    from yaml import safe_dump_all

    return safe_dump_all(list(objects), sort_keys=False)


def explanation(authorizer: Authorizer, user: User, asked: Asked) -> Explanation:
    if asked.is_resource:
        what = f"{asked.verb} {qualified(asked.group, asked.rule_resource)}"
        if asked.name:
            what += f" ({asked.name})"
    else:
        what = f"{asked.verb} {asked.path}"
    where = f" in namespace {asked.namespace}" if asked.namespace else ""
    near = tuple(dict.fromkeys(_near_misses(authorizer, user, asked)))
    words = (f"{user.name} lacks: {what}{where}", *(near or ("no role that is bound to it is about that",)))
    return Explanation(words, tuple(_role_and_binding(user.name, asked.namespace, rules_for([asked]), "missing")))


def _near_misses(authorizer: Authorizer, user: User, asked: Asked) -> Iterator[str]:
    for namespace in ("", asked.namespace) if asked.namespace else ("",):
        for grant in authorizer.grants(user, namespace):
            if grant.role is None:
                yield f"{grant.binding['kind']} {grant.binding['metadata']['name']}: {grant.missing_role}"
            for rule in grant.rules if asked.is_resource else ():
                groups, resources = rule.get("apiGroups") or (), rule.get("resources") or ()
                if asked.rule_resource not in resources or not {asked.group, "*"} & set(groups):
                    continue
                named = f" on {', '.join(rule['resourceNames'])} alone" if rule.get("resourceNames") else ""
                reference = grant.binding["roleRef"]
                yield f"{reference['kind']} {reference['name']} allows {', '.join(rule['verbs'])}{named}"
