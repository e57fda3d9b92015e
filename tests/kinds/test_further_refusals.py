"""Rules that were found by asking the real validation; each refusal word for word, in its order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fakekube.kinds.events import event

Refused = Callable[..., list[str]]

QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
    "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
    "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
    "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
    "must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
    "regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)

REFUSALS: list[tuple[str, Any, list[str]]] = [
    (
        "flowschemas.flowcontrol.apiserver.k8s.io",
        {
            "spec": {
                "matchingPrecedence": 5,
                "priorityLevelConfiguration": {"name": "l"},
                "distinguisherMethod": {"type": "Magic"},
            }
        },
        [
            (
                'spec.distinguisherMethod.type: Unsupported value: {"Type":"Magic"}: supported values: '
                '"ByNamespace", "ByUser"'
            )
        ],
    ),
    (
        "flowschemas.flowcontrol.apiserver.k8s.io",
        {
            "spec": {
                "matchingPrecedence": 5,
                "priorityLevelConfiguration": {"name": "l"},
                "rules": [
                    {
                        "subjects": [{"kind": "User", "group": {"name": "g"}}],
                        "nonResourceRules": [{"verbs": ["get", "head"], "nonResourceURLs": ["/", "/a*"]}],
                        "resourceRules": [
                            {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["a_b"]}
                        ],
                    }
                ],
            }
        },
        [
            "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'",
            "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'",
            (
                'spec.rules[0].resourceRules[0].namespaces[0]: Invalid value: "a_b": each member of this list '
                "must be '*' or a DNS-1123 label; "
            )
            + LABEL,
            (
                'spec.rules[0].nonResourceRules[0].verbs: Unsupported value: ["get","head"]: supported values: '
                '"create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"'
            ),
            (
                'spec.rules[0].nonResourceRules[0].nonResourceURLs[1]: Invalid value: "/a*": wildcard can only '
                "do suffix matching"
            ),
        ],
    ),
    (
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        {
            "spec": {
                "type": "Limited",
                "limited": {"nominalConcurrencyShares": -1, "lendablePercent": 101, "borrowingLimitPercent": -1},
            }
        },
        [
            "spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer",
            'spec.limited.limitResponse.type: Unsupported value: "": supported values: "Queue", "Reject"',
            "spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive",
            ("spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer"),
        ],
    ),
    (
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        {
            "spec": {
                "type": "Limited",
                "exempt": {},
                "limited": {
                    "limitResponse": {
                        "type": "Queue",
                        "queuing": {"queues": 10000001, "handSize": -1, "queueLengthLimit": -1},
                    }
                },
            }
        },
        [
            "spec.exempt: Forbidden: must be nil if the type is Limited",
            "spec.limited.limitResponse.queuing.queueLengthLimit: Invalid value: -1: must be positive",
            ("spec.limited.limitResponse.queuing.queues: Invalid value: 10000001: must not be greater than 10000000"),
            "spec.limited.limitResponse.queuing.handSize: Invalid value: -1: must be positive",
        ],
    ),
    (
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        {
            "spec": {
                "type": "Limited",
                "limited": {
                    "limitResponse": {"type": "Queue", "queuing": {"queues": 64, "handSize": 11, "queueLengthLimit": 5}}
                },
            }
        },
        [
            (
                "spec.limited.limitResponse.queuing.handSize: Invalid value: 11: required entropy bits of "
                "deckSize 64 and handSize 11 should not be greater than 60"
            )
        ],
    ),
    (
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        {
            "metadata": {"annotations": {"flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares": ""}},
            "spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}},
        },
        [
            (
                "metadata.annotations: Forbidden: annotation "
                "'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares' is forbidden"
            )
        ],
    ),
    (
        "horizontalpodautoscalers.autoscaling",
        {
            "spec": {
                "maxReplicas": 2,
                "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"},
                "metrics": [
                    {
                        "type": "ContainerResource",
                        "containerResource": {
                            "name": "disk",
                            "container": "A",
                            "target": {"type": "Utilization", "averageUtilization": 1},
                        },
                    }
                ],
            }
        },
        [
            (
                'spec.metrics[0].containerResource.name: Invalid value: "disk": must be a standard resource '
                "type or fully qualified"
            ),
            (
                'spec.metrics[0].containerResource.name: Invalid value: "disk": must be a standard resource for '
                "containers"
            ),
            'spec.metrics[0].containerResource.container: Invalid value: "A": ' + LABEL,
        ],
    ),
    (
        "horizontalpodautoscalers.autoscaling",
        {
            "spec": {
                "maxReplicas": 2,
                "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"},
                "behavior": {
                    "scaleUp": {"selectPolicy": "", "policies": [{"type": "Pods", "value": 1, "periodSeconds": 1}]}
                },
            }
        },
        [('spec.behavior.scaleUp.selectPolicy: Unsupported value: "": supported values: "Disabled", "Max", "Min"')],
    ),
    (
        "horizontalpodautoscalers.autoscaling",
        {
            "spec": {
                "maxReplicas": 2,
                "scaleTargetRef": {"kind": "ReplicationController", "name": "r", "apiVersion": "v1"},
            }
        },
        [],
    ),
    (
        "ingresses.networking.k8s.io",
        {"spec": {"rules": []}},
        ["spec: Invalid value: []: either `defaultBackend` or `rules` must be specified"],
    ),
    (
        "ingresses.networking.k8s.io",
        {
            "metadata": {"annotations": {"kubernetes.io/ingress.class": "a"}},
            "spec": {
                "ingressClassName": "b",
                "defaultBackend": {"resource": {"apiGroup": "", "kind": "K", "name": "n"}},
            },
        },
        [
            'spec.defaultBackend.resource.apiGroup: Invalid value: "": ' + SUBDOMAIN,
            (
                'annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` '
                "when both are specified"
            ),
        ],
    ),
    (
        "ingressclasses.networking.k8s.io",
        {"spec": {"controller": "A_/b c", "parameters": {"apiGroup": "", "kind": "K", "name": "n", "scope": ""}}},
        [
            'spec.controller: Invalid value: "A_": ' + SUBDOMAIN,
            (
                'spec.controller: Invalid value: "b c": Invalid path (regex used for validation is '
                "'[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"
            ),
            'spec.parameters.apiGroup: Invalid value: "": ' + SUBDOMAIN,
            'spec.parameters.scope: Unsupported value: "": supported values: "Cluster", "Namespace"',
        ],
    ),
    (
        "ingressclasses.networking.k8s.io",
        {
            "spec": {
                "controller": "a.b/c",
                "parameters": {"kind": "K", "name": "n", "scope": "Namespace", "namespace": ""},
            }
        },
        ['spec.parameters.namespace: Invalid value: "": ' + LABEL],
    ),
    (
        "servicecidrs.networking.k8s.io",
        {"spec": {"cidrs": ["10.0.0.0/24", "10.1.0.0/24", "10.2.0.0/24"]}},
        [
            (
                'spec.cidrs: Invalid value: {"CIDRs":["10.0.0.0/24","10.1.0.0/24","10.2.0.0/24"]}: may only '
                "hold up to 2 values"
            )
        ],
    ),
    (
        "servicecidrs.networking.k8s.io",
        {"spec": {"cidrs": ["FD00::/64", "fd01:0::/64"]}},
        [
            'spec.cidrs[0]: Invalid value: "FD00::/64": must be in canonical form ("fd00::/64")',
            'spec.cidrs[1]: Invalid value: "fd01:0::/64": must be in canonical form ("fd01::/64")',
            (
                'spec.cidrs: Invalid value: ["FD00::/64","fd01:0::/64"]: may specify no more than one IP for '
                "each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
            ),
        ],
    ),
    (
        "networkpolicies.networking.k8s.io",
        {
            "spec": {
                "ingress": [
                    {
                        "ports": [
                            {"protocol": "", "port": "a b", "endPort": 5},
                            {"port": 90, "endPort": 80},
                            {"port": 0, "endPort": 65536},
                            {"endPort": 1},
                        ]
                    }
                ]
            }
        },
        [
            ('spec.ingress[0].ports[0].protocol: Unsupported value: "": supported values: "TCP", "UDP", "SCTP"'),
            ("spec.ingress[0].ports[0].endPort: Invalid value: 5: may not be specified when `port` is non-numeric"),
            (
                'spec.ingress[0].ports[0].port: Invalid value: "a b": must contain only alpha-numeric '
                "characters (a-z, 0-9), and hyphens (-)"
            ),
            "spec.ingress[0].ports[1].endPort: Invalid value: 90: must be greater than or equal to `port`",
            "spec.ingress[0].ports[2].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            "spec.ingress[0].ports[2].endPort: Invalid value: 65536: must be between 1 and 65535, inclusive",
            ("spec.ingress[0].ports[3].endPort: Invalid value: 1: may not be specified when `port` is not specified"),
        ],
    ),
    (
        "networkpolicies.networking.k8s.io",
        {"spec": {"ingress": [{"from": [{"ipBlock": {"cidr": "x", "except": ["y"]}}]}]}},
        [
            (
                'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "x": must be a valid CIDR value, (e.g. '
                "10.9.8.0/24 or 2001:db8::/64)"
            )
        ],
    ),
    (
        "endpointslices.discovery.k8s.io",
        {
            "addressType": "X",
            "endpoints": [{"addresses": []}, {"addresses": ["a"], "hostname": "A"}],
            "ports": [{"protocol": ""}],
        },
        [
            'addressType: Unsupported value: "X": supported values: "FQDN", "IPv4", "IPv6"',
            'ports[0].protocol: Unsupported value: "": supported values: "SCTP", "TCP", "UDP"',
            "endpoints[0].addresses: Required value: must contain at least 1 address",
            'endpoints[1].hostname: Invalid value: "A": ' + LABEL,
        ],
    ),
    (
        "endpointslices.discovery.k8s.io",
        {"addressType": "FQDN", "endpoints": [{"addresses": ["", "a.", "a_.b", "a.b."]}]},
        [
            "endpoints[0].addresses[0]: Required value",
            (
                'endpoints[0].addresses[1]: Invalid value: "a": should be a domain with at least two segments '
                "separated by dots"
            ),
            'endpoints[0].addresses[2]: Invalid value: "a_.b": ' + SUBDOMAIN,
        ],
    ),
    (
        "endpointslices.discovery.k8s.io",
        {
            "addressType": "IPv6",
            "endpoints": [
                {
                    "addresses": ["FD00::1"],
                    "deprecatedTopology": {"a b": "c"},
                    "hints": {"forZones": [{"name": "z"}, {"name": "z"}, {"name": "a b"}], "forNodes": [{"name": ""}]},
                }
            ],
        },
        [
            'endpoints[0].addresses[0]: Invalid value: "FD00::1": must be in canonical form ("fd00::1")',
            'endpoints[0].hints.forZones[1].name: Duplicate value: "z"',
            'endpoints[0].hints.forZones[2].name: Invalid value: "a b": ' + VALUE,
            'endpoints[0].hints.forNodes[0].name: Invalid value: "": ' + SUBDOMAIN,
        ],
    ),
    (
        "endpointslices.discovery.k8s.io",
        {
            "addressType": "IPv4",
            "endpoints": [
                {
                    "addresses": ["10.0.0.1"],
                    "hints": {
                        "forZones": [
                            {"name": "0"},
                            {"name": "1"},
                            {"name": "2"},
                            {"name": "3"},
                            {"name": "4"},
                            {"name": "5"},
                            {"name": "6"},
                            {"name": "7"},
                            {"name": "8"},
                        ],
                        "forNodes": [{"name": ""}],
                    },
                }
            ],
        },
        ["endpoints[0].hints.forZones: Too many: 9: must have at most 8 items"],
    ),
    ("priorityclasses.scheduling.k8s.io", {"value": 1, "preemptionPolicy": ""}, ["preemptionPolicy: Required value"]),
    (
        "poddisruptionbudgets.policy",
        {"spec": {"unhealthyPodEvictionPolicy": ""}},
        [
            (
                'spec.unhealthyPodEvictionPolicy: Unsupported value: "": supported values: "AlwaysAllow", '
                '"IfHealthyBudget"'
            )
        ],
    ),
    (
        "runtimeclasses.node.k8s.io",
        {
            "handler": "h",
            "overhead": {"podFixed": {"a b": "1"}},
            "scheduling": {
                "tolerations": [
                    {"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1},
                    {"key": "k", "operator": "Exists", "effect": "NoExecute"},
                ]
            },
        },
        [
            'overhead.limits[a b]: Invalid value: "a b": ' + QUALIFIED,
            'overhead.limits[a b]: Invalid value: "a b": must be a standard resource for containers',
            (
                "scheduling.tolerations[1]: Duplicate value: "
                '{"Key":"k","Operator":"Exists","Value":"","Effect":"NoExecute","TolerationSeconds":null}'
            ),
        ],
    ),
    (
        "pods",
        {
            "spec": {
                "containers": [
                    {
                        "name": "c",
                        "image": "i",
                        "volumeDevices": [{"name": "v", "devicePath": ""}, {"name": "w", "devicePath": ""}],
                    }
                ],
                "initContainers": [{"name": "i", "image": "i", "restartPolicyRules": [{"action": "Jump"}]}],
                "volumes": [{"name": name, "persistentVolumeClaim": {"claimName": "c"}} for name in ("v", "w")],
                "preemptionPolicy": "",
            }
        },
        [
            "spec.containers[0].volumeDevices[0].devicePath: Required value",
            "spec.containers[0].volumeDevices[1].devicePath: Required value",
            'spec.containers[0].volumeDevices[1].devicePath: Invalid value: "": must be unique',
            "spec.initContainers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used",
            "spec.preemptionPolicy: Required value",
        ],
    ),
    (
        "persistentvolumeclaims",
        {
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
                "volumeMode": "",
            }
        },
        ['spec.volumeMode: Unsupported value: "": supported values: "Block", "Filesystem"'],
    ),
    (
        "jobs.batch",
        {
            "spec": {
                "podFailurePolicy": {"rules": [{"action": "X", "onPodConditions": [{"type": "A", "status": "True"}]}]},
                "successPolicy": {},
                "template": {"spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}},
            }
        },
        [
            'spec.podFailurePolicy.rules[0].action: Unsupported value: "X": supported values: '
            '"Count", "FailIndex", "FailJob", "Ignore"',
            'spec.successPolicy: Invalid value: {"Rules":null}: requires indexed completion mode',
        ],
    ),
    (
        "limitranges",
        {"spec": {"limits": [{"type": "<x>"}]}},
        [f'spec.limits[0].type: Invalid value: "\\u003cx\\u003e": {QUALIFIED}'],
    ),
    (
        "resourcequotas",
        {"spec": {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "<"}]}}},
        ['spec.scopeSelector.matchExpressions.operator: Invalid value: "\\u003c": not a valid selector operator'],
    ),
    (
        "ingressclasses.networking.k8s.io",
        {"spec": {"controller": "acme.io/foo", "parameters": {"kind": "K", "name": "n", "scope": "<"}}},
        ['spec.parameters.scope: Unsupported value: "<": supported values: "Cluster", "Namespace"'],
    ),
    (
        "persistentvolumes",
        {
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "quobyte": {"registry": "a,b,:80,[::1]:80", "volume": "v"},
            }
        },
        2
        * [
            'spec.quobyte.registry: Invalid value: "a,b,:80,[::1]:80": '
            "must be a host:port pair or multiple pairs separated by commas"
        ],
    ),
    (
        "pods",
        {
            "spec": {
                "volumes": [{"name": "v", "emptyDir": {}}],
                "containers": [
                    {
                        "name": "c",
                        "image": "i",
                        "volumeMounts": [
                            {
                                "name": "v",
                                "mountPath": "/v",
                                "readOnly": True,
                                "recursiveReadOnly": "Enabled",
                                "mountPropagation": "HostToContainer",
                            }
                        ],
                    }
                ],
            }
        },
        [
            "spec.containers[0].volumeMounts.recursiveReadOnly: Forbidden: "
            "may only be specified when mountPropagation is None or not specified"
        ],
    ),
]


@pytest.mark.parametrize(("kind", "sent", "texts"), REFUSALS)
def test_objects_are_refused_as_the_real_server_refuses_them(
    refused: Refused, kind: str, sent: Any, texts: list[str]
) -> None:
    assert refused(kind, sent) == texts


def test_namespace_of_what_a_claim_is_filled_from_is_one(refused_change: Refused) -> None:
    source = {"kind": "PersistentVolumeClaim", "name": "c"}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "dataSourceRef": source}

    told = refused_change(
        "persistentvolumeclaims", {"spec": spec}, {"spec": {**spec, "dataSourceRef": {**source, "namespace": "a.b"}}}
    )

    assert told[0] == 'spec.dataSourceRef.namespace: Invalid value: "a.b": must not contain dots'


def test_what_an_event_is_related_to_cannot_be_added_though_it_is_empty() -> None:
    told = [str(error) for error in event.validate_update({"related": {}}, {})]

    assert told == [
        'related: Invalid value: {"Kind":"","Namespace":"","Name":"","UID":"","APIVersion":"","ResourceVersion":"",'
        '"FieldPath":""}: field is immutable'
    ]


def test_grace_of_no_seconds_has_no_place_in_a_template(refused: Refused) -> None:
    template = {
        "spec": {
            "metadata": {"deletionGracePeriodSeconds": 0, "generateName": ""},
            "spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "gpu"}}]}},
        }
    }

    told = refused("resourceclaimtemplates.resource.k8s.io", template)

    assert told == ["spec.metadata.deletionGracePeriodSeconds: Forbidden: cannot be set"]
