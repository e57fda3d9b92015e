"""What is wrong with one field, and the 422 that several such errors become.

Messages are the API's own: `spec.replicas: Invalid value: -1: must be greater than or equal to 0`. A list of errors keeps the order in
which the rules were applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from fakekube.errors import Invalid, details_of
from fakekube.objects import as_sent
from fakekube.objects.go_text import general_text, quoted

NO_VALUE: Any = object()


@dataclass(frozen=True, slots=True)
class FieldError:
    """One cause of a 422: `reason` as in `StatusCause.reason`, `field` a path such as `spec.containers[0].name`."""

    reason: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"

    def cause(self) -> dict[str, str]:
        return {"reason": self.reason, "message": self.message, "field": self.field}


class Tolerated(FieldError):
    """What is wrong and was before: an update warns of it, and is not refused for it."""

    __slots__ = ()


def shown(value: Any) -> str:
    """A value as Go prints it inside a message: strings quoted, numbers and booleans bare, null `null`, the rest JSON."""
    if isinstance(value, str):
        return go_quoted(value)
    if value is None:
        return "null"
    if isinstance(value, float):
        return general_text(value)
    return _escape(as_sent.encoded(value)[0].decode())


_IN_HTML = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"})


def _escape(text: str) -> str:
    """Go's JSON encoder writes what has a meaning in HTML as escapes."""
    return text.translate(_IN_HTML) if any(character in text for character in "<>&\u2028\u2029") else text


def shown_choice(value: Any) -> str:
    """The same of a member of an enum, which is no plain string to Go: it is written as JSON."""
    return _escape(orjson.dumps(value).decode()) if isinstance(value, str) else shown(value)


def go_quoted(text: str) -> str:
    """`text` as Go's %q writes it."""
    return quoted(text)


def required(field: str, detail: str = "") -> FieldError:
    return FieldError("FieldValueRequired", field, f"Required value: {detail}" if detail else "Required value")


def invalid(field: str, value: Any, detail: str) -> FieldError:
    """`value` is shown as Go would print it; a string that is already Go text is passed as `Shown`."""
    text = value.text if isinstance(value, Shown) else shown(value)
    return FieldError(
        "FieldValueInvalid", field, f"Invalid value: {text}: {detail}" if detail else f"Invalid value: {text}"
    )


def wrong_choice(field: str, value: Any, detail: str) -> FieldError:
    """`invalid` of a member of an enum (see `shown_choice`)."""
    return invalid(field, Shown(shown_choice(value)), detail)


def not_supported(field: str, value: Any, supported: Iterable[str], *, plain: bool = False) -> FieldError:
    """`plain`: the field is a plain string to Go, though it has but a few values."""
    listed = ", ".join(go_quoted(choice) for choice in supported)
    told = shown(value) if plain else shown_choice(value)
    return FieldError("FieldValueNotSupported", field, f"Unsupported value: {told}: supported values: {listed}")


def forbidden(field: str, detail: str) -> FieldError:
    return FieldError("FieldValueForbidden", field, f"Forbidden: {detail}")


def duplicate(field: str, value: Any) -> FieldError:
    return FieldError("FieldValueDuplicate", field, f"Duplicate value: {shown(value)}")


def not_found(field: str, value: Any) -> FieldError:
    return FieldError("FieldValueNotFound", field, f"Not found: {shown(value)}")


def too_many(field: str, actual: int, most: int) -> FieldError:
    noun = "item" if most == 1 else "items"
    return FieldError("FieldValueTooMany", field, f"Too many: {actual}: must have at most {most} {noun}")


def too_long(field: str, most: int) -> FieldError:
    return FieldError(
        "FieldValueTooLong", field, f"Too long: may not be more than {most} {'byte' if most == 1 else 'bytes'}"
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """Text that is put into a message as it stands, for values whose Go form is not their JSON form."""

    text: str


def invalid_object(group: str, kind: str, name: str, errors: Sequence[FieldError]) -> Invalid:
    """The 422 of an object: one error stands alone in the message, several are listed in brackets; all are causes.

    Errors with the same text are told once, as Kubernetes' ToAggregate does.
    """
    told = list(dict.fromkeys(str(error) for error in errors))
    listed = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    subject = f"{kind}.{group}" if group else kind
    causes = [error.cause() for error in errors]
    return Invalid(f"{subject} {go_quoted(name)} is invalid: {listed}", details_of(group, kind, name, causes))
