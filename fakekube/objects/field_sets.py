"""Sets of fields, in the very form in which `metadata.managedFields[].fieldsV1` shows them.

A set is a tree of dicts. A key is one element of a path: `f:name` a field, `k:{"name":"a"}` an item of a list by its keys, `v:"x"` an item
by its value, `i:0` one by its index. Its value holds the elements below; the empty dict is a member of the set with nothing below, and
`"."` among the children says that the element itself is a member too. The empty root is the empty set.

Nothing here changes a set it is given; results share branches with their sources.
https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ (fieldsV1)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import orjson

FieldSet = dict[str, Any]
Path = tuple[str, ...]
"""Elements of a path from the root: `("f:metadata", "f:labels", "f:app")`."""

SELF = "."
MEMBER: FieldSet = {}
"""The node of a member with nothing below. Shared, so never to be changed."""


def is_member(node: FieldSet) -> bool:
    """Whether the element that has this node is in the set itself."""
    return not node or SELF in node


def has_children(node: FieldSet) -> bool:
    return bool(node) and (SELF not in node or len(node) > 1)


def has(fields: FieldSet, path: Path) -> bool:
    """Whether the path is a member."""
    for element in path:
        node = fields.get(element)
        if node is None:
            return False
        fields = node
    return is_member(fields)


def union(one: FieldSet, other: FieldSet) -> FieldSet:
    if not one or not other:
        return one or other
    result = dict(one)
    for element, node in other.items():
        present = result.get(element)
        result[element] = node if present is None else _joined(present, node)
    return result


def _joined(one: FieldSet, other: FieldSet) -> FieldSet:
    """Two nodes of the same element: a leaf beside a branch becomes a branch that is a member."""
    if one is other or one == other:
        return one
    if not one:
        return other if SELF in other else {SELF: MEMBER, **other}
    if not other:
        return one if SELF in one else {SELF: MEMBER, **one}
    return union(one, other)


def difference(one: FieldSet, other: FieldSet) -> FieldSet:
    """The members of `one` that are not members of `other`; what is below a member of `other` stays."""
    if not one or not other:
        return one
    return _children_less(one, other)


def _children_less(one: FieldSet, other: FieldSet) -> FieldSet:
    result: FieldSet = {}
    for element, node in one.items():
        if element == SELF:
            continue
        taken = other.get(element)
        if taken is None:
            result[element] = node
        else:
            kept = _node(is_member(node) and not is_member(taken), _children_less(node, taken))
            if kept is not None:
                result[element] = kept
    return result


def intersection(one: FieldSet, other: FieldSet) -> FieldSet:
    result: FieldSet = {}
    for element, node in one.items():
        with_it = other.get(element) if element != SELF else None
        if with_it is not None:
            common = _node(is_member(node) and is_member(with_it), intersection(node, with_it))
            if common is not None:
                result[element] = common
    return result


def _node(member: bool, children: FieldSet) -> FieldSet | None:
    """What stands for an element: None when it is no member and has nothing below."""
    if not children:
        return MEMBER if member else None
    return {SELF: MEMBER, **children} if member else children


def without(fields: FieldSet, paths: Iterable[Path]) -> FieldSet:
    """The set without some paths and all that is below them."""
    for path in paths:
        fields = _without(fields, path)
    return fields


def _without(fields: FieldSet, path: Path) -> FieldSet:
    node = fields.get(path[0])
    if node is None:
        return fields
    rest = {element: child for element, child in fields.items() if element != path[0]}
    if len(path) == 1 or not node:
        return rest if len(path) == 1 else fields
    kept = _without(node, path[1:])
    if not kept:
        return rest
    # A node that kept nothing but its own membership is a leaf again.
    rest[path[0]] = kept if has_children(kept) else MEMBER
    return rest


def paths(fields: FieldSet, prefix: Path = ()) -> Iterator[Path]:
    """The members in order: on each level first its own members, then, child by child, what lies deeper."""
    elements = sorted((element for element in fields if element != SELF), key=order_of)
    for element in elements:
        if is_member(fields[element]):
            yield (*prefix, element)
    for element in elements:
        if fields[element]:
            yield from paths(fields[element], (*prefix, element))


def set_of_paths(members: Iterable[Path]) -> FieldSet:
    result: FieldSet = {}
    for path in members:
        leaf: FieldSet = MEMBER
        for element in reversed(path):
            leaf = {element: leaf}
        result = union(result, leaf)
    return result


def in_order(fields: FieldSet) -> FieldSet:
    """The same set with its elements in the order in which the server writes them."""
    if not fields:
        return MEMBER
    elements = sorted(fields)
    if elements[-1] > "g" and len(elements) > 1:
        # Only fields are in the order of their texts; keys and values may be numbers.
        elements.sort(key=order_of)
    return {element: in_order(fields[element]) for element in elements}


def text(path: Path) -> str:
    """The path as messages name it: `.spec.ports[port=80,protocol="TCP"].name`, `.metadata.finalizers[="x"]`."""
    return "".join(map(_element_text, path))


def _element_text(element: str) -> str:
    kind, value = element[:2], element[2:]
    if kind == "f:":
        return f".{value}"
    if kind == "k:":
        keys = orjson.loads(value)
        return f"[{','.join(f'{key}={orjson.dumps(keys[key]).decode()}' for key in sorted(keys))}]"
    return f"[={value}]" if kind == "v:" else f"[{value}]"


def key_element(keys: dict[str, Any]) -> str:
    """The element of an item of a list by its keys."""
    return f"k:{orjson.dumps(keys, option=orjson.OPT_SORT_KEYS).decode()}"


def value_element(value: Any) -> str:
    """The element of an item of a set."""
    return f"v:{orjson.dumps(value).decode()}"


@lru_cache(maxsize=4096)
def order_of(element: str) -> tuple[Any, ...]:
    """What elements of one level are sorted by: the member itself, fields, keys, values, indices."""
    if element == SELF:
        return (0,)
    kind, value = element[:2], element[2:]
    if kind == "f:":
        return (1, value)
    if kind == "k:":
        return (2, [(name, _value_order(item)) for name, item in sorted(orjson.loads(value).items())])
    if kind == "v:":
        return (3, _value_order(orjson.loads(value)))
    return (4, int(value)) if value.isdecimal() else (5, value)


def _value_order(value: Any) -> tuple[int, Any]:
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, int | float):
        return (0, value)
    return (1, value) if isinstance(value, str) else (3, str(value))


def is_readable(fields: Any) -> bool:
    """Whether a client's `fieldsV1` is a set. What kind an element is of that nobody knows does not matter."""
    if not isinstance(fields, dict):
        return False
    return all(_is_readable(element, node) for element, node in fields.items())


def _is_readable(element: str, node: Any) -> bool:
    if element == SELF:
        return True
    kind, value = element[:2], element[2:]
    try:
        if kind == "k:" and not isinstance(orjson.loads(value), dict):
            return False
        if kind == "v:":
            orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    if kind == "i:" and not value.removeprefix("-").isdecimal():
        return False
    return is_readable(node)


def cleaned(fields: FieldSet) -> FieldSet:
    """A client's set without elements of kinds that nobody knows."""
    result: FieldSet = {}
    for element, node in fields.items():
        if element == SELF:
            result[SELF] = MEMBER
        elif element[:2] in ("f:", "k:", "v:", "i:"):
            result[element] = cleaned(node)
    # A branch that is nothing but a member is a leaf.
    return MEMBER if result.keys() == {SELF} else result
