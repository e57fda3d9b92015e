"""What a CustomResourceDefinition may not be: its names, versions, doors, columns and conversion; schemas are judged in `schema_rules`.

The server judges an older form of the definition, in which what all versions have in common stands once: errors call it
`spec.validation`, `spec.subresources`, `spec.additionalPrinterColumns`, `spec.selectableFields`.
https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from fakekube.kinds import webhook_rules
from fakekube.kinds.apiextensions import schema_rules
from fakekube.objects import as_sent, go_structs, go_urls, names
from fakekube.objects.field_errors import FieldError, duplicate, forbidden, invalid, not_supported, required, too_many
from fakekube.objects.fields import at
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.registry.kind import Object

APPROVAL = "api-approved.kubernetes.io"
_APPROVAL_SEE = "see https://github.com/kubernetes/enhancements/pull/1111"
_PROTECTED = ("k8s.io", "kubernetes.io")
REVIEW_VERSIONS = ("v1", "v1beta1")
COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
MOST_SELECTABLE_FIELDS = 8
_SIMPLE_PATH = "must be a simple json path starting with ."

Version = Mapping[str, Any]
Errors = Iterator[FieldError]


def validate_create(definition: Object) -> list[FieldError]:
    spec = definition.get("spec") or {}
    group, plural, name = spec.get("group", ""), at(spec, "names.plural") or "", definition["metadata"].get("name", "")
    errors = []
    if name != f"{plural}.{group}":
        errors.append(invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    errors += _spec(spec)
    errors += _stored_versions(definition)
    approval = _approval(definition)
    if approval is not None:
        errors.append(approval)
    if spec.get("preserveUnknownFields"):
        text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        errors.append(invalid("spec.preserveUnknownFields", True, text))
    return errors


def validate_update(definition: Object, old: Object) -> list[FieldError]:
    spec, before = definition.get("spec") or {}, old["spec"]
    errors = list(_spec(spec, _unchanged_schemas(spec, before)))
    fixed = ["group", "names.plural"]
    if any(each["type"] == "Established" and each["status"] == "True" for each in at(old, "status.conditions") or ()):
        fixed = ["scope", "names.kind", *fixed]
    for path in fixed:
        if at(spec, path) != at(before, path):
            errors.append(invalid(f"spec.{path}", at(spec, path) or "", IMMUTABLE_TEXT))
    errors += _stored_versions(definition)
    approval = _approval(definition)
    if approval is not None and approval != _approval(old):
        errors.append(approval)
    if spec.get("preserveUnknownFields") and not before.get("preserveUnknownFields"):
        text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        errors.append(invalid("spec.preserveUnknownFields", True, text))
    return errors


def validate_status_update(definition: Object, old: Object) -> list[FieldError]:
    return list(_stored_versions(definition))


def _approval(definition: Object) -> FieldError | None:
    """Groups of the Kubernetes project want somebody's consent."""
    group = at(definition, "spec.group") or ""
    if not any(group == domain or group.endswith(f".{domain}") for domain in _PROTECTED):
        return None
    field = f"metadata.annotations[{APPROVAL}]"
    value = (definition["metadata"].get("annotations") or {}).get(APPROVAL, "")
    text = f'protected groups must have approval annotation "{APPROVAL}"'
    if not value:
        return required(field, f"{text}, {_APPROVAL_SEE}")
    if value.startswith("unapproved") or _is_url(value):
        return None
    return invalid(field, value, f'{text} with either a URL or a reason starting with "unapproved", {_APPROVAL_SEE}')


def _is_url(text: str) -> bool:
    try:
        url = go_urls.parse(text)
    except go_urls.URLError:
        return False
    return bool(url.scheme and url.host)


def _unchanged_schemas(spec: Object, before: Object) -> Collection[str]:
    """The versions that have the schema that they had before."""
    schemas = {version["name"]: version.get("schema") for version in before.get("versions") or ()}
    return {
        version["name"]
        for version in spec.get("versions") or ()
        if version["name"] in schemas and version.get("schema") == schemas[version["name"]]
    }


def _spec(spec: Object, unchanged: Collection[str] = ()) -> Errors:
    """`unchanged`: the versions whose schemas are as they were."""
    group, scope = spec.get("group", ""), spec.get("scope", "")
    if not group:
        yield required("spec.group")
    elif texts := names.subdomain(group):
        yield invalid("spec.group", group, ",".join(texts))
    elif "." not in group:
        yield invalid("spec.group", group, "should be a domain with at least one dot")
    if not scope:
        yield required("spec.scope")
    elif scope not in ("Cluster", "Namespaced"):
        yield not_supported("spec.scope", scope, ("Cluster", "Namespaced"))
    yield from _versions(spec, unchanged)
    yield from _names(spec.get("names") or {})
    versions: Sequence[Version] = spec.get("versions") or ()
    for key, judge in _judges(unchanged).items():
        if versions and _are_common(versions, key):
            yield from judge(versions[0], f"spec.{_COMMON_NAMES.get(key, key)}")
    yield from _conversion(spec.get("conversion") or {})


def _versions(spec: Object, unchanged: Collection[str]) -> Errors:
    versions: Sequence[Version] | None = spec.get("versions")
    for i, version in enumerate(versions or ()):
        path = f"spec.versions[{i}]"
        yield from (invalid(f"{path}.name", version["name"], text) for text in names.label_1035(version["name"]))
        if version.get("deprecationWarning") is not None and not version.get("deprecated"):
            text = "can only be set for deprecated versions"
            yield invalid(f"{path}.deprecationWarning", version["deprecationWarning"], text)
        if at(version, "schema.openAPIV3Schema") is None:
            yield required(f"{path}.schema.openAPIV3Schema")
        for key, judge in _judges(unchanged).items():
            if not _are_common(versions or (), key):
                yield from judge(version, f"{path}.{key}")
    version_names = [version["name"] for version in versions or ()]
    if len(set(version_names)) != len(version_names):
        yield invalid("spec.versions", _shown(spec), "must contain unique version names")
    if sum(bool(version.get("storage")) for version in versions or ()) != 1:
        yield invalid("spec.versions", _shown(spec), "must have exactly one version marked as storage version")
    for name in version_names[:1]:
        if name and (texts := names.label_1035(name)):
            yield invalid("spec.version", name, ",".join(texts))


def _shown(spec: Object) -> Any:
    """The versions as Go writes its own structs."""
    versions, struct = as_sent.shown_at(spec, "versions"), "apiextensions.CustomResourceDefinitionVersion"
    if versions is None:
        return None
    # What all have in common stands elsewhere.
    own = ["name", "served", "storage", "deprecated", "deprecationWarning"]
    own += [key for key in _judges(()) if not _are_common(versions, key)]
    return [go_structs.shown(struct, {key: version[key] for key in own if key in version}) for version in versions]


def _are_common(versions: Sequence[Version], key: str) -> bool:
    return all(version.get(key) == versions[0].get(key) for version in versions)


def _names(wanted: Object) -> Errors:
    for key in ("plural", "singular", "kind", "listKind"):
        if not wanted.get(key):
            yield required(f"spec.names.{key}")
    kind, list_kind = wanted.get("kind", ""), wanted.get("listKind", "")
    for key in ("plural", "singular"):
        if name := wanted.get(key):
            yield from (invalid(f"spec.names.{key}", name, text) for text in names.label_1035(name))
    for key in ("kind", "listKind"):
        if name := wanted.get(key):
            for text in names.label_1035(name.lower()):
                detail = f"may have mixed case, but should otherwise match: {text}"
                yield invalid(f"spec.names.{key}", name, detail)
    for i, name in enumerate(wanted.get("shortNames") or ()):
        yield from (invalid(f"spec.names.shortNames[{i}]", name, text) for text in names.label_1035(name))
    if kind and kind == list_kind:
        yield invalid("spec.names.listKind", list_kind, "kind and listKind may not be the same")
    for i, name in enumerate(wanted.get("categories") or ()):
        yield from (invalid(f"spec.names.categories[{i}]", name, text) for text in names.label_1035(name))


def _schema(unchanged: Collection[str], version: Version, path: str) -> Errors:
    schema = at(version, "schema.openAPIV3Schema")
    if schema is not None:
        if at(version, "subresources.status") is not None:
            yield from _root(schema, f"{path}.openAPIV3Schema")
        is_unchanged = version["name"] in unchanged
        yield from schema_rules.judge(schema, f"{path}.openAPIV3Schema", is_unchanged=is_unchanged)


_AT_THE_ROOT = (
    *("Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum"),
    *("MaxLength", "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items"),
    *("Properties", "ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations"),
)
_WITH_STATUS = "at the root of the schema if the status subresource is enabled"


def _root(schema: Mapping[str, Any], path: str) -> Errors:
    """Where the status is written by itself, its schema is taken out of the whole, which may say nothing that would be lost. The first
    field that is wrong is told."""
    shown = go_structs.shown("apiextensions.JSONSchemaProps", schema)
    for name, value in shown.items():
        if value is None or value is False or value == "":
            continue
        if name == "Type" and value != "object":
            yield invalid(f"{path}.type", value, f'only "object" is allowed as the type {_WITH_STATUS}')
            return
        if name not in _AT_THE_ROOT:
            yield invalid(path, shown, f"only [{' '.join(_AT_THE_ROOT)}] fields are allowed {_WITH_STATUS}")
            return


def _subresources(version: Version, path: str) -> Errors:
    scale = (version.get("subresources") or {}).get("scale")
    if scale is None:
        return
    for key, roots, text in (
        ("specReplicasPath", (".spec.",), "should be a json path under .spec"),
        ("statusReplicasPath", (".status.",), "should be a json path under .status"),
        ("labelSelectorPath", (".spec.", ".status."), "should be a json path under either .spec or .status"),
    ):
        field, value = f"{path}.scale.{key}", scale.get(key) or ""
        if not value:
            if key != "labelSelectorPath":
                yield required(field)
        elif not _SIMPLE.fullmatch(value):
            yield invalid(field, value, _SIMPLE_PATH)
        elif not value.startswith(roots):
            yield invalid(field, value, text)


_SIMPLE = re.compile(r"(\.[^.\[\]]+|\[['\"][^\]]*['\"]\])+")


def _columns(version: Version, path: str) -> Errors:
    for i, column in enumerate(version.get("additionalPrinterColumns") or ()):
        field = f"{path}[{i}]"
        type, format, json_path = (column.get(key) or "" for key in ("type", "format", "jsonPath"))
        if not column.get("name"):
            yield required(f"{field}.name")
        if not type:
            yield required(f"{field}.type", f"must be one of {','.join(COLUMN_TYPES)}")
        elif type not in COLUMN_TYPES:
            yield invalid(f"{field}.type", type, f"must be one of {','.join(COLUMN_TYPES)}")
        if format and format not in COLUMN_FORMATS:
            yield invalid(f"{field}.format", format, f"must be one of {','.join(COLUMN_FORMATS)}")
        if not json_path:
            yield required(f"{field}.JSONPath")
        elif not json_path.startswith("."):
            yield invalid(f"{field}.JSONPath", json_path, _SIMPLE_PATH)


def _selectable_fields(version: Version, path: str) -> Errors:
    selectable = version.get("selectableFields") or ()
    if len(selectable) > MOST_SELECTABLE_FIELDS:
        yield too_many(path, len(selectable), MOST_SELECTABLE_FIELDS)
    schema = at(version, "schema.openAPIV3Schema")
    if selectable and schema is None:
        is_common = path == "spec.selectableFields"
        yield invalid(path, "", _NO_SCHEMA_AT_ALL if is_common else _NO_SCHEMA)
        return
    seen: set[str] = set()
    for i, field in enumerate(selectable):
        json_path = field.get("jsonPath") or ""
        place = f"{path}[{i}].jsonPath"
        if not json_path:
            yield required(place)
            continue
        wrong = _selectable(json_path, schema or {})
        if wrong:
            yield invalid(place, json_path, wrong)
        if json_path in seen:
            yield duplicate(place, json_path)
        seen.add(json_path)


_NO_SCHEMA_AT_ALL = "may only be set when validations.schema is included"
_NO_SCHEMA = "may only be set when `version.schema.openAPIV3Schema` is not included"
_NOT_SCALAR = (
    "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed."
)


def _selectable(json_path: str, schema: Mapping[str, Any]) -> str:
    """Why a path names no field to select by; empty when it does."""
    rest = json_path
    found: Mapping[str, Any] | None = schema
    while rest:
        step = _STEP.match(rest)
        if step is None:
            if re.match(r"\[[0-9]+\]", rest):
                return "is an invalid path: array notation is not allowed"
            got = re.match(r"\[?[^.\[\]]*", rest)
            assert got is not None
            return f"is an invalid path: expected [ or . but got: {got.group()}"
        name, rest = step[1] or step[2], rest[step.end() :]
        if found is not None:
            found = (found.get("properties") or {}).get(name)
    if found is None or json_path.startswith((".metadata.", "['metadata']")) or json_path == ".metadata":
        return "is an invalid path: does not refer to a valid field"
    return "" if found.get("type") in ("string", "boolean", "integer") else _NOT_SCALAR


_STEP = re.compile(r"\.([^.\[\]]+)|\[['\"]([^\]'\"]+)['\"]\]")


def _judges(unchanged: Collection[str]) -> Mapping[str, Callable[[Version, str], Errors]]:
    """What each version has of its own, or all have in common."""
    return {
        "schema": partial(_schema, unchanged),
        "subresources": _subresources,
        "additionalPrinterColumns": _columns,
        "selectableFields": _selectable_fields,
    }


_COMMON_NAMES = {"schema": "validation"}


def _conversion(conversion: Object) -> Errors:
    strategy, webhook = conversion.get("strategy", ""), conversion.get("webhook")
    config, versions = (webhook or {}).get("clientConfig"), (webhook or {}).get("conversionReviewVersions")
    if strategy not in ("None", "Webhook"):
        if not strategy:
            yield required("spec.conversion.strategy")
        else:
            yield not_supported("spec.conversion.strategy", strategy, ("None", "Webhook"))
    if strategy != "Webhook":
        for key, value in (("webhookClientConfig", config), ("conversionReviewVersions", versions)):
            if value:
                yield forbidden(f"spec.conversion.{key}", "should not be set when strategy is not set to Webhook")
        return
    if config is None:
        yield required("spec.conversion.webhookClientConfig", "required when strategy is set to Webhook")
    else:
        yield from webhook_rules.client_config(config, "spec.conversion.webhookClientConfig")
    field = "spec.conversion.conversionReviewVersions"
    if not versions:
        yield required(field)
        return
    for i, version in enumerate(versions):
        if version in versions[:i]:
            yield invalid(f"{field}[{i}]", version, "duplicate version")
        else:
            yield from (invalid(f"{field}[{i}]", version, text) for text in names.label_1035(version))
    if not set(versions).intersection(REVIEW_VERSIONS):
        yield invalid(field, versions, f"must include at least one of {', '.join(REVIEW_VERSIONS)}")


def _stored_versions(definition: Object) -> Errors:
    """Whatever was stored once must be known as long as it may lie in the store."""
    field = "status.storedVersions"
    stored: Sequence[str] = at(definition, field) or ()
    versions: Sequence[Version] = at(definition, "spec.versions") or ()
    if not stored:
        yield invalid(field, None, "must have at least one stored version")
        return
    # Each name counts once: of two versions with one name, the second finds it used up.
    unknown = {name: i for i, name in enumerate(stored)}
    for version in versions:
        if unknown.pop(version["name"], None) is None and version.get("storage"):
            yield invalid(field, stored, f"must have the storage version {version['name']}")
    for name, i in unknown.items():
        text = (
            f"missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until a "
            f"storage migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
        )
        yield invalid(f"{field}[{i}]", name, text)
