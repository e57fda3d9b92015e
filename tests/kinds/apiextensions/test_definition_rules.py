from __future__ import annotations

from typing import Any

import pytest

from fakekube.kinds.apiextensions.definition_rules import (
    validate_create,
    validate_status_update,
    validate_update,
    warnings,
)

Object = dict[str, Any]


def version(name: str = "v1", **fields: Any) -> Object:
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": SPEC}}}}
    return {"name": name, "served": True, "storage": name == "v1", "schema": schema, **fields}


SPEC = {"a": {"type": "string"}, "o": {"type": "object"}, "l": {"type": "array", "items": {"type": "string"}}}


def definition(**spec: Any) -> Object:
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    whole = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version()]}
    return {
        "metadata": {"name": "widgets.example.com"},
        "spec": {**whole, "conversion": {"strategy": "None"}, **spec},
        "status": {"storedVersions": ["v1"], "conditions": [{"type": "Established", "status": "True"}]},
    }


def told(definition: Object) -> list[str]:
    return [str(error) for error in validate_create(definition)]


def test_a_good_definition_is_taken() -> None:
    assert told(definition()) == []


def test_an_empty_definition_lacks_everything() -> None:
    assert told({"metadata": {"name": "x"}}) == [
        'metadata.name: Invalid value: "x": must be spec.names.plural+"."+spec.group',
        "spec.group: Required value",
        "spec.scope: Required value",
        "spec.versions: Invalid value: null: must have exactly one version marked as storage version",
        "spec.names.plural: Required value",
        "spec.names.singular: Required value",
        "spec.names.kind: Required value",
        "spec.names.listKind: Required value",
        "spec.conversion.strategy: Required value",
        "status.storedVersions: Invalid value: null: must have at least one stored version",
    ]


def test_what_all_versions_share_is_told_once_at_the_top() -> None:
    columns = [{"name": "A", "type": "text", "jsonPath": "spec.a"}]
    both = [version("v1", additionalPrinterColumns=columns), version("v2", additionalPrinterColumns=columns)]
    assert told(definition(versions=both)) == [
        'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string',
        'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "spec.a": must be a simple json path starting with .',
    ]
    assert told(definition(versions=[both[0], version("v2")]))[0].startswith(
        "spec.versions[0].additionalPrinterColumns[0]"
    )


def test_paths_of_a_scale_lie_where_they_should() -> None:
    scale = {"specReplicasPath": "spec.x", "statusReplicasPath": ".spec.x", "labelSelectorPath": ".metadata.x"}
    assert told(definition(versions=[version(subresources={"scale": scale})])) == [
        'spec.subresources.scale.specReplicasPath: Invalid value: "spec.x": must be a simple json path starting with .',
        'spec.subresources.scale.statusReplicasPath: Invalid value: ".spec.x": should be a json path under .status',
        'spec.subresources.scale.labelSelectorPath: Invalid value: ".metadata.x": should be a json path under either .spec or .status',
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".spec.none", "is an invalid path: does not refer to a valid field"),
        ("spec.a", "is an invalid path: expected [ or . but got: spec"),
        (".spec.l[0]", "is an invalid path: array notation is not allowed"),
        (".metadata.name", "is an invalid path: does not refer to a valid field"),
        (
            ".spec.o",
            "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.",
        ),
    ],
)
def test_selectable_fields_are_scalars_of_the_schema(path: str, text: str) -> None:
    errors = told(definition(versions=[version(selectableFields=[{"jsonPath": path}])]))
    assert errors == [f'spec.selectableFields[0].jsonPath: Invalid value: "{path}": {text}']


def test_groups_of_kubernetes_want_consent() -> None:
    protected = definition(group="x.k8s.io")
    protected["metadata"] = {"name": "widgets.x.k8s.io"}
    (error,) = told(protected)
    assert error.startswith("metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups")
    protected["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, for a test"}
    assert told(protected) == []


@pytest.mark.parametrize(
    ("consent", "is_one"),
    [
        ("https://a/b", True),
        ("a/b", False),
        ("https:///x", False),
        ("http://[x", False),
        ("https://a b/c", False),
        ("http://a/%zz", False),
    ],
)
def test_consent_is_a_url_as_go_reads_them(consent: str, is_one: bool) -> None:
    protected = definition(group="x.k8s.io")
    protected["metadata"] = {"name": "widgets.x.k8s.io", "annotations": {"api-approved.kubernetes.io": consent}}
    assert (told(protected) == []) is is_one


def test_a_webhook_says_where_it_is_and_what_it_understands() -> None:
    webhook = {"clientConfig": {"url": "https://x"}, "conversionReviewVersions": ["v7"]}
    assert told(definition(conversion={"strategy": "Webhook", "webhook": webhook})) == [
        'spec.conversion.conversionReviewVersions: Invalid value: ["v7"]: must include at least one of v1, v1beta1'
    ]


def test_a_stored_version_may_not_leave() -> None:
    renamed = definition(versions=[version("v2", storage=True)])
    renamed["status"]["storedVersions"] = ["v1", "v2"]
    (error,) = validate_update(renamed, definition())
    assert str(error).startswith('status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was')


def test_what_an_established_definition_is_called_and_where_it_lives_stays() -> None:
    new = definition(scope="Cluster", group="other.com")
    assert [str(error) for error in validate_update(new, definition())] == [
        'spec.scope: Invalid value: "Cluster": field is immutable',
        'spec.group: Invalid value: "other.com": field is immutable',
    ]


@pytest.mark.parametrize(
    ("deprecation", "text"),
    [
        ({"deprecationWarning": "x"}, "can only be set for deprecated versions"),
        ({"deprecated": True, "deprecationWarning": ""}, "must not be an empty string"),
        ({"deprecated": True, "deprecationWarning": "x" * 257}, "must be <= 256 characters long"),
        (
            {"deprecated": True, "deprecationWarning": "\u00e4\n"},
            "must only contain printable UTF-8 characters; non-printable character found at index 2",
        ),
    ],
)
def test_a_deprecation_is_told_in_a_line(deprecation: Object, text: str) -> None:
    [error] = told(definition(versions=[version(**deprecation)]))
    assert error.startswith("spec.versions[0].deprecationWarning: Invalid value: ")
    assert error.endswith(f": {text}")


def test_selectable_fields_are_looked_for_in_the_schema_that_stands_beside_them() -> None:
    fields = [{"jsonPath": ".spec.a"}]
    other = {"openAPIV3Schema": {"type": "object"}}
    errors = told(
        definition(versions=[version(selectableFields=fields), version("v2", selectableFields=fields, schema=other)])
    )
    assert errors == ['spec.selectableFields: Invalid value: "": may only be set when validations.schema is included']
    errors = told(definition(versions=[version(selectableFields=fields), version("v2")]))
    assert errors == [
        'spec.versions[0].selectableFields: Invalid value: "": may only be set when `version.schema.openAPIV3Schema` is not included'
    ]


def test_a_status_in_any_version_binds_the_root_of_a_shared_schema() -> None:
    schema = {"openAPIV3Schema": {"type": "object", "oneOf": [{"required": ["spec"]}]}}
    with_status = version("v2", schema=schema, subresources={"status": {}})
    [error] = told(definition(versions=[version(schema=schema), with_status]))
    assert error.startswith("spec.validation.openAPIV3Schema: Invalid value: {")


def test_unknown_fields_that_are_kept_forbid_defaults_and_webhooks() -> None:
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"a": {"type": "string", "default": "x"}}}}
    webhook = {"clientConfig": {"url": "https://example.com"}, "conversionReviewVersions": ["v1"]}
    errors = told(
        definition(
            preserveUnknownFields=True,
            versions=[version(schema=schema)],
            conversion={"strategy": "Webhook", "webhook": webhook},
        )
    )
    assert [error.split(": ")[-1] for error in errors[:2]] == [
        "must be false in order to use defaults in the schema",
        "must be None if spec.preserveUnknownFields is true",
    ]


def test_formats_that_nobody_knows_are_warned_of_when_they_come() -> None:
    properties = {
        "a": {"type": "string", "format": "date-time"},
        "b": {"type": "string", "format": "color"},
        "c": {"type": "integer", "format": "int16"},
        "d": {"type": "boolean", "format": "int32"},
    }
    new = definition(versions=[version(schema={"openAPIV3Schema": {"type": "object", "properties": properties}})])
    told_of = ['unrecognized format "color"', 'unrecognized format "int16"', 'unrecognized format "int32"']
    assert warnings(new, None) == told_of
    assert warnings(new, definition()) == told_of
    assert warnings(new, new) == []


def test_the_certificates_of_a_webhook_are_read_once_the_definition_is_established() -> None:
    client = {"url": "https://example.com", "caBundle": "YQ=="}
    webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
    new = definition(conversion={"strategy": "Webhook", "webhook": webhook})
    assert told(new) == []
    [error] = validate_update(new, definition())
    assert str(error) == (
        'spec.conversion.webhookClientConfig.caBundle: Invalid value: "YQ==": unable to load root certificates: '
        "unable to parse bytes as PEM block"
    )
    assert validate_update(new, new) == []


def test_through_its_status_nothing_but_accepted_names_is_judged() -> None:
    new = {**definition(), "status": {"storedVersions": ["gone"], "acceptedNames": {"kind": "W_", "plural": "x"}}}
    [error] = validate_status_update(new, definition())
    assert str(error).startswith('status.acceptedNames.kind: Invalid value: "W_": may have mixed case, but')


def test_consent_is_asked_for_when_the_annotation_says_something_else() -> None:
    ours, theirs = definition(), definition(group="example.k8s.io")
    assert [str(error).split(": ")[0] for error in validate_update(theirs, ours)] == ["spec.group"]
