"""ControllerRevisions: a numbered state of something, which never changes."""

from __future__ import annotations

from fakekube.objects import rules
from fakekube.objects.field_errors import FieldError, required
from fakekube.registry.kind import Object, Strategy


def validate_create(revision: Object) -> list[FieldError]:
    errors, data = rules.non_negative(revision.get("revision"), "revision"), revision.get("data")
    if isinstance(data, dict):
        return errors
    detail = "data is mandatory" if data is None else "data must be a valid JSON object"
    return [*errors, required("data", detail)]


def validate_update(revision: Object, old: Object) -> list[FieldError]:
    return rules.non_negative(revision.get("revision"), "revision") + rules.unchanged_text(
        revision.get("data"), old.get("data"), "data"
    )


STRATEGY = Strategy(validate_create=validate_create, validate_update=validate_update)
