"""What a value is to field ownership: which parts of an object are one field and which are many, and what follows from that.

A `Shape` says of a value whether it is a leaf (scalars, and lists and maps that are atomic), a map (structs are maps with named fields), or
a list whose items are told apart by keys or by value. Shapes come from the facts about built-in types (`shape_of`); those of custom
resources are made from their schemas, with the same class.

The questions that ownership asks of values are its methods.
https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import orjson

from fakekube import facts
from fakekube.facts import Field, Type
from fakekube.objects.as_sent import Emptied, Verbatim, knows_empty
from fakekube.objects.field_sets import MEMBER, SELF, FieldSet, is_member, key_element, order_of, text, value_element
from fakekube.objects.go_text import plain_text, quoted, type_text
from fakekube.objects.repeated import Repeated

Object = dict[str, Any]

MISSING: Any = object()
"""Stands for a value that is not there at all; null is a value."""


_CONTAINERS = frozenset({dict, list, Emptied, Verbatim})
_STRUCTS = frozenset({dict, Emptied})
_GRANULAR = frozenset({"map", "list", "deduced"})


@dataclass(slots=True)
class Comparison:
    """How one value differs from another: the paths that only the first has, that differ, and that only the second has."""

    removed: FieldSet
    modified: FieldSet
    added: FieldSet

    def __bool__(self) -> bool:
        return bool(self.removed or self.modified or self.added)


_MOST_PLANS = 256
"""So many combinations of keys are remembered of each map: clients of one kind send few, labels have many."""

_MOST_REMEMBERED, _LONGEST_REMEMBERED = 256, 8192
"""So many sets of new specs are remembered of each type, and of specs of so many bytes."""


class Shape:
    """What one value is.

    `kind` is `string`, `number`, `boolean`, `scalar` (any of these), `map`, `list`, `any` (one field, whatever is in it) or `deduced` (told
    by the value itself: maps are many fields, lists one).
    """

    __slots__ = (
        "_fields",
        "_load",
        "_plans",
        "atomic",
        "element",
        "is_leaf",
        "is_set",
        "keys",
        "kind",
        "zero",
    )

    def __init__(
        self,
        kind: str,
        *,
        atomic: bool = False,
        element: Shape | None = None,
        keys: tuple[tuple[str, Any], ...] = (),
        is_set: bool = False,
        fields: Callable[[], Mapping[str, Shape]] | None = None,
        zero: Mapping[str, Any] | None = None,
    ) -> None:
        self.kind = kind
        self.atomic = atomic
        """A map or list that is one field."""
        self.is_leaf = atomic or kind not in _GRANULAR
        self.element = element
        """Of the items of a list, of the values of a map; None for a map that has only named fields."""
        self.keys = keys
        """The fields that tell the items of a list apart, each with its default (None: it has none)."""
        self.is_set = is_set
        """Whether the items of a list are told apart by value."""
        self.zero = zero or {}
        """What a struct shows that nobody has written anything into."""
        self._plans: dict[tuple[str, ...], tuple[FieldSet, _Containers]] = {}
        self._load = fields
        self._fields: Mapping[str, Shape] | None = None if fields else {}

    @property
    def fields(self) -> Mapping[str, Shape]:
        """The named fields of a struct; made when first asked for, since types may contain themselves."""
        if self._fields is None:
            assert self._load is not None
            self._fields = self._load()
        return self._fields

    def below(self, name: str) -> Shape | None:
        """The shape of a field or of a value of a map."""
        fields = self._fields
        return (self.fields if fields is None else fields).get(name) or self.element

    # -- the sets of values ------------------------------------------------------------------------------------------------------------

    def everything(self, value: Any) -> FieldSet:
        """The node of a value that was not there before: itself and all below. Elements are in order, as in `field_sets.in_order`."""
        if not value or value.__class__ not in _CONTAINERS:
            return MEMBER
        shape = self._of_value(value) if self.kind == "deduced" else self
        if shape.is_leaf:
            return MEMBER
        if shape.kind != "map":
            return {SELF: MEMBER, **shape._everything_in_list(value)}
        template, containers = shape._plan(value)
        node = template
        for name, element, below in containers:
            item = value[name]
            if item:
                if node is template:
                    node = template.copy()
                node[element] = below.everything(item)
        return node

    def _everything_in_list(self, value: Any) -> FieldSet:
        element = self.element
        assert element is not None
        node: FieldSet = {}
        for item in value:
            name = self.element_of(item)
            node[name] = MEMBER if name in node else element.everything(item)
        return node if len(node) < 2 else {name: node[name] for name in sorted(node, key=order_of)}

    def _plan(self, value: Object) -> tuple[FieldSet, _Containers]:
        """What the node of a map with these keys is if all its values are leaves, and which of them may not be."""
        keys = tuple(value)
        plan = self._plans.get(keys)
        if plan is None:
            template: FieldSet = {SELF: MEMBER, **{f"f:{name}": MEMBER for name in sorted(keys)}}
            shapes = ((name, self.fields.get(name) or self.element) for name in keys)
            containers = tuple(
                (name, f"f:{name}", shape) for name, shape in shapes if shape is not None and not shape.is_leaf
            )
            plan = template, containers
            if len(self._plans) < _MOST_PLANS:
                self._plans[keys] = plan
        return plan

    def created(self, value: Any) -> FieldSet:
        """The set of a new struct: all that is not as in one nobody has written into."""
        template, containers = self._plan(value)
        node = template.copy()
        del node[SELF]
        zero = self.zero
        for name, element, below in containers:
            item = value[name]
            if name not in zero:
                if item:
                    node[element] = below.everything(item)
            elif item and item != zero[name]:
                empty, below = zero[name], below._of_value(item)
                if empty is not None:
                    node[element] = below.created(item) if name != "spec" else below._created_before(item)
                elif below.kind == "map":
                    node[element] = {key: each for key, each in below.everything(item).items() if key != SELF}
                elif not below.is_leaf:
                    node[element] = below._everything_in_list(item)
        tells_empty = value.__class__ is Emptied
        for name, empty in zero.items():
            item = value.get(name, MISSING)
            if item == empty:
                del node[f"f:{name}"]
                tells_empty = tells_empty or (item.__class__ in _STRUCTS and knows_empty(item))
        return self._with_lists_sent_empty(node, value) if tells_empty else node

    def _with_lists_sent_empty(self, node: FieldSet, value: Object, old: Object | None = None) -> FieldSet:
        """A list that is always shown is null where nobody sent it. One that was sent empty is another value, until it is stored."""
        zero = self.zero
        sent: FieldSet = {}
        for name in _lists_sent_empty(value):
            if zero.get(name, MISSING) is None and not (old and (old.get(name) or name in _lists_sent_empty(old))):
                sent[f"f:{name}"] = MEMBER
        for name, empty in zero.items():
            item = value.get(name)
            if empty and item and item.__class__ is not str:
                before = node.get(f"f:{name}", _NOTHING)
                below = self.fields[name]._with_lists_sent_empty(before, item, old.get(name) if old else None)
                if below is not before:
                    sent[f"f:{name}"] = below
        if not sent:
            return node
        node = {**node, **sent}
        return {element: node[element] for element in sorted(node, key=order_of)}

    def _created_before(self, value: Object) -> FieldSet:
        """The same, remembered by value: pods of one template have one spec."""
        key = self._key(value)
        if key is None:
            return self.created(value)
        known = _created_sets.get(key)
        if known is None:
            known = self.created(value)
            if not _created_sets.is_new(key):
                _created_sets.put(key, known)
        return known

    def field_set(self, value: Any) -> FieldSet:
        """The set of an applied configuration, whose root is a struct; of one that is applied again and again, remembered."""
        key = self._key(value)
        known = _applied_sets.get(key) if key is not None else None
        if known is None:
            known = self._applied(value)
            if key is not None and not _applied_sets.is_new(key):
                _applied_sets.put(key, known)
        return known

    def fits(self, value: Any) -> bool:
        """Whether there are no `mistakes` in a configuration."""
        key = self._key(value)
        if key is not None and _fitting.get(key):
            return True
        if next(self.mistakes(value), None) is not None:
            return False
        if key is not None and not _fitting.is_new(key):
            _fitting.put(key, True)
        return True

    def _key(self, value: Any) -> tuple[Shape, bytes] | None:
        """By what a value is remembered; None where its text does not say all about it, or is too long."""
        try:
            text = orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
        except orjson.JSONEncodeError:
            return None
        return (self, text) if len(text) <= _LONGEST_REMEMBERED else None

    def _applied(self, value: Any) -> FieldSet:
        """The children of the node of a container."""
        node: FieldSet = {}
        if self.kind == "map":
            for name, item in value.items():
                shape = self.below(name)
                is_field = name in self.fields
                child = _applied_node(shape, item)
                if item is None or item == {} or not is_field:
                    child = MEMBER if not child else child if SELF in child else {SELF: MEMBER, **child}
                if child is not None:
                    node[f"f:{name}"] = child
            return node
        for name, item in self.items(value):
            child = None if item is DUPLICATES else _applied_node(self.element, item)
            node[name] = MEMBER if not child else child if SELF in child else {SELF: MEMBER, **child}
        return node

    # -- two values --------------------------------------------------------------------------------------------------------------------

    def compare(self, old: Any, new: Any) -> Comparison:
        """The difference of two objects of this shape."""
        removed: FieldSet = {}
        modified: FieldSet = {}
        added: FieldSet = {}
        if old != new:
            self._compare_below(old, new, removed, modified, added)
        if self.zero:
            modified = self._with_lists_sent_empty(modified, new, old)
            if self._key(new) is None and knows_empty(new):
                self._compare_sent_empty(old, new, modified)
        return Comparison(removed, modified, added)

    def _compare_sent_empty(self, old: Any, new: Any, modified: FieldSet) -> None:
        """Puts into `modified` what is one field and differs in nothing but that lists or maps in it were sent empty."""
        if self.kind == "map":
            pairs = [(f"f:{name}", self.below(name), (old or {}).get(name), item) for name, item in new.items()]
        else:
            before = dict(self.items(old or ()))
            pairs = [(name, self.element, before.get(name), item) for name, item in self.items(new)]
        for name, shape, stored, item in pairs:
            if not stored or not item or item is DUPLICATES or shape is None:
                continue
            if shape.is_leaf:
                if stored == item and knows_empty(item) and not knows_empty(stored):
                    modified[name] = MEMBER
            elif _fit(shape, stored, item):
                below = dict(modified.get(name, _NOTHING))
                shape._compare_sent_empty(stored, item, below)
                if below:
                    modified[name] = below

    def _compare_below(self, old: Any, new: Any, removed: FieldSet, modified: FieldSet, added: FieldSet) -> None:
        """Puts the differences of two containers into their nodes; one of them may be null or empty."""
        if self.kind == "map":
            old, new = old or {}, new or {}
            for name, before in old.items():
                after = new.get(name, MISSING)
                if after is MISSING:
                    shape = self.below(name)
                    removed[f"f:{name}"] = MEMBER if shape is None else shape.everything(before)
                elif before != after:
                    self._compare_child(f"f:{name}", self.below(name), before, after, removed, modified, added)
            for name, after in new.items():
                if name not in old:
                    shape = self.below(name)
                    added[f"f:{name}"] = MEMBER if shape is None else shape.everything(after)
            return
        before_items, after_items = dict(self.items(old or ())), dict(self.items(new or ()))
        element = self.element
        assert element is not None
        for name, before in before_items.items():
            after = after_items.get(name, MISSING)
            if after is MISSING:
                removed[name] = MEMBER if before is DUPLICATES else element.everything(before)
            elif (before is DUPLICATES) != (after is DUPLICATES):
                # One item goes with all its fields where several come that are one, and the other way round.
                removed[name] = MEMBER if before is DUPLICATES else element.everything(before)
                added[name] = MEMBER if after is DUPLICATES else element.everything(after)
            elif before is DUPLICATES:
                if list(self.equal_items(old, name)) != list(self.equal_items(new, name)):
                    modified[name] = MEMBER
            elif before != after:
                self._compare_child(name, element, before, after, removed, modified, added)
        for name, after in after_items.items():
            if name not in before_items:
                added[name] = MEMBER if after is DUPLICATES else element.everything(after)

    @staticmethod
    def _compare_child(
        name: str,
        shape: Shape | None,
        before: Any,
        after: Any,
        removed: FieldSet,
        modified: FieldSet,
        added: FieldSet,
    ) -> None:
        """Two different values at one place."""
        if shape is not None and shape.kind == "deduced":
            shape = shape._of_value(before if before not in (None, {}, []) else after)
            if (before and after) and isinstance(before, dict) != isinstance(after, dict):
                # Not one of a kind: it differs, and what is in the one is not in the other.
                modified[name] = MEMBER
                for node, value in ((removed, before), (added, after)):
                    if isinstance(value, dict):
                        node[name] = {key: each for key, each in DEDUCED.everything(value).items() if key != SELF}
                return
        if shape is None or shape.is_leaf or (not before and not after) or not _fit(shape, before, after):
            modified[name] = MEMBER
            return
        parts: tuple[FieldSet, FieldSet, FieldSet] = ({}, {}, {})
        shape._compare_below(before, after, *parts)
        for node, part in zip((removed, modified, added), parts, strict=True):
            if part:
                node[name] = part

    def merge(self, live: Any, applied: Any) -> Any:
        """`live` with what `applied` says: leaves are taken over, the rest is merged, nothing goes away. One of them may be MISSING."""
        if applied is MISSING or live is MISSING:
            return live if applied is MISSING else applied
        shape = self._of_value(applied or live) if self.kind == "deduced" else self
        if shape.is_leaf or (not live and not applied) or not _fit(shape, live, applied):
            return applied
        if shape.kind == "map":
            merged = dict(live or {})
            for name, item in (applied or {}).items():
                below = shape.below(name)
                merged[name] = item if below is None else below.merge(merged.get(name, MISSING), item)
            return merged
        return shape._merge_lists(live or [], applied or [])

    def _merge_lists(self, live: list[Any], applied: list[Any]) -> list[Any]:
        """Both lists are walked: items of the applied one in its order, those of the live one alone beside their old neighbours."""
        here = [(self.element_of(item), item) for item in live]
        wanted = [(self.element_of(item), item) for item in applied]
        stored: dict[str, Any] = {}
        for name, item in here:
            # Items that are there twice are not merged into, but replaced.
            stored[name] = MISSING if name in stored else item
        applied_names = {name for name, _ in wanted}
        shared = deque(name for name, _ in wanted if name in stored)
        element, result = self.element, []
        assert element is not None
        left = right = 0
        while left < len(here) or right < len(wanted):
            if left < len(here):
                name, item = here[left]
                if name not in applied_names:
                    result.append(item)
                    left += 1
                    continue
                if right < len(wanted) and name != wanted[right][0]:
                    if shared and name != shared[0]:
                        left += 1  # it comes later
                        continue
                    left += not shared  # it has come already
                else:
                    left += 1
            if right < len(wanted):
                name, item = wanted[right]
                result.append(element.merge(stored.get(name, MISSING), item))
                right += 1
                if shared and shared[0] == name:
                    shared.popleft()
        return result

    def remove(self, value: Any, gone: FieldSet) -> Any:
        """`value` without the members of `gone`; a container that is emptied stays, empty."""
        shape = self._of_value(value)
        if not gone or shape.is_leaf or not value or not _fit(shape, value, value):
            return value
        if shape.kind == "map":
            kept = {}
            for name, item in value.items():
                node = gone.get(f"f:{name}")
                if node is None:
                    kept[name] = item
                elif not is_member(node):
                    below = shape.below(name)
                    kept[name] = item if below is None else below.remove(item, node)
            return kept
        items = []
        for item in value:
            node = gone.get(shape.element_of(item))
            if node is None:
                items.append(item)
            elif not is_member(node):
                assert shape.element is not None
                items.append(shape.element.remove(item, node))
        return items

    def fitted(self, fields: FieldSet) -> FieldSet:
        """The set by this shape, where it was made by an older one: what has become one field is a member itself, with nothing below.

        What was one field and has become many stays a member, as it is.
        """
        result = fields
        for element, node in fields.items():
            shape = self.below(element[2:]) if element.startswith("f:") else self.element
            if not node or shape is None:
                continue
            below = MEMBER if shape.atomic else shape.fitted(node)
            if below is not node:
                if result is fields:
                    result = dict(fields)
                result[element] = below
        return result

    def named(self, fields: FieldSet) -> FieldSet:
        """The set and, as further members, the named fields on the way to its members."""
        result: FieldSet = {}
        for element, node in fields.items():
            if element == SELF or not node:
                result[element] = node
                continue
            child = self.below(element[2:]) if element.startswith("f:") else self.element
            below = child.named(node) if child is not None else node
            if element.startswith("f:") and element[2:] in self.fields and SELF not in below:
                below = {SELF: MEMBER, **below}
            result[element] = below
        return result

    # -- lists -------------------------------------------------------------------------------------------------------------------------

    def items(self, value: Any) -> Iterator[tuple[str, Any]]:
        """The items of a list by their elements of a path, each element once: DUPLICATES stands for items that share one."""
        items: dict[str, Any] = {}
        for item in value:
            name = self.element_of(item)
            items[name] = DUPLICATES if name in items else item
        return iter(items.items())

    def equal_items(self, value: Any, element: str) -> Iterator[Any]:
        return (item for item in value or () if self.element_of(item) == element)

    def element_of(self, item: Any) -> str:
        """What tells an item from the others of its list. Raises Mistake."""
        if self.is_set:
            if isinstance(item, dict):
                raise Mistake("associative list without keys has an element that's a map type")
            if isinstance(item, list):
                raise Mistake("not supported: associative list with lists as elements")
            if item is None:
                raise Mistake("associative list without keys has an element that's an explicit null")
            return value_element(item)
        if not isinstance(item, dict):
            what = "a null element" if item is None else "non-map elements"
            raise Mistake(f"associative list with keys may not have {what}")
        if len(self.keys) == 1:
            key, default = self.keys[0]
            value = item.get(key, default)
            if value.__class__ is str:
                return _element_by_text(key, value)
        keys = {}
        for key, default in self.keys:
            value = item.get(key, default)
            if value is not None or key in item:
                keys[key] = value
        if not keys:
            names = f"[{' '.join(quoted(key) for key, _ in self.keys)}]"
            raise Mistake(
                f"associative list with keys has an element that omits all key fields {names} "
                "(and doesn't have default values for any key fields)"
            )
        return key_element(keys)

    # -- the rest ----------------------------------------------------------------------------------------------------------------------

    def _of_value(self, value: Any) -> Shape:
        if self.kind != "deduced":
            return self
        return DEDUCED_MAP if isinstance(value, dict) else ANY

    def mistakes(self, value: Any, path: str = "", *, may_repeat: bool = False) -> Iterator[str]:
        """What keeps a configuration from being applied, `.spec.foo: field not declared in schema` each.

        `may_repeat`: items of lists may share their keys, as they may in objects that are there already.
        """
        if value is None or self.kind in ("any", "deduced"):
            return
        if self.kind == "map":
            if not isinstance(value, dict):
                yield _at(path, f"expected map, got &{{{plain_text(value)}}}")
                return
            for name, item in value.items():
                shape = self.below(name)
                if shape is None:
                    # Nothing more is told of a map that has one such field.
                    yield _at(f"{path}.{name}", "field not declared in schema")
                    return
                else:
                    yield from shape.mistakes(item, f"{path}.{name}", may_repeat=may_repeat)
        elif self.kind == "list":
            if not isinstance(value, list):
                yield _at(path, f"expected list, got &{{{plain_text(value)}}}")
                return
            yield from self._mistakes_of_items(value, path, may_repeat)
        else:
            expected = _EXPECTED[self.kind](value)
            if expected:
                yield _at(path, expected)

    def atomics(self, value: Any, path: str = "") -> Iterator[str]:
        """The places in a configuration of lists, maps and structs that are one field: they would replace what is there, not join it."""
        if isinstance(value, dict):
            if self.kind == "any" or (self.kind == "map" and self.atomic):
                yield path
            for name, item in value.items():
                if (shape := self.fields.get(name)) is not None:
                    yield from shape.atomics(item, f"{path}.{name}")
        elif isinstance(value, list):
            if self.kind != "list" or self.atomic:
                yield path
            if self.element is not None:
                for index, item in enumerate(value):
                    yield from self.element.atomics(item, f"{path}[{index}]")

    def _mistakes_of_items(self, value: list[Any], path: str, may_repeat: bool) -> Iterator[str]:
        seen: set[str] = set()
        for index, item in enumerate(value):
            place = f"[{index}]"
            if not self.atomic:
                try:
                    element = self.element_of(item)
                except Mistake as mistake:
                    yield _at(path, f"element {index}: {mistake}")
                    return
                place = text((element,))
                if element in seen and not may_repeat:
                    yield _at(path, f"duplicate entries for key {place}")
                seen.add(element)
            if self.element is not None:
                yield from self.element.mistakes(item, path + place, may_repeat=may_repeat)


_created_sets: Repeated[tuple[Shape, bytes], FieldSet] = Repeated(_MOST_REMEMBERED)
_applied_sets: Repeated[tuple[Shape, bytes], FieldSet] = Repeated(_MOST_REMEMBERED)
_fitting: Repeated[tuple[Shape, bytes], bool] = Repeated(256)

_Containers = tuple[tuple[str, str, Shape], ...]
"""Keys of a map whose values may be many fields, each with its element of a path."""


@lru_cache(maxsize=8192)
def _element_by_text(key: str, value: str) -> str:
    return key_element({key: value})


def _lists_sent_empty(value: Object) -> Mapping[str, Any]:
    """The fields of a struct that was sent with empty lists: where they are always shown, those are not the null that they become as they
    are stored."""
    return {name: sent for name, sent in value.empty.items() if sent == []} if value.__class__ is Emptied else _NOTHING


_NOTHING: dict[str, Any] = {}


class Mistake(ValueError):
    """A list item that cannot be told from others."""


class _Duplicates:
    """Stands for items of a list that share their keys."""


DUPLICATES: Any = _Duplicates()


def _applied_node(shape: Shape | None, value: Any) -> FieldSet | None:
    """The node of a value in a configuration; None when it is in no set (an empty list, and null, which its parent sees to)."""
    if shape is None or (shape := shape._of_value(value)).kind not in ("map", "list"):
        return MEMBER
    if value is None or (value == [] and not shape.atomic):
        return None
    if shape.atomic:
        return MEMBER
    node = shape._applied(value)
    return node or None


def _fit(shape: Shape, *values: Any) -> bool:
    """Whether the values are containers of the kind that the shape says, or null."""
    kind = dict if shape.kind == "map" else list
    for value in values:  # noqa: SIM110 -- asked of every pair of values
        if value is not None and not isinstance(value, kind):
            return False
    return True


def _at(path: str, message: str) -> str:
    return f"{path}: {message}" if path else message


def _no_string(value: Any) -> str:
    return (
        "" if isinstance(value, str) else f"expected string, got &value.valueUnstructured{{Value:{_go_syntax(value)}}}"
    )


def _no_number(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return "" if is_number else f"expected numeric (int or float), got {type_text(value)}"


def _no_boolean(value: Any) -> str:
    return "" if isinstance(value, bool) else f"expected boolean, got &{{{plain_text(value)}}}"


def _no_scalar(value: Any) -> str:
    return f"expected any scalar, got &{{{plain_text(value)}}}" if isinstance(value, dict | list) else ""


_EXPECTED: Mapping[str, Callable[[Any], str]] = {
    "string": _no_string,
    "number": _no_number,
    "boolean": _no_boolean,
    "scalar": _no_scalar,
}


def _go_syntax(value: Any) -> str:
    """As Go's %#v prints a decoded JSON value."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{quoted(key)}:{_go_syntax(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{pairs}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_go_syntax, value))}}}"
    return quoted(value) if isinstance(value, str) else "interface {}(nil)" if value is None else plain_text(value)


# -- shapes of built-in types --------------------------------------------------------------------------------------------------------------

STRING, NUMBER, BOOLEAN, SCALAR = Shape("string"), Shape("number"), Shape("boolean"), Shape("scalar")
ANY = Shape("any")
DEDUCED = Shape("deduced")
DEDUCED_MAP = Shape("map", element=DEDUCED)

_SCALARS: Mapping[str, Shape] = {
    "string": STRING,
    "bytes": STRING,
    "boolean": BOOLEAN,
    "integer": NUMBER,
    "number": NUMBER,
    "time": SCALAR,
    "micro_time": SCALAR,
    "quantity": SCALAR,
    "int_or_string": SCALAR,
    "any": ANY,
    "object": ANY,
}


@cache
def shape_of(type_name: str) -> Shape:
    """The shape of the objects of a type of the facts. Raises KeyError where there is none."""
    type_ = facts.type_of(type_name)
    return _struct(type_, atomic=type_.map_type == "atomic")


@cache
def _atomic_shape_of(type_name: str) -> Shape:
    return _struct(facts.type_of(type_name), atomic=True)


@cache
def _granular_shape_of(type_name: str) -> Shape:
    return _struct(facts.type_of(type_name), atomic=False)


def _struct(type_: Type, *, atomic: bool) -> Shape:
    return Shape(
        "map",
        atomic=atomic,
        fields=lambda: {name: _field(field) for name, field in type_.fields.items()},
        zero=None if atomic else _zero(type_.name),
    )


@cache
def _zero(type_name: str) -> Mapping[str, Any]:
    fields = facts.type_of(type_name).fields
    return {name: _empty(field) for name, field in fields.items() if field.always}


def _empty(field: Field) -> Any:
    if field.shape == "one" and field.type == "ref" and field.empty is not None:
        return _zero(field.ref)
    return field.empty


def _field(field: Field) -> Shape:
    atomic = field.map_type == "atomic"
    if field.type != "ref":
        element = _SCALARS[field.type]
    elif field.shape == "one" and atomic:
        return _atomic_shape_of(field.ref)
    elif field.shape == "one" and field.map_type == "granular":
        # The field says so of a type that is one field elsewhere: the claim of a PersistentVolume.
        return _granular_shape_of(field.ref)
    else:
        element = shape_of(field.ref)
    if field.shape == "one":
        return element
    if field.shape == "map":
        return Shape("map", atomic=atomic, element=element)
    if field.shape == "map_of_lists":
        return Shape("map", atomic=atomic, element=Shape("list", atomic=True, element=element))
    if field.list_type == "map":
        inner = facts.type_of(field.ref).fields
        return Shape(
            "list", element=element, keys=tuple((key, inner[key].default) for key in sorted(field.list_map_keys))
        )
    return Shape("list", atomic=field.list_type != "set", is_set=field.list_type == "set", element=element)


# -- shapes of custom resources ------------------------------------------------------------------------------------------------------------


def shape_of_schema(schema: Mapping[str, Any]) -> Shape:
    """The shape of custom resources whose objects have this `openAPIV3Schema`."""
    root = _from_schema(schema)
    element = DEDUCED if root.kind == "deduced" else root.element
    return Shape("map", fields=lambda: {**root.fields, **_head_of_objects()}, element=element)


def _head_of_objects() -> Mapping[str, Shape]:
    """What every object has, one that is part of another too."""
    return {"apiVersion": STRING, "kind": STRING, "metadata": shape_of("meta.ObjectMeta")}


def _from_schema(schema: Mapping[str, Any]) -> Shape:
    type_ = schema.get("type")
    if schema.get("x-kubernetes-int-or-string"):
        return DEDUCED  # no type stands there, so it may be anything
    preserves = schema.get("x-kubernetes-preserve-unknown-fields", False)
    if type_ == "array":
        return _list_from_schema(schema)
    if type_ in ("object", None):
        properties, values = schema.get("properties") or {}, schema.get("additionalProperties")
        is_object = schema.get("x-kubernetes-embedded-resource", False)
        if not properties and not values and not is_object and (preserves or type_ is None):
            return DEDUCED
        element = _from_schema(values) if isinstance(values, Mapping) else DEDUCED if values or preserves else None
        return Shape(
            "map",
            atomic=schema.get("x-kubernetes-map-type") == "atomic",
            element=element,
            fields=lambda: {
                **{name: _from_schema(each) for name, each in properties.items()},
                **(_head_of_objects() if is_object else {}),
            },
        )
    if type_ == "string" and schema.get("format", "byte") not in ("", "byte"):
        return SCALAR
    return {"string": STRING, "integer": NUMBER, "number": NUMBER, "boolean": BOOLEAN}.get(type_, ANY)


def _list_from_schema(schema: Mapping[str, Any]) -> Shape:
    items = schema.get("items") or {}
    list_type = schema.get("x-kubernetes-list-type", "atomic")
    element = _from_schema(items)
    if list_type == "map":
        inner = items.get("properties") or {}
        keys = sorted(schema.get("x-kubernetes-list-map-keys") or ())
        return Shape("list", element=element, keys=tuple((key, (inner.get(key) or {}).get("default")) for key in keys))
    return Shape("list", atomic=list_type != "set", is_set=list_type == "set", element=element)
