"""What a CustomResourceDefinition may not be: its names, versions, doors, columns and conversion; schemas are judged in `schema_rules`.

The server judges an older form of the definition, in which what all versions have in common stands once: errors call it
`spec.validation`, `spec.subresources`, `spec.additionalPrinterColumns`, `spec.selectableFields`.
https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from fakekube.kinds import webhook_rules
from fakekube.kinds.apiextensions import field_paths, schema_forms, schema_rules
from fakekube.objects import as_sent, go_structs, go_urls, names, string_formats
from fakekube.objects.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    go_quoted,
    invalid,
    not_supported,
    required,
    too_many,
)
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
LONGEST_DEPRECATION_WARNING = 256
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
    is_established = any(
        each["type"] == "Established" and each["status"] == "True" for each in at(old, "status.conditions") or ()
    )
    judges_bundle = is_established and not webhook_rules.ca_bundle(at(before, _BUNDLE) or "", "")
    errors = list(_spec(spec, _unchanged_schemas(spec, before), judges_bundle=judges_bundle))
    fixed = ["group", "names.plural"]
    if is_established:
        fixed = ["scope", "names.kind", *fixed]
    for path in fixed:
        if at(spec, path) != at(before, path):
            errors.append(invalid(f"spec.{path}", at(spec, path) or "", IMMUTABLE_TEXT))
    errors += _stored_versions(definition)
    approval = _approval(definition)
    if approval is not None and _approval_state(definition) != _approval_state(old):
        errors.append(approval)
    if spec.get("preserveUnknownFields") and not before.get("preserveUnknownFields"):
        text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        errors.append(invalid("spec.preserveUnknownFields", True, text))
    return errors


def validate_status_update(definition: Object, old: Object) -> list[FieldError]:
    return list(_names(at(definition, "status.acceptedNames") or {}, "status.acceptedNames"))


def warnings(definition: Object, old: Object | None) -> list[str]:
    """Formats that nobody looks at, unless they were there before."""
    before = set(_unknown_formats(old["spec"])) if old is not None else set()
    return [
        f"unrecognized format {go_quoted(each)}" for each in _unknown_formats(definition["spec"]) if each not in before
    ]


def _unknown_formats(spec: Object) -> Iterator[str]:
    versions: Sequence[Version] = spec.get("versions") or ()
    for version in versions[:1] if versions and _are_common(versions, "schema") else versions:
        for schema in schema_forms.schemas_in(at(version, "schema.openAPIV3Schema") or {}):
            format, type = schema.get("format") or "", schema.get("type") or "string"
            known = _FORMATS.get(type, ())
            if format and format not in known and not (type == "string" and string_formats.is_checked(format)):
                yield format


_FORMATS = {"integer": ("int32", "int64"), "number": ("float", "double")}
"""Those of types that are no strings."""


def _approval(definition: Object) -> FieldError | None:
    """Groups of the Kubernetes project want somebody's consent."""
    group = at(definition, "spec.group") or ""
    if not any(group == domain or group.endswith(f".{domain}") for domain in _PROTECTED):
        return None
    field, state = f"metadata.annotations[{APPROVAL}]", _approval_state(definition)
    text = f'protected groups must have approval annotation "{APPROVAL}"'
    if state == "missing":
        return required(field, f"{text}, {_APPROVAL_SEE}")
    if state != "invalid":
        return None
    value = definition["metadata"]["annotations"][APPROVAL]
    return invalid(field, value, f'{text} with either a URL or a reason starting with "unapproved", {_APPROVAL_SEE}')


def _approval_state(definition: Object) -> str:
    """What the annotation says, in whichever group."""
    value = (definition["metadata"].get("annotations") or {}).get(APPROVAL, "")
    if not value:
        return "missing"
    if value.startswith("unapproved"):
        return "bypassed"
    return "approved" if _is_url(value) else "invalid"


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


def _spec(spec: Object, unchanged: Collection[str] = (), *, judges_bundle: bool = False) -> Errors:
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
    versions: Sequence[Version] = spec.get("versions") or ()
    schemas = [at(version, "schema.openAPIV3Schema") for version in versions]
    yield from (
        required(f"spec.versions[{i}].schema.openAPIV3Schema") for i, schema in enumerate(schemas) if schema is None
    )
    preserves = bool(spec.get("preserveUnknownFields"))
    if preserves and any(_has_defaults(schema) for schema in schemas if schema is not None):
        text = "must be false in order to use defaults in the schema"
        yield invalid("spec.preserveUnknownFields", True, text)
    yield from _versions(spec, unchanged)
    wanted = spec.get("names") or {}
    yield from (required(f"spec.names.{key}") for key in _NEEDED_NAMES if not wanted.get(key))
    yield from _names(wanted, "spec.names")
    for key, judge in _judges(spec, unchanged).items():
        if versions and _are_common(versions, key):
            yield from judge(versions[0], f"spec.{_COMMON_NAMES.get(key, key)}")
    conversion = spec.get("conversion") or {}
    if preserves and (strategy := conversion.get("strategy", "")) != "None":
        yield invalid("spec.conversion.strategy", strategy, "must be None if spec.preserveUnknownFields is true")
    yield from _conversion(conversion, judges_bundle)


def _has_defaults(schema: Mapping[str, Any]) -> bool:
    return any(each.get("default") is not None for each in schema_forms.schemas_in(schema))


def _versions(spec: Object, unchanged: Collection[str]) -> Errors:
    versions: Sequence[Version] = spec.get("versions") or ()
    for i, version in enumerate(versions):
        path = f"spec.versions[{i}]"
        if texts := names.label_1035(version["name"]):
            yield invalid(f"{path}.name", version["name"], ",".join(texts))
        yield from _deprecation_warning(version, f"{path}.deprecationWarning")
        for key, judge in _judges(spec, unchanged).items():
            if not _are_common(versions, key):
                yield from judge(version, f"{path}.{key}")
    version_names = [version["name"] for version in versions]
    if len(set(version_names)) != len(version_names):
        yield invalid("spec.versions", _shown(spec), "must contain unique version names")
    if sum(bool(version.get("storage")) for version in versions) != 1:
        yield invalid("spec.versions", _shown(spec), "must have exactly one version marked as storage version")
    for name in version_names[:1]:
        if name and (texts := names.label_1035(name)):
            yield invalid("spec.version", name, ",".join(texts))


def _deprecation_warning(version: Version, field: str) -> Errors:
    text = version.get("deprecationWarning")
    if text is None:
        return
    if not version.get("deprecated"):
        yield invalid(field, text, "can only be set for deprecated versions")
        return
    if len(text.encode()) > LONGEST_DEPRECATION_WARNING:
        yield invalid(field, text, f"must be <= {LONGEST_DEPRECATION_WARNING} characters long")
    if not text:
        yield invalid(field, text, "must not be an empty string")
    unprintable = next((i for i, character in enumerate(text) if not character.isprintable()), None)
    if unprintable is not None:
        place = len(text[:unprintable].encode())
        detail = f"must only contain printable UTF-8 characters; non-printable character found at index {place}"
        yield invalid(field, text, detail)


def _shown(spec: Object) -> Any:
    """The versions as Go writes its own structs."""
    versions, struct = as_sent.shown_at(spec, "versions"), "apiextensions.CustomResourceDefinitionVersion"
    if versions is None:
        return None
    # What all have in common stands elsewhere.
    own = ["name", "served", "storage", "deprecated", "deprecationWarning"]
    own += [key for key in _judges(spec, ()) if not _are_common(versions, key)]
    told = [as_sent.with_empty(version) for version in versions]
    return [go_structs.shown(struct, {key: version[key] for key in own if key in version}) for version in told]


def _are_common(versions: Sequence[Version], key: str) -> bool:
    return all(version.get(key) == versions[0].get(key) for version in versions)


_NEEDED_NAMES = ("plural", "singular", "kind", "listKind")


def _names(wanted: Object, path: str) -> Errors:
    kind, list_kind = wanted.get("kind", ""), wanted.get("listKind", "")
    for key in ("plural", "singular"):
        if (name := wanted.get(key)) and (texts := names.label_1035(name)):
            yield invalid(f"{path}.{key}", name, ",".join(texts))
    for key in ("kind", "listKind"):
        if (name := wanted.get(key)) and (texts := names.label_1035(name.lower())):
            detail = f"may have mixed case, but should otherwise match: {','.join(texts)}"
            yield invalid(f"{path}.{key}", name, detail)
    yield from _labels(wanted.get("shortNames") or (), f"{path}.shortNames")
    if kind and kind == list_kind:
        yield invalid(f"{path}.listKind", list_kind, "kind and listKind may not be the same")
    yield from _labels(wanted.get("categories") or (), f"{path}.categories")


def _labels(values: Sequence[str], path: str) -> Errors:
    for i, name in enumerate(values):
        if texts := names.label_1035(name):
            yield invalid(f"{path}[{i}]", name, ",".join(texts))


def _schema(spec: Object, unchanged: Collection[str], version: Version, path: str) -> Errors:
    schema = at(version, "schema.openAPIV3Schema")
    if schema is not None:
        # Where all have one schema, it is the schema of each that has a status; where they have not, the first of a name speaks.
        of_name = [each for each in spec["versions"] if each["name"] == version["name"]][:1]
        with_status = spec["versions"] if path == "spec.validation" else of_name
        if any(at(each, "subresources.status") is not None for each in with_status):
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
        elif not value.startswith("."):
            yield invalid(field, value, _SIMPLE_PATH)
        elif not value.startswith(roots):
            yield invalid(field, value, text)


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


def _selectable_fields(spec: Object, version: Version, path: str) -> Errors:
    selectable = version.get("selectableFields") or ()
    if not selectable:
        return
    # The schema is looked for where the fields stand: with what all versions have in common, or in the version.
    is_common = path == "spec.selectableFields"
    schema = version.get("schema") if _are_common(spec["versions"], "schema") == is_common else None
    if not is_common:
        schema = at(schema, "openAPIV3Schema")
    if schema is None:
        yield invalid(path, "", _NO_SCHEMA_AT_ALL if is_common else _NO_SCHEMA)
        return
    schema = at(version, "schema.openAPIV3Schema") or {}
    if unfit := schema_forms.unfit_for_structure(schema):
        yield invalid(f"{path.removesuffix('.selectableFields')}.schema.openAPIV3Schema", "", unfit)
        schema = {}
    seen: set[tuple[str, ...]] = set()
    for i, field in enumerate(selectable):
        json_path, place = field.get("jsonPath") or "", f"{path}[{i}].jsonPath"
        if not json_path:
            yield required(place)
            continue
        try:
            steps, found = field_paths.followed(json_path, schema, allows_brackets=False)
        except field_paths.PathError as error:
            yield invalid(place, json_path, f"is an invalid path: {error}")
            continue
        if steps[:1] == ("metadata",):
            yield invalid(place, json_path, "must not point to fields in metadata")
        if found is None or found.get("type") not in ("string", "boolean", "integer"):
            yield invalid(place, json_path, _NOT_SCALAR)
        if steps in seen:
            yield duplicate(place, json_path)
        seen.add(steps)
    if len(seen) > MOST_SELECTABLE_FIELDS:
        yield too_many(path, len(seen), MOST_SELECTABLE_FIELDS)


_NO_SCHEMA_AT_ALL = "may only be set when validations.schema is included"
_NO_SCHEMA = "may only be set when `version.schema.openAPIV3Schema` is not included"
_NOT_SCALAR = (
    "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed."
)


def _judges(spec: Object, unchanged: Collection[str]) -> Mapping[str, Callable[[Version, str], Errors]]:
    """What each version has of its own, or all have in common."""
    return {
        "schema": partial(_schema, spec, unchanged),
        "subresources": _subresources,
        "additionalPrinterColumns": _columns,
        "selectableFields": partial(_selectable_fields, spec),
    }


_COMMON_NAMES = {"schema": "validation"}


_BUNDLE = "conversion.webhook.clientConfig.caBundle"


def _conversion(conversion: Object, judges_bundle: bool) -> Errors:
    strategy, webhook = conversion.get("strategy", ""), conversion.get("webhook")
    config, versions = (webhook or {}).get("clientConfig"), (webhook or {}).get("conversionReviewVersions")
    if strategy not in ("None", "Webhook"):
        if not strategy:
            yield required("spec.conversion.strategy")
        else:
            yield not_supported("spec.conversion.strategy", strategy, ("None", "Webhook"))
    if strategy != "Webhook":
        for key, is_there in (
            ("webhookClientConfig", config is not None),
            ("conversionReviewVersions", bool(versions)),
        ):
            if is_there:
                yield forbidden(f"spec.conversion.{key}", "should not be set when strategy is not set to Webhook")
        return
    if config is None:
        yield required("spec.conversion.webhookClientConfig", "required when strategy is set to Webhook")
    else:
        yield from webhook_rules.client_config(config, "spec.conversion.webhookClientConfig")
        if judges_bundle:
            bundle = config.get("caBundle") or ""
            yield from webhook_rules.ca_bundle(bundle, "spec.conversion.webhookClientConfig.caBundle")
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
