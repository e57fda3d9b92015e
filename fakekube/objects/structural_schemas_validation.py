"""What is wrong with an object by the schema of its custom resource, in the words of the server, and what an update need not mend.

The order of the checks of one value is that of kube-openapi's validators; sibling fields come in the order of their names (the server's
is random). https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from fakekube.objects import metadata as object_metadata
from fakekube.objects import names, regular_expressions, string_formats
from fakekube.objects.field_errors import (
    FieldError,
    Shown,
    duplicate,
    go_quoted,
    invalid,
    not_supported,
    required,
    shown,
    too_long,
)
from fakekube.objects.go_text import general_text
from fakekube.objects.structural_schemas import (
    EMBEDDED,
    INT_OR_STRING,
    LIST_MAP_KEYS,
    LIST_TYPE,
    Schema,
    below,
)

ABSENT: Any = object()
"""In the place of an old value: there was none."""

RULES_NOT_CHECKED = FieldError(
    "FieldValueInvalid",
    "<nil>",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)
_BLOCK_RULES = frozenset(
    {"FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"}
)
_LARGEST_FLOAT = 3.40282346638528859811704183484516925440e38
_RANGES = {
    ("integer", ""): (-(1 << 63), (1 << 63) - 1),
    ("integer", "int32"): (-(1 << 31), (1 << 31) - 1),
    ("integer", "int64"): (-(1 << 63), (1 << 63) - 1),
    ("number", "float"): (-_LARGEST_FLOAT, _LARGEST_FLOAT),
}
"""The numbers of each type and format; of others, all."""


def validate(obj: Mapping[str, Any], schema: Schema, old: Any = ABSENT) -> list[FieldError]:
    """Everything that is wrong with a whole object; what was wrong in `old` already and has not changed is left alone."""
    return [*validate_value(obj, schema, old=old), *whole_errors(obj, schema, old)]


def whole_errors(obj: Mapping[str, Any], schema: Schema, old: Any = ABSENT) -> list[FieldError]:
    """What is wrong with the resources in an object, and with its lists as sets and maps."""
    return [*embedded_errors(obj, schema), *list_errors(obj, schema, old)]


def list_errors(obj: Mapping[str, Any], schema: Schema, old: Any = ABSENT) -> list[FieldError]:
    """Lists that are no sets or maps; nothing is told of an object that had such lists before."""
    wrong = list(_doubled(obj, schema, ""))
    return wrong if wrong and (old is ABSENT or not any(_doubled(old, schema, ""))) else []


def forbids_rules(errors: Iterable[FieldError]) -> bool:
    """Whether something is wrong that rules could stumble over: then none is asked, and RULES_NOT_CHECKED is said instead."""
    return any(error.reason in _BLOCK_RULES for error in errors)


def validate_value(
    value: Any, schema: Schema, path: str = "", *, base: str = "", old: Any = ABSENT
) -> list[FieldError]:
    """What is wrong with a value by its schema alone. `path` names it in the texts, `base` stands before it in the fields of the errors."""
    return list(dict.fromkeys(_Validator(base).value(value, schema, path, old)))


def is_same(new: Any, old: Any) -> bool:
    """Equal as JSON, where 1 is not true."""
    return old is not ABSENT and new == old and orjson.dumps(new) == orjson.dumps(old)


class _Validator:
    def __init__(self, base: str) -> None:
        self._base = base

    def field(self, path: str) -> str:
        if not self._base:
            return path or "<nil>"
        return f"{self._base}.{path}" if path else self._base

    def invalid(self, path: str, value: Any, text: str) -> FieldError:
        return invalid(self.field(path), value, f"{path} in body {text}")

    def type_invalid(self, path: str, value: str, types: str) -> FieldError:
        message = f"Invalid value: {go_quoted(value)}: {path} in body must be of type {types}: {go_quoted(value)}"
        return FieldError("FieldValueTypeInvalid", self.field(path), message)

    def value(self, value: Any, schema: Schema, path: str, old: Any) -> Iterator[FieldError]:
        if is_same(value, old):
            return
        yield from self.type(value, schema, path)
        if value is None:
            yield from self.enum(value, schema, path)
            return
        yield from self.combinations(value, schema, path, old)
        if isinstance(value, str):
            yield from self.string(value, schema, path)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield from self.number(value, schema, path)
        elif isinstance(value, list):
            yield from self.list(value, schema, path, old)
        yield from self.enum(value, schema, path)
        if isinstance(value, dict):
            yield from self.object(value, schema, path, old)

    def type(self, value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
        types = ("integer", "string") if schema.get(INT_OR_STRING) else (schema.get("type") or "",)
        format = _format(schema)
        if not types[0] and not format:
            return
        name = type_name(value)
        if value is None:
            if types[0] and not schema.get("nullable"):
                yield self.type_invalid(path, name, ",".join(types))
            return
        fits = name in types or (name == "integer" and "number" in types)
        if not fits and name == "number" and "integer" in types:
            fits = value.is_integer()
        is_text_or_list = isinstance(value, str | list)
        if format and not is_text_or_list and not fits and _GO_FORMATS.get(name, "") != format:
            # Where a format is asked for, numbers are told by theirs, and other values by none.
            yield self.type_invalid(path, _GO_FORMATS.get(name, ""), format)
        elif format and is_text_or_list and not {"number", "integer"}.intersection(types):
            return  # of a text and of a list the format alone decides
        elif not fits:
            yield self.type_invalid(path, name, ",".join(types))

    def combinations(self, value: Any, schema: Schema, path: str, old: Any) -> Iterator[FieldError]:
        any_of, one_of, all_of = (schema.get(key) or () for key in ("anyOf", "oneOf", "allOf"))
        if any_of:
            branches = self.branches(value, any_of, path, old)
            if all(branches):
                yield self.of_several(path, "must validate at least one schema (anyOf)")
                yield from branches[_likeliest(any_of, value)]
        if one_of:
            branches = self.branches(value, one_of, path, old)
            valid = branches.count([])
            if not valid:
                yield self.of_several(path, "must validate one and only one schema (oneOf). Found none valid")
                yield from branches[_likeliest(one_of, value)]
            elif valid > 1:
                text = f"must validate one and only one schema (oneOf). Found {valid} valid alternatives"
                yield self.of_several(path, text)
        if all_of:
            branches = self.branches(value, all_of, path, old)
            for errors in branches:
                yield from errors
            if any(branches):
                none = ". None validated" if all(branches) else ""
                yield self.of_several(path, f"must validate all the schemas (allOf){none}")
        if schema.get("not") and not list(self.value(value, schema["not"], path, ABSENT)):
            yield self.of_several(path, "must not validate the schema (not)")

    def of_several(self, path: str, text: str) -> FieldError:
        return self.without_path(f"{go_quoted(path)} {text}")

    def without_path(self, text: str) -> FieldError:
        """Of what is no error of one field to the validators."""
        return FieldError("FieldValueInvalid", self.field(""), f'Invalid value: "": {text}')

    def branches(self, value: Any, schemas: Sequence[Schema], path: str, old: Any) -> list[list[FieldError]]:
        return [list(self.value(value, schema, path, old)) for schema in schemas]

    def string(self, value: str, schema: Schema, path: str) -> Iterator[FieldError]:
        """Of the three bounds the first that is broken is told."""
        longest, shortest, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
        if longest is not None and len(value) > longest:
            yield too_long(self.field(path), longest)
        elif shortest is not None and len(value) < shortest:
            yield self.invalid(path, value, f"should be at least {shortest} chars long")
        elif pattern and not regular_expressions.compiled(pattern).is_in(value):
            yield self.invalid(path, value, f"should match '{pattern}'")
        format = _format(schema)
        if format and not string_formats.is_of_format(value, format):
            message = f"Invalid value: {go_quoted(value)}: {path} in body must be of type {format}: {go_quoted(value)}"
            yield FieldError("FieldValueTypeInvalid", self.field(path), message)

    def number(self, value: float, schema: Schema, path: str) -> Iterator[FieldError]:
        yield from self.range(value, schema, path, "Checked")
        for key, prefix, fits, text in _BOUNDS:
            bound = schema.get(key)
            if bound is None:
                continue
            out_of_range = list(self.range(bound, schema, path, prefix))
            yield from out_of_range
            # Whole numbers are compared with what is whole of the bound.
            is_whole = isinstance(value, int) and not out_of_range
            bound = int(bound) if is_whole else float(bound)
            if key == "multipleOf" and bound <= 0:
                detail = f"factor MultipleOf declared for {path} must be positive: {_number_text(bound)}"
                yield invalid(self.field(path), Shown(_number_text(bound)), detail)
                continue
            is_exclusive = bool(schema.get(f"exclusive{key[0].upper()}{key[1:]}"))
            if not fits(value, bound) or (is_exclusive and value == bound):
                said = text.replace(" or equal to", "") if is_exclusive else text
                yield self.invalid(path, value, f"should be {said} {_number_text(bound)}")

    def range(self, number: float, schema: Schema, path: str, prefix: str) -> Iterator[FieldError]:
        """Whether a number is one of those of the schema's type and format."""
        type = "" if schema.get(INT_OR_STRING) else schema.get("type") or ""
        first, last = _RANGES.get((type, _format(schema)), (None, None))
        if first is None or last is None or (first <= number <= last and (type == "number" or number == int(number))):
            return
        known = f" with format {_format(schema)}" if _format(schema) else " (default format)"
        yield self.without_path(f"{prefix} value must be of type {type}{known} in {path}")

    def list(self, value: list[Any], schema: Schema, path: str, old: Any) -> Iterator[FieldError]:
        items = schema.get("items")
        if isinstance(items, Mapping):
            counterpart = counterparts(schema, old)
            for index, item in enumerate(value):
                yield from self.value(item, items, f"{path}[{index}]", counterpart(item))
        yield from self.size(value, schema, path, "Items", "items")

    def object(self, value: dict[str, Any], schema: Schema, path: str, old: Any) -> Iterator[FieldError]:
        yield from self.size(value, schema, path, "Properties", "properties")
        before = old if isinstance(old, dict) else {}
        if schema.get("additionalProperties") is False:
            known = schema.get("properties") or {}
            for key in value:
                if key not in known:
                    yield invalid(self.field(path), key, f"{path}.{key} in body is a forbidden property")
        for key, item in value.items():
            inner = below(schema, key)
            if inner is not None:
                yield from self.value(item, inner, f"{path}.{key}" if path else key, before.get(key, ABSENT))
        for key in schema.get("required") or ():
            if key not in value:
                yield required(self.field(f"{path}.{key}" if path else key))

    def size(self, value: Any, schema: Schema, path: str, bound: str, things: str) -> Iterator[FieldError]:
        least, most = schema.get(f"min{bound}"), schema.get(f"max{bound}")
        if least is not None and len(value) < least:
            yield self.invalid(path, len(value), f"should have at least {least} {things}")
        if most is not None and len(value) > most:
            items = "item" if most == 1 else "items"
            message = f"Too many: {len(value)}: must have at most {most} {items}"
            yield FieldError("FieldValueTooMany", self.field(path), message)

    def enum(self, value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
        choices = schema.get("enum")
        if choices and not any(_is_choice(value, choice) for choice in choices):
            listed = [choice if isinstance(choice, str) else shown(choice) for choice in choices]
            yield not_supported(self.field(path), value, listed)


def type_name(value: Any) -> str:
    """The type in the words of schemas; a number that is written as a fraction is none that is whole."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def _format(schema: Schema) -> str:
    """The format that is asked for, where somebody looks at it."""
    format = schema.get("format") or ""
    if not format:
        return ""
    type = "string" if schema.get(INT_OR_STRING) else schema.get("type") or "string"
    if type == "string":
        return format if string_formats.is_checked(format) else ""
    return format if format in _FORMATS_OF_NUMBERS.get(type, ()) else ""


_FORMATS_OF_NUMBERS = {"integer": ("int32", "int64"), "number": ("float", "double")}
_GO_FORMATS = {"integer": "int64", "number": "float64"}
"""Those of the numbers that Go's decoder makes, by their type."""


def _is_choice(value: Any, choice: Any) -> bool:
    """Whether a value is what an enum names, after it was made a number of the other kind where that is one."""
    if isinstance(value, bool) or isinstance(choice, bool):
        return value is choice
    if isinstance(value, int | float) and isinstance(choice, int | float):
        return bool((int(value) if isinstance(choice, int) else float(value)) == choice)
    return value is not None and is_same(value, choice)


def _likeliest(schemas: Sequence[Schema], value: Any) -> int:
    """Which of several schemas that a value does not fit its author had in mind: the first of those that have the most to say of it."""
    return max(range(len(schemas)), key=lambda i: _checks(value, schemas[i]))


def _checks(value: Any, schema: Schema) -> int:
    """How many of kube-openapi's validators look at the value and at what is in it, whatever they find."""
    if value is None:
        return 0
    count = 3 + bool(schema.get("type") or schema.get("format"))
    if isinstance(value, str):
        count += 1 + string_formats.is_known(schema.get("format") or "")
    elif isinstance(value, dict):
        inner = ((value[name], below(schema, name)) for name in value)
        count += 1 + sum(_checks(one, its) for one, its in inner if its is not None)
    elif isinstance(value, list):
        items = schema.get("items")
        count += 1 + (sum(_checks(one, items) for one in value) if items else 0)
    elif not isinstance(value, bool):
        count += 1
    count += sum(_checks(value, one) for one in schema.get("allOf") or ())
    for several in (schema.get("anyOf") or (), schema.get("oneOf") or ()):
        if several and not any(_fits(value, one) for one in several):
            count += max(_checks(value, one) for one in several)
    return count


def _fits(value: Any, schema: Schema) -> bool:
    return not validate_value(value, schema)


def _number_text(number: float) -> str:
    return general_text(number) if isinstance(number, float) else str(number)


def _is_multiple(value: float, multiple: float) -> bool:
    if isinstance(value, int) and isinstance(multiple, int):
        return value % multiple == 0
    quotient = value * (1 / multiple) if multiple < 1 else value / multiple
    if abs(quotient) > LARGEST_WHOLE_DOUBLE:
        return False
    if quotient == int(quotient):
        return True
    # What is nearly whole counts as that, if it lies above.
    return quotient > 0 and (quotient - int(quotient)) / (quotient + int(quotient)) < 1e-9


LARGEST_WHOLE_DOUBLE = (1 << 53) - 1
_BOUNDS: tuple[tuple[str, str, Callable[[float, float], bool], str], ...] = (
    ("multipleOf", "MultipleOf", _is_multiple, "a multiple of"),
    ("minimum", "Minimum boundary", lambda value, bound: value >= bound, "greater than or equal to"),
    ("maximum", "Maximum boundary", lambda value, bound: value <= bound, "less than or equal to"),
)


def counterparts(schema: Schema, old: Any) -> Callable[[Any], Any]:
    """How to find what an item of a list was before: by its keys in a list that is a map; in other lists nothing is known."""
    keys = schema.get(LIST_MAP_KEYS) or ()
    if schema.get(LIST_TYPE) != "map" or not isinstance(old, list) or not keys:
        return lambda item: ABSENT
    before = {_key_of(item, keys): item for item in old if isinstance(item, dict)}
    return lambda item: before.get(_key_of(item, keys), ABSENT) if isinstance(item, dict) else ABSENT


def _key_of(item: Mapping[str, Any], keys: Sequence[str]) -> bytes:
    return orjson.dumps({key: item[key] for key in sorted(keys) if key in item})


# What goes through a whole object: embedded resources, sets and maps


def _parts(value: Any, schema: Schema, path: str) -> Iterator[tuple[Any, Schema, str]]:
    """What is in an object or a list and has a schema; keys of maps stand in brackets."""
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        for key, item in value.items():
            inner = below(schema, key)
            if inner is not None:
                field = f"{path}.{key}" if path else key
                yield item, inner, field if key in properties else f"{path}[{key}]"
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            yield item, schema["items"], f"{path}[{index}]"


def embedded_errors(value: Any, schema: Schema, path: str = "") -> Iterator[FieldError]:
    """Resources in an object say what they are, and their metadata is as good as that of others."""
    if isinstance(value, dict) and schema.get(EMBEDDED):
        yield from _of_embedded(value, path)
    for item, inner, inner_path in _parts(value, schema, path):
        yield from embedded_errors(item, inner, inner_path)


def _of_embedded(resource: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    yield from (required(f"{path}.{key}") for key in ("apiVersion", "kind") if key not in resource)
    for key in ("apiVersion", "kind"):
        if key not in resource:
            continue
        value, field = resource[key], f"{path}.{key}"
        if not isinstance(value, str):
            yield invalid(field, value, "must be a string")
        elif not value:
            yield invalid(field, value, "must not be empty")
        elif key == "apiVersion" and value.count("/") > 1:
            yield invalid(field, value, f"unexpected GroupVersion string: {value}")
        elif key == "kind" and (texts := names.label_1035(value.lower())):
            yield invalid(field, value, f"may have mixed case, but should otherwise match: {','.join(texts)}")
    metadata = resource.get("metadata")
    if isinstance(metadata, dict):
        yield from object_metadata.validate_embedded(metadata, f"{path}.metadata")


def _doubled(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    """Items of sets that are there twice, and items of maps with the same keys; each is told once."""
    if isinstance(value, list):
        kind = schema.get(LIST_TYPE)
        if kind == "set":
            yield from _told_twice([orjson.dumps(item) for item in value], path)
        elif kind == "map":
            yield from _doubled_keys(value, schema.get(LIST_MAP_KEYS) or (), path)
    for item, inner, inner_path in _parts(value, schema, path):
        yield from _doubled(item, inner, inner_path)


def _doubled_keys(items: Sequence[Any], keys: Sequence[str], path: str) -> Iterator[FieldError]:
    for index, item in enumerate(items):
        if item is not None and not isinstance(item, dict):
            yield invalid(f"{path}[{index}]", item, "must be an object for an array of list-type map")
            return
    yield from _told_twice([_key_of(item or {}, keys) for item in items], path)


def _told_twice(identities: Sequence[bytes], path: str) -> Iterator[FieldError]:
    times: dict[bytes, int] = {}
    for index, identity in enumerate(identities):
        times[identity] = times.get(identity, 0) + 1
        if times[identity] == 2:
            yield duplicate(f"{path}[{index}]", orjson.loads(identity))
