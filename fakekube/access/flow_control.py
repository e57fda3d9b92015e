"""Which flow schema takes a request: the first by precedence and name that is about the user and what is asked.

Nothing waits here: clients are only told, as every answer tells them.

https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fakekube.access.authorization import SERVICE_ACCOUNT_PREFIX, Asked
from fakekube.registry.user import User
from fakekube.storage.store import Store

_SCHEMAS, _LEVELS = (
    f"{resource}.flowcontrol.apiserver.k8s.io" for resource in ("flowschemas", "prioritylevelconfigurations")
)
_MOST_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Flow:
    """The uids of the flow schema and of its priority level."""

    schema: str
    level: str


class FlowControl:
    """Remembers what was asked before until a flow schema or a priority level changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._schemas: list[tuple[Mapping[str, Any], Flow]] = []
        self._read_at: tuple[int, int] | None = None
        self._remembered: dict[tuple[Any, ...], Flow | None] = {}

    def flow_of(self, user: User, asked: Asked) -> Flow | None:
        """None where no schema fits, as in a cluster that has none."""
        store = self._store
        revisions = (store.collection(_SCHEMAS).revision, store.collection(_LEVELS).revision)
        if revisions != self._read_at:
            self._schemas = list(self._read())
            self._remembered.clear()
            self._read_at = revisions
        what = (asked.group, asked.rule_resource, asked.namespace) if asked.is_resource else asked.path
        key = (user.name, user.groups, asked.verb, what)
        try:
            return self._remembered[key]
        except KeyError:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            flow = next((flow for spec, flow in self._schemas if _is_about(spec, user, asked)), None)
            self._remembered[key] = flow
            return flow

    def _read(self) -> Iterator[tuple[Mapping[str, Any], Flow]]:
        """The specs of the schemas whose level is there, in order."""
        levels = {stored.name: stored.value["metadata"]["uid"] for stored in self._store.list(_LEVELS)}
        schemas = (stored.value for stored in self._store.list(_SCHEMAS))
        for schema in sorted(
            schemas, key=lambda each: (each["spec"].get("matchingPrecedence", 0), each["metadata"]["name"])
        ):
            level = levels.get(schema["spec"]["priorityLevelConfiguration"]["name"])
            if level is not None:
                yield schema["spec"], Flow(schema["metadata"]["uid"], level)


def _is_about(spec: Mapping[str, Any], user: User, asked: Asked) -> bool:
    key, fits = ("resourceRules", _fits_resource) if asked.is_resource else ("nonResourceRules", _fits_path)
    return any(
        any(_is(subject, user) for subject in rules.get("subjects") or ())
        and any(fits(rule, asked) for rule in rules.get(key) or ())
        for rules in spec.get("rules") or ()
    )


def _is(subject: Mapping[str, Any], user: User) -> bool:
    match subject:
        case {"kind": "User", "user": {"name": name}}:
            return name in ("*", user.name)
        case {"kind": "Group", "group": {"name": name}}:
            return name == "*" or name in user.groups
        case {"kind": "ServiceAccount", "serviceAccount": {"namespace": namespace, "name": name}}:
            start = f"{SERVICE_ACCOUNT_PREFIX}{namespace}:"
            return user.name.startswith(start) if name == "*" else user.name == f"{start}{name}"
    return False


def _fits_resource(rule: Mapping[str, Any], asked: Asked) -> bool:
    if not (
        _has(rule.get("verbs"), asked.verb)
        and _has(rule.get("resources"), asked.rule_resource)
        and _has(rule.get("apiGroups"), asked.group)
    ):
        return False
    return _has(rule.get("namespaces"), asked.namespace) if asked.namespace else bool(rule.get("clusterScope"))


def _fits_path(rule: Mapping[str, Any], asked: Asked) -> bool:
    return _has(rule.get("verbs"), asked.verb) and any(
        # Unlike in a ClusterRole, what lies below a path belongs to it.
        path in ("*", asked.path) or asked.path.startswith(f"{path.removesuffix('*').removesuffix('/')}/")
        for path in rule.get("nonResourceURLs") or ()
    )


def _has(words: Iterable[str] | None, word: str) -> bool:
    return any(each in ("*", word) for each in words or ())
