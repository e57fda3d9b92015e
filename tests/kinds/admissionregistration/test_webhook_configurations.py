from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "validatingwebhookconfigurations.admissionregistration.k8s.io"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {"webhooks": [{"name": "short", "clientConfig": {}}]},
        [
            'webhooks[0].name: Invalid value: "short": should be a domain with at least three segments separated by dots',
            "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun",
            "webhooks[0].clientConfig: Required value: exactly one of url or service is required",
            "webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1",
        ],
    ),
    (
        {
            "webhooks": [
                {
                    "name": "a.b.c",
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "clientConfig": {"url": "https://user@x/y?z=1#f"},
                },
                {
                    "name": "a.b.c",
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "clientConfig": {"service": {"name": "s", "namespace": "n", "path": "x", "port": 0}},
                },
            ]
        },
        [
            'webhooks[0].clientConfig.url: Invalid value: "user": user information is not permitted in the URL',
            'webhooks[0].clientConfig.url: Invalid value: "f": fragments are not permitted in the URL',
            'webhooks[0].clientConfig.url: Invalid value: "z=1": query parameters are not permitted in the URL',
            "webhooks[1].clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive",
            "webhooks[1].clientConfig.service.path: Invalid value: \"x\": must start with a '/'",
            'webhooks[1].clientConfig.service.path: Invalid value: "x": segment[0] may not be empty',
            'webhooks[1].name: Duplicate value: "a.b.c"',
        ],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_webhook_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


def test_rules_of_a_mutating_webhook_are_judged(refused: Refused) -> None:
    rule = {
        "operations": ["READ", "*"],
        "apiGroups": [],
        "apiVersions": [""],
        "resources": ["*", "pods"],
        "scope": "Some",
    }
    webhook = {
        "name": "a.b.c",
        "admissionReviewVersions": ["v9"],
        "sideEffects": "None",
        "reinvocationPolicy": "Often",
        "clientConfig": {"url": "https://x"},
        "rules": [rule],
    }

    assert refused("mutatingwebhookconfigurations.admissionregistration.k8s.io", {"webhooks": [webhook]}) == [
        'webhooks[0].rules[0].operations: Invalid value: ["READ","*"]: if \'*\' is present, must not specify other operations',
        'webhooks[0].rules[0].operations[0]: Unsupported value: "READ": supported values: '
        '"*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
        "webhooks[0].rules[0].apiGroups: Required value",
        "webhooks[0].rules[0].apiVersions[0]: Required value",
        'webhooks[0].rules[0].resources: Invalid value: ["*","pods"]: '
        "if '*' is present, must not specify other resources without subresources",
        'webhooks[0].rules[0].scope: Unsupported value: "Some": supported values: "*", "Cluster", "Namespaced"',
        'webhooks[0].reinvocationPolicy: Unsupported value: "Often": supported values: "IfNeeded", "Never"',
        'webhooks[0].admissionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1',
    ]


def test_policy_that_says_nothing_is_refused(refused: Refused) -> None:
    assert refused("validatingadmissionpolicies.admissionregistration.k8s.io", {"spec": {}}) == [
        "spec.matchConstraints: Required value",
        "spec.validations: Required value: validations or auditAnnotations must contain at least one item",
        "spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item",
    ]


def _webhook(**parts: Any) -> Any:
    config = {"url": "https://x.example.com/"}
    whole = {"name": "a.b.c", "admissionReviewVersions": ["v1"], "sideEffects": "None", "clientConfig": config, **parts}
    return {"webhooks": [whole]}


def _rule(**parts: Any) -> Any:
    rule = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["pods"], **parts}
    return _webhook(rules=[rule])


URL = "webhooks[0].clientConfig.url: Required value: url must be a valid URL: parse"
FORM = "; desired format: https://host[/path]"
MORE_REFUSALS: list[tuple[Any, list[str]]] = [
    (_webhook(clientConfig={"service": {"name": "s"}}), ["webhooks[0].clientConfig.service.name: Required value"]),
    (
        _webhook(clientConfig={"service": {"namespace": "n"}}),
        ["webhooks[0].clientConfig.service.namespace: Required value"],
    ),
    (_webhook(clientConfig={"url": "::"}), [f'{URL} "::": missing protocol scheme{FORM}']),
    (_webhook(clientConfig={"url": "https://[::1"}), [f"""{URL} "https://[::1": missing ']' in host{FORM}"""]),
    (
        _webhook(failurePolicy="", matchPolicy=""),
        [
            'webhooks[0].failurePolicy: Unsupported value: "": supported values: "Fail", "Ignore"',
            'webhooks[0].matchPolicy: Unsupported value: "": supported values: "Equivalent", "Exact"',
        ],
    ),
    (
        _rule(scope=""),
        ['webhooks[0].rules[0].scope: Unsupported value: "": supported values: "*", "Cluster", "Namespaced"'],
    ),
    (_rule(resources=["", "*"]), ["webhooks[0].rules[0].resources[0]: Required value"]),
    (_rule(resources=["pods", "*"]), []),
    (
        _rule(resources=["*", "pods"]),
        [
            'webhooks[0].rules[0].resources: Invalid value: ["*","pods"]: if \'*\' is present, must not specify other resources '
            "without subresources"
        ],
    ),
    (
        _webhook(matchConditions=[{"name": f"c{i}", "expression": "true" if i else ""} for i in range(65)]),
        [
            "webhooks[0].matchConditions: Too many: 65: must have at most 64 items",
            "webhooks[0].matchConditions[0].expression: Required value",
        ],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), MORE_REFUSALS)
def test_one_webhook_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


def test_binding_may_not_leave_open_what_happens_without_parameters(refused: Refused) -> None:
    spec = {
        "policyName": "p",
        "paramRef": {"name": "n", "parameterNotFoundAction": "x"},
        "matchResources": {"matchPolicy": ""},
    }

    assert refused("mutatingadmissionpolicybindings.admissionregistration.k8s.io", {"spec": spec}) == [
        'spec.paramRef.parameterNotFoundAction: Unsupported value: "x": supported values: "Deny", "Allow"',
        'spec.matchResources.matchPolicy: Unsupported value: "": supported values: "Equivalent", "Exact"',
    ]


def test_annotations_are_judged_even_where_there_are_too_many(refused: Refused) -> None:
    spec = {
        "matchConstraints": {
            "resourceRules": [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}]
        }
    }
    annotations = [{"key": f"k{i % 20}", "valueExpression": "'a'"} for i in range(21)]

    errors = refused(
        "validatingadmissionpolicies.admissionregistration.k8s.io", {"spec": {**spec, "auditAnnotations": annotations}}
    )

    assert [error.rpartition(": ")[2] for error in errors] == ["must not have more than 20 auditAnnotations", '"k0"']


def test_annotations_without_a_key_are_told_apart_as_well(refused: Refused) -> None:
    annotations = [{"valueExpression": "'a'"}] * 2

    errors = refused(
        "validatingadmissionpolicies.admissionregistration.k8s.io", {"spec": {"auditAnnotations": annotations}}
    )

    assert errors[-1] == 'spec.auditAnnotations[1].key: Duplicate value: ""'
