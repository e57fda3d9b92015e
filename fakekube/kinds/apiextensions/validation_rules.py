"""What a rule of `x-kubernetes-validations` may say, as far as it can be told without its expressions; of these see `expression_rules`.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fakekube.kinds.apiextensions import field_paths, schema_forms
from fakekube.objects.field_errors import FieldError, invalid, not_supported, required
from fakekube.objects.structural_schemas import RULES, Schema

REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")

_BLANK = "must be non-empty if specified"
_LINE_BREAKS = "must not contain line breaks"
_LINE_BREAK = re.compile("[\r\n]")
_STEP = re.compile(r"\.(?P<field>[^.\[\]]+)|\['(?P<key>(?:[^'\\]|\\.)+)'\]")
_ESCAPED = re.compile(r"\\(.)")


def judge(schema: Schema, path: str) -> Iterator[FieldError]:
    """What is wrong with the rules at one place of a schema, in their order."""
    for i, rule in enumerate(schema.get(RULES) or ()):
        yield from _rule(rule, schema, f"{path}.{RULES}[{i}]")


def _rule(rule: Mapping[str, Any], schema: Schema, path: str) -> Iterator[FieldError]:
    expression, message = (rule.get("rule") or "").strip(), rule.get("message") or ""
    if not expression:
        yield required(f"{path}.rule", "rule is not specified")
    elif message and not message.strip():
        yield invalid(f"{path}.message", message, _BLANK)
    elif _LINE_BREAK.search(message.strip()):
        yield invalid(f"{path}.message", message, _LINE_BREAKS)
    elif _LINE_BREAK.search(expression) and not message.strip():
        yield required(f"{path}.message", "message must be specified if rule contains line breaks")
    message_expression = rule.get("messageExpression") or ""
    if message_expression and not message_expression.strip():
        yield required(f"{path}.messageExpression", f"messageExpression {_BLANK}")
    reason = rule.get("reason")
    if reason is not None and reason not in REASONS:
        yield not_supported(f"{path}.reason", reason, REASONS)
    field_path = rule.get("fieldPath") or ""
    if field_path and not field_path.strip():
        yield invalid(f"{path}.fieldPath", field_path, _BLANK)
    if _LINE_BREAK.search(field_path):
        yield invalid(f"{path}.fieldPath", field_path, _LINE_BREAKS)
    if field_path and not _is_path_in(schema, field_path):
        yield invalid(f"{path}.fieldPath", field_path, "must be a valid path")


def steps_of(field_path: str) -> Iterator[str]:
    """The fields and keys that a path such as `.spec.labels['a/b']` names, one behind the other. Raises ValueError."""
    place = 0
    while place < len(field_path):
        step = _STEP.match(field_path, place)
        if step is None:
            raise ValueError(f"no path: {field_path!r}")
        yield step["field"] or _ESCAPED.sub(r"\1", step["key"])
        place = step.end()


def _is_path_in(schema: Schema, field_path: str) -> bool:
    """Whether a path leads to something that the schema knows; nothing is said of paths in schemas that are not structural."""
    if schema_forms.unfit_for_structure(schema):
        return True
    try:
        field_paths.followed(field_path, schema)
    except field_paths.PathError:
        return False
    return True
