"""ControllerRevisions: a numbered state of something, which never changes."""

from __future__ import annotations

from fakekube.objects import rules
from fakekube.objects.field_errors import FieldError, required
from fakekube.registry.kind import Object, Strategy


def validate(revision: Object) -> list[FieldError]:
    errors = rules.non_negative(revision.get("revision"), "revision")
    return errors if revision.get("data") is not None else [*errors, required("data", "data is mandatory")]


def validate_create(revision: Object) -> list[FieldError]:
    errors, data = validate(revision), revision.get("data")
    if data is None or isinstance(data, dict):
        return errors
    return [*errors, required("data", "data must be a valid JSON object")]


def validate_update(revision: Object, old: Object) -> list[FieldError]:
    return validate(revision) + rules.unchanged_text(revision.get("data"), old.get("data"), "data")


STRATEGY = Strategy(validate_create=validate_create, validate_update=validate_update)
