"""Pods of one template need not each be judged: what of one of them is neither wrong nor remarkable is so of the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from fakekube.objects import names
from fakekube.objects.field_errors import FieldError
from fakekube.objects.repeated import Repeated
from fakekube.registry.clock import NAME_ALPHABET
from fakekube.registry.kind import Object

TOKEN_VOLUME_PREFIX = "kube-api-access-"
"""Begins the name of the volume through which a pod gets the token of its service account; five letters follow."""

_PREFIX, _LETTERS = TOKEN_VOLUME_PREFIX.encode(), NAME_ALPHABET.encode()
_ANY_NAME = _PREFIX + b"x" * names.GENERATED_SUFFIX_LENGTH
_MOST_TEMPLATES, _LONGEST_BYTES = 256, 16384


Validate = Callable[[Object], Sequence[FieldError]]
Warn = Callable[[Object, Object | None], Sequence[str]]


def judged_once(validate: Validate, warn: Warn) -> tuple[Validate, Warn]:
    """The validation of new pods and the warnings about (pod, None), for templates that have been judged before nothing but a look-up.

    `validate` looks at nothing but annotations and spec; `warn`, which is called next and with the same pod, at the name as well, if that
    is no label.
    """
    good: Repeated[bytes, bool] = Repeated(_MOST_TEMPLATES)
    unremarkable: Repeated[bytes, bool] = Repeated(_MOST_TEMPLATES)
    nothing: tuple[Object | None, bytes] = (None, b"")
    validated = nothing  # the pod that was validated last, until it is asked for warnings; other clusters' threads may come between

    def validate_create(pod: Object) -> Sequence[FieldError]:
        nonlocal validated
        validated = nothing
        text = template_of(pod)
        if text is None:
            return validate(pod)
        if not good.get(text):
            errors = validate(pod)
            if errors:
                return errors
            if not good.is_new(text):
                good.put(text, True)
        validated = (pod, text)
        return []

    def warnings(pod: Object, old: Object | None) -> Sequence[str]:
        nonlocal validated
        (last, text), validated = validated, nothing
        if last is not pod or old is not None or names.label(pod["metadata"].get("name", "")):
            return warn(pod, old)
        if unremarkable.get(text):
            return []
        told = warn(pod, old)
        if not told and not unremarkable.is_new(text):
            unremarkable.put(text, True)
        return told

    return validate_create, warnings


def template_of(pod: Object) -> bytes | None:
    """What pods of one template have in common: annotations and spec, with one name for the volume of the token, which is drawn by lot.

    None where it is too much to be remembered.
    """
    text = orjson.dumps([pod["metadata"].get("annotations"), pod["spec"]])
    if len(text) > _LONGEST_BYTES:
        return None
    begin = text.find(b'"' + _PREFIX) + 1
    if begin:
        name = text[begin : begin + len(_ANY_NAME)]
        is_drawn = len(name) == len(_ANY_NAME) and not name[len(_PREFIX) :].strip(_LETTERS)
        # Where it is the only name of its kind, whatever is said about it is said about any other.
        if is_drawn and text.count(_PREFIX) == text.count(name):
            return text.replace(name, _ANY_NAME)
    return text
