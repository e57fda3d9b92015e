"""Events of the core group: free in form, but in the namespace of what they are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fakekube.objects import fields, names
from fakekube.objects.field_errors import FieldError, invalid, required
from fakekube.registry.kind import Object, Strategy

DEFAULT_NAMESPACE = "default"
LONGEST_NAME, LONGEST_MESSAGE = 128, 1024
_NAMESPACES_OF_CLUSTER_OBJECTS = (DEFAULT_NAMESPACE, "kube-system")
_REQUIRED_OF_NEW_STYLE = ("reportingComponent", "reportingInstance", "action", "reason")
_REFERENCE = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")


def involved_object_fields(name: str) -> Mapping[str, Callable[[Object], str]]:
    """The selectable fields of the object that an event is about, under the name that the group version gives it."""
    return {f"{name}.{field}": _reader(f"involvedObject.{field}") for field in _REFERENCE}


def _reader(path: str) -> Callable[[Object], str]:
    return lambda event: fields.text_at(event, path)


def _source(event: Object) -> str:
    return fields.text_at(event, "source.component") or fields.text_at(event, "reportingComponent")


def validate(event: Object, *_: object, controller: str = "reportingComponent") -> list[FieldError]:
    """Old events need only the right namespace; those with an `eventTime` are of the new style, in which more is asked.

    `controller` is what the group version calls the reporting component.
    """
    namespace = event["metadata"].get("namespace", "")
    about = fields.text_at(event, "involvedObject.namespace")
    errors: list[FieldError] = []
    new_style = bool(event.get("eventTime"))
    free = _NAMESPACES_OF_CLUSTER_OBJECTS if new_style else (DEFAULT_NAMESPACE,)
    if (not about and namespace not in free) or (about and about != namespace and not new_style):
        errors.append(invalid("involvedObject.namespace", about, "does not match event.namespace"))
    if not new_style:
        return errors
    for field in _REQUIRED_OF_NEW_STYLE:
        value, told = event.get(field, ""), controller if field == "reportingComponent" else field
        if not value:
            errors.append(required(told))
        if field == "reportingComponent":
            errors += [invalid(told, value, text) for text in names.qualified_name(value)]
        elif len(value.encode()) > LONGEST_NAME:
            errors.append(invalid(told, "", f"can have at most {LONGEST_NAME} characters"))
    if len(event.get("message", "").encode()) > LONGEST_MESSAGE:
        errors.append(invalid("message", "", f"can have at most {LONGEST_MESSAGE} characters"))
    return errors


STRATEGY = Strategy(
    validate_create=validate,
    validate_update=validate,
    selectable_fields={
        **involved_object_fields("involvedObject"),
        "reason": lambda event: fields.text_at(event, "reason"),
        "reportingComponent": lambda event: fields.text_at(event, "reportingComponent"),
        "source": _source,
        "type": lambda event: fields.text_at(event, "type"),
    },
    default_propagation="",
)
