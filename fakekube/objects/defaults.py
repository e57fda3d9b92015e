"""What the server fills in where a client said nothing.

The rules are facts (`facts.defaults`), an interpreter's worth of words: `set` a field to a value, `copy` another field, `drop` one, do so
for `each` element of a list, under conditions, or `call` one of the algorithms below. They are compiled into closures when a type is first
seen; only the parts of an object that have rules, or contain what has, are visited.

https://kubernetes.io/docs/reference/using-api/api-concepts/#default-values
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from fakekube import facts
from fakekube.facts import Field, Type
from fakekube.objects import images, pod_amounts, structs, times
from fakekube.objects.fields import insert, places

Now = Callable[[], str]
"""The time as metav1.Time writes it."""
Struct = dict[str, Any]
_Apply = Callable[[Struct, Now], None]
_Rule = Mapping[str, Any]


def apply(type_name: str, struct: Struct, now: Now = times.now) -> None:
    """Fills in the defaults of a decoded object, in place and in the order of its type. Objects without a type have none here."""
    if type_name:
        _of_type(type_name, _all_rules)(struct, now)


def complete(type_name: str, struct: Struct, now: Now = times.now) -> None:
    """The same where `constants` have been filled in already."""
    _of_type(type_name, _other_rules)(struct, now)


@cache
def constants(name: str) -> Mapping[str, Any]:
    """Of the defaults of a type those that depend on nothing and on which nothing depends that comes before them: field -> value.

    It is all the same when these are filled in, so that it can be done while an object is decoded.
    """
    rules = facts.defaults(name)
    fields = facts.type_of(name).fields if rules else {}
    found: dict[str, Any] = {}
    before: set[str] = set()
    for rule in rules:
        if not _sets_own_field(rule):
            before |= fields.keys() if "if_no_field_but" in rule else _read_by(rule)
            continue
        field = fields[rule["set"]]
        if field.name in before or (field.always and field.keeps_zero):
            continue
        if not any(name in _referred(owner) for owner in _readers().get(field.name, ())):
            found[field.name] = rule["to"]
    return found


def _sets_own_field(rule: _Rule) -> bool:
    return rule.keys() == {"set", "to"} and rule["set"].isidentifier()


@cache
def _readers() -> Mapping[str, Sequence[str]]:
    """By the name of a field the types that have a rule which reads a field of that name, of their own or further inside."""
    readers: dict[str, list[str]] = {}
    for name in facts.type_names_with_defaults():
        for rule in facts.defaults(name):
            if not _sets_own_field(rule):
                for field in _read_by(rule):
                    readers.setdefault(field, []).append(name)
    return readers


_READ_BY_CALLS: Mapping[str, Sequence[str]] = {
    "host_ports": ("ports", "hostPort", "containerPort"),
    "limit_range_item": ("default", "defaultRequest", "max", "min"),
    "pod_level_resources": ("containers", "initContainers", "resources", "limits", "requests", "restartPolicy"),
    "requests_from_limits": ("resources", "limits", "requests"),
}
"""What algorithms look at besides what their rules say."""


def _read_by(rule: _Rule) -> set[str]:
    """The names of all fields that a rule looks at or writes."""
    found = set(_READ_BY_CALLS.get(rule.get("call", ""), ()))
    for word, said in rule.items():
        if word not in ("to", "call", "also_instead_of"):
            for path in (said,) if isinstance(said, str) else said if isinstance(said, list | dict) else ():
                found.update(re.split(r"[.\[\]]", path))
    return found


def _all_rules(name: str) -> Sequence[_Rule]:
    return facts.defaults(name)


def _other_rules(name: str) -> Sequence[_Rule]:
    """Those that `constants` does not tell of."""
    constant = constants(name)
    return [rule for rule in facts.defaults(name) if not (_sets_own_field(rule) and rule["set"] in constant)]


_Rules = Callable[[str], Sequence[_Rule]]
"""The rules of a type that are to be applied."""


@cache
def _of_type(name: str, rules_of: _Rules) -> _Apply:
    """An object's own rules in their order, then those of the types of its fields."""
    type_ = facts.type_of(name)
    rules = tuple(_compiled(rule, type_) for rule in rules_of(name))
    children = tuple(
        (field.name, _VISITORS[field.shape], _of_reference(field.ref, rules_of))
        for field in type_.fields.values()
        if field.type == "ref" and _concerns(field.ref, rules_of)
    )

    def apply_to(struct: Struct, now: Now) -> None:
        for rule in rules:
            rule(struct, now)
        for key, visit, inner in children:
            value = struct.get(key)
            if value is not None:
                visit(value, inner, now)

    return apply_to


def _of_reference(name: str, rules_of: _Rules) -> _Apply:
    """The rules of a type that a field refers to: looked up when first needed where the type contains itself."""
    if name in _referred(name):
        return lambda struct, now: _of_type(name, rules_of)(struct, now)
    return _of_type(name, rules_of)


@cache
def _concerns(name: str, rules_of: _Rules) -> bool:
    """Whether a type, or one that it contains, has rules."""
    return any(rules_of(each) for each in (name, *_referred(name)))


@cache
def depends_on_time(name: str) -> bool:
    """Whether a rule of a type, or of one that it contains, fills in the time."""
    return any(rule.get("call") == "now" for each in (name, *_referred(name)) for rule in facts.defaults(each))


@cache
def _referred(name: str) -> frozenset[str]:
    """The types that stand inside a type, at any depth."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        inner = {field.ref for field in facts.type_of(waiting.pop()).fields.values() if field.type == "ref"}
        waiting.extend(inner - found)
        found |= inner
    return frozenset(found)


def _visit_one(value: Any, inner: _Apply, now: Now) -> None:
    inner(value, now)


def _visit_list(value: Any, inner: _Apply, now: Now) -> None:
    for item in value:
        inner(item, now)


def _visit_map(value: Any, inner: _Apply, now: Now) -> None:
    for item in value.values():
        inner(item, now)


_VISITORS: Mapping[str, Callable[[Any, _Apply, Now], None]] = {
    "one": _visit_one,
    "list": _visit_list,
    "map": _visit_map,
}


@dataclass(frozen=True, slots=True)
class _Step:
    """One key of a path, with what is known of the struct it is a key of; a key of a map has no field."""

    key: str
    order: Mapping[str, int]
    field: Field | None


class _Path:
    """A place in an object of a type: `spec.strategy.type`, `metadata.annotations[example.com/key]`."""

    def __init__(self, text: str, type_: Type) -> None:
        path, _, map_key = text.removesuffix("]").partition("[")
        keys = [*path.split("."), *([map_key] if map_key else [])]
        steps = []
        inner: Type | None = type_
        for key in keys:
            field = inner.fields[key] if inner else None
            steps.append(_Step(key, places(inner.name) if inner else {}, field))
            inner = facts.type_of(field.ref) if field and field.type == "ref" and field.shape != "map" else None
        self.parents = tuple(steps[:-1])
        self.last = steps[-1]
        self.keeps_zero = self.last.field is not None and self.last.field.keeps_zero

    def value(self, struct: Struct) -> Any:
        """What stands there, None where nothing does."""
        for step in self.parents:
            inner = struct.get(step.key)
            if not inner:
                return None
            struct = inner
        return struct.get(self.last.key)

    def is_absent(self, struct: Struct) -> bool:
        """Nothing there, or a zero that cannot be told from nothing."""
        value = self.value(struct)
        return value is None or (not value and not self.keeps_zero)

    def put(self, struct: Struct, value: Any) -> None:
        """Puts `value` there; parents that are missing are made."""
        for step in self.parents:
            inner = struct.get(step.key)
            if inner is None:
                inner = structs.field_decoder(step.field)({}) if step.field else {}
                insert(struct, step.key, inner, step.order)
            struct = inner
        insert(struct, self.last.key, value, self.last.order)

    def drop(self, struct: Struct) -> None:
        for step in self.parents:
            struct = struct.get(step.key) or {}
        struct.pop(self.last.key, None)

    def element_type(self) -> Type:
        assert self.last.field is not None
        return facts.type_of(self.last.field.ref)


def _compiled(rule: _Rule, type_: Type) -> _Apply:
    """A rule as a function of the object; `each` makes its element the object of everything but `if_object`."""
    if "each" not in rule:
        return _guarded(_action(rule, type_), _conditions(rule, type_))
    elements = _Path(rule["each"], type_)
    element_type = elements.element_type()
    inner = _guarded(_action(rule, element_type), _conditions(rule, element_type))
    outer = _equalities(rule.get("if_object", {}), type_)

    def apply_each(struct: Struct, now: Now) -> None:
        if all(holds(struct) for holds in outer):
            for element in elements.value(struct) or ():
                inner(element, now)

    return apply_each


_Condition = Callable[[Struct], bool]


def _guarded(action: _Apply, conditions: Sequence[_Condition]) -> _Apply:
    if not conditions:
        return action

    def apply_if(struct: Struct, now: Now) -> None:
        for holds in conditions:
            if not holds(struct):
                return
        action(struct, now)

    return apply_if


def _conditions(rule: _Rule, type_: Type) -> list[_Condition]:
    conditions = _equalities(rule.get("if", {}), type_)
    for text in rule.get("if_present", ()):
        present = _Path(text, type_)
        conditions.append(lambda struct, path=present: not path.is_absent(struct))  # type: ignore[misc]
    for text in rule.get("if_absent", ()):
        conditions.append(_Path(text, type_).is_absent)
    if "if_no_field_but" in rule:
        others = frozenset(rule["if_no_field_but"])
        conditions.append(lambda struct: struct.keys() <= others)
    return conditions


def _equalities(wanted: Mapping[str, Any], type_: Type) -> list[_Condition]:
    conditions: list[_Condition] = []
    for text, value in wanted.items():
        path, values = _Path(text, type_), value if isinstance(value, list) else [value]
        conditions.append(lambda struct, path=path, values=values: path.value(struct) in values)  # type: ignore[misc]
    return conditions


def _action(rule: _Rule, type_: Type) -> _Apply:
    if "call" in rule:
        return _CALLS[rule["call"]](rule, type_)
    if "drop" in rule:
        dropped = _Path(rule["drop"], type_)
        return lambda struct, now: dropped.drop(struct)
    target = _Path(rule["set"], type_)
    if "copy" in rule:
        return _copying(_Path(rule["copy"], type_), target, rule.get("also_instead_of", ()))
    made = _maker(rule["to"], target.last.field)
    if target.parents:
        return lambda struct, now: target.put(struct, made()) if target.is_absent(struct) else None
    key, order, keeps_zero = target.last.key, target.last.order, target.keeps_zero

    def set_own_field(struct: Struct, now: Now) -> None:
        present = struct.get(key)
        if present is None or (not present and not keeps_zero):
            insert(struct, key, made(), order)

    return set_own_field


def _maker(value: Any, field: Field | None) -> Callable[[], Any]:
    """Makes a default's value; objects and lists are new each time, with what always stands in them."""
    if isinstance(value, dict | list) and field is not None:
        decode = structs.field_decoder(field)
        return lambda: decode(value)
    return lambda: value


def _copying(source: _Path, target: _Path, also_instead_of: Sequence[Any]) -> _Apply:
    def copy(struct: Struct, now: Now) -> None:
        if (target.is_absent(struct) or target.value(struct) in also_instead_of) and not source.is_absent(struct):
            value = source.value(struct)
            target.put(struct, value.copy() if isinstance(value, dict | list) else value)

    return copy


def _pull_policy(rule: _Rule, type_: Type) -> _Apply:
    """Images tagged `latest`, or not at all, are pulled always."""
    image, target = _Path(rule["image"], type_), _Path(rule["set"], type_)

    def set_policy(struct: Struct, now: Now) -> None:
        if target.is_absent(struct):
            target.put(struct, _policy_of(image.value(struct) or ""))

    return set_policy


@lru_cache(maxsize=1024)
def _policy_of(image: str) -> str:
    return "Always" if images.tag_of(image) == "latest" else "IfNotPresent"


def _containers(struct: Struct, lists: Sequence[_Path]) -> Iterator[Struct]:
    for path in lists:
        yield from path.value(struct) or ()


def _requests_from_limits(rule: _Rule, type_: Type) -> _Apply:
    """What a container may use at most it also asks for, unless it says what it asks for."""
    lists = [_Path(text, type_) for text in rule["at"]]
    requests = _Path("resources.requests", lists[0].element_type())

    def set_requests(struct: Struct, now: Now) -> None:
        for container in _containers(struct, lists):
            limits = (container.get("resources") or {}).get("limits")
            if limits:
                requests.put(container, _filled_from(requests.value(container), limits))

    return set_requests


def _filled_from(amounts: Mapping[str, str] | None, more: Mapping[str, str]) -> dict[str, str]:
    """`amounts` and what only `more` has, sorted by name as all maps are written."""
    return dict(sorted({**more, **(amounts or {})}.items()))


def _pod_level_resources(rule: _Rule, type_: Type) -> _Apply:
    """A pod with limits of its own asks for what its containers ask for, and for its limit where they ask for nothing.

    Huge pages are limited to those of its containers, unless it asks for them itself.
    """
    limits_path, requests_path = _Path("spec.resources.limits", type_), _Path("spec.resources.requests", type_)

    def set_requests(struct: Struct, now: Now) -> None:
        limits, requests = limits_path.value(struct) or {}, requests_path.value(struct) or {}
        if not limits and not requests:
            return
        spec = struct["spec"]
        used = pod_amounts.together(spec, "limits")
        pages = {name: str(used[name]) for name in used if name.startswith(_HUGE_PAGES) and name not in requests}
        if limits or pages:
            limits = _filled_from(limits, pages)
            limits_path.put(struct, limits)
        if not limits:
            return
        asked = pod_amounts.together(spec, "requests")
        requests = _filled_from(requests, {name: str(asked[name]) for name in asked if name in _POD_LEVEL_RESOURCES})
        of_pods = {name: amount for name, amount in limits.items() if _is_of_pods(name)}
        requests = _filled_from(requests, of_pods)
        if requests:
            requests_path.put(struct, requests)

    return set_requests


_POD_LEVEL_RESOURCES, _HUGE_PAGES = frozenset({"cpu", "memory"}), "hugepages-"


def _is_of_pods(name: str) -> bool:
    """Whether a resource may be limited for a pod as a whole."""
    return name in _POD_LEVEL_RESOURCES or name.startswith(_HUGE_PAGES)


def _host_ports(rule: _Rule, type_: Type) -> _Apply:
    """In the node's network a container's port is the node's."""
    lists = [_Path(text, type_) for text in rule["at"]]
    order = places("core.v1.ContainerPort")

    def set_host_ports(struct: Struct, now: Now) -> None:
        for container in _containers(struct, lists):
            for port in container.get("ports") or ():
                if not port.get("hostPort") and port.get("containerPort"):
                    insert(port, "hostPort", port["containerPort"], order)

    return set_host_ports


def _alias(rule: _Rule, type_: Type) -> _Apply:
    """Two names of one field fill each other; where they differ the newer one wins."""
    new, old = _Path(rule["of"], type_), _Path(rule["old"], type_)

    def fill(struct: Struct, now: Now) -> None:
        value = new.value(struct) or old.value(struct)
        if value:
            new.put(struct, value)
            old.put(struct, value)

    return fill


def _limit_range_item(rule: _Rule, type_: Type) -> _Apply:
    """The greatest amount is the default limit, the default limit the default request, and so is the least amount."""
    default, request = _Path("default", type_), _Path("defaultRequest", type_)

    def fill(struct: Struct, now: Now) -> None:
        limits = _filled_from(default.value(struct), struct.get("max") or {})
        requests = _filled_from(_filled_from(request.value(struct), limits), struct.get("min") or {})
        if limits:
            default.put(struct, limits)
        if requests:
            request.put(struct, requests)

    return fill


def _name_label(rule: _Rule, type_: Type) -> _Apply:
    """The name as a label, over anything that was sent."""
    labels, name, label = _Path("metadata.labels", type_), _Path("metadata.name", type_), rule["label"]

    def set_label(struct: Struct, now: Now) -> None:
        value = name.value(struct)
        if value:
            labels.put(struct, dict(sorted({**(labels.value(struct) or {}), label: value}.items())))

    return set_label


def _lower(rule: _Rule, type_: Type) -> _Apply:
    return _derived(rule, type_, str.lower)


def _suffix(rule: _Rule, type_: Type) -> _Apply:
    return _derived(rule, type_, lambda value: f"{value}{rule['add']}")


def _derived(rule: _Rule, type_: Type, derive: Callable[[str], str]) -> _Apply:
    source, target = _Path(rule["of"], type_), _Path(rule["set"], type_)

    def set_derived(struct: Struct, now: Now) -> None:
        value = source.value(struct)
        if value and target.is_absent(struct):
            target.put(struct, derive(value))

    return set_derived


def _now(rule: _Rule, type_: Type) -> _Apply:
    target = _Path(rule["set"], type_)

    def set_time(struct: Struct, now: Now) -> None:
        if target.is_absent(struct):
            target.put(struct, now())

    return set_time


_CALLS: Mapping[str, Callable[[_Rule, Type], _Apply]] = {
    "alias": _alias,
    "host_ports": _host_ports,
    "limit_range_item": _limit_range_item,
    "lower": _lower,
    "name_label": _name_label,
    "now": _now,
    "pod_level_resources": _pod_level_resources,
    "pull_policy": _pull_policy,
    "requests_from_limits": _requests_from_limits,
    "suffix": _suffix,
}
"""The algorithms by the names that the rules call them. Each takes the rule and its type and gives the function to be applied."""
