"""Strategic merge patches: the type of the object says for every list whether a patch merges it by a key or replaces it.

The marks are facts (`Field.patch_strategy`, `patch_merge_key`); the directives (`$patch`, `$retainKeys`, `$setElementOrder/x`,
`$deleteFromPrimitiveList/x`) are keys of the patch.
https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/#use-a-strategic-merge-patch-to-update-a-deployment
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fakekube import facts
from fakekube.errors import BadRequest, InternalError, Invalid
from fakekube.facts import Field, Type
from fakekube.objects.go_text import plain_text, type_text

Object = dict[str, Any]

PATCH = "$patch"
RETAIN_KEYS = "$retainKeys"
SET_ELEMENT_ORDER = "$setElementOrder"
DELETE_FROM_PRIMITIVE_LIST = "$deleteFromPrimitiveList"


def strategic_merge(type_name: str, document: Object, patch: Object) -> Object:
    """`document`, an object of the type, with `patch` merged into it. Both are changed: what directives did goes out of the patch.

    Raises BadRequest for directives of the wrong form, InternalError (500 without a reason) for what they cannot do.
    """
    return _merge_objects(document, patch, facts.type_of(type_name))


_Schema = Type | Field | None
"""What an object is: a struct; a field that holds a map or a raw part, of which nothing more is known; None for what no type has."""


def _merge_objects(original: Object, patch: Object, schema: _Schema) -> Object:
    if PATCH in patch:
        return _directed(patch)
    _retain_keys(original, patch)
    _merge_ordered_lists(original, patch, schema)
    for key in sorted(patch):
        value = patch[key]
        deletes = key.startswith(DELETE_FROM_PRIMITIVE_LIST)
        if deletes:
            key = _listed_field(key, DELETE_FROM_PRIMITIVE_LIST, "primitive list")
        if value is None:
            original.pop(key, None)
            continue
        present = original.get(key)
        if present is None or type(present) is not type(value):
            if not deletes:
                _drop_nulls(value)
                if present is not None:
                    original[key] = value
                else:
                    value, kept = _without_directed(value)
                    if kept:
                        original[key] = value
        elif isinstance(value, dict):
            field = _field(schema, key)
            if _strategy(field) == "replace":
                original[key] = value
            else:
                original[key] = _merge_objects(present, value, _inside(field))
        elif isinstance(value, list):
            original[key] = _merge_field(present, value, _field(schema, key), deletes=deletes)
        else:
            original[key] = value
    return original


def _directed(patch: Object) -> Object:
    """What `$patch` in an object makes of what was there."""
    directive = patch[PATCH]
    if directive == "replace":
        del patch[PATCH]
        return patch
    if directive == "delete":
        return {}
    raise _unknown_directive(directive, patch)


def _retain_keys(original: Object, patch: Object) -> None:
    if RETAIN_KEYS not in patch:
        return
    keys = patch.pop(RETAIN_KEYS)
    if not isinstance(keys, list):
        raise _bad_format("retainKeys")
    directives = (DELETE_FROM_PRIMITIVE_LIST, SET_ELEMENT_ORDER)
    if any(value is not None and not key.startswith(directives) and key not in keys for key, value in patch.items()):
        raise _bad_format("retainKeys")
    for key in list(original):
        if key not in keys:
            del original[key]


def _merge_ordered_lists(original: Object, patch: Object, schema: _Schema) -> None:
    """Merges the lists whose order the patch gives, and takes them out of it."""
    for directive in [key for key in patch if key.startswith(SET_ELEMENT_ORDER)]:
        order = _list(patch.pop(directive))
        key = _listed_field(directive, SET_ELEMENT_ORDER, "setElementOrder list")
        field = _field(schema, key)
        present = _list(original[key]) if key in original else None
        sent = _list(patch[key]) if key in patch else None
        merge_key = field.patch_merge_key if field else ""
        if sent and order:
            _check_order(sent, order, merge_key)
        if present is None and sent is None:
            continue
        before = list(present or ())
        if sent is None:
            merged = present or []
        elif present is None:
            merged, _ = _without_directed(sent)
        else:
            merged = _merge_field(present, sent, field, deletes=False)
        of_patch, of_server = _partition(merged, order, merge_key)
        is_maps = _element_class(before, sent or []) is dict
        if is_maps and present and sent:
            before = _places_after_deletions(before, sent, merge_key)
        original[key] = _interleaved(of_patch, of_server, order, before, merge_key, is_maps=is_maps)
        patch.pop(key, None)


def _places_after_deletions(present: list[Any], sent: list[Any], merge_key: str) -> list[Any]:
    """The order by which the server's items are placed. Where items were deleted, new ones have moved into their places: that is how
    it comes out of Go's slices, whose array is changed under a list that was read before."""
    gone = [item.get(merge_key) for item in sent if item.get(PATCH) == "delete"]
    if not gone:
        return present
    kept = [item for item in present if item.get(merge_key) not in gone]
    new = [item for item in sent if PATCH not in item and _place_of(item[merge_key], kept, merge_key) is None]
    return [*kept, *new][: len(present)]


def _check_order(sent: list[Any], order: list[Any], merge_key: str) -> None:
    """The order must name what the patch brings, in the same order."""
    named = iter(order)
    for item in sent:
        if merge_key and PATCH in _object(item):
            continue
        if not any(_same_item(item, each, merge_key) for each in named):
            told = f"The order in patch list:\n{plain_text(sent)}\n doesn't match {SET_ELEMENT_ORDER} list:\n{plain_text(order)}\n"
            raise _failed(told)


def _same_item(one: Any, other: Any, merge_key: str) -> bool:
    if not merge_key:
        return _equal(one, other)
    one, other = _object(one), _object(other)
    _need_key(one, merge_key)
    _need_key(other, merge_key)
    return _equal(one[merge_key], other[merge_key])


def _merge_field(present: list[Any], sent: list[Any], field: Field | None, *, deletes: bool) -> list[Any]:
    if field is None or (_strategy(field) != "merge" and not deletes):
        return sent
    if not present and not sent:
        return present
    merge_key = field.patch_merge_key
    is_maps = _element_class(present, sent) is dict
    if is_maps:
        if not merge_key:
            raise _failed(f"cannot merge lists without merge key for {'struct' if field.type == 'ref' else field.type}")
        present, sent = _with_items_of_the_patch(present, sent, merge_key)
        merged = _merged_by_key(list(present), sent, merge_key, _inside(field))
    elif deletes:
        return [item for item in present if not any(_equal(item, gone) for gone in sent)]
    else:
        merged = []
        for item in (*present, *sent):
            if not any(_equal(item, each) for each in merged):
                merged.append(item)
    of_patch, of_server = _partition(merged, sent, merge_key)
    return _interleaved(of_patch, of_server, sent, present, merge_key, is_maps=is_maps)


def _with_items_of_the_patch(present: list[Any], sent: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """What is there and what is sent after the items with a directive have had their effect."""
    plain: list[Any] = []
    replaces = False
    for item in map(_object, sent):
        if PATCH not in item:
            plain.append(item)
            continue
        directive = item[PATCH]
        if directive == "delete":
            _need_key(item, merge_key)
            present = [
                each for each in present if merge_key not in each or not _equal(each[merge_key], item[merge_key])
            ]
        elif directive == "replace":
            replaces = True
        elif directive == "merge":
            raise _failed("merging lists cannot yet be specified in the patch")
        else:
            raise _unknown_directive(directive, item)
    return (plain, []) if replaces else (present, plain)


def _merged_by_key(merged: list[Any], sent: list[Any], merge_key: str, schema: _Schema) -> list[Any]:
    for item in sent:
        _need_key(item, merge_key)
        place = _place_of(item[merge_key], merged, merge_key)
        if place is None:
            merged.append(item)
        else:
            merged[place] = _merge_objects(merged[place], item, schema)
    return merged


def _place_of(value: Any, items: Sequence[Any], merge_key: str) -> int | None:
    for place, item in enumerate(items):
        if not isinstance(item, dict):
            raise _failed(f"value for key {place} is not a map")
        if merge_key in item and _equal(item[merge_key], value):
            return place
    return None


def _partition(merged: list[Any], named: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """The items that the patch names, and those of the server alone."""
    of_patch: list[Any] = []
    of_server: list[Any] = []
    for item in merged:
        if merge_key:
            _need_key(_object(item), merge_key)
            is_named = _place_of(item[merge_key], named, merge_key) is not None
        else:
            is_named = any(_equal(item, each) for each in named)
        (of_patch if is_named else of_server).append(item)
    return of_patch, of_server


def _interleaved(
    of_patch: list[Any],
    of_server: list[Any],
    patch_order: list[Any],
    server_order: list[Any],
    merge_key: str,
    *,
    is_maps: bool,
) -> list[Any]:
    """Both parts in their own orders; an item of the server goes first where it stood before the next one of the patch."""

    def places(order: list[Any]) -> Callable[[Any], int]:
        def place(item: Any) -> int:
            for index, each in enumerate(order):
                if _equal(item[merge_key], each[merge_key]) if is_maps else _equal(item, each):
                    return index
            return -1

        return place

    def in_order(items: list[Any], order: list[Any]) -> list[Any]:
        if not is_maps:
            return sorted(items, key=places(order))
        for item in (*items, *order):
            _need_key(_object(item), merge_key)
        directed = [item for item in items if PATCH in item]
        return sorted((item for item in items if PATCH not in item), key=places(order)) + directed

    left, right = in_order(of_server, server_order), in_order(of_patch, patch_order)
    place = places(server_order)
    result: list[Any] = []
    while left and right:
        before, after = place(left[0]), place(right[0])
        result.append((left if 0 <= before < after else right).pop(0))
    return [*result, *left, *right]


def _without_directed(value: Any) -> tuple[Any, bool]:
    """A value that the server has nothing of, without objects with `$patch`. False when it is one itself.

    Objects are changed, and so is what messages show of the patch; lists are not.
    """
    if isinstance(value, list):
        return [item for item, is_kept in map(_without_directed, value) if is_kept], True
    if isinstance(value, dict):
        if PATCH in value:
            return None, False
        for key, (item, is_kept) in [(key, _without_directed(item)) for key, item in value.items()]:
            if is_kept:
                value[key] = item
            else:
                del value[key]
    return value, True


def _drop_nulls(value: Any) -> None:
    if isinstance(value, dict):
        for key in [key for key, item in value.items() if item is None]:
            del value[key]
        for item in value.values():
            _drop_nulls(item)
    elif isinstance(value, list):
        for item in value:
            _drop_nulls(item)


def _field(schema: _Schema, key: str) -> Field | None:
    if schema is None:
        return None
    if isinstance(schema, Type):
        field = schema.fields.get(key)
        if field is None:
            struct = schema.name.rpartition(".")[2]
            raise _failed(f'unable to find api field in struct {struct} for the json field "{key}"')
        return field
    if schema.shape in ("map", "map_of_lists"):
        raise _failed("merging an object in json but data type is not struct, instead is: map")
    struct = schema.go_type.rpartition(".")[2]
    raise _failed(f'unable to find api field in struct {struct} for the json field "{key}"')


def _inside(field: Field | None) -> _Schema:
    """What the objects in a field are."""
    if field is not None and field.type == "ref" and field.shape in ("one", "list"):
        return facts.type_of(field.ref)
    return field


def _strategy(field: Field | None) -> str:
    """`merge`, `replace` or empty; `retainKeys` has a meaning only for who makes patches."""
    strategies = field.patch_strategy if field else ()
    return next((each for each in strategies if each != "retainKeys"), "")


def _element_class(*lists: list[Any]) -> type:
    """The one class of all elements. Raises where they differ, or are lists."""
    classes = {type(item) for each in lists for item in each}
    if len(classes) > 1:
        raise _failed(f"list element types are not identical: {plain_text(list(lists))}")
    if not classes:
        raise _failed("no elements in any of the given slices")
    if list in classes:
        raise Invalid("the server rejected our request due to an error in our request", {})
    return classes.pop()


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _listed_field(key: str, directive: str, name: str) -> str:
    head, slash, field = key.partition("/")
    if not slash or head != directive:
        raise _bad_format(name)
    return field


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _failed(f"expected a []interface {{}}, but received a {type_text(value)}")
    return value


def _object(value: Any) -> Object:
    if not isinstance(value, dict):
        raise _failed(f"expected a map[string]interface {{}}, but received a {type_text(value)}")
    return value


def _need_key(item: Mapping[str, Any], merge_key: str) -> None:
    if merge_key not in item:
        raise _failed(f"map: {plain_text(item)} does not contain declared merge key: {merge_key}")


def _unknown_directive(directive: Any, where: Object) -> InternalError:
    shown = directive if isinstance(directive, str) else f"%!s({type_text(directive)}={plain_text(directive)})"
    if directive is None:
        shown = "%!s(<nil>)"
    return _failed(f"unknown patch type: {shown} in map: {plain_text(where)}")


def _failed(message: str) -> InternalError:
    return InternalError(message, reason="")


def _bad_format(of: str) -> BadRequest:
    return BadRequest(f"invalid patch format of {of}")
