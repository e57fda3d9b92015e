"""Who owns which field: the entries of `metadata.managedFields`, what an update makes of them, and what an apply may do.

Objects are compared in the version that their client uses, after decoding and defaulting and before anything the server adds. A write
that is no apply takes every field it changes away from everybody else; an apply that changes another's field is a conflict.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import orjson

from fakekube.objects import field_sets
from fakekube.objects.field_sets import FieldSet, Path
from fakekube.objects.go_text import quoted
from fakekube.objects.typed_fields import Comparison, Mistake, Object, Shape

APPLY, UPDATE = "Apply", "Update"
MOST_UPDATE_ENTRIES = 10
ANCIENT_CHANGES = "ancient-changes"
"""The manager of what the oldest updaters did, when there are too many."""
BEFORE_FIRST_APPLY = "before-first-apply"
"""The manager of what an untracked object holds when somebody applies to it."""

_NEVER_OWNED_AT_ALL = frozenset({"f:apiVersion", "f:kind"})
_NEVER_OWNED = frozenset({field_sets.SELF}) | frozenset(
    f"f:{name}"
    for name in (
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    )
)


@dataclass(slots=True)
class Entry:
    """One manager's fields through one door of the object, in one version; never changed."""

    manager: str
    operation: str
    """APPLY or UPDATE."""
    api_version: str
    fields: FieldSet
    time: str | None = None
    """As metav1.Time writes it; None where nobody knows."""
    subresource: str = ""
    listed: Object | None = field(default=None, compare=False, repr=False)
    """What stands in the list for it, while nothing has changed."""

    def owning(self, fields: FieldSet, time: str | None) -> Entry:
        """The same manager with other fields, or at another time."""
        listed = None
        if self.listed is not None and time is not None and self.time is not None and fields == self.fields:
            listed = {**self.listed, "time": time}
        return Entry(self.manager, self.operation, self.api_version, fields, time, self.subresource, listed)

    @property
    def identity(self) -> str:
        """What makes entries the same: the version of an applier is no part of it. Sorting by this text is the server's order."""
        version = "" if self.operation == APPLY else self.api_version
        return _identity(self.manager, self.operation, version, self.subresource)

    def shown(self) -> Object:
        """The entry as JSON shows it."""
        if self.listed is not None:
            return self.listed
        value: Object = {"manager": self.manager} if self.manager else {}
        value |= {"operation": self.operation, "apiVersion": self.api_version}
        if self.time is not None:
            value["time"] = self.time
        value["fieldsType"] = "FieldsV1"
        value["fieldsV1"] = field_sets.in_order(self.fields)
        if self.subresource:
            value["subresource"] = self.subresource
        return value

    def who(self) -> str:
        """How conflicts call the manager: `"dave" with subresource "status" using apps/v1`."""
        through = f" with subresource {quoted(self.subresource)}" if self.subresource else ""
        using = f" using {self.api_version}" if self.operation == UPDATE else ""
        return f"{quoted(self.manager)}{through}{using}"


@lru_cache(maxsize=1024)
def _identity(manager: str, operation: str, api_version: str, subresource: str) -> str:
    value = {"manager": manager, "operation": operation, "apiVersion": api_version, "subresource": subresource}
    return orjson.dumps({key: item for key, item in value.items() if item}).decode()


Managers = dict[str, Entry]
"""The entries of an object by their identity."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that somebody else owns and an apply would change."""

    owner: Entry
    path: Path


class Conflicts(Exception):
    """An apply would change what others own; sorted by owner, then path."""

    def __init__(self, conflicts: list[Conflict]) -> None:
        super().__init__(conflicts)
        self.conflicts = conflicts

    def message(self) -> str:
        conflicts = self.conflicts
        if len(conflicts) == 1:
            only = conflicts[0]
            return f"Apply failed with 1 conflict: conflict with {only.owner.who()}: {field_sets.text(only.path)}"
        lines = []
        for who in dict.fromkeys(conflict.owner.who() for conflict in conflicts):
            lines.append(f"conflicts with {who}:")
            lines += [f"- {field_sets.text(each.path)}" for each in conflicts if each.owner.who() == who]
        return f"Apply failed with {len(conflicts)} conflicts: {chr(10).join(lines)}"

    def causes(self) -> list[dict[str, str]]:
        return [
            {
                "reason": "FieldManagerConflict",
                "message": f"conflict with {conflict.owner.who()}",
                "field": field_sets.text(conflict.path),
            }
            for conflict in self.conflicts
        ]


class Unconvertible(Exception):
    """An object has fields that another version, in which somebody owns fields of it, has no place for."""


def told(mistakes: Sequence[str]) -> str:
    """Of several mistakes the server makes a list."""
    return mistakes[0] if len(mistakes) == 1 else "errors:" + "".join(f"\n  {mistake}" for mistake in mistakes)


Convert = Callable[[Object, str], "tuple[Object, Shape] | None"]
"""(object of any version, apiVersion) -> the object in that version, and its shape; None for a version nobody knows. Raises Mistake."""


@dataclass(slots=True)
class Writer:
    """Who writes, through which door, in which version of the kind."""

    manager: str
    api_version: str
    subresource: str
    shape: Shape
    now: str
    convert: Convert
    reset: tuple[Path, ...] = ()
    """Fields that do not count through this door, with all below."""
    resets_everywhere: bool = True
    """Whether they count in no version; the status of a custom resource counts to whoever owns some of it in another version."""

    def entry(self, operation: str, fields: FieldSet, time: str | None) -> Entry:
        return Entry(self.manager, operation, self.api_version, fields, time, self.subresource)


# -- the scale of an object --------------------------------------------------------------------------------------------------------------

SCALE_VERSION = "autoscaling/v1"
_REPLICAS_OF_SCALE = field_sets.set_of_paths([("f:spec", "f:replicas")])


def of_scale(managers: Managers, replicas: Path) -> Managers:
    """Who owns `spec.replicas` of a Scale: those who own the replicas of its object."""
    shown: Managers = {}
    for entry in managers.values():
        if field_sets.has(entry.fields, replicas):
            of_it = replace(entry, api_version=SCALE_VERSION, fields=_REPLICAS_OF_SCALE, listed=None)
            shown[of_it.identity] = of_it
    return shown


def of_scaled(managers: Managers, scale: Managers, replicas: Path, api_version: str) -> Managers:
    """The entries of an object after those of its Scale have become `scale`. Whoever is new there has no time.

    An updater is told by its version besides, which is another in its entry of the Scale: so what it owned goes to a second entry of it,
    even where nothing has changed.
    """
    owners = {key: entry for key, entry in scale.items() if field_sets.has(entry.fields, ("f:spec", "f:replicas"))}
    path = field_sets.set_of_paths([replicas])
    kept: Managers = {}
    for identity, entry in managers.items():
        if not field_sets.has(entry.fields, replicas) or owners.pop(identity, None) is not None:
            kept[identity] = entry
        else:
            fields = field_sets.difference(entry.fields, path)
            if fields:
                kept[identity] = entry.owning(fields, entry.time)
    for identity, owner in owners.items():
        kept[identity] = replace(owner, api_version=api_version, fields=path, time=None, listed=None)
    return kept


# -- reading and writing the list --------------------------------------------------------------------------------------------------------


def decode(listed: Any) -> Managers | None:
    """The entries of a `metadata.managedFields`; None when it cannot be understood."""
    managers: Managers = {}
    for value in listed or ():
        fields = value.get("fieldsV1")
        fields = {} if fields is None else fields
        if value.get("operation") not in (APPLY, UPDATE) or not value.get("apiVersion"):
            return None
        if value.get("fieldsType") != "FieldsV1" or not field_sets.is_readable(fields):
            return None
        entry = Entry(
            value.get("manager", ""),
            value["operation"],
            value["apiVersion"],
            field_sets.cleaned(fields),
            value.get("time"),
            value.get("subresource", ""),
        )
        managers[entry.identity] = entry
    return managers


def stored(listed: Any) -> Managers:
    """The same for a list that this server has written."""
    managers: Managers = {}
    for value in listed or ():
        entry = Entry(
            value.get("manager", ""),
            value["operation"],
            value["apiVersion"],
            value["fieldsV1"],
            value.get("time"),
            value.get("subresource", ""),
            value,
        )
        managers[entry.identity] = entry
    return managers


def encode(managers: Managers) -> list[Object]:
    """The list in its order: appliers first, then the oldest."""
    entries = sorted(
        managers.values(),
        key=lambda entry: (entry.operation, entry.time or "", entry.manager, entry.api_version, entry.subresource),
    )
    return [entry.shown() for entry in entries]


def is_reset(listed: Any) -> bool:
    """Whether a client asks that nothing be tracked: an empty list, or one empty entry."""
    return isinstance(listed, list) and (not listed or (len(listed) == 1 and not listed[0]))


def for_update(sent: Any, present: Any, *, through_subresource: bool) -> Managers:
    """The entries an update starts from: those the client sent if they make sense, else those that are stored."""
    if through_subresource:
        return stored(present)
    if sent == present:
        return stored(present)
    if is_reset(sent):
        return {}
    return (decode(sent) if sent is not None else None) or stored(present)


# -- the two kinds of writes -------------------------------------------------------------------------------------------------------------


def created(writer: Writer, obj: Object) -> list[Object]:
    """The list of a fresh object whose client sent none."""
    fields = _owned(writer, writer.shape.created(obj))
    if not fields:
        return []
    # As Entry.shown writes it; the fields are in order already.
    value: Object = {
        "manager": writer.manager,
        "operation": UPDATE,
        "apiVersion": writer.api_version,
        "time": writer.now,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    if writer.subresource:
        value["subresource"] = writer.subresource
    return [value]


def updated(writer: Writer, old: Object | None, new: Object, managers: Managers) -> Managers:
    """The entries after a write that is no apply. `old` (None for a create) and `new` are without managedFields."""
    managers, comparison = _taken(writer, old, new, _fitted(writer, old, managers))
    own = _owned(writer, field_sets.union(comparison.modified, comparison.added))
    if own:
        mine = writer.entry(UPDATE, own, writer.now)
        present = managers.get(mine.identity)
        if present is not None:
            mine = present.owning(field_sets.union(present.fields, own), writer.now)
        managers[mine.identity] = mine
    return _capped(managers)


@dataclass(slots=True)
class Applied:
    """What an apply leads to."""

    obj: Object
    """The object without managedFields; the stored one itself when nothing changed."""
    managers: Managers = field(default_factory=dict)
    changed: bool = True


def applied(writer: Writer, live: Object, config: Object, managers: Managers, *, force: bool) -> Applied:
    """Apply a configuration that fits the shape. `live` is without managedFields. Raises Conflicts unless `force`."""
    managers = _fitted(writer, live, managers)
    own = field_sets.without(writer.shape.field_set(config), writer.reset)
    mine = writer.entry(APPLY, own, None)
    last = managers.get(mine.identity)
    merged = writer.shape.merge(live, config)
    managers[mine.identity] = mine
    if last is not None and not _includes(mine, last):
        merged = _pruned(writer, merged, managers, last)
    managers, _ = _taken(writer, live, merged, managers, applier=mine.identity, force=force)
    changed = live != merged
    own = _stripped(own)
    if own:
        time = writer.now if changed else last.time if last is not None else None
        managers[mine.identity] = (last if last is not None and _is_at(last, mine) else mine).owning(own, time)
    else:
        managers.pop(mine.identity, None)
    return Applied(merged if changed else live, managers, changed)


def _fitted(writer: Writer, live: Object | None, managers: Managers) -> Managers:
    """The entries by the shapes that their versions have now. Raises Unconvertible."""
    shapes: dict[str, Shape | None] = {writer.api_version: writer.shape}
    fitted: Managers = {}
    for identity, entry in managers.items():
        version = entry.api_version
        if version not in shapes:
            converted = _converted(writer, live, version) if live is not None else None
            shapes[version] = converted[1] if converted is not None else None
        shape = shapes[version]
        fields = entry.fields if shape is None else shape.fitted(entry.fields)
        fitted[identity] = entry if fields is entry.fields else entry.owning(fields, entry.time)
    return fitted


def _is_at(last: Entry, new: Entry) -> bool:
    """Whether an applier has stayed with its version."""
    return last.api_version == new.api_version


def _includes(new: Entry, last: Entry) -> bool:
    """Whether nothing is given up, so that there is nothing to prune."""
    return _is_at(last, new) and not field_sets.difference(last.fields, new.fields)


def before_first_apply(writer: Writer, live: Object) -> Managers:
    """All that an object holds whose fields nobody owns, as one entry."""
    fields = _owned(writer, writer.shape.created(live))
    entry = replace(writer, manager=BEFORE_FIRST_APPLY).entry(UPDATE, fields, writer.now)
    return {entry.identity: entry} if fields else {}


def unchanged_since(writer: Writer, config: Object, live: Object) -> FieldSet:
    """The fields of a configuration that the object still has as the configuration says. Raises Mistake."""
    fields = writer.shape.field_set(config)
    comparison = writer.shape.compare(config, live)
    for part in (comparison.modified, comparison.added, comparison.removed):
        fields = field_sets.difference(fields, part)
    return fields


def _taken(
    writer: Writer, old: Object | None, new: Object, managers: Managers, *, applier: str = "", force: bool = True
) -> tuple[Managers, Comparison]:
    """The entries of the others after a change from `old` to `new`, and the change itself. Raises Conflicts."""
    counted = _counting(_change(writer.shape, old, new), writer.reset)
    comparisons: dict[str, Comparison | None] = {writer.api_version: counted}
    kept: Managers = {}
    conflicts: list[Conflict] = []
    for identity in sorted(managers):
        entry = managers[identity]
        if identity == applier:
            kept[identity] = entry
            continue
        if entry.api_version not in comparisons:
            comparisons[entry.api_version] = _compared_in(writer, entry.api_version, old, new)
        comparison = comparisons[entry.api_version]
        if comparison is None:
            continue
        fields = entry.fields
        if comparison:
            taken = field_sets.intersection(fields, field_sets.union(comparison.modified, comparison.added))
            if taken and not force:
                conflicts += [Conflict(entry, path) for path in field_sets.paths(taken)]
            fields = field_sets.difference(field_sets.difference(fields, taken), comparison.removed)
        if fields:
            kept[identity] = entry if fields == entry.fields else entry.owning(fields, entry.time)
    if conflicts:
        raise Conflicts(conflicts)
    return kept, counted


def _change(shape: Shape, old: Object | None, new: Object) -> Comparison:
    return shape.compare(old, new) if old is not None else Comparison({}, {}, shape.created(new))


def _compared_in(writer: Writer, api_version: str, old: Object | None, new: Object) -> Comparison | None:
    before = _converted(writer, old, api_version) if old is not None else None
    after = _converted(writer, new, api_version, "new object")
    if after is None or (before is None and old is not None):
        return None
    change = _change(after[1], before[0] if before else None, after[0])
    return _counting(change, writer.reset) if writer.resets_everywhere else change


def _converted(writer: Writer, obj: Object, api_version: str, what: str = "") -> tuple[Object, Shape] | None:
    """Raises Unconvertible; `what` it says was not converted, unless that is the stored object."""
    try:
        return writer.convert(obj, api_version)
    except Mistake as mistake:
        raise Unconvertible(f"failed to convert {what}: {mistake}" if what else str(mistake)) from None


def _counting(comparison: Comparison, reset: tuple[Path, ...]) -> Comparison:
    if not reset or not comparison:
        return comparison
    parts = (comparison.removed, comparison.modified, comparison.added)
    return Comparison(*(field_sets.without(part, reset) for part in parts))


def _pruned(writer: Writer, merged: Object, managers: Managers, last: Entry) -> Object:
    """`merged` without what its applier applied before and nobody owns now."""
    at_last = _converted(writer, merged, last.api_version, "merged object to last applied version")
    if at_last is None:
        return merged
    whole, shape = at_last
    applied_then = shape.named(last.fields)
    pruned = shape.remove(whole, applied_then)
    owned: dict[str, FieldSet] = {}
    for entry in managers.values():
        owned[entry.api_version] = field_sets.union(owned.get(entry.api_version, {}), entry.fields)
    # What is owned in the version of the last apply comes back first: other versions may not be expressible without it.
    for version in sorted(owned, key=lambda each: each != last.api_version):
        converted = _converted(writer, whole, version, f"merged object at version {version}")
        shorter = _converted(writer, pruned, version, f"pruned object at version {version}")
        if converted is None or shorter is None:
            continue
        (whole, shape), (pruned, _) = converted, shorter
        there, left = _named_set(shape, whole), _named_set(shape, pruned)
        keep = field_sets.union(left, shape.named(owned[version]))
        pruned = shape.remove(whole, field_sets.difference(there, keep))
    back = _converted(writer, pruned, last.api_version, "pruned object to last applied version")
    if back is None:
        return merged
    whole, shape = at_last
    there, left = _named_set(shape, whole), _named_set(shape, back[0])
    gone = field_sets.intersection(field_sets.difference(there, left), applied_then)
    result = _converted(writer, shape.remove(whole, gone), writer.api_version, "pruned object to last applied version")
    return merged if result is None else result[0]


def _named_set(shape: Shape, obj: Object) -> FieldSet:
    return shape.named(shape.field_set(obj))


def _owned(writer: Writer, fields: FieldSet) -> FieldSet:
    return _stripped(field_sets.without(fields, writer.reset) if writer.reset else fields)


def _stripped(fields: FieldSet) -> FieldSet:
    """A set without what nobody ever owns."""
    kept = {element: node for element, node in fields.items() if element not in _NEVER_OWNED_AT_ALL}
    metadata = kept.get("f:metadata")
    if metadata is None:
        return kept
    metadata = {element: node for element, node in metadata.items() if element not in _NEVER_OWNED}
    if metadata:
        kept["f:metadata"] = metadata
    else:
        del kept["f:metadata"]
    return kept


def _capped(managers: Managers) -> Managers:
    """The oldest updates of each version become one entry while there are too many."""
    updaters = [entry for entry in managers.values() if entry.operation == UPDATE]
    count = len(updaters)
    if count <= MOST_UPDATE_ENTRIES:
        return managers
    managers = dict(managers)
    first: dict[str, str] = {}
    for entry in sorted(updaters, key=lambda each: (each.time is None, each.time or "", each.identity)):
        if count <= MOST_UPDATE_ENTRIES:
            break
        version = entry.api_version
        if version not in first:
            first[version] = entry.identity
            continue
        bucket = Entry(ANCIENT_CHANGES, UPDATE, version, {})
        before = managers.get(bucket.identity)
        if before is None:
            before = managers.pop(first[version])
        fields = field_sets.union(entry.fields, before.fields)
        del managers[entry.identity]
        managers[bucket.identity] = replace(bucket, fields=fields, time=entry.time)
        count -= 1
    return managers
