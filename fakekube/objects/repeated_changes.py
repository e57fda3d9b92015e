"""Who owns what after a change, remembered: thousands of pods go through the same changes, and what these do to the owners is the same.

What becomes of `metadata.managedFields` follows from the writer, from which fields differ, and from the entries that are there. So the
answer is kept under just these, and given again without working it out. Apart are the times, and the one address by which a pod's address
is told from others in sets of fields: there it stands for whatever address it is.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, replace

import orjson

from fakekube.objects import field_sets, managed_fields
from fakekube.objects.field_sets import FieldSet
from fakekube.objects.managed_fields import MOST_UPDATE_ENTRIES, Writer
from fakekube.objects.typed_fields import Object, Shape

MOST_REMEMBERED, LONGEST_REMEMBERED = 512, 16_384
"""So many changes are remembered, and of those that take so many bytes to tell."""

_NOW = "now"
"""Stands for the time of the write."""

_ITEM = re.compile(rb'"k:\{\\"ip\\":\\"[^"]*\\"\}"')
"""An item of a list by its address, in the JSON of a set of fields."""
_ANY_ITEM = rb'"k:{\"ip\":\"any\"}"'


@dataclass(frozen=True, slots=True)
class _After:
    """An entry as it is after the change."""

    was: int
    """The place of the entry that stays as it is, or -1."""
    entry: Object
    """Otherwise what is shown, without its time."""
    text: bytes = b""
    """Instead of it, where an address is to be put in: its JSON."""
    time_of: int = -1
    """The place of the entry whose time it keeps; -1: that of the write."""


_known: OrderedDict[tuple[Shape, bytes], tuple[_After, ...]] = OrderedDict()
"""By the shape of the object, which a definition may change, and the rest of what counts."""


def updated(writer: Writer, old: Object, new: Object, listed: list[Object]) -> list[Object]:
    """What stands in metadata.managedFields after a write that is no apply, where `listed` did. `old` and `new` are without it.

    Raises Mistake.
    """
    if len(listed) >= MOST_UPDATE_ENTRIES or any(each["apiVersion"] != writer.api_version for each in listed):
        return managed_fields.encode(managed_fields.updated(writer, old, new, managed_fields.stored(listed)))
    key, item = _generalised(_key(writer, old, new, listed))
    known = _known.get((writer.shape, key))
    if known is None:
        known = _worked_out(writer, old, new, listed, item)
        if len(key) <= LONGEST_REMEMBERED:
            _known[writer.shape, key] = known
            if len(_known) > MOST_REMEMBERED:
                _known.popitem(last=False)
    after = [listed[each.was] if each.was >= 0 else _timed(each, writer.now, listed, item) for each in known]
    return sorted(after, key=_order) if len(after) > 1 else after


def _key(writer: Writer, old: Object, new: Object, listed: list[Object]) -> bytes:
    comparison = writer.shape.compare(old, new)
    change = (comparison.removed, comparison.modified, comparison.added)
    entries = [
        (
            each.get("manager"),
            each["operation"],
            each.get("subresource"),
            # An entry without a time keeps none.
            "time" in each,
            each["fieldsV1"],
        )
        for each in listed
    ]
    return orjson.dumps((writer.manager, writer.api_version, writer.subresource, writer.reset, change, entries))


def _generalised(key: bytes) -> tuple[bytes, bytes]:
    """The key for any address, and the item that the address makes; empty where there is not just one, whose place among others counts."""
    items = set(_ITEM.findall(key))
    if len(items) != 1:
        return key, b""
    item: bytes = items.pop()
    return key.replace(item, _ANY_ITEM), item


def _worked_out(writer: Writer, old: Object, new: Object, listed: list[Object], item: bytes) -> tuple[_After, ...]:
    before = managed_fields.stored(listed)
    places = {identity: _place(entry.listed, listed) for identity, entry in before.items()}
    after = managed_fields.updated(replace(writer, now=_NOW), old, new, before)
    return tuple(
        _After(places[identity], {})
        if entry is before.get(identity)
        else _generalised_entry(_shown(entry), -1 if entry.time == _NOW else places[identity], item)
        for identity, entry in after.items()
    )


def _generalised_entry(shown: Object, time_of: int, item: bytes) -> _After:
    text = orjson.dumps(shown) if item else b""
    if not item or item not in text:
        return _After(-1, shown, b"", time_of)
    return _After(-1, {}, text.replace(item, _ANY_ITEM), time_of)


def _place(shown: Object | None, listed: list[Object]) -> int:
    return next(place for place, each in enumerate(listed) if each is shown)


def _shown(entry: managed_fields.Entry) -> Object:
    fields: FieldSet = field_sets.in_order(entry.fields)
    return {key: value for key, value in {**entry.shown(), "fieldsV1": fields}.items() if key != "time"}


def _timed(each: _After, now: str, listed: list[Object], item: bytes) -> Object:
    """With its time in the place where an entry has it."""
    time = now if each.time_of < 0 else listed[each.time_of].get("time")
    shown: Object = {}
    entry = orjson.loads(each.text.replace(_ANY_ITEM, item)) if each.text else each.entry
    for key, value in entry.items():
        if key == "fieldsType" and time is not None:
            shown["time"] = time
        shown[key] = value
    return shown


def _order(entry: Object) -> tuple[str, str, str, str, str]:
    """As `managed_fields.encode` puts entries in order."""
    return (
        entry["operation"],
        entry.get("time", ""),
        entry.get("manager", ""),
        entry["apiVersion"],
        entry.get("subresource", ""),
    )
