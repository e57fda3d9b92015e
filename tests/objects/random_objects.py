"""Random objects of any built-in kind, made from the facts about its type, and random patches between two of them.

Names and texts are few, so that objects and patches meet. Nothing says that such an object is valid: it only fits its type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from fakekube import facts
from fakekube.kinds import Kinds
from fakekube.registry.kind import Kind

Json = dict[str, Any]

MOST_FIELDS, MOST_DEPTH, MOST_ITEMS = 3, 6, 3
ANSWERED_ONLY = ("authentication.k8s.io", "authorization.k8s.io")
PATCHED = [
    kind
    for kind in Kinds.builtin()
    if "patch" in kind.facts.verbs and kind.type_name and kind.group not in ANSWERED_ONLY
]
"""Every kind that can be patched, in every version."""

MERGED = [kind for kind in PATCHED if kind.kind not in ("APIService", "CustomResourceDefinition")]
"""Of the other two kubectl knows no types, so it merges nothing of them strategically."""

_texts = st.sampled_from(("a", "b", "c"))
_plain: dict[str, st.SearchStrategy[Any]] = {
    "string": _texts,
    "integer": st.integers(0, 3),
    "number": st.sampled_from((0.5, 1.5)),
    "boolean": st.booleans(),
    "quantity": st.sampled_from(("1", "2", "500m")),
    "int_or_string": st.sampled_from((1, "a", "50%")),
    "time": st.just("2026-01-02T03:04:05Z"),
    "micro_time": st.just("2026-01-02T03:04:05.000006Z"),
    "bytes": st.sampled_from(("YQ==", "Yg==")),
    "any": st.sampled_from(({"x": 1}, {"y": "z"}, 5)),
    "object": st.sampled_from(({"x": 1}, {"y": "z"})),
}


@st.composite
def _of_type(draw: st.DrawFn, type_name: str, depth: int, needed: tuple[str, ...] = ()) -> Json:
    fields = {
        name: field
        for name, field in facts.type_of(type_name).fields.items()
        if depth < MOST_DEPTH or field.type != "ref"
    }
    chosen = draw(st.lists(st.sampled_from(sorted(fields)), max_size=MOST_FIELDS, unique=True)) if fields else []
    named = dict.fromkeys((*needed, *chosen))
    return {name: draw(_value(fields[name], depth)) for name in named if name in fields}


def _value(field: facts.Field, depth: int) -> st.SearchStrategy[Any]:
    keys = (*filter(None, (field.patch_merge_key,)), *(field.list_map_keys or ()))
    if field.type == "ref" and facts.has_type(field.ref):
        one: st.SearchStrategy[Any] = _of_type(field.ref, depth + 1, keys)
    elif field.type == "ref":
        one = st.just({})
    else:
        one = _plain[field.type]
    if field.shape == "list":
        # Items that have one key in common cannot be told apart, which no client sends.
        different = tuple(_by(key) for key in dict.fromkeys(keys)) or (str,)
        return st.lists(one, max_size=MOST_ITEMS, unique_by=different)
    if field.shape == "map":
        return st.dictionaries(_texts, one, max_size=MOST_ITEMS)
    if field.shape == "map_of_lists":
        return st.dictionaries(_texts, st.lists(one, max_size=2), max_size=2)
    return one


def _by(key: str) -> Callable[[Json], str]:
    return lambda item: str(item.get(key))


@st.composite
def objects(draw: st.DrawFn, kind: Kind) -> Json:
    """An object of the kind that is called `x`."""
    obj = draw(_of_type(kind.type_name, 0))
    labels = draw(st.dictionaries(_texts, _texts, max_size=2))
    metadata = {"name": "x", "labels": labels} if labels else {"name": "x"}
    return {**obj, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}


@st.composite
def strategic_patches(draw: st.DrawFn, kind: Kind) -> Json:
    """Part of another object of the kind, in which some fields are null and some lists and maps carry a directive."""
    patch = draw(objects(kind))
    del patch["apiVersion"], patch["kind"]
    return _directed(draw, kind.type_name, patch)


def _directed(draw: st.DrawFn, type_name: str, value: Json) -> Json:
    directed: Json = {}
    fields = facts.type_of(type_name).fields
    for name, part in value.items():
        field = fields.get(name)
        how = draw(st.integers(0, 9))
        if how == 0 and name not in ("metadata", "name"):
            directed[name] = None
        elif field is None or field.type != "ref" or not facts.has_type(field.ref) or not part:
            directed[name] = part
        elif field.shape == "one":
            directed[name] = _directed(draw, field.ref, part)
            if how == 1 and name != "metadata":
                directed[name]["$patch"] = draw(st.sampled_from(("replace", "delete")))
        elif field.shape == "list" and field.patch_merge_key:
            directed[name] = [_directed_item(draw, field, item) for item in part]
            if how == 1:
                directed[name].append({"$patch": "replace"})
        else:
            directed[name] = part
    return directed


def _directed_item(draw: st.DrawFn, field: facts.Field, item: Json) -> Json:
    key = field.patch_merge_key
    if draw(st.integers(0, 3)) == 0:
        return {key: item.get(key), "$patch": "delete"}
    return {key: item.get(key)} | _directed(draw, field.ref, {name: part for name, part in item.items() if name != key})


def merge_patch(old: Any, new: Any) -> Any:
    """What makes the one of the other by RFC 7386, where neither holds a null."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    patch = {name: None for name in old if name not in new}
    for name, part in new.items():
        if name not in old:
            patch[name] = part
        elif old[name] != part:
            patch[name] = merge_patch(old[name], part)
    return patch


def json_patch(old: Json, new: Json, path: str = "") -> list[Json]:
    """Operations by RFC 6902 that make the one of the other, field by field; lists are replaced."""
    operations: list[Json] = []
    for name in sorted(old.keys() | new.keys()):
        place = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
        if name not in new:
            operations.append({"op": "remove", "path": place})
        elif name not in old:
            operations.append({"op": "add", "path": place, "value": new[name]})
        elif isinstance(old[name], dict) and isinstance(new[name], dict):
            operations += json_patch(old[name], new[name], place)
        elif old[name] != new[name]:
            operations += [
                {"op": "test", "path": place, "value": old[name]},
                {"op": "replace", "path": place, "value": new[name]},
            ]
    return operations
