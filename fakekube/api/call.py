"""One request after its path is understood: who, which verb, on what, with which options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fakekube.errors import BadRequest, Invalid, details_of
from fakekube.objects.field_errors import FieldError, forbidden, go_quoted, invalid, not_supported, required, too_long
from fakekube.registry.kind import Kind
from fakekube.registry.user import User

QueryValues = Callable[[str], Sequence[str]]

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
FIELD_MANAGER_BYTES = 128


@dataclass(slots=True)
class Call:
    """What is asked of the API. `query` holds the first value of each parameter, `query_values` all of one."""

    user: User
    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    query_values: QueryValues = lambda _: ()
    user_agent: str = ""
    warnings: list[str] = field(default_factory=list)
    may: Callable[[str], None] = lambda _: None
    """`may(verb)` raises Forbidden when the user may not do that to this object: for second checks inside a verb."""
    is_authorized: bool = False
    """Whether it came by the front door, where it was asked what its user may do. Callers in this process are never asked."""


@dataclass(frozen=True, slots=True)
class WriteOptions:
    dry_run: bool
    field_manager: str
    field_validation: str
    """`Ignore`, `Warn` or `Strict`."""
    force: bool = False


def boolean(query: Mapping[str, str], name: str) -> bool | None:
    """None when absent; `0` and `false` in any case are false, everything else is true, also the empty text."""
    value = query.get(name)
    return None if value is None else value.lower() not in ("0", "false")


def integer(query: Mapping[str, str], name: str) -> int | None:
    """A number of 64 bits in base 10, None when absent. Raises BadRequest with Go's text."""
    value = query.get(name)
    return None if value is None else parse_int(value)


def parse_int(text: str) -> int:
    """Go's strconv.ParseInt(text, 10, 64). Raises BadRequest with its text."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdecimal()):
        raise BadRequest(f"strconv.ParseInt: parsing {go_quoted(text)}: invalid syntax")
    # Longer texts cannot fit, and int() refuses those beyond 4,300 digits.
    number = int(text) if len(digits) < 30 else 1 << 64
    if not -(1 << 63) <= number < 1 << 63:
        raise BadRequest(f"strconv.ParseInt: parsing {go_quoted(text)}: value out of range")
    return number


def write_options(call: Call, options_kind: str, *, apply: bool = False) -> WriteOptions:
    """The options of a create, update or patch from the query. `options_kind` is `CreateOptions`...; raises Invalid with all mistakes.

    https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run
    """
    if not call.query and not apply:
        return _NO_OPTIONS
    query = call.query
    errors: list[FieldError] = []
    force = boolean(query, "force")
    manager = query.get("fieldManager", "")
    if options_kind == "PatchOptions":
        if force is not None and not apply:
            errors.append(forbidden("force", "may not be specified for non-apply patch"))
        if apply and not manager:
            errors.append(required("fieldManager", "is required for apply patch"))
    errors.extend(_manager_errors(manager))
    dry_run = call.query_values("dryRun") if "dryRun" in query else ()
    errors.extend(dry_run_errors(dry_run))
    validation = query.get("fieldValidation", "")
    if validation not in ("", "Ignore", "Warn", "Strict"):
        errors.append(not_supported("fieldValidation", validation, ("", "Ignore", "Strict", "Warn")))
    if errors:
        raise options_invalid(options_kind, errors)
    return WriteOptions(bool(dry_run), manager, validation or "Warn", bool(force))


def dry_run_errors(values: Sequence[Any]) -> list[FieldError]:
    if any(value != "All" for value in values):
        return [not_supported("dryRun", list(values), ("All",))]
    return []


def options_invalid(options_kind: str, errors: Sequence[FieldError]) -> Invalid:
    """The 422 of wrong options: `ListOptions.meta.k8s.io "" is invalid: ...`."""
    told = [str(error) for error in errors]
    listed = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    causes = [error.cause() for error in errors]
    message = f'{options_kind}.meta.k8s.io "" is invalid: {listed}'
    return Invalid(message, details_of("meta.k8s.io", options_kind, "", causes))


def _manager_errors(manager: str) -> list[FieldError]:
    if len(manager.encode("utf-8", "surrogatepass")) > FIELD_MANAGER_BYTES:
        return [too_long("fieldManager", FIELD_MANAGER_BYTES)]
    for position, character in enumerate(manager):
        if not character.isprintable():
            return [
                invalid("fieldManager", manager, f"invalid character U+{ord(character):04X} (at position {position})")
            ]
    return []


_NO_OPTIONS = WriteOptions(False, "", "Warn")
