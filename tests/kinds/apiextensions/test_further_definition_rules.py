"""What the shared parts and the conversion of a definition may not say, word for word."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "customresourcedefinitions.apiextensions.k8s.io"
LABEL = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end "
    "with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
SHOWN = (
    '[{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,"DeprecationWarning":null,"Schema":null,'
    '"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}]'
)
ROOT = {"type": "object", "properties": {"status": {"type": "object"}}}


def definition(version: Any, **spec: Any) -> Any:
    return {
        "metadata": {"name": "foos.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "foos", "singular": "foo", "kind": "Foo", "listKind": "FooList"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": copy.deepcopy(ROOT)}}
                | version
            ],
            **spec,
        },
    }


def webhook(config: Any, versions: list[str]) -> Any:
    return {"strategy": "Webhook", "webhook": {"clientConfig": config, "conversionReviewVersions": versions}}


REFUSALS: list[tuple[Any, list[str]]] = [
    (
        definition({"additionalPrinterColumns": [{"name": "A", "jsonPath": ".a"}]}),
        ["spec.additionalPrinterColumns[0].type: Required value: must be one of boolean,date,integer,number,string"],
    ),
    (
        definition(
            {},
            conversion=webhook({"service": {"name": "n", "port": 0, "path": "xy"}}, ["v1", "v1", "V2"]),
        ),
        [
            "spec.conversion.webhookClientConfig.service.name: Required value",
            "spec.conversion.webhookClientConfig.service.path: Invalid value: \"xy\": must start with a '/'",
            'spec.conversion.conversionReviewVersions[1]: Invalid value: "v1": duplicate version',
            f'spec.conversion.conversionReviewVersions[2]: Invalid value: "V2": {LABEL}',
        ],
    ),
    (
        definition({"subresources": {"status": {}}, "schema": {"openAPIV3Schema": {"type": "string"}}}),
        [
            'spec.validation.openAPIV3Schema.type: Invalid value: "string": only "object" is allowed as the type at the root '
            "of the schema if the status subresource is enabled",
            'spec.validation.openAPIV3Schema.type: Invalid value: "string": must be object at the root',
        ],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_definition_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert [text for text in refused(KIND, sent) if "port" not in text] == texts


def test_versions_are_shown_without_what_they_have_in_common(refused: Refused) -> None:
    told = refused(KIND, definition({"storage": False}))

    assert f"spec.versions: Invalid value: {SHOWN}: must have exactly one version marked as storage version" in told


def test_schemas_that_are_only_a_boolean_are_shown_too(refused: Refused) -> None:
    schema = {
        "openAPIV3Schema": {"type": "object", "maxProperties": 1, "properties": {"a": {"additionalProperties": True}}}
    }

    told = refused(KIND, definition({"subresources": {"status": {}}, "schema": schema}))

    assert '"AdditionalProperties":{"Allows":true,"Schema":null}' in told[0]
    assert " fields are allowed at the root of the schema if the status subresource is enabled" in told[0]
