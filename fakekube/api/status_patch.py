"""A merge patch of a status by a caller in this process, the short way.

Components report status again and again, and a report changes nothing else. So only the status is decoded, and the new object shares all
the rest with the stored one; what follows (ownership, admission, validation, the journal) is the same as for everybody's patch.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from fakekube import facts
from fakekube.objects import structs
from fakekube.objects.patches import merge_patch
from fakekube.registry.kind import Kind, Object

_PRECONDITIONS = frozenset({"uid", "resourceVersion"})
_PATCHED = frozenset({"metadata", "status"})


def patched_status(kind: Kind, present: Object, patch: Object) -> Object | None:
    """`present`, an object as it is stored, with the merge patch done to its status; None where it takes the long way.

    That is so for kinds whose status has defaults or that are stored in another form, for patches of more than the status and the
    preconditions in metadata, and for a status that does not fit. `metadata` and `status` are new, the rest is shared: not to be changed.
    """
    status_type = _type_of_plain_status(kind)
    before, changes, metadata = present.get("status"), patch.get("status"), patch.get("metadata", {})
    if (
        not status_type
        or not patch.keys() <= _PATCHED
        or not isinstance(before, dict)
        or not isinstance(changes, dict)
        or not metadata.keys() <= _PRECONDITIONS
    ):
        return None
    status = structs.fitting(status_type, _merged(before, changes))
    if not status:
        return None
    return {**present, "metadata": {**present["metadata"], **metadata}, "status": status}


def _merged(before: Object, changes: Object) -> Object:
    """As a merge patch does it; what is new as a whole keeps its nulls, which decoding drops."""
    merged = {**before, **changes}
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(before.get(key), dict):
            merged[key] = merge_patch(before[key], value)
    return merged


def _type_of_plain_status(kind: Kind) -> str:
    """The type of the kind's status, if nothing but decoding makes it what is stored; else empty."""
    strategy = kind.strategy
    if not kind.is_stored_form or strategy.decode is not None:
        return ""
    if strategy.set_defaults is not None and strategy.defaults_concern_status:
        return ""
    return _status_without_defaults(kind.type_name)


@cache
def _status_without_defaults(type_name: str) -> str:
    field = facts.type_of(type_name).fields.get("status") if type_name else None
    if field is None or field.type != "ref" or field.shape != "one":
        return ""
    if any(_names_a_place_outside_spec(rule) for rule in facts.defaults(type_name)) or _has_rules(field.ref, set()):
        return ""
    return field.ref


def _names_a_place_outside_spec(rule: Any) -> bool:
    if isinstance(rule, str):
        return rule.startswith(("status", "metadata"))
    members = rule.values() if hasattr(rule, "values") else rule if isinstance(rule, list | tuple) else ()
    return any(map(_names_a_place_outside_spec, members))


def _has_rules(type_name: str, seen: set[str]) -> bool:
    """Whether a type, or one inside of it, has defaults."""
    if type_name in seen:
        return False
    seen.add(type_name)
    inner = {field.ref for field in facts.type_of(type_name).fields.values() if field.type == "ref"}
    return bool(facts.defaults(type_name)) or any(_has_rules(each, seen) for each in inner)
